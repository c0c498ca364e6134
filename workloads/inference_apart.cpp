// Attention and experts on accelerators of their own. In each layer the tokens of a micro-batch go
// from attention to experts and back; while they are away, attention works on other micro-batches.
// With m micro-batches, L layers, A and E for one of them in one layer and C one way between, an
// iteration takes (MegaScale-Infer, Zhu et al. 2025, arXiv:2504.02263, section 4.1)
//
//   A + E + 2 C + max(A, E) (m L - 1)
//
// where m is large enough to hide C, and else L (A + E + 2 C) + (m - 1) E: each micro-batch then
// waits for itself. A grows with the cached tokens, so that this is the longest of three lines.

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "workloads/inference.h"
#include "workloads/inference_terms.h"

namespace gridlock {

namespace {

// Bytes of a value on the way: 8 bits to the experts, 16 back, on average.
constexpr double kMoved = 1.5;

void AddTimes(const LimitTimes& more, double times, LimitTimes& to) {
  for (std::size_t i = 0; i < to.size(); ++i) {
    to[i] += more[i] * times;
  }
}

CostLine LineOf(const LimitTimes& limits, Seconds read) {
  CostLine line{limits, Seconds(Sum(limits)), read};
  return line;
}

}  // namespace

double IterationCosts::ExpertLayers() const {
  return model_.experts > 0 ? model_.layers - model_.dense_layers : 0;
}

// Of all experts of all layers. Kernels of MXFP4 pad matrices with zeros: a hidden size to
// multiples of 256 and a rank's share of an expert to 64, or 128 with Marlin (vLLM,
// Mxfp4MoEMethod.create_weights, which loads gpt-oss-120b with 64.4 to 66.0 GiB). Their time is
// measured as if there were none.
double IterationCosts::ExpertBytes() const {
  double hidden = model_.hidden, width = model_.expert_ffn;
  if (layout_.weights == WeightFormat::kMxfp4) {
    const bool whole = layout_.apart() || layout_.experts_spread;
    const double slices = whole ? 1 : layout_.tensor;
    hidden = 256 * std::ceil(hidden / 256);
    width = 64 * slices * std::ceil(width / slices / 64);
  }
  return (model_.gated ? 3.0 : 2.0) * hidden * width * model_.experts * ExpertLayers() *
         BytesOfFormat(layout_.weights);
}

// Shared experts lie on every rank of experts.
void IterationCosts::CheckExpertRanks(const std::string& path) const {
  if (!layout_.apart()) {
    return;
  }
  if (model_.experts <= 0 || layout_.pipeline > 1) {
    throw UserError(path, model_.experts <= 0
                              ? model_.name + " has no experts that could be apart from attention"
                              : "experts apart from attention have no pipeline stages");
  }
  const double shared = ExpertBytes() / model_.experts * model_.shared_experts;
  const double held = ExpertBytes() / layout_.expert_ranks + shared + engine_.reserve;
  const double room = part_.hbm_capacity * (engine_.share_of_free ? 1 : engine_.memory_share);
  if (held > room) {
    throw UserError(
        path, fmt::format("the experts of {} in {} take {} of each of {} accelerators "
                          "of experts, which have room for {}",
                          model_.name, WeightFormatName(layout_.weights), FormatBytes(Bytes(held)),
                          layout_.expert_ranks, FormatBytes(Bytes(room))));
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
  point.bytes += bytes * layout_.micro_batches * ExpertLayers() * ranks / attention;
  const double copies = std::min<double>(model_.experts_per_token, ranks);
  const double moved = tokens * copies * model_.hidden * kMoved / std::min(ranks, attention);
  const CollectiveFit &inside = links_.scale_up, &out = links_.scale_out;
  const bool across = layout_.accelerators() > part_.domain;
  const double rate = across ? part_.nic_bandwidth * out.all_to_all_efficiency
                             : part_.link_bandwidth * inside.all_to_all_efficiency;
  const Seconds latency = across ? std::max(out.expert_latency, out.base_latency + out.step_latency)
                                 : inside.base_latency;
  point.exchange = latency.si() + moved / rate;
}

CostLines IterationCosts::LinesOf(std::int64_t rows, std::int64_t outputs, std::int64_t sequences,
                                  std::int64_t decoding) const {
  CostLines lines;
  CostLine& line = lines.lines[0];
  line.limits = BaseLimits(rows, outputs, sequences);
  for (const double each : line.limits) {
    line.base += Seconds(each);
  }
  line.read = decoding > 0 ? PerRead(decoding) : Seconds(0);
  return layout_.apart() ? LinesApart(line.limits, rows, line.read) : lines;
}

CostLines IterationCosts::LinesApart(const LimitTimes& all, std::int64_t rows, Seconds read) const {
  const Point point = PointAt(rows);
  const double layers = ExpertLayers(), parts = layout_.micro_batches;
  const double dense = model_.layers - layers;
  LimitTimes attention = all;
  AddTimes(point.experts, 1, attention);
  Of(attention, Limit::kLinks) += 2 * point.exchange;
  LimitTimes beside = all;  // without attention of the layers with experts
  AddTimes(point.common, -parts * layers, beside);
  LimitTimes experts = beside;
  AddTimes(point.experts, parts * layers, experts);
  AddTimes(point.common, 1, experts);
  Of(experts, Limit::kLinks) += 2 * point.exchange;
  LimitTimes chain = beside;
  AddTimes(point.common, layers, chain);
  AddTimes(point.experts, layers + parts - 1, chain);
  Of(chain, Limit::kLinks) += 2 * point.exchange * layers;
  CostLines lines;
  lines.count = 3;
  lines.lines = {LineOf(attention, read),
                 LineOf(experts, read * ((dense + 1 / parts) / model_.layers)),
                 LineOf(chain, read * ((dense + layers / parts) / model_.layers))};
  return lines;
}

}  // namespace gridlock
