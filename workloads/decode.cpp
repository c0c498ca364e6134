#include "workloads/decode.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "workloads/pass_builder.h"
#include "workloads/transformer.h"

namespace gridlock {

namespace {

// A GEMM of 1 to 128 rows takes this much longer than its bytes at the rate that HBM reaches:
// NVIDIA aiconfigurator measurement database (Apache-2.0), BF16, n and k >= 1024, those whose bytes
// take 2 to 20 us: medians of 6.2 us on A100, 4.1 on H100, 4.9 on H200, 4.7 on B200. The FP8 tables
// say 13.5 us, because there each GEMM quantises its inputs in kernels of their own, which serving
// engines fuse into the norm before. Computed 2026-11-22.
constexpr Seconds kGemmGap(5e-6);

// Estimate: the other kernels of a layer (two norms, rotary positions and the write to the cache,
// attention, activation, residual) each take at least this long inside a CUDA graph.
constexpr Seconds kKernelGap(3e-6);
constexpr double kKernelsPerLayer = 6;

// Estimate: between two iterations the host schedules, prepares inputs, samples and returns tokens.
constexpr Seconds kHostTime(0.5e-3);

// Share of HBM that a replica uses for weights, activations and cache: the default of vLLM
// (gpu_memory_utilization).
constexpr double kUsableHbm = 0.9;

// Logits are sampled from in 32 bits.
constexpr double kLogitBytes = 4;

// Points of PrefillTime per octave of tokens, and the octaves.
constexpr int kPointsPerOctave = 8;
constexpr int kOctaves = 20;

// A replica as a training job of one sequence of `rows` tokens: the forward pass of that is a
// prefill or an iteration.
TrainingSpec PassOf(const ServingSpec& fleet, std::int64_t rows) {
  TrainingSpec job;
  job.path = fleet.path;
  job.model = fleet.model;
  job.layout.path = fleet.path;
  job.layout.tensor = fleet.tensor;
  job.layout.sequence_parallel = false;
  job.global_batch = 1;
  job.sequence_length = rows;
  job.precision = fleet.precision;
  return job;
}

// Bytes of keys and values of one token on one accelerator. A head is copied when there are fewer
// of them than accelerators.
Bytes CachedTokenBytes(const ServingSpec& fleet) {
  const ModelSpec& model = fleet.model;
  const bool narrow = fleet.precision == Precision::kFp8 || fleet.precision == Precision::kFp4;
  const int heads = (model.kv_heads + fleet.tensor - 1) / fleet.tensor;
  return Bytes(2.0 * heads * model.head_dim * model.layers * (narrow ? 1.0 : 2.0));
}

// Of one pair (query, key), on one accelerator: QK^T and PV, a multiply and an add each.
Flop PairFlop(const ServingSpec& fleet) {
  const ModelSpec& model = fleet.model;
  return Flop(4.0 * model.heads / fleet.tensor * model.head_dim * model.layers);
}

// What one accelerator does in a pass of `rows` tokens, attention apart.
class PassCosts {
 public:
  PassCosts(const ServingSpec& fleet, const ServerSpec& server)
      : fleet_(fleet), server_(server), chip_(server.accelerator) {}

  [[nodiscard]] Seconds Layers(std::int64_t rows) const {
    const TrainingSpec job = PassOf(fleet_, rows);
    const PassBuilder builder(job, server_);
    const PassWork work = ForwardWork(job, Part());
    Seconds time = kKernelGap * (kKernelsPerLayer * fleet_.model.layers);
    for (const Operation& operation : work.operations) {
      time += TimeOf(operation, builder);
    }
    time += Memory(CachedTokenBytes(fleet_) * static_cast<double>(rows));
    const Pass traffic = builder.Build("tensor", {{}, work.tensor, {}}, Seconds(0));
    return time + traffic.tensor_exposed / server_.RingBandwidth(fleet_.tensor) +
           traffic.tensor_latency;
  }

  [[nodiscard]] Seconds Head(std::int64_t rows) const {
    const TrainingSpec job = PassOf(fleet_, rows);
    const PassBuilder builder(job, server_);
    return TimeOf(HeadOperation(job), builder);
  }

  [[nodiscard]] ServingWork LayersWork(std::int64_t rows) const {
    const TrainingSpec job = PassOf(fleet_, rows);
    const PassBuilder builder(job, server_);
    PassWork work = ForwardWork(job, Part());
    std::erase_if(work.operations, IsAttention);
    ServingWork sum = OfAll(builder.Build("layers", work, Seconds(0)));
    sum.hbm += CachedTokenBytes(fleet_) * static_cast<double>(rows) * Ranks();
    return sum;
  }

  [[nodiscard]] ServingWork HeadWork(std::int64_t rows) const {
    const TrainingSpec job = PassOf(fleet_, rows);
    const PassBuilder builder(job, server_);
    return OfAll(builder.Build("head", {{HeadOperation(job)}, {}, {}}, Seconds(0)));
  }

  // Attention of `flop` that reads `bytes`, on one accelerator.
  [[nodiscard]] Pass Attention(Flop flop, Bytes bytes) const {
    const TrainingSpec job = PassOf(fleet_, 1);
    const PassBuilder builder(job, server_);
    const Operation operation{"attention", Kernel::kAttention, flop, bytes, 1, /*wide=*/true};
    return builder.Build("attention", {{operation}, {}, {}}, Seconds(0));
  }

  [[nodiscard]] Seconds TimeOf(const Pass& pass) const {
    return pass.compute_time + std::max(Memory(pass.memory_bytes), pass.memory_time);
  }

  // A pass of one accelerator, on all of the replica.
  [[nodiscard]] ServingWork OfAll(const Pass& pass) const {
    ServingWork work;
    work.flop = pass.flop * Ranks();
    work.arithmetic = pass.flop_energy * Ranks();
    work.hbm = (pass.compute_bytes + pass.memory_bytes) * Ranks();
    work.links = (pass.tensor_exposed + pass.tensor_overlapped) * Ranks();
    return work;
  }

 private:
  static bool IsAttention(const Operation& operation) {
    return operation.kernel == Kernel::kAttention;
  }

  [[nodiscard]] double Ranks() const { return fleet_.tensor; }

  [[nodiscard]] ModelPart Part() const {
    return {static_cast<double>(fleet_.model.layers), /*embedding=*/true, /*head=*/false};
  }

  static Operation HeadOperation(const TrainingSpec& job) {
    const PassWork work = ForwardWork(job, {0, /*embedding=*/false, /*head=*/true});
    const auto head =
        std::find_if(work.operations.begin(), work.operations.end(), [](const Operation& o) {
          return o.kernel == Kernel::kGemm;
        });
    CHECK(head != work.operations.end());
    return *head;
  }

  [[nodiscard]] Seconds Memory(Bytes bytes) const {
    return bytes / (chip_.hbm_bandwidth * chip_.hbm_efficiency);
  }

  // The longer of FLOP and bytes. Efficiencies of the catalogue are of whole calls, so that the gap
  // of a GEMM belongs to the bytes alone.
  [[nodiscard]] Seconds TimeOf(const Operation& operation, const PassBuilder& builder) const {
    if (IsAttention(operation)) {
      return Seconds(0);
    }
    Operation call = operation;
    call.calls = 1;
    const Pass pass = builder.Build(call.name, {{call}, {}, {}}, Seconds(0));
    Seconds memory = std::max(Memory(call.hbm), pass.memory_time);
    if (call.kernel == Kernel::kGemm) {
      memory += kGemmGap;
    }
    return std::max(pass.compute_time, memory) * operation.calls;
  }

  const ServingSpec& fleet_;
  const ServerSpec& server_;
  const AcceleratorSpec& chip_;
};

// Weights of one accelerator.
Bytes WeightBytes(const ServingSpec& fleet) {
  const TrainingSpec job = PassOf(fleet, 1);
  const double element = PrecisionBytes(fleet.precision);
  const double layers = ParametersPerRank(job, {1.0 * fleet.model.layers, false, false}).total();
  const double tables = ParametersPerRank(job, {0, true, true}).total();
  return Bytes(layers * element + tables * std::max(element, 2.0));
}

// Activations of the largest prefill on one accelerator: two hidden states, queries, keys and
// values, and the feed-forward block; and the logits of a batch.
Bytes BufferBytes(const ServingSpec& fleet) {
  const ModelSpec& model = fleet.model;
  const double heads = static_cast<double>(model.heads + 2 * model.kv_heads) * model.head_dim;
  const double ffn = (model.gated ? 3.0 : 2.0) * model.ffn;
  const double token = 2.0 * (2.0 * model.hidden + (heads + ffn) / fleet.tensor);
  return Bytes(token * fleet.prefill_tokens_max +
               kLogitBytes * fleet.batch_max * model.vocabulary / fleet.tensor);
}

// Tokens of the longest request that may come.
std::int64_t LongestRequest(const ServingSpec& fleet) {
  std::int64_t longest = 1;
  for (const RequestGroupSpec& group : fleet.groups) {
    longest = std::max(longest, group.prompt.max + group.output.max);
  }
  return longest;
}

std::int64_t CacheTokens(const ServingSpec& fleet, const AcceleratorSpec& chip) {
  const Bytes usable = chip.hbm_capacity * kUsableHbm;
  const Bytes taken = WeightBytes(fleet) + BufferBytes(fleet);
  const double tokens = std::floor((usable - taken) / CachedTokenBytes(fleet));
  const std::int64_t longest = LongestRequest(fleet);
  if (tokens < static_cast<double>(longest)) {
    throw UserError(
        fleet.path + ".tensor",
        fmt::format("HBM has no room for the KV cache of one request of {} tokens ({}): of {} on "
                    "each accelerator {} are usable, {} of weights and {} of buffers leave {}; "
                    "more accelerators per replica, a narrower format or shorter requests would "
                    "fit",
                    longest, FormatBytes(CachedTokenBytes(fleet) * static_cast<double>(longest)),
                    FormatBytes(chip.hbm_capacity), FormatBytes(usable),
                    FormatBytes(WeightBytes(fleet)), FormatBytes(BufferBytes(fleet)),
                    FormatBytes(std::max(usable - taken, Bytes(0)))));
  }
  return static_cast<std::int64_t>(tokens);
}

void CheckFits(const ServingSpec& fleet, const ServerSpec& server) {
  if (fleet.tensor > server.accelerators) {
    throw UserError(fleet.path + ".tensor",
                    fmt::format("a replica lies within one scale-up domain, and {} has {} "
                                "accelerators; expected at most that",
                                server.name, server.accelerators));
  }
  if (fleet.model.heads % fleet.tensor != 0) {
    throw UserError(fleet.path + ".tensor",
                    fmt::format("{} does not divide the {} heads of {}", fleet.tensor,
                                fleet.model.heads, fleet.model.name));
  }
  const MatrixRate& rate = server.accelerator.rates[static_cast<int>(fleet.precision)];
  if (rate.peak.si() <= 0) {
    throw UserError(fleet.path + ".precision",
                    fmt::format("{} has no matrix units for {}", server.accelerator.name,
                                PrecisionName(fleet.precision)));
  }
}

// The part of an affine function of rows that grows with them, and the part that does not.
ServingWork Slope(const ServingWork& one, const ServingWork& two) {
  return {two.flop - one.flop, two.arithmetic - one.arithmetic, two.hbm - one.hbm,
          two.links - one.links};
}

void AddWork(const ServingSpec& fleet, const PassCosts& pass, ServingCosts& costs) {
  costs.per_token = Slope(pass.LayersWork(1), pass.LayersWork(2));
  costs.per_output = Slope(pass.HeadWork(1), pass.HeadWork(2));
  costs.per_pass = Slope(costs.per_token, pass.LayersWork(1));
  costs.per_pass += Slope(costs.per_output, pass.HeadWork(1));
  costs.per_cached_read = pass.OfAll(pass.Attention(PairFlop(fleet), CachedTokenBytes(fleet)));
  // Fused kernels read a prompt's keys and values a few times over: little beside its weights.
  costs.per_pair = pass.OfAll(pass.Attention(PairFlop(fleet), Bytes(0)));
}

std::vector<PrefillPoint> PrefillTimes(const PassCosts& pass) {
  std::vector<PrefillPoint> points;
  const Seconds head = pass.Head(1);
  for (int i = 0; i <= kOctaves * kPointsPerOctave; ++i) {
    const std::int64_t tokens = std::llround(std::exp2(static_cast<double>(i) / kPointsPerOctave));
    if (points.empty() || tokens > points.back().tokens) {
      points.push_back({tokens, pass.Layers(tokens) + head + kHostTime});
    }
  }
  return points;
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

Seconds ServingCosts::PrefillTime(std::int64_t tokens, double pairs) const {
  CHECK(prefill_times.size() >= 2);
  const double x = static_cast<double>(tokens);
  const Seconds attention = prefill_pair * pairs;
  const PrefillPoint& last = prefill_times.back();
  if (tokens >= last.tokens) {
    return last.time * (x / static_cast<double>(last.tokens)) + attention;
  }
  auto above = std::upper_bound(prefill_times.begin() + 1, prefill_times.end(), tokens,
                                [](std::int64_t t, const PrefillPoint& p) {
                                  return t < p.tokens;
                                });
  const PrefillPoint& b = *above;
  const PrefillPoint& a = *(above - 1);
  const double share =
      (x - static_cast<double>(a.tokens)) / static_cast<double>(b.tokens - a.tokens);
  return a.time + (b.time - a.time) * share + attention;
}

ServingCosts CostsOf(const ServingSpec& fleet, const ServerSpec& server) {
  CheckFits(fleet, server);
  const PassCosts pass(fleet, server);
  ServingCosts costs;
  for (int batch = 1; batch <= fleet.batch_max; ++batch) {
    costs.decode_time.push_back(pass.Layers(batch) + pass.Head(batch) + kHostTime);
  }
  costs.prefill_times = PrefillTimes(pass);
  costs.per_cached_token = pass.TimeOf(pass.Attention(PairFlop(fleet), CachedTokenBytes(fleet)));
  costs.prefill_pair = pass.TimeOf(pass.Attention(PairFlop(fleet), Bytes(0)));
  costs.cache_tokens = CacheTokens(fleet, server.accelerator);
  AddWork(fleet, pass, costs);
  return costs;
}

std::string EstimatesOfServing() {
  return fmt::format("small kernels ({} a layer, {} each) and host ({} an iteration)",
                     kKernelsPerLayer, FormatSeconds(kKernelGap), FormatSeconds(kHostTime));
}

}  // namespace gridlock
