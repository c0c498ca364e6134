#include "sim/report/summary.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <iterator>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "sim/record/fingerprint.h"
#include "sim/record/series.h"
#include "sim/record/step_fields.h"
#include "sim/report/head.h"
#include "sim/report/json.h"
#include "sim/report/json_fields.h"
#include "sim/report/layout.h"

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

std::vector<Part> WallParts(const StepRecord& record) {
  std::vector<Part> parts;
  for (const Attribution& wall : Walls(record)) {
    parts.push_back({wall.resource, wall.time});
  }
  return parts;
}

const char* Estimate(const StepRecord& record) {
  return record.energy_is_estimate ? " (estimate)" : "";
}

/// One column in one unit, that of the whole, so that its numbers can be compared at a glance, and
/// what each part means. What is below the resolution of the simulated clock (1 ns) is left out.
void AddParts(std::string& out, const std::vector<Part>& parts, Seconds whole,
              const std::function<std::string(const std::string&)>& meaning) {
  const ColumnUnit unit = TimeUnit(whole);
  for (const Part& part : parts) {
    if (std::abs(part.time.si()) >= 0.5e-9) {
      out +=
          fmt::format("  {:<22} {:>10.3f} {:<2} {:>8}  {}\n", part.name, part.time.si() / unit.si,
                      unit.name, Percent(part.time / whole), meaning(part.name));
    }
  }
}

/// What an accelerator does in an activity; "" for a name that is not known here.
std::string ActivityInWords(const std::string& activity) {
  static constexpr std::pair<const char*, const char*> kWords[] = {
      {"compute", "kernels that the matrix units pace"},
      {"memory_bound", "kernels that HBM paces"},
      {"tensor_comm", "exposed messages inside model-parallel groups"},
      {"pipeline_wait", "waiting for another stage (bubble) or its message"},
      {"data_comm", "exposed collectives over replicas"},
      {"expert_comm", "exposed all-to-alls to and from experts"},
      {"launch", "waiting for the host: launches, or its optimizer"},
      {"overhead", "fixed time of the training framework"},
      {"idle", "own step done, waiting for the slowest to end"}};
  const auto* const found =
      std::find_if(std::begin(kWords), std::end(kWords), [&](const auto& entry) {
        return activity == entry.first;
      });
  return found == std::end(kWords) ? "" : found->second;
}

/// What published runs say of the step time.
void AddUncertainty(std::string& out, const TraceHeader& header) {
  if (header.expected_error) {
    const ExpectedError& error = *header.expected_error;
    out +=
        Line("uncertainty", fmt::format("{:.1f} % (median), {:.1f} % (nine in ten) of {} {}",
                                        error.median_pct, error.p90_pct, error.rows, error.basis));
  }
}

void AddSpeed(std::string& out, const StepRecord& record) {
  const auto accelerators = static_cast<double>(record.accelerators);
  const double tokens_rate = static_cast<double>(record.tokens) / record.step_time.si();
  const double each = tokens_rate / accelerators;
  const ColumnUnit unit = TimeUnit(record.step_time);
  out += Line("accelerators",
              Grouped(accelerators) +
                  (record.classes == 0 ? ""
                                       : fmt::format(" (folded into {} {})",
                                                     Grouped(static_cast<double>(record.classes)),
                                                     record.classes == 1 ? "class" : "classes")));
  out += Line("step time", fmt::format("{:.3f} {}", record.step_time.si() / unit.si, unit.name));
  out += Line("tokens per step", Grouped(static_cast<double>(record.tokens)));
  out += Line("tokens/s", fmt::format("{} ({} per accelerator)", Grouped(tokens_rate),
                                      Grouped(each, each < 1000.0 ? 1 : 0)));
  out += Line("model FLOP rate",
              fmt::format("{:.1f} TFLOP/s per accelerator",
                          (record.model_flop / record.step_time).si() / accelerators / 1e12));
  out += Line("MFU", Percent(record.mfu()));
  out += Line("HFU", Percent(record.hfu()));
}

void AddWalls(std::string& out, const StepRecord& record) {
  const std::vector<Part> walls = WallParts(record);
  if (walls.empty()) {
    return;
  }
  out += "\nWhat sets the pace (critical path)\n";
  const auto in_words = [&](const std::string& resource) {
    return WallInWords(record, resource);
  };
  AddParts(out, walls, record.step_time, in_words);
  const Part& top = walls.front();
  out += fmt::format("  The wall that binds: {}, for {} of the step.\n", in_words(top.name),
                     Percent(top.time / record.step_time));
}

/// Capacity is in FLOP/s for compute and in byte/s for everything else, as StepRecord has it.
bool IsCompute(const UtilisationSeries& series) {
  return series.resource == "compute";
}

/// Compute and HBM belong to an accelerator; of links each direction is a member of its own.
bool IsLink(const UtilisationSeries& series) {
  return !IsCompute(series) && series.resource != "hbm";
}

std::string CapacityText(const UtilisationSeries& series) {
  if (IsCompute(series)) {
    return FormatFlopRate(FlopPerSecond(series.capacity_si)) + " peak";
  }
  const BytesPerSecond capacity(series.capacity_si);
  std::string text = series.resource == "nic" ? FormatGbps(capacity) : FormatBandwidth(capacity);
  if (series.peak_si > 0.0) {
    text += fmt::format(" sustained (peak {})", FormatBandwidth(BytesPerSecond(series.peak_si)));
  }
  return text;
}

void AddUtilisation(std::string& out, const StepRecord& record) {
  if (record.utilisation.empty()) {
    return;
  }
  out += "\nUtilisation (mean over the step and all members of the class)\n";
  for (const UtilisationSeries& series : record.utilisation) {
    if (series.members > 0) {
      out += fmt::format("  {:<22} {:>8} of {} {}x {}\n", series.resource,
                         Percent(MeanShare(series.share, record.interval, record.step_time)),
                         Grouped(static_cast<double>(series.members)),
                         IsLink(series) ? "directions " : "", CapacityText(series));
    }
  }
}

/// The hottest links, where one of the network between servers is far hotter than the mean of its
/// class: flows collided, or are spread unevenly.
void AddHottest(std::string& out, const StepRecord& record) {
  constexpr std::size_t kShown = 5;
  constexpr double kFar = 1.1;
  const bool uneven =
      std::any_of(record.hottest.begin(), record.hottest.end(), [&record](const LinkUse& link) {
        const auto series = std::find_if(record.utilisation.begin(), record.utilisation.end(),
                                         [&link](const UtilisationSeries& each) {
                                           return each.resource == link.tier;
                                         });
        return link.tier != "scale_up" && link.tier != "nic" &&
               series != record.utilisation.end() &&
               link.use > kFar * MeanShare(series->share, record.interval, record.step_time);
      });
  if (!uneven) {
    return;
  }
  out += "\nHottest links (mean over the step)\n";
  for (std::size_t i = 0; i < std::min(kShown, record.hottest.size()); ++i) {
    out += HotLinkLine(record.hottest[i]);
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
  const auto line = [&out](const std::string& name, Bytes bytes, const std::string& more = "") {
    out += fmt::format("  {:<22} {:>10.2f} GB{}\n", name, bytes.si() / 1e9, more);
  };
  for (const auto& [name, bytes] : classes) {
    line(name, bytes);
  }
  line("total", fullest->total(),
       fmt::format(" of {} ({})", FormatBytes(fullest->capacity),
                   Percent(fullest->total() / fullest->capacity)));
  if (record.memory.size() > 1 && record.memory.size() <= kStagesListed) {
    for (const StageMemory& stage : record.memory) {
      line(fmt::format("stage {}", stage.stage), stage.total());
    }
  }
}

/// Mean watts per accelerator of `energy`, three digits.
std::string MeanWatts(const StepRecord& record, Joules energy) {
  const Watts mean = energy / record.step_time / static_cast<double>(record.accelerators);
  return FormatWatts(Watts(ThreeDigits(mean.si())));
}

// What the site sees while steps repeat.
void AddSwing(std::string& out, const StepRecord& record) {
  if (record.power.size() < 2) {
    return;
  }
  const auto watts = [](double si) {
    return FormatWatts(Watts(ThreeDigits(si)));
  };
  out += Line("within a step",
              fmt::format("all servers {} to {}, at most {} more or less in a second (over {})",
                          watts(PowerMin(record).si()), watts(PowerMax(record).si()),
                          watts(PowerRamp(record)), FormatSeconds(record.interval)));
  if (record.burned_energy > Joules(0.0)) {
    const std::string why =
        record.power_floor > Watts(0.0)
            ? fmt::format("a floor of {} a board", FormatWatts(record.power_floor))
            : "boards that may fall only slowly";
    out += Line("burned", fmt::format("{} of the energy of a step, for {}",
                                      Percent(record.burned_energy / record.energy), why));
  }
}

void AddEnergy(std::string& out, const StepRecord& record) {
  const Joules accelerator = record.accelerator_energy;
  out += "\nEnergy and mean power (without PUE)\n";
  out += Line("per step", FormatJoules(Joules(ThreeDigits(record.energy.si()))) + Estimate(record));
  out += Line("per accelerator", MeanWatts(record, record.energy) +
                                     " with its share of the server" + Estimate(record));
  if (accelerator > Joules(0.0)) {
    out += Line("  its own board",
                MeanWatts(record, accelerator) +
                    (record.power_limit > Watts(0.0)
                         ? fmt::format(" of at most {}", FormatWatts(record.power_limit))
                         : ""));
    out += Line("  share of the server", MeanWatts(record, record.energy - accelerator));
  }
  AddSwing(out, record);
}

void AddSeconds(JsonWriter& json, const char* key, const std::vector<Part>& parts) {
  json.Key(key);
  json.BeginObject();
  for (const Part& part : parts) {
    json.Member(part.name, part.time.si());
  }
  json.EndObject();
}

void AddUtilisationMembers(JsonWriter& json, const StepRecord& record) {
  json.Key("utilisation");
  json.BeginObject();
  for (const UtilisationSeries& series : record.utilisation) {
    json.Key(series.resource);
    json.BeginObject();
    AddFieldMembers(json, series, record);
    json.Member("member", IsLink(series) ? "one direction of a link" : "accelerator");
    json.Member(IsCompute(series) ? "capacity_flop_per_s" : "capacity_bytes_per_s",
                series.capacity_si);
    if (series.peak_si > 0.0) {
      json.Member("peak_bytes_per_s", series.peak_si);
    }
    json.EndObject();
  }
  json.EndObject();
}

void AddLinkMembers(JsonWriter& json, const char* key, const std::vector<LinkUse>& links,
                    const StepRecord& record) {
  json.Key(key);
  json.BeginArray();
  for (const LinkUse& link : links) {
    json.BeginObject();
    AddFieldMembers(json, link, record);
    json.EndObject();
  }
  json.EndArray();
}

void AddMemoryMembers(JsonWriter& json, const StepRecord& record) {
  json.Key("memory");
  json.BeginArray();
  for (const StageMemory& stage : record.memory) {
    json.BeginObject();
    AddFieldMembers(json, stage, record);
    json.EndObject();
  }
  json.EndArray();
}

}  // namespace

std::string WallInWords(const StepRecord& record, const std::string& resource) {
  for (const Attribution& part : record.attribution) {
    if (part.resource == resource && !part.words.empty()) {
      return part.words;
    }
  }
  return resource;
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
  std::string title = "one training step";
  if (record.cap_si != 0.0) {
    title += ", " + record.label;
  }
  std::string out = HeadText(header, title);
  AddSpeed(out, record);
  AddUncertainty(out, header);
  const std::vector<Part> activities = AddedUp(record.breakdown, [](const BreakdownPart& part) {
    return part.activity;
  });
  if (!activities.empty()) {
    out += "\nWhere the time goes (mean per accelerator)\n";
    AddParts(out, activities, record.step_time, ActivityInWords);
  }
  AddWalls(out, record);
  AddUtilisation(out, record);
  AddHottest(out, record);
  AddMemory(out, record);
  AddEnergy(out, record);
  out += NotesText(header);
  out +=
      fmt::format("\ngridlock {}, {} simulation, seed {}, {} activities\n", header.gridlock_version,
                  record.fidelity, header.seed, Grouped(static_cast<double>(record.activities)));
  out += "fingerprint " + FingerprintText(record.fingerprint) + "\n";
  return out;
}

void AddStepMembers(JsonWriter& json, const StepRecord& record) {
  AddFieldMembers(json, record, record);
  AddSeconds(json, "breakdown_s", AddedUp(record.breakdown, [](const BreakdownPart& part) {
               return part.activity;
             }));
  AddSeconds(json, "attribution_s", WallParts(record));
  AddUtilisationMembers(json, record);
  AddLinkMembers(json, "hottest_links", record.hottest, record);
  if (!record.links.empty()) {
    AddLinkMembers(json, "recorded_links", record.links, record);
  }
  AddMemoryMembers(json, record);
  std::vector<Part> collectives;
  for (const auto& [name, seconds] : record.collective_seconds) {
    collectives.push_back({name, Seconds(seconds)});
  }
  AddSeconds(json, "collective_s", AddedUp(collectives, [](const Part& part) {
               return part.name;
             }));
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
