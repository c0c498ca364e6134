#pragma once

// What differs between two files in the input, and what that did to the output.

#include <string>
#include <vector>

#include "sim/record/dataset.h"

namespace gridlock {

/// A field of the scenario, or an override of the row, that the two do not share.
struct InputDifference {
  std::string path, a, b;  ///< "" where one has it not
};

/// A number of the output.
struct OutputDifference {
  std::string name, units;
  double a = 0, b = 0;
  std::string group;  ///< "figures", "critical path", "time of an accelerator", ...
};

struct Comparison {
  std::string a, b;  ///< files
  std::string kind;
  std::string verdict;  ///< in a sentence
  std::vector<InputDifference> inputs;
  std::vector<OutputDifference> outputs;  ///< those that differ, in each group the largest first
};

/// Compares two files of one kind, of steps the first row of each. Throws UserError when the kinds
/// differ.
Comparison Compare(const Dataset& a, const Dataset& b);

std::string CompareText(const Comparison& comparison);
std::string CompareJson(const Comparison& comparison);

}  // namespace gridlock
