#include "sim/cluster/cluster.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "sim/base/check.h"
#include "sim/cluster/charges.h"
#include "sim/cluster/fleet_servers.h"
#include "sim/cluster/job_sites.h"
#include "sim/cluster/life_events.h"
#include "sim/cluster/placed_jobs.h"
#include "sim/cluster/queue.h"

namespace gridlock {

namespace {

// Intervals that a horizon has when nobody says otherwise.
constexpr double kIntervals = 500;

Seconds IntervalOf(const Scenario& scenario) {
  const Seconds chosen = scenario.recording.interval;
  return chosen > Seconds(0) ? std::min(chosen, scenario.horizon) : scenario.horizon / kIntervals;
}

std::vector<BytesPerSecond> StorageLinks(const std::vector<SiteSpec>& sites) {
  std::vector<BytesPerSecond> links;
  for (const SiteSpec& site : sites) {
    // A site without storage has no checkpoints either; the link is never used.
    const bool given = site.storage_bandwidth > BytesPerSecond(0);
    links.push_back(given ? site.storage_bandwidth : BytesPerSecond(1));
  }
  return links;
}

std::vector<std::int32_t> ServersThere(const MachineNow& machine) {
  std::vector<std::int32_t> there;
  for (std::size_t s = 0; s < machine.sites().size(); ++s) {
    there.push_back(machine.sites()[s].servers - machine.absent(IndexOf<SiteIndex>(s)));
  }
  return there;
}

}  // namespace

Cluster::Cluster(const Scenario& scenario, RateSource rates)
    : scenario_(scenario),
      experiments_(ExperimentsOf(scenario)),
      machine_(scenario),
      caps_(scenario, machine_),
      batteries_(scenario.sites),
      end_of_support_(scenario.sites.size(), Seconds(-1)),
      members_(MembersOf(scenario, experiments_)),
      servers_(scenario.sites),
      rates_(std::move(rates), machine_),
      faults_(scenario, servers_),
      spares_(scenario.reliability, ServersThere(machine_)),
      tenants_(scenario.fair_share),
      timeline_(StorageLinks(scenario.sites)),
      ledger_(scenario.horizon, IntervalOf(scenario), members_.size(), scenario.sites.size()) {
  record_.horizon = scenario.horizon;
  record_.interval = IntervalOf(scenario);
  for (std::size_t s = 0; s < scenario.sites.size(); ++s) {
    ledger_.SetSite(IndexOf<SiteIndex>(s), machine_.sites()[s]);
  }
  for (Member& member : members_) {
    member.tenant = tenants_.NumberOf(member.spec->tenant);
    if (member.run && !member.spec->cohort.empty()) {
      ++cohort_left_[member.spec->cohort];
    }
  }
  for (const FailureSpec& kind : faults_.kinds()) {
    record_.failures.push_back({.name = kind.name.empty() ? "server" : kind.name});
  }
}

ClusterView Cluster::View() const {
  return {scenario_, machine_, servers_, members_, active_, timeline_.now()};
}

void Cluster::PlanEvents() {
  for (std::size_t j = 0; j < members_.size(); ++j) {
    const auto job = IndexOf<JobIndex>(j);
    const JobSpec& spec = *members_[j].spec;
    if (!spec.after_cohort.empty() && cohort_left_.count(spec.after_cohort) > 0) {
      after_cohort_[spec.after_cohort].push_back(job);
    } else if (spec.start < scenario_.horizon) {
      timeline_.At(spec.start, [this, job] {
        Submit(job);
      });
    }
  }
  for (std::size_t e = 1; e < scenario_.epochs.size(); ++e) {
    timeline_.At(scenario_.epochs[e].from, [this, e] {
      BeginEpoch(e);
    });
  }
  for (const OutageSpec& outage : scenario_.outages) {
    timeline_.At(outage.from, [this, &outage] {
      BeginOutage(outage);
    });
    if (outage.until < scenario_.horizon) {
      timeline_.At(outage.until, [this, &outage] {
        EndOutage(outage);
      });
    }
  }
  for (std::size_t s = 0; s < machine_.sites().size(); ++s) {
    if (machine_.sites()[s].profile) {
      PlanHour(IndexOf<SiteIndex>(s), 1);
    }
  }
  machine_.ApplyHours(timeline_.now());
  for (std::size_t s = 0; s < machine_.sites().size(); ++s) {
    PlanFailures(IndexOf<SiteIndex>(s));
  }
  Tick();
}

void Cluster::PlanHour(SiteIndex site, std::int64_t number) {
  const Seconds at = machine_.HourOf(site, number);
  if (at >= scenario_.horizon) {
    return;
  }
  timeline_.At(at, [this, site, number] {
    AdvanceTo(timeline_.now());
    machine_.ApplyHour(site, timeline_.now());
    PlanHour(site, number + 1);
    if (HasCap(machine_.site(site)) || machine_.site(site).response_cap > Watts(0)) {
      ReconsiderSoon();
    }
  });
}

void Cluster::AdvanceTo(Seconds now) {
  const Stretch stretch{clock_, now};
  if (stretch.length() <= Seconds(0)) {
    return;
  }
  for (const JobIndex job : active_) {
    Member& member = members_[job];
    if (member.run) {
      member.run->AdvanceTo(now);
    } else {
      member.fleet->AdvanceTo(now);
      MeterFleet(machine_, caps_, stretch, member, ledger_);
    }
  }
  ChargeStretch(View(), caps_, stretch, batteries_, ledger_);
  ChargeTenants(View(), stretch, tenants_);
  clock_ = now;
}

void Cluster::Note(LifeEvent event) {
  event.at = timeline_.now();
  record_.events.push_back(std::move(event));
}

void Cluster::BeginEpoch(std::size_t epoch) {
  AdvanceTo(timeline_.now());
  machine_.BeginEpoch(epoch, timeline_.now());
  caps_.Lift();
  rates_.BeginEpoch();
  for (std::size_t s = 0; s < machine_.sites().size(); ++s) {
    const auto site = IndexOf<SiteIndex>(s);
    ledger_.SetSite(site, machine_.site(site));
    if (machine_.site(site).storage_bandwidth > BytesPerSecond(0)) {
      timeline_.SetCapacity(site, machine_.site(site).storage_bandwidth);
    }
  }
  for (Member& member : members_) {
    if (member.fleet) {
      member.limits = caps_.levels();
      member.slowed = 1;
      member.fleet->SetCosts(LeastServer(*member.spec, machine_.sites()));
    }
  }
  for (const std::string& change : scenario_.epochs[epoch].changes) {
    Note({.kind = EventKind::kChange, .detail = change});
  }
  ReconsiderSoon();
}

// Of a link between sites, at the site that it is written from, or of servers of a site.
void Cluster::BeginOutage(const OutageSpec& outage) {
  AdvanceTo(timeline_.now());
  if (outage.wan >= 0) {
    machine_.CutLink(outage.wan);
    Note({.kind = EventKind::kOutage, .site = machine_.wans()[outage.wan].from, .wan = outage.wan});
    return StallOrResume();
  }
  const ServerRun servers{outage.site, outage.first_server, outage.servers};
  Note(ServerEvent(EventKind::kOutage, servers));
  TakeDown(servers, "outage");
  ReconsiderSoon();
}

void Cluster::EndOutage(const OutageSpec& outage) {
  AdvanceTo(timeline_.now());
  if (outage.wan >= 0) {
    machine_.RestoreLink(outage.wan);
    Note(
        {.kind = EventKind::kRestore, .site = machine_.wans()[outage.wan].from, .wan = outage.wan});
    return StallOrResume();
  }
  const ServerRun servers{outage.site, outage.first_server, outage.servers};
  BringServers(servers);
  Note(ServerEvent(EventKind::kRestore, servers));
  ReconsiderSoon();
}

void Cluster::Submit(JobIndex job) {
  AdvanceTo(timeline_.now());
  Member& member = members_[job];
  active_.insert(std::lower_bound(active_.begin(), active_.end(), job), job);
  if (member.run) {
    member.run->Submit(timeline_.now());
  } else {
    member.fleet->AdvanceTo(timeline_.now());
  }
  Note({.kind = EventKind::kSubmit, .job = job});
  ReconsiderSoon();
}

// Fleets follow their load, and caps the fleets' power, once per interval.
void Cluster::Tick() {
  AdvanceTo(timeline_.now());
  const bool has_fleets = std::any_of(members_.begin(), members_.end(), [](const Member& member) {
    return member.fleet != nullptr;
  });
  if (!has_fleets) {
    return;
  }
  ReconsiderSoon();
  const Seconds next = timeline_.now() + record_.interval;
  if (next < scenario_.horizon) {
    timeline_.At(next, [this] {
      Tick();
    });
  }
}

void Cluster::ReconsiderSoon() {
  if (reconsider_planned_) {
    return;
  }
  reconsider_planned_ = true;
  timeline_.At(timeline_.now(), [this] {
    reconsider_planned_ = false;
    AdvanceTo(timeline_.now());
    Reconsider();
  });
}

void Cluster::Reconsider() {
  SizeFleets();
  FinishRelocation();
  StartQueued();
  UpdateRates();
  for (const JobIndex job : active_) {
    if (members_[job].trains()) {
      ArmMilestone(job);
    }
  }
}

void Cluster::Hold(JobIndex job, const Placement& placement) {
  servers_.Take(job, placement);
  members_[job].last_site = placement[0].site;
  for (const ServerRun& run : placement) {
    members_[job].servers[run.site] += run.count;
  }
}

void Cluster::GiveUp(JobIndex job, const Placement& placement) {
  servers_.Give(job, placement);
  for (const ServerRun& run : placement) {
    members_[job].servers[run.site] -= run.count;
  }
}

void Cluster::FinishRelocation() {
  for (const gridlock::Start& start : relocation_.Finish(View())) {
    Member& member = members_[start.job];
    if (!member.waits() || !caps_.LeaveRoomFor(View(), rates_, start.job, start.placement)) {
      return;  // those that are left wait in the queue
    }
    member.TrainWith(member.run->spec().step.layout.data);
    Start(start.job, start.placement);
  }
}

QueueNow Cluster::Queue() const {
  return QueueOf(View(), relocation_, tenants_, rates_, caps_.levels());
}

void Cluster::StartQueued() {
  if (FirstWaiting(View(), relocation_) < 0) {
    return;
  }
  const QueueNow queue = Queue();
  Decision decision = Decide(*scenario_.scheduler, queue.state);
  if (!decision.moves.empty() && !relocation_.under_way()) {
    for (const gridlock::Start& move : decision.moves) {
      members_[move.job].run->AskToSave();
    }
    relocation_.Begin(std::move(decision.room_for), std::move(decision.moves));
  }
  for (const gridlock::Start& start : decision.starts) {
    members_[start.job].TrainWith(queue.replicas.at(start.job));
    if (!caps_.LeaveRoomFor(View(), rates_, start.job, start.placement)) {
      return;  // it waits for power, and so do those behind it
    }
    Start(start.job, start.placement);
  }
  MakeRoom();
}

// Runs of lower priority stop for the first that waits. It starts when the cluster is looked at
// again, in this instant.
void Cluster::MakeRoom() {
  const JobIndex job = FirstWaiting(View(), relocation_);
  if (job >= 0 && !members_[job].spec->spans) {
    for (const JobIndex victim : VictimsFor(Queue().state, job)) {
      Interrupt(victim, {.kind = EventKind::kPreempt, .detail = "for " + members_[job].spec->name});
    }
  }
}

// Runs stop until a limit of boards keeps the caps of a site, and that limit is set.
void Cluster::KeepCaps(SiteIndex site) {
  caps_.SetSupport(site, batteries_.Support(machine_.site(site), site));
  for (JobIndex run = caps_.WhoStops(View(), rates_, site); run >= 0;
       run = caps_.WhoStops(View(), rates_, site)) {
    Interrupt(run, {.kind = EventKind::kPreempt, .detail = "power cap"});
  }
  if (caps_.SetLimit(View(), rates_, site)) {
    Note({.kind = EventKind::kThrottle,
          .site = site,
          .detail = "power limit " + FormatWatts(caps_.LimitOf(machine_.site(site), site))});
  }
}

// A cap that a battery helps to keep is looked at again when it is empty, or helps again.
void Cluster::PlanEndOfSupport(SiteIndex site) {
  const SiteSpec& spec = machine_.site(site);
  if (!HasCap(spec) || spec.battery.capacity <= Joules(0)) {
    return;
  }
  const Seconds at = timeline_.now() + batteries_.SupportLasts(spec, site, LoadOf(View(), site));
  constexpr Seconds kSame(1e-3);
  const bool planned = at < end_of_support_[site] + kSame && end_of_support_[site] < at + kSame;
  if (at < scenario_.horizon && !planned) {
    end_of_support_[site] = at;
    ReconsiderAt(at);
  }
}

void Cluster::UpdateRates() {
  for (std::size_t s = 0; s < machine_.sites().size(); ++s) {
    KeepCaps(IndexOf<SiteIndex>(s));
  }
  for (const JobIndex job : active_) {
    if (members_[job].fleet) {
      WorkAt(caps_.levels(), machine_.sites(), members_[job]);
    }
  }
  const ClusterView view = View();
  const std::vector<JobIndex> placed = PlacedRuns(view);
  const std::vector<StepRate> rates = rates_.Of(PlacedJobs(view, placed), caps_.levels());
  for (std::size_t i = 0; i < placed.size(); ++i) {
    Member& member = members_[placed[i]];
    member.rate = rates[i];
    const double longer = 1 / (1 - member.share_lost());  // for as many sequences
    if (longer > 1) {
      member.rate.step_time = member.rate.step_time * longer;
      member.rate.energy = member.rate.energy * longer;
      member.rate.wan_bytes *= longer;
    }
    const double slowdown = afflictions_.SlowdownOf(view, placed[i]);
    if (std::isfinite(slowdown) && slowdown > 1) {
      member.rate.step_time = member.rate.step_time * slowdown;
    }
    member.run->ChangeRate(timeline_.now(), member.rate.step_time);
  }
  for (const auto& [fleet, rate] : CacheRates(view, rates, placed.size())) {
    members_[fleet].fleet->SetCacheRate(rate);
  }
  for (std::size_t s = 0; s < machine_.sites().size(); ++s) {
    PlanEndOfSupport(IndexOf<SiteIndex>(s));
  }
}

LifeRecord Cluster::Live(const LifeProgress& progress) {
  PlanEvents();
  constexpr int kReports = 100;
  for (int i = 1; i <= kReports; ++i) {
    timeline_.RunUntil(scenario_.horizon * (static_cast<double>(i) / kReports));
    if (progress) {
      progress(static_cast<double>(i) / kReports);
    }
  }
  AdvanceTo(scenario_.horizon);
  return Describe();
}

LifeRecord Cluster::Describe() {
  for (std::size_t s = 0; s < machine_.sites().size(); ++s) {
    const SiteSpec& spec = machine_.sites()[s];
    LifeSite& site = record_.sites.emplace_back();
    site.name = spec.name;
    site.accelerators = static_cast<std::int64_t>(spec.servers) * spec.server.accelerators;
    site.pue = spec.pue;  // the ledger knows it better where it varies
    site.switch_power = machine_.switch_power(IndexOf<SiteIndex>(s));
    site.optics_power = machine_.optics_power(IndexOf<SiteIndex>(s));
    record_.energy_is_estimate |= spec.server.accelerator.power.estimate;
  }
  for (const Member& member : members_) {
    DescribeMember(scenario_, member, record_);
  }
  ledger_.Describe(record_);
  record_.fingerprint = LifeFingerprint(record_);
  return std::move(record_);
}

LifeRecord SimulateLife(const Scenario& scenario, const RateSource& rates,
                        const LifeProgress& progress) {
  return Cluster(scenario, rates).Live(progress);
}

}  // namespace gridlock
