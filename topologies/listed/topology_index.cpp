// What is found out about a graph before the first route is asked for.

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "topologies/listed/topology.h"

namespace gridlock {

namespace {

std::string Counted(int count, const char* what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

}  // namespace

void ListedTopology::CheckServers() const {
  std::vector<Problem> problems;
  const auto complain = [&](std::string message) {
    problems.push_back({listed().path + ".file", listed().file + ": " + std::move(message)});
  };
  std::vector<int> held(static_cast<std::size_t>(servers()));
  for (const RouteGraph::Node& node : graph().nodes) {
    if (node.kind == RouteGraph::kAccelerator && node.server >= servers()) {
      complain(
          fmt::format("accelerator \"{}\" is of server {}, and the site has {}; expected "
                      "servers from 0 to {}",
                      node.id, node.server.value, Counted(servers(), "server"), servers() - 1));
      break;
    }
    if (node.kind == RouteGraph::kAccelerator) {
      ++held[node.server];
    }
  }
  for (ServerIndex server{0}; problems.empty() && server < servers(); ++server) {
    if (held[server] != server_size()) {
      complain(fmt::format("server {} has {}, and {} has {}; expected as many in the graph",
                           server.value, Counted(held[server], "accelerator"), site().server.name,
                           server_size()));
      break;
    }
  }
  if (!problems.empty()) {
    throw UserError(std::move(problems));
  }
}

void ListedTopology::NumberLinks() {
  for (std::size_t e = 0; e < graph().edges.size(); ++e) {
    const RouteGraph::Edge& edge = graph().edges[e];
    index_->link_of.push_back(
        edge.attachment() ? -1 : static_cast<std::int32_t>(index_->edge_of.size()));
    if (edge.attachment()) {
      continue;
    }
    index_->edge_of.push_back(static_cast<std::int32_t>(e));
    TierIndex tier = TierTable::kNic;
    if (edge.tier == "scale_up") {
      tier = TierTable::kScaleUp;
    } else if (edge.tier != "nic") {
      const auto known = std::find(index_->tier_names.begin(), index_->tier_names.end(), edge.tier);
      tier = {TierTable::kFirstOwn.value +
              static_cast<std::int32_t>(known - index_->tier_names.begin())};
      if (known == index_->tier_names.end()) {
        index_->tier_names.push_back(edge.tier);
      }
    }
    index_->tier_of.push_back(tier);
  }
  constexpr std::size_t kMostTiers = TierTable::kMost - 4;
  if (index_->tier_names.size() > kMostTiers) {
    throw UserError(listed().path + ".file",
                    fmt::format("{}: edges name {} tiers; expected at most {}", listed().file,
                                index_->tier_names.size(), kMostTiers));
  }
}

void ListedTopology::IndexEdges() {
  const std::size_t nodes = graph().nodes.size();
  std::vector<bool> is_switch(nodes);  // of a scale-up domain
  for (std::size_t n = 0; n < nodes; ++n) {
    is_switch[n] = graph().nodes[n].kind == RouteGraph::kScaleUpSwitch;
  }
  index_->port_out.assign(static_cast<std::size_t>(accelerators()), -1);
  index_->port_in.assign(static_cast<std::size_t>(accelerators()), -1);

  struct Ends {
    std::int32_t edge, from, to;
  };

  std::vector<Ends> ends;  // of edges that are no ports
  ends.reserve(graph().edges.size());
  for (std::size_t e = 0; e < graph().edges.size(); ++e) {
    const RouteGraph::Edge& edge = graph().edges[e];
    if (is_switch[edge.to] && edge.from < accelerators()) {
      index_->port_out[edge.from] = index_->link_of[e];
    } else if (is_switch[edge.from] && edge.to < accelerators()) {
      index_->port_in[edge.to] = index_->link_of[e];
    } else {
      ends.push_back({static_cast<std::int32_t>(e), edge.from, edge.to});
    }
  }
  index_->out = Rows<Half>(nodes, [&](const auto& add) {
    for (const Ends& each : ends) {
      add(each.from, Half{each.edge, each.to});
    }
  });
  index_->in = Rows<Half>(nodes, [&](const auto& add) {
    for (const Ends& each : ends) {
      add(each.to, Half{each.edge, each.from});
    }
  });
  for (int a = 0; !site().server.direct && server_size() > 1 && a < accelerators(); ++a) {
    if (index_->port_out[a] < 0 || index_->port_in[a] < 0) {
      throw UserError(listed().path + ".file",
                      fmt::format("{}: accelerator \"{}\" has no edge to and from a "
                                  "scale_up_switch, as others have; expected one each",
                                  listed().file, graph().nodes[a].id));
    }
  }
  for (std::size_t n = 0; n < nodes; ++n) {
    if (graph().nodes[n].border) {
      index_->borders.push_back(static_cast<std::int32_t>(n));
    }
  }
  index_->to_border = Search(index_->borders, /*back=*/true);
  index_->from_border = Search(index_->borders, /*back=*/false);
}

void ListedTopology::FindGateways() {
  for (int a = 0; a < accelerators(); ++a) {
    const std::vector<std::int32_t> last = LastEdges(a);
    index_->gateway_of.push_back(last.empty() ? a : graph().edges[last.back()].from);
  }
}

void ListedTopology::FindTurns() {
  std::vector<bool> is_gateway(graph().nodes.size(), false);
  for (const std::int32_t gateway : index_->gateway_of) {
    is_gateway[gateway] = true;
  }
  // Whether all edges of a node lead back to where a way came from.
  const auto turns_back = [&](std::int32_t node, std::int32_t from) {
    return !is_gateway[node] &&
           std::all_of(index_->out[node].begin(), index_->out[node].end(), [&](const Half& half) {
             return half.node == from;
           });
  };
  const auto nodes = static_cast<std::int32_t>(graph().nodes.size());
  const auto next = [&](const auto& add) {
    for (std::int32_t n = 0; n < nodes; ++n) {
      for (const Half& half : index_->out[n]) {
        if (!turns_back(half.node, n)) {
          add(n, half.node);
        }
      }
    }
  };
  index_->turns = Turns(Rows<std::int32_t>(graph().nodes.size(), next), index_->gateway_of);
}

std::vector<std::int32_t> ListedTopology::FirstEdges(std::int32_t a) const {
  std::vector<std::int32_t> first;
  std::int32_t node = a;
  std::int32_t behind = -1;
  while (node != index_->gateway_of[a]) {
    Half only{-1, -1};
    for (const Half& half : index_->out[node]) {
      if (half.node != behind) {
        if (only.edge >= 0) {
          return {};
        }
        only = half;
      }
    }
    if (only.edge < 0 || first.size() == graph().nodes.size()) {
      return {};
    }
    first.push_back(only.edge);
    behind = std::exchange(node, only.node);
  }
  return first;
}

// Accelerators of a server are alike where edges that nobody else uses, equal ones, join each of
// them to one and the same machine.
void ListedTopology::FindUnits() {
  index_->is_of_unit.assign(index_->edge_of.size(), false);
  if (site().server.direct || graph().hashed || !site().server.ring_bandwidths.empty()) {
    return;
  }
  std::vector<std::int32_t> own, own_of_first;
  for (int a = 0; a < accelerators(); ++a) {
    own = FirstEdges(a);
    if (own.empty()) {
      return;
    }
    const std::vector<std::int32_t> last = LastEdges(a);
    own.insert(own.end(), last.begin(), last.end());
    if (a % server_size() == 0) {
      own_of_first = own;
    }
    const int first = a - a % server_size();
    const bool ports_alike =
        server_size() == 1 ||
        (AreAlike(index_->edge_of[index_->port_out[a]], index_->edge_of[index_->port_out[first]]) &&
         AreAlike(index_->edge_of[index_->port_in[a]], index_->edge_of[index_->port_in[first]]));
    if (index_->gateway_of[a] != index_->gateway_of[first] || !ports_alike ||
        !std::equal(own.begin(), own.end(), own_of_first.begin(), own_of_first.end(),
                    [this](std::int32_t e, std::int32_t f) {
                      return AreAlike(e, f);
                    })) {
      return;
    }
    for (const std::int32_t e : own) {
      if (index_->link_of[e] >= 0) {
        index_->is_of_unit[index_->link_of[e]] = true;
      }
    }
    for (const std::int32_t port : {index_->port_out[a], index_->port_in[a]}) {
      if (port >= 0) {
        index_->is_of_unit[port] = true;
      }
    }
  }
  index_->unit_size = 1;
}

bool ListedTopology::AreAlike(std::int32_t e, std::int32_t f) const {
  const RouteGraph::Edge& one = graph().edges[e];
  const RouteGraph::Edge& other = graph().edges[f];
  const RouteGraph::Node& to = graph().nodes[one.to];
  const RouteGraph::Node& other_to = graph().nodes[other.to];
  return one.tier == other.tier && one.capacity == other.capacity &&
         one.can_bind == other.can_bind && to.latency == other_to.latency &&
         to.border == other_to.border;
}

void ListedTopology::CheckConnected() const {
  const Hops out = Search({0}, /*back=*/false);
  const Hops back = Search({0}, /*back=*/true);
  for (int a = 0; a < accelerators(); ++a) {
    const bool same = !site().server.direct && server_of({a}) == 0;
    if (!same && (out[a] == kFar || back[a] == kFar)) {
      throw UserError(
          listed().path + ".file",
          fmt::format("{}: there is no way {} \"{}\" {} \"{}\"; expected a graph in which all "
                      "accelerators reach each other",
                      listed().file, "from", graph().nodes[out[a] == kFar ? 0 : a].id, "to",
                      graph().nodes[out[a] == kFar ? a : 0].id));
    }
  }
}

// Servers that follow each other and hang on the same switch, and the whole graph. Nothing is known
// of the distances, so all jobs are neighbours and no servers are exchanged for others.
Locality ListedTopology::LocalityOf() const {
  Locality::Level near{"switch", {}};
  std::int32_t before = -1;
  for (ServerIndex server{0}; server < servers(); ++server) {
    const std::int32_t gateway = index_->gateway_of[server * server_size()];
    if (server == 0 || gateway != before) {
      near.first.push_back(server);
    }
    before = gateway;
  }
  Locality::Level whole{"graph", {{0}}, /*exits_can_bind=*/true, /*exits_used_within=*/true};
  return {servers(), {std::move(near), std::move(whole)}, /*interchangeable=*/false};
}

}  // namespace gridlock
