#pragma once

// A model in the text of the schema.

#include <string>
#include <string_view>

#include "workloads/training.h"

namespace gridlock {

/// An entry `model { ... }`, each line behind `indent`. The entry is called like the model.
/// @param source what stands in its source
std::string ModelEntry(const ModelSpec& model, const std::string& title, const std::string& source,
                       const std::string& indent = "");

/// A text as a value of the schema: in quotes, with quotes and backslashes in it escaped, on one
/// line.
std::string TextValue(std::string_view text);

/// "8.03 billion parameters", with those of one token in front where experts make a difference.
std::string ParametersText(const ModelSpec& model);

}  // namespace gridlock
