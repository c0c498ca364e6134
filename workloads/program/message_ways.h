#pragma once

#include "workloads/program/program.h"
#include "workloads/schedule.h"

namespace gridlock {

/// The messages of a pass: whether it waits for one and sends one, where they travel, and in which
/// lane. A V sends its way back in a lane of its own.
struct MessageWays {
  bool receives = false, sends = false;
  Direction direction = Direction::kForward;
  int lane = 0;
};

/// @param part what the chunk of the pass holds
MessageWays WaysOf(const TrainingSpec& job, int stage, const ScheduledPass& pass,
                   const ModelPart& part);

}  // namespace gridlock
