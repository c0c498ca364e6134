#pragma once

// Rows of tables of measured serving, for tests.

#include "sim/validation/serving_row.h"

namespace gridlock {

/// `row` with the cells of `others` in it.
inline ServingCells With(ServingCells row, const ServingCells& others) {
  for (const auto& [column, text] : others) {
    row[column] = text;
  }
  return row;
}

/// Llama 3.1 70B in FP8 on two H100, with `cells` in it.
inline ServingCells LargeRow(const ServingCells& cells) {
  return With({{"id", "A"},
               {"role", "headline"},
               {"engine", "trtllm"},
               {"engine_version", "0.14.0"},
               {"accelerator", "h100_sxm"},
               {"accelerators", "2"},
               {"model", "Llama-3.1-70B"},
               {"layers", "80"},
               {"hidden", "8192"},
               {"heads", "64"},
               {"kv_heads", "8"},
               {"head_dim", "128"},
               {"ffn", "28672"},
               {"vocab", "128256"},
               {"attention", "gqa"},
               {"weights_precision", "fp8"},
               {"tp", "2"},
               {"pp", "1"},
               {"input_tokens", "1000"},
               {"output_tokens", "200"},
               {"length_distribution", "fixed"},
               {"load_kind", "concurrency"},
               {"load_value", "16"},
               {"metric", "tpot_ms"},
               {"value", "20"}},
              cells);
}

/// Llama 2 7B on one H100, with `cells` in it.
inline ServingCells SmallRow(const ServingCells& cells) {
  return With({{"id", "A"},
               {"role", "headline"},
               {"engine", "vllm"},
               {"engine_version", "0.11.1"},
               {"accelerator", "h100_sxm"},
               {"accelerators", "1"},
               {"model", "Llama-2-7B"},
               {"layers", "32"},
               {"hidden", "4096"},
               {"heads", "32"},
               {"kv_heads", "32"},
               {"head_dim", "128"},
               {"ffn", "11008"},
               {"vocab", "32000"},
               {"attention", "mha"},
               {"tp", "1"},
               {"input_tokens", "100"},
               {"output_tokens", "100"},
               {"load_kind", "concurrency"},
               {"load_value", "16"},
               {"metric", "tpot_ms"},
               {"value", "10"}},
              cells);
}

}  // namespace gridlock
