#include "topologies/listed/topology.h"

#include <algorithm>
#include <deque>
#include <utility>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "topologies/cut.h"
#include "topologies/graph.h"

namespace gridlock {

namespace {

std::string Text(std::size_t count, const char* what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

}  // namespace

std::string TitleOf(const ListedSpec& listed) {
  return fmt::format("graph of {} and {} from {}", Text(listed.graph->nodes.size(), "machine"),
                     Text(listed.graph->edges.size(), "link"), listed.file);
}

ListedTopology::ListedTopology(const SiteSpec& site) : Topology(site) {
  CHECK(site.server.direct == graph().direct());
  CheckServers();
  NumberLinks();
  IndexEdges();
  CheckConnected();
  FindTurns();
  locality_ = LocalityOf();
}

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
                      node.id, node.server.value,
                      Text(static_cast<std::size_t>(servers()), "server"), servers() - 1));
      break;
    }
    if (node.kind == RouteGraph::kAccelerator) {
      ++held[node.server];
    }
  }
  for (ServerIndex server{0}; problems.empty() && server < servers(); ++server) {
    if (held[server] != server_size()) {
      complain(fmt::format("server {} has {}, and {} has {}; expected as many in the graph",
                           server.value,
                           Text(static_cast<std::size_t>(held[server]), "accelerator"),
                           site().server.name, server_size()));
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
    link_of_.push_back(edge.attachment() ? -1 : static_cast<std::int32_t>(edge_of_.size()));
    if (edge.attachment()) {
      continue;
    }
    edge_of_.push_back(static_cast<std::int32_t>(e));
    TierIndex tier = TierTable::kNic;
    if (edge.tier == "scale_up") {
      tier = TierTable::kScaleUp;
    } else if (edge.tier != "nic") {
      const auto known = std::find(tier_names_.begin(), tier_names_.end(), edge.tier);
      tier = {TierTable::kFirstOwn.value + static_cast<std::int32_t>(known - tier_names_.begin())};
      if (known == tier_names_.end()) {
        tier_names_.push_back(edge.tier);
      }
    }
    tier_of_.push_back(tier);
  }
  constexpr std::size_t kMostTiers = TierTable::kMost - 4;
  if (tier_names_.size() > kMostTiers) {
    throw UserError(listed().path + ".file",
                    fmt::format("{}: edges name {} tiers; expected at most {}", listed().file,
                                tier_names_.size(), kMostTiers));
  }
}

void ListedTopology::IndexEdges() {
  const std::size_t nodes = graph().nodes.size();
  out_.resize(nodes);
  in_.resize(nodes);
  port_out_.assign(static_cast<std::size_t>(accelerators()), -1);
  port_in_.assign(static_cast<std::size_t>(accelerators()), -1);
  for (std::size_t e = 0; e < graph().edges.size(); ++e) {
    const RouteGraph::Edge& edge = graph().edges[e];
    const auto number = static_cast<std::int32_t>(e);
    if (graph().nodes[edge.to].kind == RouteGraph::kScaleUpSwitch && edge.from < accelerators()) {
      port_out_[edge.from] = link_of_[e];
    } else if (graph().nodes[edge.from].kind == RouteGraph::kScaleUpSwitch &&
               edge.to < accelerators()) {
      port_in_[edge.to] = link_of_[e];
    } else {
      out_[edge.from].push_back(number);
      in_[edge.to].push_back(number);
    }
  }
  for (int a = 0; !site().server.direct && server_size() > 1 && a < accelerators(); ++a) {
    if (port_out_[a] < 0 || port_in_[a] < 0) {
      throw UserError(listed().path + ".file",
                      fmt::format("{}: accelerator \"{}\" has no edge to and from a "
                                  "scale_up_switch, as others have; expected one each",
                                  listed().file, graph().nodes[a].id));
    }
  }
  for (std::size_t n = 0; n < nodes; ++n) {
    if (graph().nodes[n].border) {
      borders_.push_back(static_cast<std::int32_t>(n));
    }
  }
  to_border_ = Search(borders_, /*back=*/true);
  from_border_ = Search(borders_, /*back=*/false);
}

void ListedTopology::FindTurns() {
  std::vector<std::int32_t> gateways;
  std::vector<bool> is_gateway(graph().nodes.size(), false);
  for (int a = 0; a < accelerators(); ++a) {
    gateways.push_back(GatewayOf(a));
    is_gateway[gateways.back()] = true;
  }
  // Whether all edges of a node lead back to where a way came from.
  const auto turns_back = [&](std::int32_t node, std::int32_t from) {
    return !is_gateway[node] && std::all_of(out_[node].begin(), out_[node].end(), [&](auto e) {
      return graph().edges[e].to == from;
    });
  };
  std::vector<std::vector<std::int32_t>> next(graph().nodes.size());
  for (const RouteGraph::Edge& edge : graph().edges) {
    const bool scale_up = graph().nodes[edge.from].kind == RouteGraph::kScaleUpSwitch ||
                          graph().nodes[edge.to].kind == RouteGraph::kScaleUpSwitch;
    if (!scale_up && !turns_back(edge.to, edge.from)) {
      next[edge.from].push_back(edge.to);
    }
  }
  turns_ = Turns(next, gateways);
}

ListedTopology::Hops ListedTopology::Search(const std::vector<std::int32_t>& goals,
                                            bool back) const {
  Hops hops(graph().nodes.size(), kFar);
  std::deque<std::int32_t> queue;
  for (const std::int32_t goal : goals) {
    hops[goal] = 0;
    queue.push_back(goal);
  }
  while (!queue.empty()) {
    const std::int32_t at = queue.front();
    queue.pop_front();
    for (const std::int32_t e : back ? in_[at] : out_[at]) {
      const std::int32_t next = back ? graph().edges[e].from : graph().edges[e].to;
      if (hops[next] == kFar) {
        hops[next] = static_cast<std::uint16_t>(hops[at] + 1);
        queue.push_back(next);
      }
    }
  }
  return hops;
}

const Turns::Search& ListedTopology::HopsTo(std::int32_t node) const {
  const auto known = hops_to_.find(node);
  return known != hops_to_.end() ? known->second
                                 : hops_to_.emplace(node, turns_.To(node)).first->second;
}

std::vector<std::int32_t> ListedTopology::LastEdges(std::int32_t to) const {
  std::vector<std::int32_t> last;
  std::int32_t node = to;
  std::int32_t behind = -1;
  const std::size_t most = graph().nodes.size();  // of edges round and round
  while ((node == to || node >= accelerators()) && last.size() < most) {
    std::int32_t only = -1;
    for (const std::int32_t e : in_[node]) {
      if (graph().edges[e].from == behind) {
        continue;  // a way from there has been at the goal
      }
      if (only >= 0) {
        return last;
      }
      only = e;
    }
    if (only < 0) {
      return last;
    }
    last.push_back(only);
    behind = node;
    node = graph().edges[only].from;
  }
  return last;
}

std::int32_t ListedTopology::GatewayOf(std::int32_t node) const {
  const std::vector<std::int32_t> last = LastEdges(node);
  return last.empty() ? node : graph().edges[last.back()].from;
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

std::string ListedTopology::shape() const {
  return "a graph of " + Text(graph().nodes.size(), "machine");
}

std::vector<Tier> ListedTopology::tiers() const {
  std::vector<Tier> tiers;
  for (const std::string& name : tier_names_) {
    // Accelerators that are routers pay for what they send on.
    tiers.push_back(
        {name, "the links of tier " + name, /*shared=*/true, site().server.direct ? 1.0 : 0.0});
  }
  return tiers;
}

BytesPerSecond ListedTopology::capacity(LinkIndex link) const {
  const BytesPerSecond listed = EdgeOf(link).capacity;
  const ServerSpec& server = site().server;
  if (tier(link) == TierTable::kScaleUp) {
    return std::min(listed, server.accelerator.scale_up_bandwidth);
  }
  if (tier(link) == TierTable::kNic) {
    return std::min(listed, server.nic_bandwidth * server.nics_each());
  }
  return listed;
}

LinkIndex ListedTopology::scale_up_out(AcceleratorIndex a) const {
  CHECK(port_out_[a.value] >= 0);
  return {port_out_[a.value]};
}

LinkIndex ListedTopology::scale_up_in(AcceleratorIndex a) const {
  CHECK(port_in_[a.value] >= 0);
  return {port_in_[a.value]};
}

template <typename HopsOf>
std::int32_t ListedTopology::Choose(const std::vector<std::int32_t>& choices, const HopsOf& hops,
                                    int nearer, std::uint64_t flow_hash) const {
  std::int32_t best = -1;
  std::uint64_t count = 0;
  for (const std::int32_t e : choices) {
    if (hops(e) == nearer) {
      ++count;
      if (best < 0 || graph().edges[e].preference < graph().edges[best].preference) {
        best = e;
      }
    }
  }
  CHECK(best >= 0);
  if (!graph().hashed || count == 1) {
    return best;
  }
  std::uint64_t skip =
      HashPick(flow_hash, static_cast<std::uint64_t>(graph().edges[best].stream), count);
  for (const std::int32_t e : choices) {
    if (hops(e) == nearer && skip-- == 0) {
      return e;
    }
  }
  CHECK(false);
}

std::vector<std::int32_t> ListedTopology::Way(std::int32_t from, std::int32_t to,
                                              std::uint64_t flow_hash) const {
  const std::vector<std::int32_t> last = LastEdges(to);
  const std::int32_t gateway = last.empty() ? to : graph().edges[last.back()].from;
  std::vector<std::int32_t> way;
  const Turns::Search& search = HopsTo(gateway);
  const auto hops = [&](std::int32_t node) {
    return turns_.HopsFrom(node, search);
  };
  CHECK(hops(from) != Turns::kFar);
  for (std::int32_t node = from; node != gateway; node = graph().edges[way.back()].to) {
    way.push_back(Choose(
        out_[node],
        [&](std::int32_t e) {
          return hops(graph().edges[e].to);
        },
        hops(node) - 1, flow_hash));
  }
  way.insert(way.end(), last.rbegin(), last.rend());
  return way;
}

void ListedTopology::Append(const std::vector<std::int32_t>& way,
                            std::vector<LinkIndex>& route) const {
  for (const std::int32_t e : way) {
    if (link_of_[e] >= 0) {
      route.push_back({link_of_[e]});
    }
  }
}

void ListedTopology::AppendRoute(AcceleratorIndex from, AcceleratorIndex to,
                                 std::uint64_t flow_hash, std::vector<LinkIndex>& route) const {
  CHECK(from != to && from.value < accelerators() && to.value < accelerators());
  if (same_domain(from, to)) {
    route.push_back(scale_up_out(from));
    route.push_back(scale_up_in(to));
    return;
  }
  Append(Way(from.value, to.value, flow_hash), route);
}

std::vector<std::int32_t> ListedTopology::WayToBorder(AcceleratorIndex from,
                                                      std::uint64_t flow_hash) const {
  std::vector<std::int32_t> way;
  for (std::int32_t node = from.value; to_border_[node] != 0 && to_border_[node] != kFar;
       node = graph().edges[way.back()].to) {
    way.push_back(Choose(
        out_[node],
        [this](std::int32_t e) {
          return to_border_[graph().edges[e].to];
        },
        to_border_[node] - 1, flow_hash));
  }
  return way;
}

void ListedTopology::AppendExit(AcceleratorIndex from, std::uint64_t flow_hash,
                                std::vector<LinkIndex>& route) const {
  Append(WayToBorder(from, flow_hash), route);
}

// Chosen backwards from the goal, so that the last link does not depend on where the way begins.
void ListedTopology::AppendEntry(AcceleratorIndex to, std::uint64_t flow_hash,
                                 std::vector<LinkIndex>& route) const {
  std::vector<std::int32_t> way;
  for (std::int32_t node = to.value; from_border_[node] != 0 && from_border_[node] != kFar;
       node = graph().edges[way.back()].from) {
    way.push_back(Choose(
        in_[node],
        [this](std::int32_t e) {
          return from_border_[graph().edges[e].from];
        },
        from_border_[node] - 1, flow_hash));
  }
  std::reverse(way.begin(), way.end());
  Append(way, route);
}

Seconds ListedTopology::Latency(AcceleratorIndex from, AcceleratorIndex to) const {
  Seconds latency(0.0);
  if (!same_domain(from, to)) {
    for (const std::int32_t e : Way(from.value, to.value, 0)) {
      latency += graph().nodes[graph().edges[e].to].latency;
    }
  }
  return latency;
}

Seconds ListedTopology::LatencyToBorder() const {
  Seconds latency(0.0);
  for (const std::int32_t e : WayToBorder({0}, 0)) {
    latency += graph().nodes[graph().edges[e].to].latency;
  }
  return latency;
}

// Servers that follow each other and hang on the same switch, and the whole graph. Nothing is known
// of the distances, so all jobs are neighbours and no servers are exchanged for others.
Locality ListedTopology::LocalityOf() const {
  Locality::Level near{"switch", {}};
  std::int32_t before = -1;
  for (ServerIndex server{0}; server < servers(); ++server) {
    const std::int32_t gateway = GatewayOf(server * server_size());
    if (server == 0 || gateway != before) {
      near.first.push_back(server);
    }
    before = gateway;
  }
  Locality::Level whole{"graph", {{0}}, /*exits_can_bind=*/true, /*exits_used_within=*/true};
  return {servers(), {std::move(near), std::move(whole)}, /*interchangeable=*/false};
}

std::vector<Equipment> ListedTopology::equipment() const {
  std::vector<Equipment> all;
  for (const RouteGraph::Node& node : graph().nodes) {
    if (node.kind == RouteGraph::kAccelerator || node.kind == RouteGraph::kScaleUpSwitch) {
      continue;
    }
    const auto known = std::find_if(all.begin(), all.end(), [&node](const Equipment& each) {
      return each.name == node.kind;
    });
    Equipment& kind = known == all.end() ? all.emplace_back() : *known;
    kind.name = kind.plural = node.kind;
    ++kind.count;
  }
  return all;
}

Wiring ListedTopology::wiring() const {
  Wiring wiring;
  std::vector<int> kind_of, vertex_of(graph().nodes.size());
  for (const RouteGraph::Node& node : graph().nodes) {
    const auto known = std::find_if(wiring.node_kinds.begin(), wiring.node_kinds.end(),
                                    [&node](const Wiring::NodeKind& kind) {
                                      return kind.name == node.kind;
                                    });
    kind_of.push_back(static_cast<int>(known - wiring.node_kinds.begin()));
    if (known == wiring.node_kinds.end()) {
      wiring.node_kinds.push_back({node.kind, 0});
    }
    ++wiring.node_kinds[kind_of.back()].count;
  }
  std::vector<int> next(wiring.node_kinds.size());
  for (std::size_t k = 1; k < next.size(); ++k) {
    next[k] = next[k - 1] + wiring.node_kinds[k - 1].count;
  }
  for (std::size_t n = 0; n < kind_of.size(); ++n) {
    vertex_of[n] = next[kind_of[n]]++;
  }
  wiring.cable_kinds.push_back({"", /*inside=*/true});
  wiring.cable_kinds.push_back({"scale-up links"});
  wiring.cable_kinds.push_back({"NIC links"});
  for (const std::string& name : tier_names_) {
    wiring.cable_kinds.push_back({name + " links"});
  }
  // Two directions are one cable: the one that leads to the node with the higher number counts.
  for (std::size_t e = 0; e < graph().edges.size(); ++e) {
    const RouteGraph::Edge& edge = graph().edges[e];
    if (edge.from < edge.to) {
      const int kind = link_of_[e] < 0 ? 0 : 1 + tier_of_[link_of_[e]].value;
      wiring.cables.push_back({kind, vertex_of[edge.from], vertex_of[edge.to], 1, edge.capacity});
    }
  }
  return wiring;
}

CutProblem ListedTopology::cut_problem() const {
  CutProblem problem;
  problem.vertices = static_cast<int>(graph().nodes.size());
  double most = 0;
  for (std::size_t link = 0; link < edge_of_.size(); ++link) {
    const RouteGraph::Edge& edge = EdgeOf({static_cast<std::int32_t>(link)});
    most = std::max(most, edge.capacity.si());
    if (tier_of_[link] != TierTable::kScaleUp && edge.from < edge.to) {
      problem.edges.push_back({edge.from, edge.to, edge.capacity.si()});
    }
  }
  for (const RouteGraph::Edge& edge : graph().edges) {
    if (edge.attachment() && edge.from < edge.to) {
      problem.edges.push_back({edge.from, edge.to, most});
    }
  }
  for (int a = 0; a < accelerators(); ++a) {
    problem.terminals.push_back({a, most});
  }
  if (servers() > 1) {
    problem.halvings.push_back(HalveServers("first half of the servers | second half", servers(),
                                            server_size(), [](ServerIndex server) {
                                              return server;
                                            }));
    problem.halvings.push_back(
        HalveServers("even | odd servers", servers(), server_size(), [](ServerIndex server) {
          return server % 2;
        }));
  }
  return problem;
}

}  // namespace gridlock
