#pragma once

// A time that no step of a layout can beat, from the same passes and collective costs as the step
// program, without the program and without a plan. A search tries layouts in the order of their
// bounds, and stops where the bounds pass what it has found.
//
//   T >= first gather + max over stages q of
//          (forward passes before q + all passes of q + backward passes behind q) + last reduction
//   T >= what any one stage reduces and gathers, one collective after another
//
// Transfers take what their own link needs when nothing else is under way. Where a cost depends on
// how ranks lie, they are taken to lie in the best way. The bound is 0.5 % below the sum: passes
// are cut into slices at some places, and each slice finds its own clock under the power limit.

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <vector>

#include "sim/base/units.h"
#include "topologies/machine.h"
#include "workloads/pass_builder.h"
#include "workloads/training.h"

namespace gridlock {

class StepBound {
 public:
  /// The server must outlive the bound.
  explicit StepBound(const ServerSpec& server) : server_(server) {}

  /// Seconds. Remembers passes and traffic from call to call; the jobs of all calls may differ in
  /// their layout, micro-batch, recomputation, sharding, offloading and base alone.
  double Of(const TrainingSpec& job);

  /// Collectives over the ranks that share the parameters of one kind: seconds of one slice at
  /// least, without the tables.
  struct SliceTraffic {
    double gather = 0, reduce = 0;
  };

  /// Those of a chunk: as many as it has slices. Parameters of experts have communicators of their
  /// own, beside those of all others.
  struct ChunkTraffic {
    double slices = 1;
    SliceTraffic common, experts;
    ParameterCount trained;  ///< that one rank holds

    [[nodiscard]] double gather() const { return std::max(common.gather, experts.gather); }
  };

 private:
  struct Times {
    double forward = 0, backward = 0;
    double inputs = 0;  ///< of `backward`: what the stage before waits for
  };

  using PassKey = std::array<std::int64_t, 13>;

  /// Parts of the model have numbers, in the order in which they were met.
  int NumberOf(const ModelPart& part);
  /// Parts of all stages, chunk by chunk.
  const std::vector<int>& ChunksOf(const TrainingSpec& job);
  const Times& TimesOf(const TrainingSpec& job, int part);
  const ChunkTraffic& TrafficOf(const TrainingSpec& job, int part);
  Times Made(const TrainingSpec& job, const ModelPart& part, double forward) const;
  [[nodiscard]] double PassTime(const TrainingSpec& job, const ModelPart& part, bool backward,
                                Gradients gradients) const;

  const ServerSpec& server_;
  std::vector<ModelPart> parts_;
  // By what each depends on.
  std::map<std::array<int, 5>, std::vector<int>> chunks_;
  std::map<PassKey, double> forwards_;
  std::map<PassKey, Times> times_;
  std::map<std::array<std::int64_t, 12>, ChunkTraffic> traffic_;
};

}  // namespace gridlock
