#include "topologies/dragonfly/topology.h"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>

#include "sim/base/check.h"

namespace gridlock {

namespace {

enum DragonflyTier { kLocal, kGlobal };

constexpr std::uint64_t kPickBetween = 111;

// Detours over which a flow is spread: each of its packets takes one of so many.
constexpr std::int64_t kDetoursOfFlow = 4096;

int GlobalPorts(const DragonflySpec& dragonfly) {
  return dragonfly.global_links * (dragonfly.spines_per_group > 0 ? dragonfly.spines_per_group
                                                                  : dragonfly.routers_per_group);
}

int LinksBetweenGroups(const DragonflySpec& dragonfly) {
  return dragonfly.groups == 1 ? 0 : GlobalPorts(dragonfly) / (dragonfly.groups - 1);
}

// The n-th global link from group i to group j. The port d + n (g - 1) of group i leads to group
// i + 1 + d; seen from there, group i is g - 2 - d groups behind the next one.
std::pair<int, int> GlobalLinkOf(const DragonflySpec& spec, int i, int j, int n) {
  const int others = spec.groups - 1;
  const int ahead = (j - i - 1 + spec.groups) % spec.groups;
  const int first = spec.spines_per_group > 0 ? spec.routers_per_group : 0;
  const int size = spec.routers_per_group + spec.spines_per_group;
  const auto router = [&](int group, int port) {
    return group * size + first + port / spec.global_links;
  };
  return {router(i, ahead + n * others), router(j, others - 1 - ahead + n * others)};
}

std::string DragonflyOf(const DragonflySpec& spec) {
  return spec.spines_per_group > 0
             ? fmt::format("dragonfly+ of {} groups of {} leaves and {} spines", spec.groups,
                           spec.routers_per_group, spec.spines_per_group)
             : fmt::format("dragonfly of {} groups of {} routers", spec.groups,
                           spec.routers_per_group);
}

void CheckSizesOfDragonfly(const DragonflySpec& spec) {
  const auto at_least = [&](const char* field, int value, int least) {
    if (value < least) {
      throw UserError(spec.path + "." + field,
                      fmt::format("{} given; at least {} is needed", value, least));
    }
  };
  at_least("groups", spec.groups, 1);
  at_least("routers_per_group", spec.routers_per_group, 1);
  at_least("servers_per_router", spec.servers_per_router, 1);
  at_least("local_links", spec.local_links, 1);
  at_least("global_links", spec.global_links, spec.groups > 1 ? 1 : 0);
  const std::int64_t ports =
      std::int64_t{spec.global_links} *
      std::max(spec.spines_per_group > 0 ? spec.spines_per_group : spec.routers_per_group, 0);
  if (ports < spec.groups - 1) {
    throw UserError(
        spec.path + ".global_links",
        fmt::format("a group has {} global links and there are {} other groups; expected at least "
                    "one to each, so at most {} groups or more global_links",
                    ports, spec.groups - 1, ports + 1));
  }
}

RouterBudget BudgetOfDragonfly(const SiteSpec& site, const DragonflySpec& spec) {
  RouterBudget budget;
  budget.path = spec.path;
  budget.what = "a " + DragonflyOf(spec);
  const std::int64_t groups = spec.groups;
  const std::int64_t leaves = spec.routers_per_group;
  const std::int64_t spines = spec.spines_per_group;
  budget.routers = groups * (leaves + spines);
  budget.hosts = groups * leaves;
  budget.servers_per_router = spec.servers_per_router;
  const std::int64_t local = spines > 0 ? leaves * spines : leaves * (leaves - 1) / 2;
  const std::int64_t global = (spines > 0 ? spines : leaves) * spec.global_links;
  budget.cables = groups * (local + global);
  const std::int64_t to_nics = spec.servers_per_router *
                               std::int64_t{NicsOf(site.server).per_server} *
                               PortsOfNic(site.server, spec.router);
  if (spines > 0) {
    budget.ports = {
        {"a leaf", "router_switch", &spec.router, to_nics, spines * spec.local_links,
         "expected fewer servers_per_router, spines_per_group or local_links"},
        {"a spine", "spine_switch", &spec.spine, 0, leaves * spec.local_links + spec.global_links,
         "expected fewer routers_per_group, global_links or local_links"}};
  } else {
    budget.ports = {{"a router", "router_switch", &spec.router, to_nics,
                     (leaves - 1) * spec.local_links + spec.global_links,
                     "expected fewer servers_per_router, routers_per_group or global_links"}};
  }
  return budget;
}

void CheckDragonfly(const SiteSpec& site) {
  const auto& spec = std::get<DragonflySpec>(site.fabric);
  CheckSizesOfDragonfly(spec);
  CheckNics(site.server, spec.router, spec.path + ".router_switch");
  CheckBudget(site, BudgetOfDragonfly(site, spec));
  const std::int64_t detours = std::int64_t{std::max(spec.groups - 2, 0)} *
                               LinksBetweenGroups(spec) * LinksBetweenGroups(spec);
  if (spec.routing.paths == Paths::kValiant && spec.routing.spread == Routing::kSpray &&
      detours > kDetoursOfFlow) {
    throw UserError(
        spec.path + ".routing",
        fmt::format("a flow has {} detours by way of other groups, and spraying spreads "
                    "it over at most {}; expected routing: ECMP",
                    detours, kDetoursOfFlow));
  }
}

// Before anything is made of sizes that do not fit.
RouterGraph GenerateDragonfly(const SiteSpec& site) {
  CheckDragonfly(site);
  const auto& spec = std::get<DragonflySpec>(site.fabric);
  const bool plus = spec.spines_per_group > 0;
  const int leaves = spec.routers_per_group;
  const int size = leaves + spec.spines_per_group;
  RouterGraph graph;
  graph.kinds = {{plus ? "leaf" : "router", plus ? "leaves" : "routers", spec.router}};
  if (plus) {
    graph.kinds.push_back({"spine", "spines", spec.spine});
  }
  graph.tiers = {{"local", "the links within groups"}, {"global", "the links between groups"}};
  graph.servers_per_router = spec.servers_per_router;
  CableList cables;
  for (int group = 0; group < spec.groups; ++group) {
    const int first = group * size;
    for (int r = 0; r < size; ++r) {
      graph.kind_of.push_back(r < leaves ? 0 : 1);
      if (r < leaves) {
        graph.hosts.push_back(first + r);
      }
      for (int other = plus ? leaves : r + 1; r < leaves && other < size; ++other) {
        cables.Add(first + r, first + other, kLocal, spec.local_links);
      }
    }
    for (int other = group + 1; other < spec.groups; ++other) {
      for (int n = 0; n < LinksBetweenGroups(spec); ++n) {
        const auto [a, b] = GlobalLinkOf(spec, group, other, n);
        cables.Add(a, b, kGlobal);
      }
    }
  }
  graph.cables = std::move(cables).Take();
  return graph;
}

std::vector<Locality::Level> LevelsOfDragonfly(const SiteSpec& site, const DragonflySpec& spec) {
  const std::int64_t servers = spec.servers_per_router;
  return {{"router", Locality::Every(servers, site.servers)},
          {"group", Locality::Every(servers * spec.routers_per_group, site.servers)}};
}

}  // namespace

std::string TitleOf(const DragonflySpec& dragonfly) {
  return DragonflyOf(dragonfly) + ", " + WordsOf(dragonfly.routing);
}

DragonflyTopology::DragonflyTopology(const SiteSpec& site)
    : RouterTopology(
          site, GenerateDragonfly(site), std::get<DragonflySpec>(site.fabric).routing,
          AllNeighbours(site, LevelsOfDragonfly(site, std::get<DragonflySpec>(site.fabric)))) {}

int DragonflyTopology::links_between_groups() const {
  return LinksBetweenGroups(dragonfly());
}

std::pair<int, int> DragonflyTopology::GlobalLink(int from_group, int to_group, int n) const {
  return GlobalLinkOf(dragonfly(), from_group, to_group, n);
}

std::string DragonflyTopology::shape() const {
  return "a " + DragonflyOf(dragonfly());
}

std::vector<std::string> DragonflyTopology::facts() const {
  const DragonflySpec& spec = dragonfly();
  const std::int64_t between = links_between_groups();
  const std::int64_t free = GlobalPorts(spec) - between * (spec.groups - 1);
  std::vector<std::string> facts = {
      fmt::format("routing: {}", WordsOf(spec.routing)),
      fmt::format("servers at each {}: {}", graph().kinds.front().name, spec.servers_per_router),
      fmt::format("each two groups are joined by {} global link{}{}", between,
                  between == 1 ? "" : "s",
                  free > 0 ? fmt::format("; {} global ports of each group are free", free) : "")};
  if (spec.groups > 1) {
    facts.push_back("a minimal way has at most 3 links between routers, one of them global");
  }
  if (spec.groups % 2 == 0) {
    const SwitchSpec& global = spec.spines_per_group > 0 ? spec.spine : spec.router;
    const std::int64_t links = between * (spec.groups / 2) * (spec.groups / 2);
    facts.push_back(
        fmt::format("between two halves of the groups: {} links, {} per direction", links,
                    FormatBandwidth(global.port_bandwidth * static_cast<double>(links))));
  }
  return facts;
}

void DragonflyTopology::GoLocally(Way& way, int to, std::uint64_t pick) const {
  const int from = way.back();
  if (from == to) {
    return;
  }
  if (LinkBetween(from, to).value < 0) {  // two leaves, or two spines: by way of the other kind
    const DragonflySpec& spec = dragonfly();
    const int group = group_of(from) * group_size();
    const bool leaves = from - group < spec.routers_per_group;
    const auto choices =
        static_cast<std::uint64_t>(leaves ? spec.spines_per_group : spec.routers_per_group);
    way.push_back(group + (leaves ? spec.routers_per_group : 0) + static_cast<int>(pick % choices));
  }
  way.push_back(to);
}

void DragonflyTopology::GoToGroup(Way& way, int group, int n, std::uint64_t pick) const {
  const auto [exit, entry] = GlobalLink(group_of(way.back()), group, n);
  GoLocally(way, exit, pick);
  way.push_back(entry);
}

std::vector<Way> DragonflyTopology::MinimalWays(int from, int to,
                                                std::uint64_t /*flow_hash*/) const {
  std::vector<Way> ways;
  const bool near = group_of(from) == group_of(to);
  const int count = near ? std::max(dragonfly().spines_per_group, 1) : links_between_groups();
  for (int n = 0; n < count; ++n) {
    Way way{from};
    if (!near) {
      GoToGroup(way, group_of(to), n, 0);
    }
    GoLocally(way, to, static_cast<std::uint64_t>(n));
    ways.push_back(std::move(way));
  }
  return ways;
}

std::int32_t DragonflyTopology::minimal_parts() const {
  return std::lcm(std::max(links_between_groups(), 1), std::max(dragonfly().spines_per_group, 1));
}

std::int32_t DragonflyTopology::DetoursBetween(int from, int to) const {
  return group_of(from) == group_of(to) ? 0 : detour_parts();
}

std::int32_t DragonflyTopology::detour_parts() const {
  const int between = std::max(links_between_groups(), 1);
  return std::max(dragonfly().groups - 2, 0) * between * between;
}

// Which group, which link to it, and which link on from it. Two spines of the group on the way are
// joined by any of its leaves.
Way DragonflyTopology::Detour(int from, int to, std::int32_t n, std::uint64_t flow_hash) const {
  const int between = links_between_groups();
  const int first = std::min(group_of(from), group_of(to));
  const int second = std::max(group_of(from), group_of(to));
  int group = n / between / between;
  group += group >= first ? 1 : 0;
  group += group >= second ? 1 : 0;
  const std::uint64_t pick =
      HashPick(flow_hash + static_cast<std::uint64_t>(n), kPickBetween, std::uint64_t{1} << 32U);
  Way way{from};
  GoToGroup(way, group, n % between, pick);
  GoToGroup(way, group_of(to), n / between % between, pick);
  GoLocally(way, to, pick);
  return way;
}

std::vector<RouterTopology::Halving> DragonflyTopology::Halvings() const {
  Halving groups{"even | odd groups", {}};
  Halving within{"first half of each group | second half", {}};
  for (int router = 0; router < routers(); ++router) {
    groups.key.push_back(group_of(router) % 2);
    within.key.push_back(2 * (router % group_size()) < dragonfly().routers_per_group ? 0 : 1);
  }
  std::vector<Halving> all = RouterTopology::Halvings();
  all.insert(all.end(), {groups, within});
  return all;
}

}  // namespace gridlock
