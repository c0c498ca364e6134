#pragma once

// What gridlock plan, build, serve, serve-plan, flows and topo print with --format json, read back
// for pages and explanations.

#include <string>
#include <vector>

#include "sim/pages/explain.h"

namespace gridlock {

struct Listing {
  std::string file;
  std::string kind;  ///< "plan", "build", "serve", "serve_plan", "flows" or "topo"
  std::string name;  ///< of the scenario or the model
  std::string json;  ///< the text of the file
};

/// Whether a file holds JSON: its first character that is no blank opens an object or an array.
bool HoldsJson(const std::string& path);

/// Throws UserError for a file that none of these commands wrote.
Listing ReadListing(const std::string& path);

/// The result in a sentence.
std::string VerdictOf(const Listing& listing);

/// Why the first is the first, what was left out, and what to do next.
std::vector<Explanation> Explain(const Listing& listing);

std::string ExplanationText(const Listing& listing);
std::string ExplanationJson(const Listing& listing);

}  // namespace gridlock
