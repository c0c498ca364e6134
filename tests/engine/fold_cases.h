#pragma once

// Sites and jobs on which the folded evaluator must equal the full one: 12 that fold evenly, 12
// that do not. Each has an upper tier that matters.

#include <iosfwd>
#include <string>
#include <vector>

#include "tests/engine/machines.h"

namespace gridlock {

struct FoldCase {
  std::string name;
  SiteSpec site;
  TrainingSpec job;

  /// The same with half the bandwidth in the upper tier: spines with three tiers, else leaves.
  [[nodiscard]] FoldCase WithHalfTheUpperTier() const;

  [[nodiscard]] Scenario scenario() const { return ScenarioOf(site, job); }
};

/// For the names of tests.
std::ostream& operator<<(std::ostream& out, const FoldCase& fold_case);

/// Every leaf, pod and replica like every other.
std::vector<FoldCase> EvenCases();

/// Partial pods, replicas that straddle pods, odd counts, hashed routes, shared NICs.
std::vector<FoldCase> UnevenCases();

/// Experts shared inside a domain, across domains, and by groups that lie unevenly.
std::vector<FoldCase> ExpertCases();

std::vector<FoldCase> AllFoldCases();

/// 64 servers of 8 in pods of 12 servers: 5 1/3 pods.
FoldCase FiveAndAThirdPods();

}  // namespace gridlock
