#include "sim/record/trace.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "sim/base/check.h"
#include "sim/record/series.h"
#include "sim/record/trace_attributes.h"

namespace gridlock {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

/// Rows of one chunk of a variable with `width` elements per row: such chunks are rewritten row by
/// row, so they stay near one disk block (4 KiB is 512 doubles) and within what is planned.
std::size_t RowsPerChunk(std::size_t width, std::size_t points) {
  const std::size_t rows = std::clamp<std::size_t>(512 / std::max<std::size_t>(1, width), 1, 64);
  return points == 0 ? rows : std::min(rows, points);
}

/// A finite positive step rate needs a finite positive step.
double PerSecond(double amount, Seconds time) {
  return amount / time.si();
}

std::size_t SamplesOf(const StepRecord& record) {
  std::size_t samples = 0;
  for (const UtilisationSeries& series : record.utilisation) {
    samples = std::max(samples, series.share.size());
  }
  return samples;
}

std::size_t StagesOf(const StepRecord& record) {
  int stages = 0;
  for (const StageMemory& memory : record.memory) {
    CHECK(memory.stage >= 0);
    stages = std::max(stages, memory.stage + 1);
  }
  return static_cast<std::size_t>(stages);
}

/// One number per row.
struct RowVariable {
  const char* name;
  const char* units;
  const char* long_name;
  double (*value)(const StepRecord&);
};

constexpr RowVariable kRowVariables[] = {
    {"step_time", "s", "simulated time of one step",
     [](auto& r) {
       return r.step_time.si();
     }},
    {"tokens_per_second", "token/s", "training tokens per second, whole job",
     [](auto& r) {
       return PerSecond(static_cast<double>(r.tokens), r.step_time);
     }},
    {"mfu", "1", "model FLOP utilisation: model FLOP/s over dense peak",
     [](auto& r) {
       return r.mfu();
     }},
    {"hfu", "1", "hardware FLOP utilisation: the same with recomputation",
     [](auto& r) {
       return r.hfu();
     }},
    {"model_flop", "FLOP", "forward and backward FLOP of one step, whole job, no recomputation",
     [](auto& r) {
       return r.model_flop.si();
     }},
    {"hardware_flop", "FLOP", "FLOP of one step, whole job, with recomputation",
     [](auto& r) {
       return r.hardware_flop.si();
     }},
    {"peak_flop_rate", "FLOP/s", "dense peak of all accelerators in the training format",
     [](auto& r) {
       return r.peak.si();
     }},
    {"energy", "J", "energy of one step, accelerators and servers, without PUE",
     [](auto& r) {
       return r.energy.si();
     }},
    {"accelerator_energy", "J", "the accelerators' part of energy",
     [](auto& r) {
       return r.accelerator_energy.si();
     }},
    {"mean_power", "W", "mean power over the step, accelerators and servers, without PUE",
     [](auto& r) {
       return r.mean_power.si();
     }},
    {"interval", "s", "width of one utilisation interval; the last one ends with the step",
     [](auto& r) {
       return r.interval.si();
     }},
};

/// HBM bytes per accelerator of one stage.
struct MemoryVariable {
  const char* name;
  const char* long_name;
  Bytes StageMemory::*member;
};

constexpr MemoryVariable kMemoryVariables[] = {
    {"memory_weights", "HBM per accelerator for weights", &StageMemory::weights},
    {"memory_gradients", "HBM per accelerator for gradients", &StageMemory::gradients},
    {"memory_optimizer", "HBM per accelerator for optimizer state", &StageMemory::optimizer},
    {"memory_activations", "HBM per accelerator for activations", &StageMemory::activations},
    {"memory_buffers", "HBM per accelerator for buffers", &StageMemory::buffers},
    {"memory_capacity", "HBM per accelerator there is", &StageMemory::capacity},
};

}  // namespace

std::size_t TraceWriter::NameAxis::IndexOf(const std::string& name) {
  const auto found = std::find(names.begin(), names.end(), name);
  const auto index = static_cast<std::size_t>(found - names.begin());
  if (found == names.end()) {
    names.push_back(name);
  }
  return index;
}

TraceWriter::TraceWriter(const std::string& path, const TraceHeader& header,
                         TraceVocabulary vocabulary, int points)
    : file_(path),
      cap_quantity_(header.cap_quantity.empty() ? "nothing capped" : header.cap_quantity),
      cap_units_(header.cap_units.empty() ? "1" : header.cap_units),
      points_(static_cast<std::size_t>(points)),
      resources_{"resource", std::move(vocabulary.resources)},
      attributions_{"attribution_resource", std::move(vocabulary.attributions)},
      activities_{"activity", std::move(vocabulary.activities)},
      collectives_{"collective", std::move(vocabulary.collectives)} {
  CHECK(points >= 0);
  WriteHeaderAttributes(file_, header, "step");
  file_.SetAttribute("", "cap_quantity", header.cap_quantity);
  file_.SetAttribute("", "points_planned", std::int32_t{points});
  file_.SetAttribute("", "fingerprint", FingerprintText(fingerprint()));
  file_.Publish();
}

void TraceWriter::CollectNames(const StepRecord& record) {
  for (const UtilisationSeries& series : record.utilisation) {
    resources_.IndexOf(series.resource);
  }
  for (const Attribution& part : record.attribution) {
    attributions_.IndexOf(part.resource);
  }
  for (const BreakdownPart& part : record.breakdown) {
    activities_.IndexOf(part.activity);
  }
  for (const auto& [name, seconds] : record.collective_seconds) {
    collectives_.IndexOf(name);
  }
}

void TraceWriter::CreateVariables(const StepRecord& record) {
  CreateAxes(record);
  CreateRowVariables();
  CreateSeriesVariables(std::max<std::size_t>(1, SamplesOf(record)));
  CreateBudgetVariables(std::max<std::size_t>(1, StagesOf(record)));
}

void TraceWriter::CreateAxes(const StepRecord& record) {
  const std::size_t samples = std::max<std::size_t>(1, SamplesOf(record));
  const std::size_t stages = std::max<std::size_t>(1, StagesOf(record));
  const auto text_axis = [this](const std::string& name, std::size_t chunk,
                                const std::string& long_name) {
    file_.AddVariable({.name = name,
                       .type = ElementType::kText,
                       .dimensions = {name},
                       .units = "1",
                       .long_name = long_name,
                       .chunk = {chunk}});
  };
  text_axis("cap", RowsPerChunk(1, points_), "label of the capped step");
  text_axis("resource", 16, "class of resources");
  text_axis("attribution_resource", 16, "what set the pace of the critical path");
  text_axis("activity", 16, "what an accelerator was doing");
  text_axis("collective", 16, "kind of collective");
  file_.AddVariable({.name = "sample",
                     .type = ElementType::kInt32,
                     .dimensions = {"sample"},
                     .units = "1",
                     .long_name = "number of the utilisation interval",
                     .chunk = {samples}});
  file_.AddVariable({.name = "stage",
                     .type = ElementType::kInt32,
                     .dimensions = {"stage"},
                     .units = "1",
                     .long_name = "pipeline stage",
                     .chunk = {stages}});
}

void TraceWriter::CreateRowVariables() {
  file_.AddVariable({.name = "cap_value",
                     .dimensions = {"cap"},
                     .units = cap_units_,
                     .long_name = "value of the cap (" + cap_quantity_ + "); 0 in the baseline",
                     .chunk = {RowsPerChunk(1, points_)}});
  const auto add = [this](const char* name, ElementType type, const char* units,
                          const char* long_name) {
    file_.AddVariable({.name = name,
                       .type = type,
                       .dimensions = {"cap"},
                       .units = units,
                       .long_name = long_name,
                       .chunk = {RowsPerChunk(1, points_)}});
    file_.SetAttribute(name, "coordinates", "cap_value");
  };
  for (const RowVariable& variable : kRowVariables) {
    add(variable.name, ElementType::kFloat64, variable.units, variable.long_name);
  }
  add("accelerators", ElementType::kInt64, "1", "accelerators of the job");
  add("tokens", ElementType::kInt64, "token", "training tokens of one step");
  add("classes", ElementType::kInt64, "1",
      "classes of alike accelerators, one of each simulated; 0 when all were");
  add("activities", ElementType::kUint64, "1", "activities that the engine simulated");
  add("fidelity", ElementType::kText, "1", "evaluator: full, folded or analytic");
  add("overrides", ElementType::kText, "1",
      "what the row says differently from the attribute scenario: one path=value a line, as "
      "gridlock run --set takes it");
  add("fingerprint", ElementType::kUint64, "1", "hash of every completion time, at 9 digits");
  add("fingerprint_text", ElementType::kText, "1", "fingerprint in hexadecimal");
  add("energy_is_estimate", ElementType::kUint8, "1", "whether a power coefficient is an estimate");
  const std::uint8_t flags[] = {0, 1};
  file_.SetAttribute("energy_is_estimate", "flag_values", flags);
  file_.SetAttribute("energy_is_estimate", "flag_meanings", "sourced estimate");
}

void TraceWriter::CreateSeriesVariables(std::size_t samples) {
  const std::size_t resources = std::max<std::size_t>(1, resources_.names.size());
  // The long series: one chunk per row, written once and compressed.
  const auto add_series = [this](const char* name, const std::vector<std::string>& dimensions,
                                 const std::vector<std::size_t>& chunk, const char* units,
                                 const char* long_name) {
    file_.AddVariable({.name = name,
                       .dimensions = dimensions,
                       .units = units,
                       .long_name = long_name,
                       .chunk = chunk,
                       .written_once = true,
                       .padded = true});
  };
  add_series("time", {"cap", "sample"}, {1, samples}, "s",
             "start of the interval since the step began");
  add_series("step_fraction", {"cap", "sample"}, {1, samples}, "1",
             "start of the interval over the step time");
  add_series("utilisation", {"cap", "resource", "sample"}, {1, resources, samples}, "1",
             "share in use, mean over the interval and all members of the class");
  file_.SetAttribute("utilisation", "coordinates", "cap_value time step_fraction");
  const auto add_mean = [this, resources](const char* name, const char* units,
                                          const char* long_name) {
    file_.AddVariable({.name = name,
                       .dimensions = {"cap", "resource"},
                       .units = units,
                       .long_name = long_name,
                       .chunk = {RowsPerChunk(resources, points_), resources},
                       .padded = true});
    file_.SetAttribute(name, "coordinates", "cap_value");
  };
  add_mean("utilisation_mean", "1",
           "share in use, mean over the step and all members of the class");
  add_mean("resource_members", "1", "resources of the class in the machine that the job occupies");
  add_mean("resource_capacity", "s-1",
           "capacity of one member, per direction: FLOP/s of compute, byte/s of all others");
}

void TraceWriter::CreateBudgetVariables(std::size_t stages) {
  const auto add = [this](const NameAxis& axis, const char* name, const char* long_name) {
    const std::size_t width = std::max<std::size_t>(1, axis.names.size());
    file_.AddVariable({.name = name,
                       .dimensions = {"cap", axis.dimension},
                       .units = "s",
                       .long_name = long_name,
                       .chunk = {RowsPerChunk(width, points_), width}});
    file_.SetAttribute(name, "coordinates", "cap_value");
  };
  add(attributions_, "attribution", "time of the critical path that the resource set the pace of");
  add(activities_, "breakdown", "mean time per accelerator in the activity");
  add(collectives_, "collective_time", "measured duration of the kind of collective");
  for (const MemoryVariable& variable : kMemoryVariables) {
    file_.AddVariable({.name = variable.name,
                       .dimensions = {"cap", "stage"},
                       .units = "byte",
                       .long_name = variable.long_name,
                       .chunk = {RowsPerChunk(stages, points_), stages},
                       .padded = true});
    file_.SetAttribute(variable.name, "coordinates", "cap_value");
  }
}

void TraceWriter::GrowAxes(const StepRecord& record) {
  CollectNames(record);
  for (NameAxis* axis : {&resources_, &attributions_, &activities_, &collectives_}) {
    const std::size_t added = axis->names.size() - axis->written;
    file_.Extend(axis->dimension, axis->names.size());
    const std::span<const std::string> names(axis->names);
    file_.Write(axis->dimension, {axis->written}, {added}, names.subspan(axis->written));
    axis->written = axis->names.size();
  }
  const auto grow_numbers = [this](const char* dimension, std::size_t size) {
    std::vector<std::int32_t> numbers;
    const std::size_t old_size = file_.size(dimension);
    for (std::size_t i = old_size; i < size; ++i) {
      numbers.push_back(static_cast<std::int32_t>(i));
    }
    file_.Extend(dimension, std::max(size, old_size));
    file_.Write(dimension, {old_size}, {numbers.size()}, numbers);
  };
  grow_numbers("sample", SamplesOf(record));
  grow_numbers("stage", StagesOf(record));
  file_.Extend("cap", rows_ + 1);
}

void TraceWriter::WriteRow(const StepRecord& record) {
  const auto write = [this](const char* name, const auto& value) {
    file_.Write(name, {rows_}, {1}, std::span(&value, 1));
  };
  write("cap", std::as_const(record.label));
  write("cap_value", record.cap_si);
  for (const RowVariable& variable : kRowVariables) {
    write(variable.name, variable.value(record));
  }
  write("accelerators", record.accelerators);
  write("classes", record.classes);
  write("tokens", record.tokens);
  write("activities", record.activities);
  write("fidelity", record.fidelity);
  write("overrides", record.overrides);
  write("fingerprint", record.fingerprint);
  write("fingerprint_text", FingerprintText(record.fingerprint));
  write("energy_is_estimate", static_cast<std::uint8_t>(record.energy_is_estimate ? 1 : 0));
}

void TraceWriter::WriteSeries(const StepRecord& record) {
  const std::size_t samples = file_.size("sample");
  const std::size_t resources = resources_.names.size();
  std::vector<double> time(samples, kNaN);
  std::vector<double> fraction(samples, kNaN);
  for (std::size_t i = 0; i < SamplesOf(record); ++i) {
    time[i] = static_cast<double>(i) * record.interval.si();
    fraction[i] = time[i] / record.step_time.si();
  }
  std::vector<double> share(resources * samples, kNaN);
  std::vector<double> mean(resources, kNaN);
  std::vector<double> members(resources, kNaN);
  std::vector<double> capacity(resources, kNaN);
  for (const UtilisationSeries& series : record.utilisation) {
    const std::size_t r = resources_.IndexOf(series.resource);
    std::copy(series.share.begin(), series.share.end(),
              share.begin() + static_cast<std::ptrdiff_t>(r * samples));
    mean[r] = MeanShare(series.share, record.interval, record.step_time);
    members[r] = static_cast<double>(series.members);
    capacity[r] = series.capacity_si;
  }
  file_.Write("time", {rows_, 0}, {1, samples}, time);
  file_.Write("step_fraction", {rows_, 0}, {1, samples}, fraction);
  file_.Write("utilisation", {rows_, 0, 0}, {1, resources, samples}, share);
  file_.Write("utilisation_mean", {rows_, 0}, {1, resources}, mean);
  file_.Write("resource_members", {rows_, 0}, {1, resources}, members);
  file_.Write("resource_capacity", {rows_, 0}, {1, resources}, capacity);
}

void TraceWriter::WriteBudgets(const StepRecord& record) {
  // Parts of the same name add up: an evaluator may report one activity in several pieces.
  std::vector<double> attribution(attributions_.names.size(), 0.0);
  for (const Attribution& part : record.attribution) {
    attribution[attributions_.IndexOf(part.resource)] += part.time.si();
  }
  std::vector<double> breakdown(activities_.names.size(), 0.0);
  for (const BreakdownPart& part : record.breakdown) {
    breakdown[activities_.IndexOf(part.activity)] += part.time.si();
  }
  std::vector<double> collective(collectives_.names.size(), 0.0);
  for (const auto& [name, seconds] : record.collective_seconds) {
    collective[collectives_.IndexOf(name)] += seconds;
  }
  file_.Write("attribution", {rows_, 0}, {1, attribution.size()}, attribution);
  file_.Write("breakdown", {rows_, 0}, {1, breakdown.size()}, breakdown);
  file_.Write("collective_time", {rows_, 0}, {1, collective.size()}, collective);
}

void TraceWriter::WriteMemory(const StepRecord& record) {
  const std::size_t stages = file_.size("stage");
  for (const MemoryVariable& variable : kMemoryVariables) {
    std::vector<double> bytes(stages, kNaN);
    for (const StageMemory& memory : record.memory) {
      bytes[static_cast<std::size_t>(memory.stage)] = (memory.*variable.member).si();
    }
    file_.Write(variable.name, {rows_, 0}, {1, stages}, bytes);
  }
}

void TraceWriter::Append(const StepRecord& record) {
  CHECK(record.step_time.si() > 0.0);
  CHECK(points_ == 0 || rows_ < points_);
  if (rows_ == 0) {
    CollectNames(record);
    CreateVariables(record);
  }
  GrowAxes(record);
  WriteRow(record);
  WriteSeries(record);
  WriteBudgets(record);
  WriteMemory(record);
  fingerprint_.Add(record.fingerprint);
  file_.SetAttribute("", "fingerprint", FingerprintText(fingerprint()));
  ++rows_;
  file_.Publish();
}

void TraceWriter::Finish() {
  CHECK(rows_ > 0);
  file_.Commit();
}

}  // namespace gridlock
