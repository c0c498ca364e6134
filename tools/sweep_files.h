#pragma once

// What `gridlock sweep` and `gridlock studies` do with one sweep file.

#include <functional>
#include <string>
#include <vector>

#include "sim/sweep/run_sweep.h"
#include "sim/sweep/sweep.h"
#include "sim/sweep/verdict.h"

namespace gridlock {

/// A sweep that was run, with all that is said of it.
struct SweepReport {
  SweepOutcome outcome;
  std::vector<VerdictResult> verdicts;
  std::string text, json;
};

/// The sweep file that a user means: `path`, or sweep.textproto in the folder `path`.
std::string SweepFileOf(const std::string& path);

/// Runs the sweep, with progress on stderr unless `quiet`, and writes results.h5, results.csv and
/// summary.json. `options` say the folder. Throws UserError and IoError.
SweepReport RunSweepFiles(const Sweep& sweep, SweepOptions options, const std::string& command_line,
                          bool quiet);

/// The exit code: kSuccess; kFailed when a point crashed or took too long; kBadInput when there are
/// points and all were refused.
int CodeOf(const SweepOutcome& outcome);

/// Runs `body`; what is wrong with the input or with files is printed and becomes the exit code.
/// @param command "sweep": in front of messages that have no position
int WithMessages(const std::string& command, const std::function<int()>& body);

}  // namespace gridlock
