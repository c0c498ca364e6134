#pragma once

// Whether a training step and one site fit each other.

#include <string>

#include "proto/scenario.pb.h"
#include "sim/schema/problems.h"
#include "sim/schema/written.h"
#include "topologies/machine.h"
#include "workloads/training.h"

namespace gridlock {

/// A site that a job may run on.
struct FitPlace {
  const SiteSpec& site;
  std::string name;                  ///< for messages: "the site", or `site "east"`
  int share = 1;                     ///< sites that the job runs on together
  std::int64_t replicas_beside = 0;  ///< of a fleet, that other sites hold
};

/// Checks the layout of a training step against its model and one site. `written` is that of the
/// run.
void CheckTrainingFit(const proto::Pretraining& run, const Written& written,
                      const TrainingSpec& spec, const FitPlace& place, ProblemList& problems);

}  // namespace gridlock
