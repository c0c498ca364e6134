#pragma once

// The other lists of the glossary.

#include "sim/pages/glossary.h"

namespace gridlock {

std::span<const Term> Words();        ///< of models, machines and operations
std::span<const Term> OutputWords();  ///< of the lines of outputs
std::span<const Term> LifeWords();    ///< of the life of a cluster

}  // namespace gridlock
