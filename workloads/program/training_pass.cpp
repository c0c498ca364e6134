#include "workloads/program/training_pass.h"

#include <algorithm>

#include "workloads/layer_shape.h"
#include "workloads/pass_builder.h"

namespace gridlock {

namespace {

// What the LM head and the loss of a pass take by themselves. Their kernels are few and long, and
// go on while no layer is launched: in 1,440 steps on A100 (VIA-Research/vTrain) they come on top
// of layers that launches pace, 3 to 7 ms of each micro-batch.
Seconds BesideLayers(const TrainingSpec& job, const ServerSpec& server, const PassBuilder& builder,
                     const ModelPart& part, bool backward, Gradients gradients) {
  if (!part.head) {
    return Seconds(0);
  }
  const ModelPart head{Layers(), false, true};
  const PassWork work = backward ? BackwardWork(job, head, gradients) : ForwardWork(job, head);
  const Pass pass = builder.Build("", work, Seconds(0));
  const AcceleratorSpec& chip = server.accelerator;
  const Seconds hbm = pass.memory_bytes / (chip.hbm_bandwidth * chip.hbm_efficiency);
  return pass.compute_time + std::max(hbm, pass.memory_time);
}

}  // namespace

TrainingPass PassOf(const TrainingSpec& job, const ServerSpec& server, const ModelPart& part,
                    bool backward, Gradients gradients) {
  const PassWork work = backward ? BackwardWork(job, part, gradients) : ForwardWork(job, part);
  const StackSpec& stack = job.stack;
  const BytesPerSecond host = server.accelerator.host_bandwidth;
  const ModelPart active = backward ? part.trained() : part;
  const double launches = LaunchShare(job) * active.usual_layers();
  const double mixtures = active.layers.with(Block::kMixture);
  const PassBuilder builder(job, server);
  Seconds floor = job.launch_floor(backward) * launches;
  Seconds wait = (backward ? stack.expert_wait_backward : stack.expert_wait_forward) * mixtures;
  const double visits = mixtures * LayerShape(job).local_experts();
  if (stack.expert_visit > Seconds(0)) {
    floor += (backward ? 2 : 1) * visits * stack.expert_visit;
  }
  if (backward && gradients == Gradients::kWeights) {
    floor = wait = Seconds(0);  // its launches count in the other half
  } else if (backward && job.recompute == Recompute::kFull) {
    floor += (job.launch_floor(/*backward=*/false) + stack.checkpoint_floor) * launches +
             visits * stack.expert_visit;
    wait += stack.expert_wait_forward * mixtures;
  }
  if (floor > Seconds(0)) {
    floor += BesideLayers(job, server, builder, active, backward, gradients);
  }
  if (gradients != Gradients::kWeights) {
    floor = std::max(floor, HostCopies(job, part, host));
    if (backward) {
      floor = std::max(floor, GradientCopies(job, part, host));
    }
    wait += StateCopies(job, part, backward, host);
  }
  if (job.layout.pipeline > 1) {
    wait += stack.pass_wait;
  }
  TrainingPass out{builder.Build(backward ? "backward" : "forward", work, floor), work.experts,
                   work.heads};
  builder.ShareUnits(part, backward, out.pass);
  out.pass.host_wait = wait;
  return out;
}

Collective GatherOf(const TrainingSpec& job, const ModelPart& part, const std::string& of,
                    FamilyIndex family, Bytes payload, int shards) {
  const auto named = [&](CollectiveKind kind) {
    return Collective{of + CollectiveName(kind), family, kind, payload};
  };
  if (!job.stack.broadcasts_parameters || job.zero == 3) {
    return named(CollectiveKind::kAllGather);
  }
  // A layer has a matrix for queries, keys and values, that behind attention, two or three of the
  // feed-forward block, and two norms.
  const double of_layer = job.model.gated ? 7 : 6;
  const auto tensors = [of_layer](double layers, bool embedding, bool head) {
    return of_layer * layers + (embedding ? 1 : 0) + (head ? 2 : 0);
  };
  const double all = tensors(1.0 * job.model.layers / job.layout.pipeline, true, true);
  const double own = tensors(part.layers.total(), part.embedding, part.head);
  Collective broadcasts = named(CollectiveKind::kBroadcast);
  broadcasts.calls = own * std::min(1.0, shards / all);
  broadcasts.payload = payload / broadcasts.calls;
  return broadcasts;
}

}  // namespace gridlock
