#pragma once

// Workload files: what generators made of a scenario, to be looked at, kept and run again. The
// format is that of proto/workload.proto; reading is the loader's (Scenario.workload).

#include <memory>
#include <string>
#include <vector>

#include "sim/scenario/scenario.h"

namespace gridlock {

enum class WorkloadFormat {
  kBinary,  ///< length-delimited items
  kText,    ///< the same as one message in protobuf's text format
};

/// Writes a workload file item by item: into NAME.part, which Finish() renames to NAME. Every
/// function throws IoError when the disk refuses. Without Finish() nothing is left behind.
class WorkloadWriter {
 public:
  /// Begins with the header. `scenario` is what jobs and requests were generated from, `generated`
  /// the names of its campaigns and fleets of which this file holds everything.
  WorkloadWriter(const std::string& file, WorkloadFormat format, const Scenario& scenario,
                 const std::vector<std::string>& generated);
  ~WorkloadWriter();

  WorkloadWriter(const WorkloadWriter&) = delete;
  WorkloadWriter& operator=(const WorkloadWriter&) = delete;

  /// Adds an experiment of a campaign of the scenario, as BuildExperiments makes it: a rung of the
  /// campaign with a start and a length of its own. The path of its step names the rung.
  void Add(const JobSpec& experiment);

  /// The next request to a fleet, by rising arrival.
  void Add(const std::string& fleet, const Request& request);

  /// Syncs and publishes the file.
  void Finish();

 private:
  struct Stream;

  std::unique_ptr<Stream> stream_;
};

}  // namespace gridlock
