#pragma once

// Writes the step of a training job as a program.

#include <vector>

#include "workloads/program/program.h"
#include "workloads/training.h"

namespace gridlock {

/// The families of groups of a training job, in the order of StepProgram::families.
namespace training_group {

/// Ranks that share one sharded copy of a stage's parameters: consecutive replicas (all of them
/// unless the layout has a shard group) times the context-parallel ranks.
inline constexpr FamilyIndex kData{0};
/// Ranks that hold the same shard in every copy.
inline constexpr FamilyIndex kReplica{1};
/// First and last stage of one replica: tied embeddings.
inline constexpr FamilyIndex kEmbedding{2};
/// Ranks that share the experts of a layer.
inline constexpr FamilyIndex kExpert{3};
/// Ranks that hold the same experts.
inline constexpr FamilyIndex kExpertData{4};
/// Ranks that share each sequence.
inline constexpr FamilyIndex kContext{5};

}  // namespace training_group

/// The ranks of a layout.
RankGrid GridOf(const Layout& layout);

/// All families above. For experts the ranks of a stage, in the order tensor, context, data, are
/// split anew: the tensor-parallel ranks of an expert are neighbours, then come the ranks that
/// share the experts, then those that hold the same ones (NVIDIA/Megatron-LM,
/// core/parallel_state.py: order tp-ep-dp of the experts).
std::vector<GroupFamily> TrainingFamilies(const Layout& layout);

/// The job as it runs on several sites at once: its replicas are shared out evenly over them, and
/// sharded copies stay within a site (without a shard_group, a copy per site), so that only sums of
/// shards go between sites. Gradients are summed in three steps, also without sharding: scattered
/// within the site, summed over the sites, gathered within the site. Throws UserError when the
/// replicas cannot be shared out so.
TrainingSpec AcrossSites(TrainingSpec job, int sites);

/// Writes the step of a pretraining job for a machine. Checks what needs both: HBM capacity, and
/// tensor-parallel groups against the scale-up domain. Throws UserError.
/// @param micro_batches that the roles take through the pipeline, for the head and the tail of a
///   long step (sim/measure/long_step.h); all of the job's when 0. Tokens and FLOP are always those
///   of the whole step.
StepProgram BuildStepProgram(const TrainingSpec& job, const ServerSpec& server,
                             std::int64_t micro_batches = 0);

}  // namespace gridlock
