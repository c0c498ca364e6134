#pragma once

#include "topologies/switch.h"

namespace gridlock {

/// Which ways between two routers a flow may take.
enum class Paths {
  kDimensionOrder,  ///< of a HyperX: one coordinate after the other, in the order of dimensions
  kMinimal,         ///< the shortest ones, by the network's own rule
  kValiant,         ///< by way of an intermediate router or group
  kUgal,      ///< each flow a shortest one or a detour, whichever is less loaded for its length
  kAdaptive,  ///< each flow the least loaded one of the shortest
};

/// How flows find their way through a network of routers.
struct RouterRouting {
  Paths paths = Paths::kMinimal;
  /// How a flow is spread over the ways that `paths` allows it: kSpray over all of them alike,
  /// kEcmp on the one that its hash picks. UGAL and adaptive routing put each flow on one way.
  Routing spread = Routing::kSpray;
};

/// "minimal, sprayed", "UGAL".
const char* WordsOf(const RouterRouting& routing);

}  // namespace gridlock
