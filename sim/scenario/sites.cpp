#include <algorithm>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "sim/catalogue/catalogue.h"
#include "sim/catalogue/estimates.h"
#include "sim/catalogue/scan.h"
#include "sim/scenario/convert.h"
#include "sim/schema/rules.h"
#include "topologies/scale_up/network.h"

namespace gridlock {
namespace {

Bytes DataOf(const std::string& text) {
  return Bytes(SiOf(text, Dimension::kData));
}

Watts PowerOf(const std::string& text) {
  return Watts(SiOf(text, Dimension::kPower));
}

BytesPerSecond BandwidthOf(const std::string& text) {
  return BytesPerSecond(SiOf(text, Dimension::kBandwidth));
}

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
  CHECK(false);  // the rules have refused it
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

// The transceiver that a site names, else the usual one of its NICs' bandwidth or the next above.
// Notes are for lives, whose accounts have it; else nullptr.
void AddOptics(const proto::Site& site, const Catalogue& catalogue, SiteSpec& spec,
               std::vector<std::string>* notes) {
  const auto power_of = [](const proto::Optics& optics) {
    return JoulesPerByte(PowerOf(optics.power()).si() / BandwidthOf(optics.bandwidth()).si());
  };
  if (!site.optics().empty()) {
    spec.optics = power_of(*catalogue.optics.at(site.optics()).message);
    return;
  }
  for (const char* name : kUsualOptics) {
    const auto usual = catalogue.optics.find(name);
    if (usual != catalogue.optics.end() && !spec.server.direct &&
        BandwidthOf(usual->second.message->bandwidth()) >= spec.server.fabric_nic_bandwidth) {
      spec.optics = power_of(*usual->second.message);
      if (notes != nullptr) {
        notes->push_back(spec.path + ".optics: " + name + " at both ends of all cables");
      }
      return;
    }
  }
}

// Servers, network and building cost half as much again as accelerators: an estimate, in the middle
// of public breakdowns of clusters of 2023 to 2025.
constexpr double kCapitalOverPrice = 1.5;

void AddCapital(const proto::Site& site, const Catalogue& catalogue, SiteSpec& spec,
                std::vector<std::string>* notes) {
  const proto::Capital& capital = site.capital();
  if (!capital.depreciation().empty()) {
    spec.depreciation = Seconds(SiOf(capital.depreciation(), Dimension::kTime));
  }
  spec.capital_usd_per_accelerator = capital.per_accelerator();
  const auto accelerator = catalogue.accelerators.find(spec.server.accelerator.name);
  if (capital.per_accelerator() > 0 || accelerator == catalogue.accelerators.end()) {
    return;
  }
  const double price = accelerator->second.message->facts().price();
  if (price > 0) {
    spec.capital_usd_per_accelerator = kCapitalOverPrice * price;
    if (notes != nullptr) {
      notes->push_back(fmt::format(
          "{}.capital: {} USD for an accelerator, 1.5 times the price of "
          "{} in the catalogue (estimate)",
          spec.path, spec.capital_usd_per_accelerator, accelerator->second.message->name()));
    }
  }
}

// USD a year of an accelerator: all of what it costs to run the site, beside energy.
void AddOperation(const proto::Site& site, SiteSpec& spec, std::vector<std::string>* notes) {
  if (!site.has_operation()) {
    return;
  }
  constexpr double kPerWattMonth = 0.04, kMaintenance = 0.05, kTaxes = 0.01;  // see proto
  const proto::Operation& operation = site.operation();
  const auto or_usual = [](bool given, double value, double usual) {
    return given ? value : usual;
  };
  const double staff =
      or_usual(operation.has_per_watt_month(), operation.per_watt_month(), kPerWattMonth);
  const double shares =
      or_usual(operation.has_maintenance(), operation.maintenance(), kMaintenance) +
      or_usual(operation.has_taxes(), operation.taxes(), kTaxes);
  const ServerSpec& server = spec.server;
  const PowerSpec& power = server.accelerator.power;
  const double watts = (power.limit + (power.limit - power.idle) * server.overhead_per_watt +
                        server.overhead_power * (1.0 / server.accelerators))
                           .si();
  constexpr double kMonths = 12;
  spec.operation_usd_per_accelerator_year =
      staff * kMonths * watts + shares * spec.capital_usd_per_accelerator +
      operation.land() / (1.0 * spec.servers * server.accelerators);
  if (notes != nullptr &&
      !(operation.has_per_watt_month() && operation.has_maintenance() && operation.has_taxes())) {
    notes->push_back(fmt::format(
        "{}.operation: {:.3g} USD a month for a watt, {:.3g} % of the capital a year (estimate)",
        spec.path, staff, 100 * shares));
  }
}

// Prices, carbon and weather by the hour, and what the building makes of them.
void AddProfile(const proto::Site& site, SiteSpec& spec) {
  const auto time = [](const std::string& text) {
    return Seconds(SiOf(text, Dimension::kTime));
  };
  if (site.hour_size() > 0) {
    auto profile = std::make_shared<ProfileSpec>();
    for (const proto::Hour& hour : site.hour()) {
      HourSpec& each = profile->hours.emplace_back();
      each.at = time(hour.at());
      each.electricity = hour.has_electricity() ? std::optional(hour.electricity()) : std::nullopt;
      each.carbon = hour.has_carbon() ? std::optional(hour.carbon()) : std::nullopt;
      each.temperature = hour.has_temperature() ? std::optional(hour.temperature()) : std::nullopt;
    }
    const std::vector<HourSpec>& hours = profile->hours;
    constexpr Seconds kDay(86400);
    profile->repeats = hours.size() > 1
                           ? hours.back().at + (hours.back().at - hours[hours.size() - 2].at)
                           : hours.back().at + kDay;
    spec.profile = std::move(profile);
  }
  const proto::Facility& facility = site.facility();
  for (const proto::PuePoint& point : facility.pue_at()) {
    spec.pue_points.push_back({point.temperature(), point.pue()});
  }
  spec.pue_fixed = facility.fixed_overhead();
  if (facility.has_demand_response()) {
    spec.response_price = facility.demand_response().price_above();
    spec.response_cap = PowerOf(facility.demand_response().power_cap());
  }
}

// Those that come later leave some for the beginning.
void AddDeliveries(const proto::Site& site, SiteSpec& spec) {
  for (const proto::Delivery& delivery : site.delivery()) {
    spec.deliveries.push_back({Seconds(SiOf(delivery.at(), Dimension::kTime)), delivery.servers()});
  }
  std::stable_sort(spec.deliveries.begin(), spec.deliveries.end(),
                   [](const DeliverySpec& a, const DeliverySpec& b) {
                     return a.at < b.at;
                   });
}

}  // namespace

void ApplyNumbers(const proto::Override& change, const std::string& path,
                  AcceleratorSpec& accelerator, std::vector<std::string>& notes) {
  if (change.has_scale_up()) {
    accelerator.scale_up_bandwidth = LinkBandwidthOf(change.scale_up(), path + ".scale_up", notes);
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
  spec.fabric = FabricOf(site.fabric(), catalogue, spec.path + ".fabric");
  spec.server.direct = IsDirect(spec.fabric);
  if (site.has_server_network()) {
    const std::string path = spec.path + ".server_network";
    spec.server.network = MakeServerNetwork(site.server_network(), path, path, notes);
  }
  FinishNetwork(spec.server);
  spec.pue = PueOf(site.facility(), catalogue, spec.path + ".facility", notes);
  if (!site.facility().power_cap().empty()) {
    spec.power_cap = PowerOf(site.facility().power_cap());
  }
  spec.servers_per_rack = site.facility().servers_per_rack();
  spec.racks_per_row = site.facility().racks_per_row();
  spec.rows_per_feed = site.facility().rows_per_feed();
  spec.rack_cap =
      site.facility().rack_cap().empty() ? Watts(0) : PowerOf(site.facility().rack_cap());
  spec.row_cap = site.facility().row_cap().empty() ? Watts(0) : PowerOf(site.facility().row_cap());
  spec.power_policy =
      site.facility().power_policy() == proto::QUEUE ? PowerPolicy::kQueue : PowerPolicy::kSlow;
  if (!site.storage_bandwidth().empty()) {
    spec.storage_bandwidth = BandwidthOf(site.storage_bandwidth());
  }
  spec.electricity_usd_per_kwh = site.prices().electricity();
  spec.carbon_g_per_kwh = site.prices().carbon();
  std::vector<std::string>* of_life = scenario.horizon().empty() ? nullptr : &notes;
  AddOptics(site, catalogue, spec, of_life);
  AddCapital(site, catalogue, spec, of_life);
  AddOperation(site, spec, of_life);
  AddDeliveries(site, spec);
  AddProfile(site, spec);
  return spec;
}

}  // namespace gridlock
