#pragma once

// Models of the catalogue as serving sees them, for names that serving_models.csv does not have.

#include <optional>
#include <string>
#include <vector>

#include "workloads/inference.h"

namespace gridlock {

/// The model of the catalogue that `name` means, called as the catalogue has it; nothing where none
/// is meant.
std::optional<InferenceModel> ServedModelOf(const std::string& name);

/// The same of a text `catalog { model { ... } }` with one model, read as the file `file`. Throws
/// UserError with its mistakes.
InferenceModel ServedModelOfText(const std::string& file, const std::string& text);

/// Names of the models that ServedModelOf knows.
std::vector<std::string> ServedModelNames();

}  // namespace gridlock
