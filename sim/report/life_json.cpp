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

void AddChange(JsonWriter& json, const LifeRecord& record, const ChangeFigures& change) {
  json.BeginObject();
  json.Member("at_s", change.at.si());
  json.Key("events");
  json.BeginArray();
  for (const LifeEvent* event : change.events) {
    AddObject(json, *event, record);
  }
  json.EndArray();
  json.Key("before");
  AddObject(json, change.before, record);
  json.Key("after");
  AddObject(json, change.after, record);
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
  json.Key("energy");
  AddObject(json, EnergyBalanceOf(record), record);
  AddTable(json, "campaigns", CampaignsOf(record), record);
  AddTable(json, "requests", record.requests, record);
  AddTable(json, "failures", record.failures, record);
  AddList(json, "changes", ChangesOf(record), [&](const ChangeFigures& change) {
    AddChange(json, record, change);
  });
  AddTable(json, "jobs", record.jobs, record);
  AddEvents(json, record);
  json.EndObject();
  return json.Finish();
}

}  // namespace gridlock
