#pragma once

// What steps of training that meets rarely have in common: see OuterSteps in proto/training.proto.

#include <optional>

#include "workloads/program/program.h"
#include "workloads/program/training_program.h"
#include "workloads/training.h"

namespace gridlock {

namespace training_group {

/// All stages of one replica: they meet before a rare exchange.
inline constexpr FamilyIndex kStages{6};

}  // namespace training_group

inline bool MeetsRarely(const TrainingSpec& job) {
  return job.outer.steps > 0 && job.layout.copies() > 1;
}

/// A step's part of the exchange between sites or shard groups of a rank's parameters.
inline std::optional<Collective> OuterExchange(const TrainingSpec& job, double parameters) {
  if (!MeetsRarely(job) || parameters <= 0) {
    return std::nullopt;
  }
  Collective exchange{"outer_all_reduce", training_group::kReplica, CollectiveKind::kAllReduce,
                      Bytes(job.outer.bytes_per_parameter * parameters)};
  exchange.calls = 1.0 / job.outer.steps;
  return exchange;
}

/// Where all wait for the exchange, its stages begin it together, as in the one step in which it is
/// whole: a stage that ends a step early cannot hide its part of it each time. A step has its part
/// of that barrier, too, which sums one element, as torch.distributed's does. Then
///   step = step without an exchange + exchange / steps.
inline std::optional<Collective> OuterMeeting(const TrainingSpec& job) {
  if (!MeetsRarely(job) || job.outer.overlap || job.layout.pipeline == 1) {
    return std::nullopt;
  }
  constexpr Bytes kElement(4);
  Collective meeting{"outer_meeting", training_group::kStages, CollectiveKind::kAllReduce,
                     kElement};
  meeting.calls = 1.0 / job.outer.steps;
  return meeting;
}

}  // namespace gridlock
