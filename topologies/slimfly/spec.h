#pragma once

#include <string>

#include "topologies/routers/spec.h"
#include "topologies/switch.h"

namespace gridlock {

/// A slim fly of diameter 2 (M. Besta, T. Hoefler, "Slim Fly: a cost effective low-diameter network
/// topology", SC 2014): 2 q^2 routers, joined as a McKay-Miller-Siran graph over the field of q
/// elements.
struct SlimFlySpec {
  std::string path;
  int q = 0;                   ///< a prime power, q mod 4 not 2
  int servers_per_router = 0;  ///< all NICs of a server at one router
  SwitchSpec router;
  RouterRouting routing;

  [[nodiscard]] bool direct() const { return false; }
};

/// "slim fly of 50 routers, minimal, spread over all shortest ways".
std::string TitleOf(const SlimFlySpec& slimfly);

}  // namespace gridlock
