#pragma once

// A scenario for those who have none: a model, a machine and a batch.

#include <cstdint>
#include <string>
#include <vector>

#include "sim/catalogue/list.h"

namespace gridlock {

/// What the user says instead of a scenario.
struct ModelAsked {
  std::string model;
  std::string cluster;            ///< of the catalogue, or
  std::string accelerator;        ///< one, on a fabric of our own
  std::int64_t accelerators = 0;  ///< most of all that are asked for; 0: those of the cluster
  std::string global_batch;       ///< "2048" sequences, or "16.8M tokens"
  std::int64_t sequence_length = 8192;
  std::string stack = "megatron_core";
  std::string precision = "BF16";
  std::string adapters;  ///< LoRA: a rank, or the block of a scenario; "": all weights are trained
};

/// A number with an optional K, M, G, B or T of the decimal system: "15.6T" is 15.6e12. Throws
/// UserError. @param option for the message: "--tokens"
double ParseCount(const std::string& text, const std::string& option);

/// Sequences of a batch, of "2048" or of "16.8M tokens"; tokens are rounded to a multiple of 64
/// sequences. Throws UserError.
std::int64_t ParseBatch(const std::string& text, std::int64_t sequence_length);

/// The scenario, of one accelerator's layout, and what was assumed. Throws UserError.
std::string ScenarioTextOf(const ModelAsked& asked, const CatalogueList& catalogue,
                           std::vector<std::string>& notes);

}  // namespace gridlock
