#pragma once

// Frozen models that every sequence of a training job goes through, forward alone: references,
// reward models, teachers.

#include "workloads/transformer.h"

namespace gridlock {

/// The job with the copy's model in the place of its own, of which nothing is trained or kept.
TrainingSpec JobOfCopy(const TrainingSpec& job, const FrozenCopySpec& copy);

/// What of a copy's model stands beside a part of the trained one: as large a share of its layers.
ModelPart PartOfCopy(const TrainingSpec& job, const FrozenCopySpec& copy, const ModelPart& part);

/// Bytes of the weights of all copies beside a part, where nothing is sharded. @param gathered
/// those that a forward pass gathers: those of a base beneath adapters, too
ParameterBytes CopyBytes(const TrainingSpec& job, const ModelPart& part, bool gathered);

/// Logits of copies that stay until the loss, on a rank that has the LM head: 16 bits of each.
Bytes CopyLogits(const TrainingSpec& job);

}  // namespace gridlock
