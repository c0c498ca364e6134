#pragma once

// Colour refinement of a plan, see fold.h.

#include <cstdint>
#include <limits>
#include <vector>

#include "sim/plan/changing_plan.h"
#include "sim/plan/plan.h"

namespace gridlock {

/// One kind of vertices and its colouring. Colours are numbered by the first vertex that has them.
class Colours {
 public:
  // Before the first split vertices differ by what is added to their sums.
  explicit Colours(std::size_t vertices) : colour_(vertices, 0), sums_(vertices, 0) {}

  [[nodiscard]] std::int32_t operator[](std::size_t vertex) const { return colour_[vertex]; }

  [[nodiscard]] std::size_t vertices() const { return colour_.size(); }

  [[nodiscard]] std::size_t count() const { return hashes_.size(); }

  // A random number for the vertex's colour.
  [[nodiscard]] std::uint64_t hash(std::size_t vertex) const { return hashes_[colour_[vertex]]; }

  void Add(std::size_t vertex, std::uint64_t signal) { sums_[vertex] += signal; }

  // Vertices of a colour that have different sums get different colours.
  void Split();

 private:
  static constexpr std::uint64_t kOwn = 0x9e3779b97f4a7c15ULL;

  std::vector<std::int32_t> colour_;
  std::vector<std::uint64_t> sums_;    ///< signals of this round: their order does not matter
  std::vector<std::uint64_t> hashes_;  ///< by colour
};

struct Colouring {
  Colours resources, agents, flows, groups;

  explicit Colouring(const Plan& plan)
      : resources(plan.resources.size()),
        agents(plan.agents.size()),
        flows(plan.flows.size()),
        groups(plan.groups.size()) {}

  void Split() {
    resources.Split();
    agents.Split();
    flows.Split();
    groups.Split();
  }

  [[nodiscard]] std::size_t count() const {
    return resources.count() + agents.count() + flows.count() + groups.count();
  }
};

/// The coarsest equitable partition of a plan: in the routes of each epoch, or without any in its
/// own.
/// @param rounds if not null, is told how many rounds that took
/// @param agents_most colours of agents beyond which it stops, unfinished
Colouring EquitableColouring(const Plan& plan, const std::vector<ChangingPlan::Epoch>& epochs,
                             int* rounds = nullptr,
                             std::size_t agents_most = std::numeric_limits<std::size_t>::max());

}  // namespace gridlock
