#pragma once

// What the user of a measured run set an engine to, and what the client of it asked for.

#include <string>

#include "workloads/inference_specs.h"

namespace gridlock {

/// Sets what the notes of a row say of tokens and sequences of an iteration, of each data-parallel
/// rank.
void ReadSettings(const std::string& notes, InferenceEngine& engine);

/// Sets how words are chosen, and what else a benchmark of that name is known to ask for:
/// benchmarks of vLLM, SGLang and TensorRT-LLM ask for the likeliest word. Returns what was taken
/// so in words; "" for nothing.
std::string ReadClient(const std::string& source, const std::string& notes, InferenceEngine& engine,
                       InferenceLayout& layout);

}  // namespace gridlock
