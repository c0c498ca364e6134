#pragma once

// The second list of the glossary: words of models, machines and operations.

#include "sim/pages/glossary.h"

namespace gridlock {

std::span<const Term> Words();

}  // namespace gridlock
