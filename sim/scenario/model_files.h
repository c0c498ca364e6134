#pragma once

// Jobs whose model is a file of Hugging Face Transformers: `model_file: "config.json"`.

#include <string>
#include <vector>

#include "proto/scenario.pb.h"
#include "sim/schema/problems.h"
#include "sim/schema/written.h"

namespace gridlock {

/// Puts the model of each `model_file` under `catalog` and its name in the job's `model`, as if it
/// had been written so. @param file of the scenario; model files lie relative to the file that
/// names them @param notes what was assumed of each model Returns true when there was one.
bool ReadModelFiles(const std::string& file, proto::Scenario& scenario, Written& written,
                    std::vector<std::string>& notes, ProblemList& problems);

}  // namespace gridlock
