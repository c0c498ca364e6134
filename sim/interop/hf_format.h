#pragma once

// The format of a checkpoint's weights, as `quantization_config` of its config.json says. Each tool
// that makes narrow weights writes it in words of its own
// (github.com/huggingface/transformers, src/transformers/utils/quantization_config.py).

#include <string>

#include "sim/interop/json_text.h"
#include "workloads/inference.h"

namespace gridlock {

struct CheckpointFormat {
  WeightFormat weights = WeightFormat::kBf16;
  bool ffn_alone = false;     ///< attention keeps 16 bits
  bool block_scales = false;  ///< weights of 8 bits have a scale for each block, not one for all
  std::string note;           ///< how it was read; "" where the file says nothing
};

/// Whether the file says how its weights are packed.
bool HasFormat(const JsonValue& config);

/// What nobody knows is read by its bits; without them weights have 16, and the note says so.
CheckpointFormat FormatOfCheckpoint(const JsonValue& config);

}  // namespace gridlock
