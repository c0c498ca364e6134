#include <algorithm>

#include "sim/base/check.h"
#include "sim/catalogue/estimates.h"
#include "sim/scenario/convert.h"
#include "sim/schema/rules.h"

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
  spec.spine = MakeSwitch(catalogue, clos.spine_switch());
  if (clos.tiers() == 3) {
    spec.core = MakeSwitch(catalogue, clos.core_switch());
  }
  spec.routing = RoutingOf(clos.routing());
  return spec;
}

TorusSpec TorusOf(const proto::Torus& torus, const Catalogue& catalogue, const std::string& path) {
  TorusSpec spec;
  spec.path = path;
  spec.size.assign(torus.size().begin(), torus.size().end());
  spec.block.assign(torus.block().begin(), torus.block().end());
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

HyperXSpec HyperXOf(const proto::HyperX& hyperx, const Catalogue& catalogue,
                    const std::string& path) {
  HyperXSpec spec;
  spec.path = path;
  spec.size.assign(hyperx.size().begin(), hyperx.size().end());
  spec.servers_per_router = hyperx.servers_per_router();
  spec.links_between = hyperx.links_between() == 0 ? 1 : hyperx.links_between();
  spec.router = MakeSwitch(catalogue, hyperx.router_switch());
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
    case proto::Fabric::KIND_NOT_SET:
      break;
  }
  CHECK(false);  // the rules have refused it
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
  spec.pue = PueOf(site.facility(), catalogue, spec.path + ".facility", notes);
  if (!site.facility().power_cap().empty()) {
    spec.power_cap = PowerOf(site.facility().power_cap());
  }
  spec.power_policy =
      site.facility().power_policy() == proto::QUEUE ? PowerPolicy::kQueue : PowerPolicy::kSlow;
  if (!site.storage_bandwidth().empty()) {
    spec.storage_bandwidth = BandwidthOf(site.storage_bandwidth());
  }
  spec.electricity_usd_per_kwh = site.prices().electricity();
  spec.carbon_g_per_kwh = site.prices().carbon();
  return spec;
}

}  // namespace gridlock
