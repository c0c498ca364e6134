#pragma once

// The scenarios that stand for published failures, powers and runs over several sites.

#include <cstdint>
#include <string>

namespace gridlock {

/// A failure rate of the catalogue, and the mean time between failures of a server by it.
struct Rate {
  std::string name;
  double server_days;
};

/// The rate that jobs of a row fail at: see life_cases.h.
Rate RateOf(const std::string& metric, const std::string& accelerator, std::int64_t accelerators);

/// Seconds of a cold start of a run of this size.
double RestartSeconds(std::int64_t accelerators);

/// Training runs that fail, on servers of eight under ideal switches.
struct FailingRuns {
  std::string server;             ///< of the catalogue
  std::int64_t accelerators = 8;  ///< of one run
  int runs = 1;
  std::string failure_rate;  ///< of the catalogue
  double horizon_days = 1;
  double restart_s = 0;
  double checkpoint_s = 0;  ///< interval; 0: a small model without checkpoints
};

std::string FailingRunsText(const FailingRuns& runs);

/// A model that is trained on one server.
struct OneServerTraining {
  const char* model;
  const char* title;
  const char* recompute;
};

/// The largest that fits is meant to stand for training: Llama 2 13B where HBM allows.
inline constexpr OneServerTraining kOneServerTrainings[] = {
    {"llama_2_13b", "Llama 2 13B", "SELECTIVE"},
    {"llama_2_13b", "Llama 2 13B, layers recomputed", "FULL_LAYER"},
    {"llama_2_7b", "Llama 2 7B, layers recomputed", "FULL_LAYER"},
    {"llama_3.2_1b", "Llama 3.2 1B, layers recomputed", "FULL_LAYER"}};

/// One of these on one server of the catalogue with eight accelerators, fully sharded; each takes
/// so many sequences of 4,096 tokens in a step.
std::string OneServerText(const std::string& server, const OneServerTraining& training,
                          int sequences_each);

/// A model of seven billion parameters on 128 servers of eight, fully sharded and compiled, 4M
/// tokens a step: OLMo 2 7B as its report has it (arXiv:2501.00656, table of hyperparameters and
/// section on hardware; from memory). Each accelerator takes one sequence of 4,096.
std::string PublishedRunText(const std::string& server);

/// Llama 3.1 8B on `servers` sites of one server each, far from each other, that meet once in
/// `steps` steps with a byte for each parameter over links of 500 Mbps; 0: they meet never.
std::string RareSumsText(const std::string& server, int servers, int steps);

/// Nemotron-4 340B on `accelerators` in one site, or half of them in each of two that lie so far
/// apart.
std::string SitesText(const std::string& server, std::int64_t accelerators, int sites,
                      double distance_km);

/// Bytes of a checkpoint of the model that FailingRuns of this size train.
double CheckpointBytesOf(std::int64_t accelerators);

}  // namespace gridlock
