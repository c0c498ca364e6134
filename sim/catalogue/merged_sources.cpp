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
  std::map<const proto::Source*, std::vector<std::string>> covered;

  [[nodiscard]] bool Covers(const std::string& path) const {
    return std::any_of(covered.begin(), covered.end(), [&](const auto& each) {
      return std::find(each.second.begin(), each.second.end(), path) != each.second.end();
    });
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
      return !SourceFieldCovers(field, path) || side.Covers(path);
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

/// The source of an entry's own that names the inherited value at `path`; null for none. A field
/// below which the entry has values of its own is about those: a source of "power" beside a new
/// power.limit says nothing about the power.idle of the base.
const proto::Source* NewSourceOf(const std::vector<const proto::Source*>& own_sources,
                                 const std::string& path,
                                 const std::vector<std::string>& own_paths) {
  for (const proto::Source* source : own_sources) {
    for (const std::string& field : source->field()) {
      const bool is_about_own =
          std::any_of(own_paths.begin(), own_paths.end(), [&](const std::string& own) {
            return SourceFieldCovers(field, own);
          });
      if (SourceFieldCovers(field, path) && !is_about_own) {
        return source;
      }
    }
  }
  return nullptr;
}

}  // namespace

void MergeSources(const EntryText& base, const EntryText& own, Message& merged,
                  Written& merged_written) {
  const std::vector<std::string> all = PathsOf(merged, merged_written);
  const std::vector<std::string> own_paths = PathsOf(own.message, own.written);
  const std::set<std::string> of_own(own_paths.begin(), own_paths.end());
  Side owns = SideOf(own.message);
  Side bases = SideOf(base.message);
  for (const std::string& path : all) {
    const bool is_own = of_own.contains(path);
    const proto::Source* const by_own =
        is_own ? CoverOf(owns.sources, path).source : NewSourceOf(owns.sources, path, own_paths);
    if (by_own != nullptr) {
      owns.covered[by_own].push_back(path);
    } else if (const proto::Source* inherited = CoverOf(bases.sources, path).source;
               inherited != nullptr && !is_own) {
      bases.covered[inherited].push_back(path);
    }
  }
  AppendSources(owns, own.written, all, merged, merged_written);
  AppendSources(bases, base.written, all, merged, merged_written);
}

}  // namespace gridlock
