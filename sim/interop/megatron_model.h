#pragma once

// The model that arguments of Megatron-LM describe.

#include <string>
#include <string_view>

#include "sim/interop/arguments.h"
#include "sim/interop/training_text.h"
#include "workloads/training.h"

namespace gridlock {

/// A whole number that has to be there. Without it a problem says so, at the argument of the
/// nearest name where there is one: --num-lyers.
int NeededNumber(const Arguments& given, const std::string& name, const std::string& file,
                 ProblemList& problems);

/// @param text of the file, which names the program
/// @param vocabulary where the file says nothing of it; 0: not known
/// @param made its tensor-parallel ranks are read; notes are added
ModelSpec ReadMegatronModel(const std::string& file, std::string_view text, const Arguments& given,
                            int vocabulary, ImportedTraining& made, ProblemList& problems);

}  // namespace gridlock
