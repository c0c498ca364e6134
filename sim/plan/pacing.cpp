#include "sim/plan/pacing.h"

#include <algorithm>
#include <compare>
#include <limits>
#include <map>
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

// A resource that may be full first. In order, the first of those that the same routes cross alike
// is the narrowest.
struct Candidate {
  std::uint64_t users;
  bool hbm;
  double capacity;  ///< bytes/s of one unit of weight
  std::int32_t resource;

  friend auto operator<=>(const Candidate&, const Candidate&) = default;
};

// Takes out links that others on the same routes keep from being full.
class Guards {
 public:
  Guards(const Plan& plan, std::vector<PaceSetter>& pace_setters)
      : plan_(plan),
        pace_setters_(pace_setters),
        users_(plan.resources.size()),
        guards_(plan.resources.size(), false) {
    std::int32_t number = 0;
    plan.ForEachRoute([this, &number](Span route) {
      for (std::int32_t i = route.begin; i < route.end; ++i) {
        const RouteEntry entry = plan_.routes[i];
        if (pace_setters_[entry.resource].can_be_first) {
          users_[entry.resource].push_back({number, route, entry.weight});
        }
      }
      ++number;
    });
  }

  /// The widest first: most likely others are full before them.
  void Prune() {
    std::vector<std::int32_t> order;
    for (std::size_t r = 0; r < users_.size(); ++r) {
      if (!users_[r].empty()) {
        order.push_back(static_cast<std::int32_t>(r));
      }
    }
    std::sort(order.begin(), order.end(), [this](std::int32_t a, std::int32_t b) {
      return std::make_tuple(-Capacity(a), a) < std::make_tuple(-Capacity(b), b);
    });
    for (const std::int32_t r : order) {
      if (!guards_[r] && IsGuarded(r)) {
        pace_setters_[r].can_be_first = false;
      }
    }
  }

 private:
  struct User {
    std::int32_t number;  ///< of its route
    Span route;
    std::int32_t weight;
  };

  [[nodiscard]] double Capacity(std::int32_t resource) const {
    return plan_.resources[resource].capacity.si();
  }

  [[nodiscard]] bool IsHbm(std::int32_t resource) const {
    return plan_.resources[resource].tier == plan_.tiers.hbm();
  }

  // Whether others are full before a link is: one that all its routes cross, or several together.
  bool IsGuarded(std::int32_t resource) {
    return IsGuardedByOne(resource) || IsGuardedBySeveral(resource);
  }

  bool IsGuardedByOne(std::int32_t resource) {
    const std::vector<User>& users = users_[resource];
    const Span route = users.front().route;
    for (std::int32_t i = route.begin; i < route.end && i < route.begin + kCompared; ++i) {
      const std::int32_t guard = plan_.routes[i].resource;
      const double pace = Capacity(guard) / Capacity(resource) * (1 - kRounding);
      if (MayGuard(guard, resource) && users_[guard].size() >= users.size() &&
          Covers(users_[guard], users, pace)) {
        guards_[guard] = true;
        return true;
      }
    }
    return false;
  }

  // Whether every user of a link weighs as much on the guard, over what it weighs here times
  // `pace`. Users stand in the order of the routes.
  static bool Covers(const std::vector<User>& of_guard, const std::vector<User>& users,
                     double pace) {
    auto there = of_guard.begin();
    for (const User& here : users) {
      while (there != of_guard.end() && there->number < here.number) {
        ++there;
      }
      if (there == of_guard.end() || there->number != here.number ||
          there->weight < here.weight * pace) {
        return false;
      }
    }
    return true;
  }

  [[nodiscard]] bool MayGuard(std::int32_t guard, std::int32_t resource) const {
    return guard != resource && pace_setters_[guard].can_be_first &&
           (IsHbm(resource) || !IsHbm(guard));  // some transfers leave HBM out
  }

  // The narrowest other links on the routes over a link, when full, leave it room: each of them
  // lets by its capacity times the most that its routes weigh more here than there.
  bool IsGuardedBySeveral(std::int32_t resource) {
    std::map<std::int32_t, double> most;  // by guard, of the weight here over the weight there
    for (const User& user : users_[resource]) {
      const RouteEntry guard = GuardOf(user.route, resource);
      if (guard.weight == 0) {
        return false;
      }
      double& ratio = most[guard.resource];
      ratio = std::max(ratio, 1.0 * user.weight / guard.weight);
    }
    double let_by = 0;
    for (const auto& [guard, ratio] : most) {
      let_by += ratio * Capacity(guard);
    }
    if (let_by > Capacity(resource) * (1 + kRounding)) {
      return false;
    }
    for (const auto& [guard, ratio] : most) {
      guards_[guard] = true;
    }
    return true;
  }

  // The narrowest link beside one, of those that a route lists first; weight 0: none.
  [[nodiscard]] RouteEntry GuardOf(Span route, std::int32_t beside) const {
    RouteEntry narrowest{-1, 0};
    double pace = std::numeric_limits<double>::infinity();
    for (std::int32_t i = route.begin; i < route.end && i < route.begin + kCompared; ++i) {
      const RouteEntry entry = plan_.routes[i];
      const double own = Capacity(entry.resource) / entry.weight;
      if (MayGuard(entry.resource, beside) && own < pace) {
        narrowest = entry;
        pace = own;
      }
    }
    return narrowest;
  }

  static constexpr double kRounding = 1e-12;
  static constexpr std::int32_t kCompared = 128;  ///< links of a route that are tried as guards

  const Plan& plan_;
  std::vector<PaceSetter>& pace_setters_;
  std::vector<std::vector<User>> users_;  ///< by resource, of those that may be the first
  std::vector<bool> guards_;              ///< by resource: another one is left out for it
};

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
  const std::vector<std::uint64_t> users = UsersOf(plan, pace_setters);
  std::vector<Candidate> candidates;
  for (std::size_t r = 0; r < pace_setters.size(); ++r) {
    if (pace_setters[r].can_be_first) {
      candidates.push_back({users[r], plan.resources[r].tier == plan.tiers.hbm(),
                            plan.resources[r].capacity.si() / pace_setters[r].unit,
                            static_cast<std::int32_t>(r)});
    }
  }
  std::sort(candidates.begin(), candidates.end());
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    pace_setters[candidates[i].resource].can_be_first =
        i == 0 || candidates[i].users != candidates[i - 1].users ||
        candidates[i].hbm != candidates[i - 1].hbm;
  }
  Guards(plan, pace_setters).Prune();
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
