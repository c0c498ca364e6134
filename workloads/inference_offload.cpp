#include "workloads/inference_offload.h"

#include <algorithm>

#include "workloads/inference_terms.h"

namespace gridlock {

namespace {

// FLOP/s of a host of 16 cores on weights that it widens: estimate.
constexpr double kHostFlop = 1e12;

}  // namespace

void MoveToHost(const InferencePart& part, const InferenceEngine& engine,
                const InferenceLayout& layout, double rows, LimitTimes& times, double& bytes) {
  const double moved = bytes * layout.host_share;
  if (moved <= 0) {
    return;
  }
  const double there =
      (Of(times, Limit::kWeights) + Of(times, Limit::kCompute)) * layout.host_share;
  const double link = moved / part.host_bandwidth;
  const double weights = moved / BytesOfFormat(layout.weights);
  const double host = std::max(moved / layout.host_memory, 2 * rows * weights / kHostFlop);
  if (engine.computes_on_host && host < std::max(link, there)) {
    Of(times, Limit::kWeights) *= 1 - layout.host_share;
    Of(times, Limit::kCompute) *= 1 - layout.host_share;
    Of(times, Limit::kHost) += host;
  } else {
    // Kernels read them over the link as they work.
    Of(times, Limit::kLinks) += std::max(0.0, link - there);
  }
  bytes -= moved;
}

}  // namespace gridlock
