#include <algorithm>
#include <array>
#include <span>
#include <string>

#include "sim/record/life_fields.h"
#include "sim/report/head.h"
#include "sim/report/json.h"
#include "sim/report/json_fields.h"
#include "sim/report/life_figures.h"
#include "sim/report/life_summary.h"

namespace gridlock {
namespace {

/// Events that summary.json lists; of more it has the first, and the trace has all.
constexpr std::size_t kEventsListed = 1000;

template <typename T>
void AddObject(JsonWriter& json, const T& item, const LifeRecord& record) {
  json.BeginObject();
  AddFieldMembers(json, item, record);
  json.EndObject();
}

void AddCampaign(JsonWriter& json, const CampaignFigures& campaign) {
  json.BeginObject();
  json.Member("name", campaign.name);
  json.Member("experiments", campaign.experiments);
  json.Key("outcomes");
  json.BeginObject();
  for (int i = 0; i < kOutcomes; ++i) {
    json.Member(NameOf(static_cast<Outcome>(i)), campaign.outcomes[i]);
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
    AddObject(json, *event, record);
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

template <typename Items>
void AddTable(JsonWriter& json, const char* key, const Items& items, const LifeRecord& record) {
  AddList(json, key, items, [&](const auto& item) {
    AddObject(json, item, record);
  });
}

/// The first events, and how many there are of each kind.
void AddEvents(JsonWriter& json, const LifeRecord& record) {
  std::array<std::int64_t, kEventKinds> counts = {};
  for (const LifeEvent& event : record.events) {
    ++counts[static_cast<std::size_t>(event.kind)];
  }
  json.Member("events_total", record.events.size());
  json.Key("events_by_kind");
  json.BeginObject();
  for (std::size_t kind = 0; kind < counts.size(); ++kind) {
    json.Member(NameOf(static_cast<EventKind>(kind)), counts[kind]);
  }
  json.EndObject();
  const std::size_t listed = std::min(record.events.size(), kEventsListed);
  json.Member("events_listed", listed);
  AddTable(json, "events", std::span(record.events).first(listed), record);
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
  AddFieldMembers(json, record, record);
  AddTable(json, "sites", record.sites, record);
  json.Key("means");
  AddObject(json, record.series, record);
  AddEnergy(json, record);
  AddList(json, "campaigns", CampaignsOf(record), [&](const CampaignFigures& campaign) {
    AddCampaign(json, campaign);
  });
  AddTable(json, "requests", record.requests, record);
  AddList(json, "changes", ChangesOf(record), [&](const ChangeFigures& change) {
    AddChange(json, record, change);
  });
  AddTable(json, "jobs", record.jobs, record);
  AddEvents(json, record);
  json.EndObject();
  return json.Finish();
}

}  // namespace gridlock
