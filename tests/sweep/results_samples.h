#pragma once

// Sweeps whose every number is a formula, with their journals; results_check.py holds the same.

#include <string>
#include <vector>

#include "sim/record/trace_header.h"
#include "sim/sweep/results_file.h"
#include "tests/sweep/sweep_samples.h"

namespace gridlock {

inline TraceHeader SweepHeader() {
  TraceHeader header;
  header.scenario_name = "sample \"µ\"";
  header.scenario_text = "schema_version: 1\n";
  header.gridlock_version = "0.1.0";
  header.command_line = "gridlock sweep sample.textproto";
  header.seed = 7;
  return header;
}

struct SampleResults {
  Sweep sweep;
  std::vector<PointRecord> records;
};

/// The outputs of cell `number`: scalars, elements and a text.
inline std::vector<OutputValue> SampleOutputs(double number) {
  return {StepTime(1 + number),
          {"binding_wall", "", 0, "wall " + std::to_string(static_cast<int>(number))},
          {"breakdown", "compute", 10 + number, ""},
          {"breakdown", "data_comm", number == 3 ? std::nan("") : 20 + number, ""}};
}

/// Two choices and three bandwidths: a refused point, one that timed out, one left out.
inline SampleResults SmallResults() {
  SampleResults sample;
  sample.sweep.name = "small";
  sample.sweep.text = "schema_version: 1\nname: \"small\"\n";
  sample.sweep.grid = Grid({ChoiceAxis("fabric", {"fat, \"tree\"", "µ-torus"}),
                            NumberAxis("nic", {1e11, 5e10, 2.5e10}, "byte/s")});
  const Grid& grid = sample.sweep.grid;
  for (const std::uint64_t number : {0, 1, 2, 3, 5}) {
    PointRecord record =
        RecordAt(grid, grid.At(number), static_cast<std::int64_t>(sample.records.size()),
                 SampleOutputs(static_cast<double>(number)));
    record.set = "seed=" + std::to_string(number);
    sample.records.push_back(record);
  }
  for (const std::size_t bad : {1, 4}) {
    PointRecord& record = sample.records[bad];
    record.status = bad == 1 ? PointStatus::kRefused : PointStatus::kTimedOut;
    record.message = bad == 1 ? "does not fit,\nnor does \"that\"" : "it took longer than 1 s";
    record.fingerprint = "";
    record.outputs = {};
  }
  return sample;
}

/// Axes that are called as an output, and as the dimension of one.
inline SampleResults NameResults() {
  SampleResults sample;
  sample.sweep.name = "names";
  sample.sweep.grid = Grid({NumberAxis("step_time", {1, 2}), ChoiceAxis("activity", {"a", "b"})});
  for (std::uint64_t number = 0; number < 4; ++number) {
    sample.records.push_back(RecordAt(sample.sweep.grid, sample.sweep.grid.At(number),
                                      static_cast<std::int64_t>(number),
                                      SampleOutputs(static_cast<double>(number))));
  }
  return sample;
}

/// One point, without axes.
inline SampleResults OneResult() {
  SampleResults sample;
  sample.sweep.name = "one";
  sample.records = {RecordAt(sample.sweep.grid, {}, 0, SampleOutputs(0))};
  return sample;
}

/// Three slabs, of which few cells have a point. The last point lies in the first slab, as
/// refinement may have it.
inline SampleResults SlabResults() {
  SampleResults sample;
  sample.sweep.name = "slabs";
  std::vector<double> many(90'000);
  for (std::size_t i = 0; i < many.size(); ++i) {
    many[i] = static_cast<double>(i);
  }
  sample.sweep.grid = Grid({NumberAxis("few", {1, 2, 3, 4, 5}), NumberAxis("many", many)});
  const Grid& grid = sample.sweep.grid;
  for (const std::uint64_t number :
       {0U, 89'999U, 90'000U, 179'999U, 180'000U, 359'999U, 360'000U, 449'999U, 7U}) {
    sample.records.push_back(RecordAt(grid, grid.At(number),
                                      static_cast<std::int64_t>(sample.records.size()),
                                      {StepTime(static_cast<double>(number))}));
  }
  return sample;
}

inline SampleResults ResultsNamed(const std::string& name) {
  return name == "small"   ? SmallResults()
         : name == "names" ? NameResults()
         : name == "slabs" ? SlabResults()
                           : OneResult();
}

/// Writes FOLDER/journal.jsonl, FOLDER/results.h5 and FOLDER/results.csv; returns the fingerprint.
inline std::string WriteSample(const SampleResults& sample, const std::string& folder) {
  WriteLines(folder + "/journal.jsonl", sample.records);
  return WriteResults(sample.sweep, SweepHeader(), sample.sweep.grid, folder + "/journal.jsonl",
                      folder + "/results");
}

}  // namespace gridlock
