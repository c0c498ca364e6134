#pragma once

// The one door for user input: text -> typed, unit-carrying, checked structs.

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sim/base/check.h"
#include "topologies/machine.h"
#include "workloads/training.h"

namespace gridlock {

/// Where each field was written, so that a problem found later still points at a line.
class SourceMap {
 public:
  /// "dir/scenario.textproto:12:5" of the field, or of its nearest enclosing message that was
  /// written; the file's first position when nothing is known.
  [[nodiscard]] std::string Where(const std::string& path) const;

  /// Notes that `path` was written at `where`.
  void Add(const std::string& path, const std::string& where);

  void SetFallback(const std::string& where) { fallback_ = where; }

 private:
  std::map<std::string, std::string> where_;
  std::string fallback_;
};

/// What to record besides the summary.
struct RecordingSpec {
  int intervals = 512;  ///< time resolution of the utilisation series, intervals per step (at most)
};

/// What is capped. A cap replaces the resource's rate by a lower (or higher) one.
enum class CapTarget { kScaleUp, kNic, kWan, kHbm, kFlops, kPower };

struct Scenario {
  std::string file;  ///< as given by the user
  std::string name;
  std::uint64_t seed = 0;
  SiteSpec site;
  TrainingSpec job;
  std::string job_name;
  RecordingSpec recording;
  std::string text;  ///< the whole scenario after includes and overrides, canonical textproto
  std::vector<std::string> notes;  ///< what was understood, for the output: "900 GBps bidirectional
                                   ///< = 450 GB/s per direction"
  SourceMap sources;
};

/// Reads a scenario, its includes and the catalogue entries that it names.
/// @param overrides "path=value" texts, applied after the file ("site[0].servers=2").
/// Throws UserError with every problem found; messages already carry their position.
Scenario LoadScenario(const std::string& file, const std::vector<std::string>& overrides);

/// Turns problems with field paths into lines "file:line:column: message".
std::vector<std::string> Locate(const UserError& error, const SourceMap& sources);

/// The documentation of every field of the schema, from the comments of the .proto files.
std::string SchemaDocumentation();

}  // namespace gridlock
