#include "topologies/slimfly/topology.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "topologies/slimfly/field.h"

namespace gridlock {

namespace {

enum SlimFlyTier { kWithin, kAcross };

// q = 4 w + delta, delta one of -1, 0, 1.
int DeltaOf(int q) {
  return q % 4 == 3 ? -1 : q % 4;
}

int SlimFlyDegree(int q) {
  return (3 * q - DeltaOf(q)) / 2;
}

bool Exists(int q) {
  return q > 2 && q % 4 != 2 && FiniteField::Of(q).has_value();
}

std::string SlimFlyOf(const SlimFlySpec& spec) {
  return fmt::format("slim fly of {} routers", 2 * spec.q * spec.q);
}

void CheckSlimFly(const SiteSpec& site) {
  const auto& spec = std::get<SlimFlySpec>(site.fabric);
  if (!Exists(spec.q)) {
    int below = std::min(spec.q, FiniteField::kMost) - 1;
    int above = std::max(spec.q, 2) + 1;
    while (below > 2 && !Exists(below)) {
      --below;
    }
    while (above <= FiniteField::kMost && !Exists(above)) {
      ++above;
    }
    std::string near = above <= FiniteField::kMost ? std::to_string(above) : "";
    if (below > 2) {
      near = std::to_string(below) + (near.empty() ? "" : " or " + near);
    }
    throw UserError(spec.path + ".q",
                    fmt::format("there is no slim fly of q {}; expected a prime power from 3 to {} "
                                "that is not 2 modulo 4, such as {}",
                                spec.q, FiniteField::kMost, near));
  }
  if (spec.servers_per_router < 1) {
    throw UserError(spec.path + ".servers_per_router",
                    fmt::format("{} given; at least 1 is needed", spec.servers_per_router));
  }
  CheckNics(site.server, spec.router, spec.path + ".router_switch");
  const std::int64_t routers = std::int64_t{2} * spec.q * spec.q;
  RouterBudget budget;
  budget.path = spec.path;
  budget.what = "a " + SlimFlyOf(spec);
  budget.routers = budget.hosts = routers;
  budget.servers_per_router = spec.servers_per_router;
  budget.cables = routers * SlimFlyDegree(spec.q) / 2;
  budget.ports = {{"a router", "router_switch", &spec.router,
                   spec.servers_per_router * std::int64_t{NicsOf(site.server).per_server} *
                       PortsOfNic(site.server, spec.router),
                   SlimFlyDegree(spec.q), "expected fewer servers_per_router or a smaller q"}};
  CheckBudget(site, budget);
  CheckDetours(spec.routing, routers, spec.path);
}

// Exponents of the generator sets (section 2.1 of the paper, after P. R. Hafner, "Geometric
// realisation of the graphs of McKay-Miller-Siran", 2004).
std::pair<std::vector<int>, std::vector<int>> GeneratorSets(const FiniteField& field) {
  const int q = field.size();
  const int w = (q - DeltaOf(q)) / 4;
  std::pair<std::vector<int>, std::vector<int>> sets;
  const auto add = [&](std::vector<int>& set, int first, int last) {
    for (int exponent = first; exponent <= last; exponent += 2) {
      set.push_back(field.powers()[exponent % (q - 1)]);
    }
  };
  switch (DeltaOf(q)) {
    case 1:
      add(sets.first, 0, q - 3);
      add(sets.second, 1, q - 2);
      break;
    case 0:
      add(sets.first, 0, q - 2);
      add(sets.second, 1, q - 1);
      break;
    default:
      add(sets.first, 0, 2 * w - 2);
      add(sets.first, 2 * w - 1, 4 * w - 3);
      add(sets.second, 1, 2 * w - 1);
      add(sets.second, 2 * w, 4 * w - 2);
  }
  return sets;
}

// Before anything is made of sizes that do not fit.
RouterGraph GenerateSlimFly(const SiteSpec& site) {
  CheckSlimFly(site);
  const auto& spec = std::get<SlimFlySpec>(site.fabric);
  const FiniteField field = *FiniteField::Of(spec.q);
  const int q = spec.q;
  RouterGraph graph;
  graph.kinds = {{"router", "routers", spec.router}};
  graph.kind_of.assign(static_cast<std::size_t>(2 * q * q), 0);
  graph.tiers = {{"within", "the links within groups of routers"},
                 {"across", "the links between groups of routers"}};
  graph.servers_per_router = spec.servers_per_router;
  graph.hosts.resize(graph.kind_of.size());
  std::iota(graph.hosts.begin(), graph.hosts.end(), 0);
  const auto [own, other] = GeneratorSets(field);
  CableList cables;
  for (int x = 0; x < q; ++x) {
    for (int y = 0; y < q; ++y) {
      for (const auto& [subgraph, set] : {std::pair(0, &own), std::pair(1, &other)}) {
        for (const int step : *set) {
          const int to = field.Add(y, step);
          if (y < to) {  // the sets hold the negative of each element
            cables.Add((subgraph * q + x) * q + y, (subgraph * q + x) * q + to, kWithin);
          }
        }
      }
      for (int m = 0; m < q; ++m) {
        const int c = field.Subtract(y, field.Multiply(m, x));
        cables.Add(x * q + y, (q + m) * q + c, kAcross);
      }
    }
  }
  graph.cables = std::move(cables).Take();
  return graph;
}

std::vector<Locality::Level> LevelsOfSlimFly(const SiteSpec& site, const SlimFlySpec& spec) {
  return {{"router", Locality::Every(spec.servers_per_router, site.servers)},
          {"group", Locality::Every(std::int64_t{spec.servers_per_router} * spec.q, site.servers)}};
}

}  // namespace

std::string TitleOf(const SlimFlySpec& slimfly) {
  return SlimFlyOf(slimfly) + ", " + WordsOf(slimfly.routing);
}

SlimFlyTopology::SlimFlyTopology(const SiteSpec& site)
    : ShortestPathTopology(
          site, GenerateSlimFly(site), std::get<SlimFlySpec>(site.fabric).routing,
          AllNeighbours(site, LevelsOfSlimFly(site, std::get<SlimFlySpec>(site.fabric)))) {}

std::string SlimFlyTopology::shape() const {
  return "a " + SlimFlyOf(slimfly());
}

std::vector<std::string> SlimFlyTopology::facts() const {
  const SlimFlySpec& spec = slimfly();
  return {fmt::format("routing: {}", WordsOf(spec.routing)),
          fmt::format("servers at each router: {}; {} of its links lead to other routers",
                      spec.servers_per_router, SlimFlyDegree(spec.q)),
          "two routers are at most 2 links apart"};
}

std::vector<RouterTopology::Halving> SlimFlyTopology::Halvings() const {
  const int q = slimfly().q;
  Halving groups{"even | odd groups of routers", {}};
  Halving within{"first half of each group of routers | second half", {}};
  for (int router = 0; router < routers(); ++router) {
    groups.key.push_back(router / q % 2);
    within.key.push_back(2 * (router % q) < q ? 0 : 1);
  }
  std::vector<Halving> all = RouterTopology::Halvings();
  all.insert(all.end(), {groups, within});
  return all;
}

}  // namespace gridlock
