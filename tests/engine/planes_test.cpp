// Collectives and steps on planes, rails without spines, twisted tori and slices: times in closed
// form, folded = full, and what one slower link changes.

#include "topologies/clos/planes.h"

#include <algorithm>
#include <set>

#include <gtest/gtest.h>

#include "sim/plan/fold.h"
#include "tests/clos_of.h"
#include "tests/engine/folded_is_full.h"
#include "tests/engine/machines.h"
#include "topologies/network.h"

namespace gridlock {

namespace {

constexpr double kBytes = 1e9;

enum class PlaneKind { kShared, kSplit, kSplitHashed, kRailOnly, kForwarding };

SiteSpec PlaneSite(const ServerSpec& server, int servers, int per_leaf, PlaneKind kind) {
  SiteSpec site = ClosSite(server, {.servers = servers, .servers_per_leaf = per_leaf});
  ClosSpec& clos = ClosOf(site);
  clos.rail_optimized = true;
  const int rails = std::min(server.nics, server.accelerators);
  const int groups = (servers + per_leaf - 1) / per_leaf;
  clos.leaves_per_pod = groups * rails;
  switch (kind) {
    case PlaneKind::kShared:
      clos.planes = rails;
      clos.leaves_per_pod = groups;
      break;
    case PlaneKind::kSplitHashed:
      clos.routing = Routing::kEcmp;
      [[fallthrough]];
    case PlaneKind::kSplit:
      clos.planes = 2;
      clos.split_nics = true;
      break;
    case PlaneKind::kRailOnly:
      clos.tiers = 1;
      clos.servers_per_leaf = servers;
      [[fallthrough]];
    case PlaneKind::kForwarding:
      clos.rail_forwarding = true;
      break;
  }
  return site;
}

SiteSpec SliceSite(ServerSpec server, const std::vector<int>& size, const std::vector<int>& slice,
                   bool twisted) {
  SiteSpec site;
  site.path = "site";
  site.name = "test";
  server.direct = true;
  server.accelerators = 1;
  server.nics = 1;
  site.server = server;
  site.servers = 1;
  TorusSpec torus;
  for (const int s : size) {
    site.servers *= s;
    torus.block.push_back(1);
  }
  torus.path = "site.fabric.torus";
  torus.size = size;
  torus.slice = slice;
  torus.twisted = twisted;
  site.fabric = torus;
  return site;
}

// Halves the capacity of all links of a plan with a name that holds a text.
int Halve(const SiteSpec& site, const std::string& text, Plan& plan) {
  const Network network(site);
  const Topology& fabric = network.fabric(SiteIndex{0});
  // The resources of a plan are the links that some route crosses, in the order of their numbers.
  std::set<std::int32_t> used;
  for (int from = 0; from < fabric.accelerators(); ++from) {
    const int to = (from + fabric.server_size()) % fabric.accelerators();
    std::vector<LinkShare> shares;
    network.AppendShares({from}, {to}, {}, shares);
    for (const LinkShare& share : shares) {
      used.insert(share.link.value);
    }
  }
  // Before them stand ports of tensor-parallel groups, behind them the HBM of every accelerator.
  std::size_t resource =
      plan.resources.size() - static_cast<std::size_t>(fabric.accelerators()) - used.size();
  int halved = 0;
  for (const std::int32_t link : used) {
    if (fabric.name({link}).find(text) != std::string::npos) {
      plan.resources[resource].capacity = plan.resources[resource].capacity / 2;
      ++halved;
    }
    ++resource;
  }
  return halved;
}

}  // namespace

// Two rings of four servers, each in the rail of its accelerators: at the pace of a NIC in a plane
// of its own, and of both ports together where NICs are split.
TEST(RingsOfRails, RunAtThePaceOfTheirNicsOnPlanes) {
  const double seconds = 2.0 * 3 / 4 * kBytes / kNic;
  for (const PlaneKind kind :
       {PlaneKind::kShared, PlaneKind::kSplit, PlaneKind::kRailOnly, PlaneKind::kForwarding}) {
    const SiteSpec site = PlaneSite(IdealServer(2, 2), 4, 2, kind);
    const StepProgram program = OneAllReduce(2, 4, kBytes);
    EXPECT_NEAR(Simulate({program, Expand(program, site), site.server}).end, seconds,
                1e-9 * seconds);
  }
  // A hashed flow keeps to one port of half the bandwidth.
  const SiteSpec site = PlaneSite(IdealServer(2, 2), 4, 2, PlaneKind::kSplitHashed);
  const StepProgram program = OneAllReduce(2, 4, kBytes);
  EXPECT_GE(Simulate({program, Expand(program, site), site.server}).end, (2 - 1e-9) * seconds);
}

// Eight accelerators as two rings, each of a rail. A slower NIC port of plane 1 slows the flows
// that cross plane 1, those of the second accelerators, or half of every sprayed flow.
TEST(AHalvedLinkOfOnePlane, SlowsWhatCrossesThatPlane) {
  const double seconds = 2.0 * 3 / 4 * kBytes / kNic;
  for (const PlaneKind kind : {PlaneKind::kShared, PlaneKind::kSplit}) {
    const SiteSpec site = PlaneSite(IdealServer(2, 2), 4, 2, kind);
    const StepProgram both = OneAllReduce(2, 4, kBytes);
    StepProgram first = OneAllReduce(1, 4, kBytes);
    first.grid.domain_ranks = 1;  // the first accelerator of each server
    Plan of_both = Expand(both, site);
    EXPECT_EQ(Halve(site, "plane1.nic_up[0]", of_both), 1);
    EXPECT_NEAR(Simulate({both, of_both, site.server}).end, 2 * seconds, 1e-9 * seconds);
    if (kind == PlaneKind::kShared) {
      const Plan of_first = Expand(first, site);
      EXPECT_NEAR(Simulate({first, of_first, site.server}).end, seconds, 1e-9 * seconds);
      const Network network(site);
      for (const Plan::Resource& resource : of_first.resources) {
        EXPECT_NE(resource.tier, TierTable::kScaleUp);
      }
    }
  }
}

// Replicas along the long side: a ring each way, which the twist leaves alone.
TEST(RingsAlongTheLongSideOfATwistedTorus, RunAtThePaceOfTwoLinks) {
  const SiteSpec site = SliceSite(IdealServer(1, 1), {4, 8}, {}, true);
  const StepProgram program = OneAllReduce(4, 8, kBytes);
  const double link = site.server.accelerator.scale_up_bandwidth.si() / 4;
  const double seconds = 2.0 * 7 / 8 * kBytes / (2 * link);
  EXPECT_NEAR(Simulate({program, Expand(program, site), site.server}).end, seconds, 1e-9 * seconds);
}

// Replicas in two slices reach each other through NICs only.
TEST(RingsAcrossSlices, RunAtThePaceOfNics) {
  const SiteSpec site = SliceSite(IdealServer(1, 1), {4, 4}, {4, 2}, false);
  const StepProgram program = OneAllReduce(8, 2, kBytes);
  const Plan plan = Expand(program, site);
  const PlayResult result = Simulate({program, plan, site.server});
  EXPECT_NEAR(result.end, kBytes / kNic, 1e-9 * result.end);
  EXPECT_EQ(result.bytes[plan.tiers.Named("ring_x").value], 0);
}

TEST(FoldedPlanes, TakeTheStepOfTheFullOnes) {
  std::vector<SiteSpec> sites;
  for (const PlaneKind kind : {PlaneKind::kShared, PlaneKind::kSplit, PlaneKind::kSplitHashed,
                               PlaneKind::kRailOnly, PlaneKind::kForwarding}) {
    sites.push_back(PlaneSite(RealisticServer(4, 4), 6, 2, kind));
  }
  sites.push_back(PlaneSite(RealisticServer(4, 2), 5, 2, PlaneKind::kShared));
  sites.push_back(SliceSite(RealisticServer(1, 1), {2, 4}, {}, true));
  sites.push_back(SliceSite(RealisticServer(1, 1), {2, 2, 4}, {}, true));
  sites.push_back(SliceSite(RealisticServer(1, 1), {4, 4}, {4, 2}, false));
  ExpectFoldedIsFull(sites);
}

}  // namespace gridlock
