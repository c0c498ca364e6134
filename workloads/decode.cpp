#include "workloads/decode.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "workloads/image_encoders.h"
#include "workloads/layer_shape.h"
#include "workloads/pass_builder.h"

namespace gridlock {

namespace {

// Share of the BF16 peak that decode attention on latent caches reaches where nobody measured it:
// estimate, that of an A100 in serving_parts.csv.
constexpr double kLatentShare = 0.3;

// By how much a power limit stretches products (compute) and reading HBM (memory); at least 1.
struct Stretch {
  double compute = 1, memory = 1;
};

// Seconds of a large product and of streaming HBM under a power limit, as in training.
Stretch TimesWithin(const ServerSpec& server, Watts limit) {
  ServerSpec limited = server;
  limited.accelerator.power.limit = limit;
  TrainingSpec job;
  job.global_batch = job.sequence_length = 1;
  job.layout.data = 2;  // one of many: the clock under sustained load
  const PassBuilder builder(job, limited);
  const Operation product{"product", Kernel::kGemm, Flop(1e13), Bytes(1), 1};
  const Operation stream{"stream", Kernel::kElementwise, Flop(0), Bytes(1e9), 1};
  const Pass memory = builder.Build("", {{stream}, {}, {}}, Seconds(0));
  const AcceleratorSpec& chip = server.accelerator;
  const Seconds free = Bytes(1e9) / (chip.hbm_bandwidth * chip.hbm_efficiency);
  return {builder.Build("", {{product}, {}, {}}, Seconds(0)).compute_time.si(),
          std::max(free, memory.memory_time).si()};
}

Stretch StretchOf(const ServerSpec& server, double nominal_limit) {
  const Watts limit = server.accelerator.power.limit;
  if (limit.si() >= nominal_limit ||
      server.accelerator.rates[static_cast<int>(Precision::kBf16)].peak.si() <= 0) {
    return {};
  }
  const Stretch now = TimesWithin(server, limit);
  const Stretch nominal = TimesWithin(server, Watts(nominal_limit));
  return {now.compute / nominal.compute, now.memory / nominal.memory};
}

// What a part that nobody served on reaches: the shares of its catalogue entry, which are of
// training, on top of serving's defaults.
InferencePart UnmeasuredPart(const ServerSpec& server) {
  const AcceleratorSpec& chip = server.accelerator;
  InferencePart part;
  part.power_limit = std::numeric_limits<double>::max();  // shares of training are at full clock
  const auto share = [&](Precision precision, double otherwise) {
    const MatrixRate& rate = chip.rates[static_cast<int>(precision)];
    return rate.gemm.empty() ? otherwise : rate.gemm.back().efficiency * chip.sustained_clock;
  };
  part.gemm_efficiency = share(Precision::kBf16, part.gemm_efficiency);
  part.fp8_efficiency = share(Precision::kFp8, part.fp8_efficiency);
  part.fp4_efficiency = share(Precision::kFp4, part.fp4_efficiency);
  const MatrixRate& wide = chip.rates[static_cast<int>(Precision::kBf16)];
  part.attention_efficiency =
      wide.attention_efficiency > 0 ? wide.attention_efficiency : part.attention_efficiency;
  part.latent_efficiency = std::min(part.attention_efficiency, kLatentShare);
  part.hbm_efficiency = chip.hbm_efficiency > 0 ? chip.hbm_efficiency : part.hbm_efficiency;
  part.cache_efficiency = part.hbm_efficiency;
  return part;
}

WeightFormat FormatOf(const ServingSpec& fleet) {
  if (fleet.weights) {
    return *fleet.weights;
  }
  switch (fleet.precision) {
    case Precision::kFp8:
      return WeightFormat::kFp8;
    case Precision::kFp4:
      return WeightFormat::kNvfp4;
    case Precision::kInt8:
      return WeightFormat::kInt8;
    default:
      return WeightFormat::kBf16;
  }
}

// Tokens of the longest request that may come.
std::int64_t LongestRequest(const ServingSpec& fleet) {
  std::int64_t longest = 1;
  for (const RequestGroupSpec& group : fleet.groups) {
    longest = std::max(longest, group.prompt.max + group.images.prompt_tokens() + group.output.max);
  }
  return longest;
}

void CheckRoom(const ServingSpec& fleet, const ServerSpec& server, const IterationCosts& costs) {
  const std::int64_t longest = LongestRequest(fleet) + costs.start_tokens();
  if (costs.cache_tokens() >= longest + costs.WindowTokens(longest)) {
    return;
  }
  throw UserError(
      fleet.path + ".tensor",
      fmt::format("HBM has no room for the KV cache of one request of {} tokens ({}): of {} on "
                  "each accelerator weights take {}, and {} tokens fit; more accelerators per "
                  "replica, a narrower format or shorter requests would fit",
                  longest, FormatBytes(costs.CacheBytesOf(longest)),
                  FormatBytes(server.accelerator.hbm_capacity), FormatBytes(costs.weight_bytes()),
                  costs.cache_tokens()));
}

// Energy of arithmetic: a multiplier of half the width takes about half of it.
JoulesPerFlop PriceOf(const ServingSpec& fleet, const PowerSpec& power) {
  return power.per_flop * (PrecisionBytes(fleet.precision) / PrecisionBytes(Precision::kBf16));
}

// What tensor-parallel ranks send for one token, in 16 bits: two all-reduces a layer, and one more
// where it attends to an encoder.
Bytes ReducedBytes(const ServingSpec& fleet, const CollectiveFit& fit) {
  const double ranks = fleet.tensor;
  const double reduces = fleet.model.encoder.layers > 0 ? 3 : 2;
  return Bytes(reduces * fleet.model.layers * 2.0 * (ranks - 1) * 2.0 * fleet.model.hidden /
               fit.all_reduce_efficiency);
}

ServingPrices PricesOf(const ServingSpec& fleet, const ServerSpec& server,
                       const IterationCosts& iteration) {
  const PowerSpec& power = server.accelerator.power;
  const JoulesPerFlop narrow = PriceOf(fleet, power), wide = power.per_flop;
  const Flop token(iteration.FlopOf(1, 0, 0, 0)), output(iteration.FlopOf(0, 1, 0, 0));
  const Flop pair(iteration.FlopOf(0, 0, 0, 1));
  const double copies = iteration.layout().tensor * iteration.layout().pipeline;
  const Bytes cached = iteration.token_bytes() * copies;
  ServingPrices prices;
  prices.per_row = {token * narrow, cached, ReducedBytes(fleet, server.scale_up)};
  prices.per_output = {output * wide, Bytes(4.0 * 4.0 * fleet.model.vocabulary), Bytes(0)};
  // Fused kernels read a prompt's keys and values a few times over: little beside its weights.
  prices.per_pair = {pair * wide, Bytes(0), Bytes(0)};
  return prices;
}

// The replicas of a fleet that prefill, as if they were all of it.
ServingSpec PrefillingPart(const ServingSpec& fleet) {
  ServingSpec part = fleet;
  part.tensor = fleet.prefill_tensor > 0 ? fleet.prefill_tensor : fleet.tensor;
  part.draft_tokens = 0;
  part.expert_ranks = 0;
  return part;
}

}  // namespace

ServingWork& ServingWork::operator+=(const ServingWork& other) {
  arithmetic += other.arithmetic;
  hbm += other.hbm;
  links += other.links;
  return *this;
}

ServingWork operator*(const ServingWork& work, double times) {
  return {work.arithmetic * times, work.hbm * times, work.links * times};
}

namespace {

// Weights of one block that mixes tokens.
double MixerWeights(const TrainingSpec& whole, Block block) {
  const LayerShape s(whole);
  return SizeOf(block == Block::kRecurrent ? RecurrentMatrices(whole, s)
                                           : AttentionMatrices(whole, s));
}

// Serving knows layers that are alike but for their caches. Feed-forward blocks that are layers of
// their own are shared out over those with attention or a recurrence. A recurrent layer counts as
// one with a window of as many tokens as have the bytes of its state, and what its projections have
// more or less than attention is counted with the dense block.
void SetKinds(const ModelSpec& model, InferenceModel& out) {
  const Layers layers = model.LayersIn(model.encoder.layers, model.depth());
  const double mixers = layers.with(kMixers), dense = layers.with(Block::kDense);
  const double windows = layers.with(Block::kWindow);
  double recurrent = 0;  // without attention beside
  for (const Layers::Entry& entry : layers.kinds()) {
    const bool alone = entry.kind.has(Block::kRecurrent) && !entry.kind.has(kAnyAttention);
    recurrent += alone ? entry.count : 0.0;
  }
  if (mixers > 0 && mixers < model.layers) {
    out.layers = static_cast<int>(mixers);
    out.ffn = model.ffn * dense / std::max(1.0, mixers - layers.with(Block::kMixture));
  }
  if (windows + recurrent <= 0) {
    return;
  }
  double kept = windows * model.window;
  if (recurrent > 0) {
    TrainingSpec whole;
    whole.model = model;
    constexpr double kBytes = 2;  // of an element of a cache
    const double token = kBytes * 2 * model.kv_heads * model.head_dim;
    kept += recurrent * RecurrentStateBytes(model).si() / token;
    if (!model.has_experts()) {
      const double more =
          MixerWeights(whole, Block::kRecurrent) - MixerWeights(whole, Block::kAttention);
      const double width = more / (model.hidden * (model.gated ? 3.0 : 2.0));
      out.ffn = std::max(0.0, out.ffn + width * recurrent / mixers);
    }
  }
  out.states = recurrent > 0;
  out.windowed_share = (windows + recurrent) / mixers;
  out.window = static_cast<int>(std::lround(kept / (windows + recurrent)));
}

}  // namespace

// Entries of decoders whose training computes all scores, those that the mask hides as well, say
// FULL like encoders do.
bool EncodesAlone(const ModelSpec& model) {
  constexpr const char* kDecoders[] = {"gpt", "mpt", "nemotron", "internlm"};
  const bool decodes =
      std::any_of(std::begin(kDecoders), std::end(kDecoders), [&model](const char* each) {
        return model.name.starts_with(each);
      });
  return model.attention == Attention::kFull && !decodes && model.encoder.layers == 0 &&
         model.modulations == 0;
}

void CheckThatItServes(const ModelSpec& model, const std::string& path, bool alone) {
  const char* kind = nullptr;
  if (model.encoder.layers > 0 && (model.has_experts() || model.latent.key_value_rank > 0)) {
    kind = "an encoder with a decoder of experts or latent caches behind it, which together";
  } else if (model.modulations > 0) {
    kind = "a diffusion model, whose passes over a whole picture";
  } else if (EncodesAlone(model) && !alone) {
    kind = "an encoder, whose passes over a whole input in a fleet of a life";
  }
  if (kind == nullptr) {
    return;
  }
  throw UserError(
      path,
      fmt::format("{} is {} are not simulated: serving is of models that make one token after "
                  "another; expected a decoder such as llama_3.1_8b, with `--images` for an "
                  "encoder of pictures in front of it (`gridlock run` simulates training of {})",
                  model.name, kind, model.name));
}

InferenceModel InferenceModelOf(const ModelSpec& model) {
  InferenceModel out;
  out.name = model.name;
  out.layers = model.layers;
  out.hidden = model.hidden;
  out.heads = model.heads;
  out.kv_heads = model.kv_heads;
  out.head_dim = model.head_dim;
  out.ffn = model.ffn;
  out.gated = model.gated;
  out.vocabulary = model.vocabulary;
  out.tied = model.tied_embeddings;
  out.encoder_layers = model.encoder.layers;
  out.encoder_tokens = model.encoder.tokens;
  out.encodes_alone = EncodesAlone(model);
  out.tied = out.tied || out.encodes_alone;  // one table, of its inputs
  out.picked = model.indexer.heads > 0 ? model.indexer.tokens : 0;
  out.indexer_heads = model.indexer.heads;
  out.indexer_dim = model.indexer.head_dim;
  if (model.has_experts()) {
    out.experts = model.mixture.experts;
    out.experts_per_token = model.mixture.experts_per_token;
    out.expert_ffn = model.mixture.expert_ffn;
    out.shared_experts = model.mixture.shared_experts;
    const Layers layers = model.LayersIn(model.encoder.layers, model.depth());
    const double places = std::min<double>(model.layers, layers.with(kMixers));
    const double mixed = layers.with(Block::kMixture), dense = layers.with(Block::kDense);
    out.dense_layers = static_cast<int>(std::max(0.0, places - mixed));
    if (out.dense_layers == 0 && mixed > 0) {
      // A dense block beside the experts of each layer (Arctic): shared experts of as much width.
      const double beside = dense * model.ffn / (mixed * out.expert_ffn);
      out.shared_experts += static_cast<int>(std::lround(beside));
    }
  }
  SetKinds(model, out);
  const LatentAttentionSpec& latent = model.latent;
  out.latent = latent.key_value_rank > 0;
  if (out.latent) {
    out.kv_rank = latent.key_value_rank;
    out.rotary_dim = latent.rotary_head_dim;
    out.value_dim = latent.value_head_dim;
    out.head_dim = latent.plain_head_dim + latent.rotary_head_dim;
    // Without a latent of queries: the rank whose two matrices have the parameters of the one.
    const double width = 1.0 * model.heads * out.head_dim;
    out.q_rank = latent.query_rank > 0
                     ? latent.query_rank
                     : static_cast<int>(std::lround(model.hidden * width / (model.hidden + width)));
  }
  return out;
}

InferenceLayout InferenceLayoutOf(const ServingSpec& fleet, const InferenceEngine& engine) {
  InferenceLayout layout;
  layout.tensor = fleet.tensor;
  layout.pipeline = fleet.pipeline;
  layout.data = fleet.data;
  layout.experts_spread = fleet.data > 1;
  layout.weights = FormatOf(fleet);
  layout.cache_bytes =
      fleet.cache_bytes > 0 ? fleet.cache_bytes : UsualCacheBytes(layout.weights, engine);
  layout.draft_tokens = fleet.draft_tokens;
  layout.accepted = fleet.accepted;
  layout.adapters = fleet.adapters;
  layout.expert_ranks = fleet.expert_ranks;
  layout.micro_batches = fleet.micro_batches;
  return layout;
}

InferencePart InferencePartOf(const ServerSpec& server,
                              const std::map<std::string, InferencePart>& measured) {
  const AcceleratorSpec& chip = server.accelerator;
  const auto found = measured.find(chip.name);
  InferencePart part = found == measured.end() ? UnmeasuredPart(server) : found->second;
  const Stretch stretch = StretchOf(server, part.power_limit);
  part.power_limit = chip.power.limit.si();
  part.idle_power = chip.power.held().si();
  part.joules_per_flop = chip.power.per_flop.si() * chip.power.FlopAtFullClock();
  part.joules_per_byte = chip.power.per_hbm_byte.si();
  part.name = chip.name;
  const auto peak = [&](Precision precision) {
    return chip.rates[static_cast<int>(precision)].peak.si() / stretch.compute;
  };
  part.peak_bf16 = peak(Precision::kBf16) > 0 ? peak(Precision::kBf16) : peak(Precision::kFp32);
  part.peak_fp8 = peak(Precision::kFp8);
  part.peak_fp4 = peak(Precision::kFp4);
  part.hbm_capacity = chip.hbm_capacity.si();
  part.hbm_bandwidth = chip.hbm_bandwidth.si() / stretch.memory;
  part.domain = server.domain();
  part.inside = server.scale_up;
  part.across = server.across();
  if (part.ring_shares.empty()) {
    part.link_bandwidth = server.RingBandwidth(server.domain()).si();
  } else {
    part.link_bandwidth = chip.scale_up_bandwidth.si();
  }
  part.host_bandwidth = chip.host_bandwidth.si();
  part.nic_bandwidth = server.direct || server.nics == 0
                           ? server.across_bandwidth().si()
                           : server.nic_bandwidth.si() * server.nics / server.accelerators;
  return part;
}

InferenceEngine EngineOfFleet(const ServingSpec& fleet, const InferencePart& part,
                              const InferenceEngine& engine) {
  InferenceEngine own = EngineOn(part, engine);
  own.batch_max =
      fleet.batch_max > 0 ? (fleet.batch_max + fleet.data - 1) / fleet.data : own.batch_max;
  own.token_budget = fleet.prefill_tokens_max > 0 ? fleet.prefill_tokens_max : own.token_budget;
  return own;
}

IterationCosts IterationCostsOf(const ServingSpec& fleet, const ServerSpec& server) {
  CheckThatItServes(fleet.model, fleet.path + ".model", false);
  InferenceModel model = InferenceModelOf(fleet.model);
  if (fleet.windowed_share > 0) {
    model.window = fleet.window;
    model.windowed_share = fleet.windowed_share;
  }
  model.context = fleet.context;
  const InferencePart part = InferencePartOf(server, fleet.parts);
  const InferenceEngine engine = EngineOfFleet(fleet, part, fleet.engine);
  return {model, part, engine, InferenceLayoutOf(fleet, engine), fleet.path + ".tensor"};
}

Seconds StartTimeOf(const ReplicaStart& start, const InferencePart& part, Bytes weights,
                    BytesPerSecond storage, std::int64_t accelerators) {
  const BytesPerSecond nic(part.nic_bandwidth);
  switch (start.from) {
    case WeightsFrom::kThere:
      return start.engine;
    case WeightsFrom::kHost:
      return weights / BytesPerSecond(part.host_bandwidth) + start.engine;
    case WeightsFrom::kReplica:
      return weights / nic + start.engine;
    case WeightsFrom::kStorage:
      return std::max(weights / nic, weights * static_cast<double>(accelerators) / storage) +
             start.engine;
  }
  return start.engine;
}

FleetCosts CostsOf(const ServingSpec& fleet, const ServerSpec& server) {
  if (fleet.model.heads % fleet.tensor != 0) {
    throw UserError(fleet.path + ".tensor",
                    fmt::format("{} does not divide the {} heads of {}", fleet.tensor,
                                fleet.model.heads, fleet.model.name));
  }
  FleetCosts costs{IterationCostsOf(fleet, server), std::nullopt, {}, {}, {}};
  CheckRoom(fleet, server, costs.decode);
  costs.decode_prices = PricesOf(fleet, server, costs.decode);
  if (fleet.pools()) {
    const ServingSpec prefilling = PrefillingPart(fleet);
    costs.prefill = IterationCostsOf(prefilling, server);
    CheckRoom(prefilling, server, *costs.prefill);
    costs.prefill_prices = PricesOf(prefilling, server, *costs.prefill);
  }
  costs.images =
      TimesOfImages(fleet.groups, InferencePartOf(server, fleet.parts), costs.decode.engine());
  return costs;
}

}  // namespace gridlock
