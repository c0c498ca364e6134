#pragma once

// What is found out about a graph before the first route is asked for.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "topologies/listed/route_graph.h"
#include "topologies/listed/rows.h"
#include "topologies/listed/turns.h"
#include "topologies/topology.h"

namespace gridlock {

/// Constant once it is made.
struct GraphIndex {
  /// An edge as one of its nodes sees it.
  struct Half {
    std::int32_t edge;
    std::int32_t node;  ///< at its other end
  };

  using Hops = std::vector<std::uint16_t>;  ///< to a goal, by node
  static constexpr std::uint16_t kFar = 0xffff;

  const RouteGraph* graph = nullptr;
  int accelerators = 0;
  std::vector<std::string> tier_names;          ///< own ones
  std::vector<TierIndex> tier_of;               ///< by link
  std::vector<std::int32_t> edge_of;            ///< by link
  std::vector<std::int32_t> link_of;            ///< by edge; -1: attachment
  Rows<Half> out, in;                           ///< edges by node, without scale-up
  std::vector<std::int32_t> port_out, port_in;  ///< links by accelerator, -1: none
  std::vector<std::int32_t> gateway_of;  ///< by accelerator: where LastEdges begin, or itself
  std::vector<bool> is_of_unit;          ///< by link
  int unit_size = 1;
  Turns turns;
  Hops to_border, from_border;

  /// Number of edges between `goals` and every node, against (`back`) or along their direction; no
  /// path goes over a scale-up switch.
  [[nodiscard]] Hops Search(const std::vector<std::int32_t>& goals, bool back) const;

  /// The edges that all ways to an accelerator end with, the last one first. Before them ways may
  /// differ, or begin.
  [[nodiscard]] std::vector<std::int32_t> LastEdges(std::int32_t to) const;
};

/// Of the graph of a site whose fabric is a ListedSpec; the graph must outlive it. Throws UserError
/// when the graph does not have the servers of the site, or not all of them reach each other.
GraphIndex IndexOfGraph(const SiteSpec& site);

/// The same. The index that was made last is kept while its graph lives: a step is checked before
/// it is simulated, and the index of 100,000 accelerators takes a tenth of the time.
std::shared_ptr<const GraphIndex> KnownIndexOfGraph(const SiteSpec& site);

/// Servers that follow each other and hang on the same switch, and the whole graph.
Locality LocalityOfGraph(const GraphIndex& index, const SiteSpec& site);

}  // namespace gridlock
