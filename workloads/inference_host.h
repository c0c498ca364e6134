#pragma once

// What the host of a replica takes of an iteration. For inference.cpp.

#include <cstdint>

#include "workloads/inference_specs.h"

namespace gridlock {

/// In s. An iteration takes accelerators' work with `alone`, or `beside` where that is more.
struct HostTimes {
  double alone = 0;   ///< accelerators wait: scheduling, where the engine does not hide it
  double beside = 0;  ///< launches, hidden scheduling, and tokens that go out one by one
};

HostTimes HostTimesOf(const InferenceModel& model, const InferencePart& part,
                      const InferenceEngine& engine, const InferenceLayout& layout,
                      std::int64_t sequences);

}  // namespace gridlock
