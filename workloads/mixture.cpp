// Layers whose feed-forward block is a mixture of experts: a router sends each token to a few of
// them. The fullest rank is counted, which all others wait for; it has as much as any other where
// nothing is said (ExpertLoadSpec).

#include <cmath>

#include "workloads/layer_shape.h"

namespace gridlock {

namespace {

// The router works in 32 bits: scores are written, turned into probabilities (read, written) and
// read by the choice of the largest; the balancing loss reads them once more. NVIDIA/Megatron-LM,
// core/transformer/moe/router.py, kernel by kernel.
constexpr double kRouterBytes = 4.0 * 5;

// HBM bytes around experts over those counted here, beyond what the stack's factor says of other
// elementwise kernels: indices, weights of the results and atomic sums are not counted. Layers of 8
// to 128 experts on 16,384 tokens, measured on one H100 SXM (eager PyTorch 2.11), take 3.7 to 5.6
// times the counted bytes beside their grouped GEMMs, where eager layers without experts take 3.26.
// Of stacks that take norms apart it is less over those: eight steps of Transformers with grouped
// products, measured on one H200.
constexpr double kAroundExperts = 1.5, kAroundExpertsApart = 1.28;

double AroundExperts(const TrainingSpec& job) {
  return (TakesApart(job) ? kAroundExpertsApart : kAroundExperts) * NormTrafficFactor(job) *
         job.activation_bytes();
}

// Tensors that go through HBM around the experts, in units of a row of `hidden`: tokens are copied
// into the order of their targets (read, write), and their results gathered, weighted and added
// (read; write once per token). With experts on several ranks, received rows are sorted by expert
// and sorted back (read, write each).
double PermutationBytes(const TrainingSpec& job, const LayerShape& s) {
  const double copies = s.routed_tokens() * s.per_token;
  double rows = 2 * copies + copies + s.routed_tokens();
  if (s.expert_ranks > 1) {
    rows += 4 * s.expert_rows();
  }
  const double traffic = job.stack.permutation_traffic;
  return (traffic > 0 ? traffic * job.activation_bytes() : AroundExperts(job)) * rows * s.hidden;
}

double ActivationElements(const LayerShape& s, double in, double out) {
  return s.expert_rows() / s.expert_width * (in * s.expert_ffn_in + out * s.expert_ffn) +
         s.tokens / s.tensor * (in * s.shared_ffn_in + out * s.shared_ffn);
}

double RouterTraffic(const LayerShape& s) {
  return kRouterBytes * s.routed_tokens() * s.experts;
}

double ExpertRows(const LayerShape& s) {
  return s.expert_rows() / s.local_experts();
}

// The way in has a gate and its product where it is wider than the way out.
std::array<double, 3> BesideWayIn(const TrainingSpec& job, double inner, double all) {
  using namespace adapter_target;
  return Beside(job, {kUp, kGate, 0}, {inner, all - inner, 0});
}

}  // namespace

std::vector<Matrix> SharedMatrices(const TrainingSpec& job, const LayerShape& s) {
  std::vector<Matrix> out;
  out.reserve(3);
  out.push_back({"router", s.experts, s.hidden, s.tensor, /*wide=*/true});
  if (s.shared_ffn > 0) {
    out.push_back({"shared_experts_in", s.shared_ffn_in / s.tensor, s.hidden});
    out.back().beside = BesideWayIn(job, s.shared_ffn / s.tensor, out.back().n);
    out.push_back({"shared_experts_out", s.hidden, s.shared_ffn / s.tensor});
    out.back().beside = Beside(job, {adapter_target::kDown, 0, 0}, {s.hidden, 0, 0});
  }
  return out;
}

std::vector<Matrix> ExpertMatrices(const TrainingSpec& job, const LayerShape& s) {
  Matrix in{"experts_in", s.expert_ffn_in / s.expert_width, s.hidden};
  in.beside = BesideWayIn(job, s.expert_ffn / s.expert_width, in.n);
  Matrix back{"experts_out", s.hidden, s.expert_ffn / s.expert_width};
  back.beside = Beside(job, {adapter_target::kDown, 0, 0}, {s.hidden, 0, 0});
  if (job.stack.expert_tile_rows > 0) {
    // XLA makes casts a part of its own products; kernels beside it take what is written before
    // (AI-Hypercomputer/maxtext, kernels/megablox/ops.py): 2 bytes read, 1 written.
    in.cast_traffic = back.cast_traffic = 3;
  }
  return {in, back};
}

namespace {

// Time of a grouped product over that of the rows and widths that it has. The rows of an expert
// begin anywhere in a tile, so that each expert but one has a tile more, and widths are filled up
// to whole tiles (jax, experimental/pallas/ops/tpu/megablox/gmm.py, make_group_metadata). A layer
// of 32, 64, 128 and 256 experts of 1,408 on one TPU v5p, 65,536 rows of 2,048,
// takes 8.4, 9.5, 11.4 and 15.4 ms forward, and 6.4 ms with 64 experts of 1,024
// (marin-community/marin issue 2704).
double TileLoss(const TrainingSpec& job, const LayerShape& s) {
  const double rows = job.stack.expert_tile_rows, width = job.stack.expert_tile_width;
  const auto filled = [width](double n) {
    return width > 0 && n > width ? std::ceil(n / width) * width / n : 1.0;
  };
  const double more = rows * (s.local_experts() - 1) / s.expert_rows();
  return (1 + more) * filled(s.hidden) * filled(s.expert_ffn / s.expert_width);
}

// The experts of a rank are one grouped kernel.
void Group(const TrainingSpec& job, const LayerShape& s, std::size_t from,
           std::vector<Operation>& operations) {
  const double loss = s.local_experts() > 1 ? TileLoss(job, s) : 1;
  for (std::size_t i = from; i < operations.size(); ++i) {
    operations[i].grouped = s.local_experts();
    operations[i].slowdown *= loss;
  }
}

}  // namespace

void AddMixtureForward(const TrainingSpec& job, const LayerShape& s, double layers,
                       std::vector<Operation>& out) {
  if (layers <= 0) {
    return;
  }
  for (const Matrix& matrix : SharedMatrices(job, s)) {
    AddMatrixForward(job, matrix, s.tokens, layers, out);
  }
  const std::size_t first = out.size();
  for (const Matrix& matrix : ExpertMatrices(job, s)) {
    AddMatrixForward(job, matrix, ExpertRows(s), layers * s.local_experts(), out);
  }
  Group(job, s, first, out);
  out.push_back(Elementwise("router_scores", RouterTraffic(s), layers));
  out.push_back(Elementwise("permutation", PermutationBytes(job, s), layers));
  const double activation = AroundExperts(job);
  out.push_back(Elementwise("expert_activation", activation * ActivationElements(s, 1, 1), layers));
}

// Mirrored: what was copied is added, what was added is copied.
void AddMixtureBackward(const TrainingSpec& job, const LayerShape& s, double layers,
                        std::vector<Operation>& out) {
  if (layers <= 0) {
    return;
  }
  for (const Matrix& matrix : SharedMatrices(job, s)) {
    AddMatrixBackward(job, matrix, s.tokens, layers, out);
  }
  const std::size_t first = out.size();
  for (const Matrix& matrix : ExpertMatrices(job, s)) {
    AddMatrixBackward(job, matrix, ExpertRows(s), layers * s.local_experts(), out);
  }
  Group(job, s, first, out);
  out.push_back(Elementwise("router_scores_backward", RouterTraffic(s), layers));
  out.push_back(Elementwise("permutation_backward", PermutationBytes(job, s), layers));
  const double again = job.keeps_elementwise_outputs() ? 0 : 1;
  const double activation = AroundExperts(job);
  out.push_back(Elementwise("expert_activation_backward",
                            activation * ActivationElements(s, 2 + again, 1 + again), layers));
}

// Experts that are split like the other weights gather the rows of their tensor-parallel group and
// scatter the sums; shared experts do so with the tokens, and gather them once more for the
// gradients of their weights.
void AddMixtureTraffic(const TrainingSpec& job, const LayerShape& s, double layers, bool backward,
                       TensorTraffic& traffic) {
  if (s.tensor <= 1 || layers <= 0) {
    return;
  }
  if (s.shared_ffn > 0) {
    const bool again = backward && KeepsInput(job, SharedMatrices(job, s)[1]);
    traffic.all_gathers += (again ? 2 : 1) * layers;
    traffic.reduce_scatters += layers;
  }
  if (s.expert_width > 1) {
    traffic.expert_payload = Bytes(job.activation_bytes() * s.expert_rows() * s.hidden);
    traffic.expert_gathers += layers;
    traffic.expert_scatters += layers;
  }
}

AllToAllTraffic MixtureExchange(const TrainingSpec& job, const LayerShape& s, double layers) {
  AllToAllTraffic traffic;
  if (s.expert_ranks > 1 && layers > 0) {
    // There and back, in two formats; both count as calls of their mean size.
    const double bytes = (job.stack.dispatch_bytes + job.activation_bytes()) / 2;
    traffic.payload = Bytes(bytes * s.load * s.routed_tokens() * s.per_token * s.hidden);
    traffic.calls = 2 * layers;
  }
  return traffic;
}

// Rows of the experts' inputs, what goes into their activation functions, and what comes out when
// that is kept; inputs of GEMMs in their format, the scores of the router in 32 bits. Some stacks
// keep further copies of the rows.
double MixtureKeptBytes(const TrainingSpec& job, const LayerShape& s) {
  const bool all = job.trains_base();
  const std::vector<Matrix> experts = all ? std::vector<Matrix>{} : ExpertMatrices(job, s);
  const bool product = job.keeps_elementwise_outputs() && (all || KeepsInput(job, experts[1]));
  const double rows = all || KeepsInput(job, experts[0]) ? s.expert_rows() : 0;
  return KeptInputBytes(job) * (rows * s.hidden + ActivationElements(s, 0, product ? 1 : 0)) +
         job.stack.kept_activation_bytes * ActivationElements(s, 1, 0) +
         job.stack.routed_extra_bytes * rows * s.hidden + 4.0 * s.routed_tokens() * s.experts +
         (all ? 0
              : s.expert_rows() * AdaptersKept(job, experts) +
                    s.tokens * AdaptersKept(job, SharedMatrices(job, s)));
}

double ShapesOfLayer(const TrainingSpec& job, LayerKind kind) {
  const double all = ParametersPerRank(job, {Layers(kind, 1), false, false}).total();
  if (!kind.has(Block::kMixture)) {
    return all;
  }
  const LayerShape s(job);
  double one = 0;
  for (const Matrix& matrix : ExpertMatrices(job, s)) {
    one += matrix.n * matrix.k;
  }
  return all - (s.local_experts() - 1) * one;
}

double MixtureFlop(const TrainingSpec& job, const LayerShape& s) {
  double flop = 0;
  for (const Matrix& matrix : SharedMatrices(job, s)) {
    flop += 2.0 * s.tokens * matrix.n * matrix.k;
  }
  for (const Matrix& matrix : ExpertMatrices(job, s)) {
    flop += 2.0 * s.tokens * s.per_token * matrix.n * matrix.k;
  }
  return flop;
}

double MixtureAdapterFlop(const TrainingSpec& job, const LayerShape& s) {
  return 2.0 * s.tokens *
         (AdapterParameters(job, SharedMatrices(job, s)) +
          s.per_token * AdapterParameters(job, ExpertMatrices(job, s)));
}

}  // namespace gridlock
