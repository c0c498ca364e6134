// Messages that are spread over several ways, or find their way by the load: shares of links in
// closed form.

#include <cstring>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "sim/process/pool.h"
#include "sim/study/flow_study.h"
#include "tests/engine/machines.h"
#include "topologies/network.h"

namespace gridlock {

namespace {

constexpr double kRouterLink = kNic / 2;  // byte/s of one link between two routers
constexpr double kMessage = 1e9;

// Three groups of four routers, two links between each two groups, one server at each router.
Network Dragonfly(RouterRouting routing) {
  SiteSpec site;
  site.path = "site";
  site.name = "test";
  site.server = IdealServer(1, 1);
  site.servers = 12;
  DragonflySpec spec;
  spec.path = "site.fabric.dragonfly";
  spec.groups = 3;
  spec.routers_per_group = 4;
  spec.servers_per_router = 1;
  spec.global_links = 1;
  spec.router.name = "router";
  spec.router.ports = 64;
  spec.router.port_bandwidth = BytesPerSecond(kRouterLink);
  spec.routing = routing;
  site.fabric = spec;
  return Network(site);
}

FlowOptions At(Fidelity fidelity) {
  FlowOptions options;
  options.fidelity = fidelity;
  return options;
}

std::map<std::string, double> CarriedByTier(const FlowRecord& record) {
  std::map<std::string, double> carried;
  for (const TierLoad& tier : record.tiers) {
    carried[tier.tier] = tier.carried.si();
  }
  return carried;
}

}  // namespace

// Two global links of half the NIC carry half of the message each, which so takes all of the NIC.
TEST(ASprayedMessage, TakesBothLinksBetweenTwoGroups) {
  const Network network = Dragonfly({Paths::kMinimal, Routing::kSpray});
  ASSERT_EQ(network.parts(), 2);
  const std::vector<NetworkMessage> messages = {{{2}, {6}, Bytes(kMessage), Seconds(0)}};
  const FlowRecord record = RunFlowStudy(network, messages, At(Fidelity::kFull));
  EXPECT_NEAR(record.last_sent.si(), kMessage / kNic, 1e-9);
  EXPECT_NEAR(CarriedByTier(record)["global"], kMessage, 1);
  int halves = 0;
  for (const LinkUse& link : record.links) {
    if (link.tier == "global") {
      EXPECT_NEAR(link.carried.si(), kMessage / 2, 1);
      EXPECT_NEAR(link.capacity.si(), kRouterLink, 1);
      EXPECT_NEAR(link.use, 1, 1e-6);
      ++halves;
    }
  }
  EXPECT_EQ(halves, 2);
}

TEST(AHashedMessage, KeepsToOneOfThem) {
  const Network network = Dragonfly({Paths::kMinimal, Routing::kEcmp});
  const std::vector<NetworkMessage> messages = {{{2}, {6}, Bytes(kMessage), Seconds(0)}};
  const FlowRecord record = RunFlowStudy(network, messages, At(Fidelity::kFull));
  EXPECT_NEAR(record.last_sent.si(), kMessage / kRouterLink, 1e-9);
}

// Two messages from one group to the next, adaptively: each takes a link of its own.
TEST(AdaptiveMessages, TakeALinkEach) {
  const Network network = Dragonfly({Paths::kAdaptive, Routing::kSpray});
  const std::vector<NetworkMessage> messages = {{{0}, {4}, Bytes(kMessage), Seconds(0)},
                                                {{2}, {6}, Bytes(kMessage), Seconds(0)}};
  const FlowRecord record = RunFlowStudy(network, messages, At(Fidelity::kFull));
  EXPECT_NEAR(record.last_sent.si(), kMessage / kRouterLink, 1e-9);
}

// Three groups: between two of them a message crosses two global links, by way of the third.
TEST(AValiantAllToAll, CrossesTwoGlobalLinksBetweenGroups) {
  const Network network = Dragonfly({Paths::kValiant, Routing::kSpray});
  const std::vector<NetworkMessage> messages = AllToAllMessages(12, Bytes(1e7));
  const FlowRecord folded = RunFlowStudy(network, messages, At(Fidelity::kFolded));
  EXPECT_LT(folded.classes, 132);
  EXPECT_NEAR(CarriedByTier(folded)["global"], 2.0 * 12 * 8 * 1e7, 1);
}

TEST(SpreadAllToAlls, FoldToTheTimesOfTheFullOnes) {
  for (const Paths paths : {Paths::kMinimal, Paths::kValiant, Paths::kUgal}) {
    const Network network = Dragonfly({paths, Routing::kSpray});
    const std::vector<NetworkMessage> messages = AllToAllMessages(12, Bytes(1e7));
    const auto ends = [&](Fidelity fidelity) {
      const std::string bytes =
          RunInChild([&](const auto& /*progress*/) {
            std::string out;
            for (const FlowResult& flow : RunFlowStudy(network, messages, At(fidelity)).flows) {
              const double end = flow.end.si();
              out.append(reinterpret_cast<const char*>(&end), sizeof end);
            }
            return out;
          }).Take();
      std::vector<double> all(bytes.size() / sizeof(double));
      std::memcpy(all.data(), bytes.data(), bytes.size());
      return all;
    };
    const std::vector<double> full = ends(Fidelity::kFull);
    const std::vector<double> folded = ends(Fidelity::kFolded);
    ASSERT_EQ(full.size(), messages.size());
    for (std::size_t m = 0; m < full.size(); ++m) {
      EXPECT_NEAR(folded[m], full[m], 1e-9 * full[m]) << m;
    }
  }
}

}  // namespace gridlock
