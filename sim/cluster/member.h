#pragma once

// A job of a cluster's life, and what those who decide see of the cluster.

#include <cstdint>
#include <memory>
#include <vector>

#include "sim/cluster/fleet.h"
#include "sim/cluster/training_run.h"
#include "sim/scenario/scenario.h"

namespace gridlock {

/// A job: a training run or a fleet, the other is null.
struct Member {
  const JobSpec* spec = nullptr;
  JobKind kind = JobKind::kPretraining;
  std::int32_t tenant = 0;            ///< see Tenants
  std::vector<std::int32_t> servers;  ///< held, by site
  SiteIndex last_site;
  std::unique_ptr<TrainingRun> run;
  std::unique_ptr<Fleet> fleet;

  [[nodiscard]] bool waits() const { return run && run->phase() == TrainingRun::Phase::kWaiting; }

  [[nodiscard]] bool trains() const { return run && run->phase() == TrainingRun::Phase::kTraining; }

  [[nodiscard]] bool stalled() const { return run && run->phase() == TrainingRun::Phase::kStalled; }

  /// On all sites.
  [[nodiscard]] std::int32_t servers_held() const;

  /// Of the servers that it holds, together.
  [[nodiscard]] BytesPerSecond nics(const std::vector<SiteSpec>& sites) const;
};

class Afflictions;
class Course;
class MachineNow;
class Relocation;
class Servers;

/// What those who decide see of a cluster: all of it as it is now, to look at only.
struct ClusterView {
  const Scenario& scenario;
  const MachineNow& machine;
  const Servers& servers;
  const std::vector<Member>& members;
  const std::vector<JobIndex>& active;  ///< members submitted and not ended, by number
  const Afflictions& afflictions;
  const Relocation& relocation;
  const Course& course;
};

/// Numbers the fleets whose replicas send weights; returns how many there are.
std::int32_t NumberSenders(std::vector<Member>& members);

/// The jobs of a scenario and of its campaigns, before time zero. Throws UserError for one that
/// cannot run on any of its sites. `experiments` must outlive them, as must the scenario.
std::vector<Member> MembersOf(const Scenario& scenario, const std::vector<JobSpec>& experiments);

/// The experiments of all campaigns that the scenario does not hold already.
std::vector<JobSpec> ExperimentsOf(const Scenario& scenario);

/// Enters a member into the record of its life.
void DescribeMember(const Scenario& scenario, const Member& member, LifeRecord& record);

}  // namespace gridlock
