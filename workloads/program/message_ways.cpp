#include "workloads/program/message_ways.h"

namespace gridlock {

namespace {

// Whether the part before this chunk of this stage has no backward pass.
bool EndsBefore(const TrainingSpec& job, int stage, int chunk) {
  if (job.frozen.layers == 0) {
    return false;
  }
  const int last = job.layout.pipeline - 1;
  if (!IsVee(job.layout.schedule)) {
    const int before = stage > 0 ? stage - 1 : last;
    return PartOf(job, before, stage > 0 ? chunk : chunk - 1).wholly_frozen();
  }
  // At the last stage its own other chunk comes before the way back.
  const bool turns = chunk == 1 && stage == last;
  const int before = turns ? stage : stage + (chunk == 0 ? -1 : 1);
  return PartOf(job, before, turns ? 0 : chunk).wholly_frozen();
}

}  // namespace

MessageWays WaysOf(const TrainingSpec& job, int stage, const ScheduledPass& pass,
                   const ModelPart& part) {
  if (pass.gradients == Gradients::kWeights) {
    return {};
  }
  MessageWays ways;
  ways.receives = !(pass.backward ? part.head : part.embedding);
  ways.sends = !(pass.backward ? part.embedding : part.head) &&
               !(pass.backward && EndsBefore(job, stage, pass.chunk));
  bool back = pass.backward;
  if (IsVee(job.layout.schedule)) {
    // At the last stage the model turns round without a message.
    const bool turns = stage == job.layout.pipeline - 1;
    const bool from_turn = (pass.chunk == 0) == pass.backward;
    ways.receives = ways.receives && !(turns && from_turn);
    ways.sends = ways.sends && !(turns && !from_turn);
    ways.lane = pass.chunk;
    back = back != (pass.chunk == 1);
  }
  ways.direction = back ? Direction::kBackward : Direction::kForward;
  return ways;
}

}  // namespace gridlock
