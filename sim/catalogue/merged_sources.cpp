#include "sim/catalogue/merged_sources.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include "sim/base/check.h"
#include "sim/catalogue/sources.h"

namespace gridlock {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

/// The sources of one of the two entries, and the values of the merged entry that each covers.
struct Side {
  std::vector<const proto::Source*> sources;
  std::map<const proto::Source*, std::vector<std::string>> covered;  ///< in the order of the schema
  std::set<std::string> paths;                                       ///< that any of them covers

  void Add(const proto::Source* source, const std::string& path) {
    covered[source].push_back(path);
    paths.insert(path);
  }
};

/// The values of an entry that need a source, by path.
std::vector<std::string> PathsOf(const Message& entry, const Written& written) {
  std::vector<std::string> paths;
  ForEachValue(entry, written, [&](const WrittenValue& value) {
    if (NeedsSource(value)) {
      paths.push_back(value.path);
    }
  });
  return paths;
}

/// The fields that `source` names in the merged entry.
std::vector<std::string> FieldsOf(const proto::Source& source, const Side& side,
                                  const std::vector<std::string>& all) {
  std::vector<std::string> fields;
  std::vector<std::string> rest = side.covered.at(&source);
  for (const std::string& field : source.field()) {
    // A field stays as it was written while nothing below it has got a source of the other side.
    const bool intact = std::all_of(all.begin(), all.end(), [&](const std::string& path) {
      return !SourceFieldCovers(field, path) || side.paths.contains(path);
    });
    if (intact) {
      fields.push_back(field);
      std::erase_if(rest, [&](const std::string& path) {
        return SourceFieldCovers(field, path);
      });
    }
  }
  const std::vector<std::string> others = ShortestPaths(rest, all);
  fields.insert(fields.end(), others.begin(), others.end());
  return fields;
}

/// Appends the sources of one side, without those that cover nothing any more.
void AppendSources(const Side& side, const Written& written, const std::vector<std::string>& all,
                   Message& merged, Written& merged_written) {
  const FieldDescriptor* const list = merged.GetDescriptor()->FindFieldByName("source");
  CHECK(list != nullptr);
  for (std::size_t i = 0; i < side.sources.size(); ++i) {
    const std::vector<std::string> fields = FieldsOf(*side.sources[i], side, all);
    if (fields.empty()) {
      continue;
    }
    auto* const source =
        static_cast<proto::Source*>(merged.GetReflection()->AddMessage(&merged, list));
    source->CopyFrom(*side.sources[i]);
    source->clear_field();
    Written place = written.At("source", static_cast<int>(i));
    const Written before = place;
    std::vector<Written>& places = place.fields["field"];
    places.clear();
    for (const std::string& field : fields) {
      const auto& names = side.sources[i]->field();
      const auto same = std::find(names.begin(), names.end(), field);
      source->add_field(field);
      const Written& at =
          same == names.end() ? before : before.At("field", static_cast<int>(same - names.begin()));
      places.push_back({at.name, at.value, {}});
    }
    merged_written.fields["source"].push_back(std::move(place));
  }
}

Side SideOf(const Message& entry) {
  Side side;
  side.sources = SourcesOf(entry);
  for (const proto::Source* source : side.sources) {
    side.covered[source] = {};
  }
  return side;
}

/// A field that a source names.
struct NamedField {
  const proto::Source* source = nullptr;
  std::string field;
};

/// The fields that an entry's own sources name and below which the entry has no values of its own:
/// they are about inherited values. A source of "power" beside a new power.limit says nothing about
/// the power.idle of the base.
std::vector<NamedField> FieldsOfTheBase(const std::vector<const proto::Source*>& own_sources,
                                        const std::vector<std::string>& own_paths) {
  std::vector<NamedField> fields;
  for (const proto::Source* source : own_sources) {
    for (const std::string& field : source->field()) {
      const bool is_about_own =
          std::any_of(own_paths.begin(), own_paths.end(), [&](const std::string& own) {
            return SourceFieldCovers(field, own);
          });
      if (!is_about_own) {
        fields.push_back({source, field});
      }
    }
  }
  return fields;
}

/// The source among `fields` that covers `path`; null for none.
const proto::Source* SourceAmong(const std::vector<NamedField>& fields, const std::string& path) {
  const auto found = std::find_if(fields.begin(), fields.end(), [&](const NamedField& each) {
    return SourceFieldCovers(each.field, path);
  });
  return found == fields.end() ? nullptr : found->source;
}

}  // namespace

void MergeSources(const EntryText& base, const EntryText& own, Message& merged,
                  Written& merged_written) {
  const std::vector<std::string> all = PathsOf(merged, merged_written);
  const std::vector<std::string> own_paths = PathsOf(own.message, own.written);
  const std::set<std::string> of_own(own_paths.begin(), own_paths.end());
  Side owns = SideOf(own.message);
  Side bases = SideOf(base.message);
  const std::vector<NamedField> new_sources = FieldsOfTheBase(owns.sources, own_paths);
  for (const std::string& path : all) {
    const bool is_own = of_own.contains(path);
    const proto::Source* const by_own =
        is_own ? CoverOf(owns.sources, path).source : SourceAmong(new_sources, path);
    if (by_own != nullptr) {
      owns.Add(by_own, path);
    } else if (const proto::Source* inherited = CoverOf(bases.sources, path).source;
               inherited != nullptr && !is_own) {
      bases.Add(inherited, path);
    }
  }
  AppendSources(owns, own.written, all, merged, merged_written);
  AppendSources(bases, base.written, all, merged, merged_written);
}

}  // namespace gridlock
