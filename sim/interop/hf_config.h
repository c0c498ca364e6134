#pragma once

// Models as Hugging Face Transformers writes them: config.json. Each class of configuration
// (`model_type`) has names and defaults of its own (github.com/huggingface/transformers,
// src/transformers/models/*/configuration_*.py).

#include <string>
#include <string_view>
#include <vector>

#include "sim/interop/hf_format.h"
#include "sim/schema/problems.h"
#include "workloads/training.h"

namespace gridlock {

/// A class of configurations: which sizes hold where a file gives none.
struct HfClass {
  const char* type;
  const char* name;  ///< of the class in Transformers
  int vocabulary, hidden, ffn, layers, heads;
  int kv_heads;  ///< 0: as many as heads
  int head_dim;  ///< 0: hidden / heads
  bool tied, gated;
  bool learned_positions = false;
  int experts = 0, experts_per_token = 0, expert_ffn = 0;
  int encoder_positions = 0;  ///< an encoder, whose tokens see each other; learned positions by
                              ///< default, -1: none
};

/// The class of a `model_type`, or null.
const HfClass* FindHfClass(const std::string& type);

/// The `model_type` of each class.
std::vector<std::string> HfTypes();

/// Classes whose attention normalises queries and keys.
bool NormsQueriesAndKeys(std::string_view type);

/// Classes whose attention has latents without saying so.
bool HasLatentsHfKind(std::string_view type);

/// A field that changes neither a size nor the work of a step.
bool IsHfFieldOfNoWeight(std::string_view name);

/// An encoder of pictures: its tokens are patches.
bool IsPictureHfKind(std::string_view type);

/// An encoder with a decoder behind it, and those of them that are called like T5.
bool HasEncoderHfKind(std::string_view type);
bool IsT5HfKind(std::string_view type);

/// A `model_type` that is no stack of layers.
bool IsOtherHfKind(std::string_view type);

struct HfModel {
  ModelSpec model;
  CheckpointFormat checkpoint;
  std::string title;
  std::vector<std::string> notes;  ///< what was assumed, and what has no place in a model entry
};

/// @param name of the model; "" for the one that the file gives itself, or the file's
HfModel ReadHfConfig(const std::string& file, std::string_view text, const std::string& name,
                     ProblemList& problems);

}  // namespace gridlock
