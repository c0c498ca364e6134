#include "sim/cluster/cluster.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "sim/cluster/job_sites.h"
#include "sim/energy/energy.h"
#include "topologies/topology.h"
#include "workloads/campaign.h"
#include "workloads/program/training_program.h"
#include "workloads/requests.h"
#include "workloads/transformer.h"

namespace gridlock {

namespace {

// Of the products of a fleet: those of its precision, or in 16 bits where the part has no units for
// it and widens the weights.
FlopPerSecond PeakOf(const ServingSpec& fleet, const AcceleratorSpec& accelerator) {
  const FlopPerSecond own = accelerator.rates[static_cast<int>(fleet.precision)].peak;
  return own > FlopPerSecond(0) ? own : accelerator.rates[static_cast<int>(Precision::kBf16)].peak;
}

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

std::size_t CountJobs(const std::vector<JobSpec>& jobs) {
  return static_cast<std::size_t>(std::count_if(jobs.begin(), jobs.end(), [](const JobSpec& job) {
    return !std::holds_alternative<CampaignSpec>(job.kind);
  }));
}

std::vector<JobSpec> ExperimentsOf(const Scenario& scenario) {
  std::vector<JobSpec> experiments;
  for (const JobSpec& job : scenario.jobs) {
    const auto* campaign = std::get_if<CampaignSpec>(&job.kind);
    if (campaign != nullptr && !campaign->expanded) {
      std::vector<JobSpec> of_it =
          BuildExperiments(job, FinalRunFlop(*campaign, scenario.jobs), scenario.seed);
      std::move(of_it.begin(), of_it.end(), std::back_inserter(experiments));
    }
  }
  return experiments;
}

}  // namespace

Cluster::Cluster(const Scenario& scenario, RateSource rates)
    : scenario_(scenario),
      rates_(std::move(rates)),
      experiments_(ExperimentsOf(scenario)),
      sites_(scenario.sites),
      wans_(scenario.wans),
      wan_outages_(scenario.wans.size(), 0),
      limit_level_(scenario.sites.size(), 0),
      servers_(scenario.sites),
      ledger_(scenario.horizon, IntervalOf(scenario),
              CountJobs(scenario.jobs) + experiments_.size(), scenario.sites.size()),
      timeline_(StorageLinks(scenario.sites)) {
  record_.horizon = scenario.horizon;
  record_.interval = IntervalOf(scenario);
  for (std::size_t s = 0; s < sites_.size(); ++s) {
    const auto topology = MakeTopology(sites_[s]);
    switch_power_.push_back(PowerOfSwitches(*topology));
    optics_power_.push_back(PowerOfOptics(*topology));
    const ServerSpec& server = sites_[s].server;
    const PowerSpec& power = server.accelerator.power;
    const Watts each = (power.limit + (power.limit - power.idle) * server.overhead_per_watt) *
                           server.accelerators +
                       server.overhead_power;
    full_power_.push_back(each * sites_[s].servers + switch_power_[s] + optics_power_[s]);
    temperature_.emplace_back();
    ledger_.SetSite(IndexOf<SiteIndex>(s), sites_[s]);
  }
  CheckPowerCaps();
  AddMembers();
}

// What all replicas share lies on fewer: it must fit those, too.
void Cluster::CheckFewest(const PretrainingSpec& run, const ServerSpec& server) {
  const int fewest = run.elastic.replicas_min;
  if (fewest > 0 && !run.step.layout.splits_experts()) {
    TrainingSpec step = run.step;
    step.layout.data = fewest;
    step.global_batch = step.global_batch / run.step.layout.data * fewest;
    (void)BuildStepProgram(step, server, step.layout.pipeline);
  }
}

void Cluster::AddMembers() {
  const auto add = [this](const JobSpec& spec, JobKind kind, RequestSource requests) {
    Member member;
    member.spec = &spec;
    member.kind = kind;
    member.tenant = TenantNumber(spec.tenant);
    member.servers.assign(sites_.size(), 0);
    CheckSitesAlike(spec, sites_);
    if (const auto* training = std::get_if<PretrainingSpec>(&spec.kind)) {
      member.run = std::make_unique<TrainingRun>(*training);
      if (training->recorded <= Seconds(0)) {
        member.step_flop = ModelFlop(training->step);
        // Refuses what does not fit HBM; one round of micro-batches shows that.
        (void)BuildStepProgram(training->step, LeastServer(spec, sites_),
                               training->step.layout.pipeline);
        CheckFewest(*training, LeastServer(spec, sites_));
      }
      if (!spec.cohort.empty()) {
        ++cohort_left_[spec.cohort];
      }
    } else {
      AddFleet(member, std::move(requests));
    }
    members_.push_back(std::move(member));
  };
  for (std::size_t j = 0; j < scenario_.jobs.size(); ++j) {
    const JobSpec& job = scenario_.jobs[j];
    if (std::holds_alternative<CampaignSpec>(job.kind)) {
      continue;
    }
    const bool serving = std::holds_alternative<ServingSpec>(job.kind);
    add(job,
        serving                  ? JobKind::kServing
        : job.origin.generated() ? JobKind::kExperiment
                                 : JobKind::kPretraining,
        serving ? RequestsOf(IndexOf<JobIndex>(j)) : RequestSource());
  }
  for (const JobSpec& job : experiments_) {
    add(job, JobKind::kExperiment, {});
  }
}

// Those of a workload file, else generated; none from before the fleet starts.
RequestSource Cluster::RequestsOf(JobIndex job) const {
  const JobSpec& spec = scenario_.jobs[static_cast<std::size_t>(job)];
  const Seconds begin = spec.start;
  const auto given = scenario_.requests.find(job);
  if (given != scenario_.requests.end()) {
    return [&requests = given->second, next = std::size_t{0}, begin](Request& request) mutable {
      while (next < requests.size() && requests[next].arrival < begin) {
        ++next;
      }
      if (next == requests.size()) {
        return false;
      }
      request = requests[next++];
      return true;
    };
  }
  auto stream =
      std::make_shared<RequestStream>(std::get<ServingSpec>(spec.kind), spec.name, scenario_.seed);
  return [stream, begin](Request& request) {
    do {
      request = stream->Next();
    } while (request.arrival < begin);
    return true;
  };
}

void Cluster::AddFleet(Member& member, RequestSource requests) {
  const JobSpec& job = *member.spec;
  const auto& spec = std::get<ServingSpec>(job.kind);
  member.limits = limit_level_;
  member.fleet =
      std::make_unique<Fleet>(spec, LeastServer(job, sites_), std::move(requests), job.start);
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
  for (std::size_t s = 0; s < sites_.size(); ++s) {
    if (sites_[s].profile) {
      PlanHour(IndexOf<SiteIndex>(s), 1);
    }
  }
  ApplyHours();
  PlanFailures();
  Tick();
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
    }
  }
  ChargeStretch(stretch);
  ChargeTenants(stretch);
  clock_ = now;
}

std::int32_t Cluster::TenantNumber(const std::string& name) {
  const auto [entry, added] =
      tenants_.try_emplace(name, static_cast<std::int32_t>(tenants_.size()));
  if (added) {
    const auto share = scenario_.fair_share.share.find(name);
    tenant_share_.push_back(share == scenario_.fair_share.share.end() ? 1 : share->second);
    tenant_used_.push_back(0);
  }
  return entry->second;
}

// What the tenants have used counts half after each half-life.
void Cluster::ChargeTenants(const Stretch& stretch) {
  const Seconds half_life = scenario_.fair_share.half_life;
  if (half_life > Seconds(0)) {
    for (double& used : tenant_used_) {
      used *= std::exp2(-(stretch.length() / half_life));
    }
  }
  for (const JobIndex job : active_) {
    const Member& member = members_[job];
    double accelerators = 0;
    for (std::size_t s = 0; s < sites_.size(); ++s) {
      accelerators += 1.0 * member.servers[s] * sites_[s].server.accelerators;
    }
    const auto tenant = static_cast<std::size_t>(member.tenant);
    tenant_used_[tenant] += accelerators * stretch.length().si() / tenant_share_[tenant];
  }
}

// Power of what a fleet did over the stretch, above that of servers that wait for it.
Watts Cluster::FleetPower(Member& member, const Stretch& stretch) {
  const UnitWork work = member.fleet->TakeWork();
  const SiteIndex site = member.fleet_servers.empty() ? SiteIndex{0} : member.fleet_servers[0].site;
  ServerSpec server = sites_[site].server;
  // An iteration keeps the boards' limit while it lasts.
  const auto spent_at = [&](Watts limit) {
    server.accelerator.power.limit = limit;
    const StepEnergy energy = EnergyOfStep(server, member.fleet->spec().accelerators(), work.busy,
                                           {work.arithmetic, work.hbm, work.links});
    return (energy.flop + energy.hbm + energy.links) * (1 + server.overhead_per_watt);
  };
  // A fleet that never rests would do more at full clocks; one that does has what it is asked for.
  constexpr double kNeverRests = 0.95;
  const double share = work.busy / (stretch.length() * std::max(1, member.fleet->in_service()));
  member.fleet_full_power = spent_at(server.accelerator.power.limit) / stretch.length() *
                            (share > kNeverRests ? member.slowed / share : 1.0);
  const Joules spent = spent_at(PowerLimit(site, limit_level_[site]));
  ledger_.decoded_tokens().Add(stretch.from, stretch.to,
                               static_cast<double>(work.output_tokens) / stretch.length().si());
  return spent / stretch.length();
}

void Cluster::ChargeStretch(const Stretch& stretch) {
  const auto sites = static_cast<std::int32_t>(sites_.size());
  double waiting = 0, wanted = 0, flops = 0;

  struct Draw {
    JobIndex job;
    SiteIndex site;
    Watts power;
  };

  std::vector<Draw> draws;
  std::vector<Watts> it(sites_.size());  // of each site
  for (const JobIndex job : active_) {
    Member& member = members_[job];
    const bool trains = member.run && member.run->phase() == TrainingRun::Phase::kTraining;
    if (member.fleet) {
      member.fleet_power = FleetPower(member, stretch);
    } else if (member.run->phase() == TrainingRun::Phase::kWaiting) {
      waiting += 1;
      wanted += member.run->spec().step.layout.accelerators();
    } else if (trains) {
      flops += (member.step_flop / member.rate.step_time).si();
      ledger_.wan_bytes().Add(stretch.from, stretch.to,
                              member.rate.wan_bytes / member.rate.step_time.si());
    }
    for (SiteIndex s{0}; s < sites; ++s) {
      if (member.servers[s] > 0) {
        draws.push_back({job, s, RunPower(member, member.servers, member.rate, trains, s)});
        it[s] += draws.back().power;
      }
    }
  }
  for (SiteIndex s{0}; s < sites; ++s) {
    it[s] += IdlePower(s) * static_cast<double>(servers_.free(s)) + NetworkPower(s);
    ledger_.SetPue(s, PueOf(s, it[s]));
  }
  for (const Draw& draw : draws) {
    const Member& member = members_[draw.job];
    ledger_.ChargeJob(
        stretch, draw.job, member.kind, draw.site, draw.power,
        std::int64_t{member.servers[draw.site]} * sites_[draw.site].server.accelerators);
  }
  for (SiteIndex s{0}; s < sites; ++s) {
    const std::int64_t per_server = sites_[s].server.accelerators;
    const Watts rest = IdlePower(s) * static_cast<double>(servers_.free(s)) + NetworkPower(s);
    ledger_.ChargeRest(stretch, s, rest, servers_.free(s) * per_server,
                       servers_.down(s) * per_server, faults_[s].absent * per_server);
    ledger_.CloseSite(stretch, s, PowerLimit(s, limit_level_[s]));
  }
  ledger_.queue_jobs().Add(stretch.from, stretch.to, waiting);
  ledger_.queue_accelerators().Add(stretch.from, stretch.to, wanted);
  ledger_.training_flops().Add(stretch.from, stretch.to, flops);
}

void Cluster::Note(LifeEvent event) {
  event.at = timeline_.now();
  record_.events.push_back(std::move(event));
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

// The run that a job's campaign prepares; "" for a job of no campaign.
std::string Cluster::FinalRunOf(const JobOrigin& origin) const {
  for (const JobSpec& spec : scenario_.jobs) {
    const auto* campaign = std::get_if<CampaignSpec>(&spec.kind);
    if (campaign != nullptr && spec.name == origin.campaign) {
      return campaign->final_run;
    }
  }
  return "";
}

LifeRecord Cluster::Describe() {
  for (const SiteSpec& spec : sites_) {
    LifeSite& site = record_.sites.emplace_back();
    site.name = spec.name;
    site.accelerators = static_cast<std::int64_t>(spec.servers) * spec.server.accelerators;
    site.pue = spec.pue;  // the ledger knows it better where it varies
    site.switch_power = switch_power_[record_.sites.size() - 1];
    site.optics_power = optics_power_[record_.sites.size() - 1];
    record_.energy_is_estimate |= spec.server.accelerator.power.estimate;
  }
  for (const Member& member : members_) {
    LifeJob& job = record_.jobs.emplace_back();
    job.name = member.spec->name;
    job.tenant = member.spec->tenant;
    job.kind = member.kind;
    job.campaign = member.spec->origin.campaign;
    job.rung = member.spec->origin.rung;
    job.round = member.spec->origin.round;
    job.final_run = FinalRunOf(member.spec->origin);
    job.site = member.last_site;
    const auto site = static_cast<std::size_t>(std::max(job.site.value, 0));
    const AcceleratorSpec& accelerator = scenario_.sites[site].server.accelerator;
    if (member.run) {
      const TrainingSpec& step = member.run->spec().step;
      if (member.run->spec().recorded <= Seconds(0)) {
        job.peak = accelerator.rates[static_cast<int>(step.precision)].peak;
      }
      job.log_waiting = member.run->spec().waited;
      member.run->Describe(job);
      job.accelerators = step.layout.accelerators();
      job.tokens = static_cast<double>(job.steps_done) * static_cast<double>(step.global_batch) *
                   static_cast<double>(step.sequence_length);
      job.model_flop = member.step_flop * static_cast<double>(job.steps_done);
    } else {
      const ServingSpec& spec = member.fleet->spec();
      job.peak = PeakOf(spec, accelerator);
      job.accelerators = static_cast<std::int64_t>(spec.replicas) * spec.unit_accelerators();
      job.submit = member.spec->start;
      job.start = member.fleet_start;
      const Seconds since = job.start.si() < 0 ? scenario_.horizon : job.start;
      if (job.submit < scenario_.horizon) {
        job.waiting = since - job.submit;
        job.serving = scenario_.horizon - since;
      }
      job.interruptions = member.servers_lost;
      job.outcome = member.fleet_start.si() < 0 ? Outcome::kWaiting : Outcome::kRunning;
      const std::size_t first = record_.requests.size();
      member.fleet->Describe(job.name, record_.requests);
      for (std::size_t g = first; g < record_.requests.size(); ++g) {
        job.tokens += record_.requests[g].output_tokens;
      }
      record_.requests_simulated += member.fleet->requests();
    }
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
