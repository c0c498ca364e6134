#include "sim/cluster/cluster.h"

#include <algorithm>
#include <utility>

#include "sim/cluster/charges.h"
#include "sim/cluster/life_events.h"
#include "sim/cluster/placed_jobs.h"

namespace gridlock {

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
      tenants_(scenario.fair_share),
      ledger_(scenario.horizon, Course::IntervalOf(scenario), members_.size(),
              scenario.sites.size()),
      course_(scenario, NumberSenders(members_), ledger_),
      roster_(members_, servers_, course_),
      view_{scenario_,        machine_,     servers_,    members_,
            roster_.active(), afflictions_, relocation_, course_},
      runs_(view_, roster_, course_),
      fleets_(view_, roster_, course_),
      maintenance_(view_, servers_, runs_, fleets_, course_),
      breakdowns_(view_, afflictions_, maintenance_, runs_, course_) {
  for (std::size_t s = 0; s < scenario.sites.size(); ++s) {
    ledger_.SetSite(IndexOf<SiteIndex>(s), machine_.sites()[s]);
  }
  for (Member& member : members_) {
    member.tenant = tenants_.NumberOf(member.spec->tenant);
  }
  course_.Follow(
      [this](const Stretch& stretch) {
        Pass(stretch);
      },
      [this] {
        Reconsider();
      });
}

void Cluster::Pass(const Stretch& stretch) {
  for (const JobIndex job : view_.active) {
    Member& member = members_[job];
    if (member.run) {
      member.run->AdvanceTo(stretch.to);
    } else {
      member.fleet->replicas.AdvanceTo(stretch.to);
      MeterFleet(machine_, caps_, stretch, member, ledger_);
    }
  }
  ChargeStretch(view_, caps_, stretch, batteries_, ledger_);
  ramps_.Follow(view_, stretch, ledger_);
  ChargeTenants(view_, stretch, tenants_);
}

void Cluster::PlanEvents() {
  roster_.PlanSubmissions();
  for (std::size_t e = 1; e < scenario_.epochs.size(); ++e) {
    course_.At(scenario_.epochs[e].from, [this, e] {
      BeginEpoch(e);
    });
  }
  for (const OutageSpec& outage : scenario_.outages) {
    PlanOutage(outage);
  }
  for (std::size_t s = 0; s < machine_.sites().size(); ++s) {
    if (machine_.sites()[s].profile) {
      // Hour 0 holds from the start on, unless the profile begins later.
      const bool later = machine_.HourOf(IndexOf<SiteIndex>(s), 0) > Seconds(0);
      PlanHour(IndexOf<SiteIndex>(s), later ? 0 : 1);
    }
  }
  machine_.ApplyHours(course_.now());
  for (std::size_t s = 0; s < machine_.sites().size(); ++s) {
    PlanDeliveries(IndexOf<SiteIndex>(s));
    PlanRetirements(IndexOf<SiteIndex>(s));
  }
  maintenance_.SetUpSpares();
  breakdowns_.Plan();
  Tick();
}

void Cluster::PlanOutage(const OutageSpec& outage) {
  course_.At(outage.from, [this, &outage] {
    BeginOutage(outage);
  });
  if (outage.until < scenario_.horizon) {
    course_.At(outage.until, [this, &outage] {
      EndOutage(outage);
    });
  }
}

void Cluster::PlanDeliveries(SiteIndex site) {
  for (const DeliveredServers& delivery : DeliveriesTo(site, machine_.site(site))) {
    const ServerRun servers = delivery.servers;
    (void)maintenance_.TakeDown(servers, "not delivered");
    if (delivery.at < scenario_.horizon) {
      course_.At(delivery.at, [this, servers] {
        course_.Advance();
        machine_.Deliver(servers.site, servers.count);
        maintenance_.BringBack(servers);
        course_.Note(ServerEvent(EventKind::kRestore, servers, "delivered"));
        course_.LookAgain();
      });
    }
  }
}

void Cluster::PlanRetirements(SiteIndex site) {
  ServerRun servers{site, ServerIndex{0}, 0};
  for (const RetirementSpec& each : machine_.site(site).retirements) {
    servers = {site, ServerIndex{servers.first + servers.count}, each.servers};
    if (each.at < scenario_.horizon) {
      course_.At(each.at, [this, servers, resale = each.resale_usd] {
        Retire(servers, resale);
      });
    }
  }
}

void Cluster::Retire(const ServerRun& servers, std::optional<double> resale_usd) {
  course_.Advance();
  course_.Note(ServerEvent(EventKind::kOutage, servers, "retired"));
  (void)maintenance_.TakeDown(servers, "retired");
  machine_.Retire(servers.site, servers.count);
  if (resale_usd) {
    const SiteSpec& site = machine_.site(servers.site);
    const double left = BookValue(scenario_.reliability, site, servers, course_.now());
    ledger_.ChargeSale(servers.site, left - *resale_usd * servers.count * site.server.accelerators);
  }
  course_.LookAgain();
}

void Cluster::PlanHour(SiteIndex site, std::int64_t number) {
  const Seconds at = machine_.HourOf(site, number);
  if (at >= scenario_.horizon) {
    return;
  }
  course_.At(at, [this, site, number] {
    course_.Advance();
    machine_.ApplyHour(site, course_.now());
    PlanHour(site, number + 1);
    if (HasCap(machine_.site(site)) || machine_.site(site).response_cap > Watts(0)) {
      course_.LookAgain();
    }
  });
}

void Cluster::BeginEpoch(std::size_t epoch) {
  course_.Advance();
  machine_.BeginEpoch(epoch, course_.now());
  caps_.Lift();
  rates_.Forget();
  for (std::size_t s = 0; s < machine_.sites().size(); ++s) {
    const auto site = IndexOf<SiteIndex>(s);
    ledger_.SetSite(site, machine_.site(site));
    course_.SetStorage(site, machine_.site(site).storage_bandwidth);
  }
  fleets_.BeginEpoch(caps_.levels());
  for (const std::string& change : scenario_.epochs[epoch].changes) {
    course_.Note({.kind = EventKind::kChange, .detail = change});
  }
  course_.LookAgain();
}

// Of a link between sites, at the site that it is written from, or of servers of a site.
void Cluster::BeginOutage(const OutageSpec& outage) {
  course_.Advance();
  if (outage.wan >= 0) {
    machine_.CutLink(outage.wan);
    rates_.Forget();
    const SiteIndex site = machine_.wans()[outage.wan].from;
    course_.Note({.kind = EventKind::kOutage, .site = site, .wan = outage.wan});
    return runs_.StallOrResume();
  }
  const ServerRun servers{outage.site, outage.first_server, outage.servers};
  course_.Note(ServerEvent(EventKind::kOutage, servers));
  (void)maintenance_.TakeDown(servers, "outage");
  course_.LookAgain();
}

void Cluster::EndOutage(const OutageSpec& outage) {
  course_.Advance();
  if (outage.wan >= 0) {
    machine_.RestoreLink(outage.wan);
    rates_.Forget();
    const SiteIndex site = machine_.wans()[outage.wan].from;
    course_.Note({.kind = EventKind::kRestore, .site = site, .wan = outage.wan});
    return runs_.StallOrResume();
  }
  const ServerRun servers{outage.site, outage.first_server, outage.servers};
  maintenance_.BringBack(servers);
  course_.Note(ServerEvent(EventKind::kRestore, servers));
  course_.LookAgain();
}

// Fleets follow their load, and caps the fleets' power, once per interval.
void Cluster::Tick() {
  course_.Advance();
  if (!fleets_.any()) {
    return;
  }
  course_.LookAgain();
  const Seconds next = course_.now() + course_.interval();
  if (next < scenario_.horizon) {
    course_.At(next, [this] {
      Tick();
    });
  }
}

void Cluster::Reconsider() {
  fleets_.Resize([this](JobIndex fleet, SiteIndex site, std::int32_t servers) {
    const JobSpec& spec = *members_[fleet].spec;
    Preempt(Victims(Queue().state, site, servers, spec.priority), spec.name);
  });
  FinishRelocation();
  StartQueued();
  UpdateRates();
  runs_.ArmMilestones();
}

void Cluster::FinishRelocation() {
  for (const gridlock::Start& start : relocation_.Finish(view_)) {
    Member& member = members_[start.job];
    if (!member.waits() || !caps_.LeaveRoomFor(view_, rates_, start.job, start.placement)) {
      return;  // those that are left wait in the queue
    }
    member.run->TrainWith(member.run->spec().step.layout.data);
    Start(start.job, start.placement);
  }
}

QueueNow Cluster::Queue() const {
  return QueueOf(view_, tenants_, rates_, caps_.levels());
}

void Cluster::StartQueued() {
  if (FirstWaiting(view_, tenants_) < 0) {
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
    members_[start.job].run->TrainWith(queue.replicas.at(start.job));
    if (!caps_.LeaveRoomFor(view_, rates_, start.job, start.placement)) {
      TellMissingPower(start);
      return;  // it waits for power, and so do those behind it
    }
    Start(start.job, start.placement);
  }
  MakeRoom();
}

// Once for each job.
void Cluster::TellMissingPower(const gridlock::Start& start) {
  const std::string why = caps_.WhyNever(view_, rates_, start.job, start.placement);
  if (!why.empty() && missing_power_.insert(members_[start.job].spec->name).second) {
    course_.Note({.kind = EventKind::kThrottle,
                  .job = start.job,
                  .site = start.placement.front().site,
                  .detail = why});
  }
}

// One that has never run goes as fast as it does by itself, until all rates are known again.
void Cluster::Start(JobIndex job, const Placement& placement) {
  Member& member = members_[job];
  if (member.run->rate().step_time <= Seconds(0)) {
    StepRate alone;
    alone.step_time = rates_.StepAlone(view_, job, caps_.levels());
    member.run->ChangeRate(course_.now(), alone);
  }
  runs_.Start(job, placement);
}

// Runs of lower priority stop for the first that waits. It starts when the cluster is looked at
// again, in this instant.
void Cluster::MakeRoom() {
  const JobIndex job = FirstWaiting(view_, tenants_);
  if (job >= 0 && !members_[job].spec->spans) {
    Preempt(VictimsFor(Queue().state, job), members_[job].spec->name);
  }
}

void Cluster::Preempt(const std::vector<JobIndex>& victims, const std::string& for_whom) {
  for (const JobIndex victim : victims) {
    runs_.Interrupt(victim, {.kind = EventKind::kPreempt, .detail = "for " + for_whom});
  }
}

// Runs stop until a limit of boards keeps the caps of a site, and that limit is set.
void Cluster::KeepCaps(SiteIndex site) {
  caps_.SetSupport(site, batteries_.Support(machine_.site(site), site));
  for (JobIndex run = caps_.WhoStops(view_, rates_, site); run >= 0;
       run = caps_.WhoStops(view_, rates_, site)) {
    runs_.Interrupt(run, {.kind = EventKind::kPreempt, .detail = "power cap"});
  }
  if (caps_.SetLimit(view_, rates_, site)) {
    course_.Note(
        {.kind = EventKind::kThrottle,
         .site = site,
         .detail = "power limit " + FormatWatts(caps_.LimitOf(machine_.site(site), site))});
  }
}

// Caps that batteries help to keep are looked at again when these are empty, or help again.
void Cluster::PlanEndsOfSupport() {
  const auto supported = [](const SiteSpec& spec) {
    return HasCap(spec) && spec.battery.capacity > Joules(0);
  };
  const std::vector<SiteSpec>& sites = machine_.sites();
  if (std::none_of(sites.begin(), sites.end(), supported)) {
    return;
  }
  const std::vector<Watts> loads = LoadsOf(view_);
  for (std::size_t s = 0; s < sites.size(); ++s) {
    if (supported(sites[s])) {
      PlanEndOfSupport(IndexOf<SiteIndex>(s), loads[s]);
    }
  }
}

void Cluster::PlanEndOfSupport(SiteIndex site, Watts load) {
  const Seconds at = course_.now() + batteries_.SupportLasts(machine_.site(site), site, load);
  constexpr Seconds kSame(1e-3);
  const bool planned = at < end_of_support_[site] + kSame && end_of_support_[site] < at + kSame;
  if (at < scenario_.horizon && !planned) {
    end_of_support_[site] = at;
    course_.LookAgainAt(at);
  }
}

void Cluster::UpdateRates() {
  for (std::size_t s = 0; s < machine_.sites().size(); ++s) {
    KeepCaps(IndexOf<SiteIndex>(s));
  }
  fleets_.WorkAtLevels(caps_.levels());
  const std::vector<JobIndex> placed = PlacedRuns(view_);
  const std::vector<StepRate> rates = rates_.Of(PlacedJobs(view_, placed), caps_.levels());
  for (std::size_t i = 0; i < placed.size(); ++i) {
    runs_.GoAt(placed[i], rates[i]);
  }
  for (const auto& [fleet, rate] : CacheRates(view_, rates, placed.size())) {
    members_[fleet].fleet->replicas.SetCacheRate(rate);
  }
  PlanEndsOfSupport();
}

LifeRecord Cluster::Live(const LifeProgress& progress) {
  PlanEvents();
  constexpr int kReports = 100;
  for (int i = 1; i <= kReports; ++i) {
    course_.RunUntil(scenario_.horizon * (static_cast<double>(i) / kReports));
    if (progress) {
      progress(static_cast<double>(i) / kReports);
    }
  }
  course_.AdvanceTo(scenario_.horizon);
  return Describe();
}

LifeRecord Cluster::Describe() {
  LifeRecord record;
  record.horizon = scenario_.horizon;
  record.interval = course_.interval();
  record.failures = breakdowns_.accounts();
  record.events = course_.TakeEvents();
  for (std::size_t s = 0; s < machine_.sites().size(); ++s) {
    const SiteSpec& spec = machine_.sites()[s];
    LifeSite& site = record.sites.emplace_back();
    site.name = spec.name;
    site.accelerators = static_cast<std::int64_t>(spec.servers) * spec.server.accelerators;
    site.pue = spec.pue;  // the ledger knows it better where it varies
    site.switch_power = machine_.switch_power(IndexOf<SiteIndex>(s));
    site.optics_power = machine_.optics_power(IndexOf<SiteIndex>(s));
    site.storage_power = machine_.storage_power(IndexOf<SiteIndex>(s));
    record.energy_is_estimate |= spec.server.accelerator.power.estimate;
  }
  for (const Member& member : members_) {
    DescribeMember(scenario_, member, record);
  }
  ledger_.Describe(record);
  record.fingerprint = LifeFingerprint(record);
  return record;
}

LifeRecord SimulateLife(const Scenario& scenario, const RateSource& rates,
                        const LifeProgress& progress) {
  return Cluster(scenario, rates).Live(progress);
}

}  // namespace gridlock
