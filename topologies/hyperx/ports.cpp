#include "topologies/hyperx/ports.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "sim/base/check.h"
#include "topologies/hyperx/topology.h"

namespace gridlock {

namespace {

using Count = std::int64_t;

// Links are numbered with 31 bits. Beyond this no product is exact, and none needs to be.
constexpr Count kLinksMax = std::numeric_limits<int>::max() / 2;

// A whole number of ports stays one, whatever the rounding of the ratio. At most a number far
// beyond any radix, so that nothing overflows.
Count CeilOf(double x) {
  constexpr double kRounding = 1e-12;
  return static_cast<Count>(std::ceil(std::min(x, 1e6) * (1.0 - kRounding)));
}

Count Routers(const HyperXSpec& hyperx) {
  Count routers = 1;
  for (const int size : hyperx.size) {
    routers = std::min(routers * size, kLinksMax + 1);
  }
  return routers;
}

// Sizes that no product may be made of.
void CheckSizes(const SiteSpec& site, const HyperXSpec& hyperx) {
  const std::size_t dimensions = hyperx.size.size();
  if (dimensions < 1 || dimensions > HyperXTopology::kMostDimensions) {
    throw UserError(
        hyperx.path + ".size",
        fmt::format("{} sizes given; expected 1 to 3, one for each dimension", dimensions));
  }
  if (*std::min_element(hyperx.size.begin(), hyperx.size.end()) < 2) {
    throw UserError(hyperx.path + ".size",
                    fmt::format("{} routers given; expected at least 2 along each dimension",
                                fmt::join(hyperx.size, " x ")));
  }
  if (hyperx.servers_per_router < 1) {
    throw UserError(hyperx.path + ".servers_per_router",
                    fmt::format("{} given; at least 1 is needed", hyperx.servers_per_router));
  }
  if (hyperx.links_between < 1) {
    throw UserError(hyperx.path + ".links_between",
                    fmt::format("{} given; at least 1 is needed", hyperx.links_between));
  }
  const ServerSpec& server = site.server;
  if (!(hyperx.router.port_bandwidth.si() > 0)) {
    throw UserError(hyperx.path + ".router_switch",
                    fmt::format("switch {} has no port bandwidth", hyperx.router.name));
  }
  if (server.nics < 1 || server.accelerators < 1 || !(server.nic_bandwidth.si() > 0)) {
    throw UserError(server.path + ".nics", "a server without NICs; expected at least 1");
  }
  if (server.accelerators > 1 && !(server.accelerator.scale_up_bandwidth.si() > 0)) {
    throw UserError(server.accelerator.path + ".scale_up_bandwidth",
                    "scale-up bandwidth must be positive where a server has several accelerators");
  }
}

}  // namespace

HyperXPorts PortsOf(const SiteSpec& site) {
  const auto& hyperx = std::get<HyperXSpec>(site.fabric);
  const ServerSpec& server = site.server;
  const BytesPerSecond built_for = std::max(server.nic_bandwidth, server.fabric_nic_bandwidth);
  HyperXPorts ports;
  ports.nic = (Count{server.nics} + server.accelerators - 1) / server.accelerators *
              CeilOf(built_for / hyperx.router.port_bandwidth);
  ports.down = hyperx.servers_per_router * server.nics_seen() * ports.nic;
  for (const int size : hyperx.size) {
    ports.mesh += Count{size - 1} * hyperx.links_between;
  }
  return ports;
}

const SiteSpec& CheckedHyperX(const SiteSpec& site) {
  const auto& hyperx = std::get<HyperXSpec>(site.fabric);
  CheckSizes(site, hyperx);
  CHECK(!site.server.direct);
  std::vector<Problem> problems;
  const HyperXPorts ports = PortsOf(site);
  if (ports.needed() > hyperx.router.ports) {
    problems.push_back(
        {hyperx.path + ".router_switch",
         fmt::format("a router needs {} ports, {} to NICs and {} to other routers, and {} has {}; "
                     "expected fewer servers_per_router or links_between, smaller sizes, or a "
                     "switch with more ports",
                     ports.needed(), ports.down, ports.mesh, hyperx.router.name,
                     hyperx.router.ports)});
  }
  const Count routers = Routers(hyperx);
  const Count room = routers * hyperx.servers_per_router;
  const Count accelerators = Count{site.servers} * site.server.accelerators;
  Count links = 4 * accelerators;
  for (const int size : hyperx.size) {
    links += routers * (size - 1);
  }
  if (site.servers > room) {
    problems.push_back(
        {site.path + ".servers",
         fmt::format("{} servers, and a HyperX of {} routers with {} each has room for {}; "
                     "expected at most {}, or a larger HyperX",
                     site.servers, fmt::join(hyperx.size, " x "), hyperx.servers_per_router, room,
                     room)});
  }
  if (links > kLinksMax) {
    problems.push_back({hyperx.path + ".size",
                        fmt::format("a HyperX of {} routers has more links than can be numbered; "
                                    "expected at most {}",
                                    fmt::join(hyperx.size, " x "), kLinksMax)});
  }
  if (!problems.empty()) {
    throw UserError(std::move(problems));
  }
  return site;
}

}  // namespace gridlock
