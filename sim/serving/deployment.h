#pragma once

// A model on replicas of a part, under a load: what it delivers, and the search for the cheapest
// deployment that keeps objectives.

#include <string>
#include <vector>

#include "sim/serving/serve_run.h"

namespace gridlock {

struct Deployment {
  InferenceModel model;
  InferencePart part;
  InferenceEngine engine;
  InferenceLayout layout;
  int replicas = 1;

  [[nodiscard]] int accelerators() const { return replicas * layout.accelerators(); }
};

/// The part that ranks of both kinds act as together: each step ends with the slower one, and the
/// cache is as large as the smaller one allows.
InferencePart SlowerOf(const InferencePart& a, const InferencePart& b);

/// Objectives that a share of the requests must keep. 0: none.
struct Objectives {
  Seconds ttft, tpot;
  double share = 0.9;
};

/// A result in the numbers that people compare.
struct Delivered {
  double output_rate = 0;      ///< tokens/s of all replicas
  double per_accelerator = 0;  ///< tokens/s
  double per_user = 0;         ///< 1 / mean TPOT
  double goodput = 0;          ///< requests/s that keep both objectives, of all replicas
  double within = 0;           ///< share of requests that do
  double watts = 0;            ///< per accelerator; 0: not known
  double joules_per_token = 0;
  double usd_per_million = 0;  ///< output tokens; 0: no price
};

/// @param usd_per_hour of one accelerator; 0: not known
Delivered DeliveredBy(const Deployment& deployment, const ServeResult& result,
                      const IterationCosts& costs, const Objectives& objectives,
                      double usd_per_hour);

/// What a search may vary, and what it must keep.
struct PlanSpec {
  Deployment base;  ///< model, part, engine; layout and replicas are searched
  ServeLoad load;   ///< lengths; requests per second of all together in `value`
  Objectives objectives;
  double usd_per_hour = 0;
  int width_most = 8;  ///< accelerators of a replica
  std::vector<WeightFormat> weights;
  std::vector<double> cache_bytes;
};

struct ServingPlan {
  Deployment deployment;
  double rate_most = 0;  ///< requests/s of one replica within the objectives
  Delivered delivered;   ///< at the load
  double usd_per_hour = 0;
};

/// Deployments that keep the objectives, fewest accelerators first, those of equal number by
/// TPOT. @param tried receives how many were looked at
std::vector<ServingPlan> SearchPlans(const PlanSpec& spec, int& tried);

/// The command that starts one replica of the deployment, for "vllm" or "sglang".
std::string LaunchCommand(const Deployment& deployment, const std::string& server);

}  // namespace gridlock
