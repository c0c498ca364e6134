// Which resources the solver is told of: enough of them that no time changes, and no more.

#include "sim/plan/pacing.h"

#include <gtest/gtest.h>

namespace gridlock {

namespace {

constexpr TierIndex kPorts = TierTable::kScaleUp;

// Resources of the given capacities, and one flow for each route.
Plan PlanOf(const std::vector<Plan::Resource>& resources,
            const std::vector<std::vector<RouteEntry>>& routes) {
  Plan plan;
  plan.resources = resources;
  for (const std::vector<RouteEntry>& route : routes) {
    Plan::Flow& flow = plan.flows.emplace_back();
    flow.route.begin = static_cast<std::int32_t>(plan.routes.size());
    plan.routes.insert(plan.routes.end(), route.begin(), route.end());
    flow.route.end = static_cast<std::int32_t>(plan.routes.size());
  }
  return plan;
}

Plan::Resource Link(double capacity) {
  return {kPorts, BytesPerSecond(capacity)};
}

std::vector<bool> Kept(const Plan& plan) {
  std::vector<bool> kept;
  for (const PaceSetter& pace_setter : PaceSettersOf(plan)) {
    kept.push_back(pace_setter.can_be_first);
  }
  return kept;
}

using Flags = std::vector<bool>;

}  // namespace

TEST(PaceSetters, OfALoneTransferAreItsNarrowestLinkTheFirstOfThem) {
  const Plan plan =
      PlanOf({Link(3), Link(2), Link(2), Link(5)}, {{{0, 1}, {1, 1}, {2, 1}, {3, 1}}});
  EXPECT_EQ(Kept(plan), (Flags{false, true, false, false}));
  EXPECT_EQ(ListedLinks(plan, PaceSettersOf(plan)), 1);
}

TEST(PaceSetters, AreComparedByWhatOneUnitOfWeightGets) {
  // 10 / 5 is less than 3 / 1.
  const Plan plan = PlanOf({Link(3), Link(10)}, {{{0, 1}, {1, 5}}});
  EXPECT_EQ(Kept(plan), (Flags{false, true}));
  EXPECT_EQ(PaceSettersOf(plan)[1].unit, 5);
  EXPECT_EQ(ListedLinks(plan, PaceSettersOf(plan)), 1);
}

TEST(PaceSetters, AreNotThoseThatANarrowerLinkOfAllTheirTransfersGuards) {
  // Both cross link 1; each has a link of its own, wider or narrower.
  const auto kept = [](double own) {
    return Kept(PlanOf({Link(own), Link(1), Link(own)}, {{{0, 1}, {1, 1}}, {{1, 1}, {2, 1}}}));
  };
  EXPECT_EQ(kept(9), (Flags{false, true, false}));
  EXPECT_EQ(kept(0.75), (Flags{true, true, true}));
}

TEST(PaceSetters, AreNotBundlesThatHaveRoomForAllLinksBelowThem) {
  // Three NICs of 1, and what all of them cross.
  const auto kept = [](double bundle) {
    return Kept(PlanOf({Link(1), Link(1), Link(1), Link(bundle)},
                       {{{0, 1}, {3, 1}}, {{1, 1}, {3, 1}}, {{2, 1}, {3, 1}}}));
  };
  EXPECT_EQ(kept(3), (Flags{true, true, true, false}));
  EXPECT_EQ(kept(2.5), (Flags{true, true, true, true}));
}

TEST(PaceSetters, AreLinksThatTheSameTransfersCrossWithOtherWeights) {
  const Plan plan = PlanOf({Link(9), Link(9)}, {{{0, 1}, {1, 2}}, {{0, 2}, {1, 1}}});
  EXPECT_EQ(Kept(plan), (Flags{true, true}));
  const Plan twice = PlanOf({Link(9), Link(9)}, {{{0, 1}, {1, 2}}, {{0, 2}, {1, 4}}});
  EXPECT_EQ(Kept(twice), (Flags{false, true}));
}

TEST(PaceSetters, AreNeitherUnusedNorTooWideToBind) {
  Plan plan = PlanOf({Link(1), Link(2), Link(3)}, {{{1, 1}, {2, 1}}});
  plan.resources[1].can_bind = false;
  EXPECT_EQ(Kept(plan), (Flags{false, false, true}));
}

TEST(PaceSetters, AreLinksThatOnlyHbmWouldGuard) {
  Plan plan = PlanOf({Link(3), Link(2), Link(2)}, {{{0, 1}, {1, 1}, {2, 1}}});
  plan.resources[1].tier = plan.resources[2].tier = plan.tiers.hbm();
  EXPECT_EQ(Kept(plan), (Flags{true, true, false}));
  plan.resources[0].capacity = BytesPerSecond(1);
  EXPECT_EQ(Kept(plan), (Flags{true, false, false}));
}

}  // namespace gridlock
