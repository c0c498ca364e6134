#pragma once

// What boards burn when the work of runs stops and their power may fall only slowly.

#include <map>
#include <vector>

#include "sim/cluster/ledger.h"
#include "sim/cluster/member.h"

namespace gridlock {

class Ramps {
 public:
  /// For each stretch, in their order, when it has been charged: boards of runs that trained before
  /// it and do not any more burn what is left of what they drew above waiting, until they have
  /// fallen or the run trains again.
  void Follow(const ClusterView& view, const Stretch& stretch, Ledger& ledger);

 private:
  /// Of a run, by site.
  struct Work {
    std::vector<double> boards;
    std::vector<Watts> above;  ///< of a board, its mean over a step above waiting
    Seconds stopped;
  };

  static Work WorkOf(const ClusterView& view, const Member& member);
  static void Burn(const ClusterView& view, JobIndex job, const Work& work, const Stretch& stretch,
                   Ledger& ledger);

  std::map<JobIndex, Work> at_work_, falling_;
};

}  // namespace gridlock
