#include "workloads/transformer.h"

#include <algorithm>

namespace gridlock {

namespace {

// The sizes that all formulas below share, as doubles.
struct Shape {
  explicit Shape(const TrainingSpec& job)
      : tokens(static_cast<double>(job.micro_batch) * static_cast<double>(job.sequence_length) /
               job.layout.context),
        sequence(static_cast<double>(job.sequence_length)),
        hidden(job.model.hidden),
        query(static_cast<double>(job.model.heads) * job.model.head_dim),
        key_value(static_cast<double>(job.model.kv_heads) * job.model.head_dim),
        ffn(job.model.ffn),
        ffn_in(job.model.gated ? 2.0 * job.model.ffn : 1.0 * job.model.ffn),
        vocabulary(job.model.vocabulary),
        heads(job.model.heads),
        tensor(job.layout.tensor),
        // Norms, residuals and dropout are split over the tensor group only with sequence
        // parallelism.
        sequence_split(job.layout.sequence_parallel ? tensor : 1.0),
        // Half of the scores under a causal mask, in kernels that skip the other half.
        score_share(job.model.attention == Attention::kCausal && job.stack.fused_attention ? 0.5
                                                                                           : 1.0) {}

  double tokens, sequence, hidden, query, key_value, ffn, ffn_in, vocabulary, heads, tensor,
      sequence_split, score_share;
};

// Elementwise tensors live in 16 bits whatever the GEMM format is.
constexpr double kActivationBytes = 2.0;

// Inputs of GEMMs are cast to the format of the GEMM, then gathered, and kept for the weight
// gradient as they are (NVIDIA Transformer Engine documentation, low-precision training).
double InputBytes(const TrainingSpec& job) {
  return std::min(kActivationBytes, PrecisionBytes(job.precision));
}

// FLOP of a matrix product of (m x k) and (k x n): a multiply and an add per term.
Operation Gemm(const char* name, double m, double n, double k, double element_bytes, double calls) {
  return {name, Kernel::kGemm, Flop(2.0 * m * n * k),
          Bytes(element_bytes * (m * k + k * n) + kActivationBytes * m * n), calls};
}

Operation Elementwise(const char* name, double bytes, double calls) {
  return {name, Kernel::kElementwise, Flop(0), Bytes(bytes), calls};
}

// Rows of the weight matrices of one layer and rank: (n, k) of y = x W with x of (tokens x k).
struct Matrix {
  const char* name;
  double n, k;
};

std::vector<Matrix> LayerMatrices(const Shape& s) {
  return {{"qkv", (s.query + 2 * s.key_value) / s.tensor, s.hidden},
          {"attention_out", s.hidden, s.query / s.tensor},
          {"ffn_in", s.ffn_in / s.tensor, s.hidden},
          {"ffn_out", s.hidden, s.ffn / s.tensor}};
}

// Forward FLOP of QK^T and PV: 2 products of 2 s^2 d per head. Narayanan et al. 2021, appendix.
double AttentionFlop(const Shape& s, double share) {
  return 4.0 * s.tokens * s.sequence * s.query / s.tensor * share;
}

// HBM bytes of the score matrices when they are not kept on the chip, per element of the matrix:
// forward writes the scores, masks and normalises them (read, write), drops (read, write, mask
// byte) and reads them for PV; backward does the same for two gradients and reads the kept
// probabilities. Counted kernel by kernel for 16-bit scores; the tensors are those of Korthikanti
// et al. 2022, eq. 1.
constexpr double kScoreBytesForward = 2 + 4 + 5 + 2;
constexpr double kScoreBytesBackward = 2 + 5 + 6 + 4 + 2;

double ScoreElements(const Shape& s) {
  return s.tokens * s.sequence * s.heads / s.tensor;
}

void AddAttentionForward(const TrainingSpec& job, const Shape& s, double calls,
                         std::vector<Operation>& out) {
  const double stream = kActivationBytes * s.tokens * (2 * s.query + 2 * s.key_value) / s.tensor;
  out.push_back({"attention", Kernel::kAttention, Flop(AttentionFlop(s, s.score_share)),
                 Bytes(stream), calls, /*wide=*/true});
  if (!job.stack.fused_attention) {
    out.push_back(Elementwise("softmax", kScoreBytesForward * ScoreElements(s), calls));
  }
}

void AddAttentionBackward(const TrainingSpec& job, const Shape& s, double calls,
                          std::vector<Operation>& out) {
  // Fused kernels compute the scores again: five products instead of four (Dao et al. 2022).
  const double products = job.stack.fused_attention ? 2.5 : 2.0;
  const double stream = kActivationBytes * s.tokens * (5 * s.query + 4 * s.key_value) / s.tensor;
  out.push_back({"attention_backward", Kernel::kAttentionBackward,
                 Flop(products * AttentionFlop(s, s.score_share)), Bytes(stream), calls,
                 /*wide=*/true});
  if (!job.stack.fused_attention) {
    out.push_back(Elementwise("softmax_backward", kScoreBytesBackward * ScoreElements(s), calls));
  }
}

// Bytes that norms, residual adds, rotary positions and the activation function move in the forward
// pass of one layer when each is one fused kernel: norm reads and writes its tensor (twice a
// layer), residual add reads two and writes one (twice), rotary reads and writes q and k, the
// activation reads its inputs and writes its output.
double ElementwiseForwardBytes(const TrainingSpec& job, const Shape& s) {
  const double norms_and_residuals = (2 * 2 + 2 * 3) * s.hidden / s.sequence_split;
  const double rotary = job.model.max_positions == 0 ? 2 * (s.query + s.key_value) / s.tensor : 0.0;
  const double activation = (s.ffn_in + s.ffn) / s.tensor;
  return job.stack.hbm_traffic_factor * kActivationBytes * s.tokens *
         (norms_and_residuals + rotary + activation);
}

// Backward of the same: norms read two and write one, residual adds of gradients likewise, the
// activation reads the gradient and its inputs and writes the gradients of the inputs.
double ElementwiseBackwardBytes(const TrainingSpec& job, const Shape& s) {
  const double norms_and_residuals = (2 * 3 + 2 * 3) * s.hidden / s.sequence_split;
  const double rotary = job.model.max_positions == 0 ? 2 * (s.query + s.key_value) / s.tensor : 0.0;
  const double activation = (s.ffn + 2 * s.ffn_in) / s.tensor;
  // Outputs that were not kept are made again from their inputs.
  const double again = job.stack.saves_elementwise_outputs
                           ? 0.0
                           : 2 * 2 * s.hidden / s.sequence_split + (s.ffn_in + s.ffn) / s.tensor;
  return job.stack.hbm_traffic_factor * kActivationBytes * s.tokens *
         (norms_and_residuals + rotary + activation + again);
}

void AddLayersForward(const TrainingSpec& job, const Shape& s, double layers,
                      std::vector<Operation>& out) {
  if (layers <= 0) {
    return;
  }
  const double element = PrecisionBytes(job.precision);
  for (const Matrix& w : LayerMatrices(s)) {
    out.push_back(Gemm(w.name, s.tokens, w.n, w.k, element, layers));
  }
  AddAttentionForward(job, s, layers, out);
  out.push_back(Elementwise("elementwise", ElementwiseForwardBytes(job, s), layers));
}

void AddLayersBackward(const TrainingSpec& job, const Shape& s, double layers,
                       std::vector<Operation>& out) {
  if (layers <= 0) {
    return;
  }
  const double element = PrecisionBytes(job.precision);
  for (const Matrix& w : LayerMatrices(s)) {
    out.push_back(Gemm("input_gradient", s.tokens, w.k, w.n, element, layers));
    Operation weight = Gemm("weight_gradient", w.n, w.k, s.tokens, element, layers);
    // The weight gradient is added to the accumulated one: read and write it.
    weight.hbm =
        Bytes(element * s.tokens * (w.n + w.k) + 2 * job.stack.main_gradient_bytes * w.n * w.k);
    out.push_back(weight);
  }
  AddAttentionBackward(job, s, layers, out);
  out.push_back(Elementwise("elementwise_backward", ElementwiseBackwardBytes(job, s), layers));
}

// Cross entropy over the rank's share of the vocabulary: the logits are cast to 32 bits, scanned
// for the maximum, exponentiated and summed, then turned into the gradient.
constexpr double kLossBytesForward = (2 + 4) + 4 + (4 + 4);
constexpr double kLossBytesBackward = 4 + 2;

// The LM head stays in 16 bits when the layers are in a narrower format.
Operation HeadGemm(const TrainingSpec& job, const char* name, double m, double n, double k) {
  const double element = std::max(kActivationBytes, PrecisionBytes(job.precision));
  Operation operation = Gemm(name, m, n, k, element, 1);
  operation.wide = true;
  return operation;
}

void AddHeadForward(const TrainingSpec& job, const Shape& s, std::vector<Operation>& out) {
  out.push_back(HeadGemm(job, "lm_head", s.tokens, s.vocabulary / s.tensor, s.hidden));
  out.push_back(Elementwise("loss", kLossBytesForward * s.tokens * s.vocabulary / s.tensor, 1));
}

void AddHeadBackward(const TrainingSpec& job, const Shape& s, std::vector<Operation>& out) {
  const double n = s.vocabulary / s.tensor;
  out.push_back(Elementwise("loss_backward", kLossBytesBackward * s.tokens * n, 1));
  out.push_back(HeadGemm(job, "lm_head_input_gradient", s.tokens, s.hidden, n));
  out.push_back(HeadGemm(job, "lm_head_weight_gradient", n, s.hidden, s.tokens));
}

// Tensor-parallel collectives of a part. With sequence parallelism each block gathers its input and
// scatters its output; without, each block ends in an all-reduce (Shoeybi et al. 2019; Korthikanti
// et al. 2022, section 4.2). In the backward pass the inputs of both blocks are gathered once more
// for the weight gradients.
TensorTraffic Traffic(const TrainingSpec& job, const Shape& s, const ModelPart& part,
                      bool backward) {
  TensorTraffic traffic;
  traffic.payload = Bytes(kActivationBytes * s.tokens * s.hidden);
  traffic.gathered = Bytes(InputBytes(job) * s.tokens * s.hidden);
  if (s.tensor <= 1) {
    return traffic;
  }
  const double embedding = part.embedding ? 1.0 : 0.0;
  const double head = part.head ? 1.0 : 0.0;
  // The embedding scatters its output and gathers the gradient of it; the head gathers its input,
  // and once more for its weights, and scatters the gradient of it.
  const double summed = 2 * part.layers + (backward ? head : embedding);
  if (job.layout.sequence_parallel) {
    traffic.all_gathers = (backward ? 4 : 2) * part.layers + head + (backward ? embedding : 0.0);
    traffic.reduce_scatters = summed;
  } else {
    traffic.all_reduces = summed;
  }
  return traffic;
}

// Ring attention (Liu et al. 2023): each rank's keys and values visit all other ranks of its
// context-parallel group; in the backward pass their gradients travel with them.
Bytes ContextBytes(const TrainingSpec& job, const Shape& s, double layers, bool backward) {
  const double once = kActivationBytes * s.tokens * 2 * s.key_value / s.tensor;
  return Bytes((job.layout.context - 1) * once * layers * (backward ? 2.0 : 1.0));
}

void AddTraffic(const TensorTraffic& more, TensorTraffic& to) {
  to.all_gathers += more.all_gathers;
  to.reduce_scatters += more.reduce_scatters;
  to.all_reduces += more.all_reduces;
}

// Forward FLOP of the whole model for one step, attention scores counted as the model says.
Flop ForwardFlop(const TrainingSpec& job) {
  TrainingSpec whole = job;
  whole.layout.tensor = 1;
  whole.layout.context = 1;
  const Shape s(whole);
  const double share = job.model.attention == Attention::kCausal ? 0.5 : 1.0;
  double flop = 0;
  for (const Matrix& w : LayerMatrices(s)) {
    flop += 2.0 * s.tokens * w.n * w.k;
  }
  flop += AttentionFlop(s, share);
  flop = flop * job.model.layers + 2.0 * s.tokens * s.vocabulary * s.hidden;
  return Flop(flop * static_cast<double>(job.global_batch) / static_cast<double>(job.micro_batch));
}

}  // namespace

PassWork ForwardWork(const TrainingSpec& job, const ModelPart& part) {
  const Shape s(job);
  PassWork work;
  if (part.embedding) {
    work.operations.push_back(
        Elementwise("embedding", 2 * kActivationBytes * s.tokens * s.hidden, 1));
  }
  AddLayersForward(job, s, part.layers, work.operations);
  if (part.head) {
    AddHeadForward(job, s, work.operations);
  }
  work.tensor = Traffic(job, s, part, /*backward=*/false);
  work.context = ContextBytes(job, s, part.layers, /*backward=*/false);
  return work;
}

PassWork BackwardWork(const TrainingSpec& job, const ModelPart& part) {
  const Shape s(job);
  PassWork work;
  work.tensor = Traffic(job, s, part, /*backward=*/true);
  work.context = ContextBytes(job, s, part.layers, /*backward=*/true);
  if (part.head) {
    AddHeadBackward(job, s, work.operations);
  }
  if (job.recompute == Recompute::kFull) {
    AddLayersForward(job, s, part.layers, work.operations);
    AddTraffic(Traffic(job, s, {part.layers, false, false}, /*backward=*/false), work.tensor);
    work.context += ContextBytes(job, s, part.layers, /*backward=*/false);
  } else if (job.recompute == Recompute::kSelective && !job.stack.fused_attention &&
             part.layers > 0) {
    // Fused kernels do this in any case (AddAttentionBackward).
    AddAttentionForward(job, s, part.layers, work.operations);
  }
  AddLayersBackward(job, s, part.layers, work.operations);
  if (part.embedding) {
    work.operations.push_back(
        Elementwise("embedding_backward", 2 * kActivationBytes * s.tokens * s.hidden, 1));
  }
  return work;
}

double ParametersPerRank(const TrainingSpec& job, const ModelPart& part) {
  const Shape s(job);
  double layer = 2 * s.hidden;  // two norms
  for (const Matrix& w : LayerMatrices(s)) {
    layer += w.n * w.k;
  }
  double parameters = layer * part.layers;
  const double table = s.vocabulary * s.hidden / s.tensor;
  if (part.embedding) {
    parameters += table + static_cast<double>(job.model.max_positions) * s.hidden;
  }
  // A tied head on the embedding's own stage is the same matrix; on another stage it is a copy.
  if (part.head && !(job.model.tied_embeddings && part.embedding)) {
    parameters += table + s.hidden;
  }
  return parameters;
}

Bytes WeightBytes(const TrainingSpec& job, const ModelPart& part) {
  const double layers = ParametersPerRank(job, {part.layers, false, false});
  const double tables = ParametersPerRank(job, part) - layers;
  const double bytes = job.stack.narrow_parameters ? InputBytes(job) : kActivationBytes;
  return Bytes(bytes * layers + kActivationBytes * tables);
}

double ModelParameters(const ModelSpec& model) {
  TrainingSpec whole;
  whole.model = model;
  const bool tied = model.tied_embeddings;
  return ParametersPerRank(whole, {static_cast<double>(model.layers), true, !tied});
}

Flop ModelFlop(const TrainingSpec& job) {
  return 3.0 * ForwardFlop(job);
}

Flop HardwareFlop(const TrainingSpec& job) {
  TrainingSpec layers_only = job;
  layers_only.model.vocabulary = 0;
  Flop again;
  if (job.recompute == Recompute::kFull) {
    again = ForwardFlop(layers_only);
  } else if (job.recompute == Recompute::kSelective) {
    TrainingSpec whole = job;
    whole.layout.tensor = 1;
    whole.layout.context = 1;
    const double share = job.model.attention == Attention::kCausal ? 0.5 : 1.0;
    again = Flop(AttentionFlop(Shape(whole), share) * job.model.layers *
                 static_cast<double>(job.global_batch) / static_cast<double>(job.micro_batch));
  }
  return ModelFlop(job) + again;
}

// Korthikanti et al. 2022, section 4 (34 s b h for a GPT layer with dropout), tensor by tensor so
// that grouped queries and gated blocks follow: inputs of the norms and of the first GEMMs (split
// only with sequence parallelism), then q, k, v, the attention's output and the feed-forward block.
Bytes LayerActivations(const TrainingSpec& job) {
  const Shape s(job);
  const double e = kActivationBytes;
  if (job.recompute == Recompute::kFull) {
    return Bytes(e * s.tokens * s.hidden / s.sequence_split);
  }
  const double in = InputBytes(job);
  const bool kept = job.stack.saves_elementwise_outputs;
  const bool dropout = job.model.max_positions > 0;  // the GPT family trains with dropout
  double boundary = 2 * e * s.hidden + (kept ? 2 * in * s.hidden : 0.0);
  boundary += dropout ? 2 * s.hidden : 0.0;
  // Attention needs its output in 16 bits, and the GEMM behind it a narrow copy.
  const double copy = in < e ? in * s.query : 0.0;
  const double inner =
      e * (2 * s.query + 2 * s.key_value) + copy + e * s.ffn_in + (kept ? in * s.ffn : 0.0);
  double bytes = s.tokens * (boundary / s.sequence_split + inner / s.tensor);
  if (!job.stack.fused_attention && job.recompute == Recompute::kNone) {
    bytes += 5 * ScoreElements(s);
  }
  return Bytes(bytes);
}

Bytes PipelineMessage(const TrainingSpec& job) {
  const Shape s(job);
  return Bytes(kActivationBytes * s.tokens * s.hidden / s.tensor);
}

}  // namespace gridlock
