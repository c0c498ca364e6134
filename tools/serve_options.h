#pragma once

// What `gridlock serve` and `gridlock serve-plan` share: a deployment and a load from the command
// line.

#include <string>
#include <vector>

#include "sim/catalogue/serving_catalogue.h"
#include "sim/serving/deployment.h"

#include "tools/serve_adapters.h"
#include "tools/serve_images.h"

namespace CLI {
class App;
}  // namespace CLI

namespace gridlock {

struct ServeOptions {
  std::string model = "llama-3.1-70b", part = "h100_sxm", engine = "vllm_2";
  std::vector<std::string> own;  ///< files with entries of the user's own
  std::string weights = "auto", cache = "auto";
  int tensor = 1, pipeline = 1, data = 1, replicas = 1, drafts = 0;
  double accepted = 0.8;
  double input = 1000, output = 250, spread = 0, rate = 0, concurrency = 0;
  double offload_gb = 0, host_memory_gbs = 67;
  std::int64_t requests = 2000, batch_max = 0, kv_tokens = 0;
  double memory_share = 0;  ///< 0: the engine's
  std::int64_t answers = 1;
  double turns = 1, pause = 0, burstiness = 1;
  std::string surge;  ///< "AT:SPAN:TIMES", seconds
  AdapterOptions adapters;
  ImageOptions images;
  std::string experts = "auto", sampling = "greedy";
  int beams = 1, max_model_len = 0;  ///< 0: the model's context
  int expert_ranks = 0, micro_batches = 3;
  double ttft_ms = 0, tpot_ms = 0, share = 0.9, usd_per_hour = 0;
  std::uint64_t seed = 1;
  std::string format = "text", out;  ///< -o; "" for the screen
  bool quiet = false;
};

/// Model, part, engine, lengths, rate, objectives, price and format.
void AddServeLoadOptions(CLI::App& command, ServeOptions& options);

/// Formats, layout, batch, memory, drafts, requests.
void AddDeploymentOptions(CLI::App& command, ServeOptions& options);

/// How requests come together: several answers, turns, bursts, a flash crowd.
void AddConversationOptions(CLI::App& command, ServeOptions& options);

/// The shipped tables, and the entries of the user's own files. Throws UserError with their
/// mistakes.
ServingCatalogue TablesOf(const ServeOptions& options);

/// Throws UserError when a name is not known.
Deployment DeploymentOf(const ServeOptions& options, const ServingCatalogue& catalogue);

/// An encoder by itself answers each input with one vector, whatever --output-tokens says.
ServeLoad LoadOf(const ServeOptions& options, const InferenceModel& model);

Objectives ObjectivesOf(const ServeOptions& options);

/// Throws UserError where weights leave HBM no room for a KV cache, with what would fit.
void CheckThatWeightsFit(const Deployment& deployment);

}  // namespace gridlock
