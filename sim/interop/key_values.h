#pragma once

// Small texts of keys with numbers or words, as other simulators' configurations are: a subset of
// YAML, and JSON objects without objects in them. One reader for both:
//
//   # a comment
//   topology: [ Ring, Switch ]        { "topology": ["Ring", "Switch"],
//   npus_count:                         "npus_count": [4, 8] }
//     - 4
//     - 8

#include <string>
#include <string_view>
#include <vector>

#include "sim/schema/problems.h"

namespace gridlock {

struct KeyedValue {
  std::string text;
  Position where;
};

struct WrittenKey {
  std::string name;
  Position where;
  std::vector<KeyedValue> values;  ///< one where the text has no list
};

/// The keys in their order. Adds a problem where the text is something else, and stops there.
std::vector<WrittenKey> ReadKeyValues(const std::string& file, std::string_view text,
                                      ProblemList& problems);

}  // namespace gridlock
