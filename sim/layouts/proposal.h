#pragma once

// A layout as a point of its scenario, and what a run with it takes.

#include <optional>
#include <string>
#include <vector>

#include "sim/layouts/search.h"
#include "sim/record/step_record.h"
#include "sim/scenario/point.h"

namespace gridlock {

/// What the scenario says with this layout: fields of job[0].pretraining.
Point PointOf(const LayoutChoice& choice);

/// What a run costs, as far as there are figures.
struct RunFigures {
  double days = 0;                ///< 0: no token budget
  double energy_j = 0;            ///< of the run, PUE included; 0: no token budget
  double power_w = 0;             ///< mean, PUE included
  double accelerator_hours = 0;   ///< 0: no token budget
  std::optional<double> dollars;  ///< nothing: no price, or no token budget
};

/// Prices and budgets that the user gave.
struct RunBudget {
  double tokens = 0;            ///< of the whole run; 0: not given
  double dollars_per_hour = 0;  ///< of one accelerator, electricity included; 0: not given
};

RunFigures FiguresOf(const StepRecord& step, const SiteSpec& site, const RunBudget& budget);

/// A proposal: a layout, its step and its run.
struct Proposal {
  ScoredLayout layout;
  StepRecord step;         ///< simulated with contention, or analytic
  bool simulated = false;  ///< with contention
  RunFigures run;
  bool on_front = false;  ///< no other proposal is both faster and cheaper
  bool own = false;       ///< the layout that the scenario has

  /// HBM that the fullest stage needs, and what there is.
  [[nodiscard]] Bytes peak() const;
  [[nodiscard]] Bytes room() const;
};

/// Why the second of two lost: what set the pace, with its seconds more (or less), the largest
/// difference first. Parts below a thousandth of the step are left out.
std::vector<Attribution> Differences(const StepRecord& winner, const StepRecord& loser);

}  // namespace gridlock
