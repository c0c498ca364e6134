#pragma once

// The best layouts of a job, found by the analytic evaluator.
//
//   list all layouts that divide everything              in children, a part of the space each
//   drop those that overflow HBM
//   sort the rest by a time that they cannot beat (bound.h)
//   in that order, in batches: the analytic step time of each
//   stop when no bound is below the time of the last one that is wanted
//
// A layout whose bound is not below the best variant of its own split is skipped. So nothing is
// lost: the result is that of trying all of them.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "sim/layouts/space.h"

namespace gridlock {

/// A layout that fits, and its times.
struct ScoredLayout {
  LayoutChoice choice;
  double bound = 0;      ///< seconds; no step is faster
  double analytic = -1;  ///< seconds; -1: not evaluated

  /// By time, then in the order of the layouts.
  [[nodiscard]] bool Before(const ScoredLayout& other) const {
    return analytic != other.analytic ? analytic < other.analytic : choice < other.choice;
  }
};

/// What a search went through.
struct SearchCounts {
  RefusedCounts refused{};
  std::int64_t checked = 0;    ///< layouts that divide everything; HBM was looked at
  std::int64_t fitting = 0;    ///< of those: fit HBM
  std::int64_t evaluated = 0;  ///< of those: the whole analytic step
  double checking_s = 0;       ///< real time until all were checked and bounded
  double evaluating_s = 0;     ///< real time after that
};

struct SearchOptions {
  int top = 5;            ///< splits that are wanted, each with its best variant
  int parallel = 0;       ///< children at a time; 0: one per core
  bool prune = true;      ///< false: evaluate all that fit, for tests
  bool variants = false;  ///< every layout counts by itself
  double most_s = 0;      ///< step time that is too long; 0: none is
  std::function<void(const std::string& what, double fraction)> progress;
  /// Called when the best layouts have changed, the fastest first.
  std::function<void(const std::vector<ScoredLayout>& best)> improved;
};

struct SearchResult {
  std::vector<ScoredLayout> best;  ///< the fastest first; at most `top`
  SearchCounts counts;
};

/// Throws UserError when a child fails. @param site where the job runs, whole
SearchResult SearchLayouts(const LayoutSpace& space, const SiteSpec& site,
                           const SearchOptions& options);

}  // namespace gridlock
