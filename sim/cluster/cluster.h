#pragma once

// The one mutable state of a cluster's life, and what happens to it. See life.h for the loop.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sim/base/random.h"
#include "sim/cluster/failures.h"
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

    /// Replicas of a fleet that have servers and do not take requests yet.
    struct Starting {
      Seconds ready;
      SiteIndex site;
      std::int32_t replicas = 0;
    };

    std::vector<Starting> starting;  ///< by the time of their start
    std::int32_t servers_lost = 0;   ///< by a fleet, to failures and outages
    SiteIndex last_site;
    Watts fleet_power;  ///< above that of servers held, mean since the last event
    StepRate rate;      ///< in the present situation
    Seconds alone;      ///< step time by itself, for the scheduler; 0: not known yet
    TimerId timer = TimerId::kNone;
    TransferId transfer = TransferId::kNone;
    TransferId background = TransferId::kNone;  ///< of an asynchronous checkpoint
    int replicas = 0;                           ///< of a run: those that it trains with, or will
    std::map<int, TrainingSpec> fewer;          ///< its step by fewer replicas
    std::vector<int> limits;  ///< of a fleet: levels of power limits that it works at
    double slowed = 1;        ///< how many times as long its iterations take by these
    Watts fleet_full_power;   ///< as fleet_power, if boards kept their own limit
    std::int32_t tenant = 0;  ///< in tenant_used_
  };

  /// Something that has failed and that nobody has noticed: its servers stand still or are slow.
  struct Affliction {
    SiteIndex site;
    FailureStream::Range servers;
    JobIndex run;         ///< where only a run is hit: that; else -1
    Seconds placed_at;    ///< of that run
    double slowdown = 0;  ///< 0: they stand still
    std::uint64_t number = 0;
    bool up = false;  ///< a part that flaps works just now
  };

  /// Failures and spares of one site.
  struct Faults {
    LemonServers lemons;
    std::vector<Seconds> since;          ///< by server, when it was new
    std::vector<FailureStream> streams;  ///< by kind
    std::int32_t out = 0;                ///< servers out of service by failures
    std::int32_t starting = 0;           ///< cold spares on their way
    std::int32_t cold = 0;               ///< cold spares, on or off
    std::vector<ServerIndex> off;        ///< those that are off
    std::int32_t absent = 0;             ///< servers that are not delivered yet
  };

  /// What failed, where, and until when.
  struct Fault {
    SiteIndex site;
    std::size_t kind = 0;
    FailureStream::Range servers;
    Seconds repair_time;
  };

  /// A run that draws power, and its servers by site: those that it holds or would hold.
  struct DrawingRun {
    JobIndex job;
    std::vector<std::int32_t> servers;
  };

  // cluster.cpp: members and time
  void AddMembers();
  static void CheckFewest(const PretrainingSpec& run, const ServerSpec& server);
  void AddFleet(Member& member, RequestSource requests);
  [[nodiscard]] RequestSource RequestsOf(JobIndex job) const;
  void PlanEvents();
  void AdvanceTo(Seconds now);
  void ChargeStretch(const Stretch& stretch);
  void ChargeTenants(const Stretch& stretch);
  std::int32_t TenantNumber(const std::string& name);
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
  void CopyCheckpoint(JobIndex job);
  void KeepCopy(JobIndex job);
  void TrainAgain(JobIndex job);
  void Restart(JobIndex job);
  void End(JobIndex job, Outcome outcome);
  /// Stops a run; the event says why: kPreempt or kInterrupt. `lost` of its servers are gone at
  /// once; 0: it stopped by itself; -1: all are, for something else.
  void Interrupt(JobIndex job, LifeEvent event, std::int32_t lost = -1);
  void StopForGrowth(JobIndex job);
  void Disarm(Member& member);
  void Hold(JobIndex job, const Placement& placement);
  void GiveUp(JobIndex job, const Placement& placement);
  [[nodiscard]] static Bytes CheckpointBytes(const PretrainingSpec& spec);
  TransferId Move(JobIndex job, Bytes bytes, std::function<void()> done);
  [[nodiscard]] BytesPerSecond NicsOf(const Member& member) const;
  [[nodiscard]] bool WanIsDown(const Member& member) const;

  // cluster_elastic.cpp: runs with fewer replicas
  /// Where a run could train, and with how many replicas.
  struct Room {
    int replicas = 0;
    std::vector<SiteIndex> sites;  ///< all of them together
    std::int32_t servers = 0;      ///< on each
  };

  [[nodiscard]] Room RoomFor(const Member& member, bool holds) const;
  [[nodiscard]] Room RoomOn(const Member& member, const std::vector<SiteIndex>& sites,
                            bool holds) const;
  [[nodiscard]] bool Connected(const std::vector<SiteIndex>& sites) const;
  [[nodiscard]] TrainingRun::Recovery RecoveryOf(const Member& member, std::int32_t lost) const;
  [[nodiscard]] std::int32_t HeldOf(JobIndex job, SiteIndex site,
                                    FailureStream::Range servers) const;
  const TrainingSpec& StepOf(Member& member);
  PlacedJob PlacedOf(Member& member, const Placement& placement);
  [[nodiscard]] static double ShareLost(const Member& member);
  void ShrinkToRoom(Member& member, QueuedJob& queued) const;
  void GrowAgain(JobIndex job);

  // cluster_faults.cpp: failures, outages, changes
  void PlanFailures();
  void PlanDeliveries(SiteIndex site);
  void PlanSpares(SiteIndex site);
  void Flap(const Fault& fault, std::uint64_t number);
  void GiveUpOn(const Fault& fault, std::uint64_t number);
  void FailNext(SiteIndex site, std::size_t kind);
  void BeginFailure(const Fault& fault, ServerIndex server);
  void Afflict(const Fault& fault, JobIndex run);
  void TakeOut(const Fault& fault);
  void Repair(const Fault& fault);
  void StopRun(JobIndex job, const Fault& fault, ServerIndex server);
  void UseSpares(SiteIndex site);
  void SetReserve(SiteIndex site);
  void TakeDown(SiteIndex site, ServerIndex server, FailureStream::Range together,
                const std::string& why, LifeFailure* account = nullptr);
  [[nodiscard]] bool Afflicts(const Affliction& affliction, JobIndex job) const;
  /// How many times as long the steps of a run take; infinite: it stands still.
  [[nodiscard]] double SlowdownOf(JobIndex job) const;
  /// Whether a run cannot go on: a link is cut, or a part has failed and nobody has noticed.
  [[nodiscard]] bool StandsStill(JobIndex job) const;
  void NoteOutage(EventKind kind, const OutageSpec& outage);
  void BeginOutage(const OutageSpec& outage);
  void EndOutage(const OutageSpec& outage);
  void BeginEpoch(std::size_t epoch);
  void StallOrResume();

  // cluster_plan.cpp: who runs where, how fast
  void Reconsider();
  void SizeFleets();
  void GrowFleet(JobIndex job, const std::vector<SiteIndex>& sites, std::int32_t servers);
  void MoveFleet(JobIndex job, const ReplicaPlaces& places);
  [[nodiscard]] double BurdenOf(SiteIndex site, SiteOrder order) const;
  [[nodiscard]] std::vector<SiteIndex> SitesOfFleet(const Member& member) const;
  [[nodiscard]] std::int32_t FleetReady(Member& member) const;
  void ShrinkFleet(JobIndex job, std::int32_t servers);
  void DropFromFleet(JobIndex job, SiteIndex site, ServerIndex server);
  [[nodiscard]] std::int32_t FleetCapacity(const Member& member) const;
  void StartQueued();
  [[nodiscard]] JobIndex FirstWaiting() const;
  void MakeRoom();
  [[nodiscard]] ClusterState StateNow();
  [[nodiscard]] Seconds StepTimeAlone(Member& member);
  [[nodiscard]] std::vector<JobIndex> PlacedRuns() const;
  struct CachesOfFleet;
  /// These runs, and behind them caches of fleets.
  [[nodiscard]] std::vector<PlacedJob> PlacedJobs(const std::vector<JobIndex>& jobs,
                                                  const std::vector<CachesOfFleet>& caches);
  std::vector<StepRate> RatesOf(const std::vector<PlacedJob>& jobs, const std::vector<int>& levels);
  std::vector<StepRate> SimulatedRates(const std::vector<PlacedJob>& jobs,
                                       const std::vector<int>& levels);
  [[nodiscard]] StepRate RecordedRate(const PlacedJob& job, const std::vector<int>& levels) const;
  void UpdateRates();

  // cluster_caches.cpp: caches between the pools of fleets
  /// Caches of a fleet on one site, as a job beside others.
  struct CachesOfFleet {
    JobIndex fleet;
    int units = 0;
    PlacedJob placed;
  };

  [[nodiscard]] std::vector<CachesOfFleet> CachesOnTheirWay() const;
  /// @param rate_of the first of them
  void GiveCacheRates(const std::vector<CachesOfFleet>& all, const StepRate* rate_of);

  // cluster_hours.cpp: what the profile says
  void PlanHour(SiteIndex site, std::int64_t number);
  void ApplyHours();
  void ApplyHour(SiteIndex site);

  // cluster_moves.cpp: runs that make room for another
  /// A job that waits, those that move for it, and where each goes.
  struct Relocation {
    gridlock::Start room_for;
    std::vector<gridlock::Start> moves;
  };

  void BeginRelocation(gridlock::Start room_for, std::vector<gridlock::Start> moves);
  void StopToMove(JobIndex job);
  void FinishRelocation();
  /// Whether a job is part of a relocation that is under way: it is not in the queue.
  [[nodiscard]] bool Relocates(JobIndex job) const;
  /// Marks what a relocation will use as not free.
  void HideRelocation(ClusterState& state) const;
  void SetMovable(const Member& member, RunningJob& running) const;

  // cluster_power.cpp: watts and caps
  void CheckPowerCaps() const;
  void CheckGroupCap(SiteIndex number, const SiteSpec& site, const char* group, Watts cap) const;
  /// PUE now, with so much IT power.
  [[nodiscard]] double PueOf(SiteIndex site, Watts it) const;
  [[nodiscard]] Watts IdlePower(SiteIndex site) const;     ///< of one server that nobody holds
  [[nodiscard]] Watts HeldPower(SiteIndex site) const;     ///< of one whose job waits
  [[nodiscard]] Watts NetworkPower(SiteIndex site) const;  ///< of switches and transceivers
  [[nodiscard]] Watts RunPower(const Member& member, const std::vector<std::int32_t>& servers,
                               const StepRate& rate, bool trains, SiteIndex site) const;
  [[nodiscard]] Watts PowerLimit(SiteIndex site, int level) const;  ///< of one accelerator
  [[nodiscard]] std::vector<DrawingRun> DrawingRuns(const std::vector<JobIndex>& placed) const;
  [[nodiscard]] Watts SitePower(SiteIndex site, int level, const std::vector<DrawingRun>& runs,
                                const std::vector<StepRate>& rates, std::int32_t free) const;
  [[nodiscard]] bool KeepsCaps(SiteIndex site, int level, const std::vector<JobIndex>& placed);
  [[nodiscard]] bool KeepsCaps(SiteIndex site, int level, const std::vector<DrawingRun>& runs,
                               const std::vector<StepRate>& rates, std::int32_t free) const;
  [[nodiscard]] bool HasCap(SiteIndex site) const;
  [[nodiscard]] Watts FleetPowerAt(const Member& member, const std::vector<int>& levels) const;
  [[nodiscard]] Watts MostOfServer(SiteIndex site, int level, const std::vector<DrawingRun>& runs,
                                   const std::vector<StepRate>& rates) const;
  [[nodiscard]] std::vector<SiteSpec> SlowedSites(const std::vector<int>& levels) const;
  void SlowFleets();
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
  std::vector<Watts> full_power_;                   ///< IT power of all servers at their limits
  std::vector<std::optional<double>> temperature_;  ///< outside, now
  Servers servers_;
  Ledger ledger_;
  Timeline timeline_;
  std::vector<FailureSpec> failure_kinds_;
  std::vector<Faults> faults_;  ///< by site
  std::vector<Affliction> afflictions_;
  std::uint64_t afflictions_begun_ = 0;
  std::optional<Relocation> relocation_;
  std::map<std::string, std::int32_t> tenants_;
  std::vector<double> tenant_used_;  ///< accelerator-seconds over the share, as far as they count
  std::vector<double> tenant_share_;
  std::map<std::string, int> cohort_left_;                     ///< jobs that have not ended
  std::map<std::string, std::vector<JobIndex>> after_cohort_;  ///< who waits for it
  Seconds clock_;
  std::size_t epoch_ = 0;
  bool reconsider_planned_ = false;
  LifeRecord record_;
};

/// Levels that the power limit of accelerators can be set to; level 0 is their own.
inline constexpr int kPowerLevels = 29;

}  // namespace gridlock
