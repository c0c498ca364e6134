#pragma once

// What replicas have done: sums over their time.

#include <array>
#include <cstdint>

#include "sim/base/units.h"
#include "workloads/inference.h"

namespace gridlock {

/// Why the first of those that wait is not admitted.
enum class Wait { kNothing, kBatch, kCache, kPrefill, kAdapter };

inline constexpr int kWaits = 5;

/// Sums over the time of a replica.
struct BatchWork {
  Seconds busy;
  LimitTimes limits{};                 ///< of busy
  std::array<double, kWaits> waits{};  ///< s of busy time in which the first that waits, waits so
  double sequence_seconds = 0;         ///< sequences that decode x s
  double cache_seconds = 0;            ///< tokens in the cache x s
  std::int64_t prompt_tokens = 0, output_tokens = 0, evictions = 0;
  std::int64_t cache_peak = 0, batch_peak = 0;
  double flop = 0, bytes = 0;  ///< of all accelerators of the replica
  double rows = 0;             ///< tokens that went through the layers
  std::int64_t adapter_loads = 0;
  Seconds adapter_loading;      ///< of busy
  double adapter_seconds = 0;   ///< different adapters of iterations x s
  double reads = 0, pairs = 0;  ///< cached tokens that decoding read; pairs of prompts

  /// Adds time of so many iterations: `base` is of one of them, and what is more than that are its
  /// reads. `wait` is why the first that waits, waits.
  void Spend(Seconds time, double iterations, const LimitTimes& base, Wait wait);

  /// Adds time in which no iteration goes on, which `all` sums to.
  void SpendBeside(const LimitTimes& all, Wait wait);

  /// Adds adapters of so many iterations, in each of which `adapted` tokens ask for `different`.
  void AddAdapters(const AdapterCosts& costs, Seconds time, double iterations, double adapted,
                   double different);

  BatchWork& operator+=(const BatchWork& other);
};

}  // namespace gridlock
