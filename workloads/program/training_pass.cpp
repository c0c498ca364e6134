#include "workloads/program/training_pass.h"

#include <algorithm>

#include "workloads/pass_builder.h"

namespace gridlock {

TrainingPass PassOf(const TrainingSpec& job, const ServerSpec& server, const ModelPart& part,
                    bool backward, Gradients gradients) {
  const PassWork work = backward ? BackwardWork(job, part, gradients) : ForwardWork(job, part);
  const StackSpec& stack = job.stack;
  const BytesPerSecond host = server.accelerator.host_bandwidth;
  const ModelPart active = backward ? part.trained() : part;
  const double launches = LaunchShare(job) * active.usual_layers();
  const double mixtures = active.layers.with(Block::kMixture);
  Seconds floor = job.launch_floor(backward) * launches;
  Seconds wait = (backward ? stack.expert_wait_backward : stack.expert_wait_forward) * mixtures;
  if (backward && gradients == Gradients::kWeights) {
    floor = wait = Seconds(0);  // its launches count in the other half
  } else if (backward && job.recompute == Recompute::kFull) {
    floor += (job.launch_floor(/*backward=*/false) + stack.checkpoint_floor) * launches;
    wait += stack.expert_wait_forward * mixtures;
  }
  if (gradients != Gradients::kWeights) {
    floor = std::max(floor, HostCopies(job, part, host));
    if (backward) {
      floor = std::max(floor, GradientCopies(job, part, host));
    }
    wait += StateCopies(job, part, backward, host);
  }
  const PassBuilder builder(job, server);
  TrainingPass out{builder.Build(backward ? "backward" : "forward", work, floor), work.experts};
  builder.ShareUnits(part, backward, out.pass);
  out.pass.host_wait = wait;
  return out;
}

}  // namespace gridlock
