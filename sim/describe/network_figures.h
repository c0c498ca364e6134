#pragma once

// What a network is built of and what that costs: for `gridlock topo`.

#include <cstdint>
#include <string>
#include <vector>

#include "sim/base/units.h"
#include "sim/catalogue/network_parts.h"
#include "topologies/cut.h"
#include "topologies/graph.h"
#include "topologies/paths.h"
#include "topologies/topology.h"

namespace gridlock {

/// Switches of one kind.
struct SwitchCount {
  std::string name;   ///< "leaf"
  std::string model;  ///< entry of the catalogue; "": not known
  std::int64_t count = 0;
  int used = 0;          ///< ports of the busiest one
  int ports = 0;         ///< there are; 0: not known
  Watts power;           ///< of one, without optics
  double price_usd = 0;  ///< of one; 0: not known
};

/// Transceivers of one kind.
struct OpticsCount {
  std::string name;
  std::int64_t count = 0;  ///< ends
};

/// All that a network between servers is made of. Cables have a transceiver at each end; those
/// within a server, or within a block of a torus that is one server, belong to the server.
struct NetworkBuild {
  std::vector<SwitchCount> switches;
  std::vector<OpticsCount> optics;
  std::int64_t cables = 0;
  Watts switch_power, optics_power;
  double switch_usd = 0, optics_usd = 0, fibre_usd = 0;
  std::vector<std::string> estimated;  ///< parts whose price is an estimate
  std::vector<std::string> unpowered;  ///< switches whose power is not known, left out of the sums
  std::vector<std::string> unpriced;   ///< parts that have no price, left out of the sums

  [[nodiscard]] std::int64_t switch_count() const;
  [[nodiscard]] std::int64_t optics_count() const;
  [[nodiscard]] int radix() const;  ///< most ports that a switch has in use

  [[nodiscard]] double usd() const { return switch_usd + optics_usd + fibre_usd; }

  [[nodiscard]] Watts power() const { return switch_power + optics_power; }
};

NetworkBuild BuildOf(const Topology& topology, const FabricGraph& graph, const NetworkParts& parts);

/// One figure by which networks are compared.
struct NetworkFigure {
  const char* key;    ///< of JSON and CSV
  const char* label;  ///< for people
  double value = 0;   ///< NaN: not known
  std::string text;   ///< for people; "-" when not known
};

/// The figures of a network, always the same ones in the same order. @param bisection 0: not asked
/// for
std::vector<NetworkFigure> FiguresOf(const Topology& topology, const NetworkBuild& build,
                                     const PathLengths& paths, BytesPerSecond bisection);

}  // namespace gridlock
