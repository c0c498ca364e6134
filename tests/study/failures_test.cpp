// Links and switches that fail: messages and collectives take the ways that are left.

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "sim/base/random.h"
#include "sim/plan/fold.h"
#include "sim/plan/plan.h"
#include "sim/process/pool.h"
#include "sim/scenario/point.h"
#include "sim/study/changing_network.h"
#include "sim/study/flow_study.h"
#include "tests/clos_of.h"
#include "tests/engine/machines.h"
#include "tests/fixture_files.h"
#include "tests/source_dir.h"
#include "topologies/listed/route_graph.h"
#include "topologies/traffic.h"

namespace gridlock {

namespace {

constexpr double kBuffer = 1024 * 1024;
constexpr double kPort = 12.5e9;  // byte/s, 100 Gbps

/// 4 leaves of 4 hosts and 2 spines, with `more` behind it.
Scenario LeafSpine(const std::string& more, const std::vector<std::string>& overrides = {}) {
  const std::string file =
      std::string(GRIDLOCK_SOURCE_DIR) + "/tests/fixtures/right/leaf_spine.textproto";
  return ScenarioBase(file, FileContents(file) + more, overrides).SitesAt({});
}

FlowRecord Send(const Scenario& scenario, const std::vector<NetworkMessage>& messages) {
  const ChangingNetwork networks(scenario, /*all=*/true);
  return RunFlowStudy(networks.epochs(), messages, {});
}

Bytes CarriedBy(const FlowRecord& record, const std::string& link) {
  for (const LinkUse& load : record.links) {
    if (load.name == link) {
      return load.carried;
    }
  }
  return Bytes(0);
}

// Activities, ends of messages, and what each link carries, in the order of the links' names.
std::vector<double> FiguresOf(const Scenario& scenario, const std::vector<NetworkMessage>& messages,
                              Fidelity fidelity) {
  const std::string bytes =
      RunInChild([&](const auto& /*progress*/) {
        const ChangingNetwork networks(scenario, /*all=*/true);
        FlowOptions options;
        options.fidelity = fidelity;
        FlowRecord record = RunFlowStudy(networks.epochs(), messages, options);
        std::vector<double> figures{static_cast<double>(record.activities)};
        for (const FlowResult& flow : record.flows) {
          figures.push_back(flow.end.si());
        }
        std::sort(record.links.begin(), record.links.end(), [](const LinkUse& a, const LinkUse& b) {
          return a.name < b.name;
        });
        for (const LinkUse& link : record.links) {
          figures.push_back(link.carried.si());
        }
        return std::string(reinterpret_cast<const char*>(figures.data()),
                           figures.size() * sizeof(double));
      }).Take();
  std::vector<double> figures(bytes.size() / sizeof(double));
  std::memcpy(figures.data(), bytes.data(), bytes.size());
  return figures;
}

NetworkMessage FromTo(int from, int to, double bytes) {
  return {{from}, {to}, Bytes(bytes), Seconds(0)};
}

/// Parts of the graph that links out of service leave, by union-find.
class Parts {
 public:
  Parts(const Network& network, const RouteGraph& graph) : parent_(graph.nodes.size()) {
    std::iota(parent_.begin(), parent_.end(), 0);
    const bool direct = network.fabric({0}).site().server.direct;
    for (std::size_t e = 0; e < graph.edges.size(); ++e) {
      const RouteGraph::Edge& edge = graph.edges[e];
      const bool link = e < static_cast<std::size_t>(network.links());
      const bool inside = graph.nodes[edge.from].kind == RouteGraph::kScaleUpSwitch ||
                          graph.nodes[edge.to].kind == RouteGraph::kScaleUpSwitch;
      if ((!inside || direct) && !(link && network.failed({static_cast<std::int32_t>(e)}))) {
        parent_[Root(edge.from)] = Root(edge.to);
      }
    }
  }

  std::int32_t Root(std::int32_t node) {
    while (parent_[node] != node) {
      node = parent_[node] = parent_[parent_[node]];
    }
    return node;
  }

 private:
  std::vector<std::int32_t> parent_;
};

}  // namespace

TEST(ASpineThatHasFailed, CarriesNothing) {
  const Scenario scenario =
      LeafSpine("", {"site.fabric.clos.routing=ECMP", "site.failed=spine[0]"});
  const FlowRecord record = Send(scenario, AllToAllMessages(16, Bytes(kBuffer)));
  EXPECT_EQ(record.unreachable, 0);
  for (const LinkUse& link : record.links) {
    EXPECT_EQ(link.name.find("spine[0]"), std::string::npos) << link.name;
  }
  // 4 hosts send 1 MiB to each of 12 over the one uplink that is left.
  EXPECT_NEAR(record.last_end.si(), 48 * kBuffer / kPort + 4e-6, 1e-9);
}

TEST(ALinkThatHasFailed, IsGoneRoundInBothDirections) {
  const Scenario scenario = LeafSpine("", {"site.failed=leaf_up[0]->spine[0]"});
  const FlowRecord record = Send(scenario, {FromTo(0, 4, kBuffer), FromTo(4, 0, kBuffer)});
  EXPECT_EQ(CarriedBy(record, "leaf_up[0]->spine[1]"), Bytes(kBuffer));
  EXPECT_EQ(CarriedBy(record, "leaf_down[0]<-spine[1]"), Bytes(kBuffer));
  EXPECT_EQ(CarriedBy(record, "leaf_up[1]->spine[0]"), Bytes(0));
  EXPECT_EQ(record.unreachable, 0);
}

TEST(AHostWhoseNicHasFailed, IsUnreachable) {
  const Scenario scenario = LeafSpine("", {"site.failed=nic_up[3]"});
  const FlowRecord record =
      Send(scenario, {FromTo(0, 3, kBuffer), FromTo(3, 0, kBuffer), FromTo(0, 1, kBuffer)});
  EXPECT_EQ(record.unreachable, 2);
  EXPECT_TRUE(std::isinf(record.flows[0].end.si()));
  EXPECT_TRUE(std::isinf(record.flows[1].end.si()));
  EXPECT_NEAR(record.flows[2].end.si(), kBuffer / kPort + 2e-6, 1e-9);
}

TEST(SprayedPackets, HaveTheLinksThatAreLeft) {
  const std::vector<std::string> spray = {"site.fabric.clos.routing=SPRAY"};
  std::vector<std::string> failed = spray;
  failed.push_back("site.failed=leaf_up[0]->spine[0]");
  const Scenario scenario = LeafSpine("", failed);
  // Four hosts of leaf 0 share one link, those of leaf 2 two.
  std::vector<NetworkMessage> messages;
  for (int host = 0; host < 4; ++host) {
    messages.push_back(FromTo(host, 4 + host, kBuffer));
    messages.push_back(FromTo(8 + host, 12 + host, kBuffer));
  }
  const FlowRecord record = Send(scenario, messages);
  EXPECT_NEAR(record.flows[0].end.si(), 4 * kBuffer / kPort + 4e-6, 1e-9);
  EXPECT_NEAR(record.flows[1].end.si(), 2 * kBuffer / kPort + 4e-6, 1e-9);
}

TEST(AMessageUnderWay, GoesOnElsewhereWithWhatItHasLeft) {
  const Scenario scenario = LeafSpine(
      "change { at: \"500 us\" until: \"1 ms\" path: \"site[0].failed\" value: \"spine[0]\" "
      "failover: \"100 us\" }\n");
  const FlowRecord record = Send(scenario, {FromTo(0, 4, 16 * kBuffer)});
  // Without a failure 1.342 ms. It comes back to its first spine when that is back.
  EXPECT_NEAR(record.last_end.si(), 16 * kBuffer / kPort + 100e-6 + 4e-6, 1e-9);
  EXPECT_NEAR(CarriedBy(record, "leaf_up[0]->spine[1]").si(), 400e-6 * kPort, 1.0);
  EXPECT_NEAR(CarriedBy(record, "leaf_up[0]->spine[0]").si(), 16 * kBuffer - 400e-6 * kPort, 1.0);
}

TEST(AMessageWithoutAWay, WaitsUntilThereIsOne) {
  const Scenario scenario = LeafSpine(
      "change { at: \"500 us\" until: \"2 ms\" path: \"site[0].failed\" value: \"leaf[1]\" }\n");
  const FlowRecord record = Send(scenario, {FromTo(0, 4, 16 * kBuffer), FromTo(0, 8, kBuffer)});
  EXPECT_EQ(record.unreachable, 0);
  // Until 500 us both share the NIC of host 0; the short one ends at 168 us.
  const double alone = 17 * kBuffer / kPort;
  EXPECT_NEAR(record.flows[1].end.si(), 2 * kBuffer / kPort + 4e-6, 1e-9);
  EXPECT_NEAR(record.flows[0].end.si(), alone + 1.5e-3 + 4e-6, 1e-9);
}

TEST(ALinkThatIsSlower, SlowsWhatIsUnderWay) {
  const Scenario scenario = LeafSpine(
      "change { at: \"1 ms\" path: \"site[0].override.nic_bandwidth\" value: \"50 Gbps\" }\n");
  const FlowRecord record = Send(scenario, {FromTo(0, 4, 16 * kBuffer)});
  const double first = 1e-3 * kPort;
  EXPECT_NEAR(record.last_end.si(), 1e-3 + (16 * kBuffer - first) / (kPort / 2) + 4e-6, 1e-8);
}

// Against a count of its own: whatever fails, no route crosses it, and there is a route exactly
// where the rest of the network holds together.
TEST(Routes, NeverCrossWhatHasFailedAndExistWhereTheNetworkHoldsTogether) {
  Random draw(7, "failures_test");
  int unreachable = 0;
  for (int round = 0; round < 60; ++round) {
    SiteSpec site = ClosSite(IdealServer(2, 2), {.servers = 12,
                                                 .servers_per_leaf = 2,
                                                 .leaves_per_pod = 3,
                                                 .tiers = round % 2 == 0 ? 3 : 2,
                                                 .rails = false,
                                                 .routing = Routing::kEcmp});
    if (round % 2 == 1) {
      ClosOf(site).leaves_per_pod = 6;
    }
    if (round % 4 == 3) {
      ClosOf(site).routing = Routing::kDestination;
    }
    const RouteGraph graph = MakeTopology(site)->route_graph();
    const int failures = 1 + static_cast<int>(draw.Below(12));
    const int links = MakeTopology(site)->links();
    for (int i = 0; i < failures; ++i) {
      site.failed.push_back(graph.edges[draw.Below(static_cast<std::uint64_t>(links))].id);
    }
    const Network network(site);
    Parts parts(network, graph);
    for (int pair = 0; pair < 100; ++pair) {
      const AcceleratorIndex from{static_cast<int>(draw.Below(24))},
          to{static_cast<int>(draw.Below(24))};
      if (from == to || network.same_domain(from, to)) {
        continue;
      }
      std::vector<LinkIndex> route;
      const bool reached = network.AppendRoute(from, to, route, draw.Below(4));
      EXPECT_EQ(reached, parts.Root(from.value) == parts.Root(to.value));
      unreachable += reached ? 0 : 1;
      for (const LinkIndex link : route) {
        EXPECT_FALSE(network.failed(link)) << network.name(link);
      }
    }
  }
  EXPECT_GT(unreachable, 0);
}

// One of eight spines lost: rings that crossed it crowd the others.
TEST(AnAllReduce, GoesRoundASpineThatHasFailed) {
  SiteSpec site =
      ClosSite(IdealServer(8, 8), {.servers = 4, .servers_per_leaf = 1, .leaves_per_pod = 4});
  const StepProgram program = OneAllReduce(1, 32, 1e9);
  site.failed = {"leaf_up[1]->spine[0]"};
  const PlayResult sprayed = Simulate({program, Expand(program, site), site.server});
  const double whole = 2.0 * 31 / 32 * 1e9 / (8 * kNic);
  EXPECT_NEAR(sprayed.end, whole * 8 / 7, 1e-6 * whole);  // one uplink of eight is gone
}

// Traffic of the NIC that has failed is shared out over the seven others of its server.
TEST(AnAllReduce, TakesTheOtherNicsOfAServerThatHasLostOne) {
  SiteSpec site =
      ClosSite(IdealServer(8, 8), {.servers = 4, .servers_per_leaf = 1, .leaves_per_pod = 4});
  const StepProgram program = OneAllReduce(1, 32, 1e9);
  const double whole = 2.0 * 31 / 32 * 1e9 / (8 * kNic);
  for (const bool rails : {false, true}) {
    if (rails) {
      ClosOf(site).tiers = 1;
      ClosOf(site).rail_optimized = ClosOf(site).rail_forwarding = true;
      ClosOf(site).servers_per_leaf = 4;
    }
    site.failed = {"nic_up[9]"};
    const Plan full = Expand(program, site);
    const std::vector<PlayResult> results = Simulate(
        std::vector<Play>{{program, full, site.server}, {program, Fold(full), site.server}});
    EXPECT_NEAR(results[0].end, whole * 8 / 7, 1e-6 * whole);
    EXPECT_NEAR(results[1].end, results[0].end, 1e-9 * whole);
    site.failed.clear();
    for (int nic = 8; nic < 16; ++nic) {
      site.failed.push_back("nic_up[" + std::to_string(nic) + "]");
    }
    EXPECT_NE(RefusalsOf([&] {
                (void)Expand(program, site);
              }).find("no way is left from accelerator"),
              std::string::npos);
  }
}

TEST(ANameThatIsNotThere, IsRefusedWithTheNearestOne) {
  const Scenario scenario = LeafSpine("", {"site.failed=leaf_up[0]->spine[7]"});
  const std::string refusal = RefusalsOf([&] {
    (void)Network(scenario.sites, scenario.wans);
  });
  EXPECT_EQ(refusal.find("there is no link or switch \"leaf_up[0]->spine[7]\"; expected names "
                         "such as \"scale_up_out[0]\" or \"spine1\""),
            0U)
      << refusal;
}

// What is alike before a failure, during it and after it is one flow.
TEST(FoldedMessages, ArriveAsEachWouldByItselfWhileLinksFail) {
  for (const std::string failing : {"spine0", "leaf1", "nic_up[3]", "spine1, nic_down[6]"}) {
    const Scenario scenario =
        LeafSpine("change { at: \"300 us\" until: \"900 us\" path: \"site.failed\" value: \"" +
                  failing + "\" failover: \"50 us\" }");
    std::vector<NetworkMessage> messages = AllToAllMessages(16, Bytes(kBuffer));
    messages.push_back(FromTo(2, 9, 3 * kBuffer));
    const std::vector<double> full = FiguresOf(scenario, messages, Fidelity::kFull);
    const std::vector<double> folded = FiguresOf(scenario, messages, Fidelity::kFolded);
    EXPECT_LT(folded[0], full[0] / 2) << failing << ": activities";
    ASSERT_EQ(folded.size(), full.size());
    for (std::size_t i = 1; i < full.size(); ++i) {
      EXPECT_NEAR(folded[i], full[i], 1e-6 * full[i]) << failing << " " << i;
    }
  }
}

}  // namespace gridlock
