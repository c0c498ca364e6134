#pragma once

#include <string>

#include "sim/base/units.h"

namespace gridlock {

/// A packet switch.
struct SwitchSpec {
  std::string name;
  int ports = 0;                  ///< radix at `port_bandwidth`
  BytesPerSecond port_bandwidth;  ///< per direction
  Seconds latency;                ///< one hop, cable included
  Watts power;                    ///< without its optics
};

/// How flows choose among equal-cost links.
enum class Routing {
  kSpray,        ///< every packet on the next link: equal links are one bundle (exact for a fluid)
  kEcmp,         ///< one link per flow, by hash: collisions show
  kDestination,  ///< one link per destination: number of its NIC modulo the links (D mod k)
};

}  // namespace gridlock
