#include "topologies/listed/graph_index.h"

#include <algorithm>
#include <deque>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "topologies/listed/spec.h"

namespace gridlock {

namespace {

std::string Counted(int count, const char* what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

// Finds it out, step by step.
class GraphIndexer {
 public:
  explicit GraphIndexer(const SiteSpec& site)
      : site_(site), listed_(std::get<ListedSpec>(site.fabric)), graph_(*listed_.graph) {
    index_.graph = &graph_;
    index_.accelerators = site.servers * site.server.accelerators;
    index_.unit_size = site.server.accelerators;
  }

  void CheckServers() const;
  void NumberLinks();
  void IndexEdges();
  void CheckConnected() const;
  void FindGateways();
  void FindTurns();
  void FindUnits();

  GraphIndex Take() { return std::move(index_); }

 private:
  /// The edges that all ways from an accelerator to its gateway and beyond begin with, the first
  /// one first; none when there is no such way.
  [[nodiscard]] std::vector<std::int32_t> FirstEdges(std::int32_t a) const;

  /// Whether two edges, and the machines that they lead to, are the same but for their names.
  [[nodiscard]] bool AreAlike(std::int32_t e, std::int32_t f) const;

  const SiteSpec& site_;
  const ListedSpec& listed_;
  const RouteGraph& graph_;
  GraphIndex index_;
};

void GraphIndexer::CheckServers() const {
  std::vector<Problem> problems;
  const auto complain = [&](std::string message) {
    problems.push_back({listed_.path + ".file", listed_.file + ": " + std::move(message)});
  };
  std::vector<int> held(static_cast<std::size_t>(site_.servers));
  for (const RouteGraph::Node& node : graph_.nodes) {
    if (node.kind == RouteGraph::kAccelerator && node.server >= site_.servers) {
      complain(fmt::format(
          "accelerator \"{}\" is of server {}, and the site has {}; expected "
          "servers from 0 to {}",
          node.id, node.server.value, Counted(site_.servers, "server"), site_.servers - 1));
      break;
    }
    if (node.kind == RouteGraph::kAccelerator) {
      ++held[node.server];
    }
  }
  for (ServerIndex server{0}; problems.empty() && server < site_.servers; ++server) {
    if (held[server] != site_.server.accelerators) {
      complain(fmt::format("server {} has {}, and {} has {}; expected as many in the graph",
                           server.value, Counted(held[server], "accelerator"), site_.server.name,
                           site_.server.accelerators));
      break;
    }
  }
  if (!problems.empty()) {
    throw UserError(std::move(problems));
  }
}

void GraphIndexer::NumberLinks() {
  for (std::size_t e = 0; e < graph_.edges.size(); ++e) {
    const RouteGraph::Edge& edge = graph_.edges[e];
    index_.link_of.push_back(edge.attachment() ? -1
                                               : static_cast<std::int32_t>(index_.edge_of.size()));
    if (edge.attachment()) {
      continue;
    }
    index_.edge_of.push_back(static_cast<std::int32_t>(e));
    TierIndex tier = TierTable::kNic;
    if (edge.tier == "scale_up") {
      tier = TierTable::kScaleUp;
    } else if (edge.tier != "nic") {
      const auto known = std::find(index_.tier_names.begin(), index_.tier_names.end(), edge.tier);
      tier = {TierTable::kFirstOwn.value +
              static_cast<std::int32_t>(known - index_.tier_names.begin())};
      if (known == index_.tier_names.end()) {
        index_.tier_names.push_back(edge.tier);
      }
    }
    index_.tier_of.push_back(tier);
  }
  constexpr std::size_t kMostTiers = TierTable::kMost - 4;
  if (index_.tier_names.size() > kMostTiers) {
    throw UserError(listed_.path + ".file",
                    fmt::format("{}: edges name {} tiers; expected at most {}", listed_.file,
                                index_.tier_names.size(), kMostTiers));
  }
}

void GraphIndexer::IndexEdges() {
  const std::size_t nodes = graph_.nodes.size();
  std::vector<bool> is_switch(nodes);  // of a scale-up domain
  for (std::size_t n = 0; n < nodes; ++n) {
    is_switch[n] = graph_.nodes[n].kind == RouteGraph::kScaleUpSwitch;
  }
  index_.port_out.assign(static_cast<std::size_t>(index_.accelerators), -1);
  index_.port_in.assign(static_cast<std::size_t>(index_.accelerators), -1);

  struct Ends {
    std::int32_t edge, from, to;
  };

  std::vector<Ends> ends;  // of edges that are no ports
  ends.reserve(graph_.edges.size());
  for (std::size_t e = 0; e < graph_.edges.size(); ++e) {
    const RouteGraph::Edge& edge = graph_.edges[e];
    if (is_switch[edge.to] && edge.from < index_.accelerators) {
      index_.port_out[edge.from] = index_.link_of[e];
    } else if (is_switch[edge.from] && edge.to < index_.accelerators) {
      index_.port_in[edge.to] = index_.link_of[e];
    } else {
      ends.push_back({static_cast<std::int32_t>(e), edge.from, edge.to});
    }
  }
  index_.out = Rows<GraphIndex::Half>(nodes, [&](const auto& add) {
    for (const Ends& each : ends) {
      add(each.from, GraphIndex::Half{each.edge, each.to});
    }
  });
  index_.in = Rows<GraphIndex::Half>(nodes, [&](const auto& add) {
    for (const Ends& each : ends) {
      add(each.to, GraphIndex::Half{each.edge, each.from});
    }
  });
  for (int a = 0; !site_.server.direct && site_.server.accelerators > 1 && a < index_.accelerators;
       ++a) {
    if (index_.port_out[a] < 0 || index_.port_in[a] < 0) {
      throw UserError(listed_.path + ".file",
                      fmt::format("{}: accelerator \"{}\" has no edge to and from a "
                                  "scale_up_switch, as others have; expected one each",
                                  listed_.file, graph_.nodes[a].id));
    }
  }
  std::vector<std::int32_t> borders;
  for (std::size_t n = 0; n < nodes; ++n) {
    if (graph_.nodes[n].border) {
      borders.push_back(static_cast<std::int32_t>(n));
    }
  }
  index_.to_border = index_.Search(borders, /*back=*/true);
  index_.from_border = index_.Search(borders, /*back=*/false);
}

void GraphIndexer::FindGateways() {
  for (int a = 0; a < index_.accelerators; ++a) {
    const std::vector<std::int32_t> last = index_.LastEdges(a);
    index_.gateway_of.push_back(last.empty() ? a : graph_.edges[last.back()].from);
  }
}

void GraphIndexer::FindTurns() {
  std::vector<bool> is_gateway(graph_.nodes.size(), false);
  for (const std::int32_t gateway : index_.gateway_of) {
    is_gateway[gateway] = true;
  }
  // Whether all edges of a node lead back to where a way came from.
  const auto turns_back = [&](std::int32_t node, std::int32_t from) {
    return !is_gateway[node] && std::all_of(index_.out[node].begin(), index_.out[node].end(),
                                            [&](const GraphIndex::Half& half) {
                                              return half.node == from;
                                            });
  };
  const auto nodes = static_cast<std::int32_t>(graph_.nodes.size());
  const auto next = [&](const auto& add) {
    for (std::int32_t n = 0; n < nodes; ++n) {
      for (const GraphIndex::Half& half : index_.out[n]) {
        if (!turns_back(half.node, n)) {
          add(n, half.node);
        }
      }
    }
  };
  index_.turns = Turns(Rows<std::int32_t>(graph_.nodes.size(), next), index_.gateway_of);
}

std::vector<std::int32_t> GraphIndexer::FirstEdges(std::int32_t a) const {
  std::vector<std::int32_t> first;
  std::int32_t node = a;
  std::int32_t behind = -1;
  while (node != index_.gateway_of[a]) {
    GraphIndex::Half only{-1, -1};
    for (const GraphIndex::Half& half : index_.out[node]) {
      if (half.node != behind) {
        if (only.edge >= 0) {
          return {};
        }
        only = half;
      }
    }
    if (only.edge < 0 || first.size() == graph_.nodes.size()) {
      return {};
    }
    first.push_back(only.edge);
    behind = std::exchange(node, only.node);
  }
  return first;
}

// Accelerators of a server are alike where edges that nobody else uses, equal ones, join each of
// them to one and the same machine.
void GraphIndexer::FindUnits() {
  index_.is_of_unit.assign(index_.edge_of.size(), false);
  if (site_.server.direct || graph_.hashed || !site_.server.ring_bandwidths.empty()) {
    return;
  }
  std::vector<std::int32_t> own, own_of_first;
  for (int a = 0; a < index_.accelerators; ++a) {
    own = FirstEdges(a);
    if (own.empty()) {
      return;
    }
    const std::vector<std::int32_t> last = index_.LastEdges(a);
    own.insert(own.end(), last.begin(), last.end());
    if (a % site_.server.accelerators == 0) {
      own_of_first = own;
    }
    const int first = a - a % site_.server.accelerators;
    const bool ports_alike =
        site_.server.accelerators == 1 ||
        (AreAlike(index_.edge_of[index_.port_out[a]], index_.edge_of[index_.port_out[first]]) &&
         AreAlike(index_.edge_of[index_.port_in[a]], index_.edge_of[index_.port_in[first]]));
    if (index_.gateway_of[a] != index_.gateway_of[first] || !ports_alike ||
        !std::equal(own.begin(), own.end(), own_of_first.begin(), own_of_first.end(),
                    [this](std::int32_t e, std::int32_t f) {
                      return AreAlike(e, f);
                    })) {
      return;
    }
    for (const std::int32_t e : own) {
      if (index_.link_of[e] >= 0) {
        index_.is_of_unit[index_.link_of[e]] = true;
      }
    }
    for (const std::int32_t port : {index_.port_out[a], index_.port_in[a]}) {
      if (port >= 0) {
        index_.is_of_unit[port] = true;
      }
    }
  }
  index_.unit_size = 1;
}

bool GraphIndexer::AreAlike(std::int32_t e, std::int32_t f) const {
  const RouteGraph::Edge& one = graph_.edges[e];
  const RouteGraph::Edge& other = graph_.edges[f];
  const RouteGraph::Node& to = graph_.nodes[one.to];
  const RouteGraph::Node& other_to = graph_.nodes[other.to];
  return one.tier == other.tier && one.capacity == other.capacity &&
         one.can_bind == other.can_bind && to.latency == other_to.latency &&
         to.border == other_to.border;
}

void GraphIndexer::CheckConnected() const {
  const GraphIndex::Hops out = index_.Search({0}, /*back=*/false);
  const GraphIndex::Hops back = index_.Search({0}, /*back=*/true);
  for (int a = 0; a < index_.accelerators; ++a) {
    const bool same = !site_.server.direct && a < site_.server.accelerators;
    if (!same && (out[a] == GraphIndex::kFar || back[a] == GraphIndex::kFar)) {
      throw UserError(
          listed_.path + ".file",
          fmt::format("{}: there is no way {} \"{}\" {} \"{}\"; expected a graph in which all "
                      "accelerators reach each other",
                      listed_.file, "from", graph_.nodes[out[a] == GraphIndex::kFar ? 0 : a].id,
                      "to", graph_.nodes[out[a] == GraphIndex::kFar ? a : 0].id));
    }
  }
}

}  // namespace

GraphIndex::Hops GraphIndex::Search(const std::vector<std::int32_t>& goals, bool back) const {
  Hops hops(graph->nodes.size(), kFar);
  std::deque<std::int32_t> queue;
  for (const std::int32_t goal : goals) {
    hops[goal] = 0;
    queue.push_back(goal);
  }
  while (!queue.empty()) {
    const std::int32_t at = queue.front();
    queue.pop_front();
    for (const Half& half : back ? in[at] : out[at]) {
      if (hops[half.node] == kFar) {
        if (hops[at] + 2 >= kFar) {
          throw UserError("", fmt::format("ways of the graph are longer than {} links", kFar - 2));
        }
        hops[half.node] = static_cast<std::uint16_t>(hops[at] + 1);
        queue.push_back(half.node);
      }
    }
  }
  return hops;
}

std::vector<std::int32_t> GraphIndex::LastEdges(std::int32_t to) const {
  std::vector<std::int32_t> last;
  std::int32_t node = to;
  std::int32_t behind = -1;
  const std::size_t most = graph->nodes.size();  // of edges round and round
  while ((node == to || node >= accelerators) && last.size() < most) {
    Half only{-1, -1};
    for (const Half& half : in[node]) {
      if (half.node == behind) {
        continue;  // a way from there has been at the goal
      }
      if (only.edge >= 0) {
        return last;
      }
      only = half;
    }
    if (only.edge < 0) {
      return last;
    }
    last.push_back(only.edge);
    behind = std::exchange(node, only.node);
  }
  return last;
}

GraphIndex IndexOfGraph(const SiteSpec& site) {
  CHECK(site.server.direct == std::get<ListedSpec>(site.fabric).graph->direct());
  GraphIndexer indexer(site);
  indexer.CheckServers();
  indexer.NumberLinks();
  indexer.IndexEdges();
  indexer.CheckConnected();
  indexer.FindGateways();
  indexer.FindTurns();
  indexer.FindUnits();
  return indexer.Take();
}

// The last index that was made: points of a sweep and the jobs of a life ask for the same one.
std::shared_ptr<const GraphIndex> KnownIndexOfGraph(const SiteSpec& site) {
  struct Last {
    std::weak_ptr<const RouteGraph> graph;
    int servers = 0, server_size = 0;
    bool direct = false, rings = false;
    std::shared_ptr<const GraphIndex> index;
  };

  thread_local Last last;
  const std::shared_ptr<const RouteGraph>& graph = std::get<ListedSpec>(site.fabric).graph;
  const bool rings = !site.server.ring_bandwidths.empty();
  const bool known = last.index != nullptr && last.graph.lock() == graph &&
                     last.servers == site.servers && last.server_size == site.server.accelerators &&
                     last.direct == site.server.direct && last.rings == rings;
  if (!known) {
    last = {graph,
            site.servers,
            site.server.accelerators,
            site.server.direct,
            rings,
            std::make_shared<const GraphIndex>(IndexOfGraph(site))};
  }
  return last.index;
}

// Nothing is known of the distances, so all jobs are neighbours and no servers are exchanged for
// others.
Locality LocalityOfGraph(const GraphIndex& index, const SiteSpec& site) {
  Locality::Level near{"switch", {}};
  std::int32_t before = -1;
  for (ServerIndex server{0}; server < site.servers; ++server) {
    const std::int32_t gateway = index.gateway_of[server * site.server.accelerators];
    if (server == 0 || gateway != before) {
      near.first.push_back(server);
    }
    before = gateway;
  }
  Locality::Level whole{"graph", {{0}}, /*exits_can_bind=*/true, /*exits_used_within=*/true};
  return {site.servers, {std::move(near), std::move(whole)}, /*interchangeable=*/false};
}

}  // namespace gridlock
