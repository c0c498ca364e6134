#pragma once

// `gridlock serve --replicas N --router NAME`: all replicas, with a router in front.

#include <string>

#include "tools/serve_report.h"

namespace gridlock {

/// Runs the load of all replicas together. Returns what is printed, as text or JSON.
std::string ServeFleet(const std::string& router, const ServeRun& run, const ServeLoad& load,
                       double usd_per_hour, const std::string& format);

}  // namespace gridlock
