#pragma once

// The network of a scenario that is written for somebody who described none: a non-blocking Clos of
// three tiers, which holds any cluster and where no link but a NIC binds.

#include <string>
#include <string_view>

#include "sim/base/units.h"

namespace gridlock {

struct SiteSpec;

/// Stands for the switches of a server that is alone: there are none.
inline constexpr const char* kNoSwitch = "none, a server alone";

/// Whether the site is a server alone, so that there is no network between servers.
bool StandsAlone(const SiteSpec& site);

/// The switch of AssumedFabricText, as an entry of `catalog { ... }`. Its 65,536 ports hold
/// two servers with a scale-up domain of 16,384 each, and its source says that it is assumed.
/// @param port bandwidth of a port per direction: that of a NIC
/// @param power of one switch, as a scenario has it: "1 W" where its draw must not count
std::string AssumedSwitchText(BytesPerSecond port, std::string_view power);

/// `fabric { ... }` of a site.
std::string AssumedFabricText();

}  // namespace gridlock
