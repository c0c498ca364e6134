#include "sim/interop/chakra_trace.h"

#include <algorithm>
#include <cctype>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "sim/interop/chakra_wire.h"

namespace gridlock {

namespace {

constexpr double kMicrosecond = 1e-6;
// Beyond these a number is a mistake: a node of 100 days, a buffer of 10 TB.
constexpr double kMicrosMost = 1e13;
constexpr double kBytesMost = 1e13;

enum class NodeType : std::uint64_t {
  kInvalid = 0,
  kMetadata = 1,
  kMemoryLoad = 2,
  kMemoryStore = 3,
  kCompute = 4,
  kSend = 5,
  kReceive = 6,
  kCollective = 7,
};

/// The attributes of a node that a replay asks for.
struct Attributes {
  std::optional<std::int64_t> stream, tid, comm_type, comm_size, source, target, tag;
  std::optional<double> num_ops, tensor_size;
  bool on_host = false;
  std::string group;
  std::vector<bool> dimensions;
};

struct RawNode {
  std::uint64_t id = 0, type = 0, start = 0, micros = 0;
  bool has_start = false;
  std::string_view name;
  std::vector<std::uint64_t> control, data;
  std::string_view inputs;
  Attributes attributes;
};

/// A number of any of the types of an attribute's value; nothing for texts and lists.
std::optional<double> NumberOf(const WireField& value) {
  switch (value.field) {
    case 3:
      return value.AsDouble();
    case 5:
      return static_cast<double>(value.AsFloat());
    case 15:
    case 19: {  // zigzag
      const std::uint64_t n = value.number;
      return static_cast<double>(static_cast<std::int64_t>((n >> 1U) ^ (~(n & 1U) + 1U)));
    }
    default:
      return value.type == WireField::Type::kBytes
                 ? std::nullopt
                 : std::optional(static_cast<double>(static_cast<std::int64_t>(value.number)));
  }
}

std::vector<bool> BoolsOf(std::string_view list) {
  std::vector<bool> bools;
  WireReader reader(list);
  for (WireField field; reader.Next(field);) {
    if (field.type == WireField::Type::kVarint) {
      bools.push_back(field.number != 0);
      continue;
    }
    for (const char byte : field.bytes) {
      bools.push_back(byte != 0);
    }
  }
  return bools;
}

class ChakraReader {
 public:
  ChakraReader(const std::string& file, std::string_view bytes) : bytes_(bytes), reader_(bytes) {
    trace_.file = file;
  }

  RankTrace Read() && {
    ReadMetadata();
    while (!reader_.AtEnd()) {
      begin_ = reader_.at();
      std::string_view message;
      if (!reader_.ReadBytes(message)) {
        Complain("the file ends within a message", "a length and as many bytes");
      }
      ReadNode(message);
    }
    if (trace_.nodes.empty()) {
      Complain("there are no nodes", "messages of type Node behind the metadata");
    }
    ResolveDependencies();
    return std::move(trace_);
  }

 private:
  [[noreturn]] void Complain(const std::string& what, const std::string& expected) const {
    throw UserError("",
                    fmt::format("{}: byte {}: {}", trace_.file, begin_, Refusal(what, expected)));
  }

  [[noreturn]] void ComplainOfSchema(const std::string& sign) const {
    Complain("the trace is of Chakra schema 0.0.3 or older: " + sign,
             "schema 0.0.4 or newer; convert the trace again with a Chakra of 2023-10 or later");
  }

  // GlobalMetadata begins with texts; a node would begin with its number.
  void ReadMetadata() {
    std::string_view message;
    if (bytes_.empty()) {
      Complain("the file is empty", "a Chakra execution trace");
    }
    if (!reader_.ReadBytes(message)) {
      Complain("this is no Chakra execution trace", "a message GlobalMetadata behind its length");
    }
    WireReader reader(message);
    bool texts = true;
    bool number_first = false;
    for (WireField field; reader.Next(field);) {
      number_first = number_first || (field.field == 1 && field.type == WireField::Type::kVarint);
      texts = texts && field.type == WireField::Type::kBytes && field.field <= 2;
      if (field.field == 1 &&
          (field.bytes == "0.0.1" || field.bytes == "0.0.2" || field.bytes == "0.0.3")) {
        ComplainOfSchema("its metadata say version " + std::string(field.bytes));
      }
    }
    if (number_first && !reader.failed()) {
      ComplainOfSchema("it begins with a node and not with metadata");
    }
    if (reader.failed() || !texts) {
      Complain("this is no Chakra execution trace", "a message GlobalMetadata behind its length");
    }
  }

  void ReadNode(std::string_view message) {
    raw_ = RawNode();
    WireReader reader(message);
    for (WireField field; reader.Next(field);) {
      ReadField(field);
    }
    if (reader.failed()) {
      Complain("this node cannot be read", "fields of a message Node");
    }
    AddNode();
  }

  void ReadField(const WireField& field) {
    const bool is_text = field.type == WireField::Type::kBytes;
    if (field.field == 6 || field.field == 7 || field.field == 1 || field.field == 3) {
      if (is_text) {
        ComplainOfSchema(fmt::format("field {} of a node is a text and no number", field.field));
      }
    } else if (field.field >= 8 && field.field <= 10 && !is_text) {
      ComplainOfSchema(fmt::format("field {} of a node is a number", field.field));
    }
    switch (field.field) {
      case 1:
        raw_.id = field.number;
        return;
      case 2:
        raw_.name = field.bytes;
        return;
      case 3:
        raw_.type = field.number;
        return;
      case 4:
        return ReadNumbers(field, raw_.control);
      case 5:
        return ReadNumbers(field, raw_.data);
      case 6:
        raw_.start = field.number;
        raw_.has_start = field.number > 0;
        return;
      case 7:
        raw_.micros = field.number;
        return;
      case 8:
        raw_.inputs = field.bytes;
        return;
      case 10:
        return ReadAttribute(field.bytes);
      default:
        return;
    }
  }

  void ReadNumbers(const WireField& field, std::vector<std::uint64_t>& numbers) const {
    if (field.type == WireField::Type::kVarint) {
      numbers.push_back(field.number);
      return;
    }
    WireReader packed(field.bytes);
    std::uint64_t number = 0;
    while (!packed.AtEnd()) {
      if (!packed.ReadVarint(number)) {
        Complain("dependencies cannot be read", "numbers of nodes");
      }
      numbers.push_back(number);
    }
  }

  void ReadAttribute(std::string_view message) {
    WireReader reader(message);
    std::string_view name;
    WireField value;
    for (WireField field; reader.Next(field);) {
      if (field.field == 1) {
        name = field.bytes;
      } else if (field.field > 2) {
        value = field;
      }
    }
    if (reader.failed()) {
      Complain("an attribute cannot be read", "a name and a value");
    }
    SetAttribute(name, value);
  }

  void SetAttribute(std::string_view name, const WireField& value) {
    Attributes& a = raw_.attributes;
    const std::optional<double> number = NumberOf(value);
    const auto whole = number ? std::optional(static_cast<std::int64_t>(*number)) : std::nullopt;
    if (name == "is_cpu_op") {
      a.on_host = whole.value_or(0) != 0;
    } else if (name == "stream") {
      a.stream = whole;
    } else if (name == "tid") {
      a.tid = whole;
    } else if (name == "num_ops") {
      a.num_ops = number;
    } else if (name == "tensor_size") {
      a.tensor_size = number;
    } else if (name == "comm_type") {
      a.comm_type = whole;
    } else if (name == "comm_size") {
      a.comm_size = whole;
    } else if (name == "comm_src") {
      a.source = whole;
    } else if (name == "comm_dst") {
      a.target = whole;
    } else if (name == "comm_tag") {
      a.tag = whole;
    } else if (name == "pg_name") {
      a.group = whole ? std::to_string(*whole) : std::string(value.bytes);
    } else if (name == "involved_dim") {
      a.dimensions = value.type == WireField::Type::kBytes ? BoolsOf(value.bytes)
                                                           : std::vector<bool>{value.number != 0};
    }
  }

  void AddNode() {
    if (static_cast<double>(raw_.micros) > kMicrosMost) {
      Complain(fmt::format("node {} lasts {} us", raw_.id, raw_.micros),
               fmt::format("at most {:.0f}", kMicrosMost));
    }
    TraceNode& node = trace_.nodes.emplace_back();
    node.id = raw_.id;
    node.start = raw_.has_start ? static_cast<double>(raw_.start) * kMicrosecond : -1;
    node.seconds = static_cast<double>(raw_.micros) * kMicrosecond;
    const auto note = [this](const std::vector<std::uint64_t>& ids) {
      raw_deps_.insert(raw_deps_.end(), ids.begin(), ids.end());
      return static_cast<std::int32_t>(raw_deps_.size());
    };
    node.deps_begin = static_cast<std::int32_t>(raw_deps_.size());
    node.data_end = note(raw_.data);
    node.deps_end = note(raw_.control);
    SetKind(node);
  }

  void SetKind(TraceNode& node) {
    const Attributes& a = raw_.attributes;
    const auto type = static_cast<NodeType>(raw_.type);
    if (type == NodeType::kMetadata) {
      if (raw_.name.find("process_group:init") != std::string_view::npos) {
        ReadGroups();
      }
      return;
    }
    if (raw_.type == 0 || raw_.type > static_cast<std::uint64_t>(NodeType::kCollective)) {
      ++trace_.odd[fmt::format("nodes of type {}, which take their recorded time", raw_.type)];
    }
    if (a.on_host) {
      node.kind = TraceNode::Kind::kHost;
      node.lane = Lane(true, fmt::format("thread {}", a.tid.value_or(0)));
      return;
    }
    const bool memory = type == NodeType::kMemoryLoad || type == NodeType::kMemoryStore;
    const bool call = type >= NodeType::kSend && type <= NodeType::kCollective;
    node.kind = memory ? TraceNode::Kind::kMemory : TraceNode::Kind::kCompute;
    node.flop = static_cast<float>(a.num_ops.value_or(0));
    node.bytes = static_cast<float>(a.tensor_size.value_or(0));
    const std::optional<std::int64_t> stream = a.stream ? a.stream : a.tid;
    if (stream) {
      node.lane = Lane(false, fmt::format("stream {}", *stream));
    } else if (!call) {
      node.lane = Lane(false, memory ? "memory" : "compute");
    }
    if (call) {
      SetCall(node, type);
    } else if (node.seconds <= 0 && node.flop <= 0 && node.bytes <= 0) {
      ++trace_.odd["nodes without a time or a size, which take no time"];
    }
  }

  void SetCall(TraceNode& node, NodeType type) {
    const Attributes& a = raw_.attributes;
    node.kind = TraceNode::Kind::kCall;
    TraceCall call;
    call.group = a.group;
    call.bytes = static_cast<double>(a.comm_size.value_or(0));
    const std::optional<std::int64_t> peer = type == NodeType::kSend ? a.target : a.source;
    const bool known = type == NodeType::kCollective
                           ? a.comm_type && SetCollective(*a.comm_type, call)
                           : peer.has_value();
    if (!known || (!a.comm_size && type != NodeType::kCollective)) {
      ++trace_.odd["transfers without a type, a size or a peer, which take their recorded time"];
      return;
    }
    if (call.bytes < 0 || call.bytes > kBytesMost) {
      Complain(fmt::format("node {} moves {:.0f} bytes", raw_.id, call.bytes),
               fmt::format("0 to {:.0f}", kBytesMost));
    }
    if (type == NodeType::kCollective) {
      call.dimensions = a.group.empty() ? a.dimensions : std::vector<bool>();
    } else {
      call.kind = type == NodeType::kSend ? TraceCall::Kind::kSend : TraceCall::Kind::kReceive;
      call.peer = static_cast<int>(std::clamp<std::int64_t>(*peer, -1, 1 << 30));
      call.tag = static_cast<int>(a.tag.value_or(0));
      call.group.clear();
    }
    const auto next = static_cast<std::int32_t>(trace_.calls.size());
    const auto [found, added] = calls_.emplace(call, next);
    if (added) {
      trace_.calls.push_back(call);
    }
    node.call = found->second;
  }

  // Chakra's numbers of collectives. False: there is no such number.
  static bool SetCollective(std::int64_t type, TraceCall& call) {
    constexpr double kBarrierBytes = 4;
    constexpr CollectiveKind kKinds[] = {
        CollectiveKind::kAllReduce, CollectiveKind::kReduce,        CollectiveKind::kAllGather,
        CollectiveKind::kReduce,    CollectiveKind::kBroadcast,     CollectiveKind::kBroadcast,
        CollectiveKind::kAllToAll,  CollectiveKind::kReduceScatter, CollectiveKind::kReduceScatter,
        CollectiveKind::kAllReduce};
    constexpr std::int64_t kGather = 3, kScatter = 4, kBarrier = 9;
    if (type < 0 || type > kBarrier) {
      return false;
    }
    call.collective = kKinds[type];
    call.rooted_parts = type == kGather || type == kScatter;
    call.bytes = type == kBarrier ? kBarrierBytes : call.bytes;
    return true;
  }

  std::int32_t Lane(bool host, const std::string& name) {
    const auto next = static_cast<std::int32_t>(trace_.lanes.size());
    const auto [found, added] = lanes_.emplace(std::pair(host, name), next);
    if (added) {
      trace_.lanes.push_back({host, name});
    }
    return found->second;
  }

  // PyTorch lists process groups as JSON within the inputs of a metadata node:
  // [{"pg_name": "1", ..., "ranks": [0, 1], "group_size": 2, ...}, ...]; no ranks: all of them.
  void ReadGroups() {
    std::string text(raw_.inputs);
    text.erase(std::remove(text.begin(), text.end(), '\\'), text.end());
    const auto number_at = [&text](std::size_t at) {
      int value = 0;
      while (at < text.size() && std::isdigit(static_cast<unsigned char>(text[at])) != 0) {
        value = value * 10 + (text[at++] - '0');
      }
      return std::pair(value, at);
    };
    for (std::size_t at = text.find("\"pg_name\""); at != std::string::npos;) {
      const std::size_t end = std::min(text.find("\"pg_name\"", at + 1), text.size());
      const std::size_t open = text.find('"', text.find(':', at));
      const std::string name = text.substr(open + 1, text.find('"', open + 1) - open - 1);
      std::vector<int>& ranks = trace_.groups[name];
      ranks.clear();
      const std::size_t list = text.find("\"ranks\"", at);
      for (std::size_t i = list < end ? text.find('[', list) : end; i < end && text[i] != ']';) {
        if (std::isdigit(static_cast<unsigned char>(text[i])) != 0) {
          const auto [rank, behind] = number_at(i);
          ranks.push_back(rank);
          i = behind;
        } else {
          ++i;
        }
      }
      const std::size_t size = text.find("\"group_size\"", at);
      if (size < end) {
        trace_.group_sizes[name] = number_at(text.find_first_of("0123456789", size)).first;
      }
      at = end < text.size() ? end : std::string::npos;
    }
  }

  // Numbers of nodes become positions; dependencies on nodes that the file does not hold, and of a
  // node on itself, are left out and counted.
  void ResolveDependencies() {
    std::vector<std::pair<std::uint64_t, std::int32_t>> position;
    position.reserve(trace_.nodes.size());
    for (std::size_t n = 0; n < trace_.nodes.size(); ++n) {
      position.emplace_back(trace_.nodes[n].id, static_cast<std::int32_t>(n));
    }
    std::sort(position.begin(), position.end());
    for (std::size_t i = 1; i < position.size(); ++i) {
      if (position[i].first == position[i - 1].first) {
        throw UserError("", fmt::format("{}: two nodes have the number {}; expected a number of "
                                        "its own for each node",
                                        trace_.file, position[i].first));
      }
    }
    std::int64_t missing = 0;
    trace_.deps.reserve(raw_deps_.size());
    for (std::size_t n = 0; n < trace_.nodes.size(); ++n) {
      TraceNode& node = trace_.nodes[n];
      const auto begin = static_cast<std::int32_t>(trace_.deps.size());
      const auto add = [&](std::int32_t from, std::int32_t until) {
        for (std::int32_t d = from; d < until; ++d) {
          const auto found = std::lower_bound(position.begin(), position.end(),
                                              std::pair(raw_deps_[d], std::int32_t{0}));
          if (found == position.end() || found->first != raw_deps_[d]) {
            ++missing;
          } else if (found->second != static_cast<std::int32_t>(n)) {
            trace_.deps.push_back(found->second);
          }
        }
        return static_cast<std::int32_t>(trace_.deps.size());
      };
      const std::int32_t data_end = add(node.deps_begin, node.data_end);
      const std::int32_t end = add(node.data_end, node.deps_end);
      node.deps_begin = begin;
      node.data_end = data_end;
      node.deps_end = end;
    }
    raw_deps_ = {};
    if (missing > 0) {
      trace_.odd["dependencies on nodes that the file does not hold, which are left out"] = missing;
    }
  }

  std::string_view bytes_;
  WireReader reader_;
  RankTrace trace_;
  RawNode raw_;
  std::vector<std::uint64_t> raw_deps_;
  std::map<std::pair<bool, std::string>, std::int32_t> lanes_;
  std::map<TraceCall, std::int32_t> calls_;
  std::size_t begin_ = 0;  ///< of the present message
};

}  // namespace

RankTrace ReadChakra(const std::string& file, std::string_view bytes) {
  return ChakraReader(file, bytes).Read();
}

}  // namespace gridlock
