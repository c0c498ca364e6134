#include "workloads/cache_room.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "sim/base/check.h"

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

// Of the largest iteration: hidden states, the feed-forward block, and what sampling takes.
double ActivationBytes(const InferenceModel& model, const InferenceEngine& engine,
                       const InferenceLayout& layout) {
  const std::int64_t budget = std::min<std::int64_t>(engine.token_budget, 16384);
  const double rows = static_cast<double>(
      engine.profile_context ? std::max<std::int64_t>(budget, model.context) : budget);
  const double sequences = static_cast<double>(std::min<std::int64_t>(engine.batch_max, 1024));
  const double words = 1.0 * model.vocabulary / (engine.whole_logits ? 1 : layout.tensor);
  return rows * BytesOfRow(model, layout) + sequences * words * engine.sampler_bytes;
}

// Libraries have buffers for each channel, and channels for the bandwidth of links.
double LinkBuffers(const InferencePart& part, const InferenceEngine& engine) {
  constexpr double kOfReserve = 450e9;  // bytes/s of the H100 that link_reserve was read on
  return engine.link_reserve * std::min(1.0, part.link_bandwidth / kOfReserve);
}

// Shared experts lie on every rank of experts.
void CheckExpertRanks(const ReplicaWeights& weights, const InferencePart& part,
                      const InferenceEngine& engine, const std::string& path) {
  const InferenceModel& model = weights.model();
  const InferenceLayout& layout = weights.layout();
  if (!layout.apart()) {
    return;
  }
  if (model.experts <= 0 || layout.pipeline > 1) {
    throw UserError(path, model.experts <= 0
                              ? model.name + " has no experts that could be apart from attention"
                              : "experts apart from attention have no pipeline stages");
  }
  const double shared = weights.expert_bytes() / model.experts * model.shared_experts;
  const double held = weights.expert_bytes() / layout.expert_ranks + shared + engine.reserve;
  const double room = part.hbm_capacity * (engine.share_of_free ? 1 : engine.memory_share);
  if (held > room) {
    throw UserError(
        path, fmt::format("the experts of {} in {} take {} of each of {} accelerators "
                          "of experts, which have room for {}",
                          model.name, WeightFormatName(layout.weights), FormatBytes(Bytes(held)),
                          layout.expert_ranks, FormatBytes(Bytes(room))));
  }
}

}  // namespace

std::int64_t WindowTokens(const InferenceModel& model, const CacheRoom& room, std::int64_t length) {
  const auto window = static_cast<std::int64_t>(model.window);
  const std::int64_t kept = model.states ? window : std::min(length, window);
  return static_cast<std::int64_t>(std::ceil(room.window_tokens * static_cast<double>(kept)));
}

CacheRoom RoomOf(const ReplicaWeights& weights, const InferencePart& part,
                 const InferenceEngine& engine, const AdapterCosts& adapters,
                 const std::string& path) {
  CheckExpertRanks(weights, part, engine, path);
  const InferenceModel& model = weights.model();
  const InferenceLayout& layout = weights.layout();
  const double weight_bytes = weights.on_rank();
  CacheRoom room;
  room.batch_max = engine.batch_max;
  const double heads = model.latent
                           ? model.kv_rank + model.rotary_dim
                           : 2 * std::ceil(1.0 * model.kv_heads / layout.tensor) * model.head_dim;
  const double per_layer = heads * layout.cache_bytes + IndexerCacheBytes(model);
  const double layers = 1.0 * model.layers / layout.pipeline;
  room.token_bytes = per_layer * layers * (1 - model.windowed_share);
  room.window_bytes = per_layer * layers * model.windowed_share * model.window;
  const auto room_beside = [&](double activations) {
    const double links = layout.accelerators() > 1 ? LinkBuffers(part, engine) : 0;
    const double slots = static_cast<double>(adapters.slots()) * adapters.bytes().si();
    const double beside = engine.reserve + links + (engine.outside_share ? 0 : activations);
    const double taken =
        weight_bytes + slots + (part.hbm_capacity < kReadOfSram * part.hbm_bandwidth ? 0 : beside);
    return engine.share_of_free ? (part.hbm_capacity - taken) * engine.memory_share
                                : part.hbm_capacity * engine.memory_share - taken;
  };
  double usable = room_beside(ActivationBytes(model, engine, layout));
  if (engine.profile_context && usable <= 0 && room.token_bytes > 0) {
    // The whole context is not served: users then ask for the longest that leaves room for itself.
    const double row = BytesOfRow(model, layout);
    const double empty = room_beside(ActivationBytes(model, engine, layout) - model.context * row);
    usable = std::max(usable, empty / (1 + row / room.token_bytes));
  }
  if (room.token_bytes <= 0 && !engine.whole_windows && usable >= room.window_bytes) {
    // Windows and states alone: caches do not grow, and room bounds sequences, of any length.
    const auto most = static_cast<std::int64_t>(usable / room.window_bytes);
    room.sequences_most = most * layout.data;
    room.batch_max = std::min(room.batch_max, most);
    constexpr std::int64_t kLongest = 1 << 20;
    room.tokens = room.batch_max * layout.data *
                  std::max<std::int64_t>(model.context > 0 ? model.context : kLongest, engine.page);
    return room;
  }
  if (engine.cache_tokens > 0) {
    room.tokens = engine.cache_tokens;  // windows have their room beside
    return room;
  }
  // Windows take pages of the same pool as sequences need them (vLLM, hybrid KV cache manager).
  room.window_tokens = engine.whole_windows || room.token_bytes <= 0
                           ? 0
                           : model.windowed_share / (1 - model.windowed_share);
  const double token = engine.whole_windows ? per_layer * layers : room.token_bytes;
  const double tokens = token > 0 ? usable / token * layout.data / layout.beams_room : 0;
  const std::int64_t least = engine.page + WindowTokens(model, room, engine.page);
  if (tokens < static_cast<double>(least)) {
    throw UserError(
        path,
        fmt::format("the weights of {} in {} take {} of the {} of each of {} {}, and leave "
                    "no room for a KV cache",
                    model.name, WeightFormatName(layout.weights), FormatBytes(Bytes(weight_bytes)),
                    FormatBytes(Bytes(part.hbm_capacity)), layout.accelerators(), part.name));
  }
  room.tokens = static_cast<std::int64_t>(tokens);
  return room;
}

}  // namespace gridlock
