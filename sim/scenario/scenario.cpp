#include "sim/scenario/scenario.h"

#include <set>
#include <variant>

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <google/protobuf/text_format.h>

#include "proto/scenario.pb.h"
#include "sim/catalogue/catalogue.h"
#include "sim/catalogue/like.h"
#include "sim/catalogue/parts.h"
#include "sim/scenario/accounts.h"
#include "sim/scenario/build.h"
#include "sim/scenario/cost_checks.h"
#include "sim/scenario/job_checks.h"
#include "sim/scenario/life.h"
#include "sim/scenario/scenario_estimates.h"
#include "sim/scenario/workload_reader.h"
#include "sim/schema/rules.h"
#include "topologies/wan_way.h"

namespace gridlock {
namespace {

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

void NoteIdle(const Scenario& scenario, std::vector<std::string>& notes) {
  const auto* const run = std::get_if<PretrainingSpec>(&scenario.jobs[0].kind);
  if (run == nullptr) {
    return;
  }
  const std::int64_t ranks = run->step.layout.accelerators();
  std::int64_t accelerators = 0;
  for (const SiteIndex site : scenario.jobs[0].sites) {
    const SiteSpec& spec = scenario.sites[static_cast<std::size_t>(site)];
    accelerators += std::int64_t{spec.servers} * spec.server.accelerators;
  }
  if (ranks < accelerators) {
    notes.push_back("layout: " + std::to_string(ranks) + " of " + std::to_string(accelerators) +
                    " accelerators work, the others are idle");
  }
}

/// Jobs that start when the horizon is over do nothing, which is seldom meant.
void NoteLateStarts(const Scenario& scenario, std::vector<std::string>& notes) {
  constexpr std::size_t kNamed = 5;  // workload files may bring thousands
  std::size_t late = 0;
  for (const JobSpec& job : scenario.jobs) {
    if (job.start >= scenario.horizon && ++late <= kNamed) {
      notes.push_back(job.path + ".start: " + FormatSeconds(job.start) +
                      " is not before the horizon of " + FormatSeconds(scenario.horizon) +
                      ": the job is never submitted");
    }
  }
  if (late > kNamed) {
    notes.push_back("and " + std::to_string(late - kNamed) +
                    " more jobs start behind the horizon: they are never submitted");
  }
}

/// Keeps the first of notes that are the same: sites and jobs often use the same catalogue entries.
void RemoveRepeated(std::vector<std::string>& notes) {
  std::set<std::string> seen;
  std::erase_if(notes, [&](const std::string& note) {
    return !seen.insert(note).second;
  });
}

/// Says under which name the update of an optimizer on the host stands.
void NoteHostUpdate(const JobSpec& job, std::vector<std::string>& notes) {
  const auto* const run = std::get_if<PretrainingSpec>(&job.kind);
  if (run != nullptr && run->step.optimizer.place != StatesPlace::kHbm) {
    notes.push_back(run->step.path +
                    ".optimizer_place: accelerators wait for the update on the host, which the "
                    "breakdown counts as \"launch\"");
  }
}

/// What the format of a training job means on the accelerators of its site.
void NotePrecision(const JobMessage& job, const Catalogue& catalogue, const AcceleratorSpec& chip,
                   std::vector<std::string>& notes) {
  if (!job.message.has_pretraining()) {
    return;
  }
  const auto entry = catalogue.accelerators.find(chip.name);
  const bool fp16_alone =
      entry != catalogue.accelerators.end() && entry->second.message->fp16_alone();
  const std::string meaning = MeaningOf(job.message.pretraining().precision(), chip, fp16_alone);
  if (!meaning.empty()) {
    notes.push_back(job.path + ".pretraining.precision: " + meaning);
  }
}

/// Constants of autocast count what it casts to 16 bits.
void NoteAutocast(const JobSpec& job, std::vector<std::string>& notes) {
  const auto* const run = std::get_if<PretrainingSpec>(&job.kind);
  if (run != nullptr && run->step.stack.casts_weights && PrecisionBytes(run->step.precision) > 2) {
    notes.push_back(run->step.path + ".precision: products in 32 bits, and all else as " +
                    run->step.stack.name +
                    " casts it; without autocast, pytorch_eager keeps everything in 32 bits");
  }
}

/// Says which sites reach each other by way of others.
void NoteWays(Scenario& scenario) {
  for (std::size_t a = 0; a < scenario.sites.size(); ++a) {
    for (std::size_t b = a + 1; b < scenario.sites.size(); ++b) {
      const std::string way =
          WanWayText(scenario.sites, scenario.wans, IndexOf<SiteIndex>(a), IndexOf<SiteIndex>(b));
      if (!way.empty()) {
        scenario.notes.push_back("wan: " + way);
      }
    }
  }
}

/// Sites, links and jobs, and what they owe each other.
void AddSitesAndJobs(const ScenarioMessage& from, Scenario& scenario, std::vector<JobPlace>& places,
                     ProblemList& problems) {
  for (int i = 0; i < from.message.site_size(); ++i) {
    scenario.sites.push_back(MakeSite(from.message, i, from.catalogue, scenario.notes));
    const bool of_life = !from.message.horizon().empty();
    if (of_life || scenario.sites.back().server.direct) {
      CountOptics(from.message.site(i), from.catalogue, scenario.sites.back(),
                  of_life ? &scenario.notes : nullptr);
    }
    CheckQuota(from.message.site(i), from.written.At("site", i), from.catalogue,
               scenario.sites.back(), scenario.notes, problems);
  }
  scenario.wans = MakeWans(from.message);
  NoteWays(scenario);
  CheckSites(scenario.sites, from.written, problems);
  for (int i = 0; i < from.message.job_size(); ++i) {
    const JobMessage job{from.message.job(i), from.written.At("job", i),
                         ElementPath("job", static_cast<std::size_t>(i))};
    JobSpec& spec = scenario.jobs.emplace_back(MakeJob(job, from.message, from.catalogue));
    FitJob(job, scenario, spec, problems);
    const SiteSpec& site = scenario.sites[spec.sites.empty() ? 0 : spec.sites[0]];
    NotePrecision(job, from.catalogue, site.server.accelerator, scenario.notes);
    NoteAutocast(spec, scenario.notes);
    NoteHostUpdate(spec, scenario.notes);
    places.push_back(PlaceOf(job));
  }
}

/// What only a scenario with a horizon has, beyond jobs.
void AddLife(const ScenarioMessage& from, Scenario& scenario, std::vector<JobPlace>& places,
             ProblemList& problems) {
  AddEpochs(from, scenario, problems);
  AddOutages(from, scenario, problems);
  problems.ThrowIfAny();
  ReadWorkloads(from, scenario, places, problems);
}

/// Makes the scenario as if nothing but its sites, links and entries had been written.
void KeepSites(proto::Scenario& scenario, Written& written) {
  for (const std::string& field : FieldNames(*scenario.GetDescriptor())) {
    static const std::set<std::string> kKept = {"name", "seed", "catalog", "site", "wan", "change"};
    if (!kKept.contains(field)) {
      scenario.GetReflection()->ClearField(&scenario,
                                           scenario.GetDescriptor()->FindFieldByName(field));
      written.fields.erase(field);
    }
  }
}

/// The rules of the fields that KeepSites leaves; a site there must be.
void CheckRulesOfSites(const ScenarioMessage& from, ProblemList& problems) {
  if (from.message.site_size() == 0) {
    problems.Add(from.written.name, "site", Refusal("\"site\" is missing", "site { ... }"));
  }
  CheckRules(from.message.catalog(), from.written.At("catalog"), "catalog", problems);
  for (int i = 0; i < from.message.site_size(); ++i) {
    CheckRules(from.message.site(i), from.written.At("site", i),
               ElementPath("site", static_cast<std::size_t>(i)), problems);
  }
  for (int i = 0; i < from.message.wan_size(); ++i) {
    CheckRules(from.message.wan(i), from.written.At("wan", i),
               ElementPath("wan", static_cast<std::size_t>(i)), problems);
  }
  for (int i = 0; i < from.message.change_size(); ++i) {
    CheckRules(from.message.change(i), from.written.At("change", i),
               ElementPath("change", static_cast<std::size_t>(i)), problems);
  }
}

/// Every catalogue entry and name that the scenario speaks of is there, and every field within its
/// rule.
void CheckMessages(const ScenarioMessage& from, Parts parts, ProblemList& problems) {
  if (parts == Parts::kAll) {
    CheckRules(from.message, from.written, "", problems);
  } else {
    CheckRulesOfSites(from, problems);
  }
  CheckNames(from.message, from.written, from.catalogue, problems);
  problems.ThrowIfAny();
  for (int i = 0; i < from.message.site_size(); ++i) {
    CheckCompliance(from.message.site(i), from.written.At("site", i), from.catalogue, problems);
  }
  problems.ThrowIfAny();
}

}  // namespace

std::string CanonicalText(const proto::Scenario& message) {
  google::protobuf::TextFormat::Printer printer;
  printer.SetUseUtf8StringEscaping(true);
  std::string text;
  CHECK(printer.PrintToString(message, &text));
  return text;
}

Scenario BuildScenario(const std::string& name, proto::Scenario message, Written written,
                       Parts parts, const Catalogue& catalogue, ProblemList problems) {
  Scenario scenario;
  catalogue.PutOwnEntries(message, written);
  if (parts == Parts::kSites) {
    KeepSites(message, written);
  }
  if (!ExpandClusters(catalogue, message, written, {scenario.notes, scenario.estimates},
                      problems)) {
    problems.ThrowIfAny();
  }
  scenario.notes.insert(scenario.notes.end(), catalogue.notes().begin(), catalogue.notes().end());
  const ScenarioMessage from{message, written, catalogue};
  CheckMessages(from, parts, problems);

  scenario.file = name;
  scenario.name = message.name();
  scenario.description = message.description();
  scenario.seed = message.seed();
  if (!message.horizon().empty()) {
    scenario.horizon = Seconds(SiOf(message.horizon(), Dimension::kTime));
  }
  scenario.sources.SetFallback(written.name.Text());
  AddPlaces(*message.GetDescriptor(), written, "", scenario.sources);
  std::vector<JobPlace> places;
  AddSitesAndJobs(from, scenario, places, problems);
  AddPolicies(from, scenario, problems);
  problems.ThrowIfAny();
  if (!message.horizon().empty()) {
    AddLife(from, scenario, places, problems);
    NoteLateStarts(scenario, scenario.notes);
  } else {
    if (parts == Parts::kAll) {
      NoteIdle(scenario, scenario.notes);
    }
    if (message.change_size() > 0) {
      AddEpochs(from, scenario, problems);
    }
  }
  catalogue.NoteSpellings(scenario.notes);
  CheckJobs(scenario.jobs, places, problems);
  CheckCosts(from, scenario, problems);
  problems.ThrowIfAny();
  RemoveRepeated(scenario.notes);
  for (Estimate& estimate : EstimatesOfEntries(from, scenario.jobs)) {
    scenario.estimates.push_back(std::move(estimate));
  }
  if (message.has_catalog()) {
    ForgetBases(*message.mutable_catalog());  // the entries are complete, and need them no more
  }
  scenario.text = CanonicalText(message);
  return scenario;
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
