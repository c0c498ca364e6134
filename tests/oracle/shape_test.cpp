// Two placements that bound all others of a job.

#include "sim/oracle/shape.h"

#include <optional>

#include "tests/oracle/clusters.h"

namespace gridlock {

TEST(Shape, BoundsThePlacementsOfAJob) {
  constexpr double kClock = 1e-9;
  std::vector<SharedCluster> clusters;
  for (std::uint64_t seed = 0; seed < 12; ++seed) {
    Draw draw(seed);
    const SiteSpec site = ThreeTiers(24, 1, 1);
    SharedCluster cluster;
    cluster.sites = {site};
    cluster.Add(DataParallel(16), {{0, 0, 16}});
    const Network network(cluster.sites, {});
    const std::optional<Shape> shape = ShapeOf(cluster.placements[0], network);
    ASSERT_TRUE(shape);
    clusters.push_back(cluster);
    cluster.placements[0] = shape->Scattered(network);
    EXPECT_EQ(ServersIn(cluster.placements[0]), 16);
    clusters.push_back(cluster);
    // Servers lost and replaced one after the other.
    std::vector<std::int32_t> held;
    for (std::int32_t server = 0; server < 24; ++server) {
      held.push_back(server);
    }
    for (int lost = 0; lost < 8; ++lost) {
      held.erase(held.begin() + draw.Below(held.size()));
    }
    cluster.placements[0].clear();
    for (const std::int32_t server : held) {
      cluster.placements[0].push_back({0, server, 1});
    }
    clusters.push_back(cluster);
  }
  const std::vector<std::vector<Seconds>> times = StepTimesTogether(clusters);
  for (std::size_t i = 0; i < times.size(); i += 3) {
    const double packed = times[i][0].si(), scattered = times[i + 1][0].si();
    EXPECT_GE(times[i + 2][0].si(), packed * (1 - 1e-9) - kClock) << "seed " << i / 3;
    EXPECT_LE(times[i + 2][0].si(), scattered * (1 + 1e-9) + kClock) << "seed " << i / 3;
  }
}

TEST(Shape, IsNoneWhereServersAreNotInterchangeable) {
  SiteSpec site = ThreeTiers(24, 1, 1);
  const Placement placement = {{0, 0, 16}};
  EXPECT_TRUE(ShapeOf(placement, Network(site)));
  EXPECT_FALSE(ShapeOf({{0, 0, 8}}, Network(site))) << "small jobs are simulated as they lie";
  EXPECT_FALSE(ShapeOf(placement, Network(ThreeTiers(24, 2, 1)))) << "leaves can set the pace";
  ClosOf(site).routing = Routing::kEcmp;
  EXPECT_FALSE(ShapeOf(placement, Network(site)));
}

}  // namespace gridlock
