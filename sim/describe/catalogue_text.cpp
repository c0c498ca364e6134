#include "sim/describe/catalogue_text.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "sim/describe/refuse.h"
#include "sim/report/json.h"

namespace gridlock {
namespace {

/// The kinds in the order of the schema.
std::vector<std::string> Kinds(const CatalogueView& view) {
  std::vector<std::string> kinds;
  for (const CatalogueEntry& entry : view.entries) {
    if (kinds.empty() || kinds.back() != entry.kind) {
      kinds.push_back(entry.kind);
    }
  }
  return kinds;
}

const CatalogueEntry& EntryOf(const CatalogueView& view, const std::string& name) {
  if (const CatalogueEntry* const found = FindEntry(view, "", name); found != nullptr) {
    return *found;
  }
  std::vector<const CatalogueEntry*> entries;
  for (const CatalogueEntry& entry : view.entries) {
    entries.push_back(&entry);
  }
  // As they stand in the catalogue's files, where the part that most people mean comes first.
  std::stable_sort(entries.begin(), entries.end(), [](const auto* a, const auto* b) {
    return a->where.file != b->where.file ? a->where.file < b->where.file
                                          : a->where.line < b->where.line;
  });
  std::vector<std::string> names;
  for (const CatalogueEntry* entry : entries) {
    names.push_back(entry->name);
  }
  RefuseUnknown("entry", name, names);
}

/// The entries of a kind; all for "".
std::vector<const CatalogueEntry*> EntriesOf(const CatalogueView& view, const std::string& kind) {
  const std::vector<std::string> kinds = Kinds(view);
  if (!kind.empty() && std::find(kinds.begin(), kinds.end(), kind) == kinds.end()) {
    RefuseUnknown("kind", kind, kinds);
  }
  std::vector<const CatalogueEntry*> entries;
  for (const CatalogueEntry& entry : view.entries) {
    if (kind.empty() || entry.kind == kind) {
      entries.push_back(&entry);
    }
  }
  return entries;
}

/// The source of a field with what is to be said of it; "" for labels.
std::string SourceText(const CatalogueField& field) {
  return field.unsourced ? "given by the user, no source"
                         : field.source + (field.estimate ? " (estimate)" : "");
}

std::string WithoutBlanksAtEnd(const std::string& line) {
  return line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
}

/// A field in which two entries differ.
struct Difference {
  CatalogueField a, b;
};

/// The field of an entry; one with the value "-" when the entry has none.
CatalogueField NamedField(const CatalogueEntry& entry, const std::string& path) {
  const auto found =
      std::find_if(entry.fields.begin(), entry.fields.end(), [&](const CatalogueField& field) {
        return field.path == path;
      });
  CatalogueField missing;
  missing.path = path;
  missing.value = "-";
  return found == entry.fields.end() ? missing : *found;
}

/// In the order of the fields of `a`, then those that only `b` has.
std::vector<Difference> DifferencesOf(const CatalogueEntry& a, const CatalogueEntry& b) {
  if (a.kind != b.kind) {
    throw UserError(
        "", fmt::format("{} is of kind {} and {} of kind {}; expected two entries of one kind",
                        a.name, a.kind, b.name, b.kind));
  }
  std::vector<Difference> differences;
  const auto add = [&](const std::string& path) {
    const Difference difference{NamedField(a, path), NamedField(b, path)};
    const bool is_label =
        path == "name" || path == "title" || path == "like" || path.starts_with("alias");
    if (difference.a.value != difference.b.value && !is_label) {
      differences.push_back(difference);
    }
  };
  for (const CatalogueField& field : a.fields) {
    add(field.path);
  }
  for (const CatalogueField& field : b.fields) {
    if (NamedField(a, field.path).value == "-") {
      add(field.path);
    }
  }
  return differences;
}

/// "700 W", "700 W (estimate)", "700 W (given by the user, no source)".
std::string MarkedValue(const CatalogueField& field) {
  return field.value + (field.unsourced  ? " (given by the user, no source)"
                        : field.estimate ? " (estimate)"
                                         : "");
}

void AddFieldMembers(JsonWriter& json, const CatalogueField& field) {
  json.Member("value", field.value);
  json.Member("source", field.source);
  json.Member("estimate", field.estimate);
  json.Member("given_without_source", field.unsourced);
}

}  // namespace

std::string EntriesText(const CatalogueView& view, const std::string& kind) {
  std::string text;
  for (const CatalogueEntry* entry : EntriesOf(view, kind)) {
    const std::string own = entry->file.empty() ? "" : " (in " + entry->file + ")";
    text += WithoutBlanksAtEnd(
        fmt::format("{:<13} {:<27} {}{}", entry->kind, entry->name, entry->title, own));
  }
  return text;
}

std::string EntriesJson(const CatalogueView& view, const std::string& kind) {
  JsonWriter json;
  json.BeginArray();
  for (const CatalogueEntry* entry : EntriesOf(view, kind)) {
    json.BeginObject();
    json.Member("kind", entry->kind);
    json.Member("name", entry->name);
    json.Member("title", entry->title);
    json.Member("file", entry->file);
    json.EndObject();
  }
  json.EndArray();
  return json.Finish();
}

std::string EntryText(const CatalogueView& view, const std::string& name) {
  const CatalogueEntry& entry = EntryOf(view, name);
  std::string text = fmt::format("{} {}\n", entry.kind, entry.name);
  std::vector<std::string> sources;
  for (const CatalogueField& field : entry.fields) {
    const std::string source = SourceText(field);
    std::string mark;
    if (!source.empty()) {
      const auto found = std::find(sources.begin(), sources.end(), source);
      mark = fmt::format("[{}]{}", found - sources.begin() + 1, field.estimate ? " estimate" : "");
      if (found == sources.end()) {
        sources.push_back(source);
      }
    }
    text += WithoutBlanksAtEnd(fmt::format("  {:<44} {:<26} {}", field.path, field.value, mark));
  }
  text += "sources\n";
  for (std::size_t i = 0; i < sources.size(); ++i) {
    text += fmt::format("  [{}] {}\n", i + 1, sources[i]);
  }
  return text;
}

std::string EntryJson(const CatalogueView& view, const std::string& name) {
  const CatalogueEntry& entry = EntryOf(view, name);
  JsonWriter json;
  json.BeginObject();
  json.Member("kind", entry.kind);
  json.Member("name", entry.name);
  json.Member("file", entry.file);
  json.Key("fields");
  json.BeginArray();
  for (const CatalogueField& field : entry.fields) {
    json.BeginObject();
    json.Member("field", field.path);
    AddFieldMembers(json, field);
    json.EndObject();
  }
  json.EndArray();
  json.EndObject();
  return json.Finish();
}

std::string DifferencesText(const CatalogueView& view, const std::string& a, const std::string& b) {
  const std::vector<Difference> differences = DifferencesOf(EntryOf(view, a), EntryOf(view, b));
  std::string text;
  const auto row = [&](const std::string& field, const std::string& of_a, const std::string& of_b) {
    text += WithoutBlanksAtEnd(fmt::format("{:<44} {:<30} {}", field, of_a, of_b));
  };
  row("field", a, b);
  for (const Difference& difference : differences) {
    row(difference.a.path, MarkedValue(difference.a), MarkedValue(difference.b));
  }
  return text + fmt::format("{} {}\n", differences.size(),
                            differences.size() == 1 ? "field differs" : "fields differ");
}

std::string DifferencesJson(const CatalogueView& view, const std::string& a, const std::string& b) {
  JsonWriter json;
  json.BeginArray();
  for (const Difference& difference : DifferencesOf(EntryOf(view, a), EntryOf(view, b))) {
    json.BeginObject();
    json.Member("field", difference.a.path);
    for (const auto& [name, field] : {std::pair{a, difference.a}, {b, difference.b}}) {
      json.Key(name);
      json.BeginObject();
      AddFieldMembers(json, field);
      json.EndObject();
    }
    json.EndObject();
  }
  json.EndArray();
  return json.Finish();
}

}  // namespace gridlock
