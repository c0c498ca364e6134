#include <cmath>
#include <string>
#include <utility>

#include "sim/record/fingerprint.h"
#include "sim/report/head.h"
#include "sim/report/json.h"
#include "sim/report/life_figures.h"
#include "sim/report/life_summary.h"

namespace gridlock {
namespace {

/// Null for what never came.
void AddClock(JsonWriter& json, const char* key, Seconds at) {
  json.Member(key, at < Seconds(0.0) ? NAN : at.si());
}

void AddSite(JsonWriter& json, const LifeRecord& record, const LifeSite& site) {
  json.BeginObject();
  json.Member("name", site.name);
  json.Member("accelerators", site.accelerators);
  json.Key("mean_busy_accelerators");
  json.BeginObject();
  for (int kind = 0; kind < kJobKinds; ++kind) {
    json.Member(JobKindName(static_cast<JobKind>(kind)), MeanOf(record, site.busy[kind]));
  }
  json.EndObject();
  json.Member("mean_idle_accelerators", MeanOf(record, site.idle));
  json.Member("mean_down_accelerators", MeanOf(record, site.down));
  json.Member("pue", site.pue);
  json.Member("it_energy_j", site.it_energy.si());
  json.Member("energy_j", site.energy.si());
  json.Member("mean_power_w", site.energy.si() / record.horizon.si());
  json.Member("peak_power_w", site.peak_power.si());
  json.Member("at_cap_share", MeanOf(record, AtCap(site)));
  json.Member("mean_accelerator_power_limit_w", MeanOf(record, site.power_limit));
  json.Member("cost_usd", site.cost_usd);
  json.Member("carbon_kg", site.carbon_kg);
  json.EndObject();
}

void AddJob(JsonWriter& json, const LifeRecord& record, const LifeJob& job) {
  json.BeginObject();
  json.Member("name", job.name);
  json.Member("tenant", job.tenant);
  json.Member("kind", JobKindName(job.kind));
  json.Member("outcome", OutcomeName(job.outcome));
  json.Member("site", job.site < 0 ? "" : record.sites[static_cast<std::size_t>(job.site)].name);
  json.Member("accelerators", job.accelerators);
  AddClock(json, "submit_s", job.submit);
  AddClock(json, "start_s", job.start);
  AddClock(json, "end_s", job.end);
  json.Member("steps", job.steps);
  json.Member("steps_done", job.steps_done);
  json.Member("mean_step_time_s", MeanStepTime(job).si());
  json.Member("tokens", job.tokens);
  json.Member("model_flop", job.model_flop.si());
  json.Member("peak_flop_per_s_per_accelerator", job.peak.si());
  json.Member("final_run", job.final_run);
  json.Member("holding_mfu", HoldingMfu(job));
  json.Member("ettr", Ettr(job, record.horizon));
  json.Key("time_s");
  json.BeginObject();
  for (const auto& [name, time] : {std::pair{"waiting", job.waiting},
                                   {"training", job.training},
                                   {"lost", job.lost},
                                   {"checkpointing", job.checkpointing},
                                   {"restarting", job.restarting},
                                   {"stalled", job.stalled}}) {
    json.Member(name, time.si());
  }
  json.EndObject();
  json.Member("interruptions", job.interruptions);
  json.Member("preemptions", job.preemptions);
  json.Member("accelerator_s", job.accelerator_seconds);
  json.Member("energy_j", job.energy.si());
  json.Member("cost_usd", job.cost_usd);
  json.Member("carbon_kg", job.carbon_kg);
  json.EndObject();
}

void AddCampaign(JsonWriter& json, const CampaignFigures& campaign) {
  json.BeginObject();
  json.Member("name", campaign.name);
  json.Member("experiments", campaign.experiments);
  json.Key("outcomes");
  json.BeginObject();
  for (int i = 0; i < kOutcomes; ++i) {
    json.Member(OutcomeName(static_cast<Outcome>(i)), campaign.outcomes[i]);
  }
  json.EndObject();
  json.Member("started", campaign.started);
  json.Member("waiting_median_s", campaign.waiting_median.si());
  json.Member("waiting_p90_s", campaign.waiting_p90.si());
  json.Key("accelerator_s");
  json.BeginObject();
  json.Member("finished", campaign.finished);
  json.Member("failed", campaign.failed);
  json.Member("unfinished", campaign.unfinished);
  json.Member("lost", campaign.lost);
  json.EndObject();
  json.Member("energy_j", campaign.energy.si());
  json.Member("model_flop", campaign.model_flop.si());
  json.Member("final_run", campaign.final_run);
  json.Member("multiple_of_final_run", campaign.multiple);
  json.EndObject();
}

void AddRequests(JsonWriter& json, const LifeRequests& group) {
  json.BeginObject();
  json.Member("fleet", group.fleet);
  json.Member("group", group.group);
  json.Member("scale", group.scale);
  json.Member("arrived", group.arrived);
  json.Member("completed", group.completed);
  json.Member("prompt_tokens", group.prompt_tokens);
  json.Member("output_tokens", group.output_tokens);
  json.Member("ttft_p50_s", group.ttft_p50);
  json.Member("ttft_p90_s", group.ttft_p90);
  json.Member("ttft_p99_s", group.ttft_p99);
  json.Member("tpot_p50_s", group.tpot_p50);
  json.Member("tpot_p90_s", group.tpot_p90);
  json.Member("tpot_p99_s", group.tpot_p99);
  json.Member("good_share", group.good_share);
  json.EndObject();
}

void AddEvent(JsonWriter& json, const LifeRecord& record, const LifeEvent& event) {
  const auto name = [](const auto& items, std::int32_t index) {
    return index < 0 ? "" : items[static_cast<std::size_t>(index)].name;
  };
  json.BeginObject();
  json.Member("at_s", event.at.si());
  json.Member("kind", event.kind);
  json.Member("job", name(record.jobs, event.job));
  json.Member("site", name(record.sites, event.site));
  json.Member("detail", event.detail);
  json.EndObject();
}

void AddRates(JsonWriter& json, const char* key, const Rates& rates) {
  json.Key(key);
  json.BeginObject();
  json.Member("training_flop_per_s", rates.training_flops);
  json.Member("decoded_tokens_per_s", rates.decoded_tokens);
  json.Member("power_w", rates.power);
  json.EndObject();
}

void AddChange(JsonWriter& json, const LifeRecord& record, const ChangeFigures& change) {
  json.BeginObject();
  json.Member("at_s", change.at.si());
  json.Key("events");
  json.BeginArray();
  for (const LifeEvent* event : change.events) {
    AddEvent(json, record, *event);
  }
  json.EndArray();
  AddRates(json, "before", change.before);
  AddRates(json, "after", change.after);
  json.EndObject();
}

template <typename Items, typename Add>
void AddList(JsonWriter& json, const char* key, const Items& items, Add add) {
  json.Key(key);
  json.BeginArray();
  for (const auto& item : items) {
    add(item);
  }
  json.EndArray();
}

void AddMeans(JsonWriter& json, const LifeRecord& record) {
  const LifeSeries& series = record.series;
  json.Key("means");
  json.BeginObject();
  json.Member("queue_jobs", MeanOf(record, series.queue_jobs));
  json.Member("queue_accelerators", MeanOf(record, series.queue_accelerators));
  json.Member("training_flop_per_s", MeanOf(record, series.training_flops));
  json.Member("decoded_tokens_per_s", MeanOf(record, series.decoded_tokens));
  json.Member("storage_bytes_per_s", MeanOf(record, series.storage_bytes));
  json.Member("wan_bytes_per_s", MeanOf(record, series.wan_bytes));
  json.EndObject();
}

void AddEnergy(JsonWriter& json, const LifeRecord& record) {
  const EnergyBalance balance = EnergyBalanceOf(record);
  json.Key("energy");
  json.BeginObject();
  json.Member("jobs_j", balance.jobs.si());
  json.Member("no_job_j", balance.no_job.si());
  json.Member("pue_j", balance.pue.si());
  json.Member("total_j", balance.total().si());
  json.EndObject();
}

}  // namespace

std::string LifeSummaryJson(const TraceHeader& header, const LifeRecord& record) {
  JsonWriter json;
  json.BeginObject();
  AddHeaderMembers(json, header);
  json.Member("kind", "life");
  json.Member("horizon_s", record.horizon.si());
  json.Member("interval_s", record.interval.si());
  AddList(json, "sites", record.sites, [&](const LifeSite& site) {
    AddSite(json, record, site);
  });
  AddMeans(json, record);
  AddEnergy(json, record);
  json.Member("energy_is_estimate", record.energy_is_estimate);
  AddList(json, "campaigns", CampaignsOf(record), [&](const CampaignFigures& campaign) {
    AddCampaign(json, campaign);
  });
  AddList(json, "requests", record.requests, [&](const LifeRequests& group) {
    AddRequests(json, group);
  });
  AddList(json, "changes", ChangesOf(record), [&](const ChangeFigures& change) {
    AddChange(json, record, change);
  });
  AddList(json, "jobs", record.jobs, [&](const LifeJob& job) {
    AddJob(json, record, job);
  });
  AddList(json, "events", record.events, [&](const LifeEvent& event) {
    AddEvent(json, record, event);
  });
  json.Member("situations", record.situations);
  json.Member("requests_simulated", record.requests_simulated);
  json.Member("fingerprint", FingerprintText(record.fingerprint));
  json.EndObject();
  return json.Finish();
}

}  // namespace gridlock
