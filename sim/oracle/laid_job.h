#pragma once

#include "sim/oracle/situation.h"
#include "sim/plan/plan.h"
#include "topologies/network.h"
#include "workloads/program/training_program.h"

namespace gridlock {

/// A training job laid on its servers: what evaluators run and reports need.
struct LaidJob {
  TrainingSpec training;  ///< as it runs on its sites, see AcrossSites
  ServerSpec server;      ///< of its sites, see SlowerOf
  StepProgram program;    ///< of a long step only the first to simulate, see FirstMicroBatches
  Placement placement;

  [[nodiscard]] PlacedProgram placed() const { return {&program, placement}; }
};

/// Caches on their way, laid: without `training`. `placement` is of senders, then of those that
/// receive, on one site.
LaidJob LayStream(const CacheStream& stream, const Placement& placement, const Network& network);

/// One or the other. Throws as LayJob.
LaidJob LayPlaced(const PlacedJob& job, const Network& network);

/// Throws UserError when the job does not fit its servers (replicas, HBM, places, links).
LaidJob LayJob(const TrainingSpec& training, const Placement& placement, const Network& network);

}  // namespace gridlock
