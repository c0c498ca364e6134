#pragma once

// Adapters as Hugging Face PEFT writes them: adapter_config.json (github.com/huggingface/peft,
// src/peft/tuners/lora/config.py).

#include <string>
#include <string_view>
#include <vector>

#include "sim/schema/problems.h"

namespace gridlock {

struct PeftAdapters {
  std::string text;                ///< `adapters { ... }` of a pretraining run
  std::vector<std::string> notes;  ///< what has no place in it
};

PeftAdapters ReadPeftConfig(const std::string& file, std::string_view text, ProblemList& problems);

}  // namespace gridlock
