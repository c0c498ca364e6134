#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "sim/catalogue/assumed_fabric.h"
#include "sim/catalogue/catalogue.h"
#include "sim/catalogue/estimates.h"
#include "sim/catalogue/scan.h"
#include "sim/scenario/accounts.h"
#include "sim/scenario/convert.h"
#include "sim/schema/quantity_text.h"
#include "sim/schema/rules.h"
#include "topologies/scale_up/network.h"
#include "topologies/topology.h"

namespace gridlock {
namespace {

/// Names between commas.
std::vector<std::string> NamesIn(const std::string& list) {
  std::vector<std::string> names;
  std::string name;
  int open = 0;  // brackets: "ring_x[1,2,3]" is one name
  for (const char c : list + ",") {
    open += c == '[' ? 1 : c == ']' ? -1 : 0;
    if (c != ',' || open > 0) {
      name += c == ' ' && name.empty() ? "" : std::string(1, c);
      continue;
    }
    name.erase(name.find_last_not_of(' ') + 1);
    if (!name.empty()) {
      names.push_back(name);
    }
    name.clear();
  }
  return names;
}

Routing RoutingOf(proto::Routing routing) {
  switch (routing) {
    case proto::ECMP:
      return Routing::kEcmp;
    case proto::DESTINATION:
      return Routing::kDestination;
    default:
      return Routing::kSpray;
  }
}

ClosSpec ClosOf(const proto::Clos& clos, const Catalogue& catalogue, const std::string& path) {
  ClosSpec spec;
  spec.path = path;
  spec.rail_optimized = clos.rail_optimized();
  spec.servers_per_leaf = clos.servers_per_leaf();
  spec.leaves_per_pod = clos.leaves_per_pod();
  // Zero is refused by the rules, so here it means: not given.
  spec.leaf_oversubscription =
      clos.leaf_oversubscription() == 0.0 ? 1.0 : clos.leaf_oversubscription();
  spec.spine_oversubscription =
      clos.spine_oversubscription() == 0.0 ? 1.0 : clos.spine_oversubscription();
  spec.tiers = clos.tiers();
  spec.leaf = MakeSwitch(catalogue, clos.leaf_switch());
  if (clos.tiers() >= 2) {
    spec.spine = MakeSwitch(catalogue, clos.spine_switch());
  }
  if (clos.tiers() == 3) {
    spec.core = MakeSwitch(catalogue, clos.core_switch());
  }
  spec.routing = RoutingOf(clos.routing());
  spec.planes = clos.planes() == 0 ? 1 : clos.planes();
  spec.split_nics = clos.split_nics();
  spec.rail_forwarding = clos.rail_forwarding();
  return spec;
}

TorusSpec TorusOf(const proto::Torus& torus, const Catalogue& catalogue, const std::string& path) {
  TorusSpec spec;
  spec.path = path;
  spec.size.assign(torus.size().begin(), torus.size().end());
  spec.block.assign(torus.block().begin(), torus.block().end());
  spec.slice.assign(torus.slice().begin(), torus.slice().end());
  spec.twisted = torus.twisted();
  if (!torus.hop_latency().empty()) {
    spec.hop_latency = Seconds(SiOf(torus.hop_latency(), Dimension::kTime));
  }
  spec.optical_switches = torus.optical_switches();
  if (!torus.optical_switch().empty()) {
    spec.optical_switch = MakeSwitch(catalogue, torus.optical_switch());
  }
  return spec;
}

ListedSpec ListedOf(const proto::Listed& listed, const Catalogue& catalogue,
                    const std::string& path) {
  const ListedGraph& graph = catalogue.graphs.at(listed.file());
  return {path, listed.file(), graph.graph, graph.hash};
}

Paths PathsOf(proto::Paths paths) {
  switch (paths) {
    case proto::DIMENSION_ORDER:
      return Paths::kDimensionOrder;
    case proto::VALIANT:
      return Paths::kValiant;
    case proto::UGAL:
      return Paths::kUgal;
    case proto::ADAPTIVE:
      return Paths::kAdaptive;
    default:
      return Paths::kMinimal;
  }
}

/// Of a network of routers.
template <typename Message>
RouterRouting RoutingOf(const Message& fabric) {
  return {PathsOf(fabric.paths()),
          fabric.routing() == proto::ECMP ? Routing::kEcmp : Routing::kSpray};
}

HyperXSpec HyperXOf(const proto::HyperX& hyperx, const Catalogue& catalogue,
                    const std::string& path) {
  HyperXSpec spec;
  spec.path = path;
  spec.size.assign(hyperx.size().begin(), hyperx.size().end());
  spec.servers_per_router = hyperx.servers_per_router();
  spec.links_between = hyperx.links_between() == 0 ? 1 : hyperx.links_between();
  spec.router = MakeSwitch(catalogue, hyperx.router_switch());
  spec.routing = RoutingOf(hyperx);
  if (hyperx.paths() == proto::PATHS_UNSPECIFIED) {
    spec.routing.paths = Paths::kDimensionOrder;
  }
  return spec;
}

DragonflySpec DragonflyOf(const proto::Dragonfly& dragonfly, const Catalogue& catalogue,
                          const std::string& path) {
  DragonflySpec spec;
  spec.path = path;
  spec.groups = dragonfly.groups();
  spec.routers_per_group = dragonfly.routers_per_group();
  spec.spines_per_group = dragonfly.spines_per_group();
  spec.servers_per_router = dragonfly.servers_per_router();
  spec.global_links = dragonfly.global_links();
  spec.local_links = dragonfly.local_links() == 0 ? 1 : dragonfly.local_links();
  spec.router = MakeSwitch(catalogue, dragonfly.router_switch());
  if (!dragonfly.spine_switch().empty()) {
    spec.spine = MakeSwitch(catalogue, dragonfly.spine_switch());
  }
  spec.routing = RoutingOf(dragonfly);
  return spec;
}

JellyfishSpec JellyfishOf(const proto::Jellyfish& jellyfish, const Catalogue& catalogue,
                          const std::string& path) {
  JellyfishSpec spec;
  spec.path = path;
  spec.routers = jellyfish.routers();
  spec.router_links = jellyfish.router_links();
  spec.servers_per_router = jellyfish.servers_per_router();
  spec.seed = jellyfish.seed();
  spec.router = MakeSwitch(catalogue, jellyfish.router_switch());
  spec.routing = RoutingOf(jellyfish);
  return spec;
}

SlimFlySpec SlimFlyOf(const proto::SlimFly& slimfly, const Catalogue& catalogue,
                      const std::string& path) {
  SlimFlySpec spec;
  spec.path = path;
  spec.q = slimfly.q();
  spec.servers_per_router = slimfly.servers_per_router();
  spec.router = MakeSwitch(catalogue, slimfly.router_switch());
  spec.routing = RoutingOf(slimfly);
  return spec;
}

// The network of a site that describes none: a Clos that does not block, of as few tiers as
// switches of 64 ports need. Where three tiers of them do not hold the site, or a leaf not one
// server, switches have more ports.
ClosSpec AssumedFabric(const SiteSpec& site, const std::string& path) {
  constexpr std::int64_t kPorts = 64, kPortsMost = 65536;
  const std::int64_t ranks = std::max(site.server.accelerators, 1);
  const std::int64_t nics = (std::max(site.server.nics, 1) + ranks - 1) / ranks * ranks;
  const auto leaves_of = [&](std::int64_t ports) {
    const std::int64_t each = ports / 2 / nics;  // servers
    return each == 0 ? std::int64_t{site.servers} * kPortsMost : (site.servers + each - 1) / each;
  };
  std::int64_t ports = kPorts;
  while (ports < kPortsMost && nics * site.servers > ports &&
         leaves_of(ports) > ports * ports / 2) {
    ports *= 2;
  }
  ClosSpec spec;
  spec.path = path;
  spec.tiers = nics * site.servers <= ports || site.servers == 1 ? 1
               : leaves_of(ports) <= ports                       ? 2
                                                                 : 3;
  spec.servers_per_leaf = static_cast<int>(
      spec.tiers == 1 ? site.servers : std::max<std::int64_t>(1, ports / 2 / nics));
  spec.leaves_per_pod = static_cast<int>(spec.tiers == 2 ? ports : ports / 2);
  spec.leaf.name = site.servers == 1 ? kNoSwitch : "an assumed switch";
  spec.leaf.ports = static_cast<int>(site.servers == 1 ? kPortsMost : ports);
  spec.leaf.port_bandwidth = std::max(site.server.nic_bandwidth, site.server.fabric_nic_bandwidth);
  // Per port and hop those of most switches of the catalogue (topologies/catalog/
  // switches.textproto); one server alone needs none.
  constexpr double kWattsPerPort = 940.0 / 64;
  spec.leaf.latency = Seconds(600e-9);
  spec.leaf.power = Watts(site.servers == 1 ? 0 : kWattsPerPort * static_cast<double>(ports));
  spec.spine = spec.core = spec.leaf;
  return spec;
}

// Says what stands for the network that the scenario does not have. A server alone needs none.
void NoteAssumedFabric(const SiteSpec& site, const ClosSpec& fabric,
                       std::vector<std::string>& notes) {
  if (site.servers > 1) {
    notes.push_back(
        fmt::format("{}: none is given, so a {} of switches with {} ports of {} stands "
                    "there, which does not block (estimate)",
                    fabric.path, TitleOf(FabricSpec(fabric)), fabric.leaf.ports,
                    FormatBandwidth(fabric.leaf.port_bandwidth)));
  }
}

// Of one server nothing comes out: where the Clos that is written is too small for its NICs, one
// that holds them stands there.
void WidenForOneServer(SiteSpec& site, std::vector<std::string>& notes) {
  const auto* const clos = std::get_if<ClosSpec>(&site.fabric);
  if (clos == nullptr || site.servers != 1) {
    return;
  }
  try {
    (void)MakeTopology(site);
  } catch (const UserError& error) {
    const bool of_the_fabric = std::all_of(error.problems().begin(), error.problems().end(),
                                           [clos](const Problem& problem) {
                                             return problem.path.starts_with(clos->path);
                                           });
    if (!of_the_fabric) {
      return;
    }
    notes.push_back(clos->path +
                    ": too small for the NICs of the server, which is alone and uses "
                    "none of it: one that holds them stands there");
    site.fabric = AssumedFabric(site, clos->path);
  }
}

FabricSpec FabricOf(const proto::Fabric& fabric, const Catalogue& catalogue,
                    const std::string& path) {
  switch (fabric.kind_case()) {
    case proto::Fabric::kClos:
      return ClosOf(fabric.clos(), catalogue, path + ".clos");
    case proto::Fabric::kTorus:
      return TorusOf(fabric.torus(), catalogue, path + ".torus");
    case proto::Fabric::kListed:
      return ListedOf(fabric.listed(), catalogue, path + ".listed");
    case proto::Fabric::kHyperx:
      return HyperXOf(fabric.hyperx(), catalogue, path + ".hyperx");
    case proto::Fabric::kDragonfly:
      return DragonflyOf(fabric.dragonfly(), catalogue, path + ".dragonfly");
    case proto::Fabric::kJellyfish:
      return JellyfishOf(fabric.jellyfish(), catalogue, path + ".jellyfish");
    case proto::Fabric::kSlimfly:
      return SlimFlyOf(fabric.slimfly(), catalogue, path + ".slimfly");
    case proto::Fabric::KIND_NOT_SET:
      break;
  }
  CHECK(false);  // AssumedFabric stands for it
}

// What follows from the links inside the server, once all overrides are in. What does not fit
// together there is said when the topology is made.
void FinishNetwork(ServerSpec& server) {
  const ScaleUpSpec& network = server.network;
  server.accelerator.scale_up_bandwidth =
      server.accelerator.scale_up_bandwidth * std::max(0.0, network.chips_in_order());
  try {
    server.ring_bandwidths = RingBandwidths(server);
  } catch (const UserError&) {
    server.ring_bandwidths.clear();
  }
}

// Says where a bandwidth is an eighth of the part's own, per direction or of both: bits that may
// have been meant as bytes.
void NoteBitsForBytes(const AcceleratorSpec& accelerator, BytesPerSecond own,
                      const std::string& path, std::vector<std::string>& notes) {
  constexpr double kClose = 0.02;
  const BytesPerSecond given = accelerator.scale_up_bandwidth;
  for (const double directions : {1.0, 2.0}) {
    if (own.si() > 0 && std::abs(8 * given.si() / (directions * own.si()) - 1) < kClose) {
      notes.push_back(fmt::format(
          "{}: {} is an eighth of the {} {} that {} has; bytes may be meant instead of bits", path,
          FormatBandwidth(given), FormatBandwidth(own * directions),
          directions > 1 ? "in both directions" : "per direction", accelerator.name));
      return;
    }
  }
}

}  // namespace

void ApplyNumbers(const proto::Override& change, const std::string& path,
                  AcceleratorSpec& accelerator, std::vector<std::string>& notes) {
  if (change.has_scale_up()) {
    const BytesPerSecond own = accelerator.scale_up_bandwidth;
    accelerator.scale_up_bandwidth = LinkBandwidthOf(change.scale_up(), path + ".scale_up", notes);
    NoteBitsForBytes(accelerator, own, path + ".scale_up", notes);
  }
  if (!change.hbm_bandwidth().empty()) {
    accelerator.hbm_bandwidth = BandwidthOf(change.hbm_bandwidth());
  }
  if (!change.hbm_capacity().empty()) {
    accelerator.hbm_capacity = DataOf(change.hbm_capacity());
  }
  if (change.flops_factor() != 0.0) {
    for (MatrixRate& rate : accelerator.rates) {
      rate.peak = rate.peak * change.flops_factor();
    }
  }
  if (!change.power_limit().empty()) {
    accelerator.power.limit = PowerOf(change.power_limit());
  }
  if (!change.power_floor().empty()) {
    accelerator.power.floor = PowerOf(change.power_floor());
  }
  if (!change.power_ramp_up().empty()) {
    accelerator.power.ramp_up = WattsPerSecond(SiOf(change.power_ramp_up(), Dimension::kPowerRamp));
  }
  if (!change.power_ramp_down().empty()) {
    accelerator.power.ramp_down =
        WattsPerSecond(SiOf(change.power_ramp_down(), Dimension::kPowerRamp));
  }
  // With other rates it is another part, and its limit is its own.
  if (change.flops_factor() != 0.0 && change.flops_factor() != 1.0) {
    accelerator.power.own_limit = accelerator.power.limit;
  }
}

SiteSpec MakeSite(const proto::Scenario& scenario, int index, const Catalogue& catalogue,
                  std::vector<std::string>& notes) {
  CHECK(index < scenario.site_size());
  const proto::Site& site = scenario.site(index);
  SiteSpec spec;
  spec.path = ElementPath("site", static_cast<std::size_t>(index));
  spec.name = SiteName(scenario, index);
  spec.server =
      MakeServer(catalogue.servers.at(site.server()), catalogue, spec.path + ".server", notes);
  ApplyNumbers(site.override(), spec.path + ".override", spec.server.accelerator, notes);
  if (!site.override().nic_bandwidth().empty()) {
    spec.server.nic_bandwidth = BandwidthOf(site.override().nic_bandwidth());
  }
  if (!site.override().fabric_nic_bandwidth().empty()) {
    spec.server.fabric_nic_bandwidth = BandwidthOf(site.override().fabric_nic_bandwidth());
  }
  if (site.override().nics() > 0) {
    spec.server.nics = site.override().nics();
  }
  if (!site.override().power_storage().empty()) {
    spec.server.power_storage = Joules(SiOf(site.override().power_storage(), Dimension::kEnergy));
  }
  if (!site.override().transport().empty()) {
    spec.server.scale_out = MakeFit(site.override().transport(), catalogue);
  }
  if (site.override().has_comply_with() && !IsMetByQuota(site)) {
    const std::string& name = spec.server.accelerator.name;
    const std::size_t before = notes.size();
    ApplyCompliance(site.override().comply_with(), *catalogue.accelerators.at(name).message,
                    catalogue, spec.server.accelerator, notes);
    for (std::size_t i = before; i < notes.size(); ++i) {
      notes[i] = spec.path + ".override.comply_with: " + notes[i];
    }
  }
  spec.servers = site.servers();
  spec.hash_seed = scenario.seed();
  spec.queue_pairs = std::max(site.queue_pairs(), 1);
  spec.failed = NamesIn(site.failed());
  const std::string fabric = spec.path + ".fabric";
  if (site.has_fabric()) {
    spec.fabric = FabricOf(site.fabric(), catalogue, fabric);
  } else {
    const ClosSpec assumed = AssumedFabric(spec, fabric);
    NoteAssumedFabric(spec, assumed, notes);
    spec.fabric = assumed;
  }
  if (const auto* const listed = std::get_if<ListedSpec>(&spec.fabric);
      listed != nullptr && !listed->graph->hashed && !listed->graph->sprayed) {
    notes.push_back(fabric +
                    ".listed: each flow takes one of its shortest ways, the first by preference; "
                    "none is spread over several (routing \"first\" of the file)");
  }
  spec.server.direct = IsDirect(spec.fabric);
  if (site.has_server_network()) {
    const std::string path = spec.path + ".server_network";
    spec.server.network = MakeServerNetwork(site.server_network(), path, path, notes);
  }
  FinishNetwork(spec.server);
  WidenForOneServer(spec, notes);
  AddAccounts(site, catalogue, spec, notes, /*of_life=*/!scenario.horizon().empty());
  return spec;
}

}  // namespace gridlock
