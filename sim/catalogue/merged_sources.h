#pragma once

// The sources of an entry that starts from another one.

#include "proto/catalog.pb.h"
#include "sim/schema/written.h"

namespace gridlock {

/// An entry as a message and where its fields were written.
struct EntryText {
  const google::protobuf::Message& message;
  const Written& written;
};

/// Writes the sources of `merged`, which is `base` with the values of `own` on top. Each value gets
/// the source of the text that it comes from:
/// - a value of `own` has the source of `own` that covers it, or none;
/// - a value of `base` has the source that it has there, unless a source of `own` names it, or
///   names a block in which `own` has no value.
/// A source of `base` that has lost some of its values names the remaining ones: "power.idle",
/// "rate[BF16].gemm".
void MergeSources(const EntryText& base, const EntryText& own, google::protobuf::Message& merged,
                  Written& merged_written);

}  // namespace gridlock
