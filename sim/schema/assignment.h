#pragma once

// The one way to set a field of a scenario from outside its file: a path and a text. `--set`, the
// values of a cap, a change over time and the rows of a table of published steps all come here.

#include <optional>
#include <string>

#include "sim/schema/problems.h"
#include "sim/schema/written.h"

namespace gridlock {

namespace proto {
class Scenario;
}

/// A field and the text that it takes.
struct Assignment {
  std::string path;  ///< "site[0].override.nic_bandwidth"
  /// As in a scenario; texts need no quotes of their own: "200 Gbps", "4". A block stands in braces
  /// and replaces the one that is there: "{ tensor: 8 data: 16 }". So does a list: "[8, 8, 4]". Of
  /// a list of blocks, "{ ... }" is one more.
  std::string value;
  Position where_path = {};   ///< where a person wrote the path: problems of it point here
  Position where_value = {};  ///< the same of the value
};

/// An assignment that somebody wrote in one place, such as "--values '0.5 W'".
Assignment AssignmentFrom(const std::string& place, std::string path, std::string value);

/// Splits "site[0].servers=2" at its first "=". Problems of it, now and later, are those of
/// "--set 'site[0].servers=2'".
std::optional<Assignment> ParseAssignment(const std::string& text, ProblemList& problems);

/// Sets the field. Blocks on the way are created when they are not there; a list element must
/// exist, and with a single one the index may be left out. The value is read like a text of its
/// own, so that a mistake in it gets the message that it would get in a file. Returns the path with
/// the index of every element, "" after adding problems.
std::string Assign(const Assignment& assignment, proto::Scenario& scenario, Written& written,
                   ProblemList& problems);

}  // namespace gridlock
