#pragma once

// Runs the points of a sweep in children, each once, and writes what they give into a folder.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "sim/record/trace_header.h"
#include "sim/sweep/journal.h"
#include "sim/sweep/sweep.h"

namespace gridlock {

/// Points where a curve bends: see refine.h.
struct RefineOptions {
  std::string output;  ///< "step_time"; "" for none
  std::string axis;    ///< "": the only axis of numbers
  int most = 8;        ///< coordinates to add
};

/// A part of a sweep's points: those whose number leaves `number` - 1 when divided by `of`.
struct Shard {
  int number = 1;  ///< from 1
  int of = 1;      ///< 1: all points
};

struct SweepOptions {
  std::string folder;
  Shard shard;                      ///< the points to run; results are only written of all
  std::vector<std::string> merged;  ///< folders of all shards: their points are taken, none is run
  JournalMode mode = JournalMode::kNew;
  int parallel = 0;      ///< 0: one child per core
  double timeout_s = 0;  ///< for each point; 0: none
  RefineOptions refine;
  std::string results = "results";  ///< name of the .h5 and .csv files

  /// Called about once a second: points that are done, of how many, and those that were refused or
  /// failed.
  std::function<void(std::int64_t done, std::int64_t of, std::int64_t bad, double fraction)>
      progress;
  /// Called with lines for people that are no result: a torn line that was cut off.
  std::function<void(const std::string&)> note;
};

/// What came of a sweep; the numbers themselves are in the journal.
struct SweepOutcome {
  Grid grid{{}};  ///< with the coordinates that were added, in the order of their values
  std::int64_t points = 0, done = 0, refused = 0, failed = 0, timed_out = 0;
  std::string first_problem;  ///< of a point that is not done; ""
  std::string fingerprint;    ///< of all points; the same whatever the order of their ends
};

/// What is known of a folder of a sweep without running anything.
struct SweepStatus {
  Shard shard;
  std::int64_t planned = 0;  ///< points; of a shard its own
  std::int64_t done = 0, refused = 0, failed = 0, timed_out = 0;
};

/// Throws UserError for a folder without a sweep.
SweepStatus StatusOf(const std::string& folder);

/// Runs what is not in the journal, then writes the results. @param header of the sweep: its
/// command, build and the hash of the whole catalogue. Throws UserError and IoError.
SweepOutcome RunSweep(const Sweep& sweep, const TraceHeader& header, const SweepOptions& options);

}  // namespace gridlock
