#pragma once

// The schema as data: every message and choice that a user may write, from the .proto files.

#include <string>
#include <vector>

namespace gridlock {

/// A field of a message, or a name of a choice.
struct SchemaField {
  std::string name;
  std::string type;      ///< "Layout", "list of Site", "text", "whole number"; "" for names
  std::string meaning;   ///< the comment, as one paragraph; may be ""
  std::string expected;  ///< "a whole number from 1 to 64"; "" for names
  bool needed = false;
};

struct SchemaType {
  std::string name;
  std::string meaning;
  bool is_choice = false;  ///< a list of names; else a message with fields
  std::vector<SchemaField> fields;
};

/// Everything, the scenario first, the sweep last.
std::vector<SchemaType> ReadSchema();

}  // namespace gridlock
