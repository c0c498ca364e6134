#pragma once

// The layout of a training job in the words of a framework.

#include <string>
#include <vector>

#include "workloads/training.h"

namespace gridlock {

/// Frameworks whose words are known: "megatron", "torchtitan", "primus".
std::vector<std::string> ExportTargets();

/// Flags of Megatron-LM, the TOML of torchtitan, or the YAML of Primus. What has no name there
/// stands in a comment. Throws UserError for a target that is not known.
std::string ExportText(const TrainingSpec& job, const std::string& target);

}  // namespace gridlock
