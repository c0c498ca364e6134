#pragma once

// What cells of tables of training steps may say where they choose among words.

#include <string>
#include <vector>

namespace gridlock {

/// Words of the column `recompute`.
const std::vector<std::string>& RecomputeChoices();

/// Words of the column `precision`.
const std::vector<std::string>& PrecisionChoices();

/// The choice that a cell spells in any case, or by another word that frameworks and papers have
/// for it: "BFloat16" is "bf16". Other texts come back in lower case.
std::string PlainChoice(const std::string& text);

}  // namespace gridlock
