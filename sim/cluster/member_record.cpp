// A member as the record of a life writes it down.

#include <algorithm>

#include "sim/cluster/member.h"

namespace gridlock {

namespace {

// Of the products of a fleet: those of its precision, or in 16 bits where the part has no units for
// it and widens the weights.
FlopPerSecond PeakOf(const ServingSpec& fleet, const AcceleratorSpec& accelerator) {
  const FlopPerSecond own = accelerator.rates[static_cast<int>(fleet.precision)].peak;
  return own > FlopPerSecond(0) ? own : accelerator.rates[static_cast<int>(Precision::kBf16)].peak;
}

// The run that a job's campaign prepares; "" for a job of no campaign.
std::string FinalRunOf(const Scenario& scenario, const JobOrigin& origin) {
  for (const JobSpec& spec : scenario.jobs) {
    const auto* campaign = std::get_if<CampaignSpec>(&spec.kind);
    if (campaign != nullptr && spec.name == origin.campaign) {
      return campaign->final_run;
    }
  }
  return "";
}

void DescribeRun(const Member& member, const AcceleratorSpec& accelerator, LifeJob& job) {
  const PretrainingSpec& spec = member.run->spec();
  if (spec.recorded <= Seconds(0)) {
    job.peak = accelerator.rates[static_cast<int>(spec.step.precision)].peak;
  }
  job.log_waiting = spec.waited;
  member.run->Describe(job);
  job.accelerators = spec.step.layout.accelerators();
  job.tokens = static_cast<double>(job.steps_done) * static_cast<double>(spec.step.global_batch) *
               static_cast<double>(spec.step.sequence_length);
  job.model_flop = member.run->step_flop() * static_cast<double>(job.steps_done);
}

void DescribeFleet(const Member& member, const AcceleratorSpec& accelerator, Seconds horizon,
                   LifeJob& job, LifeRecord& record) {
  const ServingSpec& spec = member.fleet->spec();
  job.peak = PeakOf(spec, accelerator);
  job.accelerators = static_cast<std::int64_t>(spec.replicas) * spec.unit_accelerators();
  job.submit = member.spec->start;
  job.start = member.fleet->start;
  const Seconds since = job.start.si() < 0 ? horizon : job.start;
  if (job.submit < horizon) {
    job.waiting = since - job.submit;
    job.serving = horizon - since;
  }
  job.interruptions = member.fleet->servers_lost;
  job.outcome = member.fleet->start.si() < 0 ? Outcome::kWaiting : Outcome::kRunning;
  const std::size_t first = record.requests.size();
  member.fleet->replicas.Describe(job.name, record.requests);
  for (std::size_t g = first; g < record.requests.size(); ++g) {
    job.tokens += record.requests[g].output_tokens;
  }
  record.requests_simulated += member.fleet->replicas.requests();
}

}  // namespace

void DescribeMember(const Scenario& scenario, const Member& member, LifeRecord& record) {
  LifeJob& job = record.jobs.emplace_back();
  job.name = member.spec->name;
  job.tenant = member.spec->tenant;
  job.kind = member.kind;
  job.campaign = member.spec->origin.campaign;
  job.rung = member.spec->origin.rung;
  job.round = member.spec->origin.round;
  job.final_run = FinalRunOf(scenario, member.spec->origin);
  job.site = member.last_site;
  const auto site = static_cast<std::size_t>(std::max(job.site.value, 0));
  const AcceleratorSpec& accelerator = scenario.sites[site].server.accelerator;
  if (member.run) {
    DescribeRun(member, accelerator, job);
  } else {
    DescribeFleet(member, accelerator, scenario.horizon, job, record);
  }
}

}  // namespace gridlock
