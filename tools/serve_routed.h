#pragma once

// `gridlock serve --replicas N --router NAME`: all replicas, with a router in front; with
// --replicas-min as many as the load asks for.

#include <string>

#include "workloads/job.h"

#include "tools/serve_report.h"

namespace CLI {
class App;
}  // namespace CLI

namespace gridlock {

struct ScaleOptions {
  int replicas_min = 0;  ///< 0: the fleet keeps its size
  double target = 0;     ///< requests for a replica; 0: a share of its batch
  std::string weights = "storage";
  double storage_gbs = 0;              ///< of all replicas that start; 0: it never binds
  double core_gbs = 0, other_gbs = 0;  ///< of the fabric that weights cross, see ServePoolOptions
  double engine_s = kEngineStart.si(), interval_s = 15, keep_s = 300;
};

/// --replicas-min, --target-requests, --weights-from, --storage-gbs, --engine-start-s,
/// --decide-every-s and --keep-s.
void AddScaleOptions(CLI::App& command, ScaleOptions& options);

/// Runs the load of all replicas together. Returns what is printed, as text or JSON.
std::string ServeRouted(const std::string& router, const ServeRun& run, const ServeLoad& load,
                        const ScaleOptions& scale, double usd_per_hour, const std::string& format);

}  // namespace gridlock
