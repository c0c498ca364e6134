#pragma once

// One scenario from several texts: included files, the file itself, overrides.

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

/// Sets one field from a text "site[0].servers=2". Blocks on the way are created when they are not
/// there; a list element must exist, and with a single one the index may be left out.
void ApplyOverride(const std::string& text, proto::Scenario& scenario, Written& written,
                   ProblemList& problems);

/// A field to set, and where its path and its value were written.
struct FieldChange {
  std::string path;   ///< "site[0].override.nic_bandwidth"
  std::string value;  ///< "200 Gbps"
  Position where_path;
  Position where_value;
};

/// The same from a path and a value. Returns the path with the index of every element, "" after
/// adding problems.
std::string SetField(const FieldChange& change, proto::Scenario& scenario, Written& written,
                     ProblemList& problems);

}  // namespace gridlock
