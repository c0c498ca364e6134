#pragma once

// `gridlock serve --adapters`: low-rank adapters that requests ask for.

#include <cstdint>
#include <string>

#include "sim/report/json.h"
#include "sim/serving/serve_run.h"

namespace CLI {
class App;
}  // namespace CLI

namespace gridlock {

struct AdapterOptions {
  int count = 0;  ///< 0: the model alone
  int rank = 16;
  std::int64_t slots = 0;  ///< 0: the engine's
  double skew = 0;
  std::string targets = "all-linear";  ///< names, separated by commas
};

/// --adapters, --adapter-rank, --adapter-slots, --adapter-skew and --adapter-targets.
void AddAdapterOptions(CLI::App& command, AdapterOptions& options);

/// As a replica holds them. Throws UserError where a target is not known.
ServedAdapters AdaptersOf(const AdapterOptions& options);

/// What adapters did, a line; "" where there are none. @param asked that requests ask for
std::string AdapterText(const BatchWork& work, const IterationCosts& costs, int asked);

/// The same as members of an object.
void AddAdapterMembers(const BatchWork& work, const IterationCosts& costs, JsonWriter& json);

}  // namespace gridlock
