#include "sim/report/summary.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "sim/record/fingerprint.h"
#include "sim/record/series.h"
#include "sim/report/json.h"

namespace gridlock {
namespace {

/// Stages that are listed one by one; beyond, only the fullest is shown.
constexpr std::size_t kStagesListed = 8;

/// Seconds of a named part.
struct Part {
  std::string name;
  Seconds time;
};

/// Parts of one name added up, in the order of their first mention.
template <typename Parts, typename Name>
std::vector<Part> AddedUp(const Parts& parts, Name name) {
  std::vector<Part> sums;
  for (const auto& part : parts) {
    const auto found = std::find_if(sums.begin(), sums.end(), [&](const Part& sum) {
      return sum.name == name(part);
    });
    if (found == sums.end()) {
      sums.push_back({name(part), part.time});
    } else {
      found->time += part.time;
    }
  }
  return sums;
}

std::vector<Part> Walls(const StepRecord& record) {
  std::vector<Part> walls = AddedUp(record.attribution, [](const Attribution& part) {
    return part.resource;
  });
  std::stable_sort(walls.begin(), walls.end(), [](const Part& a, const Part& b) {
    return a.time > b.time;
  });
  return walls;
}

/// "1,234,567".
std::string Grouped(double value) {
  std::string text = fmt::format("{:.0f}", value);
  const std::size_t first = text.starts_with('-') ? 1 : 0;
  for (std::size_t at = text.size(); at > first + 3;) {
    at -= 3;
    text.insert(at, 1, ',');
  }
  return text;
}

std::string Percent(double share) {
  return std::isfinite(share) ? fmt::format("{:.1f} %", 100.0 * share) : "n/a";
}

const char* Estimate(const StepRecord& record) {
  return record.energy_is_estimate ? " (estimate)" : "";
}

void Line(std::string& out, const char* name, const std::string& value) {
  out += fmt::format("  {:<22} {}\n", name, value);
}

/// One column in one unit, that of the whole, so that its numbers can be compared at a glance.
void AddParts(std::string& out, const std::vector<Part>& parts, Seconds whole) {
  const double seconds = whole.si();
  const auto [unit, name] = seconds >= 1.0    ? std::pair(1.0, "s")
                            : seconds >= 1e-3 ? std::pair(1e-3, "ms")
                                              : std::pair(1e-6, "us");
  for (const Part& part : parts) {
    out += fmt::format("  {:<22} {:>10.3f} {:<2} {:>8}\n", part.name, part.time.si() / unit, name,
                       Percent(part.time / whole));
  }
}

void AddSpeed(std::string& out, const TraceHeader& header, const StepRecord& record) {
  const auto accelerators = static_cast<double>(record.accelerators);
  const double tokens_rate = static_cast<double>(record.tokens) / record.step_time.si();
  Line(out, "accelerators",
       Grouped(accelerators) + (header.machine.empty() ? "" : " (" + header.machine + ")"));
  Line(out, "step time", FormatSeconds(record.step_time));
  Line(out, "tokens per step", Grouped(static_cast<double>(record.tokens)));
  Line(
      out, "tokens/s",
      fmt::format("{} ({:.1f} per accelerator)", Grouped(tokens_rate), tokens_rate / accelerators));
  Line(out, "model FLOP rate",
       fmt::format("{:.1f} TFLOP/s per accelerator",
                   (record.model_flop / record.step_time).si() / accelerators / 1e12));
  Line(out, "MFU", Percent(record.mfu()));
  Line(out, "HFU", Percent(record.hfu()));
}

void AddWalls(std::string& out, const StepRecord& record) {
  const std::vector<Part> walls = Walls(record);
  if (walls.empty()) {
    return;
  }
  out += "\nWhat sets the pace (critical path)\n";
  AddParts(out, walls, record.step_time);
  const Part& top = walls.front();
  out += fmt::format("  The wall that binds: {}, for {} of the step.\n", WallInWords(top.name),
                     Percent(top.time / record.step_time));
}

/// Capacity is in FLOP/s for compute and in byte/s for everything else, as StepRecord has it.
bool IsCompute(const UtilisationSeries& series) {
  return series.resource == "compute";
}

void AddUtilisation(std::string& out, const StepRecord& record) {
  if (record.utilisation.empty()) {
    return;
  }
  out += "\nUtilisation (mean over the step and all members)\n";
  for (const UtilisationSeries& series : record.utilisation) {
    const std::string capacity = IsCompute(series)
                                     ? FormatFlopRate(FlopPerSecond(series.capacity_si))
                                     : FormatBandwidth(BytesPerSecond(series.capacity_si));
    out += fmt::format("  {:<22} {:>8} of {} x {}\n", series.resource,
                       Percent(MeanShare(series.share, record.interval, record.step_time)),
                       Grouped(static_cast<double>(series.members)), capacity);
  }
}

const StageMemory* FullestStage(const StepRecord& record) {
  const auto fullest = std::max_element(record.memory.begin(), record.memory.end(),
                                        [](const StageMemory& a, const StageMemory& b) {
                                          return a.total() < b.total();
                                        });
  return fullest == record.memory.end() ? nullptr : &*fullest;
}

void AddMemory(std::string& out, const StepRecord& record) {
  const StageMemory* fullest = FullestStage(record);
  if (fullest == nullptr) {
    return;
  }
  out += fmt::format("\nHBM per accelerator (fullest stage: {})\n", fullest->stage);
  const std::pair<const char*, Bytes> classes[] = {{"weights", fullest->weights},
                                                   {"gradients", fullest->gradients},
                                                   {"optimizer", fullest->optimizer},
                                                   {"activations", fullest->activations},
                                                   {"buffers", fullest->buffers}};
  for (const auto& [name, bytes] : classes) {
    out += fmt::format("  {:<22} {:>10}\n", name, FormatBytes(bytes));
  }
  out += fmt::format("  {:<22} {:>10} of {} ({})\n", "total", FormatBytes(fullest->total()),
                     FormatBytes(fullest->capacity), Percent(fullest->total() / fullest->capacity));
  if (record.memory.size() > 1 && record.memory.size() <= kStagesListed) {
    for (const StageMemory& stage : record.memory) {
      out += fmt::format("  {:<22} {:>10}\n", fmt::format("stage {}", stage.stage),
                         FormatBytes(stage.total()));
    }
  }
}

void AddEnergy(std::string& out, const StepRecord& record) {
  out += "\nEnergy (accelerators and servers, without PUE)\n";
  Line(out, "per step", FormatJoules(record.energy) + Estimate(record));
  Line(out, "mean power",
       fmt::format("{:.3f} kW per accelerator{}",
                   record.mean_power.si() / static_cast<double>(record.accelerators) / 1e3,
                   Estimate(record)));
}

void AddList(std::string& out, const char* title, const std::vector<std::string>& items) {
  if (items.empty()) {
    return;
  }
  out += fmt::format("\n{}\n", title);
  for (const std::string& item : items) {
    out += fmt::format("  - {}\n", item);
  }
}

void AddSeconds(JsonWriter& json, const char* key, const std::vector<Part>& parts) {
  json.Key(key);
  json.BeginObject();
  for (const Part& part : parts) {
    json.Member(part.name, part.time.si());
  }
  json.EndObject();
}

void AddTexts(JsonWriter& json, const char* key, const std::vector<std::string>& texts) {
  json.Key(key);
  json.BeginArray();
  for (const std::string& text : texts) {
    json.Value(std::string_view(text));
  }
  json.EndArray();
}

void AddUtilisationMembers(JsonWriter& json, const StepRecord& record) {
  json.Key("utilisation");
  json.BeginObject();
  for (const UtilisationSeries& series : record.utilisation) {
    json.Key(series.resource);
    json.BeginObject();
    json.Member("mean_share", MeanShare(series.share, record.interval, record.step_time));
    json.Member("members", series.members);
    json.Member(IsCompute(series) ? "capacity_flop_per_s" : "capacity_bytes_per_s",
                series.capacity_si);
    json.EndObject();
  }
  json.EndObject();
}

void AddMemoryMembers(JsonWriter& json, const StepRecord& record) {
  json.Key("memory");
  json.BeginArray();
  for (const StageMemory& stage : record.memory) {
    json.BeginObject();
    json.Member("stage", stage.stage);
    json.Member("weights_bytes", stage.weights.si());
    json.Member("gradients_bytes", stage.gradients.si());
    json.Member("optimizer_bytes", stage.optimizer.si());
    json.Member("activations_bytes", stage.activations.si());
    json.Member("buffers_bytes", stage.buffers.si());
    json.Member("total_bytes", stage.total().si());
    json.Member("capacity_bytes", stage.capacity.si());
    json.EndObject();
  }
  json.EndArray();
}

}  // namespace

std::string WallInWords(const std::string& resource) {
  static constexpr std::pair<const char*, const char*> kWords[] = {
      {"compute", "compute (matrix units)"},
      {"hbm", "HBM bandwidth"},
      {"scale_up", "the scale-up links"},
      {"nic", "the NICs"},
      {"leaf", "the links between leaves and spines"},
      {"spine", "the links between spines and cores"},
      {"wan", "the wide-area links"},
      {"power", "power"},
      {"latency", "latency of messages"},
      {"launch", "launch of kernels"},
      {"bubble", "the pipeline bubble"},
      {"overhead", "fixed overhead of the step"}};
  const auto found = std::find_if(std::begin(kWords), std::end(kWords), [&](const auto& entry) {
    return resource == entry.first;
  });
  return found == std::end(kWords) ? resource : found->second;
}

std::optional<Attribution> BindingWall(const StepRecord& record) {
  const std::vector<Part> walls = Walls(record);
  if (walls.empty()) {
    return std::nullopt;
  }
  return Attribution{walls.front().name, walls.front().time};
}

double CriticalShare(const StepRecord& record, const std::string& resource) {
  Seconds time;
  for (const Attribution& part : record.attribution) {
    if (part.resource == resource) {
      time += part.time;
    }
  }
  return time / record.step_time;
}

std::string SummaryText(const TraceHeader& header, const StepRecord& record) {
  std::string out =
      fmt::format("{}: one training step, {}\n\n", header.scenario_name, record.label);
  AddSpeed(out, header, record);
  const std::vector<Part> activities = AddedUp(record.breakdown, [](const BreakdownPart& part) {
    return part.activity;
  });
  if (!activities.empty()) {
    out += "\nWhere the time goes (mean per accelerator)\n";
    AddParts(out, activities, record.step_time);
  }
  AddWalls(out, record);
  AddUtilisation(out, record);
  AddMemory(out, record);
  AddEnergy(out, record);
  AddList(out, "Notes", header.notes);
  AddList(out, "Estimates among the inputs", header.estimates);
  out +=
      fmt::format("\ngridlock {}, {} simulation, seed {}, {} activities\n", header.gridlock_version,
                  record.fidelity, header.seed, Grouped(static_cast<double>(record.activities)));
  out += "fingerprint " + FingerprintText(record.fingerprint) + "\n";
  return out;
}

void AddHeaderMembers(JsonWriter& json, const TraceHeader& header) {
  json.Member("schema_version", 1);
  json.Member("gridlock_version", header.gridlock_version);
  json.Member("scenario_name", header.scenario_name);
  json.Member("machine", header.machine);
  json.Member("seed", header.seed);
  json.Member("command_line", header.command_line);
  AddTexts(json, "notes", header.notes);
  AddTexts(json, "estimates", header.estimates);
}

void AddStepMembers(JsonWriter& json, const StepRecord& record) {
  const auto accelerators = static_cast<double>(record.accelerators);
  const double tokens_rate = static_cast<double>(record.tokens) / record.step_time.si();
  json.Member("label", record.label);
  json.Member("fidelity", record.fidelity);
  json.Member("accelerators", record.accelerators);
  json.Member("tokens", record.tokens);
  json.Member("step_time_s", record.step_time.si());
  json.Member("tokens_per_s", tokens_rate);
  json.Member("tokens_per_s_per_accelerator", tokens_rate / accelerators);
  json.Member("model_flop", record.model_flop.si());
  json.Member("hardware_flop", record.hardware_flop.si());
  json.Member("peak_flop_per_s", record.peak.si());
  json.Member("model_flop_per_s_per_accelerator",
              (record.model_flop / record.step_time).si() / accelerators);
  json.Member("mfu", record.mfu());
  json.Member("hfu", record.hfu());
  AddSeconds(json, "breakdown_s", AddedUp(record.breakdown, [](const BreakdownPart& part) {
               return part.activity;
             }));
  AddSeconds(json, "attribution_s", Walls(record));
  const std::optional<Attribution> wall = BindingWall(record);
  json.Member("binding_wall", wall ? wall->resource : "");
  json.Member("binding_wall_share", wall ? wall->time / record.step_time : 0.0);
  AddUtilisationMembers(json, record);
  AddMemoryMembers(json, record);
  std::vector<Part> collectives;
  for (const auto& [name, seconds] : record.collective_seconds) {
    collectives.push_back({name, Seconds(seconds)});
  }
  AddSeconds(json, "collective_s", AddedUp(collectives, [](const Part& part) {
               return part.name;
             }));
  json.Member("energy_j", record.energy.si());
  json.Member("mean_power_w", record.mean_power.si());
  json.Member("mean_power_w_per_accelerator", record.mean_power.si() / accelerators);
  json.Member("energy_is_estimate", record.energy_is_estimate);
  json.Member("activities", record.activities);
  json.Member("fingerprint", FingerprintText(record.fingerprint));
}

std::string SummaryJson(const TraceHeader& header, const StepRecord& record) {
  JsonWriter json;
  json.BeginObject();
  AddHeaderMembers(json, header);
  AddStepMembers(json, record);
  json.EndObject();
  return json.Finish();
}

}  // namespace gridlock
