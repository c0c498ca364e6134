#include "topologies/listed/route_graph.h"

#include <algorithm>
#include <ostream>

#include <fmt/format.h>

namespace gridlock {

namespace {

// Data of nodes and edges, by GraphML's attr.name.
struct Key {
  const char* id;
  const char* of;  ///< "graph", "node" or "edge"
  const char* name;
};

constexpr Key kKeys[] = {{"g0", "graph", "routing"},   {"n0", "node", "kind"},
                         {"n1", "node", "server"},     {"n2", "node", "latency"},
                         {"n3", "node", "border"},     {"e0", "edge", "tier"},
                         {"e1", "edge", "bandwidth"},  {"e2", "edge", "can_bind"},
                         {"e3", "edge", "preference"}, {"e4", "edge", "stream"}};

std::string Escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

}  // namespace

bool RouteGraph::direct() const {
  return std::none_of(nodes.begin(), nodes.end(), [](const Node& node) {
    return node.kind == kScaleUpSwitch;
  });
}

void WriteGraphMl(const RouteGraph& graph, std::ostream& out) {
  if (graph.by_destination) {
    throw UserError("",
                    "GraphML has no word for links that are chosen by destination; expected "
                    "routing: SPRAY or ECMP");
  }
  out << "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
         "<graphml xmlns=\"http://graphml.graphdrawing.org/xmlns\">\n";
  for (const Key& key : kKeys) {
    out << fmt::format("  <key id=\"{}\" for=\"{}\" attr.name=\"{}\" attr.type=\"string\"/>\n",
                       key.id, key.of, key.name);
  }
  const auto data = [&out](const char* id, const std::string& text) {
    out << "<data key=\"" << id << "\">" << Escaped(text) << "</data>";
  };
  out << "  <graph id=\"network\" edgedefault=\"directed\">\n    ";
  data("g0", graph.hashed ? "ecmp" : graph.sprayed ? "spray" : "first");
  out << '\n';
  for (const RouteGraph::Node& node : graph.nodes) {
    out << "    <node id=\"" << Escaped(node.id) << "\">";
    data("n0", node.kind);
    if (node.server >= 0) {
      data("n1", std::to_string(node.server.value));
    }
    if (node.latency > Seconds(0)) {
      data("n2", fmt::format("{} s", node.latency.si()));  // as many digits as it takes
    }
    if (node.border) {
      data("n3", "true");
    }
    out << "</node>\n";
  }
  for (const RouteGraph::Edge& edge : graph.edges) {
    out << "    <edge id=\"" << Escaped(edge.id) << "\" source=\""
        << Escaped(graph.nodes[edge.from].id) << "\" target=\"" << Escaped(graph.nodes[edge.to].id)
        << "\">";
    data("e0", edge.attachment() ? "attachment" : edge.tier);
    if (!edge.attachment()) {
      data("e1", fmt::format("{} B/s", edge.capacity.si()));
    }
    if (!edge.can_bind) {
      data("e2", "false");
    }
    if (edge.preference != 0) {
      data("e3", std::to_string(edge.preference));
    }
    if (edge.stream != 0) {
      data("e4", std::to_string(edge.stream));
    }
    out << "</edge>\n";
  }
  out << "  </graph>\n</graphml>\n";
}

}  // namespace gridlock
