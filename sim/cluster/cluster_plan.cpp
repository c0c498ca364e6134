#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "sim/base/check.h"
#include "sim/cluster/cluster.h"
#include "sim/cluster/job_sites.h"

namespace gridlock {

namespace {

std::int32_t ServersFor(std::int64_t accelerators, const Layout& layout, const ServerSpec& server) {
  const int used = layout.used_of(server.accelerators);
  return static_cast<std::int32_t>((accelerators + used - 1) / used);
}

}  // namespace

void Cluster::Reconsider() {
  SizeFleets();
  FinishRelocation();
  StartQueued();
  UpdateRates();
  for (const JobIndex job : active_) {
    const Member& member = members_[job];
    if (member.run && member.run->phase() == TrainingRun::Phase::kTraining) {
      ArmMilestone(job);
    }
  }
}

std::int32_t Cluster::FleetCapacity(const Member& member) const {
  std::int64_t replicas = 0;
  for (std::size_t s = 0; s < sites_.size(); ++s) {
    replicas += PlacesOf(member.fleet->spec(), sites_[s].server).CapacityOf(member.servers[s]);
  }
  return static_cast<std::int32_t>(replicas);
}

// Those of its replicas that take requests.
std::int32_t Cluster::FleetReady(Member& member) const {
  std::erase_if(member.starting, [this](const Member::Starting& each) {
    return each.ready <= timeline_.now();
  });
  std::int32_t ready = FleetCapacity(member);
  for (const Member::Starting& each : member.starting) {
    ready -= each.replicas;
  }
  return std::max(0, ready);
}

// What a kWh that an accelerator draws costs, or emits.
double Cluster::BurdenOf(SiteIndex site, SiteOrder order) const {
  const SiteSpec& spec = sites_[site];
  return (order == SiteOrder::kPrice ? spec.electricity_usd_per_kwh : spec.carbon_g_per_kwh) *
         spec.PueAt(temperature_[site], 1);
}

// In the order in which it takes their servers.
std::vector<SiteIndex> Cluster::SitesOfFleet(const Member& member) const {
  std::vector<SiteIndex> sites = AllowedSites(*member.spec, sites_);
  std::sort(sites.begin(), sites.end());
  const SiteOrder order = member.fleet->spec().site_order;
  if (order != SiteOrder::kListed) {
    std::stable_sort(sites.begin(), sites.end(), [&](SiteIndex a, SiteIndex b) {
      return BurdenOf(a, order) < BurdenOf(b, order);
    });
  }
  return sites;
}

void Cluster::SizeFleets() {
  for (const JobIndex job : active_) {
    Member& member = members_[job];
    if (!member.fleet) {
      continue;
    }
    const Seconds now = timeline_.now();
    const std::int32_t wanted = member.fleet->Wanted(now, now + 2 * record_.interval);
    const SiteIndex site = AllowedSites(*member.spec, sites_).front();
    const ReplicaPlaces places = PlacesOf(member.fleet->spec(), sites_[site].server);
    if (wanted > FleetCapacity(member)) {
      GrowFleet(job, SitesOfFleet(member),
                static_cast<std::int32_t>(places.ServersFor(wanted - FleetCapacity(member))));
    } else {
      MoveFleet(job, places);
    }
    const std::int32_t ready = std::min(FleetReady(member), member.fleet->spec().replicas);
    member.fleet->SetInService(std::min(wanted, ready), /*in_order=*/true);
    const std::int32_t spare = FleetCapacity(member) - wanted;
    if (spare >= places.replicas && member.starting.empty() && !member.fleet->draining()) {
      ShrinkFleet(job, spare / places.replicas * places.servers);
    }
  }
}

// Where another of its sites has free servers and is better by more than a little, replicas begin
// there; those of the worst site go when they serve.
void Cluster::MoveFleet(JobIndex job, const ReplicaPlaces& places) {
  constexpr double kWorth = 0.05;
  Member& member = members_[job];
  const SiteOrder order = member.fleet->spec().site_order;
  if (order == SiteOrder::kListed || !member.starting.empty()) {
    return;
  }
  const std::vector<SiteIndex> sites = SitesOfFleet(member);
  const auto worst = std::find_if(sites.rbegin(), sites.rend(), [&](SiteIndex site) {
    return member.servers[site] > 0;
  });
  for (const SiteIndex site : sites) {
    // Prices may be below zero.
    const bool better = worst != sites.rend() && site != *worst &&
                        BurdenOf(site, order) <
                            BurdenOf(*worst, order) - kWorth * std::abs(BurdenOf(*worst, order));
    if (!better) {
      return;
    }
    std::int32_t servers = std::min(servers_.free(site), member.servers[*worst]);
    servers -= servers % places.servers;
    if (servers > 0) {
      GrowFleet(job, {site}, servers);
      return;
    }
  }
}

// From these sites in their order; where nothing is free, runs of lower priority make room.
void Cluster::GrowFleet(JobIndex job, const std::vector<SiteIndex>& sites, std::int32_t servers) {
  Member& member = members_[job];
  for (const SiteIndex site : sites) {
    if (servers <= 0) {
      return;
    }
    if (servers_.free(site) < servers) {
      for (const JobIndex victim : Victims(StateNow(), site, servers, member.spec->priority)) {
        Interrupt(victim, {.kind = EventKind::kPreempt, .detail = "for " + member.spec->name});
      }
    }
    const std::int32_t some = std::min(servers, servers_.free(site));
    if (some == 0) {
      continue;
    }
    const Placement more = Place(servers_.state(site), site, some);
    Hold(job, more);
    member.fleet_servers.insert(member.fleet_servers.end(), more.begin(), more.end());
    servers -= some;
    if (member.fleet_start.si() < 0) {
      member.fleet_start = timeline_.now();
    }
    const ServerSpec& server = sites_[site].server;
    const std::int64_t replicas = PlacesOf(member.fleet->spec(), server).CapacityOf(some);
    const Seconds start = member.fleet->StartTime(server, sites_[site].storage_bandwidth, replicas);
    Note({.kind = EventKind::kStart,
          .job = job,
          .site = site,
          .server = more[0].first,
          .servers = some,
          .detail = start > Seconds(0) ? "takes requests after " + FormatSeconds(start) : ""});
    if (start > Seconds(0)) {
      member.starting.push_back(
          {timeline_.now() + start, site, static_cast<std::int32_t>(replicas)});
      timeline_.At(timeline_.now() + start, [this] {
        ReconsiderSoon();
      });
    }
  }
}

// The last that it took go first, or those of the site that is worst now.
void Cluster::ShrinkFleet(JobIndex job, std::int32_t servers) {
  Member& member = members_[job];
  if (const SiteOrder order = member.fleet->spec().site_order; order != SiteOrder::kListed) {
    std::stable_sort(member.fleet_servers.begin(), member.fleet_servers.end(),
                     [&](const ServerRun& a, const ServerRun& b) {
                       return BurdenOf(a.site, order) < BurdenOf(b.site, order);
                     });
  }
  std::int32_t left = servers;
  while (left > 0 && !member.fleet_servers.empty()) {
    ServerRun& last = member.fleet_servers.back();
    const std::int32_t some = std::min(left, last.count);
    last.count -= some;
    left -= some;
    const ServerRun given{last.site, last.first + last.count, some};
    if (last.count == 0) {
      member.fleet_servers.pop_back();
    }
    GiveUp(job, {given});
    Note({.kind = EventKind::kEnd,
          .job = job,
          .site = given.site,
          .server = given.first,
          .servers = some});
  }
}

// A server of a fleet is gone; the requests of its replicas begin anew elsewhere.
void Cluster::DropFromFleet(JobIndex job, SiteIndex site, ServerIndex server) {
  Member& member = members_[job];
  for (std::size_t i = 0; i < member.fleet_servers.size(); ++i) {
    const ServerRun run = member.fleet_servers[i];
    if (run.site != site || server < run.first || server >= run.first + run.count) {
      continue;
    }
    GiveUp(job, {{site, server, 1}});
    ++member.servers_lost;
    member.fleet_servers.erase(member.fleet_servers.begin() + static_cast<std::ptrdiff_t>(i));
    const std::int32_t after = run.first + run.count - server - 1;
    if (after > 0) {
      member.fleet_servers.push_back({site, server + 1, after});
    }
    if (server > run.first) {
      member.fleet_servers.push_back({site, run.first, server - run.first});
    }
    break;
  }
  member.fleet->SetInService(std::min(member.fleet->in_service(), FleetReady(member)),
                             /*in_order=*/false);
}

ClusterState Cluster::StateNow() {
  ClusterState state;
  state.now = timeline_.now();
  state.used = tenant_used_;
  for (std::size_t s = 0; s < sites_.size(); ++s) {
    state.sites.push_back(servers_.state(IndexOf<SiteIndex>(s)));
  }
  for (const JobIndex job : active_) {
    Member& member = members_[job];
    if (!member.run) {
      continue;
    }
    if (member.run->holds_servers()) {
      state.running.push_back({job, member.spec->priority, member.run->placed_at(),
                               timeline_.now() + member.run->remaining(), member.run->placement()});
      SetMovable(member, state.running.back());
      continue;
    }
    if (Relocates(job)) {
      continue;
    }
    QueuedJob queued;
    queued.job = job;
    queued.priority = member.spec->priority;
    queued.submit = member.run->submit();
    queued.sites = AllowedSites(*member.spec, sites_);
    queued.spans = member.spec->spans;
    queued.restarts = member.run->started_before();
    queued.tenant = member.tenant;
    queued.within = member.spec->within;
    const ServerSpec& server = sites_[static_cast<std::size_t>(queued.sites[0])].server;
    const Layout& layout = member.run->spec().step.layout;
    const auto parts = queued.spans ? static_cast<std::int64_t>(queued.sites.size()) : 1;
    queued.servers = ServersFor(layout.accelerators() / parts, layout, server);
    member.replicas = member.run->spec().step.layout.data;
    if (queued.restarts && member.run->spec().elastic.replicas_min > 0) {
      ShrinkToRoom(member, queued);
    }
    queued.expected = scenario_.scheduler->needs_run_times
                          ? member.run->remaining(StepTimeAlone(member))
                          : Seconds(std::numeric_limits<double>::infinity());
    state.queue.push_back(std::move(queued));
  }
  HideRelocation(state);
  return state;
}

// The pace of a run on an empty site.
Seconds Cluster::StepTimeAlone(Member& member) {
  if (member.alone <= Seconds(0)) {
    const std::vector<SiteIndex>& allowed = member.spec->sites;
    const std::size_t sites = member.spec->spans ? allowed.size() : 1;
    const Layout& layout = member.run->spec().step.layout;
    Placement placement;
    for (std::size_t i = 0; i < sites; ++i) {
      const SiteIndex site = allowed.empty() ? SiteIndex{0} : allowed[i];
      placement.push_back({site, 0,
                           ServersFor(layout.accelerators() / static_cast<std::int64_t>(sites),
                                      layout, sites_[site].server)});
    }
    const PretrainingSpec& run = member.run->spec();
    member.alone = RatesOf({{&run.step, placement, run.recorded}}, limit_level_)[0].step_time;
  }
  return member.alone;
}

void Cluster::StartQueued() {
  if (FirstWaiting() < 0) {
    return;
  }
  Decision decision = Decide(*scenario_.scheduler, StateNow());
  if (!decision.moves.empty() && !relocation_) {
    BeginRelocation(std::move(decision.room_for), std::move(decision.moves));
  }
  for (const gridlock::Start& start : decision.starts) {
    if (!MayStart(start.job, start.placement)) {
      return;  // it waits for power, and so do those behind it
    }
    Start(start.job, start.placement);
  }
  MakeRoom();
}

// The run that comes before all others that wait; -1 when none does.
JobIndex Cluster::FirstWaiting() const {
  JobIndex first;
  const auto key = [this](JobIndex job) {
    return std::pair(-members_[job].spec->priority, members_[job].run->submit());
  };
  for (const JobIndex job : active_) {
    const Member& member = members_[job];
    if (member.run && member.run->phase() == TrainingRun::Phase::kWaiting && !Relocates(job) &&
        (first < 0 || key(job) < key(first))) {
      first = job;
    }
  }
  return first;
}

// Runs of lower priority stop for the first that waits, when that gives it what it needs on a site.
// It starts when the cluster is looked at again, in this instant.
void Cluster::MakeRoom() {
  const JobIndex job = FirstWaiting();
  if (job < 0 || members_[job].spec->spans) {
    return;
  }
  const ClusterState state = StateNow();
  const auto queued =
      std::find_if(state.queue.begin(), state.queue.end(), [job](const QueuedJob& each) {
        return each.job == job;
      });
  for (const SiteIndex site : queued->sites) {
    const std::int32_t spares = queued->restarts ? 0 : state.sites[site].reserved;
    const std::vector<JobIndex> victims =
        Victims(state, site, queued->servers + spares, queued->priority, queued->within);
    for (const JobIndex victim : victims) {
      Interrupt(victim, {.kind = EventKind::kPreempt, .detail = "for " + members_[job].spec->name});
    }
    if (!victims.empty()) {
      return;
    }
  }
}

std::vector<JobIndex> Cluster::PlacedRuns() const {
  std::vector<JobIndex> placed;
  for (const JobIndex job : active_) {
    const Member& member = members_[job];
    // One that saves or restarts counts as if it trained: its pause is short.
    if (member.run && member.run->holds_servers() &&
        member.run->phase() != TrainingRun::Phase::kStalled) {
      placed.push_back(job);
    }
  }
  return placed;
}

// A job of a log takes as long as it took, and draws the whole power of its accelerators.
StepRate Cluster::RecordedRate(const PlacedJob& job, const std::vector<int>& levels) const {
  StepRate rate;
  rate.step_time = job.recorded;
  double left = job.training->layout.accelerators();
  for (const ServerRun& run : job.placement) {
    const ServerSpec& server = sites_[run.site].server;
    const double used =
        std::min(left, 1.0 * run.count * server.accelerators);  // the last server may be shared out
    left -= used;
    const Watts limit = PowerLimit(run.site, levels[run.site]);
    const Watts busy = limit - server.accelerator.power.idle;
    const Watts host = server.overhead_power * (1.0 / server.accelerators);
    rate.energy += (limit + host + busy * server.overhead_per_watt) * used * job.recorded;
  }
  return rate;
}

std::vector<StepRate> Cluster::RatesOf(const std::vector<PlacedJob>& jobs,
                                       const std::vector<int>& levels) {
  std::vector<PlacedJob> simulated;
  for (const PlacedJob& job : jobs) {
    if (job.recorded <= Seconds(0) && job.share >= 1) {
      simulated.push_back(job);
    }
  }
  if (simulated.size() == jobs.size()) {
    return SimulatedRates(jobs, levels);
  }
  const std::vector<StepRate> known = SimulatedRates(simulated, levels);
  std::vector<StepRate> rates;
  auto next = known.begin();
  for (const PlacedJob& job : jobs) {
    if (job.recorded > Seconds(0)) {
      rates.push_back(RecordedRate(job, levels));
    } else if (job.share < 1) {
      StepRate& rate = rates.emplace_back(SimulatedRates({job}, levels)[0]);
      rate.energy = rate.energy * job.share;
      rate.wan_bytes *= job.share;
    } else {
      rates.push_back(*next++);
    }
  }
  return rates;
}

// With the power limits of each site's accelerators lowered by so many steps.
std::vector<StepRate> Cluster::SimulatedRates(const std::vector<PlacedJob>& jobs,
                                              const std::vector<int>& levels) {
  if (jobs.empty()) {
    return {};
  }
  if (std::all_of(levels.begin(), levels.end(), [](int level) {
        return level == 0;
      })) {
    return rates_({&sites_, &wans_, jobs});
  }
  const std::vector<SiteSpec> slowed = SlowedSites(levels);
  return rates_({&slowed, &wans_, jobs});
}

void Cluster::UpdateRates() {
  for (std::size_t s = 0; s < sites_.size(); ++s) {
    Throttle(IndexOf<SiteIndex>(s));
  }
  SlowFleets();
  const std::vector<JobIndex> placed = PlacedRuns();
  const std::vector<CachesOfFleet> caches = CachesOnTheirWay();
  const std::vector<StepRate> rates = RatesOf(PlacedJobs(placed, caches), limit_level_);
  for (std::size_t i = 0; i < placed.size(); ++i) {
    Member& member = members_[placed[i]];
    member.rate = rates[i];
    const double longer = 1 / (1 - ShareLost(member));  // for as many sequences
    if (longer > 1) {
      member.rate.step_time = member.rate.step_time * longer;
      member.rate.energy = member.rate.energy * longer;
      member.rate.wan_bytes *= longer;
    }
    if (!afflictions_.empty()) {
      const double slowdown = SlowdownOf(placed[i]);
      member.rate.step_time =
          std::isfinite(slowdown) ? member.rate.step_time * slowdown : member.rate.step_time;
    }
    member.run->ChangeRate(timeline_.now(), member.rate.step_time);
  }
  GiveCacheRates(caches, rates.data() + placed.size());
}

std::vector<PlacedJob> Cluster::PlacedJobs(const std::vector<JobIndex>& jobs,
                                           const std::vector<CachesOfFleet>& caches) {
  std::vector<PlacedJob> placed;
  for (const JobIndex job : jobs) {
    const TrainingRun& run = *members_[job].run;
    placed.push_back(PlacedOf(members_[job], run.placement()));
  }
  for (const CachesOfFleet& each : caches) {
    placed.push_back(each.placed);
  }
  return placed;
}

}  // namespace gridlock
