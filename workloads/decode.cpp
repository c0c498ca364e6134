#include "workloads/decode.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "workloads/layer_shape.h"
#include "workloads/pass_builder.h"

namespace gridlock {

namespace {

// Points of a pass per octave of tokens, and the octaves.
constexpr int kPassesPerOctave = 8;
constexpr int kPassOctaves = 20;

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
    longest = std::max(longest, group.prompt.max + group.output.max);
  }
  return longest;
}

void CheckRoom(const ServingSpec& fleet, const ServerSpec& server, const IterationCosts& costs) {
  const std::int64_t longest = LongestRequest(fleet);
  if (costs.cache_tokens() >= longest) {
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

// What tensor-parallel ranks send for one token: two all-reduces a layer, in 16 bits.
Bytes ReducedBytes(const ServingSpec& fleet, const CollectiveFit& fit) {
  const double ranks = fleet.tensor;
  return Bytes(2.0 * fleet.model.layers * 2.0 * (ranks - 1) * 2.0 * fleet.model.hidden /
               fit.all_reduce_efficiency);
}

void AddWork(const ServingSpec& fleet, const ServerSpec& server, const IterationCosts& iteration,
             ServingCosts& costs) {
  const PowerSpec& power = server.accelerator.power;
  const JoulesPerFlop narrow = PriceOf(fleet, power), wide = power.per_flop;
  const Flop token(iteration.FlopOf(1, 0, 0, 0)), output(iteration.FlopOf(0, 1, 0, 0));
  const Flop pair(iteration.FlopOf(0, 0, 0, 1));
  const double copies = fleet.tensor * fleet.pipeline;
  const Bytes cached = iteration.token_bytes() * copies;
  costs.per_token = {token, token * narrow, cached, ReducedBytes(fleet, server.scale_up)};
  costs.per_output = {output, output * wide, Bytes(4.0 * 4.0 * fleet.model.vocabulary), Bytes(0)};
  costs.per_cached_read = {pair, pair * wide, cached, Bytes(0)};
  // Fused kernels read a prompt's keys and values a few times over: little beside its weights.
  costs.per_pair = {pair, pair * wide, Bytes(0), Bytes(0)};
}

// The point behind `tokens`, and how far on the way there they are.
std::pair<std::size_t, double> Between(const std::vector<PassPoint>& points, std::int64_t tokens) {
  CHECK(points.size() >= 2);
  const auto above = std::upper_bound(points.begin() + 1, points.end() - 1, tokens,
                                      [](std::int64_t t, const PassPoint& p) {
                                        return t < p.tokens;
                                      });
  const double a = static_cast<double>((above - 1)->tokens), b = static_cast<double>(above->tokens);
  return {static_cast<std::size_t>(above - points.begin()),
          (static_cast<double>(tokens) - a) / (b - a)};
}

}  // namespace

ServingWork& ServingWork::operator+=(const ServingWork& other) {
  flop += other.flop;
  arithmetic += other.arithmetic;
  hbm += other.hbm;
  links += other.links;
  return *this;
}

ServingWork operator*(const ServingWork& work, double times) {
  return {work.flop * times, work.arithmetic * times, work.hbm * times, work.links * times};
}

Seconds ServingCosts::DecodeTime(std::int64_t batch) const {
  CHECK(batch >= 1 && batch <= static_cast<std::int64_t>(decode_time.size()));
  return decode_time[static_cast<std::size_t>(batch - 1)];
}

Seconds ServingCosts::PerCachedToken(std::int64_t batch) const {
  return per_cached_token / static_cast<double>(std::clamp<std::int64_t>(batch, 1, pipeline));
}

Seconds ServingCosts::PrefillTime(std::int64_t tokens, double pairs) const {
  const Seconds attention = prefill_pair * pairs;
  const PassPoint& last = passes.back();
  if (tokens >= last.tokens) {
    return last.time * (static_cast<double>(tokens) / static_cast<double>(last.tokens)) + attention;
  }
  const auto [above, share] = Between(passes, tokens);
  const Seconds a = passes[above - 1].time, b = passes[above].time;
  return a + (b - a) * share + attention;
}

Bytes ServingCosts::PassBytes(std::int64_t tokens) const {
  const auto [above, share] = Between(passes, std::min(tokens, passes.back().tokens));
  const Bytes a = passes[above - 1].hbm, b = passes[above].hbm;
  return a + (b - a) * share;
}

namespace {

// Weights of one block that mixes tokens.
double MixerWeights(const TrainingSpec& whole, Block block) {
  const LayerShape s(whole);
  double weights = 0;
  for (const Matrix& matrix :
       block == Block::kRecurrent ? RecurrentMatrices(whole, s) : AttentionMatrices(whole, s)) {
    weights += matrix.n * matrix.k;
  }
  return weights;
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
  out.windowed_share = (windows + recurrent) / mixers;
  out.window = static_cast<int>(std::lround(kept / (windows + recurrent)));
}

}  // namespace

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
  if (model.has_experts()) {
    out.experts = model.mixture.experts;
    out.experts_per_token = model.mixture.experts_per_token;
    out.expert_ffn = model.mixture.expert_ffn;
    out.shared_experts = model.mixture.shared_experts;
    const Layers layers = model.LayersIn(model.encoder.layers, model.depth());
    const double places = std::min<double>(model.layers, layers.with(kMixers));
    out.dense_layers = static_cast<int>(std::max(0.0, places - layers.with(Block::kMixture)));
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

InferenceLayout InferenceLayoutOf(const ServingSpec& fleet) {
  const bool narrow = fleet.precision == Precision::kFp8 || fleet.precision == Precision::kFp4;
  InferenceLayout layout;
  layout.tensor = fleet.tensor;
  layout.pipeline = fleet.pipeline;
  layout.data = fleet.data;
  layout.experts_spread = fleet.data > 1;
  layout.weights = FormatOf(fleet);
  layout.cache_bytes = fleet.cache_bytes > 0 ? fleet.cache_bytes : narrow ? 1 : 2;
  return layout;
}

InferencePart InferencePartOf(const ServerSpec& server,
                              const std::map<std::string, InferencePart>& measured) {
  const AcceleratorSpec& chip = server.accelerator;
  const auto found = measured.find(chip.name);
  InferencePart part = found == measured.end() ? UnmeasuredPart(server) : found->second;
  const Stretch stretch = StretchOf(server, part.power_limit);
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
  part.nic_bandwidth = server.direct || server.nics == 0
                           ? server.across_bandwidth().si()
                           : server.nic_bandwidth.si() * server.nics / server.accelerators;
  return part;
}

IterationCosts IterationCostsOf(const ServingSpec& fleet, const ServerSpec& server) {
  InferenceModel model = InferenceModelOf(fleet.model);
  if (fleet.windowed_share > 0) {
    model.window = fleet.window;
    model.windowed_share = fleet.windowed_share;
  }
  model.context = fleet.context;
  InferenceEngine engine = fleet.engine;
  engine.batch_max = fleet.batch_max;
  engine.token_budget = fleet.prefill_tokens_max;
  return {model, InferencePartOf(server, fleet.parts), engine, InferenceLayoutOf(fleet),
          fleet.path + ".tensor"};
}

ServingCosts CostsOf(const ServingSpec& fleet, const ServerSpec& server) {
  if (fleet.model.heads % fleet.tensor != 0) {
    throw UserError(fleet.path + ".tensor",
                    fmt::format("{} does not divide the {} heads of {}", fleet.tensor,
                                fleet.model.heads, fleet.model.name));
  }
  const IterationCosts iteration = IterationCostsOf(fleet, server);
  CheckRoom(fleet, server, iteration);
  ServingCosts costs;
  for (std::int64_t batch = 1; batch <= fleet.batch_max; ++batch) {
    costs.decode_time.push_back(iteration.Base(batch, batch, batch));
  }
  const Bytes head(2.0 * fleet.model.hidden * fleet.model.vocabulary);
  for (int i = 0; i <= kPassOctaves * kPassesPerOctave; ++i) {
    const std::int64_t tokens = std::llround(std::exp2(static_cast<double>(i) / kPassesPerOctave));
    if (costs.passes.empty() || tokens > costs.passes.back().tokens) {
      costs.passes.push_back({tokens, iteration.Base(tokens, 1, 1),
                              head + Bytes(iteration.BytesOf(static_cast<double>(tokens), 0))});
    }
  }
  costs.per_cached_token = iteration.PerRead(1);
  costs.pipeline = fleet.pipeline;
  costs.prefill_pair = iteration.PerPair();
  costs.cache_tokens = iteration.cache_tokens();
  AddWork(fleet, server, iteration, costs);
  return costs;
}

}  // namespace gridlock
