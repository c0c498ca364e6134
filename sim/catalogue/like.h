#pragma once

// Entries that start from another entry. `like: "h100_sxm"` in an entry takes over every field of
// h100_sxm that the entry does not write itself.

#include <vector>

#include "proto/catalog.pb.h"
#include "sim/schema/problems.h"
#include "sim/schema/written.h"

namespace gridlock {

/// The entries of one text: of a file of the catalogue, or of the `catalog` block of a scenario.
struct EntryList {
  proto::Catalog* message = nullptr;
  Written* written = nullptr;
};

/// Completes, in place, every entry that says `like`. The entry that it names is of the same kind
/// and may stand in any of the lists, before or behind it, and may say `like` itself.
///
/// A field that an entry writes replaces that of its base. Blocks merge field by field, with one
/// exception: a bandwidth (`per_direction` or `bidirectional`) is replaced as a whole. Lists are
/// replaced as a whole, too, but for `rate`: its element for BF16 merges with the base's for BF16.
/// Names and titles are not taken over.
///
/// Every value keeps its place in the text where it was written, and its source: those of the base
/// for values of the base, unless a source of the entry names them. A value of the entry that no
/// source of the entry covers is left without one.
///
/// A base that there is not, and a circle of entries, are problems. Returns false when there is
/// one.
bool CompleteEntries(const std::vector<EntryList>& lists, ProblemList& problems);

/// Takes `like` out of entries that are complete.
void ForgetBases(proto::Catalog& catalog);

}  // namespace gridlock
