#pragma once

// The one mutable state of a cluster's life, and what happens to it. See life.h for the loop.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sim/base/random.h"
#include "sim/cluster/fleet.h"
#include "sim/cluster/ledger.h"
#include "sim/cluster/life.h"
#include "sim/cluster/servers.h"
#include "sim/cluster/training_run.h"
#include "sim/engine/timeline.h"
#include "sim/scheduler/scheduler.h"

namespace gridlock {

class Cluster {
 public:
  Cluster(const Scenario& scenario, RateSource rates);

  LifeRecord Live(const LifeProgress& progress);

 private:
  /// A job and what it is doing; `run` for training, `fleet` for serving.
  struct Member {
    const JobSpec* spec = nullptr;
    JobKind kind = JobKind::kPretraining;
    std::unique_ptr<TrainingRun> run;
    std::unique_ptr<Fleet> fleet;
    Placement fleet_servers;
    Flop step_flop;                     ///< model FLOP of one step
    std::vector<std::int32_t> servers;  ///< held, by site
    Seconds fleet_start{-1};
    std::int32_t servers_lost = 0;  ///< by a fleet, to failures and outages
    SiteIndex last_site;
    Watts fleet_power;  ///< above idle, mean since the last event
    StepRate rate;      ///< in the present situation
    Seconds alone;      ///< step time by itself, for the scheduler; 0: not known yet
    TimerId timer = TimerId::kNone;
    TransferId transfer = TransferId::kNone;
  };

  /// Failures of the servers of one site: one Poisson stream for all of them. Each failure hits a
  /// server drawn at random, and has no effect on a server that is down already.
  struct Failures {
    Random times, repairs;
  };

  /// A run that draws power, and its servers by site: those that it holds or would hold.
  struct DrawingRun {
    JobIndex job;
    std::vector<std::int32_t> servers;
  };

  // cluster.cpp: members and time
  void CheckPowerCaps() const;
  void AddMembers();
  void AddFleet(Member& member, RequestSource requests);
  [[nodiscard]] RequestSource RequestsOf(JobIndex job) const;
  void PlanEvents();
  void AdvanceTo(Seconds now);
  void ChargeStretch(const Stretch& stretch);
  Watts FleetPower(Member& member, const Stretch& stretch);
  void Note(LifeEvent event);  ///< happens now
  void ReconsiderSoon();
  void Tick();
  [[nodiscard]] std::string FinalRunOf(const JobOrigin& origin) const;
  LifeRecord Describe();

  // cluster_jobs.cpp: what jobs do
  void Submit(JobIndex job);
  void Start(JobIndex job, const Placement& placement);
  void BeginTraining(JobIndex job);
  void ArmMilestone(JobIndex job);
  void ReachMilestone(JobIndex job);
  void SaveCheckpoint(JobIndex job);
  void End(JobIndex job, Outcome outcome);
  /// Stops a run; the event says why: kPreempt or kInterrupt.
  void Interrupt(JobIndex job, LifeEvent event);
  void Disarm(Member& member);
  void Hold(JobIndex job, const Placement& placement);
  void GiveUp(JobIndex job, const Placement& placement);
  void Move(JobIndex job, Bytes bytes, std::function<void()> done);
  [[nodiscard]] bool WanIsDown(const Member& member) const;

  // cluster_faults.cpp: failures, outages, changes
  void FailNext(SiteIndex site);
  void TakeDown(SiteIndex site, ServerIndex server, const std::string& why);
  void NoteOutage(EventKind kind, const OutageSpec& outage);
  void BeginOutage(const OutageSpec& outage);
  void EndOutage(const OutageSpec& outage);
  void BeginEpoch(std::size_t epoch);
  void StallOrResume();

  // cluster_plan.cpp: who runs where, how fast
  void Reconsider();
  void SizeFleets();
  void GrowFleet(JobIndex job, std::int32_t servers);
  void ShrinkFleet(JobIndex job, std::int32_t servers);
  void DropFromFleet(JobIndex job, SiteIndex site, ServerIndex server);
  [[nodiscard]] std::int32_t FleetCapacity(const Member& member) const;
  void StartQueued();
  [[nodiscard]] JobIndex FirstWaiting() const;
  void MakeRoom();
  [[nodiscard]] ClusterState StateNow();
  [[nodiscard]] Seconds StepTimeAlone(Member& member);
  [[nodiscard]] std::vector<JobIndex> PlacedRuns() const;
  [[nodiscard]] std::vector<PlacedJob> PlacedJobs(const std::vector<JobIndex>& jobs) const;
  std::vector<StepRate> RatesOf(const std::vector<PlacedJob>& jobs, const std::vector<int>& levels);
  std::vector<StepRate> SimulatedRates(const std::vector<PlacedJob>& jobs,
                                       const std::vector<int>& levels);
  [[nodiscard]] StepRate RecordedRate(const PlacedJob& job, const std::vector<int>& levels) const;
  void UpdateRates();

  // cluster_power.cpp: watts and caps
  [[nodiscard]] Watts IdlePower(SiteIndex site) const;     ///< of one server
  [[nodiscard]] Watts NetworkPower(SiteIndex site) const;  ///< of switches and transceivers
  [[nodiscard]] Watts RunPower(const Member& member, const std::vector<std::int32_t>& servers,
                               const StepRate& rate, bool trains, SiteIndex site) const;
  [[nodiscard]] Watts PowerLimit(SiteIndex site, int level) const;  ///< of one accelerator
  [[nodiscard]] std::vector<DrawingRun> DrawingRuns(const std::vector<JobIndex>& placed) const;
  [[nodiscard]] Watts SitePower(SiteIndex site, const std::vector<DrawingRun>& runs,
                                const std::vector<StepRate>& rates, std::int32_t free) const;
  [[nodiscard]] Watts SitePowerAt(SiteIndex site, int level, const std::vector<JobIndex>& placed);
  [[nodiscard]] std::vector<int> LevelsWith(SiteIndex site, int level) const;
  [[nodiscard]] JobIndex LastToStart(SiteIndex site, const std::vector<JobIndex>& placed) const;
  void Throttle(SiteIndex site);
  [[nodiscard]] bool MayStart(JobIndex job, const Placement& placement);

  const Scenario& scenario_;
  RateSource rates_;
  std::vector<JobSpec> experiments_;  ///< of all campaigns
  std::vector<Member> members_;
  std::vector<JobIndex> active_;  ///< members submitted and not ended, by number
  std::vector<SiteSpec> sites_;   ///< of the present epoch; constant while it lasts
  std::vector<WanSpec> wans_;     ///< the same
  std::vector<int> wan_outages_;
  /// By site: by how many steps the power limit of its accelerators is lowered now; 0: it is the
  /// board's own.
  std::vector<int> limit_level_;
  std::vector<Watts> switch_power_, optics_power_;  ///< by site
  Servers servers_;
  Ledger ledger_;
  Timeline timeline_;
  std::vector<Failures> failures_;
  std::map<std::string, int> cohort_left_;                     ///< jobs that have not ended
  std::map<std::string, std::vector<JobIndex>> after_cohort_;  ///< who waits for it
  Seconds clock_;
  bool reconsider_planned_ = false;
  LifeRecord record_;
};

/// Levels that the power limit of accelerators can be set to; level 0 is their own.
inline constexpr int kPowerLevels = 29;

}  // namespace gridlock
