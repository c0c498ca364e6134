#pragma once

// What `gridlock build` is asked.

#include <string>

#include <CLI/CLI.hpp>

#include "sim/builds/build.h"

namespace gridlock {

struct BuildOptions {
  BuildAsked asked;
  std::string accelerators = "h100_sxm,h200_sxm", spines = "1", tokens = "15T", batch = "16.8M";
  std::string power, dollars, users;
  std::string out = "out/build", format = "text";
  int simulate = 1;  ///< builds, the best ones, that live with simulated steps
  int parallel = 0;
  bool quiet = false;
};

/// Options that say what the build is for.
void AddDemandOptions(CLI::App& command, BuildOptions& options);

/// Options for what is assumed otherwise.
void AddAssumptionOptions(CLI::App& command, BuildOptions& options);

}  // namespace gridlock
