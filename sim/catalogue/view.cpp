#include "sim/catalogue/view.h"

#include <algorithm>
#include <set>

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <google/protobuf/text_format.h>

#include "sim/base/names.h"
#include "sim/catalogue/catalogue.h"
#include "sim/catalogue/own_entries.h"
#include "sim/catalogue/parts.h"
#include "sim/catalogue/sources.h"
#include "sim/schema/rules.h"

namespace gridlock {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

/// The text of a single value, without the quotes of texts.
std::string ValueText(const Message& message, const FieldDescriptor& field, int index) {
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
    const google::protobuf::Reflection& reflection = *message.GetReflection();
    return field.is_repeated() ? reflection.GetRepeatedString(message, &field, index)
                               : reflection.GetString(message, &field);
  }
  std::string text;
  google::protobuf::TextFormat::PrintFieldValueToString(message, &field,
                                                        field.is_repeated() ? index : -1, &text);
  return text;
}

std::vector<CatalogueField> FieldsOf(const Message& entry, const Written& written) {
  std::vector<CatalogueField> fields;
  ForEachValue(entry, written, [&](const WrittenValue& value) {
    CatalogueField row;
    row.path = value.path;
    row.value = ValueText(*value.message, *value.field, value.index);
    if (const proto::Source* source = SourceOf(entry, value.path); source != nullptr) {
      row.source = source->text();
      row.estimate = source->estimate();
    } else {
      row.unsourced = NeedsSource(value);
    }
    fields.push_back(row);
  });
  return fields;
}

bool HasAlias(const CatalogueEntry& entry, const std::string& alias) {
  return std::any_of(entry.fields.begin(), entry.fields.end(), [&](const CatalogueField& field) {
    return field.path.starts_with("alias[") && field.value == alias;
  });
}

std::string TitleOf(const std::string& title, const std::string& base) {
  return title.empty() && !base.empty() ? "like " + base : title;
}

/// Adds the entries of one kind. `files` are those of the user.
template <typename T>
void AddEntries(const Entries<T>& entries, const std::string& kind,
                const std::set<std::string>& files, CatalogueView& view) {
  for (const auto& [name, entry] : entries) {
    const Position& where = entry.written->name;
    view.entries.push_back({kind, name, TitleOf(entry.message->title(), entry.message->like()),
                            files.contains(where.file) ? where.file : "", where,
                            FieldsOf(*entry.message, *entry.written)});
  }
}

/// What names of a kind carry beside what tells them apart.
NameKind NamesOf(const std::string& kind) {
  return kind == "model"                             ? NameKind::kModel
         : kind == "accelerator" || kind == "server" ? NameKind::kPart
                                                     : NameKind::kOther;
}

/// The first entry whose name or alias is `name` as people write it; nullptr where none is.
const CatalogueEntry* FindSpelling(const CatalogueView& view, const std::string& kind,
                                   const std::string& name) {
  for (const CatalogueEntry& entry : view.entries) {
    const NameKind names = NamesOf(entry.kind);
    const std::string key = PlainKey(name, names);
    const auto is_alias = [&](const CatalogueField& field) {
      return field.path.starts_with("alias[") && PlainKey(field.value, names) == key;
    };
    if (!key.empty() && (kind.empty() || entry.kind == kind) &&
        (PlainKey(entry.name, names) == key ||
         std::any_of(entry.fields.begin(), entry.fields.end(), is_alias))) {
      return &entry;
    }
  }
  return nullptr;
}

}  // namespace

const CatalogueEntry* FindEntry(const CatalogueView& view, const std::string& kind,
                                const std::string& name) {
  const CatalogueEntry* by_alias = nullptr;
  for (const CatalogueEntry& entry : view.entries) {
    if (!kind.empty() && entry.kind != kind) {
      continue;
    }
    if (entry.name == name) {
      return &entry;
    }
    if (by_alias == nullptr && HasAlias(entry, name)) {
      by_alias = &entry;
    }
  }
  return by_alias != nullptr ? by_alias : FindSpelling(view, kind, name);
}

CatalogueView ReadCatalogue(const std::vector<std::string>& own) {
  ProblemList problems;
  OwnEntries mine = ReadOwnEntries(own, problems);
  problems.ThrowIfAny();
  const Catalogue catalogue(mine.scenario, mine.written, CatalogueExtent::kWhole, problems);
  catalogue.PutOwnEntries(mine.scenario, mine.written);
  CheckRules(mine.scenario.catalog(), mine.written.At("catalog"), "catalog", problems);
  problems.ThrowIfAny();
  CatalogueView view;
  const auto add = [&](const auto& entries, const char* kind) {
    AddEntries(entries, kind, mine.files, view);
  };
  add(catalogue.accelerators, "accelerator");
  add(catalogue.servers, "server");
  add(catalogue.transports, "transport");
  add(catalogue.switches, "switch");
  add(catalogue.optics, "optics");
  add(catalogue.models, "model");
  add(catalogue.stacks, "stack");
  add(catalogue.memories, "memory");
  add(catalogue.buildings, "building");
  add(catalogue.wan_optics, "wan_optics");
  add(catalogue.failure_rates, "failure_rate");
  add(catalogue.clusters, "cluster");
  add(catalogue.storages, "storage");
  for (const auto& [name, entry] : catalogue.accelerators) {
    std::vector<std::string> notes;
    const AcceleratorSpec spec = MakeAccelerator(entry, "", notes);
    view.accelerators.push_back(MakeFacts(*entry.message, spec, catalogue));
  }
  return view;
}

}  // namespace gridlock
