// What lies in HBM: weights, what the engine sets aside, and caches in the rest.

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "workloads/inference.h"

namespace gridlock {

namespace {

// Memory that is read whole in less than this, in s, is SRAM on the die: nothing is set aside there
// for an allocator, and activations are handed on as they come. Groq's LPU reads its 230 MB in 3
// us, Cerebras' WSE-3 its 44 GB in 2 us; HBM takes 10 ms and more.
constexpr double kReadOfSram = 1e-5;

// Activations of a row of the largest iteration: hidden states, the feed-forward block, and what
// each expert of a token gives back (vLLM, fused_moe: a hidden state for each before they are
// added up).
double BytesOfRow(const InferenceModel& model, const InferenceLayout& layout) {
  const double copies = model.experts > 0 ? model.experts_per_token : 0;
  const double width = model.experts > 0 ? model.expert_ffn * copies : model.ffn;
  return 2 * ((6.0 + copies) * model.hidden + 3 * width / layout.tensor);
}

}  // namespace

// Of the largest iteration: hidden states, the feed-forward block, and what sampling takes.
double IterationCosts::ActivationBytes() const {
  const std::int64_t budget = std::min<std::int64_t>(engine_.token_budget, 16384);
  const double rows = static_cast<double>(
      engine_.profile_context ? std::max<std::int64_t>(budget, model_.context) : budget);
  const double sequences = static_cast<double>(std::min<std::int64_t>(engine_.batch_max, 1024));
  const double words = 1.0 * model_.vocabulary / (engine_.whole_logits ? 1 : layout_.tensor);
  return rows * BytesOfRow(model_, layout_) + sequences * words * engine_.sampler_bytes;
}

// Libraries have buffers for each channel, and channels for the bandwidth of links.
double IterationCosts::LinkBuffers() const {
  constexpr double kOfReserve = 450e9;  // bytes/s of the H100 that link_reserve was read on
  return engine_.link_reserve * std::min(1.0, part_.link_bandwidth / kOfReserve);
}

// On one accelerator.
double IterationCosts::WeightBytes() const {
  const double experts_layers = layout_.apart() ? 0 : ExpertLayers();
  const double dense_layers = model_.layers - ExpertLayers();
  const double matrices = model_.gated ? 3.0 : 2.0;
  const double attention =
      (AttentionWeights() + CrossWeights() + CrossKeyWeights()) * model_.layers;
  const double encoder = model_.encoder_layers *
                         (AttentionWeights() * AttentionBytes() +
                          matrices * model_.hidden * model_.ffn / layout_.tensor * DenseBytes());
  const double dense = matrices * model_.hidden * model_.ffn / layout_.tensor * dense_layers +
                       matrices * model_.hidden * model_.expert_ffn * model_.shared_experts /
                           layout_.tensor * experts_layers;
  // The embedding is on the first stage and the LM head on the last; tied ones share one table
  // there where both are on one.
  const double tables = layout_.pipeline > 1 || model_.tied ? 1 : 2;
  const double table = 1.0 * model_.hidden * model_.vocabulary / layout_.tensor;
  const double experts = layout_.apart() ? 0 : ExpertBytes() / (layout_.tensor * layout_.data);
  return (attention * AttentionBytes() + dense * DenseBytes() + experts + encoder) /
             layout_.pipeline +
         tables * table * TableBytes();
}

void IterationCosts::FillCache(const std::string& path) {
  CheckExpertRanks(path);
  weight_bytes_ = WeightBytes();
  const double per_layer = model_.latent
                               ? (model_.kv_rank + model_.rotary_dim) * layout_.cache_bytes
                               : 2 * std::ceil(1.0 * model_.kv_heads / layout_.tensor) *
                                     model_.head_dim * layout_.cache_bytes;
  const double layers = 1.0 * model_.layers / layout_.pipeline;
  token_bytes_ = per_layer * layers * (1 - model_.windowed_share);
  window_bytes_ = per_layer * layers * model_.windowed_share * model_.window;
  const auto room_beside = [&](double activations) {
    const double links = layout_.accelerators() > 1 ? LinkBuffers() : 0;
    const double slots = static_cast<double>(adapters_.slots()) * adapters_.bytes().si();
    const double engine = engine_.reserve + links + (engine_.outside_share ? 0 : activations);
    const double taken = weight_bytes_ + slots +
                         (part_.hbm_capacity < kReadOfSram * part_.hbm_bandwidth ? 0 : engine);
    return engine_.share_of_free ? (part_.hbm_capacity - taken) * engine_.memory_share
                                 : part_.hbm_capacity * engine_.memory_share - taken;
  };
  double usable = room_beside(ActivationBytes());
  if (engine_.profile_context && usable <= 0 && token_bytes_ > 0) {
    // The whole context is not served: users then ask for the longest that leaves room for itself.
    const double row = BytesOfRow(model_, layout_);
    const double empty = room_beside(ActivationBytes() - model_.context * row);
    usable = std::max(usable, empty / (1 + row / token_bytes_));
  }
  if (token_bytes_ <= 0 && !engine_.whole_windows && usable >= window_bytes_) {
    // Windows and states alone: caches do not grow, and room bounds sequences, of any length.
    const auto most = static_cast<std::int64_t>(usable / window_bytes_);
    sequences_most_ = most * layout_.data;
    engine_.batch_max = std::min(engine_.batch_max, most);
    constexpr std::int64_t kLongest = 1 << 20;
    cache_tokens_ =
        engine_.batch_max * layout_.data *
        std::max<std::int64_t>(model_.context > 0 ? model_.context : kLongest, engine_.page);
    return;
  }
  if (engine_.cache_tokens > 0) {
    cache_tokens_ = engine_.cache_tokens;  // windows have their room beside
    return;
  }
  // Windows take pages of the same pool as sequences need them (vLLM, hybrid KV cache manager).
  window_tokens_ = engine_.whole_windows || token_bytes_ <= 0
                       ? 0
                       : model_.windowed_share / (1 - model_.windowed_share);
  const double token = engine_.whole_windows ? per_layer * layers : token_bytes_;
  const double tokens = token > 0 ? usable / token * layout_.data / layout_.beams_room : 0;
  const std::int64_t least = engine_.page + WindowTokens(engine_.page);
  if (tokens < static_cast<double>(least)) {
    throw UserError(
        path, fmt::format("the weights of {} in {} take {} of the {} of each of {} {}, and leave "
                          "no room for a KV cache",
                          model_.name, WeightFormatName(layout_.weights),
                          FormatBytes(Bytes(weight_bytes_)), FormatBytes(Bytes(part_.hbm_capacity)),
                          layout_.accelerators(), part_.name));
  }
  cache_tokens_ = static_cast<std::int64_t>(tokens);
}

std::int64_t IterationCosts::WindowTokens(std::int64_t length) const {
  const auto window = static_cast<std::int64_t>(model_.window);
  const std::int64_t kept = model_.states ? window : std::min(length, window);
  return static_cast<std::int64_t>(std::ceil(window_tokens_ * static_cast<double>(kept)));
}

Bytes IterationCosts::CacheBytesOf(std::int64_t tokens) const {
  const double per_layer = (model_.latent ? 1.0 * model_.kv_rank + model_.rotary_dim
                                          : 2.0 * model_.kv_heads * model_.head_dim) *
                           layout_.cache_bytes * model_.layers;
  const double all = static_cast<double>(tokens), near = std::min<double>(all, model_.window);
  return Bytes(per_layer * (all * (1 - model_.windowed_share) + near * model_.windowed_share));
}

}  // namespace gridlock
