#include "workloads/kernel_costs.h"

#include <algorithm>
#include <cmath>

#include "workloads/inference_terms.h"
#include "workloads/program/algorithm.h"

namespace gridlock {

namespace {

// Experts of a token that one copy of it over the NICs reaches: DeepSeek-V3 chooses 8 in at most 4
// servers, and links inside the server pass the copy on (arXiv:2412.19437, section 3.2.2). For
// other models an estimate.
constexpr double kExpertsPerServer = 8.0 / 4;

// Rate of an all-reduce in one kernel over that of a ring: TensorRT-LLM's on H100, 512 KiB over 4
// and 8 accelerators (measured by NVIDIA aiconfigurator).
constexpr double kDirectRate = 0.54;

// Kernels of an engine by which ExpertKernels::time is as measured.
constexpr double kMeasuredKernels = 8;

// What short messages between servers take over the model of the library, which transports follow:
// 46 us for an all-reduce of 64 bytes on two servers of H20 (NVIDIA/nccl issue 1244), 25 modelled.
constexpr double kNetworkLatency = 1.85;

// FLOP/s at which scales of blocks are applied beside the matrix units: plain products of 8 bits
// reach 0.43 of the peak with them and 0.70 without on an H100, and 0.29 and 0.60 on a B200
// (NVIDIA aiconfigurator, TensorRT-LLM 1.2; h100_sxm_fp8_linear.csv).
constexpr double kBlockScaling = 2.3e15;

// Weights that kernels widen whatever the part can multiply.
bool AreIntegers(WeightFormat format) {
  return format == WeightFormat::kInt8 || format == WeightFormat::kInt4 || IsGguf(format);
}

}  // namespace

ServerSpec LinksOf(const InferencePart& part, double factor) {
  ServerSpec links;
  links.name = part.name;
  links.accelerators = static_cast<int>(part.domain);
  links.accelerator.scale_up_bandwidth = BytesPerSecond(part.link_bandwidth);
  links.nics = links.accelerators;
  links.nic_bandwidth = links.fabric_nic_bandwidth = BytesPerSecond(part.nic_bandwidth);
  links.scale_up = part.inside;
  for (const double share : part.ring_shares) {
    links.ring_bandwidths.push_back(BytesPerSecond(part.link_bandwidth * share));
  }
  links.scale_out = part.across;
  CollectiveFit &inside = links.scale_up, &across = links.scale_out;
  for (Seconds* latency : {&inside.base_latency, &inside.step_latency, &inside.bulk_step_latency,
                           &inside.in_switch_latency, &inside.send_latency}) {
    *latency = *latency * factor;
  }
  for (Seconds* latency : {&across.base_latency, &across.step_latency, &across.bulk_step_latency}) {
    *latency = *latency * kNetworkLatency;
  }
  return links;
}

KernelCosts::KernelCosts(const InferenceModel& model, const InferencePart& part,
                         const InferenceEngine& engine, const InferenceLayout& layout)
    : model_(model),
      part_(part),
      links_(LinksOf(part, engine.link_factor)),
      engine_(engine),
      layout_(layout) {}

// FLOP/s that large products of such weights reach. Experts in MXFP4 (gpt-oss) meet activations of
// 8 bits, at their rate, and dense models in it (AMD Quark) those of 4 bits; where a part has no
// units for a format, its weights are widened to 16 bits on the way.
double KernelCosts::Peak(double bytes) const {
  const bool integers = AreIntegers(layout_.weights);
  const double plain = part_.peak_bf16 * part_.gemm_efficiency * engine_.gemm_factor;
  double eight = part_.peak_fp8 * part_.fp8_efficiency * engine_.gemm_factor;
  if (model_.block_scales && eight > 0) {
    eight = engine_.block_factor / (1 / eight + 1 / kBlockScaling);
  }
  if (bytes >= 2) {
    return plain;
  }
  if (integers) {
    return bytes < 1 ? plain * part_.widened_efficiency : plain;
  }
  if (bytes >= 1) {
    return eight > 0 ? eight : plain;
  }
  if (part_.peak_fp4 <= 0) {
    return plain * part_.widened_efficiency;
  }
  return layout_.weights == WeightFormat::kMxfp4 && model_.experts > 0
             ? eight
             : part_.peak_fp4 * part_.fp4_efficiency * engine_.gemm_factor;
}

// Of a product outside of experts, whose weights have so many bytes.
double KernelCosts::TiledRows(double rows, double bytes) const {
  const bool tiled = bytes <= 1 && layout_.weights == WeightFormat::kFp8 && part_.peak_fp8 > 0 &&
                     rows > part_.fp8_few_rows;
  return tiled ? rows + part_.fp8_tile_rows : rows;
}

// Bytes/s at which weights of so many bytes each come from HBM.
double KernelCosts::StreamRate(double bytes) const {
  const bool widens = bytes < 2 && AreIntegers(layout_.weights);
  const double widened = !widens ? 1.0 : bytes >= 1 ? engine_.int8_factor : engine_.int4_factor;
  // Kernels that widen integers stream as others do; those of FP4 have their own.
  const double share = bytes < 1 && !widens && part_.fp4_hbm_efficiency > 0
                           ? part_.fp4_hbm_efficiency
                           : part_.hbm_efficiency;
  return part_.hbm_bandwidth * share * engine_.hbm_factor * widened;
}

// Those of the layer: the part's as measured, else what plain products suggest. Rates are in FLOP/s
// and bytes/s, traffic in s a byte.
ExpertKernels KernelCosts::OfExperts() const {
  const double element = BytesOfFormat(layout_.weights);
  ExpertFormat format = ExpertFormat::kBf16;
  double peak = part_.peak_bf16;
  if (layout_.weights == WeightFormat::kMxfp4) {
    // Activations have 8 bits where the part multiplies 4-bit weights, else 16.
    format = ExpertFormat::kMxfp4;
    peak = part_.peak_fp4 > 0 ? part_.peak_fp8 : part_.peak_bf16;
  } else if (layout_.weights == WeightFormat::kNvfp4) {
    format = ExpertFormat::kNvfp4;
    peak = part_.peak_fp4;
  } else if (layout_.weights == WeightFormat::kFp8) {
    format = model_.block_scales ? ExpertFormat::kFp8Blocks : ExpertFormat::kFp8;
    peak = part_.peak_fp8;
  }
  ExpertKernels kernels = part_.experts[static_cast<std::size_t>(format)];
  const bool integers = AreIntegers(layout_.weights);
  if (kernels.efficiency <= 0 || peak <= 0 || integers) {
    return {part_.kernel_time * engine_.expert_kernels, Peak(element) * part_.expert_efficiency,
            StreamRate(element), engine_.traffic / TrafficRate()};
  }
  kernels.time *= engine_.expert_kernels / kMeasuredKernels;
  kernels.efficiency *= peak * engine_.gemm_factor;
  kernels.hbm_efficiency *= part_.hbm_bandwidth * engine_.hbm_factor;
  kernels.traffic *= engine_.expert_traffic / part_.hbm_bandwidth;
  return kernels;
}

// Adds a product of `rows` with `weights` parameters of `bytes` each, which stream at `stream`.
void KernelCosts::AddProduct(double rows, double weights, double bytes, double peak, double stream,
                             LimitTimes& times) const {
  const double compute = 2 * rows * weights / peak;
  const double memory = weights * bytes / stream;
  const double time = std::pow(std::pow(compute, kCorner) + std::pow(memory, kCorner), 1 / kCorner);
  Of(times, compute > memory ? Limit::kCompute : Limit::kWeights) += time;
}

// Kernels outside of experts work on tiles.
void KernelCosts::AddMatrix(double rows, double weights, double bytes, LimitTimes& times) const {
  AddProduct(TiledRows(rows, bytes), weights, bytes, Peak(bytes), StreamRate(bytes), times);
}

// Activations are given scales block by block before the product, and kernels that multiply them
// take longer to start.
void KernelCosts::AddBlockProducts(double count, double element, LimitTimes& times) const {
  if (model_.block_scales && element > 0.9 && element < 2) {
    Of(times, Limit::kKernels) += count * engine_.block_product;
  }
}

double KernelCosts::TrafficRate() const {
  return part_.hbm_bandwidth * std::max(part_.hbm_efficiency, part_.cache_efficiency);
}

// Activations of 16 bits that kernels hand to each other through HBM.
void KernelCosts::AddTraffic(double elements, LimitTimes& times) const {
  Of(times, Limit::kCache) += 2 * elements * engine_.traffic / TrafficRate();
}

// An all-reduce of so many ranks: the library's, or in one kernel in which all send
// everything to all, whichever is sooner.
double KernelCosts::ReduceTime(double rows, int ranks) const {
  const double bytes = rows * model_.hidden * 2;
  const int domain = std::max(1, static_cast<int>(part_.domain));
  GroupShape group;
  group.ranks = ranks;
  group.domains = (ranks + domain - 1) / domain;
  group.per_domain = std::min(ranks, domain);
  const CollectiveCall call{CollectiveKind::kAllReduce, Bytes(bytes), group, links_, {}};
  const double library = TimeAlone(FittedCost(call), call).si();
  if (!engine_.direct_reduce || part_.link_direct_latency <= 0 || group.domains > 1) {
    return library;
  }
  const double direct =
      part_.link_direct_latency * engine_.link_factor +
      bytes * (group.ranks - 1) / (RingBandwidth(part_, group.ranks) * kDirectRate);
  return std::min(library, direct);
}

void KernelCosts::AddReduce(double rows, int ranks, LimitTimes& times) const {
  if (ranks > 1) {
    Of(times, Limit::kLinks) += ReduceTime(rows, ranks);
  }
}

// Tokens to their experts and back: 8 bits out, 16 bits home. They move while another part of the
// batch works, `beside` and what `times` holds already; alone with a negative `beside`.
void KernelCosts::AddExchange(double rows, double beside, LimitTimes& times) const {
  const double ranks = layout_.tensor * layout_.data;
  const double copies = std::min<double>(model_.experts_per_token, ranks) * (ranks - 1) / ranks;
  double bytes = rows / ranks * copies * model_.hidden * 3;
  const CollectiveFit &inside = links_.scale_up, &out = links_.scale_out;
  const bool across = ranks > part_.domain;
  double rate = part_.link_bandwidth * inside.all_to_all_efficiency;
  double latency = 2 * inside.base_latency.si();
  if (across) {
    rate = std::min(rate, part_.nic_bandwidth * out.all_to_all_efficiency * kExpertsPerServer);
    latency = 2 * std::max(out.expert_latency, out.base_latency + out.step_latency).si();
  } else {
    bytes *= WithOwnPart(inside, ranks - 1);
  }
  const double time = latency + bytes / rate;
  Of(times, Limit::kLinks) += beside >= 0 ? std::max(0.0, time - beside - Sum(times)) : time;
}

}  // namespace gridlock
