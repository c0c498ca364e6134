#pragma once

// What the parts of a network cost and draw, as the catalogue has them.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sim/base/units.h"

namespace gridlock {

class Catalogue;

/// A switch of the catalogue. A price of 0 is not known.
struct SwitchPart {
  int ports = 0;
  double price_usd = 0;
  bool estimate = false;  ///< the price
};

/// A transceiver over fibre.
struct OpticsPart {
  std::string name;
  BytesPerSecond bandwidth;
  Watts power;            ///< of one end
  double price_usd = 0;   ///< of one end
  double fibre_usd = 0;   ///< between two ends
  bool estimate = false;  ///< one of the prices
};

/// Two such transceivers at each cable, or more than two where none is fast enough.
struct OpticsChoice {
  OpticsPart part;
  int per_end = 1;
};

struct NetworkParts {
  std::map<std::string, SwitchPart> switches;  ///< by name
  std::vector<OpticsPart> optics;              ///< by rising bandwidth, then price, then name

  /// The slowest transceivers that carry `bandwidth` each way, of those the cheapest; several of
  /// the fastest where none does; nothing where none has a price.
  [[nodiscard]] std::optional<OpticsChoice> OpticsFor(BytesPerSecond bandwidth) const;
};

/// All that have a price, and all switches.
NetworkParts PartsOf(const Catalogue& catalogue);

/// The same with the transceiver called `named` alone; with all that have a price where it is "".
NetworkParts PartsWithOptics(const Catalogue& catalogue, const std::string& named);

/// Transceivers of one kind at both ends of cables.
struct OpticsUse {
  OpticsPart part;
  std::int64_t links = 0;  ///< pairs of them

  [[nodiscard]] Watts power() const { return part.power * (2.0 * static_cast<double>(links)); }
};

/// What cables, counted by the bandwidth of one in bytes per second and direction, take by kind:
/// see NetworkParts::OpticsFor. One count for what `topo` shows and for what a life draws.
std::vector<OpticsUse> OpticsOf(const NetworkParts& parts,
                                const std::map<double, std::int64_t>& cables);

}  // namespace gridlock
