#pragma once

// Network configurations of ASTRA-sim's analytical backends (github.com/astra-sim/astra-sim,
// inputs/network): the YAML of today, and the JSON of before 2023.
//
// A network is a product of dimensions, the first one running fastest through the numbers of the
// NPUs. The NPUs that differ in one coordinate alone are joined by a ring, by a link for each pair,
// or by a switch.

#include <string>
#include <string_view>
#include <vector>

#include "sim/base/units.h"
#include "sim/schema/problems.h"

namespace gridlock {

struct AstraDimension {
  enum class Kind { kRingLinks, kPairLinks, kSwitchLinks };

  Kind kind = Kind::kRingLinks;
  int npus = 1;
  BytesPerSecond link;  ///< of one link and direction
  Seconds latency;      ///< of one link
};

struct AstraNetwork {
  std::string file;
  std::vector<AstraDimension> dimensions;
  std::vector<std::string> notes;  ///< what of the file was left out or understood in some way

  [[nodiscard]] int npus() const;
};

/// @param decimal a GB is 10^9 bytes; ASTRA-sim itself counts 2^30
AstraNetwork ReadAstraNetwork(const std::string& file, std::string_view text, bool decimal,
                              ProblemList& problems);

/// A scenario in the text of the schema, and the graph that it names.
struct ImportedScenario {
  std::string text;
  std::string graph;               ///< GraphML; "" when the scenario needs none
  std::vector<std::string> notes;  ///< one line each, also in the text as comments
};

/// The same network as a scenario: a switch of one dimension is the scale-up domain of one server,
/// two switches are servers under rails, rings of one make are a torus, and everything else is a
/// graph, link by link. @param name of the scenario @param graph_file that it names
/// Throws UserError when the graph would be too large.
ImportedScenario ScenarioOf(const AstraNetwork& network, const std::string& name,
                            const std::string& graph_file);

}  // namespace gridlock
