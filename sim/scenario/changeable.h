#pragma once

// The fields that may change during the life of a cluster: one table. None of them bears on a
// layout or a placement, so that a change never has to move a job.

#include <string>

#include "sim/scenario/life.h"

namespace gridlock {

/// True when `path`, "site[0].servers", leads to a field of the schema that stays as it is. A path
/// with a slip in a name leads nowhere: the setter refuses it and names the nearest field.
bool StaysAsItIs(const std::string& path);

/// The table for people: "site[i].override.* (but nics and transport), ... or
/// wan[i].bandwidth".
std::string ChangeableText();

/// The value of a field of the table where the site writes none, for people: the number of the
/// catalogue or the default, "none" without either. `path` has all indices.
std::string ValueOtherwise(const ScenarioMessage& from, const std::string& path);

/// "site.override.nic_bandwidth" of "site[0].override.nic_bandwidth".
std::string WithoutIndices(const std::string& path);

/// 1 of "site[1].override.nic_bandwidth".
int FirstIndex(const std::string& path);

}  // namespace gridlock
