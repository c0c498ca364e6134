#include "sim/plan/pacing.h"

#include <algorithm>
#include <numeric>
#include <tuple>

#include "topologies/topology.h"

namespace gridlock {

namespace {

// Sums of hashes of (route, weight): equal for resources that the same routes cross alike.
std::vector<std::uint64_t> UsersOf(const Plan& plan, const std::vector<PaceSetter>& pace_setters) {
  std::vector<std::uint64_t> users(plan.resources.size(), 0);
  std::uint64_t number = 0;
  plan.ForEachRoute([&](Span route) {
    const std::uint64_t hash = MixHash(++number);
    for (std::int32_t i = route.begin; i < route.end; ++i) {
      const RouteEntry entry = plan.routes[i];
      users[entry.resource] += MixHash(hash + entry.weight / pace_setters[entry.resource].unit);
    }
  });
  return users;
}

}  // namespace

std::vector<PaceSetter> UnprunedPaceSetters(const Plan& plan) {
  std::vector<PaceSetter> pace_setters(plan.resources.size(), {false, 0});
  for (const RouteEntry& entry : plan.routes) {
    std::int32_t& unit = pace_setters[entry.resource].unit;
    unit = std::gcd(unit, entry.weight);
  }
  for (std::size_t r = 0; r < pace_setters.size(); ++r) {
    pace_setters[r].can_be_first = pace_setters[r].unit > 0 && plan.resources[r].can_bind;
  }
  return pace_setters;
}

std::vector<PaceSetter> PaceSettersOf(const Plan& plan) {
  std::vector<PaceSetter> pace_setters = UnprunedPaceSetters(plan);
  std::vector<std::int32_t> can_bind;
  for (std::size_t r = 0; r < pace_setters.size(); ++r) {
    if (pace_setters[r].can_be_first) {
      can_bind.push_back(static_cast<std::int32_t>(r));
    }
  }
  const std::vector<std::uint64_t> users = UsersOf(plan, pace_setters);
  const auto alike = [&](std::int32_t r) {
    return std::make_tuple(users[r], plan.resources[r].tier == plan.tiers.hbm());
  };
  const auto order = [&](std::int32_t r) {
    const double capacity = plan.resources[r].capacity.si() / pace_setters[r].unit;
    return std::make_tuple(alike(r), capacity, r);
  };
  std::sort(can_bind.begin(), can_bind.end(), [&](std::int32_t a, std::int32_t b) {
    return order(a) < order(b);
  });
  for (std::size_t i = 0; i < can_bind.size(); ++i) {
    pace_setters[can_bind[i]].can_be_first = i == 0 || alike(can_bind[i]) != alike(can_bind[i - 1]);
  }
  return pace_setters;
}

std::int64_t ListedLinks(const Plan& plan, const std::vector<PaceSetter>& pace_setters) {
  std::int64_t sum = 0;
  for (const RouteEntry& entry : plan.routes) {
    const PaceSetter& pace_setter = pace_setters[entry.resource];
    sum += pace_setter.can_be_first ? entry.weight / pace_setter.unit : 0;
  }
  return sum;
}

}  // namespace gridlock
