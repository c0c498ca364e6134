#pragma once

// The machines of parts that serve: what the catalogue's servers say about them.

#include <map>
#include <string>
#include <vector>

#include "sim/schema/problems.h"
#include "topologies/machine.h"
#include "workloads/inference.h"

namespace gridlock {

/// Servers of the shipped catalogue.
class ServingMachines {
 public:
  /// Reads the servers called `names`; unknown ones add problems that say so.
  ServingMachines(const std::vector<std::string>& names, ProblemList& problems);

  /// Fills rates, memory, links and power of `part` with those of the server `name`.
  /// False when none of those read has that name.
  bool Fill(const std::string& name, InferencePart& part) const;

  /// The accelerator of that server, and its other names. Empty when there is no such server.
  [[nodiscard]] const std::vector<std::string>& NamesOf(const std::string& server) const;

 private:
  std::map<std::string, ServerSpec> servers_;
  std::map<std::string, std::vector<std::string>> names_;
};

}  // namespace gridlock
