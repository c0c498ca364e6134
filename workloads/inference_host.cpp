#include "workloads/inference_host.h"

#include <algorithm>

#include "workloads/inference_terms.h"

namespace gridlock {

namespace {

// Accelerators of a host that sends their tokens.
constexpr double kPerHost = 8;

}  // namespace

HostTimes HostTimesOf(const InferenceModel& model, const InferencePart& part,
                      const InferenceEngine& engine, const InferenceLayout& layout,
                      std::int64_t sequences) {
  const double all = static_cast<double>(sequences);
  const double here = all * layout.beams / layout.data;
  const double layers = model.layers * (1 + (model.encoder_layers > 0 ? kCrossKernels : 0));
  const double launches = engine.layer_launch * layers;
  const double scheduling = engine.host_time + engine.host_sequence * here;
  const double alone = engine.hides_host ? 0 : scheduling;
  const double hidden = engine.hides_host ? scheduling : 0;
  const double sending = engine.stream_time * all / std::max(1.0, layout.accelerators() / kPerHost);
  return {alone * part.host_factor,
          std::max({launches > 0 ? launches + alone : 0.0, hidden, sending}) * part.host_factor};
}

}  // namespace gridlock
