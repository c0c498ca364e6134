#pragma once

// Entries of the user's own, from files that are no part of the catalogue.

#include <set>
#include <string>
#include <vector>

#include "proto/scenario.pb.h"
#include "sim/schema/problems.h"
#include "sim/schema/written.h"

namespace gridlock {

/// The entries of some files as the `catalog` block of a scenario that has nothing else.
struct OwnEntries {
  proto::Scenario scenario;
  Written written;
  std::set<std::string> files;  ///< that entries were read from, also included ones
};

/// Reads files of either form: a scenario, whose includes are followed and of which the `catalog`
/// block is kept; or entries alone, as the files of the catalogue are. Mistakes go to `problems`.
OwnEntries ReadOwnEntries(const std::vector<std::string>& files, ProblemList& problems);

}  // namespace gridlock
