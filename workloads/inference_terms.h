#pragma once

// What costs of iterations share. For the .cpp files of this folder alone.

#include "workloads/inference_specs.h"

namespace gridlock {

/// FLOP and bytes of a product overlap, less so where both take about as long: the two times are
/// added in this power. 8B shape on an H100, BF16: 1 to 256 sequences in a CUDA graph and prompts
/// of 128 to 16,384 tokens (measured 2026-11-26).
inline constexpr double kCorner = 3.8;

/// Small kernels and launches of a block of attention to an encoder's tokens, over those of a
/// layer, which has attention and a feed-forward block with about as many each: estimate.
inline constexpr double kCrossKernels = 0.5;

inline double& Of(LimitTimes& times, Limit limit) {
  return times[static_cast<std::size_t>(limit)];
}

inline double Sum(const LimitTimes& times) {
  double sum = 0;
  for (const double time : times) {
    sum += time;
  }
  return sum;
}

/// What it takes of a message between two accelerators before its bytes, in s.
inline double SendLatency(const CollectiveFit& fit) {
  const Seconds send = fit.send_latency;
  return (send > Seconds(0) ? send : fit.base_latency + fit.step_latency).si();
}

/// A part's domain as collectives see it, with latencies inside it times `factor`.
ServerSpec LinksOf(const InferencePart& part, double factor);

}  // namespace gridlock
