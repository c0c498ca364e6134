#pragma once

// The steps of training jobs that run side by side: jobs that share links slow each other. A
// situation is all that bears on them; it is simulated once and remembered.

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sim/base/fields.h"
#include "sim/base/index.h"
#include "sim/base/units.h"
#include "topologies/machine.h"
#include "topologies/placement.h"
#include "workloads/program/cache_stream.h"
#include "workloads/training.h"

namespace gridlock {

/// A training job, or the caches of a fleet on their way, and where it lies.
struct PlacedJob {
  const TrainingSpec* training = nullptr;  ///< null: it is `stream`
  Placement placement;
  Seconds recorded{};  ///< a step that takes so long and is not simulated; 0: it is
  double share = 1;    ///< of its replicas that train; below 1 it is simulated whole, by itself
  CacheStream stream = {};
};

using PlacedIndex = Index<struct PlacedTag>;  ///< in Situation::jobs

struct Situation {
  const std::vector<SiteSpec>* sites = nullptr;  ///< as they are now, caps applied
  const std::vector<WanSpec>* wans = nullptr;
  std::vector<PlacedJob> jobs;
};

/// What one job does in a situation, mean over whole steps.
struct StepRate {
  Seconds step_time;
  /// Per step: of the job's accelerators and of the servers they sit in, without PUE.
  Joules energy;
  double wan_bytes = 0;  ///< per step, both directions
  bool energy_is_estimate = true;
};

template <>
inline constexpr auto kFields<StepRate> = Bearing(&StepRate::step_time, &StepRate::energy,
                                                  &StepRate::wan_bytes,
                                                  &StepRate::energy_is_estimate);

/// Rates of the jobs of situations, in canonical order, by canonical key.
using StepMemory = std::map<std::string, std::vector<StepRate>>;

/// Simulates situations in forked children (SimGrid keeps one clock per process) and remembers
/// them. Made before this process uses SimGrid itself.
class StepOracle {
 public:
  /// @param waiting called about once a second while a situation is simulated; may be empty
  explicit StepOracle(std::function<void()> waiting = {});
  ~StepOracle();
  StepOracle(const StepOracle&) = delete;
  StepOracle& operator=(const StepOracle&) = delete;

  /// The rate of every job, in the order of the situation. Jobs that do not share are looked up one
  /// by one. Throws UserError when a job does not fit its machine (HBM), std::runtime_error when a
  /// child dies.
  std::vector<StepRate> RatesOf(const Situation& situation);

  /// Distinct situations that are known.
  [[nodiscard]] std::uint64_t simulated() const;

  /// What is known, and what another oracle has found out.
  [[nodiscard]] const StepMemory& memory() const;
  void Remember(StepMemory known);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace gridlock
