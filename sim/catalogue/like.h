#pragma once

// Entries that start from another entry. `like: "h100_sxm"` in an entry takes over every field of
// h100_sxm that the entry does not write itself.

#include <vector>

#include "proto/catalog.pb.h"
#include "sim/schema/problems.h"
#include "sim/schema/written.h"

namespace google::protobuf {
class Message;
}

namespace gridlock {

/// The entries of one text: of a file of the catalogue, or of the `catalog` block of a scenario.
struct EntryList {
  proto::Catalog* message = nullptr;
  Written* written = nullptr;
};

/// Completes, in place, every entry that says `like`. The base, which is the entry that `like`
/// names, must be of the same kind. The base may stand in any of the lists, before or behind the
/// entry, and may say `like` itself.
///
/// A field that an entry writes replaces that of its base. Blocks merge field by field, with one
/// exception: a bandwidth (`per_direction` or `bidirectional`) is replaced as a whole. Lists are
/// replaced as a whole, too, but for `rate`: its element for BF16 merges with the base's for BF16.
/// Names and titles are not taken over.
///
/// Every value keeps the position at which it was written. A value of the base also keeps the
/// source that it has there, unless a source of the entry names the value. A value of the entry has
/// the source of the entry that covers it, or none.
///
/// A base that does not exist is a problem, and so are entries that name each other in a circle.
/// Returns false when there is a problem.
bool CompleteEntries(const std::vector<EntryList>& lists, ProblemList& problems);

/// Puts what was written in `own` on top of `base` by the same rule: lists, and bandwidths that may
/// be said in two ways, are replaced as a whole.
void LayOver(const google::protobuf::Message& own, const Written& own_written,
             google::protobuf::Message& base, Written& base_written);

/// Takes `like` out of entries that are complete.
void ForgetBases(proto::Catalog& catalog);

}  // namespace gridlock
