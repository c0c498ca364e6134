#pragma once

// JSON of other programs, each value with its place: so that a wrong number in the middle of a file
// is refused where it stands.

#include <string>
#include <string_view>
#include <vector>

#include "sim/schema/problems.h"

namespace gridlock {

struct JsonValue {
  enum class Kind { kNull, kTruth, kNumber, kText, kList, kObject };

  Kind kind = Kind::kNull;
  std::string text;  ///< of a text without its quotes; of a number or truth as written
  std::vector<std::string> names;  ///< of an object's members, in their order
  std::vector<JsonValue> items;    ///< of a list, or the members of an object
  Position where;

  /// The member of that name, the last one where there are several; null when there is none.
  [[nodiscard]] const JsonValue* Find(std::string_view name) const;
};

/// Reads one value and nothing behind it. NaN and Infinity count as numbers, as Python writes them.
/// Adds a problem with line and column where the text is no JSON, and stops there.
JsonValue ReadJson(const std::string& file, std::string_view text, ProblemList& problems);

}  // namespace gridlock
