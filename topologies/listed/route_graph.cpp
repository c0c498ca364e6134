#include "topologies/listed/route_graph.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <ostream>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <pugixml.hpp>

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

class Reader {
 public:
  Reader(const std::string& text, const std::string& file, std::string path)
      : text_(text), file_(file), path_(std::move(path)) {}

  RouteGraph Read() &&;

 private:
  void Complain(std::ptrdiff_t offset, const std::string& message) {
    const auto end = text_.begin() + std::clamp<std::ptrdiff_t>(
                                         offset, 0, static_cast<std::ptrdiff_t>(text_.size()));
    problems_.push_back({path_, fmt::format("{}:{}: {}", file_,
                                            1 + std::count(text_.begin(), end, '\n'), message)});
  }

  void ReadKeys(const pugi::xml_node& root);
  void ReadNodes(const pugi::xml_node& graph);
  void ReadEdges(const pugi::xml_node& graph);
  void ReadEdge(const pugi::xml_node& edge, bool directed);
  void SortAccelerators();

  // The data of an element, by attr.name; unknown ones are left alone, for other programs' sake.
  std::map<std::string, std::string> DataOf(const pugi::xml_node& element);

  // Values; they complain and return the default when the text is none.
  std::int32_t Whole(const pugi::xml_node& at, const std::string& name, const std::string& text);
  bool Flag(const pugi::xml_node& at, const std::string& name, const std::string& text);
  double Si(const pugi::xml_node& at, const std::string& text, Dimension dimension);

  const std::string& text_;
  const std::string& file_;
  std::string path_;
  std::vector<Problem> problems_;
  std::map<std::string, std::string> names_;  ///< attr.name by key id
  std::map<std::string, std::int32_t> node_of_;
  RouteGraph graph_;
};

RouteGraph Reader::Read() && {
  pugi::xml_document document;
  const pugi::xml_parse_result parsed = document.load_buffer(text_.data(), text_.size());
  if (!parsed) {
    Complain(parsed.offset,
             fmt::format("this is not XML: {}; expected GraphML", parsed.description()));
    throw UserError(std::move(problems_));
  }
  const pugi::xml_node root = document.child("graphml");
  const pugi::xml_node graph = root.child("graph");
  if (!graph) {
    Complain(0, "there is no <graphml> with a <graph>; expected GraphML");
    throw UserError(std::move(problems_));
  }
  ReadKeys(root);
  const std::map<std::string, std::string> data = DataOf(graph);
  if (const auto routing = data.find("routing"); routing != data.end()) {
    graph_.hashed = routing->second == "ecmp";
    if (!graph_.hashed && routing->second != "first") {
      Complain(graph.offset_debug(),
               fmt::format("routing \"{}\"; expected first or ecmp", routing->second));
    }
  }
  ReadNodes(graph);
  SortAccelerators();
  ReadEdges(graph);
  if (!problems_.empty()) {
    constexpr std::size_t kMost = 20;
    if (problems_.size() > kMost) {
      problems_.resize(kMost);
    }
    throw UserError(std::move(problems_));
  }
  return std::move(graph_);
}

void Reader::ReadKeys(const pugi::xml_node& root) {
  for (const pugi::xml_node& key : root.children("key")) {
    names_[key.attribute("id").value()] = key.attribute("attr.name").value();
  }
}

std::map<std::string, std::string> Reader::DataOf(const pugi::xml_node& element) {
  std::map<std::string, std::string> data;
  for (const pugi::xml_node& each : element.children("data")) {
    const auto name = names_.find(each.attribute("key").value());
    if (name == names_.end()) {
      Complain(each.offset_debug(), fmt::format("data of key \"{}\", which no <key> declares",
                                                each.attribute("key").value()));
      continue;
    }
    data[name->second] = each.child_value();
  }
  return data;
}

std::int32_t Reader::Whole(const pugi::xml_node& at, const std::string& name,
                           const std::string& text) {
  std::int32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0) {
    Complain(at.offset_debug(),
             fmt::format("{} \"{}\"; expected a whole number from 0 on", name, text));
    return 0;
  }
  return value;
}

bool Reader::Flag(const pugi::xml_node& at, const std::string& name, const std::string& text) {
  if (text != "true" && text != "false") {
    Complain(at.offset_debug(), fmt::format("{} \"{}\"; expected true or false", name, text));
  }
  return text == "true";
}

double Reader::Si(const pugi::xml_node& at, const std::string& text, Dimension dimension) {
  const ParsedQuantity parsed = ParseQuantity(text, dimension);
  if (!parsed.si) {
    Complain(at.offset_debug(), parsed.problem);
  }
  return parsed.si.value_or(0.0);
}

void Reader::ReadNodes(const pugi::xml_node& graph) {
  for (const pugi::xml_node& node : graph.children("node")) {
    RouteGraph::Node out;
    out.id = node.attribute("id").value();
    out.kind = "switch";
    for (const auto& [name, text] : DataOf(node)) {
      if (name == "kind") {
        out.kind = text;
      } else if (name == "server") {
        out.server.value = Whole(node, name, text);
      } else if (name == "latency") {
        out.latency = Seconds(Si(node, text, Dimension::kTime));
      } else if (name == "border") {
        out.border = Flag(node, name, text);
      }
    }
    if (out.kind == RouteGraph::kAccelerator && out.server < 0) {
      Complain(node.offset_debug(),
               fmt::format("accelerator \"{}\" does not say its server; expected data \"server\", "
                           "counting from 0",
                           out.id));
    }
    if (out.id.empty()) {
      Complain(node.offset_debug(), "a node without an id");
    }
    const auto [known, is_new] =
        node_of_.try_emplace(out.id, static_cast<std::int32_t>(graph_.nodes.size()));
    if (!is_new) {
      Complain(node.offset_debug(),
               fmt::format("a second node \"{}\"; expected an id of its own", out.id));
      continue;
    }
    graph_.nodes.push_back(std::move(out));
  }
}

// Accelerators first, server by server, in the order of the file within a server.
void Reader::SortAccelerators() {
  std::stable_sort(graph_.nodes.begin(), graph_.nodes.end(), [](const auto& a, const auto& b) {
    const bool a_is = a.kind == RouteGraph::kAccelerator;
    const bool b_is = b.kind == RouteGraph::kAccelerator;
    return a_is != b_is ? a_is : a_is && a.server < b.server;
  });
  for (std::size_t n = 0; n < graph_.nodes.size(); ++n) {
    node_of_[graph_.nodes[n].id] = static_cast<std::int32_t>(n);
  }
}

void Reader::ReadEdges(const pugi::xml_node& graph) {
  const std::string by_default = graph.attribute("edgedefault").value();
  for (const pugi::xml_node& edge : graph.children("edge")) {
    const pugi::xml_attribute own = edge.attribute("directed");
    ReadEdge(edge, own ? own.as_bool() : by_default == "directed");
  }
}

void Reader::ReadEdge(const pugi::xml_node& edge, bool directed) {
  RouteGraph::Edge out;
  out.id = edge.attribute("id").value();
  for (const auto& [field, node] : {std::pair("source", &out.from), std::pair("target", &out.to)}) {
    const auto found = node_of_.find(edge.attribute(field).value());
    if (found == node_of_.end()) {
      Complain(edge.offset_debug(), fmt::format("an edge's {} \"{}\" is no node of the graph",
                                                field, edge.attribute(field).value()));
      return;
    }
    *node = found->second;
  }
  out.tier = "network";
  bool complained = false;
  for (const auto& [name, text] : DataOf(edge)) {
    if (name == "tier") {
      out.tier = text == "attachment" ? "" : text;
    } else if (name == "bandwidth") {
      const std::size_t before = problems_.size();
      out.capacity = BytesPerSecond(Si(edge, text, Dimension::kBandwidth));
      complained = problems_.size() > before;
    } else if (name == "can_bind") {
      out.can_bind = Flag(edge, name, text);
    } else if (name == "preference") {
      out.preference = Whole(edge, name, text);
    } else if (name == "stream") {
      out.stream = Whole(edge, name, text);
    }
  }
  if (!out.attachment() && !(out.capacity > BytesPerSecond(0))) {
    if (complained) {
      return;
    }
    Complain(edge.offset_debug(),
             fmt::format("the edge from \"{}\" to \"{}\" has no bandwidth; expected data "
                         "\"bandwidth\" such as \"400 Gbps\"",
                         graph_.nodes[out.from].id, graph_.nodes[out.to].id));
    return;
  }
  if (out.from == out.to) {
    Complain(edge.offset_debug(),
             fmt::format("an edge from \"{}\" to itself", graph_.nodes[out.from].id));
    return;
  }
  if (out.id.empty()) {
    out.id = fmt::format("{}->{}", graph_.nodes[out.from].id, graph_.nodes[out.to].id);
  }
  graph_.edges.push_back(out);
  if (!directed) {
    std::swap(out.from, out.to);
    out.id += " (back)";
    graph_.edges.push_back(std::move(out));
  }
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
  data("g0", graph.hashed ? "ecmp" : "first");
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

RouteGraph ReadGraphMl(const std::string& text, const std::string& file, const std::string& path) {
  return Reader(text, file, path).Read();
}

}  // namespace gridlock
