#pragma once

// A job of a cluster's life and what it is doing, and what those who decide see of the cluster.

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "sim/cluster/fleet.h"
#include "sim/cluster/training_run.h"
#include "sim/engine/timeline.h"
#include "sim/oracle/situation.h"
#include "sim/scenario/scenario.h"

namespace gridlock {

/// What the work of a fleet draws above its servers when they wait, if servers of one site did all
/// of it. Servers of several sites each do an equal share.
struct FleetPower {
  Watts now;
  Watts full;  ///< if its boards kept their own limit
};

/// A job; `run` for training, `fleet` for serving.
struct Member {
  const JobSpec* spec = nullptr;
  JobKind kind = JobKind::kPretraining;
  std::int32_t tenant = 0;            ///< see Tenants
  std::vector<std::int32_t> servers;  ///< held, by site
  SiteIndex last_site;

  std::unique_ptr<TrainingRun> run;
  Flop step_flop;                     ///< model FLOP of one step
  StepRate rate;                      ///< in the present situation
  int replicas = 0;                   ///< that it trains with, or will
  std::map<int, TrainingSpec> fewer;  ///< its step by fewer replicas
  TimerId timer = TimerId::kNone;
  TransferId transfer = TransferId::kNone;
  TransferId background = TransferId::kNone;  ///< of an asynchronous checkpoint

  std::unique_ptr<Fleet> fleet;
  Placement fleet_servers;
  Seconds fleet_start{-1};

  /// Replicas of a fleet that have servers and do not take requests yet.
  struct Starting {
    Seconds ready;
    std::int32_t replicas = 0;
    SiteIndex site;
    std::int64_t load = 0;  ///< number of the load that it waits for; 0: of none
    Placement servers;      ///< those of them that are still held
  };

  std::vector<Starting> starting;
  std::int64_t loads = 0;               ///< of weights over links that it has begun
  std::int32_t sender = -1;             ///< of Course, where its replicas send weights to others
  std::int32_t servers_lost = 0;        ///< by a fleet, to failures and outages
  std::vector<FleetPower> fleet_power;  ///< by site, mean since the last event
  std::vector<int> limits;              ///< levels of power limits that the fleet works at, by site
  double slowed = 1;                    ///< how many times as long its iterations take by these

  /// A run trains with so many replicas, or will when it starts. Each keeps its share of the
  /// sequences.
  void TrainWith(int count);

  /// The step of a run by the replicas that it has.
  [[nodiscard]] const TrainingSpec& step() const;

  /// Share of the replicas of a run that it does without, 0..1.
  [[nodiscard]] double share_lost() const;

  [[nodiscard]] bool waits() const { return run && run->phase() == TrainingRun::Phase::kWaiting; }

  [[nodiscard]] bool trains() const { return run && run->phase() == TrainingRun::Phase::kTraining; }

  [[nodiscard]] bool stalled() const { return run && run->phase() == TrainingRun::Phase::kStalled; }

  /// How long training waits while each accelerator of a run copies its part of a checkpoint to its
  /// host.
  [[nodiscard]] Seconds copy_time() const;

  /// On all sites.
  [[nodiscard]] std::int32_t servers_held() const;

  /// Of the servers that it holds, together.
  [[nodiscard]] BytesPerSecond nics(const std::vector<SiteSpec>& sites) const;
};

/// A checkpoint of a run: what training goes on from.
Bytes CheckpointBytes(const PretrainingSpec& spec);

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
