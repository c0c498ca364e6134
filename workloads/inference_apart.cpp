#include "workloads/inference_apart.h"

#include "workloads/inference_terms.h"

namespace gridlock {

namespace {

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

CostLines LinesApart(const LimitTimes& all, const LayerTimes& point, const ReplicaWeights& weights,
                     Seconds read) {
  const double layers = weights.expert_layers(), parts = weights.layout().micro_batches;
  const double dense = weights.model().layers - layers;
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
                 LineOf(experts, read * ((dense + 1 / parts) / weights.model().layers)),
                 LineOf(chain, read * ((dense + layers / parts) / weights.model().layers))};
  return lines;
}

}  // namespace gridlock
