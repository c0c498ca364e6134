#pragma once

// What the user of a measured run set an engine to, and what the client of it asked for.

#include <string>

#include "workloads/inference_specs.h"

namespace gridlock {

/// Sets what the notes of a row say of tokens and sequences of an iteration, of each data-parallel
/// rank, and of --enforce-eager.
void ReadSettings(const std::string& notes, InferenceEngine& engine);

/// Whether the notes name a client that asks over HTTP, and so waits for single tokens.
bool OverHttp(const std::string& notes);

/// The release whose kind of engine ran: of vLLM 0.6 to 0.10 notes may say VLLM_USE_V1=0 or 1.
std::string ReleaseMeant(const std::string& engine, const std::string& version,
                         const std::string& notes);

/// Sets formats outside of experts from "--mxfp4-layers moe,qkv,o,lm_head", which builds of vLLM
/// for a GB10 take, or from "the rest 16 bit" of a file. @pre layout.weights is set
void ReadNarrowLayers(const std::string& notes, InferenceLayout& layout);

/// Sets how words are chosen, and what else a benchmark of that name is known to ask for:
/// benchmarks of vLLM, SGLang and TensorRT-LLM ask for the likeliest word. Returns what was taken
/// so in words; "" for nothing.
std::string ReadClient(const std::string& source, const std::string& notes, InferenceEngine& engine,
                       InferenceLayout& layout);

}  // namespace gridlock
