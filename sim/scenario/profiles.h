#pragma once

#include <string>

#include "proto/scenario.pb.h"
#include "sim/schema/problems.h"
#include "sim/schema/written.h"

namespace gridlock {

/// Reads the table that each site names as its `profile`, beside the scenario's `file`, and writes
/// its lines as `hour` of the site. Adds a problem for a table that cannot be read, a column that
/// is not known, a cell that is no number, and hours that do not rise.
void ReadProfiles(const std::string& file, proto::Scenario& scenario, Written& written,
                  ProblemList& problems);

}  // namespace gridlock
