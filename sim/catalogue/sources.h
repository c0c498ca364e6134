#pragma once

// Which numbers of a catalogue entry come from which source.

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/schema/problems.h"
#include "sim/schema/written.h"

namespace gridlock::proto {
class Source;
}

namespace google::protobuf {
class FieldDescriptor;
class Message;
}  // namespace google::protobuf

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

/// False for what says nothing about the product: names, titles, the format that a rate is of.
bool NeedsSource(const WrittenValue& value);

/// The sources of an entry, in order.
std::vector<const proto::Source*> SourcesOf(const google::protobuf::Message& entry);

/// True when a source that names `field` covers the value at `path`: "power" covers "power.idle".
bool SourceFieldCovers(std::string_view field, std::string_view path);

/// The longest field of a source that covers a path, and its source; null for none.
struct SourceCover {
  const proto::Source* source = nullptr;
  std::size_t length = 0;  ///< of the field; 0 for a source that names no field
};

/// The source of the value at `path`: the one whose field covers the path most closely
/// ("power.idle" before "power"), else the first source that names no field.
SourceCover CoverOf(const std::vector<const proto::Source*>& sources, const std::string& path);

/// The same of an entry; null when there is none, and for labels.
const proto::Source* SourceOf(const google::protobuf::Message& entry, const std::string& path);

/// The shortest paths that hold all of `mine` and nothing else of `all`: "power" when all values
/// below it are among `mine`, else "power.idle", "power.limit" and so on. `mine` is in the order of
/// the schema.
std::vector<std::string> ShortestPaths(const std::vector<std::string>& mine,
                                       const std::vector<std::string>& all);

/// Checks that every field that the sources of an entry name is one of its fields. Names are paths
/// within the entry: "power.idle", "rate[BF16].gemm"; each covers everything below it.
void CheckSourceFields(const google::protobuf::Message& entry, const Written& written,
                       const std::string& path, ProblemList& problems);

/// Checks that every value of an entry has a source.
void CheckThatAllHaveSources(const google::protobuf::Message& entry, const Written& written,
                             const std::string& path, ProblemList& problems);

/// The names, as the sources write them, of the numbers that are estimates. A source that names no
/// field covers the fields that no other source names.
std::vector<std::string> EstimatesOf(const google::protobuf::Message& entry,
                                     const Written& written);

/// The values that no source covers, as the shortest paths that hold them. Only an entry of a
/// scenario may have such values: the user has given them.
std::vector<std::string> UnsourcedOf(const google::protobuf::Message& entry,
                                     const Written& written);

}  // namespace gridlock
