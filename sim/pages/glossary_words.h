#pragma once

// More lists of the glossary: words of models, machines and operations, and of lives.

#include "sim/pages/glossary.h"

namespace gridlock {

std::span<const Term> Words();

/// The third: words of the life of a cluster.
std::span<const Term> LifeWords();

}  // namespace gridlock
