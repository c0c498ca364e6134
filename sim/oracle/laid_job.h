#pragma once

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

/// Throws UserError when the job does not fit its servers (replicas, HBM, places, links).
LaidJob LayJob(const TrainingSpec& training, const Placement& placement, const Network& network);

}  // namespace gridlock
