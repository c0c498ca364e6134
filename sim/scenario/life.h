#pragma once

// The parts of a scenario that only its life has: what changes when, what is out of service, how
// servers fail, how jobs are scheduled.

#include <string>

#include "sim/scenario/convert.h"
#include "sim/schema/rules.h"

namespace gridlock {

/// A scenario as a message, with what its names mean.
struct ScenarioMessage {
  const proto::Scenario& message;
  const Written& written;
  const Catalogue& catalogue;
};

/// The time that a field says; its text has passed CheckRules.
inline Seconds RequiredTime(const std::string& text) {
  return Seconds(SiOf(text, Dimension::kTime));
}

/// Fills Scenario::epochs, and sites and wans with those of the first. A change holds from its `at`
/// until its `until`; of several changes of one field that hold at the same time, the one that
/// began last counts.
void AddEpochs(const ScenarioMessage& from, Scenario& scenario, ProblemList& problems);

/// Fills Scenario::outages.
void AddOutages(const ScenarioMessage& from, Scenario& scenario, ProblemList& problems);

/// Fills Scenario::reliability; sites and jobs are there already.
void AddReliability(const ScenarioMessage& from, Scenario& scenario, ProblemList& problems);

/// Fills Scenario::reliability, scheduler and recording.
void AddPolicies(const ScenarioMessage& from, Scenario& scenario, ProblemList& problems);

}  // namespace gridlock
