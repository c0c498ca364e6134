#pragma once

// What is known about a run before its first step: the head of every trace and of every report.

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace gridlock {

/// One thing that a run simulates: {"model", "llama_3.1_8b"}.
struct SetupItem {
  std::string name;
  std::string text;
};

/// A number of the input that a run has read: {"accelerator h100_sxm", "power.idle"}.
struct InputNumber {
  std::string entry;  ///< of the catalogue
  std::string field;
};

/// How far simulated step times were off published ones, of runs like this one.
struct ExpectedError {
  int rows = 0;           ///< published runs behind it
  double median_pct = 0;  ///< half of them were off by less
  double p90_pct = 0;     ///< nine in ten were
  std::string basis;      ///< which runs, in words
};

struct TraceHeader {
  std::string scenario_name = {};
  std::string scenario_text =
      {};  ///< the whole scenario after includes and overrides, canonical textproto
  std::string description = {};       ///< the scenario's own line about itself; may be ""
  std::vector<SetupItem> setup = {};  ///< model, layout, batch, ... in words, in order
  std::vector<std::pair<std::string, std::int64_t>> sizes = {};  ///< the same as plain numbers
  std::string machine = {};  ///< for people: "16 x DGX H100"; may be ""
  std::uint64_t seed = 0;
  std::string gridlock_version = {};
  std::string catalogue = {};  ///< where the entries come from: "shipped", or the user's folders
  std::string catalogue_fingerprint = {};  ///< of the entries that the scenario uses
  std::string gridlock_commit = {};        ///< of the build, "-dirty" behind it when files differed
  std::string command_line = {};
  std::vector<std::string> notes = {};               ///< what was understood from the input
  std::vector<InputNumber> estimates = {};           ///< neither measured nor published
  std::vector<InputNumber> unsourced = {};           ///< given by the user, no source
  std::optional<ExpectedError> expected_error = {};  ///< of the step time; nothing in lives
  std::string cap_quantity =
      {};  ///< what is capped, "scale-up bandwidth per direction"; "" when nothing is
  std::string cap_units = {};  ///< of StepRecord::cap_si: "byte/s", "FLOP/s", "W", or "1"
};

}  // namespace gridlock
