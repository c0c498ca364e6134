#pragma once

// Builds that were simulated, ranked and told.

#include <string>
#include <vector>

#include "sim/builds/build.h"

namespace gridlock {

/// What came of the life of a build.
struct BuildFigures {
  bool simulated = false;  ///< steps with contention; else by closed forms, a bound
  double days = 0;         ///< until the final run was done; negative: it was not
  double tokens = 0;       ///< of the final run, trained until the horizon
  double ettr = 0, mfu = 0;
  double waiting_h = 0;  ///< of experiments, median; NaN: none
  double experiments_done = 0;
  double good_share = 0;            ///< of requests within both objectives; NaN: none
  double mean_mw = 0, peak_mw = 0;  ///< PUE included
  double capital_usd = 0, energy_usd = 0, operation_usd = 0;
  double run_usd_per_million = 0;  ///< all of what the run cost, for a million of its tokens
  std::string fingerprint;         ///< "" where steps were not simulated
};

struct Build {
  BuildParts parts;
  BuildSize size;
  std::int64_t accelerators = 0;  ///< of the final run
  std::string layout;             ///< in words
  std::string binds;              ///< which side of the budget: "power", "dollars"
  double users_served = 1;        ///< share of the users that the fleet has replicas for
  double per_server_usd = 0;
  std::string file;     ///< the scenario; "" where none is written
  std::string problem;  ///< why there are no figures
  BuildFigures figures;

  [[nodiscard]] double dollars() const {
    return figures.capital_usd + figures.energy_usd + figures.operation_usd;
  }
};

/// Whether one comes before the other: see Rank.
bool IsBetter(const Build& a, const Build& b);

/// The best first: those that finish, by the day; then the others, by their tokens; then those that
/// cannot be built.
void Rank(std::vector<Build>& builds);

/// What holds a build back, in words: the budget's side, and what became of the demand.
std::string Binds(const BuildAsked& asked, const Build& build);

std::string BuildsText(const BuildAsked& asked, const std::vector<Build>& builds);

std::string BuildsJson(const BuildAsked& asked, const std::vector<Build>& builds);

}  // namespace gridlock
