#pragma once

// `gridlock serve --cap`: one resource of the machines at other values, the same requests each
// time.

#include <string>

#include "tools/serve_pools.h"
#include "tools/serve_report.h"

namespace CLI {
class App;
}  // namespace CLI

namespace gridlock {

struct ServeCapOptions {
  std::string resource;  ///< "" without a cap
  std::string values = "100,75,50,25%";
};

/// --cap and --values.
void AddServeCapOptions(CLI::App& command, ServeCapOptions& options);

/// Runs the load at every value; returns what is printed. Throws UserError when a value is wrong or
/// weights do not fit.
std::string ServeCap(const ServeCapOptions& options, const ServePoolOptions& pools,
                     const ServeRun& run, const ServeLoad& load, double usd_per_hour,
                     const std::string& format, bool quiet);

}  // namespace gridlock
