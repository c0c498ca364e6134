#pragma once

// The one mutable state of a cluster's life, and what happens to it. See life.h for the loop.
// Cluster keeps the clock and does what others decide: they look at a ClusterView and say what
// should happen.
//
//   MachineNow    sites, links, prices and weather as they are now
//   Servers       which servers are in service, and who holds them
//   JobRates      how fast jobs go (placed_jobs.h: what runs beside what)
//   PowerCaps     the limits of boards, and who stops where they do not suffice (power_draw.h)
//   Faults        what fails, and when; Afflictions: what has failed unseen; Spares
//   Relocation    runs that move to make room
//   Batteries     what they hold, and by how much they raise a cap
//   Tenants       who has used how much
//   Ledger        energy, money and carbon (charges.h: who is charged what)
//   queue.h, rooms.h, fleet_servers.h   runs that wait, elastic runs, servers of fleets

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "sim/cluster/afflictions.h"
#include "sim/cluster/batteries.h"
#include "sim/cluster/faults.h"
#include "sim/cluster/ledger.h"
#include "sim/cluster/life.h"
#include "sim/cluster/machine_now.h"
#include "sim/cluster/member.h"
#include "sim/cluster/power_caps.h"
#include "sim/cluster/queue.h"
#include "sim/cluster/rates.h"
#include "sim/cluster/relocation.h"
#include "sim/cluster/servers.h"
#include "sim/cluster/spares.h"
#include "sim/cluster/tenants.h"
#include "sim/engine/timeline.h"
#include "sim/scheduler/scheduler.h"

namespace gridlock {

class Cluster {
 public:
  Cluster(const Scenario& scenario, RateSource rates);

  LifeRecord Live(const LifeProgress& progress);

 private:
  // cluster.cpp: time, what is planned, and what is considered once per instant
  [[nodiscard]] ClusterView View() const;
  void PlanEvents();
  void PlanHour(SiteIndex site, std::int64_t number);
  void AdvanceTo(Seconds now);
  void Note(LifeEvent event);  ///< happens now
  void BeginEpoch(std::size_t epoch);
  void BeginOutage(const OutageSpec& outage);
  void EndOutage(const OutageSpec& outage);
  void Submit(JobIndex job);
  void Tick();
  void ReconsiderSoon();
  void Reconsider();
  // cluster_fleets.cpp: fleets
  void SizeFleets();
  void GrowFleet(JobIndex job, const std::vector<SiteIndex>& sites, std::int32_t servers);
  void StartReplicas(JobIndex job, const Placement& more);
  void LoadWeights(JobIndex job, SiteIndex site, std::int32_t replicas);
  TransferId Carry(SiteIndex site, BytesPerSecond nics, Bytes bytes, std::function<void()> done);
  void ReconsiderAt(Seconds time);
  void ShrinkFleet(JobIndex job, std::int32_t servers);
  void DropFromFleet(JobIndex job, SiteIndex site, ServerIndex server);
  void Hold(JobIndex job, const Placement& placement);
  void GiveUp(JobIndex job, const Placement& placement);
  [[nodiscard]] QueueNow Queue() const;
  void StartQueued();
  void FinishRelocation();
  void MakeRoom();
  void KeepCaps(SiteIndex site);
  void PlanEndOfSupport(SiteIndex site);
  void UpdateRates();
  LifeRecord Describe();

  // cluster_events.cpp: what happens to runs, and failures
  void Start(JobIndex job, const Placement& placement);
  void Restart(JobIndex job);
  void BeginTraining(JobIndex job);
  void ArmMilestone(JobIndex job);
  void ReachMilestone(JobIndex job);
  void SaveCheckpoint(JobIndex job);
  void CopyCheckpoint(JobIndex job);
  void KeepCopy(JobIndex job);
  void TrainAgain(JobIndex job);
  TransferId Move(JobIndex job, Bytes bytes, std::function<void()> done);
  void Disarm(Member& member);
  void End(JobIndex job, Outcome outcome);
  /// Stops a run; the event says why: kPreempt or kInterrupt. `lost` of its servers are gone at
  /// once; 0: it stopped by itself; -1: all are, for something else.
  void Interrupt(JobIndex job, LifeEvent event, std::int32_t lost = -1);
  void Stop(JobIndex job, LifeEvent event, TrainingRun::Stop why, TrainingRun::Recovery recovery);
  void StopToMove(JobIndex job);
  void GrowAgain(JobIndex job);
  void PlanFailures(SiteIndex site);
  void FailNext(SiteIndex site, std::size_t kind);
  void BeginFailure(const Fault& fault);
  void Afflict(const Fault& fault, JobIndex run);
  void NoticeFailure(const Fault& fault, std::uint64_t number);
  void Flap(const Fault& fault, std::uint64_t number);
  bool FlapTo(std::uint64_t number, bool up);
  void GiveUpOn(const Fault& fault, std::uint64_t number);
  void StopRun(JobIndex job, const Fault& fault);
  void TakeOut(const Fault& fault);
  void Repair(const Fault& fault);
  void SwitchOn(SiteIndex site, ServerIndex server);
  void BringServers(const ServerRun& servers);
  void TakeDown(const ServerRun& servers, const std::string& why, LifeFailure* account = nullptr);
  void StallOrResume();
  /// Whether a run cannot go on: a link is cut, or a part has failed and nobody has noticed.
  [[nodiscard]] bool StandsStill(JobIndex job) const;

  const Scenario& scenario_;
  std::vector<JobSpec> experiments_;  ///< of all campaigns
  MachineNow machine_;
  PowerCaps caps_;
  Batteries batteries_;
  std::vector<Seconds> end_of_support_;  ///< by site, planned
  std::vector<Member> members_;
  std::vector<JobIndex> active_;  ///< members submitted and not ended, by number
  Servers servers_;
  JobRates rates_;
  Faults faults_;
  Afflictions afflictions_;
  Spares spares_;
  Relocation relocation_;
  Tenants tenants_;
  std::map<std::string, int> cohort_left_;                     ///< jobs that have not ended
  std::map<std::string, std::vector<JobIndex>> after_cohort_;  ///< who waits for it
  Timeline timeline_;
  Ledger ledger_;
  Seconds clock_;
  bool reconsider_planned_ = false;
  LifeRecord record_;
};

}  // namespace gridlock
