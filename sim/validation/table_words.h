#pragma once

// What the cells of a table of published steps may say where they choose among words, and what is
// taken for other words: a run that took place is no reason for a refusal.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace gridlock {

/// What a word of a table stands for.
struct MeantWord {
  std::string word;
  bool assumed = false;  ///< it is no spelling of that: to be said
};

/// "none", "selective", "full" or "auto". Words of frameworks stand for the nearest of them ("op",
/// "mlp", "minimal": selective; "layer": full); anything else, and a blank cell, for "auto".
MeantWord MeantRecompute(const std::string& text);

/// "bf16", "fp16", "fp8", "mxfp8", "nvfp4", "fp4", "fp32", "tf32" or "int8"; recipes of a format
/// stand for it ("fp8_rowwise", "mxfp4"), and anything else for "bf16".
MeantWord MeantPrecision(const std::string& text);

/// Name of an optimizer (docs/memory.md). Those of Transformers and torchtune stand for it
/// ("adamw_bnb_8bit", "PagedAdamW8bit"), and anything else for "adamw".
MeantWord MeantOptimizer(const std::string& text);

/// What "FSDP", "ZeRO-3", "ddp" and the like shard, as 0 to 3; nothing for other words.
std::optional<std::int64_t> MeantZero(const std::string& text);

/// 1 for "yes" and "true", 0 for "no" and "false"; nothing for other words.
std::optional<std::int64_t> MeantYes(const std::string& text);

/// The model is an encoder: its attention sees tokens behind too (BERT, RoBERTa, ViT, CLIP).
bool IsEncoder(const std::string& model);

}  // namespace gridlock
