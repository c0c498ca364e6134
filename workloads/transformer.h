#pragma once

// What a transformer computes, moves and stores, per micro-batch and tensor-parallel rank.
// Closed forms only: no machine, no clock.

#include <cstdint>
#include <string>
#include <vector>

#include "sim/base/units.h"
#include "workloads/training.h"

namespace gridlock {

/// Which unit of the accelerator does the arithmetic of an operation, hence which efficiency
/// applies.
enum class Kernel {
  kGemm,
  kAttention,
  kAttentionBackward,
  kScan,          ///< products of a chunked recurrence
  kScanBackward,  ///< the same, backward
  kVector,        ///< arithmetic beside the matrix units
  kElementwise,
};

/// One kind of kernel call: its arithmetic, its HBM traffic, and how often it is called.
struct Operation {
  const char* name = "";
  Kernel kernel = Kernel::kElementwise;
  Flop flop;                ///< of one call
  Bytes hbm;                ///< of one call, read and written
  double calls = 1;         ///< may be a fraction when slices of a chunk are averaged
  bool wide = false;        ///< stays in 16 bits when the job's format is narrower
  bool of_weights = false;  ///< makes a gradient of weights
  double slowdown = 1;      ///< time of its arithmetic over that of a kernel of the usual size
  double grouped = 1;       ///< calls that one kernel does together
  bool single = false;      ///< in 32 bits, whatever the job's format is
};

/// What a backward pass makes.
enum class Gradients { kAll, kInputs, kWeights };

/// Collectives over the tensor-parallel group: gathers of `gathered` bytes each, the others of
/// `payload` (the full buffer of a rank). Sums are sent in 16 bits, gathers in the format of the
/// GEMM that they feed.
struct TensorTraffic {
  double all_gathers = 0;
  double reduce_scatters = 0;
  double all_reduces = 0;
  Bytes payload;
  Bytes gathered;
  // The same around experts that are split over the group.
  double expert_gathers = 0;
  double expert_scatters = 0;
  Bytes expert_payload;
};

/// All-to-alls of `payload` each.
struct AllToAllTraffic {
  double calls = 0;
  Bytes payload;
};

/// Which part of a model one pass goes through.
struct ModelPart {
  Layers layers;           ///< those of prediction modules with them
  bool embedding = false;  ///< starts with the input embedding
  bool head = false;       ///< ends with the LM head and the loss
  Layers frozen = {};      ///< of `layers`: leading ones that are not trained
  bool frozen_start =
      false;            ///< the layer that it begins with is frozen, or would be: it may have none
  int predictions = 0;  ///< prediction modules, each with a head and a loss more

  /// Layers of two blocks, as most are, that launch as many kernels.
  [[nodiscard]] double usual_layers() const { return layers.places() / 2; }

  /// The layers alone.
  [[nodiscard]] ModelPart OnlyLayers() const { return {layers, false, false}; }

  /// What the backward pass goes through: the layers after those that are frozen.
  [[nodiscard]] ModelPart trained() const {
    return {layers.Without(frozen), embedding && frozen.total() <= 0, head, {}, false, predictions};
  }

  /// Nothing of it has a backward pass.
  [[nodiscard]] bool wholly_frozen() const {
    return frozen_start && frozen.total() >= layers.total() && !head;
  }

  bool operator==(const ModelPart&) const = default;
};

struct PassWork {
  std::vector<Operation> operations;
  TensorTraffic tensor;
  Bytes context;  ///< keys and values that each rank sends around its context-parallel group
  AllToAllTraffic experts = {};  ///< tokens to the ranks of their experts, and results back
  AllToAllTraffic heads = {};    ///< of context ranks, from tokens to heads and back
};

/// Forward pass of one micro-batch.
PassWork ForwardWork(const TrainingSpec& job, const ModelPart& part);

/// Backward pass of one micro-batch, with what recomputation adds. A pass that makes gradients of
/// weights alone has only their products.
PassWork BackwardWork(const TrainingSpec& job, const ModelPart& part,
                      Gradients gradients = Gradients::kAll);

/// Parameters that one rank holds. Experts count separately when they are laid out in a way of
/// their own, because then other ranks hold the same ones.
struct ParameterCount {
  double common = 0;
  double experts = 0;

  [[nodiscard]] double total() const { return common + experts; }
};

/// Parameters of a part that one rank holds.
ParameterCount ParametersPerRank(const TrainingSpec& job, const ModelPart& part);

/// Those that are trained, adapters with them.
ParameterCount TrainedPerRank(const TrainingSpec& job, const ModelPart& part);

/// Bytes of parameters, split in the same way.
struct ParameterBytes {
  Bytes common;
  Bytes experts;

  [[nodiscard]] Bytes total() const { return common + experts; }
};

/// Bytes of those parameters as the GEMMs use them: 16 bits, or their narrower format where the
/// stack keeps the layers' parameters in it, or that of a frozen base. Adapters are with them,
/// master weights apart.
ParameterBytes WeightBytes(const TrainingSpec& job, const ModelPart& part);

/// Bytes of those that are trained, as the GEMMs use them.
ParameterBytes TrainedBytes(const TrainingSpec& job, const ModelPart& part);

/// Parameters of the largest weight matrix that one rank holds; the experts of a rank count as one.
double LargestMatrix(const TrainingSpec& job);

/// The same of the matrices of one layer.
double LargestOfLayer(const TrainingSpec& job, LayerKind kind);

/// Parameters of the weight shapes of one layer on a rank: its experts have the same ones.
double ShapesOfLayer(const TrainingSpec& job, LayerKind kind);

/// All parameters of the model, without its prediction modules: what published counts mean.
double ModelParameters(const ModelSpec& model);

/// Time of a step outside of all operations: t + t2 log2 n of n accelerators, of models smaller
/// than the stack's overhead_parameters in proportion.
Seconds StepOverhead(const TrainingSpec& job);

/// Parameters that one token goes through: of the routed experts only those that the token is sent
/// to.
double ActiveParameters(const ModelSpec& model);

/// FLOP that the model needs for one step over the whole job: forward and backward (three times the
/// forward GEMMs and attention; twice the GEMMs of frozen matrices that gradients go through, once
/// what they do not). Embedding look-up and recomputation do not count, and of the experts only
/// those that each token is sent to. MFU counts these.
Flop ModelFlop(const TrainingSpec& job);

/// ModelFlop plus the forward FLOP that the chosen recomputation does again, and those of frozen
/// copies. HFU counts these.
Flop HardwareFlop(const TrainingSpec& job);

/// Bytes that one layer keeps per micro-batch and rank from its forward to its backward pass.
Bytes LayerActivations(const TrainingSpec& job, LayerKind kind = kDenseLayer);

/// The same for the layers of a part.
Bytes KeptActivations(const TrainingSpec& job, const ModelPart& part);

/// Of that, what feed-forward blocks keep a second time where they run in CUDA graphs: what is
/// captured lies in a pool of the graphs, and the steps before that have left their own in pieces.
/// After 3 eager steps a run of Megatron-Bridge had 61 GB of 269 that nothing could use (issue
/// 4587). Recomputed blocks keep nothing.
Bytes CapturedActivations(const TrainingSpec& job, const ModelPart& part);

/// Launches of a layer over those of one like Llama's: of stacks that take norms apart, fewer in
/// models whose norms are one kernel.
double LaunchShare(const TrainingSpec& job);

/// Share of the layers of a stage whose activations go to the host.
double OffloadedShare(const TrainingSpec& job);

/// Time of their copies to the host, or back, at `host`: a pass is not over before its copies are.
/// Zero when they stay.
Seconds HostCopies(const TrainingSpec& job, const ModelPart& part, BytesPerSecond host);

/// Time that a pass of a part waits for a rank's parameters to come from the host, where its states
/// are, and in the backward pass for gradients to go there. Zero when they stay in HBM.
Seconds StateCopies(const TrainingSpec& job, const ModelPart& part, bool backward,
                    BytesPerSecond host);

/// Time of the copies of a part's gradients to the host, where the optimizer wants them there: the
/// backward pass is not over before they are. Zero when they stay.
Seconds GradientCopies(const TrainingSpec& job, const ModelPart& part, BytesPerSecond host);

/// Bytes that come and go while the backward pass of one layer runs, beyond what layers keep.
Bytes LayerWorkingSet(const TrainingSpec& job, LayerKind kind = kDenseLayer);

/// Bytes that come and go while the LM head and the loss run: logits, and the head's input.
Bytes LossWorkingSet(const TrainingSpec& job);

/// Bytes of one pipeline message per tensor-parallel rank: the activations at a layer boundary,
/// split over the tensor-parallel ranks with sequence parallelism, and where the stack scatters and
/// gathers them (Narayanan et al. 2021, section 4.1).
Bytes PipelineMessage(const TrainingSpec& job);

}  // namespace gridlock
