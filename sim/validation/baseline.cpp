#include "sim/validation/baseline.h"

#include <algorithm>
#include <cmath>

#include "sim/base/check.h"

namespace gridlock {

namespace {

// Weights of one feed-forward block of inner width `inner`.
double FeedForwardWeights(const PublishedCase& row, double inner) {
  return (row.gated == 1 ? 3.0 : 2.0) * static_cast<double>(row.hidden) * inner;
}

// Index of the format's rate, or -1. FP16 runs at the rate of BF16, micro-scaled FP8 at that of
// FP8.
int FormatOf(const std::string& precision) {
  const std::string base = precision == "fp16"    ? "bf16"
                           : precision == "mxfp8" ? "fp8"
                           : precision == "nvfp4" ? "fp4"
                                                  : precision;
  for (int i = 0; i < kPrecisions; ++i) {
    if (base == PrecisionName(static_cast<Precision>(i))) {
      return i;
    }
  }
  return -1;
}

// A row as the comparison sees it.
struct ComparedRow {
  double flop = 0;  // of the step
  double peak = 0;  // of all accelerators
  double accelerators = 1;

  [[nodiscard]] double DistanceTo(const ComparedRow& other) const {
    return std::abs(std::log(flop / accelerators / (other.flop / other.accelerators))) +
           std::abs(std::log(peak / accelerators / (other.peak / other.accelerators)));
  }
};

ComparedRow ComparedRowOf(const PublishedCase& row, const CatalogueList& catalogue) {
  return {CaseModelFlop(row), CasePeak(row, catalogue), static_cast<double>(row.accelerators)};
}

bool MayCopy(const PublishedCase& row, const PublishedCase& from, LeaveOut leave_out) {
  if (from.role != "calibration" || from.id == row.id) {
    return false;
  }
  switch (leave_out) {
    case LeaveOut::kNothing:
      return true;
    case LeaveOut::kStack:
      return from.stack != row.stack;
    case LeaveOut::kSource:
      return from.source != row.source;
  }
  return false;
}

}  // namespace

double CaseModelFlop(const PublishedCase& row) {
  const auto hidden = static_cast<double>(row.hidden);
  const double head = hidden / static_cast<double>(row.heads);
  const double projections =
      hidden * (2.0 * hidden + 2.0 * static_cast<double>(row.kv_heads) * head);
  const auto layers = static_cast<double>(row.layers);
  double dense_layers = layers;
  if (row.experts > 0) {
    dense_layers = row.dense_every_second ? layers / 2
                                          : std::min(layers, static_cast<double>(row.dense_layers));
  }
  const double visited = static_cast<double>(row.top_k + row.shared_experts);
  const double expert_layer =
      visited * FeedForwardWeights(row, static_cast<double>(row.expert_ffn)) +
      hidden * static_cast<double>(row.experts);
  const double weights =
      layers * projections + dense_layers * FeedForwardWeights(row, static_cast<double>(row.ffn)) +
      (layers - dense_layers) * expert_layer + hidden * static_cast<double>(row.vocab);
  // Causal attention, forward and backward: 3 x (2 GEMMs of 2 s^2 h) / 2 a sequence and layer.
  const auto seq = static_cast<double>(row.seq);
  const double attention = 6.0 * seq * seq * hidden * layers;
  return static_cast<double>(row.global_batch) * (6.0 * weights * seq + attention);
}

double CasePeak(const PublishedCase& row, const CatalogueList& catalogue) {
  const int format = FormatOf(row.precision);
  for (const CatalogueServer& server : catalogue.servers) {
    if (row.problem.empty() && server.accelerator == row.accelerator && format >= 0) {
      return server.peak[format].si() * static_cast<double>(row.accelerators);
    }
  }
  return 0;
}

std::vector<std::optional<NearestPrediction>> NearestPredictions(
    const std::vector<PublishedCase>& rows, const std::vector<PublishedCase>& all,
    const CatalogueList& catalogue, LeaveOut leave_out) {
  std::vector<ComparedRow> points;
  for (const PublishedCase& each : all) {
    points.push_back(ComparedRowOf(each, catalogue));
  }
  std::vector<std::optional<NearestPrediction>> out;
  for (const PublishedCase& row : rows) {
    std::optional<NearestPrediction>& prediction = out.emplace_back();
    const ComparedRow here = ComparedRowOf(row, catalogue);
    if (here.peak <= 0 || row.step_time_s <= 0) {
      continue;
    }
    double nearest = 0;
    for (std::size_t i = 0; i < all.size(); ++i) {
      const ComparedRow& there = points[i];
      if (!MayCopy(row, all[i], leave_out) || there.peak <= 0 || all[i].step_time_s <= 0) {
        continue;
      }
      const double distance = here.DistanceTo(there);
      if (!prediction || distance < nearest) {
        nearest = distance;
        const double mfu = there.flop / (there.peak * all[i].step_time_s);
        prediction = {all[i].id, here.flop / (mfu * here.peak)};
      }
    }
  }
  return out;
}

}  // namespace gridlock
