#include "sim/schema/assignment.h"

#include <charconv>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include "proto/scenario.pb.h"
#include "sim/base/check.h"
#include "sim/schema/files.h"
#include "sim/schema/merge.h"
#include "sim/schema/rules.h"
#include "sim/schema/text_reader.h"

namespace gridlock {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

/// One step of a path: "site[0]", "servers".
struct Segment {
  std::string name;
  std::optional<int> index;
};

/// Splits "site[0].servers"; nothing when it is no path.
std::optional<std::vector<Segment>> SplitPath(std::string_view path) {
  std::vector<Segment> segments;
  while (true) {
    const std::size_t dot = path.find('.');
    std::string_view part = path.substr(0, dot);
    Segment segment;
    const std::size_t bracket = part.find('[');
    segment.name = std::string(part.substr(0, bracket));
    if (bracket != std::string_view::npos) {
      part.remove_prefix(bracket + 1);
      int index = 0;
      const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), index);
      if (error != std::errc() || index < 0 ||
          std::string_view(end, static_cast<std::size_t>(part.data() + part.size() - end)) != "]") {
        return std::nullopt;
      }
      segment.index = index;
    }
    if (segment.name.empty()) {
      return std::nullopt;
    }
    segments.push_back(segment);
    if (dot == std::string_view::npos) {
      return segments;
    }
    path.remove_prefix(dot + 1);
  }
}

/// The text itself, or with its control characters written out.
std::string OneLine(const std::string& text) {
  if (IsPlainUtf8(text)) {
    return text;
  }
  const std::string quoted = Quoted(text);
  return quoted.substr(1, quoted.size() - 2);
}

/// The path to the field of that name that lies least deep below a message, "override.transport";
/// "" where there is none. Entries of a catalogue are not looked through.
std::string PathBelow(const Descriptor& descriptor, const std::string& name) {
  std::vector<std::pair<const Descriptor*, std::string>> open = {{&descriptor, ""}};
  std::set<const Descriptor*> seen = {&descriptor};
  for (std::size_t next = 0; next < open.size(); ++next) {
    const auto [message, path] = open[next];
    if (next > 0 && message->FindFieldByName(name) != nullptr) {
      return FieldPath(path, name);
    }
    for (int i = 0; i < message->field_count(); ++i) {
      const FieldDescriptor& field = *message->field(i);
      if (field.message_type() != nullptr && field.name() != "catalog" &&
          seen.insert(field.message_type()).second) {
        open.emplace_back(field.message_type(), FieldPath(path, field.name()));
      }
    }
  }
  return "";
}

/// Walks from the scenario to the message that holds the last field of a path.
class Setter {
 public:
  /// Problems of the path are at `where_path`, those of the value at `where_value`.
  Setter(Position where_path, Position where_value, ProblemList& problems)
      : where_(std::move(where_path)), where_value_(std::move(where_value)), problems_(problems) {}

  void Set(const std::vector<Segment>& segments, const std::string& value, Message& root,
           Written& root_written) {
    Message* message = &root;
    Written* written = &root_written;
    for (std::size_t i = 0; i < segments.size(); ++i) {
      const FieldDescriptor* const field = Step(*message->GetDescriptor(), segments[i].name);
      if (field == nullptr) {
        return;
      }
      if (i + 1 == segments.size()) {
        SetLast(*field, segments[i], value, *message, *written);
      } else if (!Descend(*field, segments[i], message, written)) {
        return;
      }
    }
  }

  void Refuse(const std::string& what, const std::string& expectation,
              const std::string& nearest = "") {
    problems_.Add(where_, path_, Refusal(what, expectation, nearest));
  }

  /// As far as it was walked, with the index of every element.
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  /// The field, added to the path; null after refusing a name that there is not.
  const FieldDescriptor* Step(const Descriptor& descriptor, const std::string& name) {
    const FieldDescriptor* const field = descriptor.FindFieldByName(name);
    if (field == nullptr) {
      const std::vector<std::string> names = FieldNames(descriptor);
      const std::string below = PathBelow(descriptor, name);
      const std::string nearest =
          below.empty() ? NearestName(name, names) : FieldPath(path_, below);
      Refuse(Quoted(name) + " is not a field of " + descriptor.name(),
             nearest.empty() ? OneOf(names) : "one of its fields", nearest);
      return nullptr;
    }
    path_ = FieldPath(path_, name);
    return field;
  }

  void SetLast(const FieldDescriptor& field, const Segment& segment, const std::string& value,
               Message& message, Written& written) {
    const bool is_block = field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE;
    if (field.is_repeated() && is_block) {
      SetBlocks(field, segment, value, message, written);
    } else if (field.is_repeated() && (segment.index.has_value() || !value.starts_with("["))) {
      Refuse(Quoted(path_) + " is a list",
             "the path of a single value, or all values as [..., ...]");
    } else if (field.is_repeated()) {  // the new list stands instead of the old one
      message.GetReflection()->ClearField(&message, &field);
      written.fields.erase(field.name());
      SetValue(field, value, message, written);
    } else if (segment.index.has_value()) {
      RefuseIndex(*segment.index);
    } else if (is_block && !value.starts_with("{")) {
      Refuse(Quoted(path_) + " is a block", "the path of a single value, or \"{ ... }\"");
    } else {
      if (is_block) {  // the new block stands instead of the old one
        message.GetReflection()->ClearField(&message, &field);
        written.fields.erase(field.name());
      }
      SetValue(field, value, message, written);
    }
  }

  /// Of a list of blocks: "{ ... }" is one more, with an index it stands instead of that one, and
  /// "[{ ... }, { ... }]" instead of all.
  void SetBlocks(const FieldDescriptor& field, const Segment& segment, const std::string& value,
                 Message& message, Written& written) {
    const bool all = value.starts_with("[");
    if ((!all && !value.starts_with("{")) || (all && segment.index.has_value())) {
      Refuse(Quoted(path_) + " is a list of blocks",
             "one more as \"{ ... }\", all as \"[{ ... }, { ... }]\", or the path of a single "
             "value");
      return;
    }
    const Reflection& reflection = *message.GetReflection();
    const int size = reflection.FieldSize(message, &field);
    const int index = segment.index.value_or(size);
    if (index > size) {
      Refuse(
          Quoted(path_) + " has " + std::to_string(size) + (size == 1 ? " element" : " elements"),
          "an index from [0] to [" + std::to_string(size) + "]");
      return;
    }
    if (all) {
      reflection.ClearField(&message, &field);
      written.fields.erase(field.name());
    } else {
      path_ = ElementPath(path_, static_cast<std::size_t>(index));
    }
    if (all && value.find_first_not_of("[] ") == std::string::npos) {
      return;  // none
    }
    const std::size_t before = problems_.size();
    SetValue(field, value, message, written);
    if (problems_.size() == before && index < size && !all) {
      reflection.SwapElements(&message, &field, index, size);
      reflection.RemoveLast(&message, &field);
      std::vector<Written>& there = written.fields[field.name()];
      std::swap(there[static_cast<std::size_t>(index)], there.back());
      there.pop_back();
    }
  }

  void RefuseIndex(int index) {
    Refuse(Quoted(path_) + " is not a list", "a path without [" + std::to_string(index) + "]");
  }

  /// Steps into a block, creating it when it is single and not there.
  bool Descend(const FieldDescriptor& field, const Segment& segment, Message*& message,
               Written*& written) {
    const Reflection& reflection = *message->GetReflection();
    if (field.cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) {
      Refuse(Quoted(path_) + " has no fields", "a path that ends there");
      return false;
    }
    if (!field.is_repeated()) {
      if (segment.index.has_value()) {
        RefuseIndex(*segment.index);
        return false;
      }
      if (!written->Has(field.name())) {
        // By merging, so that a oneof and the places of its members stay together.
        const std::unique_ptr<Message> empty(message->New());
        Written created;
        created.fields[field.name()] = {Written{where_, where_, {}}};
        MergeMessage(*empty, created, *message, *written);
      }
      message = reflection.MutableMessage(message, &field);
      written = &written->fields[field.name()][0];
      return true;
    }
    const int size = reflection.FieldSize(*message, &field);
    const int index = segment.index.value_or(0);
    if (size == 0 || index >= size || (!segment.index.has_value() && size > 1)) {
      Refuse(
          Quoted(path_) + " has " + std::to_string(size) + (size == 1 ? " element" : " elements"),
          size == 0 ? "a scenario that has one"
                    : "an index from [0] to [" + std::to_string(size - 1) + "]");
      return false;
    }
    path_ = ElementPath(path_, static_cast<std::size_t>(index));
    message = reflection.MutableRepeatedMessage(message, &field, index);
    written = &written->fields[field.name()][static_cast<std::size_t>(index)];
    return true;
  }

  /// Reads `field: value` as a text of its own, with all its checks, and merges it.
  void SetValue(const FieldDescriptor& field, const std::string& value, Message& message,
                Written& written) {
    std::string text = value;
    const bool quoted = !value.empty() && (value.front() == '"' || value.front() == '\'');
    if (field.cpp_type() == FieldDescriptor::CPPTYPE_STRING && !quoted && !field.is_repeated()) {
      text = "\"";
      for (const char c : value) {
        text += (c == '"' || c == '\\') ? std::string("\\") + c : std::string(1, c);
      }
      text += "\"";
    }
    const std::unique_ptr<Message> fresh(message.New());
    Written fresh_written;
    ProblemList found;
    if (!ReadText("", field.name() + ": " + text, *fresh, fresh_written, found)) {
      Report(found);
      return;
    }
    if (fresh_written.fields.size() != 1) {
      Refuse("there is more than one value", ExpectedValue(field));
      return;
    }
    for (Written& each : fresh_written.fields.at(field.name())) {
      Relocate(each);
    }
    MergeMessage(*fresh, fresh_written, message, written);
  }

  /// Says of a value and of all that was written in it that it stands where the value does.
  void Relocate(Written& written) const {
    written.name = where_value_;
    written.value = where_value_;
    for (auto& [name, elements] : written.fields) {
      for (Written& each : elements) {
        Relocate(each);
      }
    }
  }

  /// Repeats problems of the little text at the place of the override.
  void Report(const ProblemList& found) {
    try {
      found.ThrowIfAny();
    } catch (const UserError& error) {
      for (const Problem& problem : error.problems()) {
        // The position within the little text says nothing to the user: ":1:10: what".
        const std::size_t colon = problem.message.find(": ");
        problems_.Add(where_value_, path_, problem.message.substr(colon + 2));
      }
    }
  }

  Position where_;
  Position where_value_;
  ProblemList& problems_;
  std::string path_;
};

}  // namespace

Assignment AssignmentFrom(const std::string& place, std::string path, std::string value) {
  const Position where{place, 0, 0};
  return {std::move(path), std::move(value), where, where};
}

std::optional<Assignment> ParseAssignment(const std::string& text, ProblemList& problems) {
  const std::string place = "--set '" + OneLine(text) + "'";
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos) {
    problems.Add({place, 0, 0}, "",
                 Refusal("there is no \"=\"", "path=value such as site[0].servers=2"));
    return std::nullopt;
  }
  return AssignmentFrom(place, text.substr(0, equals), text.substr(equals + 1));
}

std::string Assign(const Assignment& assignment, proto::Scenario& scenario, Written& written,
                   ProblemList& problems) {
  Setter setter(assignment.where_path, assignment.where_value, problems);
  const auto segments = SplitPath(assignment.path);
  if (!segments.has_value()) {
    setter.Refuse(Quoted(assignment.path) + " is not the path of a field",
                  "names separated by \".\", such as site[0].override.nic_bandwidth");
    return "";
  }
  const std::size_t before = problems.size();
  setter.Set(*segments, assignment.value, scenario, written);
  return problems.size() == before ? setter.path() : "";
}

}  // namespace gridlock
