#pragma once

// A network read from a file: shortest paths on its graph.

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "topologies/listed/counted_ways.h"
#include "topologies/listed/graph_index.h"
#include "topologies/listed/route_graph.h"
#include "topologies/listed/rows.h"
#include "topologies/listed/spec.h"
#include "topologies/listed/turns.h"
#include "topologies/topology.h"

namespace gridlock {

/// Links are the edges of the graph that are no attachments, in their order.
///
/// Routes are shortest paths by the number of edges. Inside a server with a scale-up switch they go
/// over it, and no other traffic does. Of several next edges the one with the lowest preference is
/// taken, then the first of the file; with hashed routing a flow's hash picks one, from a stream of
/// hashes that the edges name. With sprayed routing a flow is spread evenly over all of its
/// shortest ways, or over kWaysMost of them at most. A bundle over which packets are sprayed may
/// also be one edge with the capacity of all of them.
class ListedTopology final : public Topology {
 public:
  /// The site's fabric must be a ListedSpec. Throws UserError when the graph does not have the
  /// servers of the site, or not all of them reach each other.
  explicit ListedTopology(const SiteSpec& site);

  [[nodiscard]] const ListedSpec& listed() const { return std::get<ListedSpec>(site().fabric); }

  [[nodiscard]] std::string shape() const override;

  [[nodiscard]] std::vector<std::string> facts() const override { return {}; }

  /// In the order in which edges first name them. The names "scale_up" and "nic" stand for the
  /// tiers that every network has.
  [[nodiscard]] std::vector<Tier> tiers() const override;

  [[nodiscard]] int links() const override { return static_cast<int>(index_.edge_of.size()); }

  [[nodiscard]] TierIndex tier(LinkIndex link) const override { return index_.tier_of[link.value]; }

  /// As the file says. A scale-up port or a NIC has at most the bandwidth that the server gives it,
  /// so that caps hold.
  [[nodiscard]] BytesPerSecond capacity(LinkIndex link) const override;

  [[nodiscard]] std::string name(LinkIndex link) const override { return EdgeOf(link).id; }

  [[nodiscard]] LinkEnds ends(LinkIndex link) const override {
    const RouteGraph::Edge& edge = EdgeOf(link);
    return {graph().nodes[edge.from].id, graph().nodes[edge.to].id};
  }

  [[nodiscard]] bool can_bind(LinkIndex link) const override { return EdgeOf(link).can_bind; }

  [[nodiscard]] LinkIndex scale_up_out(AcceleratorIndex a) const override;
  [[nodiscard]] LinkIndex scale_up_in(AcceleratorIndex a) const override;

  /// 1 where all accelerators of each server hang on one machine by equal edges of their own.
  [[nodiscard]] int unit_size() const override { return index_.unit_size; }

  [[nodiscard]] bool belongs_to_unit(LinkIndex link) const override {
    return index_.is_of_unit[link.value];
  }

  void AppendRoute(AcceleratorIndex from, AcceleratorIndex to, std::uint64_t flow_hash,
                   std::vector<LinkIndex>& route) const override;

  /// Of a flow that is spread: 2^6 x 3^2 x 5 x 7, which most small numbers of ways divide.
  static constexpr std::int32_t kParts = 20160;
  static constexpr std::int32_t kWaysMost = 64;

  [[nodiscard]] std::int32_t parts() const override { return graph().sprayed ? kParts : 1; }

  void AppendShares(AcceleratorIndex from, AcceleratorIndex to, std::uint64_t flow_hash,
                    std::span<const double> load, std::vector<LinkShare>& shares) const override;
  bool AppendSharesAround(AcceleratorIndex from, AcceleratorIndex to, std::uint64_t flow_hash,
                          const std::function<bool(LinkIndex)>& failed,
                          std::vector<LinkShare>& shares) const override;

  void AppendExit(AcceleratorIndex from, std::uint64_t flow_hash,
                  std::vector<LinkIndex>& route) const override;
  void AppendEntry(AcceleratorIndex to, std::uint64_t flow_hash,
                   std::vector<LinkIndex>& route) const override;

  [[nodiscard]] Seconds Latency(AcceleratorIndex from, AcceleratorIndex to) const override;
  [[nodiscard]] Seconds LatencyToBorder() const override;

  [[nodiscard]] const Locality& locality() const override { return locality_; }

  /// Machines by kind; the file knows no power.
  [[nodiscard]] std::vector<Equipment> equipment() const override;
  [[nodiscard]] Wiring wiring() const override;
  [[nodiscard]] CutProblem cut_problem() const override;

  [[nodiscard]] RouteGraph route_graph() const override { return graph(); }

 private:
  using Half = GraphIndex::Half;
  using Hops = GraphIndex::Hops;

  [[nodiscard]] const RouteGraph& graph() const { return *listed().graph; }

  [[nodiscard]] const RouteGraph::Edge& EdgeOf(LinkIndex link) const {
    return graph().edges[index_.edge_of[link.value]];
  }

  /// Of the edges in `choices` whose other end is `nearer` hops from the goal, the one that the
  /// flow takes. `hops`: of a node.
  template <typename HopsOf>
  [[nodiscard]] Half Choose(std::span<const Half> choices, const HopsOf& hops, int nearer,
                            std::uint64_t flow_hash) const;

  /// The edges of the way from one node to another.
  [[nodiscard]] std::vector<std::int32_t> Way(std::int32_t from, std::int32_t to,
                                              std::uint64_t flow_hash) const;
  void Append(const std::vector<std::int32_t>& way, std::vector<LinkIndex>& route) const;

  /// Up to `most` of the shortest ways from an accelerator to the gateway of another one, spread
  /// evenly over all of them: edges of each.
  [[nodiscard]] std::vector<std::vector<std::int32_t>> WaysBetween(std::int32_t from,
                                                                   std::int32_t to,
                                                                   std::uint64_t most) const;

  /// Appends ways, each with an even share, and what they all end with.
  void AppendSpread(const std::vector<std::vector<std::int32_t>>& ways, std::int32_t to,
                    std::vector<LinkShare>& shares) const;

  [[nodiscard]] Seconds LatencyOf(const std::vector<std::int32_t>& way) const;

  /// The edges of the way from a node along `halves` to where hops are 0.
  [[nodiscard]] std::vector<std::int32_t> WayFrom(std::int32_t node, const Rows<Half>& halves,
                                                  const Hops& hops, std::uint64_t flow_hash) const;

  std::shared_ptr<const GraphIndex> kept_;
  const GraphIndex& index_ = *kept_;
  /// Searches done so far: a cache that changes no result. A topology belongs to one thread.
  mutable std::map<std::int32_t, Turns::Search> searches_;
  mutable std::map<std::int32_t, CountedWays> ways_;  ///< the same of flows that are spread
  Locality locality_ = Locality::Flat("graph", 1);
};

}  // namespace gridlock
