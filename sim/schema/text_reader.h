#pragma once

// Text -> message, with the place of every field. The text is first read against the schema by a
// checker of our own, which reports every mistake of a file in one run, at the mistake itself and
// in words; protobuf's parser, which stops at its first mistake and points behind it, then reads a
// text that is known to be good.

#include <string>
#include <string_view>

#include "sim/schema/problems.h"
#include "sim/schema/written.h"

namespace google::protobuf {
class Message;
}

namespace gridlock {

/// Reads `text` into `message` (cleared first) and `written`. Mistakes go to `problems`.
/// @param file name for positions.
/// Returns false, with `message` unusable, when there was a mistake.
bool ReadText(const std::string& file, std::string_view text, google::protobuf::Message& message,
              Written& written, ProblemList& problems);

}  // namespace gridlock
