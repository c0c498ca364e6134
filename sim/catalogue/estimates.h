#pragma once

// Which numbers of a catalogue entry come from which source.

#include <functional>
#include <string>
#include <vector>

#include "sim/schema/problems.h"
#include "sim/schema/written.h"

namespace gridlock::proto {
class Source;
}

namespace google::protobuf {
class FieldDescriptor;
}

namespace google::protobuf {
class Message;
}

namespace gridlock {

/// One value of an entry as it was written.
struct WrittenValue {
  std::string path;  ///< within the entry: "rate[BF16].gemm[2].work"
  const google::protobuf::Message* message = nullptr;        ///< that holds it
  const google::protobuf::FieldDescriptor* field = nullptr;  ///< of that message
  int index = 0;                                             ///< in a list
  Position where;
};

/// Calls `visit` for every value that was written in an entry, its sources left out, in the order
/// of the schema.
void ForEachValue(const google::protobuf::Message& entry, const Written& written,
                  const std::function<void(const WrittenValue&)>& visit);

/// The source of the value at `path`: the one that names it most closely, else one that names
/// nothing; null when there is none.
const proto::Source* SourceOf(const google::protobuf::Message& entry, const std::string& path);

/// Checks that every field that the sources of an entry name is one of its fields, and that every
/// value has a source. Names are paths
/// within the entry: "power.idle", "rate[BF16].gemm"; each covers everything below it.
void CheckSources(const google::protobuf::Message& entry, const Written& written,
                  const std::string& path, ProblemList& problems);

/// The names, as the sources write them, of the numbers that are estimates. A source that names no
/// field covers the fields that no other source names.
std::vector<std::string> EstimatesOf(const google::protobuf::Message& entry,
                                     const Written& written);

}  // namespace gridlock
