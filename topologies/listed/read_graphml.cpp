#include <algorithm>
#include <limits>
#include <numeric>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <pugixml.hpp>

#include "sim/base/numbers.h"
#include "topologies/listed/names.h"
#include "topologies/listed/route_graph.h"

namespace gridlock {

namespace {

// What an element's data is for, by the attr.name of its key.
enum class Field {
  kRouting,
  kKind,
  kServer,
  kLatency,
  kBorder,
  kTier,
  kBandwidth,
  kCanBind,
  kPreference,
  kStream,
  kOther
};

Field FieldOf(std::string_view name) {
  constexpr std::pair<std::string_view, Field> kFields[] = {
      {"routing", Field::kRouting},       {"kind", Field::kKind},
      {"server", Field::kServer},         {"latency", Field::kLatency},
      {"border", Field::kBorder},         {"tier", Field::kTier},
      {"bandwidth", Field::kBandwidth},   {"can_bind", Field::kCanBind},
      {"preference", Field::kPreference}, {"stream", Field::kStream}};
  for (const auto& [known, field] : kFields) {
    if (known == name) {
      return field;
    }
  }
  return Field::kOther;  // left alone, for other programs' sake
}

// What pugixml keeps: text of an element as the element's value, and no comments.
constexpr unsigned kParsed = pugi::parse_cdata | pugi::parse_escapes | pugi::parse_embed_pcdata;

// Bytes of a piece that is parsed at a time. A tree takes about four times its text, and that of a
// piece stays in the processor's cache.
constexpr std::size_t kPiece = std::size_t{1} << 17U;

// Where the next <node or <edge begins from here on.
std::size_t NextElement(std::string_view text, std::size_t at) {
  for (at = text.find('<', at); at != std::string_view::npos; at = text.find('<', at + 1)) {
    const std::string_view name = text.substr(at + 1, 4);
    if (name == "node" || name == "edge") {
      return at;
    }
  }
  return text.size();
}

class Reader {
 public:
  Reader(const std::string& text, const std::string& file, std::string path)
      : text_(text), file_(file), path_(std::move(path)) {}

  /// Parses the children of <graph> in pieces of text. Returns false where they cannot be told
  /// apart by a look for "<node" and "<edge": some piece is no XML by itself.
  bool ReadPieces();

  void ReadWhole();

  /// Of what was read. Throws UserError with all mistakes.
  RouteGraph Graph() &&;

 private:
  void Complain(std::ptrdiff_t offset, const std::string& message);

  void Complain(const pugi::xml_node& at, const std::string& message) {
    Complain(base_ + at.offset_debug(), message);
  }

  void ReadHead(const pugi::xml_node& root, const pugi::xml_node& graph);
  void ReadElements(const pugi::xml_node& parent);
  void ReadNode(const pugi::xml_node& node);
  void ReadEdge(const pugi::xml_node& edge);
  void AddEdge(const pugi::xml_node& edge, RouteGraph::Edge out, bool complained);
  void ReadEdgeData(const pugi::xml_node& edge, RouteGraph::Edge& out);
  void SortNodes();

  // Calls visit(Field, text) for the data of an element.
  template <typename F>
  void ForEachData(const pugi::xml_node& element, const F& visit);

  // Values; they complain and return the default when the text is none.
  std::int32_t Whole(const pugi::xml_node& at, const char* name, std::string_view text);
  bool Flag(const pugi::xml_node& at, const char* name, std::string_view text);
  double Si(const pugi::xml_node& at, std::string_view text, Dimension dimension);

  // What was read of a name.
  struct Named {
    std::int32_t node = -1;         ///< -1: no <node> has been read
    std::ptrdiff_t first_edge = 0;  ///< that names it
    bool is_source = false;         ///< of that edge
  };

  const std::string& text_;
  const std::string& file_;
  std::string path_;
  std::ptrdiff_t base_ = 0;  ///< where the piece begins that is read
  bool directed_ = false;    ///< edges that do not say
  std::size_t complaints_ = 0;
  std::vector<std::pair<std::ptrdiff_t, Problem>> problems_;  ///< with where they are
  std::vector<std::pair<std::string, Field>> keys_;           ///< by their ids
  Names names_;
  std::vector<Named> named_;  ///< by number
  std::string last_text_[2];  ///< of a time and a bandwidth, most of which are equal
  double last_si_[2] = {};
  std::int32_t last_ends_[2] = {-1, -1};  ///< of the edge before
  RouteGraph graph_;  ///< ends of edges are numbers of names until nodes are sorted
};

void Reader::Complain(std::ptrdiff_t offset, const std::string& message) {
  constexpr std::size_t kMost = 20;
  if (++complaints_ > kMost) {
    return;
  }
  const auto end = text_.begin() +
                   std::clamp<std::ptrdiff_t>(offset, 0, static_cast<std::ptrdiff_t>(text_.size()));
  const auto line = 1 + std::count(text_.begin(), end, '\n');
  problems_.push_back({offset, {path_, fmt::format("{}:{}: {}", file_, line, message)}});
}

bool Reader::ReadPieces() {
  // Comments and sections of plain text may hold what looks like elements.
  for (std::size_t at = text_.find('!'); at != std::string::npos; at = text_.find('!', at + 1)) {
    if (at > 0 && text_[at - 1] == '<') {
      return false;
    }
  }
  const std::size_t begin = NextElement(text_, 0);
  const std::size_t end = text_.rfind("</graph>");
  if (end == std::string::npos || begin > end) {
    return false;
  }
  const std::string head = text_.substr(0, begin) + text_.substr(end);
  pugi::xml_document document;
  const auto parse = [&document](const char* text, std::size_t size, unsigned options) {
    return static_cast<bool>(document.load_buffer(text, size, options, pugi::encoding_utf8));
  };
  if (!parse(head.data(), head.size(), kParsed)) {
    return false;
  }
  const pugi::xml_node root = document.child("graphml");
  if (!root.child("graph")) {
    return false;
  }
  ReadHead(root, root.child("graph"));
  for (std::size_t at = begin; at < end;) {
    const std::size_t next = std::min(end, NextElement(text_, std::min(end, at + kPiece)));
    if (!parse(text_.data() + at, next - at, kParsed | pugi::parse_fragment)) {
      return false;
    }
    base_ = static_cast<std::ptrdiff_t>(at);
    ReadElements(document);
    at = next;
  }
  return true;
}

void Reader::ReadWhole() {
  pugi::xml_document document;
  const pugi::xml_parse_result parsed =
      document.load_buffer(text_.data(), text_.size(), kParsed, pugi::encoding_utf8);
  if (!parsed) {
    Complain(parsed.offset,
             fmt::format("this is not XML: {}; expected GraphML", parsed.description()));
    return;
  }
  const pugi::xml_node root = document.child("graphml");
  const pugi::xml_node graph = root.child("graph");
  if (!graph) {
    Complain(0, "there is no <graphml> with a <graph>; expected GraphML");
    return;
  }
  ReadHead(root, graph);
  ReadElements(graph);
}

RouteGraph Reader::Graph() && {
  for (std::size_t n = 0; n < named_.size(); ++n) {
    if (named_[n].node < 0) {
      Complain(named_[n].first_edge, fmt::format("an edge's {} \"{}\" is no node of the graph",
                                                 named_[n].is_source ? "source" : "target",
                                                 names_[static_cast<std::int32_t>(n)]));
    }
  }
  if (!problems_.empty()) {
    std::stable_sort(problems_.begin(), problems_.end(), [](const auto& a, const auto& b) {
      return a.first < b.first;
    });
    std::vector<Problem> problems;
    for (auto& [offset, problem] : problems_) {
      problems.push_back(std::move(problem));
    }
    throw UserError(std::move(problems));
  }
  SortNodes();
  return std::move(graph_);
}

void Reader::ReadHead(const pugi::xml_node& root, const pugi::xml_node& graph) {
  for (const pugi::xml_node& key : root.children("key")) {
    keys_.emplace_back(key.attribute("id").value(), FieldOf(key.attribute("attr.name").value()));
  }
  directed_ = std::string_view(graph.attribute("edgedefault").value()) == "directed";
  ForEachData(graph, [&](Field field, std::string_view text) {
    if (field == Field::kRouting) {
      graph_.hashed = text == "ecmp";
      graph_.sprayed = text == "spray";
      if (!graph_.hashed && !graph_.sprayed && text != "first") {
        Complain(graph, fmt::format("routing \"{}\"; expected first, ecmp or spray", text));
      }
    }
  });
}

template <typename F>
void Reader::ForEachData(const pugi::xml_node& element, const F& visit) {
  for (pugi::xml_node each = element.first_child(); each; each = each.next_sibling()) {
    if (std::string_view(each.name()) != "data") {
      continue;
    }
    const std::string_view id = each.attribute("key").value();
    const auto key = std::find_if(keys_.begin(), keys_.end(), [id](const auto& known) {
      return known.first == id;
    });
    if (key == keys_.end()) {
      Complain(each, fmt::format("data of key \"{}\", which no <key> declares", id));
      continue;
    }
    visit(key->second, std::string_view(each.child_value()));
  }
}

std::int32_t Reader::Whole(const pugi::xml_node& at, const char* name, std::string_view text) {
  const std::int64_t value = ParseWhole(text).value_or(-1);
  if (value < 0 || value > std::numeric_limits<std::int32_t>::max()) {
    Complain(at, fmt::format("{} \"{}\"; expected a whole number from 0 on", name, text));
    return 0;
  }
  return static_cast<std::int32_t>(value);
}

bool Reader::Flag(const pugi::xml_node& at, const char* name, std::string_view text) {
  if (text != "true" && text != "false") {
    Complain(at, fmt::format("{} \"{}\"; expected true or false", name, text));
  }
  return text == "true";
}

double Reader::Si(const pugi::xml_node& at, std::string_view text, Dimension dimension) {
  const std::size_t kind = dimension == Dimension::kTime ? 0 : 1;
  if (text == last_text_[kind] && !text.empty()) {
    return last_si_[kind];
  }
  const ParsedQuantity parsed = ParseQuantity(std::string(text), dimension);
  if (!parsed.si) {
    Complain(at, parsed.problem);
    return 0.0;
  }
  last_text_[kind] = text;
  return last_si_[kind] = *parsed.si;
}

void Reader::ReadElements(const pugi::xml_node& parent) {
  for (pugi::xml_node child = parent.first_child(); child; child = child.next_sibling()) {
    const std::string_view name = child.name();
    if (name == "node") {
      ReadNode(child);
    } else if (name == "edge") {
      ReadEdge(child);
    }
  }
}

void Reader::ReadNode(const pugi::xml_node& node) {
  RouteGraph::Node out;
  out.id = node.attribute("id").value();
  out.kind = "switch";
  ForEachData(node, [&](Field field, std::string_view text) {
    if (field == Field::kKind) {
      out.kind = text;
    } else if (field == Field::kServer) {
      out.server.value = Whole(node, "server", text);
    } else if (field == Field::kLatency) {
      out.latency = Seconds(Si(node, text, Dimension::kTime));
    } else if (field == Field::kBorder) {
      out.border = Flag(node, "border", text);
    }
  });
  if (out.kind == RouteGraph::kAccelerator && out.server < 0) {
    Complain(node, fmt::format("accelerator \"{}\" does not say its server; expected data "
                               "\"server\", counting from 0",
                               out.id));
  }
  if (out.id.empty()) {
    Complain(node, "a node without an id");
  }
  const auto [number, is_new] = names_.NumberOf(out.id);
  if (is_new) {
    named_.emplace_back();
  }
  Named& named = named_[static_cast<std::size_t>(number)];
  if (named.node >= 0) {
    Complain(node, fmt::format("a second node \"{}\"; expected an id of its own", out.id));
    return;
  }
  named.node = static_cast<std::int32_t>(graph_.nodes.size());
  graph_.nodes.push_back(std::move(out));
}

// Accelerators first, server by server, in the order of the file within a server.
void Reader::SortNodes() {
  std::vector<std::int32_t> order(graph_.nodes.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [this](std::int32_t i, std::int32_t j) {
    const RouteGraph::Node& a = graph_.nodes[i];
    const RouteGraph::Node& b = graph_.nodes[j];
    const bool a_is = a.server >= 0 && a.kind == RouteGraph::kAccelerator;
    const bool b_is = b.server >= 0 && b.kind == RouteGraph::kAccelerator;
    return a_is != b_is ? a_is : a_is && a.server < b.server;
  });
  std::vector<RouteGraph::Node> nodes;
  nodes.reserve(order.size());
  std::vector<std::int32_t> place(order.size());
  for (const std::int32_t n : order) {
    place[n] = static_cast<std::int32_t>(nodes.size());
    nodes.push_back(std::move(graph_.nodes[n]));
  }
  graph_.nodes = std::move(nodes);
  for (RouteGraph::Edge& edge : graph_.edges) {
    edge.from = place[named_[edge.from].node];
    edge.to = place[named_[edge.to].node];
  }
}

void Reader::ReadEdge(const pugi::xml_node& edge) {
  if (graph_.edges.empty()) {  // room for what `gridlock topo --graphml` writes
    constexpr std::size_t kEdge = 100;
    graph_.edges.reserve((text_.size() - static_cast<std::size_t>(base_)) / kEdge);
  }
  RouteGraph::Edge out;
  out.id = edge.attribute("id").value();
  for (const auto& [field, end] : {std::pair("source", &out.from), std::pair("target", &out.to)}) {
    std::int32_t& last = last_ends_[end == &out.from ? 0 : 1];
    const auto [number, is_new] = names_.NumberOf(edge.attribute(field).value(), last);
    *end = last = number;
    if (is_new) {
      named_.push_back({-1, base_ + edge.offset_debug(), end == &out.from});
    }
  }
  out.tier = "network";
  const std::size_t before = complaints_;
  ReadEdgeData(edge, out);
  AddEdge(edge, std::move(out), complaints_ > before);
}

void Reader::ReadEdgeData(const pugi::xml_node& edge, RouteGraph::Edge& out) {
  ForEachData(edge, [&](Field field, std::string_view text) {
    if (field == Field::kTier) {
      out.tier = text == "attachment" ? "" : text;
    } else if (field == Field::kBandwidth) {
      out.capacity = BytesPerSecond(Si(edge, text, Dimension::kBandwidth));
    } else if (field == Field::kCanBind) {
      out.can_bind = Flag(edge, "can_bind", text);
    } else if (field == Field::kPreference) {
      out.preference = Whole(edge, "preference", text);
    } else if (field == Field::kStream) {
      out.stream = Whole(edge, "stream", text);
    }
  });
}

void Reader::AddEdge(const pugi::xml_node& edge, RouteGraph::Edge out, bool complained) {
  if (!out.attachment() && !(out.capacity > BytesPerSecond(0))) {
    if (!complained) {
      Complain(edge, fmt::format("the edge from \"{}\" to \"{}\" has no bandwidth; expected data "
                                 "\"bandwidth\" such as \"400 Gbps\"",
                                 names_[out.from], names_[out.to]));
    }
    return;
  }
  if (out.from == out.to) {
    Complain(edge, fmt::format("an edge from \"{}\" to itself", names_[out.from]));
    return;
  }
  if (out.id.empty()) {
    out.id = fmt::format("{}->{}", names_[out.from], names_[out.to]);
  }
  const pugi::xml_attribute own = edge.attribute("directed");
  if (own ? own.as_bool() : directed_) {
    graph_.edges.push_back(std::move(out));
    return;
  }
  graph_.edges.push_back(out);
  std::swap(out.from, out.to);
  out.id += " (back)";
  graph_.edges.push_back(std::move(out));
}

}  // namespace

RouteGraph ReadGraphMl(const std::string& text, const std::string& file, const std::string& path) {
  Reader pieces(text, file, path);
  if (pieces.ReadPieces()) {
    return std::move(pieces).Graph();
  }
  Reader whole(text, file, path);
  whole.ReadWhole();
  return std::move(whole).Graph();
}

}  // namespace gridlock
