// Two placements that bound all others of a job.

#include "sim/oracle/shape.h"

#include <numeric>
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

TEST(Shape, IsNoneWhereServersAreNotInterchangeableOrGroupsAreFew) {
  SiteSpec site = ThreeTiers(24, 1, 1);
  const Placement placement = {{0, 0, 16}};
  EXPECT_TRUE(ShapeOf(placement, Network(site)));
  EXPECT_FALSE(ShapeOf({{0, 0, 8}}, Network(site))) << "small jobs are simulated as they lie";
  EXPECT_TRUE(ShapeOf({{0, 0, 32}}, Network(ThreeTiers(40, 2, 1)))) << "eight pods";
  EXPECT_FALSE(ShapeOf(placement, Network(ThreeTiers(24, 2, 1)))) << "four pods set the pace";
  ClosOf(site).routing = Routing::kEcmp;
  EXPECT_FALSE(ShapeOf(placement, Network(site)));
}

// The servers of a site, but for some that are drawn.
Placement WithGaps(std::int32_t of, int gaps, Draw& draw) {
  std::vector<std::int32_t> held(static_cast<std::size_t>(of));
  std::iota(held.begin(), held.end(), 0);
  for (int i = 0; i < gaps; ++i) {
    held.erase(held.begin() + draw.Below(held.size()));
  }
  Placement placement;
  for (const std::int32_t server : held) {
    placement.push_back({0, server, 1});
  }
  return placement;
}

TEST(Shape, IsSpreadOverItsSiteFromPackedToFullOfGaps) {
  const Network network(ThreeTiers(90, 1, 1));
  const Shape shape{{SiteIndex{0}}, {61}};
  EXPECT_EQ(shape.MostGaps(network), 29);
  double before = -1;
  for (const double share : {0.0, 0.1, 0.3, 0.6, 1.0}) {
    const Placement placement = shape.Spread(share, network);
    std::vector<bool> taken(90, false);
    for (const ServerRun& run : placement) {
      for (std::int32_t s = 0; s < run.count; ++s) {
        EXPECT_FALSE(taken.at(static_cast<std::size_t>(run.first.value + s)));
        taken[static_cast<std::size_t>(run.first.value + s)] = true;
      }
    }
    EXPECT_EQ(ServersIn(placement), 61) << share;
    const double apart = shape.Apart(placement, network);
    EXPECT_GT(apart, before) << share;
    before = apart;
  }
  EXPECT_DOUBLE_EQ(shape.Apart(shape.Packed(), network), 0);
  EXPECT_DOUBLE_EQ(shape.Apart(shape.Spread(0, network), network), 0);
}

// Steps that take longer the more neighbours lie apart.
struct FakeSteps {
  double longest;
  const Shape& shape;
  const Network& network;
  int simulated = 0;

  double At(const Placement& placement) const {
    return 1 + longest * shape.Apart(placement, network);
  }

  ShapeRates::Simulate simulate() {
    return [this](const Placement& placement) {
      ++simulated;
      StepRate rate;
      rate.step_time = Seconds(At(placement));
      rate.energy = Joules(At(placement));
      return rate;
    };
  }
};

TEST(ShapeRates, AnswerFromFewStepsWhateverWasAskedBefore) {
  const Network network(ThreeTiers(90, 1, 1));
  const Shape shape{{SiteIndex{0}}, {60}};
  FakeSteps steps{0.008, shape, network};
  ShapeRates rates;
  Draw draw(1);
  for (int i = 0; i < 200; ++i) {
    const Placement placement = WithGaps(60 + i / 8, i / 8, draw);
    FakeSteps again{0.008, shape, network};
    const auto rate = rates.Of(placement, shape, network, steps.simulate());
    const auto alone = ShapeRates().Of(placement, shape, network, again.simulate());
    ASSERT_TRUE(rate && alone);
    EXPECT_EQ(rate->step_time, alone->step_time);
    EXPECT_EQ(rate->energy, alone->energy);
    EXPECT_NEAR(rate->step_time.si(), steps.At(placement), kShapeTolerance);
  }
  EXPECT_LE(steps.simulated, 10);
}

TEST(ShapeRates, AreOneWherePackedAndScatteredAgreeAndNoneWhereMarksAreFarApart) {
  const Network network(ThreeTiers(90, 1, 1));
  const Shape shape{{SiteIndex{0}}, {60}};
  Draw draw(2);
  const Placement placement = WithGaps(80, 20, draw);
  FakeSteps level{0.001, shape, network};
  ShapeRates one;
  EXPECT_EQ(one.Of(placement, shape, network, level.simulate())->step_time, Seconds(1));
  EXPECT_EQ(one.Of(placement, shape, network, level.simulate())->step_time, Seconds(1));
  EXPECT_EQ(level.simulated, 2);
  FakeSteps near{0.0036, shape, network};
  ShapeRates middle;
  const auto rate = middle.Of(placement, shape, network, near.simulate());
  EXPECT_NEAR(rate->step_time.si(), (1 + near.At(shape.Scattered(network))) / 2, 1e-12);
  EXPECT_NEAR(rate->step_time.si(), near.At(placement), kShapeTolerance);
  EXPECT_EQ(middle.Of(shape.Packed(), shape, network, near.simulate())->step_time, rate->step_time);
  EXPECT_EQ(near.simulated, 2);
  FakeSteps steep{0.5, shape, network};
  EXPECT_FALSE(ShapeRates().Of(placement, shape, network, steep.simulate()));
}

// Leaves with half of the links that their servers have: what the oracle says of a job whose
// servers were lost and replaced, against its step simulated as it lies.
TEST(ShapeRates, OfLeavesThatSetThePaceAreThoseOfThePlacements) {
  std::vector<SharedCluster> clusters;
  constexpr double kOver = 2;
  StepOracle oracle;
  std::vector<double> said;
  for (std::uint64_t seed = 0; seed < 8; ++seed) {
    Draw draw(seed);
    SharedCluster cluster;
    cluster.sites = {ThreeTiers(72, kOver, 1)};
    const Placement placement = WithGaps(72, 8, draw);
    cluster.Add(DataParallel(64), placement);
    const Situation situation{
        &cluster.sites, &cluster.wans, {{&cluster.trainings[0], cluster.placements[0]}}};
    said.push_back(oracle.RatesOf(situation)[0].step_time.si());
    clusters.push_back(cluster);
  }
  EXPECT_LE(oracle.simulated(), 4U);
  const std::vector<std::vector<Seconds>> times = StepTimesTogether(clusters);
  for (std::size_t i = 0; i < times.size(); ++i) {
    EXPECT_NEAR(said[i] / times[i][0].si(), 1, 0.01) << "seed " << i;
  }
}

}  // namespace gridlock
