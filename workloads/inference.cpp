#include "workloads/inference.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "workloads/inference_apart.h"
#include "workloads/inference_attention.h"
#include "workloads/inference_host.h"
#include "workloads/inference_offload.h"
#include "workloads/inference_setup.h"
#include "workloads/inference_terms.h"

namespace gridlock {

namespace {

// Tiles of a grouped product grow with the rows of an expert, and the last one of each is partly
// empty: by this share of the rows, between these (tables of NVIDIA aiconfigurator, 21 kinds of
// kernels of TensorRT-LLM, vLLM and SGLang).
constexpr double kEmpty = 0.7, kFewestEmpty = 4, kMostEmpty = 64;

// Rows with a point of their own, and octaves and points per octave beyond.
constexpr std::int64_t kExact = 512;
constexpr int kOctaves = 14;
constexpr int kPointsPerOctave = 4;

// Bytes of a value on its way to experts that are apart: 8 bits there, 16 back, on average.
constexpr double kMoved = 1.5;

// Kernels of an indexer in a layer: keys and queries turned and given scales, scores, the best of
// them: estimate.
constexpr double kIndexerKernels = 4;

}  // namespace

IterationCosts::IterationCosts(const InferenceModel& model, const InferencePart& part,
                               const InferenceEngine& engine, const InferenceLayout& layout,
                               const std::string& path)
    : model_(model),
      part_(part),
      engine_(EngineOfRank(engine, layout)),
      layout_(LayoutOn(engine, layout)),
      adapters_(model, part, engine, layout_),
      weights_(model, layout_),
      kernels_(model, part, engine_, layout_),
      room_(RoomOf(weights_, part, engine_, adapters_, path)) {
  CHECK(model.layers >= 1 && model.hidden >= 1 && model.heads >= 1 && layout.accelerators() >= 1);
  engine_.batch_max = room_.batch_max;
  if (model.encoder_layers > 0) {
    encoder_.emplace_back(EncoderOf(model), part, engine, LayoutOfEncoder(layout), path);
  }
  per_read_ = ReadSlope(model, part, engine_, layout);
  per_pair_ = PairSlope(model, part, engine_, layout,
                        StagesAtWork(static_cast<double>(engine_.token_budget)));
  if (engine_.slot_tokens > 0) {
    // Each sequence has a slot of fixed length, which every iteration reads whole.
    slot_read_ = per_read_ * static_cast<double>(engine_.slot_tokens);
    per_read_ = 0;
    const std::int64_t slots = room_.tokens / layout.data / engine_.slot_tokens;
    engine_.batch_max = std::max<std::int64_t>(1, std::min(engine_.batch_max, slots));
  }
  for (std::int64_t rows = 1; rows <= kExact; ++rows) {
    exact_.push_back(LayersAt(static_cast<double>(rows)));
  }
  for (int i = 0; i <= kOctaves * kPointsPerOctave; ++i) {
    sparse_.push_back(LayersAt(static_cast<double>(kExact) *
                               std::exp2(static_cast<double>(i) / kPointsPerOctave)));
  }
}

void IterationCosts::AddAttention(double rows, LimitTimes& times, double& bytes) const {
  const double weights = weights_.attention(), element = weights_.attention_element();
  kernels_.AddMatrix(rows, weights, element, times);
  // Queries, keys and values, and the output; of MLA queries are made in two.
  kernels_.AddBlockProducts(model_.latent ? 3 : 2, element, times);
  bytes += weights * element;
  kernels_.AddReduce(rows, layout_.tensor, times);
}

void IterationCosts::AddCross(double rows, LimitTimes& times, double& bytes) const {
  const double weights = weights_.cross(), element = weights_.attention_element();
  kernels_.AddMatrix(rows, weights, element, times);
  bytes += weights * element;
  kernels_.AddReduce(rows, layout_.tensor, times);
  Of(times, Limit::kKernels) += part_.kernel_time * engine_.kernels * kCrossKernels;
  // A norm, a residual, queries and what comes of them.
  kernels_.AddTraffic(
      (4.0 * model_.hidden + 4.0 * model_.heads * model_.head_dim / layout_.tensor) * rows, times);
}

LimitTimes IterationCosts::EncodeLimits(std::int64_t rows, double pairs) const {
  const IterationCosts& encoder = encoder_.front();
  LimitTimes times = encoder.PointAt(rows).times;
  Of(times, Limit::kCompute) += encoder.per_pair_ * pairs;
  LimitTimes keys{};
  const double element = weights_.attention_element();
  const double here = std::max(1.0, static_cast<double>(rows) / layout_.data / layout_.pipeline);
  kernels_.AddProduct(here, weights_.cross_keys(), element, kernels_.Peak(element),
                      kernels_.StreamRate(element), keys);
  kernels_.AddTraffic(here * room_.token_bytes * layout_.pipeline / (2.0 * model_.layers), keys);
  Of(keys, Limit::kKernels) += part_.kernel_time;
  for (std::size_t i = 0; i < times.size(); ++i) {
    times[i] += keys[i] * model_.layers;
  }
  const double launches =
      engine_.layer_launch * model_.encoder_layers * part_.host_factor - Sum(times);
  Of(times, Limit::kHost) += std::max(0.0, launches);
  return times;
}

double IterationCosts::EncodeFlop(double rows, double pairs) const {
  return encoder_.front().FlopOf(rows, 0, 0, pairs) +
         2 * weights_.cross_keys() * layout_.tensor * model_.layers * rows;
}

double IterationCosts::EncodeBytes(double rows) const {
  const double keys =
      weights_.cross_keys() * layout_.tensor * model_.layers * weights_.attention_element();
  return encoder_.front().BytesOf(rows, 0) + keys * layout_.data +
         rows * room_.token_bytes * layout_.tensor * layout_.pipeline;
}

// What every layer has.
void IterationCosts::AddCommon(double rows, LimitTimes& times, double& bytes) const {
  AddAttention(rows, times, bytes);
  if (model_.encoder_layers > 0) {
    AddCross(rows, times, bytes);
  }
  Of(times, Limit::kKernels) += part_.kernel_time * engine_.kernels;
  // Norms, positions, activations, residuals: read and written in 16 bits.
  const double elements =
      8.0 * model_.hidden + 4.0 * model_.heads * model_.head_dim / layout_.tensor;
  kernels_.AddTraffic(elements * rows, times);
  if (model_.picked > 0) {
    // Each query reads the tokens that were picked for it, whichever sequence it is of.
    Of(times, Limit::kCache) +=
        rows * model_.picked * TokenReadTime(model_, part_, engine_, layout_);
    Of(times, Limit::kKernels) += part_.kernel_time * kIndexerKernels;
  }
}

void IterationCosts::AddDense(double rows, double width, LimitTimes& times, double& bytes) const {
  const double weights = (model_.gated ? 3.0 : 2.0) * model_.hidden * width / layout_.tensor;
  const double element = weights_.dense_element();
  kernels_.AddMatrix(rows, weights, element, times);
  kernels_.AddBlockProducts(2, element, times);
  bytes += weights * element;
  // The block's hidden values: written, activated, read.
  kernels_.AddTraffic((model_.gated ? 6 : 4) * width / layout_.tensor * rows, times);
}

// Of `total` tokens on so many ranks, which have whole experts or slices of all.
void IterationCosts::AddExpertWork(double total, double ranks, bool whole, LimitTimes& times,
                                   double& bytes) const {
  const double experts = model_.experts, chosen = model_.experts_per_token;
  const double touched = experts * (1 - std::pow(1 - chosen / experts, total));
  const double matrices = (model_.gated ? 3.0 : 2.0) * model_.hidden * model_.expert_ffn;
  const double weights = touched * matrices / ranks;
  const double element = BytesOfFormat(layout_.weights);
  const double each = total * chosen / touched;
  const double empty = std::clamp(kEmpty * each, kFewestEmpty, kMostEmpty);
  const double uneven = whole ? engine_.imbalance : 1.0;
  const ExpertKernels kernels = kernels_.OfExperts();
  kernels_.AddProduct(each + empty, weights * uneven, element, kernels.efficiency,
                      kernels.hbm_efficiency, times);
  bytes += weights * element;
  // Tokens are copied in the order of their experts, and added up where they came from.
  const double pairs = total * chosen * (whole ? uneven / ranks : 1.0);
  const double width = model_.expert_ffn / (whole ? 1.0 : ranks);
  Of(times, Limit::kCache) +=
      2 * pairs * (10.0 * model_.hidden + (model_.gated ? 6 : 4) * width) * kernels.traffic;
  Of(times, Limit::kKernels) += kernels.time + engine_.expert_align * experts;
}

void IterationCosts::AddExperts(double rows, double beside, LimitTimes& times,
                                double& bytes) const {
  const double total = rows * layout_.data;
  const int ranks = layout_.tensor * layout_.data;
  LimitTimes work{};
  double held = 0;
  AddExpertWork(total, ranks, layout_.experts_spread, work, held);
  const double each = std::max(1.0, total * model_.experts_per_token / model_.experts);
  MoveToHost(part_, engine_, layout_, each, work, held);
  for (std::size_t i = 0; i < times.size(); ++i) {
    times[i] += work[i];
  }
  bytes += held;
  if (model_.shared_experts > 0) {
    AddDense(rows, 1.0 * model_.shared_experts * model_.expert_ffn, times, bytes);
  }
  if (layout_.data > 1 && layout_.experts_spread) {
    kernels_.AddExchange(total, beside, times);
  } else {
    // Slices of data-parallel ranks get the tokens of all of them, by an all-reduce of a buffer in
    // which each has written its own, and add up what they make of them by another (SGLang,
    // dp_attention.py).
    kernels_.AddReduce(total, ranks, times);
    if (layout_.data > 1) {
      kernels_.AddReduce(total, ranks, times);
    }
  }
}

// What experts and links take of a micro-batch in one layer.
void IterationCosts::AddApart(double rows, Point& point) const {
  const double ranks = layout_.expert_ranks, attention = layout_.tensor * layout_.data;
  const double tokens = std::max(1.0, rows / layout_.micro_batches);
  double bytes = 0, unused = 0;
  AddCommon(std::max(1.0, tokens / layout_.data), point.common, unused);
  AddExpertWork(tokens, ranks, true, point.experts, bytes);
  if (model_.shared_experts > 0) {
    const double width = 1.0 * model_.shared_experts * model_.expert_ffn * layout_.tensor;
    AddDense(std::max(1.0, tokens / ranks), width, point.experts, bytes);
  }
  point.bytes += bytes * layout_.micro_batches * weights_.expert_layers() * ranks / attention;
  const double copies = std::min<double>(model_.experts_per_token, ranks);
  const double moved = tokens * copies * model_.hidden * kMoved / std::min(ranks, attention);
  const CollectiveFit &inside = kernels_.links().scale_up, &out = kernels_.links().scale_out;
  const bool across = layout_.accelerators() > part_.domain;
  const double rate = across ? part_.nic_bandwidth * out.all_to_all_efficiency
                             : part_.link_bandwidth * inside.all_to_all_efficiency;
  const Seconds latency = across ? std::max(out.expert_latency, out.base_latency + out.step_latency)
                                 : inside.base_latency;
  point.exchange = latency.si() + moved / rate;
}

// Of all layers, with so many rows on the replica.
IterationCosts::Point IterationCosts::LayersAt(double rows) const {
  if (layout_.apart()) {
    Point point = PassAt(rows, layout_.micro_batches);
    AddApart(rows, point);
    return point;
  }
  Point whole = PassAt(rows, 1);
  if (!engine_.overlap || layout_.data <= 1 || !layout_.experts_spread || model_.experts <= 0) {
    return whole;
  }
  // Two halves of the batch take turns, each with links beside the other's work; weights are read
  // and kernels started for each.
  Point halves = PassAt(rows, 2);
  return Sum(halves.times) < Sum(whole.times) ? halves : whole;
}

// Stages of the pipeline that work at the same time on so many rows, on average. Pieces of
// stage_rows go through one after another: n of them take n + p - 1 steps of p stages.
double IterationCosts::StagesAtWork(double rows) const {
  const double stages = layout_.pipeline;
  if (engine_.stage_rows <= 0) {
    return stages;
  }
  const double pieces = std::max(1.0, std::ceil(rows / static_cast<double>(engine_.stage_rows)));
  return pieces * stages / (pieces + stages - 1);
}

// The same in so many parts, one after another.
IterationCosts::Point IterationCosts::PassAt(double rows, int parts) const {
  Point point;
  point.rows = rows;
  // Each attention copy has its share of the rows, and each stage of the pipeline works on one part
  // of the batch at a time.
  const double stages = StagesAtWork(rows);
  const double here = std::max(1.0, rows / layout_.data / stages / parts);
  const double experts_layers = weights_.expert_layers();
  const double dense_layers = model_.layers - experts_layers;
  LimitTimes common{}, dense{}, mixture{};
  double common_bytes = 0, dense_bytes = 0, mixture_bytes = 0;
  AddCommon(here, common, common_bytes);
  if (dense_layers > 0) {
    AddDense(here, model_.ffn, dense, dense_bytes);
    kernels_.AddReduce(here, layout_.tensor, dense);
  }
  if (model_.experts <= 0) {
    MoveToHost(part_, engine_, layout_, here, common, common_bytes);
    MoveToHost(part_, engine_, layout_, here, dense, dense_bytes);
  }
  if (experts_layers > 0 && !layout_.apart()) {
    AddExperts(here, parts > 1 ? Sum(common) : -1, mixture, mixture_bytes);
  }
  for (std::size_t i = 0; i < common.size(); ++i) {
    point.times[i] =
        parts * (common[i] * model_.layers + dense[i] * dense_layers + mixture[i] * experts_layers);
  }
  if (layout_.pipeline > 1) {
    const bool across = layout_.accelerators() > part_.domain;
    const CollectiveFit& fit = across ? kernels_.links().scale_out : kernels_.links().scale_up;
    const double rate = across ? part_.nic_bandwidth : part_.link_bandwidth;
    Of(point.times, Limit::kLinks) +=
        layout_.pipeline *
        (SendLatency(fit) + here * model_.hidden * 2 / (rate * fit.send_efficiency));
  }
  point.bytes = parts * (common_bytes * model_.layers + dense_bytes * dense_layers +
                         mixture_bytes * experts_layers);
  return point;
}

LimitTimes IterationCosts::UnevenLimits(std::int64_t rows, std::int64_t tokens, double pairs,
                                        std::int64_t rank_tokens, double rank_pairs) const {
  LimitTimes more{};
  if (layout_.data <= 1) {
    return more;
  }
  const double mean = static_cast<double>(rows) / layout_.data / layout_.pipeline;
  const double beyond =
      (static_cast<double>(rank_tokens) - static_cast<double>(tokens) / layout_.data) /
      layout_.pipeline;
  LimitTimes even{};
  double bytes = 0;
  AddCommon(std::max(1.0, mean), even, bytes);
  AddCommon(std::max(1.0, mean) + beyond, more, bytes);
  for (std::size_t i = 0; i < more.size(); ++i) {
    more[i] = std::max(0.0, more[i] - even[i]) * model_.layers;
  }
  Of(more, Limit::kCompute) += PerPair().si() * (rank_pairs * layout_.data - pairs);
  return more;
}

LimitTimes IterationCosts::HeadAt(double outputs) const {
  LimitTimes times{};
  const double stages = StagesAtWork(outputs);
  const double rows = std::max(1.0, outputs / layout_.data / stages);
  const double words = model_.words();
  const double weights = model_.hidden * words / layout_.tensor;
  const double bytes = weights_.table_element();
  const double peak = bytes < 2 ? kernels_.Peak(bytes) : part_.peak_bf16 * part_.gemm_efficiency;
  kernels_.AddProduct(rows, weights, bytes, peak, kernels_.StreamRate(bytes), times);
  Of(times, Limit::kKernels) += 6 * part_.kernel_time;
  if (layout_.tensor > 1) {
    // Each rank's logits, in 16 bits, to one.
    const CollectiveFit& fit = kernels_.links().scale_up;
    Of(times, Limit::kLinks) +=
        fit.base_latency.si() +
        rows * words * 2 * (layout_.tensor - 1) / layout_.tensor /
            (RingBandwidth(part_, layout_.tensor) * fit.all_gather_efficiency);
  }
  Of(times, Limit::kCache) += SamplingTime(part_, engine_, layout_.sampling, rows * words);
  for (double& time : times) {
    time *= stages;
  }
  return times;
}

IterationCosts::Point IterationCosts::PointAt(std::int64_t rows) const {
  CHECK(rows >= 1);
  if (rows <= kExact) {
    return exact_[static_cast<std::size_t>(rows - 1)];
  }
  const double x = static_cast<double>(rows);
  const double place = std::log2(x / static_cast<double>(kExact)) * kPointsPerOctave;
  const std::size_t left = std::min(static_cast<std::size_t>(place), sparse_.size() - 2);
  const Point& a = sparse_[left];
  const Point& b = sparse_[left + 1];
  const double share = (x - a.rows) / (b.rows - a.rows);
  Point point = a;
  for (std::size_t i = 0; i < point.times.size(); ++i) {
    point.times[i] += (b.times[i] - a.times[i]) * share;
  }
  point.bytes += (b.bytes - a.bytes) * share;
  for (std::size_t i = 0; layout_.apart() && i < point.times.size(); ++i) {
    point.common[i] += (b.common[i] - a.common[i]) * share;
    point.experts[i] += (b.experts[i] - a.experts[i]) * share;
  }
  point.exchange += (b.exchange - a.exchange) * share;
  return point;
}

// What accelerators do, caches empty.
LimitTimes IterationCosts::WorkLimits(std::int64_t rows, std::int64_t outputs,
                                      std::int64_t sequences) const {
  const std::int64_t drafts = layout_.draft_tokens * sequences;
  const std::int64_t more = drafts + (layout_.beams - 1) * sequences;
  LimitTimes times = PointAt(rows + more).times;
  const LimitTimes head = HeadAt(static_cast<double>(outputs + more));
  if (drafts > 0) {
    // Each draft is made by one more layer and one more head, one after another.
    const LimitTimes one = HeadAt(static_cast<double>(sequences));
    for (std::size_t i = 0; i < times.size(); ++i) {
      times[i] *= 1 + 1.0 * layout_.draft_tokens / model_.layers;
      times[i] += layout_.draft_tokens * one[i];
    }
  }
  for (std::size_t i = 0; i < times.size(); ++i) {
    times[i] += head[i];
  }
  // Windows are read whole.
  const double copies =
      layout_.data * std::min<double>(StagesAtWork(static_cast<double>(rows)),
                                      std::max<double>(1.0, static_cast<double>(sequences)));
  Of(times, Limit::kCache) += room_.window_bytes * layout_.pipeline *
                              static_cast<double>(sequences) / copies /
                              (part_.hbm_bandwidth * part_.cache_efficiency);
  Of(times, Limit::kCache) += slot_read_ * static_cast<double>(sequences);
  return times;
}

// The longer of accelerators, which read caches, and of what the host does beside them.
CostLines IterationCosts::LinesTogether(std::int64_t rows, std::int64_t outputs,
                                        std::int64_t sequences, Seconds read) const {
  const HostTimes host = HostTimesOf(model_, part_, engine_, layout_, sequences);
  CostLines lines;
  CostLine& work = lines.lines[0];
  work.limits = WorkLimits(rows, outputs, sequences);
  Of(work.limits, Limit::kHost) += host.alone;
  work.base = Seconds(Sum(work.limits));
  work.read = read;
  if (host.beside > work.base.si()) {
    CostLine& beside = lines.lines[1];
    beside = {work.limits, Seconds(host.beside), Seconds(0), true};
    Of(beside.limits, Limit::kHost) += host.beside - work.base.si();
    lines.count = 2;
  }
  return lines;
}

LimitTimes IterationCosts::BaseLimits(std::int64_t rows, std::int64_t outputs,
                                      std::int64_t sequences) const {
  return LinesTogether(rows, outputs, sequences, Seconds(0)).At(0).limits;
}

Seconds IterationCosts::Base(std::int64_t rows, std::int64_t outputs,
                             std::int64_t sequences) const {
  return Seconds(Sum(BaseLimits(rows, outputs, sequences)));
}

CostLines IterationCosts::LinesOf(std::int64_t rows, std::int64_t outputs, std::int64_t sequences,
                                  std::int64_t decoding) const {
  const Seconds read = decoding > 0 ? PerRead(decoding) : Seconds(0);
  if (layout_.apart()) {
    return LinesApart(BaseLimits(rows, outputs, sequences), PointAt(rows), weights_, read);
  }
  return LinesTogether(rows, outputs, sequences, read);
}

std::int64_t IterationCosts::WindowTokens(std::int64_t length) const {
  return gridlock::WindowTokens(model_, room_, length);
}

Bytes IterationCosts::CacheBytesOf(std::int64_t tokens) const {
  const double element = model_.latent ? 1.0 * model_.kv_rank + model_.rotary_dim
                                       : 2.0 * model_.kv_heads * model_.head_dim;
  const double per_layer =
      (element * layout_.cache_bytes + IndexerCacheBytes(model_)) * model_.layers;
  const double all = static_cast<double>(tokens), near = std::min<double>(all, model_.window);
  return Bytes(per_layer * (all * (1 - model_.windowed_share) + near * model_.windowed_share));
}

Seconds IterationCosts::PerRead(std::int64_t sequences) const {
  const double batch = static_cast<double>(sequences);
  const double parts = std::min<double>(StagesAtWork(batch), batch);
  return Seconds(per_read_ * layout_.beams / std::max(1.0, parts));
}

double IterationCosts::FlopOf(double rows, double outputs, double reads, double pairs) const {
  const double experts_layers = weights_.expert_layers();
  const double matrices = model_.gated ? 3.0 : 2.0;
  const double active =
      (weights_.attention() + weights_.cross()) * layout_.tensor * model_.layers +
      matrices * model_.hidden *
          (model_.ffn * (model_.layers - experts_layers) +
           1.0 * model_.expert_ffn * (model_.experts_per_token + model_.shared_experts) *
               experts_layers);
  const double attention = 4.0 * model_.heads * model_.head_dim * model_.layers;
  const double pair = model_.picked > 0 ? IndexerFlop(model_) * model_.layers : attention;
  return (2 * active + attention * model_.picked) * rows +
         2.0 * model_.hidden * model_.words() * outputs + pair * (reads + pairs);
}

double IterationCosts::BytesOf(double rows, double reads) const {
  const Point point = PointAt(std::max<std::int64_t>(1, static_cast<std::int64_t>(rows)));
  const double traffic = point.times[static_cast<std::size_t>(Limit::kCache)] *
                         kernels_.TrafficRate() * StagesAtWork(rows);
  const double head = model_.hidden * model_.words() / layout_.tensor * weights_.table_element();
  return (point.bytes + (rows > 0 ? traffic + head : 0)) * layout_.tensor * layout_.data +
         reads * room_.token_bytes * layout_.tensor * layout_.pipeline;
}

}  // namespace gridlock
