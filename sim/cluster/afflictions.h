#pragma once

// Failures that nobody has noticed yet: the runs on them stand still or are slow, or by turns where
// a part flaps.

#include <cstdint>
#include <vector>

#include "sim/cluster/member.h"

namespace gridlock {

/// Something that has failed and that nobody has noticed.
struct Affliction {
  ServerRun servers;
  JobIndex run;         ///< where only a run is hit: that; else -1
  Seconds placed_at;    ///< of that run
  double slowdown = 0;  ///< how many times as long steps take; 0: they stand still
  std::uint64_t number = 0;
  bool up = false;  ///< a part that flaps works just now
};

/// Whether a run stands on what has failed.
bool Afflicts(const ClusterView& view, const Affliction& affliction, JobIndex job);

class Afflictions {
 public:
  /// Returns its number.
  std::uint64_t Begin(Affliction affliction);

  /// The one of that number, until it is noticed; null afterwards.
  [[nodiscard]] Affliction* Find(std::uint64_t number);

  /// It is noticed, and is one no more. CHECKs that it was one.
  Affliction Notice(std::uint64_t number);

  /// How many times as long the steps of a run take; infinite: it stands still.
  [[nodiscard]] double SlowdownOf(const ClusterView& view, JobIndex job) const;

 private:
  std::vector<Affliction> unnoticed_;
  std::uint64_t begun_ = 0;
};

}  // namespace gridlock
