#pragma once

// A model on replicas of a part, under a load: what it delivers, and the search for the cheapest
// deployment that keeps objectives.

#include <string>
#include <vector>

#include "sim/serving/serve_run.h"

namespace gridlock {

struct RoutedResult;

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

/// The same of replicas behind a router; rates and energy are those of a mean replica.
Delivered DeliveredByRouted(const Deployment& deployment, const RoutedResult& result,
                            const IterationCosts& costs, const Objectives& objectives,
                            double usd_per_hour);

/// Beginnings of prompts that a cache keeps, as people size it.
struct PrefixSizes {
  std::int64_t block = 1;   ///< tokens
  std::int64_t tokens = 0;  ///< in HBM; -1: what running sequences leave
  Bytes host, store;        ///< of a replica, and of all
  /// To one accelerator; 0: its link to the host, its NIC.
  BytesPerSecond host_rate, store_rate;
};

PrefixSpec PrefixesOn(const Deployment& deployment, const PrefixSizes& sizes);

/// A part that deployments may use.
struct PricedPart {
  InferencePart part;
  double usd_per_hour = 0;  ///< of one accelerator; 0: not known
};

/// What a search may vary, and what it must keep.
struct PlanSpec {
  Deployment base;  ///< model and engine; part, layout and replicas are searched
  std::vector<PricedPart> parts;
  ServeLoad load;  ///< lengths; requests per second of all together in `value`
  Objectives objectives;
  int width_most = 8;  ///< accelerators of a replica
  std::vector<WeightFormat> weights;
  std::vector<double> cache_bytes;
  bool pools = false;  ///< also prompts and answers on replicas of their own
};

struct ServingPlan {
  Deployment deployment;    ///< of replicas that decode, or do both
  Deployment prefill;       ///< of those that prefill; `replicas` 0: there are no pools
  double rate_most = 0;     ///< requests/s of one replica of `deployment` within the objectives
  Delivered delivered;      ///< at the load, of both
  double usd_per_hour = 0;  ///< of all; 0: no price is known

  [[nodiscard]] bool pools() const { return prefill.replicas > 0; }

  [[nodiscard]] int accelerators() const {
    return deployment.accelerators() + (pools() ? prefill.accelerators() : 0);
  }
};

/// Deployments that keep the objectives: the cheapest first where all parts have a price, else
/// those with the fewest accelerators; of equals the one that is faster for each user.
/// @param tried receives how many were looked at
std::vector<ServingPlan> SearchPlans(const PlanSpec& spec, int& tried);

/// Whose commands LaunchCommands knows: "vllm", "sglang", "trtllm", "dynamo", "llamacpp".
extern const std::vector<std::string> kLaunchers;

/// The commands that start one replica of each kind of a plan, one a line.
std::string LaunchCommands(const ServingPlan& plan, const std::string& server);

}  // namespace gridlock
