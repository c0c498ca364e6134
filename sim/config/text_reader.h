#pragma once

// Text -> message, with the place of every field. The text is first read against the schema by a
// checker of our own, which reports every mistake of a file in one run, at the mistake itself and
// in words; protobuf's parser, which stops at its first mistake and points behind it, then reads a
// text that is known to be good.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "sim/config/problems.h"

namespace google::protobuf {
class Message;
}

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

/// Reads `text` into `message` (cleared first) and `written`. Mistakes go to `problems`.
/// @param file name for positions.
/// Returns false, with `message` unusable, when there was a mistake.
bool ReadText(const std::string& file, std::string_view text, google::protobuf::Message& message,
              Written& written, ProblemList& problems);

}  // namespace gridlock
