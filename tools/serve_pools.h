#pragma once

// `gridlock serve --prefill-replicas`: prefill and decode in pools of their own.

#include <string>

#include "sim/serving/deployment.h"
#include "sim/serving/pools.h"

namespace CLI {
class App;
}  // namespace CLI

namespace gridlock {

struct ServePoolOptions {
  int prefill_replicas = 0, prefill_tensor = 0;  ///< 0: no pools; as decode replicas
  double kv_gbs = 0, core_gbs = 0, other_gbs = 0;
  std::string router = "least_loaded";
};

/// --prefill-replicas, --prefill-tensor, --kv-gbs, --core-gbs, --other-gbs and --router.
void AddPoolOptions(CLI::App& command, ServePoolOptions& options);

/// A run of both pools.
struct PoolsRun {
  InferenceLayout prefill;  ///< of a prefill replica
  PoolResult result;
  AdapterCosts adapters;  ///< of a replica that decodes
  std::string binds;      ///< the busiest of "prefill", "fabric" and "decode"
};

/// By its name on the command line.
Router RouterOf(const std::string& name);

/// Runs the load of all replicas together. Throws UserError when a layout does not fit.
PoolsRun RunPoolsOf(const ServePoolOptions& options, const Deployment& decode,
                    const ServeLoad& load);

/// Runs the load of all replicas together on both pools; `decode` is the pool that decodes. Returns
/// what is printed. Throws UserError when a layout does not fit.
std::string ServePools(const ServePoolOptions& options, const Deployment& decode,
                       const ServeLoad& load, const std::string& format);

}  // namespace gridlock
