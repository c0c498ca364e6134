#pragma once

// The whole of `gridlock plan`: the search for each number of accelerators, the simulation of the
// best with contention, their runs, and what must be said of them.

#include <functional>
#include <string>
#include <vector>

#include "sim/base/check.h"
#include "sim/layouts/proposal.h"

namespace gridlock {

/// What the user asks for.
struct PlanAsked {
  std::vector<std::int64_t> accelerators;  ///< empty: those of the scenario's layout
  int top = 5;
  int parallel = 0;
  double hbm_margin = 0;      ///< share of HBM that must stay free
  double megawatts_most = 0;  ///< 0: no limit
  double dollars_most = 0;    ///< 0: no limit
  RunBudget budget;
  std::int64_t micro_batch_most = 32;
  std::vector<FixedSize> fixed;
  bool offload = false;
  std::vector<std::int32_t> bases;  ///< formats of a frozen base to try (ParseBases)
  bool shard_groups = false;        ///< tries sharded copies inside a scale-up domain (HSDP)
  bool zero_bubble = false;         ///< tries the zero-bubble schedule beside the scenario's
  bool variants = false;
  bool simulate = true;    ///< with contention
  double step_s_most = 0;  ///< steps that take longer are of no use; 0: none is
};

struct LayoutPlan {
  std::vector<Proposal> proposals;  ///< the fastest run first
  SearchCounts counts;              ///< of all searches together
  std::vector<std::string> notes;   ///< warnings and what was left out, for people
  double tokens = 0;                ///< of the run; 0: not given
  bool own_fits = false;            ///< the scenario's own layout fits HBM
  double own_analytic_s = 0;        ///< its analytic step time, where it fits
};

/// What happens meanwhile.
struct PlanHooks {
  std::function<void(const std::string& what, double fraction)> progress;
  std::function<void(const std::vector<ScoredLayout>& best)> improved;
};

/// HBM is what no layout fits.
class NothingFits : public UserError {
 public:
  using UserError::UserError;
};

/// Throws UserError when the scenario has no training step on one site, when a constraint has no
/// figures to be checked with, or when nothing fits (NothingFits where HBM is too small). @param
/// scenario of the base at an empty point
LayoutPlan MakePlan(const ScenarioBase& base, const Scenario& scenario, const PlanAsked& asked,
                    const PlanHooks& hooks);

/// Largest batch in tokens that a published run is known to have used: DeepSeek-V3, 15,360
/// sequences of 4,096 tokens (arXiv:2412.19437, section 4.2).
inline constexpr double kLargestPublishedBatch = 15360.0 * 4096;

/// What is to be said of a batch of so many tokens; "" for one of the usual size.
std::string BatchNote(double tokens);

}  // namespace gridlock
