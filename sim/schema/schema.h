#pragma once

#include <string>

namespace gridlock {

/// The documentation of every field of the schema, from the comments of the .proto files.
std::string SchemaDocumentation();

}  // namespace gridlock
