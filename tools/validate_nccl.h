#pragma once

// gridlock validate --nccl-tests: measured collectives of one cluster beside their simulation.

#include <string>

#include "tools/command.h"

namespace gridlock {

struct NcclTestsOptions {
  std::string file;          ///< what nccl-tests printed; "" when not asked for
  ScenarioOptions scenario;  ///< whose sites run the same sizes
  std::string op;            ///< "" when the output says it
  std::string algorithm = "automatic";
  std::string out;  ///< "" for the screen
  bool in_place = false;
};

/// --nccl-tests and what goes with it.
void AddNcclTestsOptions(CLI::App& command, NcclTestsOptions& options);

/// Throws UserError and IoError.
int RunNcclTests(const NcclTestsOptions& options);

}  // namespace gridlock
