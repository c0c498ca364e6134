#include "topologies/clos/topology.h"

#include <algorithm>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "topologies/clos/graph.h"
#include "topologies/cut.h"
#include "topologies/graph.h"
#include "topologies/listed/route_graph.h"

namespace gridlock {

namespace {

int Pick(std::uint64_t flow_hash, ClosStreams stream, int count) {
  return static_cast<int>(HashPick(flow_hash, stream, static_cast<std::uint64_t>(count)));
}

}  // namespace

std::string TitleOf(const ClosSpec& clos) {
  std::string text = fmt::format("Clos of {} tier{}", clos.tiers, clos.tiers == 1 ? "" : "s");
  if (clos.planes > 1) {
    text = fmt::format("{} planes, each a {}", clos.planes, text);
  }
  text += clos.rail_optimized ? ", rail-optimized" : "";
  text += clos.rail_forwarding ? ", forwarded between rails by servers" : "";
  if (clos.tiers >= 2) {
    text += fmt::format(", oversubscription {:.4g}:1 above the leaves", clos.leaf_oversubscription);
  }
  if (clos.tiers == 3) {
    text += fmt::format(", {:.4g}:1 above the spines", clos.spine_oversubscription);
  }
  switch (clos.routing) {
    case Routing::kSpray:
      return text + ", sprayed";
    case Routing::kEcmp:
      return text + ", ECMP";
    case Routing::kDestination:
      return text + ", by destination";
  }
  CHECK(false);
}

ClosTopology::ClosTopology(const SiteSpec& site)
    : Topology(site),
      layout_(LayOutClos(site)),
      links_(site, layout_),
      bundles_(site, layout_),
      locality_(LocalityOf()) {}

double ClosTopology::leaf_oversubscription() const {
  return layout_.nics_per_leaf * layout_.nic_bandwidth /
         (layout_.uplinks_per_leaf * layout_.leaf_uplink);
}

double ClosTopology::spine_oversubscription() const {
  if (clos().tiers != 3) {
    return 0.0;
  }
  return layout_.leaves_per_pod * layout_.links_per_spine * layout_.leaf_uplink /
         (layout_.uplinks_per_spine * layout_.spine_uplink);
}

TierIndex ClosTopology::tier(LinkIndex link) const {
  return {links_.family(link) / 2};  // families are pairs in the order of the tiers
}

BytesPerSecond ClosTopology::capacity(LinkIndex link) const {
  const bool ecmp = clos().routing != Routing::kSpray;  // links stand one by one
  switch (links_.family(link)) {
    case kScaleUpOut:
    case kScaleUpIn:
      return site().server.accelerator.scale_up_bandwidth;
    case kNicUp:
    case kNicDown:
      return layout_.nic_bandwidth;
    case kLeafUp:
    case kLeafDown:
      return ecmp ? layout_.leaf_uplink
                  : layout_.leaf_uplink * layout_.uplinks_per_leaf * bundles_.ShareOf(link, links_);
    case kSpineUp:
    case kSpineDown:
      // A pod's bundle: every uplink of every spine.
      return ecmp ? layout_.spine_uplink
                  : layout_.spine_uplink * static_cast<double>(layout_.spines_per_pod) *
                        layout_.uplinks_per_spine * bundles_.ShareOf(link, links_);
    case kFamilies:
      break;
  }
  CHECK(false);
}

std::string ClosTopology::name(LinkIndex link) const {
  static constexpr std::array<const char*, kFamilies> kNames = {
      "scale_up_out", "scale_up_in", "nic_up",   "nic_down",
      "leaf_up",      "leaf_down",   "spine_up", "spine_down"};
  const Family f = links_.family(link);
  const int position = links_.position(link);
  if (f < kLeafUp || clos().routing == Routing::kSpray) {
    return fmt::format("{}[{}]", kNames[f], position);
  }
  const char* arrow = f % 2 == 0 ? "->" : "<-";
  if (f == kLeafUp || f == kLeafDown) {
    const int leaf = position / layout_.uplinks_per_leaf;
    const int uplink = position % layout_.uplinks_per_leaf;
    const int spine = pod_of_leaf(leaf) * layout_.spines_per_pod + uplink / layout_.links_per_spine;
    std::string text = fmt::format("{}[{}]{}spine[{}]", kNames[f], leaf, arrow, spine);
    if (layout_.links_per_spine > 1) {
      text += fmt::format("#{}", uplink % layout_.links_per_spine);
    }
    return text;
  }
  const int spine = position / layout_.uplinks_per_spine;
  const int plane = spine % layout_.spines_per_pod;
  const int uplink = position % layout_.uplinks_per_spine;
  const int core = plane * layout_.cores_per_plane + uplink / layout_.links_per_core;
  std::string text = fmt::format("{}[{}]{}core[{}]", kNames[f], spine, arrow, core);
  if (layout_.links_per_core > 1) {
    text += fmt::format("#{}", uplink % layout_.links_per_core);
  }
  return text;
}

int ClosTopology::nic_of(AcceleratorIndex a) const {
  const ServerIndex server = server_of(a);
  const int local = a.value % server_size();
  // In 64 bits: a rack of many accelerators with many NICs must not overflow.
  const std::int64_t local_nic = std::int64_t{local} * layout_.nics_per_server / server_size();
  return server * layout_.nics_per_server + static_cast<int>(local_nic);
}

int ClosTopology::leaf_of_nic(int nic) const {
  const int group = nic / layout_.nics_per_server / clos().servers_per_leaf;
  if (!clos().rail_optimized) {
    return group;
  }
  return group * layout_.nics_per_server + nic % layout_.nics_per_server;
}

AcceleratorIndex ClosTopology::SenderOf(AcceleratorIndex from, AcceleratorIndex to) const {
  const int nics = layout_.nics_per_server;
  const bool same_rail = nic_of(from) % nics == nic_of(to) % nics;
  return clos().rail_forwarding && clos().rail_optimized && !same_rail
             ? AcceleratorIndex{server_of(from) * server_size() + to.value % server_size()}
             : from;
}

void ClosTopology::AppendRoute(AcceleratorIndex from, AcceleratorIndex to, std::uint64_t flow_hash,
                               std::vector<LinkIndex>& route) const {
  CHECK(from.value >= 0 && from.value < accelerators());
  CHECK(to.value >= 0 && to.value < accelerators());
  CHECK(from != to);
  if (same_domain(from, to)) {
    route.push_back(scale_up_out(from));
    route.push_back(scale_up_in(to));
    return;
  }
  const AcceleratorIndex sender = SenderOf(from, to);
  if (sender != from) {
    route.push_back(scale_up_out(from));
    route.push_back(scale_up_in(sender));
  }
  const int from_nic = nic_of(sender);
  const int to_nic = nic_of(to);
  const int from_leaf = leaf_of_nic(from_nic);
  const int to_leaf = leaf_of_nic(to_nic);
  route.push_back(links_.At(kNicUp, from_nic));
  if (from_leaf != to_leaf) {
    if (clos().routing == Routing::kSpray) {
      AppendSprayed(from_leaf, to_leaf, route);
    } else {
      AppendKept(from_leaf, to_leaf, ChoicesOf(to_nic, flow_hash), route);
    }
  }
  route.push_back(links_.At(kNicDown, to_nic));
}

void ClosTopology::AppendSprayed(int from_leaf, int to_leaf, std::vector<LinkIndex>& route) const {
  const int from_pod = pod_of_leaf(from_leaf);
  const int to_pod = pod_of_leaf(to_leaf);
  route.push_back(links_.At(kLeafUp, from_leaf));
  if (from_pod != to_pod) {
    route.push_back(links_.At(kSpineUp, from_pod));
    route.push_back(links_.At(kSpineDown, to_pod));
  }
  route.push_back(links_.At(kLeafDown, to_leaf));
}

// By destination, D mod k: the digits of the destination's number pick the spine, then the core,
// then one of parallel links, so that the flows to consecutive NICs take different links
// (E. Zahavi, "D-Mod-K routing providing non-blocking traffic for shift permutations on real life
// fat trees", 2010).
ClosTopology::Choices ClosTopology::ChoicesOf(int to_nic, std::uint64_t flow_hash) const {
  const ClosLayout& l = layout_;
  const bool cores = l.links_per_core > 0;
  if (clos().routing == Routing::kEcmp) {
    Choices choices;
    choices.uplink = Pick(flow_hash, ClosStreams::kUplink, l.uplinks_per_leaf);
    choices.downlink = Pick(flow_hash, ClosStreams::kDownlink, l.links_per_spine);
    if (cores) {
      choices.spine_uplink = Pick(flow_hash, ClosStreams::kSpineUplink, l.uplinks_per_spine);
      choices.core_downlink = Pick(flow_hash, ClosStreams::kCoreDownlink, l.links_per_core);
    }
    return choices;
  }
  const int spine = to_nic % l.spines_per_pod;
  int rest = to_nic / l.spines_per_pod;
  Choices choices;
  choices.uplink = spine * l.links_per_spine + rest % l.links_per_spine;
  choices.downlink = rest % l.links_per_spine;
  if (cores) {
    rest /= l.links_per_spine;
    const int core = rest % l.cores_per_plane;
    const int parallel = rest / l.cores_per_plane % l.links_per_core;
    choices.spine_uplink = core * l.links_per_core + parallel;
    choices.core_downlink = parallel;
  }
  return choices;
}

// The uplink fixes the spine, and with it the plane: there is no way between planes but through a
// leaf, so the flow comes down on the spine of the same position.
void ClosTopology::AppendKept(int from_leaf, int to_leaf, const Choices& choices,
                              std::vector<LinkIndex>& route) const {
  const int from_pod = pod_of_leaf(from_leaf);
  const int to_pod = pod_of_leaf(to_leaf);
  const int plane = choices.uplink / layout_.links_per_spine;
  route.push_back(links_.At(kLeafUp, from_leaf * layout_.uplinks_per_leaf + choices.uplink));
  if (from_pod != to_pod) {
    const int up = choices.spine_uplink;
    const int down = up / layout_.links_per_core * layout_.links_per_core + choices.core_downlink;
    const int from_spine = from_pod * layout_.spines_per_pod + plane;
    const int to_spine = to_pod * layout_.spines_per_pod + plane;
    route.push_back(links_.At(kSpineUp, from_spine * layout_.uplinks_per_spine + up));
    route.push_back(links_.At(kSpineDown, to_spine * layout_.uplinks_per_spine + down));
  }
  const int downlink = plane * layout_.links_per_spine + choices.downlink;
  route.push_back(links_.At(kLeafDown, to_leaf * layout_.uplinks_per_leaf + downlink));
}

ClosTopology::BorderLinks ClosTopology::ToBorder(int leaf, std::uint64_t flow_hash, bool up) const {
  if (clos().tiers == 1) {
    return {};
  }
  const bool three = clos().tiers == 3;
  const Family leaf_family = up ? kLeafUp : kLeafDown;
  const Family spine_family = up ? kSpineUp : kSpineDown;
  const int pod = pod_of_leaf(leaf);
  if (clos().routing == Routing::kSpray) {
    return {links_.At(leaf_family, leaf), three ? links_.At(spine_family, pod) : LinkIndex{}};
  }
  const int link =
      Pick(flow_hash, up ? ClosStreams::kUplink : ClosStreams::kDownlink, layout_.uplinks_per_leaf);
  BorderLinks links{links_.At(leaf_family, leaf * layout_.uplinks_per_leaf + link), {}};
  if (three) {
    const int spine = pod * layout_.spines_per_pod + link / layout_.links_per_spine;
    const int choice = Pick(flow_hash, up ? ClosStreams::kSpineUplink : ClosStreams::kCoreDownlink,
                            layout_.uplinks_per_spine);
    links.spine = links_.At(spine_family, spine * layout_.uplinks_per_spine + choice);
  }
  return links;
}

void ClosTopology::AppendExit(AcceleratorIndex from, std::uint64_t flow_hash,
                              std::vector<LinkIndex>& route) const {
  CHECK(from.value >= 0 && from.value < accelerators());
  const int nic = nic_of(from);
  const BorderLinks links = ToBorder(leaf_of_nic(nic), flow_hash, /*up=*/true);
  route.push_back(links_.At(kNicUp, nic));
  if (links.leaf.value >= 0) {
    route.push_back(links.leaf);
  }
  if (links.spine.value >= 0) {
    route.push_back(links.spine);
  }
}

void ClosTopology::AppendEntry(AcceleratorIndex to, std::uint64_t flow_hash,
                               std::vector<LinkIndex>& route) const {
  CHECK(to.value >= 0 && to.value < accelerators());
  const int nic = nic_of(to);
  const BorderLinks links = ToBorder(leaf_of_nic(nic), flow_hash, /*up=*/false);
  if (links.spine.value >= 0) {
    route.push_back(links.spine);
  }
  if (links.leaf.value >= 0) {
    route.push_back(links.leaf);
  }
  route.push_back(links_.At(kNicDown, nic));
}

bool ClosTopology::TierCanBind(TierIndex tier) const {
  constexpr double kExactly = 1 + 1e-9;
  if (clos().routing != Routing::kSpray) {
    return true;
  }
  if (tier == ClosTiers::kLeaf) {
    return leaf_oversubscription() > kExactly;
  }
  if (tier == ClosTiers::kSpine) {
    return leaf_oversubscription() * spine_oversubscription() > kExactly;
  }
  return true;
}

Seconds ClosTopology::LatencyToBorder() const {
  const ClosSpec& spec = clos();
  return spec.leaf.latency + (spec.tiers >= 2 ? spec.spine.latency : Seconds(0.0)) +
         (spec.tiers == 3 ? spec.core.latency : Seconds(0.0));
}

Seconds ClosTopology::Latency(AcceleratorIndex from, AcceleratorIndex to) const {
  // Inside a domain the latency is part of the collective fit (CollectiveFit::step_latency).
  if (same_domain(from, to)) {
    return Seconds(0.0);
  }
  const ClosSpec& spec = clos();
  const int from_leaf = leaf_of_nic(nic_of(SenderOf(from, to)));
  const int to_leaf = leaf_of_nic(nic_of(to));
  if (from_leaf == to_leaf) {
    return spec.leaf.latency;
  }
  if (pod_of_leaf(from_leaf) == pod_of_leaf(to_leaf)) {
    return 2 * spec.leaf.latency + spec.spine.latency;
  }
  return 2 * spec.leaf.latency + 2 * spec.spine.latency + spec.core.latency;
}

std::string ClosTopology::shape() const {
  if (clos().tiers == 1) {
    return leaves() == 1 ? "one leaf" : fmt::format("{} leaves, one for each rail", leaves());
  }
  return fmt::format("{} pod{} of {}{} {}", pods(), pods() == 1 ? "" : "s",
                     leaves() < pods() * leaves_per_pod() ? "up to " : "", leaves_per_pod(),
                     leaves_per_pod() == 1 ? "leaf" : "leaves");
}

std::vector<std::string> ClosTopology::facts() const {
  std::vector<std::string> facts;
  if (clos().rail_optimized && clos().rail_forwarding) {
    facts.push_back("traffic to another rail is forwarded by the accelerator of its server there");
  }
  if (clos().tiers == 1) {
    return facts;
  }
  const std::string spine =
      clos().tiers == 3 ? fmt::format(", spine {:.3g}:1", spine_oversubscription()) : "";
  facts.push_back(
      fmt::format("oversubscription as built: leaf {:.3g}:1{}", leaf_oversubscription(), spine));
  return facts;
}

std::vector<Tier> ClosTopology::tiers() const {
  return {{"leaf", "the links between leaves and spines"},
          {"spine", "the links between spines and cores"}};
}

Locality ClosTopology::LocalityOf() const {
  const ClosSpec& spec = clos();
  const int rails = spec.rail_optimized ? layout_.nics_per_server : 1;
  Locality::Level leaf;
  leaf.name = rails > 1 ? "group of rails" : "leaf";
  leaf.first = Locality::Every(spec.servers_per_leaf, servers());
  leaf.exits_can_bind =
      (spec.tiers >= 2 && TierCanBind(ClosTiers::kLeaf)) || !site().failed.empty();
  leaf.exits_used_within = rails > 1 && !spec.rail_forwarding;  // from one rail to another
  Locality::Level pod;
  pod.name = "pod";
  // With several pods the leaves of a pod are whole groups of rails (LayOutClos).
  pod.first = Locality::Every(
      pods() > 1 ? std::int64_t{spec.servers_per_leaf} * (spec.leaves_per_pod / rails) : servers(),
      servers());
  pod.exits_can_bind = TierCanBind(ClosTiers::kSpine) || !site().failed.empty();
  return {servers(), {leaf, pod}, spec.routing == Routing::kSpray};
}

std::vector<Equipment> ClosTopology::equipment() const {
  const auto of = [](const char* name, const char* plural, const SwitchSpec& spec, int count) {
    return Equipment{name, plural, spec.name, count, spec.power};
  };
  const ClosSpec& spec = clos();
  std::vector<Equipment> all = {of("leaf", "leaves", spec.leaf, leaves())};
  if (spec.tiers >= 2) {
    all.push_back(of("spine", "spines", spec.spine, spines()));
  }
  if (spec.tiers == 3) {
    all.push_back(of("core", "cores", spec.core, cores()));
  }
  return all;
}

LinkEnds ClosTopology::ends(LinkIndex link) const {
  return EndsInClos(*this, link);
}

Wiring ClosTopology::wiring() const {
  return WiringOfClos(*this);
}

CutProblem ClosTopology::cut_problem() const {
  return CutOfClos(*this);
}

RouteGraph ClosTopology::route_graph() const {
  return RouteGraphOfClos(*this);
}

}  // namespace gridlock
