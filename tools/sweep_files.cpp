#include "tools/sweep_files.h"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

#include "sim/base/atomic_file.h"
#include "sim/describe/header.h"
#include "sim/schema/problems.h"
#include "sim/sweep/refine.h"
#include "sim/sweep/sweep_table.h"

#include "tools/command.h"
#include "tools/commit.h"
#include "tools/progress.h"
#include "tools/version.h"

namespace gridlock {
namespace {

void AddNew(const std::vector<InputNumber>& numbers, std::vector<InputNumber>& to) {
  for (const InputNumber& each : numbers) {
    const bool known = std::any_of(to.begin(), to.end(), [&](const InputNumber& other) {
      return other.entry == each.entry && other.field == each.field;
    });
    if (!known) {
      to.push_back(each);
    }
  }
}

/// The heads of a few points, from the first to the last, as one: catalogue and notes of the first
/// that can be simulated, estimates of all of them. Without one the name of the sweep alone.
TraceHeader HeaderOfSweep(const Sweep& sweep, const std::string& command_line) {
  constexpr std::uint64_t kTried = 32;
  const std::uint64_t cells = sweep.grid.cells(), tried = std::min(kTried, cells);
  TraceHeader header;
  for (std::uint64_t i = 0; i < tried; ++i) {
    const Cell cell = sweep.grid.At(tried > 1 ? i * (cells - 1) / (tried - 1) : 0);
    try {
      TraceHeader own = HeaderOf(
          sweep.bases[sweep.grid.BaseAt(cell)].base.At(sweep.grid.PointAt(cell)), command_line);
      if (header.scenario_name.empty()) {
        header = std::move(own);
        continue;
      }
      AddNew(own.estimates, header.estimates);
      AddNew(own.unsourced, header.unsourced);
    } catch (const UserError&) {
      // The journal will say why.
    }
  }
  header.gridlock_version = kVersion;
  header.gridlock_commit = kCommit;
  header.command_line = command_line;
  if (cells > 1) {  // what the points are is said by the axes
    header.machine.clear();
    header.setup.clear();
    header.sizes.clear();
  }
  header.catalogue_fingerprint = CatalogueHash();  // points may use entries that these do not
  header.scenario_name = sweep.name;
  header.description = sweep.description;
  header.scenario_text = sweep.bases[0].base.TextAt({});
  return header;
}

}  // namespace

std::string SweepFileOf(const std::string& path) {
  std::error_code ignored;
  const std::string inside = path + "/sweep.textproto";
  if (std::filesystem::is_directory(path, ignored)) {
    if (!std::filesystem::exists(inside, ignored)) {
      throw LocatedError("", Refusal(path + ": no sweep.textproto is in this folder",
                                     "a sweep file, or a folder with one"));
    }
    return inside;
  }
  if (!std::filesystem::exists(path, ignored)) {
    throw LocatedError("", Refusal(path + ": no such file or folder",
                                   "a sweep file, or a folder with a sweep.textproto"));
  }
  return path;
}

SweepReport RunSweepFiles(const Sweep& sweep, SweepOptions options, const std::string& command_line,
                          bool quiet) {
  if (!options.refine.output.empty()) {
    CheckRefine(sweep.grid, options.refine.output, options.refine.axis);
  }
  if (CellsOf(sweep).empty()) {
    throw UserError("",
                    Refusal("\"only\" leaves no point of " + sweep.file,
                            "formulas that some point fulfils; axes stand for values in SI units"));
  }
  const TraceHeader header = HeaderOfSweep(sweep, command_line);
  ProgressLine progress(quiet);
  options.progress = [&](std::int64_t done, std::int64_t of, std::int64_t bad, double fraction) {
    progress.Show(fmt::format("{} of {} points{}", done, of,
                              bad > 0 ? fmt::format(", {} of them not simulated", bad) : ""),
                  fraction);
  };
  options.note = [&](const std::string& note) {
    progress.Clear();
    fmt::print(stderr, "gridlock: {}\n", note);
  };
  SweepReport report;
  report.outcome = RunSweep(sweep, header, options);
  progress.Clear();
  if (options.shard.of > 1) {  // what is asked of the results is asked of all points
    report.text = fmt::format(
        "shard {} of {}: {} points, {} done, {} refused, {} failed, {} timed out\n",
        options.shard.number, options.shard.of, report.outcome.points, report.outcome.done,
        report.outcome.refused, report.outcome.failed, report.outcome.timed_out);
    return report;
  }
  const std::string journal = options.folder + "/journal.jsonl";
  report.verdicts = Decide(sweep, report.outcome.grid, journal);
  report.text = SweepText(sweep, header, report.outcome, report.verdicts, journal);
  report.json = SweepJson(sweep, header, report.outcome, report.verdicts);
  WriteFileAtomically(options.folder + "/summary.json", report.json);
  return report;
}

int CodeOf(const SweepOutcome& outcome) {
  if (outcome.failed + outcome.timed_out > 0) {
    return kFailed;
  }
  return outcome.points > 0 && outcome.refused == outcome.points ? kBadInput : kSuccess;
}

int WithMessages(const std::string& command, const std::function<int()>& body) {
  try {
    return body();
  } catch (const UserError& error) {
    const bool located = dynamic_cast<const LocatedError*>(&error) != nullptr;
    for (const Problem& problem : error.problems()) {
      fmt::print(stderr, "{}{}\n", located ? "" : "gridlock " + command + ": ", problem.message);
    }
    return kBadInput;
  } catch (const IoError& error) {
    fmt::print(stderr, "gridlock: {}\n", error.what());
    return kIoFailed;
  }
}

}  // namespace gridlock
