#pragma once

// Names of sizes in config.json that are of one model alone, or are slips of the keyboard.

#include "sim/interop/json_text.h"

namespace gridlock {

/// The file with the names that other classes use: those of ChatGLM's own code, and of Falcon
/// before it was in Transformers (RefinedWeb).
JsonValue InUsualNames(JsonValue config);

/// Adds a problem for each field that nobody knows, is a slip of the name of a size, and leaves
/// that size to the default of its class: the model would be another one.
void RefuseSlips(const JsonValue& config, ProblemList& problems);

}  // namespace gridlock
