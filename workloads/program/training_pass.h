#pragma once

#include "workloads/program/program.h"
#include "workloads/training.h"
#include "workloads/transformer.h"

namespace gridlock {

/// A pass over a part of a model, with the least time that launches and copies to the host take,
/// and the all-to-alls of its experts and of its heads.
struct TrainingPass {
  Pass pass;
  AllToAllTraffic experts, heads;
};

TrainingPass PassOf(const TrainingSpec& job, const ServerSpec& server, const ModelPart& part,
                    bool backward, Gradients gradients);

}  // namespace gridlock
