#pragma once

// Sites on networks of routers, by hand: servers of eight accelerators and NICs, routers of 64
// ports.

#include <cstdint>
#include <memory>
#include <vector>

#include "tests/topologies/sites.h"
#include "topologies/dragonfly/topology.h"
#include "topologies/hyperx/topology.h"
#include "topologies/jellyfish/topology.h"
#include "topologies/slimfly/topology.h"

namespace gridlock {

inline SiteSpec DragonflySite(int groups, int routers, int global_links, RouterRouting routing = {},
                              int spines = 0) {
  SiteSpec site = EightWaySite(groups * routers * 2);
  DragonflySpec spec;
  spec.path = "site[0].fabric.dragonfly";
  spec.groups = groups;
  spec.routers_per_group = routers;
  spec.spines_per_group = spines;
  spec.servers_per_router = 2;
  spec.global_links = global_links;
  spec.router = Switch400("router", 64);
  spec.spine = Switch400("spine", 64);
  spec.routing = routing;
  site.fabric = spec;
  return site;
}

inline SiteSpec JellyfishSite(int routers, int links, std::uint64_t seed = 1,
                              RouterRouting routing = {}) {
  SiteSpec site = EightWaySite(routers * 2);
  JellyfishSpec spec;
  spec.path = "site[0].fabric.jellyfish";
  spec.routers = routers;
  spec.router_links = links;
  spec.servers_per_router = 2;
  spec.seed = seed;
  spec.router = Switch400("router", 64);
  spec.routing = routing;
  site.fabric = spec;
  return site;
}

inline SiteSpec SlimFlySite(int q, RouterRouting routing = {}) {
  SiteSpec site = EightWaySite(2 * q * q);
  SlimFlySpec spec;
  spec.path = "site[0].fabric.slimfly";
  spec.q = q;
  spec.servers_per_router = 1;
  spec.router = Switch400("router", 64);
  spec.routing = routing;
  site.fabric = spec;
  return site;
}

inline SiteSpec HyperXSite(const std::vector<int>& size, RouterRouting routing) {
  SiteSpec site = EightWaySite(1);
  HyperXSpec spec;
  spec.path = "site[0].fabric.hyperx";
  spec.size = size;
  spec.servers_per_router = 1;
  spec.router = Switch400("router", 64);
  spec.routing = routing;
  for (const int s : size) {
    site.servers *= s;
  }
  site.fabric = spec;
  return site;
}

inline std::unique_ptr<const RouterTopology> MakeRouters(const SiteSpec& site) {
  if (std::holds_alternative<HyperXSpec>(site.fabric)) {
    return std::make_unique<HyperXTopology>(site);
  }
  if (std::holds_alternative<DragonflySpec>(site.fabric)) {
    return std::make_unique<DragonflyTopology>(site);
  }
  if (std::holds_alternative<JellyfishSpec>(site.fabric)) {
    return std::make_unique<JellyfishTopology>(site);
  }
  return std::make_unique<SlimFlyTopology>(site);
}

inline constexpr RouterRouting kMinimalEcmp{Paths::kMinimal, Routing::kEcmp};
inline constexpr RouterRouting kValiantSpray{Paths::kValiant, Routing::kSpray};
inline constexpr RouterRouting kValiantEcmp{Paths::kValiant, Routing::kEcmp};
inline constexpr RouterRouting kUgal{Paths::kUgal, Routing::kSpray};
inline constexpr RouterRouting kAdaptive{Paths::kAdaptive, Routing::kSpray};

}  // namespace gridlock
