#pragma once

// What the cells of a table of serving measurements may say, and what is taken for names that
// nobody knows: a run that took place is no reason for a refusal.

#include <optional>
#include <string>

#include "sim/catalogue/serving_catalogue.h"
#include "workloads/inference.h"

namespace gridlock {

/// A part by any of its names, else the nearest of its kind; `assumed` says which.
InferencePart PartMeant(const std::string& name, const ServingCatalogue& catalogue,
                        std::string& assumed);

/// The format of weights that a word stands for: "awq", "w4a16" and "iq4_xs" are 4 bits that are
/// widened, "fp8_e4m3" is FP8; BF16 where nobody knows it. `assumed` says what is no plain name.
WeightFormat WeightsMeant(const std::string& text, std::string& assumed);

/// The name that tables of engines have: "TensorRT-LLM" is "trtllm". `stated` is false where the
/// row names none.
std::string EngineMeant(const std::string& text, bool& stated);

/// Whether an engine that in 2023 ran eager PyTorch still did: by its release, where the row says
/// one, else by its part.
bool OfTheYear2023(const std::string& version, const std::string& part);

/// "batch", "offline_max", "concurrency" or "request_rate"; "" where nobody knows it.
std::string LoadMeant(const std::string& text);

/// A metric as ServingMetric knows it.
std::string MetricMeant(const std::string& text);

/// The number that stands where the pattern, a regular expression, has its group: "8,192" is 8192.
std::optional<double> NumberIn(const std::string& text, const char* pattern);

bool Has(const std::string& text, const char* word);

}  // namespace gridlock
