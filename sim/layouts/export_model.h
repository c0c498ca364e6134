#pragma once

// A model as arguments of Megatron-LM.

#include <string>
#include <utility>
#include <vector>

#include "workloads/training.h"

namespace gridlock {

/// A Megatron argument without its dashes; an empty value is a switch.
using MegatronArgument = std::pair<std::string, std::string>;

/// Names: NVIDIA/Megatron-LM, megatron/training/arguments.py.
void AddMegatronModel(const ModelSpec& model, std::vector<MegatronArgument>& out);

/// What of the model these arguments do not say.
std::vector<std::string> MegatronModelGaps(const ModelSpec& model);

}  // namespace gridlock
