#include "sim/config/scenario.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <google/protobuf/text_format.h>

#include "proto/scenario.pb.h"
#include "sim/config/catalogue.h"
#include "sim/config/convert.h"
#include "sim/config/files.h"
#include "sim/config/load_text.h"
#include "sim/config/merge.h"
#include "sim/config/rules.h"

namespace gridlock {
namespace {

/// The whole scenario in one spelling: schema order, no comments, no includes.
std::string CanonicalText(const proto::Scenario& scenario) {
  google::protobuf::TextFormat::Printer printer;
  printer.SetUseUtf8StringEscaping(true);
  std::string text;
  CHECK(printer.PrintToString(scenario, &text));
  return text;
}

void AddPlaces(const google::protobuf::Descriptor& descriptor, const Written& written,
               const std::string& path, SourceMap& sources);

/// Writes the place of a field, and of all within it, into the map.
void AddPlace(const google::protobuf::FieldDescriptor& field, const Written& written,
              const std::string& path, SourceMap& sources) {
  sources.Add(path, written.value.Text());
  if (field.message_type() != nullptr) {
    AddPlaces(*field.message_type(), written, path, sources);
  }
}

/// The same for every field of a message.
void AddPlaces(const google::protobuf::Descriptor& descriptor, const Written& written,
               const std::string& path, SourceMap& sources) {
  for (const auto& [name, list] : written.fields) {
    const google::protobuf::FieldDescriptor* const field = descriptor.FindFieldByName(name);
    CHECK(field != nullptr);
    const std::string field_path = FieldPath(path, name);
    for (std::size_t i = 0; i < list.size(); ++i) {
      AddPlace(*field, list[i], field->is_repeated() ? ElementPath(field_path, i) : field_path,
               sources);
    }
  }
}

void NoteIdle(const SiteSpec& site, const TrainingSpec& job, std::vector<std::string>& notes) {
  const int ranks = job.layout.accelerators();
  const int accelerators = site.servers * site.server.accelerators;
  if (ranks < accelerators) {
    notes.push_back("layout: " + std::to_string(ranks) + " of " + std::to_string(accelerators) +
                    " accelerators work, the others are idle");
  }
}

/// "the file is empty" teaches more than a list of what is missing.
bool RefuseEmpty(const Written& written, ProblemList& problems) {
  if (!written.fields.empty() || !problems.empty()) {
    return false;
  }
  problems.Add(written.name, "",
               Refusal("the scenario is empty",
                       "at least schema_version: 1, name: \"...\", site { ... } and job { ... }"));
  return true;
}

}  // namespace

Scenario LoadScenario(const std::string& file, const std::vector<std::string>& overrides) {
  ProblemList problems;
  std::string text;
  if (!ReadFile(file, {file, 0, 0}, text, problems)) {
    problems.ThrowIfAny();
  }
  return LoadScenarioText(file, text, overrides);
}

namespace {

/// LoadScenarioText with as much of the catalogue as `extent` says.
Scenario Load(const std::string& name, std::string_view text,
              const std::vector<std::string>& overrides, CatalogueExtent extent) {
  // In stages: what a later one finds would only repeat what an earlier one has found.
  ProblemList problems;
  proto::Scenario message;
  Written written;
  if (CheckEncoding(name, text, problems)) {
    ReadScenario(name, text, message, written, problems);
    RefuseEmpty(written, problems);
  }
  problems.ThrowIfAny();

  for (const std::string& text_of_override : overrides) {
    ApplyOverride(text_of_override, message, written, problems);
  }
  problems.ThrowIfAny();

  Scenario scenario;
  const Catalogue catalogue(message, written, extent, problems);
  if (!ExpandClusters(catalogue, message, written, scenario.notes, problems)) {
    problems.ThrowIfAny();
  }
  CheckRules(message, written, "", problems);
  CheckNames(message, written, catalogue, problems);
  problems.ThrowIfAny();
  CheckCompliance(message, written, catalogue, problems);
  problems.ThrowIfAny();

  scenario.file = name;
  scenario.name = message.name();
  scenario.seed = message.seed();
  scenario.sites.push_back(MakeSite(message, catalogue, scenario.notes));
  JobSpec job;
  job.path = "job[0]";
  job.name = message.job(0).name().empty() ? job.path : message.job(0).name();
  job.sites = {0};
  PretrainingSpec pretraining;
  pretraining.step = MakeTraining(message, catalogue, scenario.notes);
  job.kind = pretraining;
  scenario.jobs.push_back(std::move(job));
  CheckFit(message, written, scenario.site(), scenario.training(), problems);
  CheckQuota(message, written, catalogue, scenario.site(), scenario.notes, problems);
  problems.ThrowIfAny();

  NoteIdle(scenario.site(), scenario.training(), scenario.notes);
  if (message.recording().intervals() != 0) {
    scenario.recording.intervals = message.recording().intervals();
  }
  scenario.text = CanonicalText(message);
  scenario.sources.SetFallback(written.name.Text());
  AddPlaces(*message.GetDescriptor(), written, "", scenario.sources);
  return scenario;
}

}  // namespace

Scenario LoadScenarioText(const std::string& name, std::string_view text,
                          const std::vector<std::string>& overrides) {
  try {
    return Load(name, text, overrides, CatalogueExtent::kNamed);
  } catch (const UserError&) {
    // A mistake is explained by the whole catalogue: "did you mean ...".
    return Load(name, text, overrides, CatalogueExtent::kWhole);
  }
}

std::string SourceMap::Where(const std::string& path) const {
  std::string enclosing = path;
  while (!enclosing.empty()) {
    const auto found = where_.find(enclosing);
    if (found != where_.end()) {
      return found->second;
    }
    const std::size_t end = enclosing.find_last_of(".[");
    enclosing = end == std::string::npos ? "" : enclosing.substr(0, end);
  }
  return fallback_;
}

void SourceMap::Add(const std::string& path, const std::string& where) {
  where_[path] = where;
}

std::vector<std::string> Locate(const UserError& error, const SourceMap& sources) {
  std::vector<std::string> lines;
  for (const Problem& problem : error.problems()) {
    const std::string where = sources.Where(problem.path);
    lines.push_back(where.empty() ? problem.message : where + ": " + problem.message);
  }
  return lines;
}

}  // namespace gridlock
