#pragma once

#include <string>

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

/// What brings `payload` of the parameters of a part to all ranks of a family, which `shards` of
/// them share: "parameter_" and "expert_" begin its name. Equal shares are gathered. Where a tensor
/// belongs to one rank (broadcasts_parameters), each owner sends its own to all others, one after
/// another; over 1,024 ranks and 227 tensors that is 227 broadcasts, over 8 ranks it is 8.
Collective GatherOf(const TrainingSpec& job, const ModelPart& part, const std::string& of,
                    FamilyIndex family, Bytes payload, int shards);

}  // namespace gridlock
