#pragma once

// One scenario from several files: the included ones and the file itself.

#include <string>
#include <string_view>
#include <vector>

#include "sim/schema/problems.h"
#include "sim/schema/written.h"

namespace google::protobuf {
class Message;
}

namespace gridlock {

namespace proto {
class Scenario;
}

/// Puts what was written in `from` on top of `into`: single fields replace, blocks merge, lists are
/// appended. A field that was written with its default value replaces, too, which protobuf's own
/// merging does not do.
void MergeMessage(const google::protobuf::Message& from, const Written& from_written,
                  google::protobuf::Message& into, Written& into_written);

/// Reads `text`, named `file`, and everything it includes: depth-first, each file once, included
/// ones below the including one. Adds problems for files that cannot be read, cycles, and mistakes.
void ReadScenario(const std::string& file, std::string_view text, proto::Scenario& scenario,
                  Written& written, ProblemList& problems);

}  // namespace gridlock
