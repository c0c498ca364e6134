#include "sim/report/head.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "sim/report/json.h"
#include "sim/report/layout.h"

namespace gridlock {
namespace {

std::string List(const char* title, const std::vector<std::string>& items) {
  if (items.empty()) {
    return "";
  }
  constexpr std::size_t kIndent = 4;
  std::string out = fmt::format("\n{}\n", title);
  for (const std::string& item : items) {
    out += Wrapped("  - ", item, kIndent);
  }
  return out;
}

/// "ENTRY: A, B" for each entry, in the order of their first mention.
std::vector<std::string> ByEntry(const std::vector<InputNumber>& numbers) {
  std::vector<std::pair<std::string, std::string>> entries;
  for (const InputNumber& number : numbers) {
    const auto found = std::find_if(entries.begin(), entries.end(), [&](const auto& each) {
      return each.first == number.entry;
    });
    if (found == entries.end()) {
      entries.emplace_back(number.entry, number.field);
    } else {
      found->second += ", " + number.field;
    }
  }
  std::vector<std::string> lines;
  for (const auto& [entry, fields] : entries) {
    lines.push_back(entry + ": " + fields);
  }
  return lines;
}

std::vector<std::string> OneByOne(const std::vector<InputNumber>& numbers) {
  std::vector<std::string> lines;
  for (const InputNumber& number : numbers) {
    lines.push_back(number.entry + ": " + number.field);
  }
  return lines;
}

}  // namespace

std::string HeadText(const TraceHeader& header, const std::string& title) {
  std::string out = Wrapped("", header.scenario_name + ": " + title, 0);
  if (!header.description.empty()) {
    out += Wrapped("", header.description, 0);
  }
  out += "\n";
  if (!header.machine.empty()) {
    out += Line("machine", header.machine);
  }
  for (const SetupItem& item : header.setup) {
    out += Line(item.name, item.text);
  }
  return header.machine.empty() && header.setup.empty() ? out : out + "\n";
}

std::string NotesText(const TraceHeader& header) {
  return List("Notes", header.notes) +
         List("Estimates among the inputs of this run", ByEntry(header.estimates)) +
         List("Inputs of this run that were given by the user, no source",
              ByEntry(header.unsourced));
}

void AddHeaderMembers(JsonWriter& json, const TraceHeader& header) {
  json.Member("schema_version", 1);
  json.Member("gridlock_version", header.gridlock_version);
  json.Member("gridlock_commit", header.gridlock_commit);
  json.Member("catalogue", header.catalogue);
  json.Member("catalogue_fingerprint", header.catalogue_fingerprint);
  json.Member("scenario_name", header.scenario_name);
  json.Member("description", header.description);
  json.Member("machine", header.machine);
  json.Key("setup");
  json.BeginObject();
  for (const SetupItem& item : header.setup) {
    json.Member(item.name, item.text);
  }
  json.EndObject();
  json.Key("sizes");
  json.BeginObject();
  for (const auto& [name, size] : header.sizes) {
    json.Member(name, size);
  }
  json.EndObject();
  json.Member("seed", header.seed);
  json.Member("command_line", header.command_line);
  if (header.expected_error) {
    json.Key("uncertainty");
    json.BeginObject();
    json.Member("of", "step_time_s");
    json.Member("published_runs", header.expected_error->rows);
    json.Member("median_pct", header.expected_error->median_pct);
    json.Member("p90_pct", header.expected_error->p90_pct);
    json.Member("basis", header.expected_error->basis);
    json.EndObject();
  }
  json.Values("notes", header.notes);
  json.Values("estimates", OneByOne(header.estimates));
  json.Values("given_without_source", OneByOne(header.unsourced));
}

}  // namespace gridlock
