#pragma once

// Steps of jobs by closed forms, each by itself and packed on the first servers of its sites: no
// simulated step of a job is shorter. For a first look at many lives.

#include <map>
#include <string>
#include <vector>

#include "sim/oracle/situation.h"

namespace gridlock {

class PackedRates {
 public:
  /// The rate of every job, in the order of the situation. Throws UserError when a job does not fit
  /// its machine (HBM).
  std::vector<StepRate> RatesOf(const Situation& situation);

 private:
  std::map<std::string, StepRate> known_;  ///< by machine, job and servers on each site
};

}  // namespace gridlock
