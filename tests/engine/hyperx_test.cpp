// Steps on a HyperX: rings over its links in closed form, and folded = full.

#include <algorithm>

#include <gtest/gtest.h>

#include "tests/engine/folded_is_full.h"
#include "tests/engine/machines.h"
#include "topologies/network.h"

namespace gridlock {

namespace {

constexpr double kGridLink = kNic / 2;  // byte/s between two routers in one direction

SiteSpec HyperXSite(const ServerSpec& server, const std::vector<int>& size,
                    int servers_per_router) {
  SiteSpec site;
  site.path = "site";
  site.name = "test";
  site.server = server;
  site.servers = servers_per_router;
  for (const int s : size) {
    site.servers *= s;
  }
  HyperXSpec hyperx;
  hyperx.path = "site.fabric.hyperx";
  hyperx.size = size;
  hyperx.servers_per_router = servers_per_router;
  hyperx.router.ports = 64;
  hyperx.router.port_bandwidth = BytesPerSecond(kGridLink);
  site.fabric = hyperx;
  return site;
}

struct Grid {
  std::vector<int> size;
  int servers_per_router, accelerators, nics;
};

class FoldedHyperX : public testing::TestWithParam<Grid> {};

}  // namespace

// One ring of all servers crosses from router to router on one link each; two rings side by side
// meet on every link of their way, and three do.
TEST(RingsOverAFullMesh, ShareTheLinksFromRouterToRouter) {
  constexpr double kBytes = 1e9;
  for (const auto& [per_router, rings] : {std::pair{1, 1}, std::pair{2, 2}, std::pair{3, 3}}) {
    const int n = 5;
    const SiteSpec site = HyperXSite(IdealServer(1, 1), {n}, per_router);
    const StepProgram program = OneAllReduce(rings, n, kBytes);
    const Plan plan = Expand(program, site);
    const double seconds = 2.0 * (n - 1) / n * kBytes / (kGridLink / rings);
    const PlayResult result = Simulate({program, plan, site.server});
    EXPECT_NEAR(result.end, seconds, 1e-6 * seconds);
    const TierIndex mesh = plan.tiers.Named("mesh_x");
    EXPECT_NEAR(result.path[mesh.value], seconds, 1e-6 * seconds);
    EXPECT_NEAR(result.bytes[mesh.value], rings * 2.0 * (n - 1) * kBytes, 1e-6 * kBytes);
  }
}

// Along y too, where each of the columns has its own links.
TEST(RingsAlongTheColumns, DoNotMeet) {
  constexpr double kBytes = 1e9;
  const SiteSpec site = HyperXSite(IdealServer(1, 1), {4, 3}, 1);
  const StepProgram program = OneAllReduce(4, 3, kBytes);
  const Plan plan = Expand(program, site);
  const double seconds = 2.0 * 2 / 3 * kBytes / kGridLink;
  const PlayResult result = Simulate({program, plan, site.server});
  EXPECT_NEAR(result.end, seconds, 1e-6 * seconds);
  EXPECT_NEAR(result.path[plan.tiers.Named("mesh_y").value], seconds, 1e-6 * seconds);
  EXPECT_EQ(result.bytes[plan.tiers.Named("mesh_x").value], 0);
}

TEST_P(FoldedHyperX, TakesTheStepOfTheFullOne) {
  SiteSpec site = HyperXSite(RealisticServer(GetParam().accelerators, GetParam().nics),
                             GetParam().size, GetParam().servers_per_router);
  std::get<HyperXSpec>(site.fabric).router.latency = Seconds(0.5e-6);
  for (const FullAndFolded& pair : ExpectFoldedIsFull({site})) {
    EXPECT_GT(TotalOf(pair.full, "mesh_x"), 0);
  }
}

INSTANTIATE_TEST_SUITE_P(Sizes, FoldedHyperX,
                         testing::Values(Grid{{4, 4}, 1, 2, 2}, Grid{{3, 5}, 1, 2, 1},
                                         Grid{{5}, 3, 1, 1}, Grid{{2, 2, 3}, 2, 1, 1}));

}  // namespace gridlock
