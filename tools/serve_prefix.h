#pragma once

// `gridlock serve --replay`: a recorded trace as a load, and the cache of beginnings of prompts.

#include <string>
#include <vector>

#include "sim/interop/request_trace.h"
#include "sim/report/json.h"

#include "tools/serve_report.h"

namespace CLI {
class App;
}  // namespace CLI

namespace gridlock {

struct PrefixOptions {
  std::string cache = "none";
  double host_gb = 0, host_gbs = 0;    ///< GB/s 0: as the part has it
  double store_gb = 0, store_gbs = 0;  ///< of all replicas; GB/s 0: the NIC's

  /// Whether the cache is one that fills and empties, and not one without end.
  [[nodiscard]] bool Simulated() const { return cache != "none" && cache != "infinite"; }
};

/// --prefix-cache, --host-cache-gb, --host-gbs, --store-gb and --store-gbs.
void AddPrefixOptions(CLI::App& command, PrefixOptions& options);

/// The cache that options ask for, on a deployment.
/// @param block tokens of one block of a prompt
PrefixSpec PrefixesOf(const PrefixOptions& options, const Deployment& deployment,
                      std::int64_t block = kTraceBlock);

/// One in `replicas` of the trace's requests, for the deployment of `run`, which learns the hits of
/// a cache without end.
ServeLoad LoadOfTrace(const PrefixOptions& options, const std::vector<TraceRequest>& trace,
                      int replicas, ServeRun& run);

/// What a cache of beginnings did, a line for each tier; "" when none was kept.
std::string PrefixText(const PrefixCounts& counts, Seconds duration);

/// The same as members of an object.
void AddPrefixMembers(const PrefixCounts& counts, JsonWriter& json);

}  // namespace gridlock
