#pragma once

// How fast jobs go: steps that are simulated, and those of a log, which took as long as they took.

#include <map>
#include <utility>
#include <vector>

#include "sim/cluster/life.h"
#include "sim/cluster/machine_now.h"
#include "sim/cluster/member.h"

namespace gridlock {

class JobRates {
 public:
  /// The machine must outlive it.
  JobRates(RateSource simulated, const MachineNow& machine)
      : simulated_(std::move(simulated)), machine_(&machine) {}

  /// Of jobs side by side on the machine as it is now, in their order. One whose sites are cut off
  /// from each other has the rate that it will have when they are joined again, by itself.
  /// @param levels  by which the power limits of each site's accelerators are lowered
  [[nodiscard]] std::vector<StepRate> Of(const std::vector<PlacedJob>& jobs,
                                         const std::vector<int>& levels) const;

  /// The step of a run by itself on empty sites.
  [[nodiscard]] Seconds StepAlone(const ClusterView& view, JobIndex job,
                                  const std::vector<int>& levels) const;

  /// Sites or links are others from now on: what runs do by themselves is looked at anew.
  void Forget() { alone_.clear(); }

 private:
  [[nodiscard]] bool IsCutOff(const PlacedJob& job) const;
  [[nodiscard]] std::vector<StepRate> Simulated(const std::vector<PlacedJob>& jobs,
                                                const std::vector<int>& levels,
                                                const std::vector<WanSpec>& wans) const;
  [[nodiscard]] StepRate Recorded(const PlacedJob& job, const std::vector<int>& levels) const;

  RateSource simulated_;
  const MachineNow* machine_;
  /// A memory: asked for at each look at the queue.
  mutable std::map<std::pair<JobIndex, std::vector<int>>, Seconds> alone_;
};

}  // namespace gridlock
