#pragma once

// The reference of outputs: every variable of the traces and where it stands in summary.json. Made
// of the lists of fields (sim/record/step_fields.h, life_fields.h).

#include <string>

namespace gridlock {

/// As Markdown; docs/outputs.md holds the same.
std::string OutputsMarkdown();

/// As JSON, for programs and tests: {"step": {"variables": [...]}, "life": {...}}.
std::string OutputsJson();

}  // namespace gridlock
