#pragma once

// Transceivers at the cables of a site: one count for what `topo` shows and for what a life draws.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "sim/catalogue/network_parts.h"

namespace gridlock {

struct SiteSpec;

/// Transceivers of one kind at both ends of cables.
struct OpticsUse {
  OpticsPart part;
  std::int64_t links = 0;  ///< pairs of them

  [[nodiscard]] Watts power() const { return part.power * (2.0 * static_cast<double>(links)); }
};

/// What cables, counted by the bandwidth of one in bytes per second and direction, take by kind:
/// see NetworkParts::OpticsFor.
std::vector<OpticsUse> OpticsOf(const NetworkParts& parts,
                                const std::map<double, std::int64_t>& cables);

/// PartsOf, with the transceiver called `named` alone; with all that have a price where it is "".
NetworkParts PartsWithOptics(const Catalogue& catalogue, const std::string& named);

/// Whether the site is a server alone, so that there is no network between servers.
bool StandsAlone(const SiteSpec& site);

}  // namespace gridlock
