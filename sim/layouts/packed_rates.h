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
  /// The rate of every job, in the order of the situation. Training jobs that it was asked about
  /// stay where they are and as they are. Throws UserError when a job does not fit
  /// its machine (HBM).
  std::vector<StepRate> RatesOf(const Situation& situation);

 private:
  const std::string& KeyOf(const TrainingSpec& training);

  std::map<std::string, StepRate> known_;  ///< by machine, job and servers on each site
  std::map<const TrainingSpec*, std::string> keys_;
};

}  // namespace gridlock
