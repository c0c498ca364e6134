// Collectives and steps over the links inside servers: closed forms on meshes and on PCIe, folded =
// full, and what one slow link slows.

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "sim/plan/fold.h"
#include "tests/clos_of.h"
#include "tests/engine/machines.h"
#include "tests/hybrid_cube_mesh.h"
#include "topologies/network.h"
#include "topologies/scale_up/network.h"
#include "workloads/program/collective_test.h"

namespace gridlock {

namespace {

using Kind = CollectiveKind;

constexpr double kMeshLink = kScaleUp / 7;  // byte/s of a link of a full mesh of eight

ServerSpec Meshed(ServerSpec server, std::vector<MeshPair> pairs = {}) {
  server.network.path = "server.network";
  server.network.links = ScaleUpSpec::Links::kMesh;
  server.network.between = 1;
  server.network.pairs = std::move(pairs);
  server.ring_bandwidths = RingBandwidths(server);
  return server;
}

// 256 chips on a torus of 16 x 16, as in a TPU v5e.
ServerSpec Pod() {
  ServerSpec pod = IdealServer(256, 16);
  pod.network.path = "server.network";
  pod.network.links = ScaleUpSpec::Links::kMesh;
  pod.network.torus = {16, 16};
  pod.ring_bandwidths = RingBandwidths(pod);
  return pod;
}

// Two sockets with two switches each; half a port's bandwidth between the sockets.
ServerSpec OnPcie(ServerSpec server, bool through_host = false) {
  server.network.path = "server.network";
  server.network.links = ScaleUpSpec::Links::kNone;
  PcieSpec& pcie = server.network.pcie;
  pcie.given = true;
  pcie.sockets = 2;
  pcie.switches = 4;
  pcie.socket_link = BytesPerSecond(kScaleUp / 2);
  pcie.through_host = through_host;
  pcie.host_memory = BytesPerSecond(through_host ? kScaleUp : 0);
  server.ring_bandwidths = RingBandwidths(server);
  return server;
}

// As users may describe it: uneven links, a tree beside them, two tiers, any number of NICs.
std::vector<std::pair<std::string, ServerSpec>> AllKinds(const ServerSpec& base) {
  std::vector<std::pair<std::string, ServerSpec>> kinds;
  const auto add = [&](const char* name, ServerSpec server) {
    server.ring_bandwidths = RingBandwidths(server);
    kinds.emplace_back(name, std::move(server));
  };
  add("mesh", Meshed(base));
  add("a slow and a broken link", Meshed(base, {{0, 1, 1, 0.5}, {2, 5, 0}}));
  ServerSpec cube = Meshed(base, HybridCubeMesh());
  cube.network.between = 0;
  add("cube mesh", cube);
  add("PCIe", OnPcie(base));
  add("through host memory", OnPcie(base, /*through_host=*/true));
  ServerSpec pairs = OnPcie(base);
  pairs.network.links = ScaleUpSpec::Links::kMesh;
  pairs.network.pairs = {{0, 1, 1}, {2, 3, 1}, {4, 5, 1}, {6, 7, 1}};
  pairs.network.pcie.link = BytesPerSecond(kScaleUp / 10);
  add("bridged pairs", pairs);
  ServerSpec torus = Meshed(base);
  torus.network.between = 0;
  torus.network.torus = {4, 2};
  add("torus", torus);
  torus.network.torus.clear();
  for (int a = 0; a < 8; ++a) {
    torus.network.pairs.push_back({a, (a + 1) % 8, 1});
  }
  add("ring of pairs", torus);
  ServerSpec tiers = base;
  tiers.network.group = 4;
  tiers.network.oversubscription = 3;
  add("two tiers", tiers);
  ServerSpec nics = OnPcie(base);
  nics.nics = 3;
  nics.network.pcie.nics_at = {0, 0, 3};
  add("three NICs", nics);
  return kinds;
}

}  // namespace

TEST(AllReducesOnAMesh, RunOverAllLinksBetweenTheirMembers) {
  const SiteSpec site = OneLeafSite(Meshed(IdealServer(8, 8)), 1);
  for (const int n : {2, 3, 4, 7, 8}) {
    ExpectClose(TimeOf(TestOf(Kind::kAllReduce, "ring", n, 1e9), site),
                2.0 * (n - 1) / n * 1e9 / ((n - 1) * kMeshLink));
  }
}

// On a switch four members are faster than eight; on a mesh they have three links of seven.
TEST(AllReducesOnAMesh, OfFourTakeLongerThanThoseOfEight) {
  const SiteSpec mesh = OneLeafSite(Meshed(IdealServer(8, 8)), 1);
  const SiteSpec ports = OneLeafSite(IdealServer(8, 8), 1);
  const CollectiveTestSpec four = TestOf(Kind::kAllReduce, "ring", 4, 1e9);
  const CollectiveTestSpec eight = TestOf(Kind::kAllReduce, "ring", 8, 1e9);
  ExpectClose(TimeOf(four, mesh) / TimeOf(eight, mesh), 2.0);
  EXPECT_LT(TimeOf(four, ports), TimeOf(eight, ports));
}

// Two groups of four use six links each of one side; they do not meet.
TEST(AllReducesOnAMesh, OfTwoGroupsDoNotMeet) {
  const SiteSpec site = OneLeafSite(Meshed(IdealServer(8, 8)), 1);
  ExpectClose(TimeOf(TestOf(Kind::kAllReduce, "ring", 8, 1e9, 4), site), 1.5e9 / (3 * kMeshLink));
}

// Tensor parallelism along rows and sharded data along columns, as TPU jobs lie: both as fast.
TEST(CollectivesOnATorusInAServer, TakeAsLongInRowsAsInColumns) {
  const ServerSpec pod = Pod();
  const SiteSpec site = OneLeafSite(pod, 1);
  CollectiveTestSpec groups = TestOf(Kind::kAllGather, "ring", 256, 1e9, 16);
  const double seconds = 15.0 / 16 * 1e9 / (2 * kScaleUp / 4);
  ExpectClose(TimeOf(groups, site), seconds);
  groups.group_stride = 16;
  ExpectClose(TimeOf(groups, site), seconds);
  ExpectClose(TimeOf(TestOf(Kind::kAllGather, "ring", 256, 1e9), site),
              255.0 / 256 * 1e9 / kScaleUp);
}

// Short messages wait for the axes of the torus, not for all chips: 8 + 8 steps of 16 x 16.
TEST(CollectivesOnATorusInAServer, TakeTheStepsOfTheirAxes) {
  ServerSpec pod = Pod();
  pod.scale_up.step_latency = Seconds(1e-6);
  const SiteSpec site = OneLeafSite(pod, 1);
  ExpectClose(TimeOf(TestOf(Kind::kAllReduce, "ring", 256, 1e-3), site), 32e-6);
  CollectiveTestSpec columns = TestOf(Kind::kAllReduce, "ring", 256, 1e-3, 16);
  columns.group_stride = 16;
  ExpectClose(TimeOf(columns, site), 16e-6);
}

TEST(AllToAllsOnAMesh, GoStraightFromEachToEach) {
  const SiteSpec site = OneLeafSite(Meshed(IdealServer(8, 8)), 1);
  ExpectClose(TimeOf(TestOf(Kind::kAllToAll, "pairs", 8, 1e9), site), 1e9 / 8 / kMeshLink);
  ExpectClose(TimeOf(TestOf(Kind::kAllToAll, "pairs", 4, 1e9), site), 1e9 / 4 / kMeshLink);
  ExpectClose(TimeOf(TestOf(Kind::kSendReceive, "neighbours", 2, 1e9), site), 1e9 / kMeshLink);
}

TEST(CollectivesOverPcie, AreBoundByTheLinkBetweenTheSockets) {
  const SiteSpec site = OneLeafSite(OnPcie(IdealServer(8, 8)), 1);
  ExpectClose(TimeOf(TestOf(Kind::kAllReduce, "ring", 8, 1e9), site),
              2.0 * 7 / 8 * 1e9 / (kScaleUp / 2));
  ExpectClose(TimeOf(TestOf(Kind::kAllReduce, "ring", 4, 1e9), site), 1.5e9 / kScaleUp);
  // Sixteen pairs cross each way, an eighth of the buffer each.
  ExpectClose(TimeOf(TestOf(Kind::kAllToAll, "pairs", 8, 1e9), site),
              16.0 / 8 * 1e9 / (kScaleUp / 2));
}

TEST(CollectivesOverPcie, ThroughHostMemoryAreBoundByIt) {
  const SiteSpec site = OneLeafSite(OnPcie(IdealServer(8, 8), /*through_host=*/true), 1);
  ExpectClose(TimeOf(TestOf(Kind::kAllReduce, "ring", 4, 1e9), site), 1.5e9 / (kScaleUp / 8));
}

// Two servers: a ring through each NIC, and every NIC's bytes cross the card's own link as well.
TEST(CollectivesOverPcie, ReachTheirNicsOverIt) {
  ServerSpec server = OnPcie(IdealServer(8, 1));
  server.network.pcie.nics_at = {0};
  server.network.pcie.socket_link = BytesPerSecond(kNic / 4);
  const SiteSpec site = OneLeafSite(server, 2);
  const double eighth = 2.0 * 15 / 16 * 1e9 / 8;  // of one ring
  // Four of the eight rings enter and leave over the sockets. They also carry 7/8 of a ring inside.
  const PlayResult result = Simulate(PlayOf(TestOf(Kind::kAllReduce, "ring", 16, 1e9), site));
  ExpectClose(result.end, (4 * eighth + 7 * eighth) / (kNic / 4));
}

TEST(ASlowLinkOfAMesh, SlowsWhatCrossesIt) {
  const SiteSpec whole = OneLeafSite(Meshed(IdealServer(8, 8)), 1);
  const SiteSpec slow = OneLeafSite(Meshed(IdealServer(8, 8), {{0, 1, 1, 0.5}}), 1);
  const CollectiveTestSpec all = TestOf(Kind::kAllReduce, "ring", 8, 1e9);
  ExpectClose(TimeOf(all, slow), 2 * TimeOf(all, whole));
  CollectiveTestSpec pair = TestOf(Kind::kSendReceive, "neighbours", 2, 1e9);
  ExpectClose(TimeOf(pair, slow), 2 * TimeOf(pair, whole));
  const SiteSpec elsewhere = OneLeafSite(Meshed(IdealServer(8, 8), {{6, 7, 1, 0.5}}), 1);
  ExpectClose(TimeOf(pair, elsewhere), TimeOf(pair, whole));
  const CollectiveTestSpec four = TestOf(Kind::kAllReduce, "ring", 4, 1e9);
  ExpectClose(TimeOf(four, elsewhere), TimeOf(four, whole));
}

TEST(FoldedServersWithLinks, TakeTheTimeOfFullOnes) {
  std::vector<Play> full, folded;
  std::vector<std::string> names;
  for (const auto& [name, server] : AllKinds(RealisticServer(8, 8))) {
    const SiteSpec site = OneLeafSite(server, 3);
    for (const CollectiveTestSpec& spec :
         {TestOf(Kind::kAllReduce, "ring", 24, 1e8), TestOf(Kind::kAllReduce, "tree", 8, 1e8),
          TestOf(Kind::kAllToAll, "pairs", 24, 1e8, 12),
          TestOf(Kind::kAllGather, "ring", 24, 1e7, 4)}) {
      full.push_back(PlayOf(spec, site));
      folded.push_back(full.back());
      folded.back().plan = Fold(full.back().plan);
      names.push_back(name);
    }
  }
  const std::vector<PlayResult> a = Simulate(full);
  const std::vector<PlayResult> b = Simulate(folded);
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_NEAR(a[i].end, b[i].end, 1e-6 * a[i].end) << names[i];
    EXPECT_GT(a[i].end, 0);
  }
}

TEST(StepsOnServersWithLinks, AreTheSameFoldedAndFull) {
  std::vector<Evaluation> runs;
  std::vector<std::string> names;
  for (const auto& [name, server] : AllKinds(RealisticServer(8, 8))) {
    for (const int tensor : {2, 4, 8, 16}) {
      Layout layout;
      layout.tensor = tensor;
      layout.pipeline = 2;
      layout.data = 32 / tensor / 2;
      for (const Fidelity fidelity : {Fidelity::kFull, Fidelity::kFolded}) {
        runs.push_back({ScenarioOf(OneLeafSite(server, 4), SmallJob(layout, 4)), fidelity});
      }
      names.push_back(name + ", tensor " + std::to_string(tensor));
    }
  }
  const std::vector<StepRecord> records = Evaluate(runs);
  for (std::size_t i = 0; i < names.size(); ++i) {
    const double full = records[2 * i].step_time.si();
    EXPECT_NEAR(records[2 * i + 1].step_time.si(), full, 1e-6 * full) << names[i];
  }
}

// What a switch hides: tensor parallelism of four leaves four of seven links of each accelerator
// idle, so on a mesh that of eight has the shorter collectives.
TEST(TensorParallelism, OfEightOnAMeshCommunicatesFasterThanOfFour) {
  std::vector<Evaluation> runs;
  for (const bool mesh : {true, false}) {
    for (const int tensor : {4, 8}) {
      Layout layout;
      layout.tensor = tensor;
      const ServerSpec server = IdealServer(8, 8);
      runs.push_back(
          {ScenarioOf(OneLeafSite(mesh ? Meshed(server) : server, 1), SmallJob(layout, 4)),
           Fidelity::kFolded});
    }
  }
  const std::vector<StepRecord> records = Evaluate(runs);
  ExpectClose(ShareOf(records[0], "mesh"), 2 * ShareOf(records[1], "mesh"));
  ExpectClose(ShareOf(records[2], "scale_up"), 6.0 / 7 * ShareOf(records[3], "scale_up"));
}

}  // namespace gridlock
