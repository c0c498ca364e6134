#pragma once

// From a message that has been read and merged to the structs that everything behind the loader
// sees.

#include <string>

#include "sim/catalogue/catalogue.h"
#include "sim/scenario/scenario.h"
#include "sim/schema/problems.h"
#include "sim/schema/written.h"

namespace gridlock {

/// The whole scenario in one spelling: schema order, no comments, no includes.
std::string CanonicalText(const proto::Scenario& message);

/// What of a scenario is looked at.
enum class Parts {
  kAll,
  kSites,  ///< sites, the links between them, and the entries that they name
};

/// Checks and converts. `problems` holds what was wrong with the catalogue; throws UserError when
/// there is anything wrong. @param name of the file, for positions
Scenario BuildScenario(const std::string& name, proto::Scenario message, Written written,
                       Parts parts, const Catalogue& catalogue, ProblemList problems);

}  // namespace gridlock
