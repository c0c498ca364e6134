// What low-rank adapters cost beside the products of a replica.

#include <algorithm>
#include <cmath>
#include <vector>

#include "workloads/inference.h"
#include "workloads/inference_terms.h"
#include "workloads/training.h"

namespace gridlock {

namespace {

constexpr double kBytes = 2;  // of a weight, and of what a token's products read and write

// Products that share their input run as one pair of kernels; of one rank and layer.
struct Adapted {
  double in = 0;             ///< width of the input that all of `outs` share
  std::vector<double> outs;  ///< widths of the outputs
};

// Those of attention. With latents, the products into them and out of them.
std::vector<Adapted> OfAttention(const InferenceModel& m, double ranks, int targets) {
  using namespace adapter_target;
  const double h = m.hidden, heads = m.heads / ranks;
  const bool query = (targets & kQuery) != 0, key = (targets & kKey) != 0;
  const bool value = (targets & kValue) != 0;
  std::vector<Adapted> all;
  Adapted entry{h, {}};
  if (m.latent) {
    if (query) {
      entry.outs.push_back(m.q_rank);
      all.push_back({1.0 * m.q_rank, {heads * m.head_dim}});
    }
    if (key || value) {
      entry.outs.push_back(1.0 * m.kv_rank + m.rotary_dim);
      all.push_back({1.0 * m.kv_rank, {heads * (m.head_dim - m.rotary_dim + m.value_dim)}});
    }
  } else {
    const double shared = std::ceil(m.kv_heads / ranks) * m.head_dim;
    if (query) {
      entry.outs.push_back(heads * m.head_dim);
    }
    entry.outs.insert(entry.outs.end(), (key ? 1 : 0) + (value ? 1 : 0), shared);
  }
  if (!entry.outs.empty()) {
    all.push_back(entry);
  }
  if ((targets & kAttentionOut) != 0) {
    all.push_back({heads * (m.latent ? m.value_dim : m.head_dim), {h}});
  }
  return all;
}

// Those of a feed-forward block.
std::vector<Adapted> OfDense(const InferenceModel& m, double width, int targets) {
  using namespace adapter_target;
  const int into = (m.gated && (targets & kGate) != 0 ? 1 : 0) + ((targets & kUp) != 0 ? 1 : 0);
  std::vector<Adapted> all;
  if (into > 0) {
    all.push_back({1.0 * m.hidden, std::vector<double>(static_cast<std::size_t>(into), width)});
  }
  if ((targets & kDown) != 0) {
    all.push_back({width, {1.0 * m.hidden}});
  }
  return all;
}

// Of all layers, on one rank.
struct Sums {
  double weights = 0, moved = 0, kernels = 0;

  void Add(const std::vector<Adapted>& list, int rank, double layers) {
    for (const Adapted& each : list) {
      double out = 0;
      for (const double width : each.outs) {
        out += width;
      }
      const double inner = rank * static_cast<double>(each.outs.size());
      weights += layers * (each.in * inner + out * rank);
      moved += layers * (each.in + 2 * out);  // outputs are read and written
      kernels += layers * 2;
    }
  }
};

}  // namespace

AdapterCosts::AdapterCosts(const InferenceModel& model, const InferencePart& part,
                           const InferenceEngine& engine, const InferenceLayout& layout) {
  const ServedAdapters& adapters = layout.adapters;
  if (adapters.rank <= 0) {
    return;
  }
  slots_ = adapters.slots > 0 ? adapters.slots : engine.adapter_slots;
  accelerators_ = layout.accelerators();
  copies_ = layout.data;
  stages_ = layout.pipeline;
  const double dense = model.experts > 0 ? model.dense_layers : model.layers;
  Sums sums;
  sums.Add(OfAttention(model, layout.tensor, adapters.targets), adapters.rank, model.layers);
  sums.Add(OfDense(model, model.ffn / layout.tensor, adapters.targets), adapters.rank, dense);
  const auto& [weights, moved, kernels] = sums;
  bytes_ = weights * kBytes / layout.pipeline;
  flop_ = 2 * weights * layout.tensor;
  const double stream = part.hbm_bandwidth * part.hbm_efficiency * engine.hbm_factor;
  kernels_ = kernels * part.kernel_time;
  read_ = weights * kBytes / stream;
  compute_ = 2 * weights / (part.peak_bf16 * part.gemm_efficiency * engine.gemm_factor);
  traffic_ = moved * kBytes * engine.traffic / stream;
  if ((adapters.targets & adapter_target::kExperts) != 0 && model.experts > 0) {
    AddExperts(model, part, engine, layout);
  }
  load_time_ = bytes_ / part.host_bandwidth;
}

// Ranks hold whole experts, or a slice of each. Those of a slice all see the rows of a copy.
void AdapterCosts::AddExperts(const InferenceModel& model, const InferencePart& part,
                              const InferenceEngine& engine, const InferenceLayout& layout) {
  const bool whole = layout.experts_spread;
  const double ranks = layout.tensor * layout.data;
  Sums sums;  // of one expert
  sums.Add(OfDense(model, model.expert_ffn / (whole ? 1 : ranks), adapter_target::kFeedForward),
           layout.adapters.rank, model.layers - model.dense_layers);
  const double stream = part.hbm_bandwidth * part.hbm_efficiency * engine.hbm_factor;
  experts_.here = whole ? model.experts / ranks : model.experts;
  experts_.chosen = 1.0 * model.experts_per_token / model.experts;
  experts_.read = sums.weights * kBytes / stream;
  experts_.compute =
      2 * sums.weights / (part.peak_bf16 * part.gemm_efficiency * engine.gemm_factor);
  experts_.traffic = sums.moved * kBytes * engine.traffic / stream;
  bytes_ += experts_.here * sums.weights * kBytes / layout.pipeline;
  flop_ += 2 * sums.weights * model.experts_per_token * (whole ? 1 : ranks);
  kernels_ += sums.kernels * part.kernel_time;
}

LimitTimes AdapterCosts::Limits(double rows, double distinct) const {
  LimitTimes times{};
  if (rows <= 0) {
    return times;
  }
  // As layers do, each stage of the pipeline takes a part of the rows at a time.
  const double here = std::max(1.0, rows / copies_ / stages_);
  double compute = compute_ * here, memory = read_ * std::min(distinct, here);
  double traffic = traffic_ * here;
  if (experts_.here > 0) {
    // Tokens of all copies meet at the experts. Of each adapter, experts that no token chose are
    // not read.
    const double all = std::max(1.0, rows / stages_), each = std::max(1.0, all / distinct);
    const double touched = experts_.here * (1 - std::pow(1 - experts_.chosen, each));
    const double tokens = all * experts_.chosen * experts_.here;
    compute += experts_.compute * tokens;
    memory += experts_.read * std::min(distinct, all) * touched;
    traffic += experts_.traffic * tokens;
  }
  const double time = std::pow(std::pow(compute, kCorner) + std::pow(memory, kCorner), 1 / kCorner);
  Of(times, compute > memory ? Limit::kCompute : Limit::kWeights) += time;
  Of(times, Limit::kCache) += traffic;
  Of(times, Limit::kKernels) += kernels_;
  return times;
}

}  // namespace gridlock
