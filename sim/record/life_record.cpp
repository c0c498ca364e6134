#include "sim/record/life_record.h"

#include "sim/base/check.h"
#include "sim/record/fingerprint.h"

namespace gridlock {
namespace {

void Add(Fingerprint& hash, const std::vector<double>& values) {
  hash.Add(values.size());
  for (const double value : values) {
    hash.Add(value);
  }
}

void Add(Fingerprint& hash, const LifeJob& job) {
  hash.Add(job.name);
  hash.Add(job.tenant);
  hash.Add(job.final_run);
  for (const std::int64_t value :
       {static_cast<std::int64_t>(job.kind), static_cast<std::int64_t>(job.outcome),
        std::int64_t{job.site}, job.accelerators, job.steps, job.steps_done,
        std::int64_t{job.interruptions}, std::int64_t{job.preemptions}}) {
    hash.Add(value);
  }
  for (const Seconds time : {job.submit, job.start, job.end, job.waiting, job.training, job.lost,
                             job.checkpointing, job.restarting, job.stalled}) {
    hash.Add(time.si());
  }
  for (const double value :
       {job.tokens, job.model_flop.si(), job.peak.si(), job.accelerator_seconds, job.energy.si(),
        job.cost_usd, job.carbon_kg}) {
    hash.Add(value);
  }
}

void Add(Fingerprint& hash, const LifeRequests& group) {
  hash.Add(group.fleet);
  hash.Add(group.group);
  for (const double value : {group.scale, group.arrived, group.completed, group.prompt_tokens,
                             group.output_tokens, group.ttft_p50, group.ttft_p90, group.ttft_p99,
                             group.tpot_p50, group.tpot_p90, group.tpot_p99, group.good_share}) {
    hash.Add(value);
  }
}

void Add(Fingerprint& hash, const LifeSite& site) {
  hash.Add(site.name);
  hash.Add(site.accelerators);
  for (const double value : {site.pue, site.it_energy.si(), site.energy.si(), site.peak_power.si(),
                             site.cost_usd, site.carbon_kg}) {
    hash.Add(value);
  }
  for (const std::vector<double>* series :
       {&site.power, &site.power_cap, &site.idle, &site.down, &site.power_limit}) {
    Add(hash, *series);
  }
  for (const std::vector<double>& busy : site.busy) {
    Add(hash, busy);
  }
}

}  // namespace

const char* JobKindName(JobKind kind) {
  switch (kind) {
    case JobKind::kPretraining:
      return "pretraining";
    case JobKind::kExperiment:
      return "experiment";
    case JobKind::kServing:
      return "serving";
  }
  CHECK(false && "unknown kind of job");
}

const char* OutcomeName(Outcome outcome) {
  switch (outcome) {
    case Outcome::kFinished:
      return "finished";
    case Outcome::kFailed:
      return "failed";
    case Outcome::kRunning:
      return "running";
    case Outcome::kWaiting:
      return "waiting";
    case Outcome::kNotSubmitted:
      return "not_submitted";
  }
  CHECK(false && "unknown outcome");
}

std::uint64_t LifeFingerprint(const LifeRecord& record) {
  Fingerprint hash;
  hash.Add(record.horizon.si());
  hash.Add(record.interval.si());
  hash.Add(record.jobs.size());
  for (const LifeJob& job : record.jobs) {
    Add(hash, job);
  }
  hash.Add(record.requests.size());
  for (const LifeRequests& group : record.requests) {
    Add(hash, group);
  }
  hash.Add(record.sites.size());
  for (const LifeSite& site : record.sites) {
    Add(hash, site);
  }
  const LifeSeries& series = record.series;
  for (const std::vector<double>* values :
       {&series.queue_jobs, &series.queue_accelerators, &series.training_flops,
        &series.decoded_tokens, &series.storage_bytes, &series.wan_bytes}) {
    Add(hash, *values);
  }
  hash.Add(record.events.size());
  for (const LifeEvent& event : record.events) {
    hash.Add(event.at.si());
    hash.Add(event.kind);
    hash.Add(event.job);
    hash.Add(event.site);
    hash.Add(event.detail);
  }
  hash.Add(record.situations);
  hash.Add(record.requests_simulated);
  hash.Add(record.energy_is_estimate ? 1 : 0);
  return hash.value();
}

}  // namespace gridlock
