#pragma once

// One measured operating point of a serving engine: its row as a replica and a load, and what the
// simulation says in the row's metric. What a row leaves blank is filled in the same way for every
// row, and said:
//   part, engine     unknown ones: the nearest part of the kind, and an engine of today
//   tp               the narrowest width whose weights leave a third of the HBM
//   kv_precision     the engine's own: 8 bits with narrow weights where it does so, else 16
//   input_tokens     of an MLPerf data set: the mean of the set
//   requests         of an offline load: as many as take 7.7 million tokens, 1,000 to 30,000
//   model            of a row without its layers: the one of this name that `serve` knows
//   ep               where attention is data-parallel: experts whole on ranks, or in slices on all
//                    of them where the engine has them so (SGLang); 1: slices
//   drafts           MTP of three tokens where notes say so; 0.8 of each is accepted (estimate)

#include <map>
#include <optional>
#include <string>

#include "sim/catalogue/serving_catalogue.h"
#include "sim/serving/serve_run.h"

namespace gridlock {

using ServingCells = std::map<std::string, std::string>;  ///< by column

/// A row as a replica and a load.
struct ServingCase {
  InferenceModel model;
  InferencePart part;
  InferenceEngine engine;
  InferenceLayout layout;
  ServeLoad load;  ///< of one replica
  double accelerators = 1, replicas = 1;
  std::string assumed;  ///< in words
};

struct ServingPrediction {
  std::optional<double> value;  ///< in the row's unit
  std::string reason;           ///< why there is none, or what was assumed
  bool refused = false;         ///< the row makes sense, but does not fit
  std::string binding;          ///< the limit that binds
};

/// Fills `row` from the cells; returns why it cannot be, or "".
std::string ReadServingCase(const ServingCells& cells, const ServingCatalogue& catalogue,
                            ServingCase& row);

/// Never throws for what is wrong with a row.
ServingPrediction PredictServing(const ServingCells& cells, const ServingCatalogue& catalogue);

/// What a result says in a metric: output, input or total "_tokens_per_s", whole or with
/// "_per_user",
/// "_per_accelerator" or "_per_gpu"; "tokens_per_s_per_user"; "ttft_ms", "tpot_ms", "itl_ms",
/// "requests_per_s", "e2e_latency_ms", with "mean_", "median_" or "p90_" and the like before them.
/// Nothing when the metric is none of these.
std::optional<double> ServingMetric(const std::string& metric, const ServeResult& result,
                                    double replicas, double accelerators);

}  // namespace gridlock
