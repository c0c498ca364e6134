#include "topologies/topology.h"

#include <utility>
#include <variant>

#include "topologies/clos/planes.h"
#include "topologies/clos/topology.h"
#include "topologies/dragonfly/topology.h"
#include "topologies/hyperx/topology.h"
#include "topologies/jellyfish/topology.h"
#include "topologies/listed/topology.h"
#include "topologies/scale_up/topology.h"
#include "topologies/slimfly/topology.h"
#include "topologies/torus/topology.h"

namespace gridlock {

namespace {

std::shared_ptr<const Topology> Make(const SiteSpec& site, const ClosSpec& spec) {
  if (spec.planes > 1) {
    return std::make_shared<PlanesTopology>(site);
  }
  return std::make_shared<ClosTopology>(site);
}

std::shared_ptr<const Topology> Make(const SiteSpec& site, const TorusSpec& /*spec*/) {
  return std::make_shared<TorusTopology>(site);
}

std::shared_ptr<const Topology> Make(const SiteSpec& site, const ListedSpec& /*spec*/) {
  return std::make_shared<ListedTopology>(site);
}

std::shared_ptr<const Topology> Make(const SiteSpec& site, const HyperXSpec& /*spec*/) {
  return std::make_shared<HyperXTopology>(site);
}

std::shared_ptr<const Topology> Make(const SiteSpec& site, const DragonflySpec& /*spec*/) {
  return std::make_shared<DragonflyTopology>(site);
}

std::shared_ptr<const Topology> Make(const SiteSpec& site, const JellyfishSpec& /*spec*/) {
  return std::make_shared<JellyfishTopology>(site);
}

std::shared_ptr<const Topology> Make(const SiteSpec& site, const SlimFlySpec& /*spec*/) {
  return std::make_shared<SlimFlyTopology>(site);
}

}  // namespace

std::shared_ptr<const Topology> MakeTopology(const SiteSpec& site) {
  std::shared_ptr<const Topology> between = std::visit(
      [&site](const auto& spec) {
        return Make(site, spec);
      },
      site.fabric);
  const ScaleUpSpec& inside = site.server.network;
  if (inside.plain() || (site.server.direct && inside.is_torus() && inside.cores == 1)) {
    return between;
  }
  return std::make_shared<ServersTopology>(site, std::move(between));
}

bool IsDirect(const FabricSpec& fabric) {
  return std::visit(
      [](const auto& spec) {
        return spec.direct();
      },
      fabric);
}

std::string TitleOf(const FabricSpec& fabric) {
  return std::visit(
      [](const auto& spec) {
        return TitleOf(spec);
      },
      fabric);
}

void Topology::AppendShares(AcceleratorIndex from, AcceleratorIndex to, std::uint64_t flow_hash,
                            std::span<const double> /*load*/,
                            std::vector<LinkShare>& shares) const {
  std::vector<LinkIndex> route;
  AppendRoute(from, to, flow_hash, route);
  for (const LinkIndex link : route) {
    shares.push_back({link, parts()});
  }
}

Watts PowerOfSwitches(const Topology& topology) {
  Watts power;
  for (const Equipment& each : topology.equipment()) {
    power += each.power * static_cast<double>(each.count);
  }
  return power;
}

Watts PowerOfOptics(const Topology& topology) {
  const double per_bandwidth = topology.site().optics.si();
  if (per_bandwidth <= 0) {
    return Watts(0);
  }
  BytesPerSecond ends;
  for (LinkIndex link{0}; link < topology.links(); ++link) {
    if (topology.tier(link) != TierTable::kScaleUp) {
      ends += topology.capacity(link);
    }
  }
  return Watts(per_bandwidth * ends.si());
}

// Constants and shifts: Steele, Lea, Flood, "Fast splittable pseudorandom number generators",
// OOPSLA 2014, figure 17, with the increment of S. Vigna's splitmix64.c.
std::uint64_t MixHash(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27U)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31U);
}

std::uint64_t HashPick(std::uint64_t flow_hash, std::uint64_t stream, std::uint64_t count) {
  return MixHash(MixHash(flow_hash) ^ stream) % count;
}

}  // namespace gridlock
