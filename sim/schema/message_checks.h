#pragma once

// What the fields of one message owe each other, beyond what each may hold by itself.

#include <string>

#include "sim/schema/problems.h"
#include "sim/schema/written.h"

namespace google::protobuf {
class Message;
}

namespace gridlock {

/// Checks one message whose fields are right each by itself; nested messages are checked
/// separately. `path` is the field path of the message.
void CheckMessage(const google::protobuf::Message& message, const Written& written,
                  const std::string& path, ProblemList& problems);

}  // namespace gridlock
