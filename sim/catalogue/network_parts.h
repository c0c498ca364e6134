#pragma once

// What the parts of a network cost and draw, as the catalogue has them.

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

}  // namespace gridlock
