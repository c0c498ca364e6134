#pragma once

// What a file says, in words and with the formulas filled in: which wall, why, what would move it.

#include <string>
#include <vector>

#include "sim/record/dataset.h"

namespace gridlock {

/// A title and its sentences; a line that begins with two blanks is a formula or a command.
struct Explanation {
  std::string title;
  std::vector<std::string> lines;
};

/// The result in a sentence.
std::string VerdictOf(const Dataset& dataset);

/// The explanation of a file of any kind. Of a cap it is about its first row.
std::vector<Explanation> Explain(const Dataset& dataset);

/// The same of one row of the trace of a step.
std::vector<Explanation> ExplainStep(const Dataset& step, std::size_t row);
std::string VerdictOfStep(const Dataset& step, std::size_t row);

/// The same of a life.
std::vector<Explanation> ExplainLife(const Dataset& life);
std::string VerdictOfLife(const Dataset& life);

/// @param more  parts behind those of Explain
std::string ExplanationText(const Dataset& dataset, const std::vector<Explanation>& more = {});
std::string ExplanationJson(const Dataset& dataset, const std::vector<Explanation>& more = {});

/// A title, a verdict and parts, as text and as JSON.
std::string TextOfParts(const std::string& name, const std::string& verdict,
                        const std::vector<Explanation>& parts);
std::string JsonOfParts(const std::string& name, const std::string& kind,
                        const std::string& verdict, const std::vector<Explanation>& parts);

/// Seconds, bytes and rates with three digits and a unit.
std::string InSeconds(double si);

/// "the scale-up links" for "scale_up"; a name that is not known stays as it is.
std::string ResourceInWords(const std::string& name);

}  // namespace gridlock
