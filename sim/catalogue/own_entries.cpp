#include "sim/catalogue/own_entries.h"

#include <google/protobuf/message.h>

#include "sim/schema/files.h"
#include "sim/schema/merge.h"
#include "sim/schema/text_reader.h"

namespace gridlock {
namespace {

/// True for a text of entries: `accelerator { ... }` stands where a scenario has `catalog { ... }`.
bool HoldsEntriesAlone(const std::string& file, const std::string& text) {
  proto::Catalog catalog;
  Written written;
  ProblemList ignored;
  (void)ReadText(file, text, catalog, written, ignored);
  return !written.fields.empty();  // no field of a scenario is called like a kind of entry
}

/// Reads one file into the `catalog` block of a scenario.
void ReadFileOfEntries(const std::string& file, const std::string& text, proto::Scenario& scenario,
                       Written& written, ProblemList& problems) {
  if (!HoldsEntriesAlone(file, text)) {
    ReadScenario(file, text, scenario, written, problems);
    return;
  }
  Written& catalog = written.fields["catalog"].emplace_back();
  (void)ReadText(file, text, *scenario.mutable_catalog(), catalog, problems);
}

void NoteFiles(const Written& catalog, std::set<std::string>& files) {
  for (const auto& [kind, entries] : catalog.fields) {
    for (const Written& entry : entries) {
      files.insert(entry.name.file);
    }
  }
}

}  // namespace

OwnEntries ReadOwnEntries(const std::vector<std::string>& files, ProblemList& problems) {
  OwnEntries own;
  for (const std::string& file : files) {
    std::string text;
    if (!ReadFile(file, {file, 0, 0}, text, problems)) {
      continue;
    }
    proto::Scenario scenario;
    Written written;
    ReadFileOfEntries(file, text, scenario, written, problems);
    if (!written.Has("catalog")) {
      continue;
    }
    // Only the entries: neither its sites nor its jobs are anybody's business here.
    Written entries;
    entries.fields["catalog"] = {written.At("catalog")};
    MergeMessage(scenario, entries, own.scenario, own.written);
    NoteFiles(written.At("catalog"), own.files);
  }
  return own;
}

}  // namespace gridlock
