#include "sim/catalogue/sources.h"

#include <algorithm>
#include <set>
#include <string_view>

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include "proto/catalog.pb.h"
#include "sim/base/check.h"
#include "sim/schema/rules.h"

namespace gridlock {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

/// Paths of an entry that are no numbers and need no source.
bool IsLabel(std::string_view path) {
  const std::string_view name = path.substr(0, path.find('['));
  return name == "name" || name == "title" || name == "like" || name == "alias" || name == "source";
}

std::vector<std::string> SourcedFields(const Descriptor& descriptor) {
  std::vector<std::string> names;
  for (int i = 0; i < descriptor.field_count(); ++i) {
    if (!IsLabel(descriptor.field(i)->name())) {
      names.push_back(descriptor.field(i)->name());
    }
  }
  return names;
}

/// True for "rate[BF16]" and its like.
bool IsRateOfAPrecision(const std::string& part) {
  const std::vector<std::string> names = ChoiceNames(*proto::Precision_descriptor());
  return std::any_of(names.begin(), names.end(), [&](const std::string& precision) {
    return part == "rate[" + precision + "]";
  });
}

/// True for "gemm[2]" and its like.
bool IsNumbered(const std::string& part) {
  const std::size_t bracket = part.find('[');
  const std::size_t end = part.find_first_not_of("0123456789", bracket + 1);
  return end != bracket + 1 && end != std::string::npos && part.substr(end) == "]";
}

/// What is wrong with one step of a path within `descriptor` (null within a single value), "" when
/// nothing is; `below` is set to where the next step leads.
std::string CheckSourceStep(const Descriptor* descriptor, const std::string& part,
                            const Descriptor*& below) {
  const std::size_t bracket = part.find('[');
  const std::string name = part.substr(0, bracket);
  if (descriptor == nullptr) {
    return Refusal("there is nothing below a single value, but " + Quoted(name),
                   "a path that ends before it");
  }
  const FieldDescriptor* const field = descriptor->FindFieldByName(name);
  if (field == nullptr) {
    const std::vector<std::string> names = SourcedFields(*descriptor);
    return Refusal(Quoted(name) + " is not a field of " + descriptor->name(), OneOf(names),
                   NearestName(name, names));
  }
  if (bracket != std::string::npos && !IsRateOfAPrecision(part) &&
      !(field->is_repeated() && IsNumbered(part))) {
    return Refusal(Quoted(part) + " is not an element of a list",
                   "\"rate[BF16]\" or another precision");
  }
  below = field->message_type();
  return "";
}

/// What is wrong with a path such as "rate[BF16].gemm" under `root`, "" when nothing is.
std::string CheckSourcePath(const Descriptor& root, const std::string& path) {
  const Descriptor* descriptor = &root;
  for (std::size_t start = 0; start <= path.size();) {
    const std::size_t dot = std::min(path.find('.', start), path.size());
    const Descriptor* below = nullptr;
    std::string problem = CheckSourceStep(descriptor, path.substr(start, dot - start), below);
    if (!problem.empty()) {
      return problem;
    }
    descriptor = below;
    start = dot + 1;
  }
  return "";
}

/// True when `field` is `path` or a path above it.
bool IsAbove(std::string_view field, std::string_view path) {
  return path.starts_with(field) &&
         (path.size() == field.size() || path[field.size()] == '.' || path[field.size()] == '[');
}

/// As IsAbove, of a `path` without its indices: "rate.gemm" is above "rate[BF16].gemm[2].work".
bool IsAboveAnyElement(std::string_view field, std::string_view path) {
  std::size_t at = 0;
  const auto skip_index = [&] {
    while (at < path.size() && path[at] == '[') {
      at = std::min(path.find(']', at), path.size() - 1) + 1;
    }
  };
  for (const char c : field) {
    skip_index();
    if (at == path.size() || path[at] != c) {
      return false;
    }
    ++at;
  }
  skip_index();
  return at == path.size() || path[at] == '.';
}

/// "rate[BF16]" for rates, "gemm[2]" for other lists, the name alone for single fields.
std::string ElementName(const Message& message, const FieldDescriptor& field, int index) {
  if (!field.is_repeated()) {
    return field.name();
  }
  if (field.message_type() == proto::MatrixRate::descriptor()) {
    const Message& rate = message.GetReflection()->GetRepeatedMessage(message, &field, index);
    return "rate[" +
           proto::Precision_Name(static_cast<const proto::MatrixRate&>(rate).precision()) + "]";
  }
  return ElementPath(field.name(), static_cast<std::size_t>(index));
}

using Visit = std::function<void(const WrittenValue&)>;

void WalkValues(const Message& message, const Written& written, const std::string& path,
                const Visit& visit) {
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
    const FieldDescriptor& field = *message.GetDescriptor()->field(i);
    if (field.name() == "source" || !written.Has(field.name())) {
      continue;
    }
    const int size = field.is_repeated() ? reflection.FieldSize(message, &field) : 1;
    for (int k = 0; k < size; ++k) {
      const Written& place = written.At(field.name(), k);
      const std::string element = FieldPath(path, ElementName(message, field, k));
      if (field.cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) {
        visit({element, &message, &field, k, place.value});
      } else if (field.is_repeated()) {
        WalkValues(reflection.GetRepeatedMessage(message, &field, k), place, element, visit);
      } else {
        WalkValues(reflection.GetMessage(message, &field), place, element, visit);
      }
    }
  }
}

}  // namespace

void ForEachValue(const Message& entry, const Written& written, const Visit& visit) {
  WalkValues(entry, written, "", visit);
}

bool NeedsSource(const WrittenValue& value) {
  const std::string& name = value.field->name();
  return !IsLabel(value.path) && name != "precision" && name != "transport";
}

std::vector<const proto::Source*> SourcesOf(const Message& entry) {
  const FieldDescriptor* const field = entry.GetDescriptor()->FindFieldByName("source");
  CHECK(field != nullptr);
  std::vector<const proto::Source*> sources;
  const google::protobuf::Reflection& reflection = *entry.GetReflection();
  const int size = reflection.FieldSize(entry, field);
  sources.reserve(static_cast<std::size_t>(size));
  for (int i = 0; i < size; ++i) {
    sources.push_back(
        static_cast<const proto::Source*>(&reflection.GetRepeatedMessage(entry, field, i)));
  }
  return sources;
}

bool SourceFieldCovers(std::string_view field, std::string_view path) {
  return IsAbove(field, path) || IsAboveAnyElement(field, path);
}

SourceCover CoverOf(const std::vector<const proto::Source*>& sources, const std::string& path) {
  SourceCover cover;
  for (const proto::Source* source : sources) {
    if (source->field_size() == 0 && cover.source == nullptr) {
      cover.source = source;
    }
    for (const std::string& field : source->field()) {
      if (field.size() > cover.length && SourceFieldCovers(field, path)) {
        cover = {source, field.size()};
      }
    }
  }
  return cover;
}

const proto::Source* SourceOf(const Message& entry, const std::string& path) {
  return IsLabel(path) ? nullptr : CoverOf(SourcesOf(entry), path).source;
}

std::vector<std::string> ShortestPaths(const std::vector<std::string>& mine,
                                       const std::vector<std::string>& all) {
  std::set<std::string> others(all.begin(), all.end());
  for (const std::string& path : mine) {
    others.erase(path);
  }
  const auto any_begins_with = [&](const std::string& text) {
    const auto first = others.lower_bound(text);
    return first != others.end() && first->starts_with(text);
  };
  std::vector<std::string> names;
  for (const std::string& path : mine) {
    // Paths below one name follow each other, as the schema has them.
    bool done = !names.empty() && IsAbove(names.back(), path);
    for (std::size_t end = 0; !done && end < path.size();) {
      end = std::min(path.find_first_of(".[", end + 1), path.size());
      const std::string name = path.substr(0, end);
      if (!others.contains(name) && !any_begins_with(name + ".") && !any_begins_with(name + "[")) {
        names.push_back(name);
        done = true;
      }
    }
  }
  return names;
}

void CheckSourceFields(const Message& entry, const Written& written, const std::string& path,
                       ProblemList& problems) {
  const std::vector<const proto::Source*> sources = SourcesOf(entry);
  for (int i = 0; i < static_cast<int>(sources.size()); ++i) {
    const proto::Source& source = *sources[static_cast<std::size_t>(i)];
    for (int k = 0; k < source.field_size(); ++k) {
      const std::string problem = CheckSourcePath(*entry.GetDescriptor(), source.field(k));
      if (!problem.empty()) {
        problems.Add(written.At("source", i).At("field", k).value, path + ".source", problem);
      }
    }
  }
}

void CheckThatAllHaveSources(const Message& entry, const Written& written, const std::string& path,
                             ProblemList& problems) {
  const std::vector<const proto::Source*> sources = SourcesOf(entry);
  if (sources.empty()) {
    problems.Add(written.name, path + ".source",
                 Refusal("\"source\" is missing in this " + entry.GetDescriptor()->name(),
                         "source { ... }"));
    return;
  }
  // With a source for all the rest there is nothing to look for.
  const bool any_for_all =
      std::any_of(sources.begin(), sources.end(), [](const proto::Source* source) {
        return source->field_size() == 0;
      });
  if (any_for_all) {
    return;
  }
  ForEachValue(entry, written, [&](const WrittenValue& value) {
    if (NeedsSource(value) && CoverOf(sources, value.path).source == nullptr) {
      problems.Add(value.where, FieldPath(path, value.path),
                   Refusal("no source covers " + Quoted(value.path),
                           "a source that names it, or one without \"field\" for all the rest"));
    }
  });
}

std::vector<std::string> EstimatesOf(const Message& entry, const Written& written) {
  std::set<std::string> covered;  // top-level fields that some source names, wholly or in part
  for (const proto::Source* source : SourcesOf(entry)) {
    for (const std::string& field : source->field()) {
      covered.insert(field.substr(0, field.find_first_of(".[")));
    }
  }
  std::vector<std::string> estimates;
  for (const proto::Source* source : SourcesOf(entry)) {
    if (!source->estimate()) {
      continue;
    }
    if (source->field_size() > 0) {
      estimates.insert(estimates.end(), source->field().begin(), source->field().end());
      continue;
    }
    for (const std::string& field : SourcedFields(*entry.GetDescriptor())) {
      if (written.Has(field) && !covered.contains(field)) {
        estimates.push_back(field);
      }
    }
  }
  return estimates;
}

std::vector<std::string> UnsourcedOf(const Message& entry, const Written& written) {
  const std::vector<const proto::Source*> sources = SourcesOf(entry);
  std::vector<std::string> all;
  std::vector<std::string> unsourced;
  ForEachValue(entry, written, [&](const WrittenValue& value) {
    if (!NeedsSource(value)) {
      return;
    }
    all.push_back(value.path);
    if (CoverOf(sources, value.path).source == nullptr) {
      unsourced.push_back(value.path);
    }
  });
  return ShortestPaths(unsourced, all);
}

}  // namespace gridlock
