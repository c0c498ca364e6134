#pragma once

// Where each field of a message was written.

#include <map>
#include <string>
#include <vector>

#include "sim/schema/problems.h"

namespace gridlock {

/// Where a message or a value was written, and everything that was written in it. A field that is
/// not in here was not written, even if it has a value (a default).
struct Written {
  Position name;   ///< of the field's name; the file's first for a root
  Position value;  ///< of the value; the name's for messages
  std::map<std::string, std::vector<Written>> fields;  ///< by name; one element unless repeated

  [[nodiscard]] bool Has(const std::string& field) const { return fields.contains(field); }

  /// The written field, or this message itself when it was not written: where to point.
  [[nodiscard]] const Written& At(const std::string& field, int index = 0) const;
};

}  // namespace gridlock
