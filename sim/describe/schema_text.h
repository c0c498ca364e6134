#pragma once

// The documentation of the schema, for people and for programs.

#include <string>

namespace gridlock {

/// Every message and choice with its fields, as Markdown; one alone when `name` is not "". Throws
/// UserError when there is none of that name.
std::string SchemaText(const std::string& name = "");

/// The same as JSON: a list of objects.
std::string SchemaJson(const std::string& name = "");

}  // namespace gridlock
