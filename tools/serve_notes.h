#pragma once

// What `gridlock serve` says of a deployment in words: what was left open, and what is an estimate.

#include <string>
#include <vector>

#include "sim/catalogue/serving_catalogue.h"
#include "sim/serving/deployment.h"

#include "tools/serve_options.h"

namespace gridlock {

/// Which numbers of the part and the engine are estimates, in words; "" when none is.
std::string EstimatesOf(const Deployment& deployment, const ServingCatalogue& catalogue);

/// What the options left open and how that was taken, and what the deployment does beyond what its
/// part was made for; one line each.
std::vector<std::string> NotesOf(const ServeOptions& options, const Deployment& deployment);

}  // namespace gridlock
