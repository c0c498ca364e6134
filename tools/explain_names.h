#pragma once

// Names that are no words of the glossary: fields of the schema, outputs, entries of the catalogue.

#include <string>
#include <vector>

#include "sim/pages/explain.h"

namespace gridlock {

/// What the schema, the reference of outputs and the catalogue say of a name, in any case, with
/// blanks or dashes; no part where none of them has it.
std::vector<Explanation> MeaningsOf(const std::string& name);

}  // namespace gridlock
