#include "tests/topologies/sites.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>

#include <boost/graph/breadth_first_search.hpp>

#include "sim/base/check.h"
#include "tests/clos_of.h"
#include "topologies/graph_bgl.h"
#include "topologies/listed/route_graph.h"
#include "topologies/scale_up/network.h"

namespace gridlock {

namespace {

// Property tests draw the same cases on every run, unless RC_PARAMS is set by hand: RapidCheck
// reads it when the first property starts.
[[maybe_unused]] const int kSeeded = setenv("RC_PARAMS", "seed=2008", /*overwrite=*/0);

// Draws from one seed, by the mix that the fabric itself uses.
class Draws {
 public:
  explicit Draws(std::uint64_t seed) : state_(MixHash(seed)) {}

  int Below(int count) {
    state_ = MixHash(state_);
    return static_cast<int>(state_ % static_cast<std::uint64_t>(count));
  }

  template <typename T>
  T OneOf(std::vector<T> values) {
    return values[static_cast<std::size_t>(Below(static_cast<int>(values.size())))];
  }

 private:
  std::uint64_t state_;
};

}  // namespace

SwitchSpec Switch400(const std::string& name, int ports) {
  return {.name = name,
          .ports = ports,
          .port_bandwidth = BytesPerSecond(kNic400),
          .latency = Seconds(500e-9),
          .power = Watts(1000)};
}

SiteSpec EightWaySite(int servers) {
  SiteSpec site;
  site.path = "site[0]";
  site.name = "hall";
  site.servers = servers;
  site.server.path = "site[0].server";
  site.server.name = "eight-way";
  site.server.accelerators = 8;
  site.server.nics = 8;
  site.server.nic_bandwidth = BytesPerSecond(kNic400);
  site.server.accelerator.path = "site[0].server.accelerator";
  site.server.accelerator.scale_up_bandwidth = BytesPerSecond(450e9);
  ClosOf(site).path = "site[0].fabric.clos";
  ClosOf(site).servers_per_leaf = 4;
  ClosOf(site).leaves_per_pod = 32;
  ClosOf(site).tiers = 3;
  ClosOf(site).leaf = Switch400("leaf64", 64);
  ClosOf(site).spine = Switch400("spine64", 64);
  ClosOf(site).core = Switch400("core64", 64);
  return site;
}

SiteSpec KAryFatTree(int k) {
  SiteSpec site = EightWaySite(k * k * k / 4);
  site.server.accelerators = 1;
  site.server.nics = 1;
  ClosOf(site).servers_per_leaf = k / 2;
  ClosOf(site).leaves_per_pod = k / 2;
  ClosOf(site).leaf = ClosOf(site).spine = ClosOf(site).core = Switch400("k-port", k);
  return site;
}

SiteSpec UnevenPods(Routing routing) {
  SiteSpec site = EightWaySite(2048);
  ClosOf(site).servers_per_leaf = 2;
  ClosOf(site).leaves_per_pod = 192;
  ClosOf(site).leaf_oversubscription = 0.5;
  ClosOf(site).spine_oversubscription = 7;
  ClosOf(site).leaf = Switch400("leaf128", 128);
  ClosOf(site).spine = ClosOf(site).core = Switch400("chassis576", 576);
  ClosOf(site).routing = routing;
  return site;
}

SiteSpec RandomSite(std::uint64_t seed) {
  Draws draws(seed);
  SiteSpec site = EightWaySite(2 + draws.Below(47));
  site.server.accelerators = draws.OneOf<int>({1, 2, 4, 6, 8});
  std::vector<int> nics;
  for (int n = 1; n <= 2 * site.server.accelerators; ++n) {
    if (site.server.accelerators % n == 0 || n % site.server.accelerators == 0) {
      nics.push_back(n);
    }
  }
  site.server.nics = draws.OneOf(nics);
  site.server.nic_bandwidth = BytesPerSecond(kNic400 * draws.OneOf<double>({0.5, 1, 2}));
  ClosSpec& clos = ClosOf(site);
  clos.rail_optimized = draws.Below(2) == 1;
  const int rails = clos.rail_optimized ? std::min(site.server.nics, site.server.accelerators) : 1;
  clos.servers_per_leaf = 1 + draws.Below(5);
  clos.tiers = 2 + draws.Below(2);
  clos.leaves_per_pod = rails * (1 + draws.Below(6));
  if (clos.tiers == 2) {
    const int groups = (site.servers + clos.servers_per_leaf - 1) / clos.servers_per_leaf;
    clos.leaves_per_pod = rails * (groups + draws.Below(3));
  }
  clos.leaf_oversubscription = draws.OneOf<double>({0.5, 1, 1.5, 3});
  clos.spine_oversubscription = draws.OneOf<double>({0.5, 1, 2.5, 7});
  clos.leaf = Switch400("leaf", 1024);
  // From the fewest ports that spines need, one link from each leaf, to so many that one spine
  // takes every link of a pod.
  const double up = clos.leaves_per_pod / clos.spine_oversubscription;
  const int ports = clos.leaves_per_pod + (clos.tiers == 3 ? static_cast<int>(std::ceil(up)) : 0);
  clos.spine = Switch400("spine", ports * draws.OneOf<int>({1, 2, 5, 100}));
  clos.core = Switch400("core", draws.OneOf<int>({48, 200, 1024}));
  clos.routing = draws.Below(2) == 1 ? Routing::kEcmp : Routing::kSpray;
  return site;
}

std::vector<LinkIndex> LinksOf(const Topology& fabric, TierIndex tier) {
  std::vector<LinkIndex> links;
  for (LinkIndex link{0}; link.value < fabric.links(); ++link.value) {
    if (fabric.tier(link) == tier) {
      links.push_back(link);
    }
  }
  return links;
}

std::vector<std::string> RouteNames(const Topology& fabric, int from, int to,
                                    std::uint64_t flow_hash) {
  std::vector<LinkIndex> route;
  fabric.AppendRoute({from}, {to}, flow_hash, route);
  std::vector<std::string> names;
  names.reserve(route.size());
  for (const LinkIndex link : route) {
    names.push_back(fabric.name(link));
  }
  return names;
}

std::vector<int> HopsOfSearch(const FabricGraph& graph, int from) {
  const auto& bgl = graph.bgl().graph;
  std::vector<int> hops(static_cast<std::size_t>(graph.vertices()));
  boost::breadth_first_search(bgl, boost::vertex(static_cast<std::size_t>(from), bgl),
                              boost::visitor(boost::make_bfs_visitor(
                                  boost::record_distances(hops.data(), boost::on_tree_edge()))));
  return hops;
}

std::vector<LinkIndex> RouteOf(const Topology& topology, int from, int to) {
  std::vector<LinkIndex> route;
  topology.AppendRoute({from}, {to}, 0, route);
  return route;
}

double RingPaceOf(const ServerSpec& server, const std::vector<int>& members) {
  const ServerNetwork network(server);
  return network.PaceOf(network.RingOf(members)).si();
}

std::string NetworkRefusal(const ServerSpec& server) {
  try {
    const ServerNetwork network(server);
  } catch (const UserError& error) {
    return error.problems().front().path + ": " + error.problems().front().message;
  }
  return "";
}

std::string TopologyRefusal(const SiteSpec& site) {
  try {
    (void)MakeTopology(site);
  } catch (const UserError& error) {
    return error.problems().front().path + ": " + error.problems().front().message;
  }
  return "accepted";
}

std::string LinksWithOtherEnds(const Topology& topology) {
  const RouteGraph graph = topology.route_graph();
  std::map<std::string, const RouteGraph::Edge*> edges;
  for (const RouteGraph::Edge& edge : graph.edges) {
    edges.emplace(edge.id, &edge);
  }
  std::string differ;
  for (LinkIndex link{0}; link < topology.links(); ++link) {
    const std::string name = topology.name(link);
    const auto found = edges.find(name);
    if (found == edges.end()) {
      continue;  // the memory of a host, which is no link between two machines
    }
    const LinkEnds ends = topology.ends(link);
    const bool same = ends.from == graph.nodes[found->second->from].id &&
                      ends.to == graph.nodes[found->second->to].id;
    differ += same ? "" : name + " " + ends.from + " " + ends.to + "\n";
  }
  return differ;
}

}  // namespace gridlock
