#pragma once

// What all networks share whose links join pairs of routers: dragonflies, random graphs, slim
// flies. A network of this kind is a generator of a RouterGraph and a rule for the ways between two
// routers; links, names, counts, cuts and the four routings follow from the two.

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "topologies/routers/nics.h"
#include "topologies/routers/spec.h"
#include "topologies/topology.h"

namespace gridlock {

/// Routers, the servers at them, and the cables between them.
struct RouterGraph {
  /// Routers of one make.
  struct Kind {
    std::string name, plural;  ///< "router", "routers"
    SwitchSpec spec;
  };

  /// All parallel links of two routers, over which packets are sprayed: one link in each direction.
  struct Cable {
    int a = 0, b = 0;  ///< routers, a < b
    int parallel = 1;
    int tier = 0;  ///< in `tiers`
  };

  std::vector<Kind> kinds;
  std::vector<int> kind_of;    ///< by router
  std::vector<Cable> cables;   ///< one for each pair that is joined, in the order of (a, b)
  std::vector<Tier> tiers;     ///< of cables
  std::vector<int> hosts;      ///< routers that servers hang on, in the order of the servers
  int servers_per_router = 0;  ///< server s hangs on hosts[s / servers_per_router]

  [[nodiscard]] int routers() const { return static_cast<int>(kind_of.size()); }
};

/// Collects the links of pairs of routers: parallel ones become one cable.
class CableList {
 public:
  void Add(int a, int b, int tier, int parallel = 1);

  /// In the order of (a, b).
  [[nodiscard]] std::vector<RouterGraph::Cable> Take() &&;

 private:
  std::vector<RouterGraph::Cable> cables_;
};

/// The routers that a flow passes, the first and the last included.
using Way = std::vector<int>;

/// Links in a fixed order: scale-up out, scale-up in (by accelerator), NIC up, NIC down (by NIC),
/// then each cable, from its lower router and back. Wide-area links begin at every router.
class RouterTopology : public Topology {
 public:
  /// Kinds of machines in wiring(); routers of kind k are kFirstRouter + k.
  enum NodeKind { kAccelerator, kScaleUpSwitch, kNic, kFirstRouter };

  /// Kinds of cables in wiring(); those of tier t are kFirstCable + t.
  enum CableKind { kAttachment, kScaleUpCable, kNicCable, kFirstCable };

  [[nodiscard]] const RouterGraph& graph() const { return graph_; }

  [[nodiscard]] int routers() const { return graph_.routers(); }

  [[nodiscard]] int router_of(AcceleratorIndex a) const {
    return graph_.hosts[server_of(a) / graph_.servers_per_router];
  }

  /// Routers that a router is joined to, rising.
  [[nodiscard]] std::vector<int> NeighboursOf(int router) const;

  /// The direction of a cable that leads from one router to another; -1 when nothing joins them.
  [[nodiscard]] LinkIndex LinkBetween(int from, int to) const;

  /// The ways that a flow between two different routers is spread over, all alike. With UGAL and
  /// adaptive routing one, chosen by the load (see Topology::AppendShares).
  [[nodiscard]] std::vector<Way> WaysOf(int from, int to, std::uint64_t flow_hash,
                                        std::span<const double> load = {}) const;

  [[nodiscard]] std::vector<Tier> tiers() const override { return graph_.tiers; }

  [[nodiscard]] int links() const override {
    return first_cable() + 2 * static_cast<int>(graph_.cables.size());
  }

  [[nodiscard]] TierIndex tier(LinkIndex link) const override;
  [[nodiscard]] BytesPerSecond capacity(LinkIndex link) const override;

  /// "scale_up_out[5]", "nic_up[17]", "local[3->7]" (tier and routers).
  [[nodiscard]] std::string name(LinkIndex link) const override;

  [[nodiscard]] LinkEnds ends(LinkIndex link) const override;

  [[nodiscard]] bool can_bind(LinkIndex /*link*/) const override { return true; }

  /// The NICs of a server are at one router, so that spread flows of all of them go alike; hashes,
  /// loads and links inside the server tell them apart.
  [[nodiscard]] int unit_size() const override;

  [[nodiscard]] bool belongs_to_unit(LinkIndex link) const override {
    return tier(link) < TierTable::kFirstOwn;
  }

  [[nodiscard]] LinkIndex scale_up_out(AcceleratorIndex a) const override { return {a.value}; }

  [[nodiscard]] LinkIndex scale_up_in(AcceleratorIndex a) const override {
    return {accelerators() + a.value};
  }

  [[nodiscard]] std::int32_t parts() const override;
  [[nodiscard]] bool adapts() const override;

  /// One way: of those that a flow is spread over, the one that its hash picks.
  void AppendRoute(AcceleratorIndex from, AcceleratorIndex to, std::uint64_t flow_hash,
                   std::vector<LinkIndex>& route) const override;
  void AppendShares(AcceleratorIndex from, AcceleratorIndex to, std::uint64_t flow_hash,
                    std::span<const double> load, std::vector<LinkShare>& shares) const override;

  void AppendExit(AcceleratorIndex from, std::uint64_t flow_hash,
                  std::vector<LinkIndex>& route) const override;
  void AppendEntry(AcceleratorIndex to, std::uint64_t flow_hash,
                   std::vector<LinkIndex>& route) const override;

  /// Latency of the routers on a way, the mean over all ways of the flow.
  [[nodiscard]] Seconds Latency(AcceleratorIndex from, AcceleratorIndex to) const override;

  [[nodiscard]] Seconds LatencyToBorder() const override { return LatencyOf(graph_.hosts[0]); }

  [[nodiscard]] const Locality& locality() const override { return locality_; }

  [[nodiscard]] std::vector<Equipment> equipment() const override;
  [[nodiscard]] Wiring wiring() const override;

  /// The trunk are the routers.
  [[nodiscard]] CutProblem cut_problem() const override;

  /// Its shortest paths are not the routes where those are spread, take detours, or are not the
  /// shortest of the graph.
  [[nodiscard]] RouteGraph route_graph() const override;

 protected:
  /// Routers that a router is joined to, rising, with the links that lead to them.
  [[nodiscard]] std::span<const std::pair<int, LinkIndex>> JoinedTo(int router) const {
    return std::span(neighbours_)
        .subspan(static_cast<std::size_t>(first_neighbour_[router]),
                 static_cast<std::size_t>(first_neighbour_[router + 1] - first_neighbour_[router]));
  }

  /// A way to halve the servers, by the router that they hang on.
  struct Halving {
    std::string name;
    std::vector<int> key;  ///< by router: servers of the lower keys are the first half
  };

  RouterTopology(const SiteSpec& site, RouterGraph graph, RouterRouting routing, Locality locality);

  /// Groups of servers, and around them all: where traffic may pass through any router on its way,
  /// all jobs of a site are neighbours.
  static Locality AllNeighbours(const SiteSpec& site, std::vector<Locality::Level> groups);

  [[nodiscard]] const RouterRouting& routing() const { return routing_; }

  /// The shortest ways between two different routers by the network's own rule, at least one. Their
  /// number divides minimal_parts(). A way may stand twice: it then counts twice.
  [[nodiscard]] virtual std::vector<Way> MinimalWays(int from, int to,
                                                     std::uint64_t flow_hash) const = 0;
  [[nodiscard]] virtual std::int32_t minimal_parts() const = 0;

  /// Detours between two different routers, none or detour_parts() of them; without any, flows take
  /// minimal ways.
  [[nodiscard]] virtual std::int32_t DetoursBetween(int from, int to) const = 0;
  [[nodiscard]] virtual std::int32_t detour_parts() const = 0;

  /// The n-th detour. Where it has a choice on its way, the hash makes it.
  [[nodiscard]] virtual Way Detour(int from, int to, std::int32_t n,
                                   std::uint64_t flow_hash) const = 0;

  /// The first half of the servers and the second half, where nothing else is said.
  [[nodiscard]] virtual std::vector<Halving> Halvings() const;

 private:
  [[nodiscard]] int first_nic() const { return 2 * accelerators(); }

  [[nodiscard]] int first_cable() const { return first_nic() + 2 * nics_; }

  [[nodiscard]] int nic_of(AcceleratorIndex a) const;
  [[nodiscard]] Seconds LatencyOf(int router) const;
  [[nodiscard]] BytesPerSecond CapacityOf(const RouterGraph::Cable& cable) const;
  void IndexCables();

  [[nodiscard]] Way LeastLoaded(const std::vector<Way>& ways, std::uint64_t flow_hash,
                                std::span<const double> load) const;

  /// Flows on the fullest link of a way, with this one, over the link's capacity.
  [[nodiscard]] double LoadOf(const Way& way, std::span<const double> load) const;

  void AddServersTo(Wiring& wiring, int first_router, const std::vector<int>& vertex_of) const;

  RouterGraph graph_;
  RouterRouting routing_;
  ServerNics server_nics_;
  int nics_ = 0;
  /// For each router, where its neighbours begin in `neighbours_`; the last is their number.
  std::vector<int> first_neighbour_;
  std::vector<std::pair<int, LinkIndex>> neighbours_;  ///< router and the link to it, rising
  Locality locality_;
};

/// What every network of routers owes its site: throws UserError when the servers are more than
/// there is room for, a router has too few ports, or links cannot be numbered. `path`: of the
/// fabric; `what`: "a dragonfly of 9 groups".
struct RouterBudget {
  std::string path, what;
  std::int64_t routers = 0, hosts = 0, servers_per_router = 0;
  std::int64_t cables = 0;

  struct Ports {
    std::string router;  ///< "a router", "a spine"
    std::string field;   ///< "router_switch"
    const SwitchSpec* spec = nullptr;
    std::int64_t to_nics = 0, to_routers = 0;
    std::string remedy;  ///< "expected fewer global_links"
  };

  std::vector<Ports> ports;
};

void CheckBudget(const SiteSpec& site, const RouterBudget& budget);

}  // namespace gridlock
