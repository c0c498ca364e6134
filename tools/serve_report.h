#pragma once

// What `gridlock serve` prints of a run.

#include <string>

#include "sim/interop/request_trace.h"
#include "sim/serving/deployment.h"

namespace gridlock {

/// One run, ready to be reported.
struct ServeRun {
  Deployment deployment;
  ServeResult result;
  Objectives objectives;
  std::string note;
  PrefixHits hits;   ///< of a cache without end; no blocks: there is none
  int adapters = 0;  ///< that requests ask for
  EncodeSpec encode;
};

/// Throws UserError where requests came and none was served: latencies would read as zero.
void RefuseIfNoneWasServed(const ServeResult& result);

std::string ServeRunText(const ServeRun& run, const IterationCosts& costs, double usd_per_hour);
std::string ServeRunJson(const ServeRun& run, const IterationCosts& costs, double usd_per_hour);

}  // namespace gridlock
