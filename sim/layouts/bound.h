#pragma once

// A time that no step of a layout can beat, from the same passes and collective costs as the step
// program, without the program and without a plan. A search tries layouts in the order of their
// bounds, and stops where the bounds pass what it has found.
//
//   T >= first gather + max over stages q of
//          (forward passes before q + all passes of q + backward passes behind q) + last reduction
//   T >= what one stage reduces and gathers, one collective after another
//
// Transfers take what their own link needs when nothing else is under way. Where a cost depends on
// how ranks lie, they are taken to lie in the best way. The bound is 0.5 % below the sum: passes
// are cut into slices at some places, and each slice finds its own clock under the power limit.

#include <map>
#include <tuple>

#include "sim/base/units.h"
#include "topologies/machine.h"
#include "workloads/pass_builder.h"
#include "workloads/training.h"

namespace gridlock {

class StepBound {
 public:
  /// The server must outlive the bound.
  explicit StepBound(const ServerSpec& server) : server_(server) {}

  /// Seconds. Remembers passes from call to call; the jobs of all calls may differ in their layout,
  /// micro-batch, recomputation, sharding and offloading alone.
  double Of(const TrainingSpec& job);

 private:
  struct Times {
    double forward = 0, backward = 0;
    double inputs = 0;  ///< of `backward`: what the stage before waits for
  };

  using Key =
      std::tuple<int, int, int, int, std::int64_t, int, bool, Layers, Layers, double, int, int>;

  Times TimesOf(const TrainingSpec& job, const ModelPart& part);
  Times Made(const TrainingSpec& job, const ModelPart& part) const;
  [[nodiscard]] double PassTime(const TrainingSpec& job, const ModelPart& part, bool backward,
                                Gradients gradients) const;

  const ServerSpec& server_;
  std::map<Key, Times> times_;
};

}  // namespace gridlock
