#include "sim/record/trace_attributes.h"

#include <vector>

namespace gridlock {
namespace {

std::string Lines(const std::vector<std::string>& texts) {
  std::string joined;
  for (const std::string& text : texts) {
    joined += (joined.empty() ? "" : "\n") + text;
  }
  return joined;
}

/// "accelerator h100_sxm: power.idle" of each.
std::vector<std::string> NumberLines(const std::vector<InputNumber>& numbers) {
  std::vector<std::string> lines;
  for (const InputNumber& number : numbers) {
    lines.push_back(number.entry + ": " + number.field);
  }
  return lines;
}

/// "name: text" of what is simulated.
std::vector<std::string> SetupLines(const TraceHeader& header) {
  std::vector<std::string> lines;
  for (const SetupItem& item : header.setup) {
    lines.push_back(item.name + ": " + item.text);
  }
  return lines;
}

}  // namespace

void WriteHeaderAttributes(Hdf5File& file, const TraceHeader& header, const std::string& kind) {
  file.SetAttribute("", "Conventions", "CF-1.10");
  file.SetAttribute("", "title", "Gridlock trace: " + header.scenario_name);
  file.SetAttribute("", "kind", kind);
  file.SetAttribute("", "schema_version", std::int32_t{kTraceSchemaVersion});
  file.SetAttribute("", "gridlock_version", header.gridlock_version);
  file.SetAttribute("", "gridlock_commit", header.gridlock_commit);
  file.SetAttribute("", "catalogue", header.catalogue);
  file.SetAttribute("", "catalogue_fingerprint", header.catalogue_fingerprint);
  file.SetAttribute("", "scenario_name", header.scenario_name);
  file.SetAttribute("", "description", header.description);
  file.SetAttribute("", "machine", header.machine);
  file.SetAttribute("", "seed", header.seed);
  file.SetAttribute("", "command_line", header.command_line);
  file.SetAttribute("", "setup", Lines(SetupLines(header)));
  file.SetAttribute("", "notes", Lines(header.notes));
  file.SetAttribute("", "estimates", Lines(NumberLines(header.estimates)));
  file.SetAttribute("", "given_without_source", Lines(NumberLines(header.unsourced)));
  file.SetAttribute("", "scenario", header.scenario_text);
}

}  // namespace gridlock
