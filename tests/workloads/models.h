#pragma once

// Published models, written down by hand from their papers.

#include "workloads/training.h"

namespace gridlock {

/// A model of the GPT family: ffn 4h, no gate, learned positions, tied embeddings, all scores
/// counted (Narayanan et al. 2021, arXiv:2104.04473, table 1; vocabulary and positions of section
/// 5).
ModelSpec Gpt(int layers, int hidden, int heads);

/// GPT-3: 96 layers of 12,288, 96 heads (Brown et al. 2020, arXiv:2005.14165, table 2.1).
ModelSpec Gpt3();

/// Llama 3.1 (Llama Team 2024, arXiv:2407.21783, table 3).
ModelSpec Llama(int layers, int hidden, int heads, int ffn);

/// Mixtral 8x7B: two of eight experts (Jiang et al. 2024, arXiv:2401.04088, table 1).
ModelSpec Mixtral();

/// DeepSeek-V3 (DeepSeek-AI 2024, arXiv:2412.19437, section 4.2), without its second prediction.
ModelSpec DeepSeekV3();

/// A job of one accelerator on this model: one sequence of 2,048 tokens.
TrainingSpec JobOn(const ModelSpec& model);

}  // namespace gridlock
