#pragma once

// The one mutable state of a cluster's life. See life.h for the loop. Cluster owns the parts below,
// tells them what changes of itself (epochs, hours, outages), and once per instant considers who
// starts, stops and goes how fast.
//
// Parts that others look at through a ClusterView:
//   MachineNow    sites, links, prices and weather as they are now
//   Servers       which servers are in service, and who holds them
//   Member        a job: TrainingRun or Fleet; Roster says which have come
//   Afflictions   what has failed unseen
//   Relocation    runs that move to make room
//   Course        the clock and what has happened
//
// Parts to which things happen, which get a view and change what is theirs:
//   Runs          training runs from start to end: milestones, checkpoints, restarts
//   Fleets        fleets grow, shrink and lose servers (fleet_servers.h)
//   Maintenance   servers go out of service and come back; spares stand in
//   Breakdowns    failures, noticed at once or later, and repairs (Faults draws them)
//
// Parts that are asked:
//   JobRates      how fast jobs go (placed_jobs.h: what runs beside what)
//   PowerCaps     the limits of boards, and who stops where they do not suffice (power_draw.h)
//   Batteries     what they hold, and by how much they raise a cap
//   Ramps         what boards burn so that their power falls slowly
//   Tenants       who has used how much
//   Ledger        energy, money and carbon (charges.h: who is charged what)
//   queue.h, rooms.h   runs that wait, elastic runs

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "sim/cluster/afflictions.h"
#include "sim/cluster/batteries.h"
#include "sim/cluster/breakdowns.h"
#include "sim/cluster/course.h"
#include "sim/cluster/fleets.h"
#include "sim/cluster/ledger.h"
#include "sim/cluster/life.h"
#include "sim/cluster/machine_now.h"
#include "sim/cluster/maintenance.h"
#include "sim/cluster/member.h"
#include "sim/cluster/power_caps.h"
#include "sim/cluster/queue.h"
#include "sim/cluster/ramps.h"
#include "sim/cluster/rates.h"
#include "sim/cluster/relocation.h"
#include "sim/cluster/roster.h"
#include "sim/cluster/runs.h"
#include "sim/cluster/servers.h"
#include "sim/cluster/tenants.h"
#include "sim/scheduler/scheduler.h"

namespace gridlock {

class Cluster {
 public:
  Cluster(const Scenario& scenario, RateSource rates);
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  LifeRecord Live(const LifeProgress& progress);

 private:
  void Pass(const Stretch& stretch);
  // What is known before time zero.
  void PlanEvents();
  void PlanOutage(const OutageSpec& outage);
  void PlanDeliveries(SiteIndex site);
  void PlanRetirements(SiteIndex site);
  void Retire(const ServerRun& servers, std::optional<double> resale_usd);
  void PlanHour(SiteIndex site, std::int64_t number);
  void BeginEpoch(std::size_t epoch);
  void BeginOutage(const OutageSpec& outage);
  void EndOutage(const OutageSpec& outage);
  void Tick();
  // Once per instant.
  void Reconsider();
  void FinishRelocation();
  void StartQueued();
  void Start(JobIndex job, const Placement& placement);
  void TellMissingPower(const gridlock::Start& start);
  void MakeRoom();
  void Preempt(const std::vector<JobIndex>& victims, const std::string& for_whom);
  void KeepCaps(SiteIndex site);
  void PlanEndsOfSupport();
  void PlanEndOfSupport(SiteIndex site, Watts load);
  void UpdateRates();
  [[nodiscard]] QueueNow Queue() const;
  LifeRecord Describe();

  const Scenario& scenario_;
  std::vector<JobSpec> experiments_;  ///< of all campaigns
  MachineNow machine_;
  PowerCaps caps_;
  std::set<std::string> missing_power_;  ///< of jobs that were told of it
  Batteries batteries_;
  Ramps ramps_;
  std::vector<Seconds> end_of_support_;  ///< by site, planned
  std::vector<Member> members_;
  Servers servers_;
  JobRates rates_;
  Afflictions afflictions_;
  Relocation relocation_;
  Tenants tenants_;
  Ledger ledger_;
  Course course_;
  Roster roster_;
  ClusterView view_;
  Runs runs_;
  Fleets fleets_;
  Maintenance maintenance_;
  Breakdowns breakdowns_;
};

}  // namespace gridlock
