#pragma once

// Messages laid on a network: which links each of them crosses, and classes of messages that get
// the same share at every instant.

#include <cstdint>
#include <vector>

#include "sim/base/index.h"
#include "sim/base/units.h"
#include "sim/plan/plan.h"
#include "topologies/network.h"
#include "topologies/traffic.h"

namespace gridlock {

struct FlowPlan {
  /// A link that some message crosses; in a folded plan one of several alike.
  struct Resource {
    TierIndex tier{0};
    BytesPerSecond capacity;  ///< times FlowPlan::parts
    bool can_bind = true;     ///< false: the links that feed it carry less than it does
  };

  /// A message; in a folded plan one of several alike.
  struct Flow {
    Span route;
    Bytes wire;  ///< with headers
    Seconds start;
    bool reachable = true;  ///< false: no way is left
  };

  /// Parts of a flow that weights of routes count: more than 1 where a flow takes several ways.
  std::int32_t parts = 1;
  std::vector<Resource> resources;
  std::vector<RouteEntry> routes;  ///< of a flow: in the order of its way
  std::vector<Flow> flows;
  std::vector<LinkIndex> links;           ///< those that messages cross, by number in the network
  std::vector<std::int32_t> resource_of;  ///< by position in `links`
  std::vector<std::int32_t> flow_of;      ///< by message
};

/// A flow moves on to another route.
struct Reroute {
  Seconds at;
  std::int32_t flow = 0;
  Span route;             ///< in FlowPlan::routes
  bool reachable = true;  ///< false: it waits until another change gives it a route
  Seconds failover{};     ///< until it goes on, where the route that it leaves has failed
};

/// A link gets another capacity.
struct Recapacity {
  Seconds at;
  std::int32_t resource = 0;
  BytesPerSecond capacity;
};

/// By rising time.
struct FlowChanges {
  std::vector<Reroute> reroutes;
  std::vector<Recapacity> recapacities;

  [[nodiscard]] bool empty() const { return reroutes.empty() && recapacities.empty(); }
};

/// The network as it is from a time on. All networks of one run number their links alike.
struct NetworkEpoch {
  Seconds from;
  const Network* network = nullptr;
  Seconds failover{};  ///< until what was on a way that has failed goes on elsewhere
};

struct LaidFlows {
  FlowPlan plan;  ///< as it is before the first change
  FlowChanges changes;
};

/// Lays messages on a network, one flow each. The k-th message from one accelerator to another is
/// on a queue pair of its own, which matters where switches hash. `format` adds its headers to what
/// leaves a scale-up domain.
LaidFlows LayFlows(const std::vector<NetworkMessage>& messages,
                   const std::vector<NetworkEpoch>& epochs, const PacketFormat& format);

/// One flow for each class of the coarsest equitable partition of flows and links (see fold.h), the
/// same between all changes: max-min fair rates are then the same within a class at every instant.
/// An entry's weight is the number of flows of its class that meet on one link. Where nothing
/// changes, links that cannot bind are left out.
LaidFlows FoldFlows(const LaidFlows& laid);

}  // namespace gridlock
