#include "sim/validation/validate.h"

#include <algorithm>
#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "sim/base/atomic_file.h"
#include "sim/base/check.h"
#include "sim/validation/case_stack.h"
#include "sim/validation/collective_cases.h"
#include "sim/validation/life_cases.h"
#include "sim/validation/report.h"
#include "sim/validation/serving_cases.h"

#include "tools/command.h"
#include "tools/progress.h"
#include "tools/validate_nccl.h"

namespace gridlock {

namespace {

struct ValidateOptions {
  std::vector<std::string> tables;
  CaseFilter filter;
  std::string scenario;  // id of the row whose scenario is written; of nccl-tests, a file
  std::string leave_out;
  std::string pairs;
  std::string format = "text";
  std::string out;
  int jobs = 0;
  bool quiet = false;
  NcclTestsOptions nccl;
};

void Write(const std::string& file, const std::string& text) {
  if (file.empty()) {
    fmt::print("{}", text);
  } else {
    WriteFileAtomically(file, text);
  }
}

LeaveOut LeaveOutOf(const std::string& name) {
  return name == "stack"    ? LeaveOut::kStack
         : name == "source" ? LeaveOut::kSource
                            : LeaveOut::kNothing;
}

// The scenario of one row, also of one that is refused: to see why.
int WriteScenario(const ValidateOptions& options, const std::vector<PublishedCase>& cases,
                  const CatalogueList& catalogue) {
  std::vector<std::string> ids;
  for (const PublishedCase& row : cases) {
    ids.push_back(row.id);
  }
  const auto found = std::find(ids.begin(), ids.end(), options.scenario);
  if (found == ids.end()) {
    throw UserError("", fmt::format("--scenario: no row is called {}{}", Quoted(options.scenario),
                                    DidYouMean(options.scenario, ids)));
  }
  const PreparedCase prepared =
      Prepare(cases[static_cast<std::size_t>(found - ids.begin())], catalogue);
  if (prepared.text.empty()) {
    throw UserError("", fmt::format("--scenario: {} is not supported: {}", Quoted(options.scenario),
                                    prepared.reason));
  }
  if (std::count(ids.begin(), ids.end(), options.scenario) > 1) {
    fmt::print(stderr, "{} stands in the tables more than once; this is its first row\n",
               options.scenario);
  }
  if (!prepared.reason.empty()) {
    fmt::print(stderr, "{}: {}\n", CaseStatusName(prepared.status), prepared.reason);
  }
  Write(options.out, prepared.text);
  return kSuccess;
}

// Rows of a kind other than training: every row is reported, whatever is wrong with it.
int RunMeasured(const ValidateOptions& options, const CatalogueList& catalogue) {
  const bool lives = IsLifeKind(options.filter.kind);
  std::vector<std::string> tables = options.tables;
  if (tables.empty()) {
    tables.push_back(ShippedTable(lives ? "life.csv" : "collectives.csv"));
  }
  ProgressLine progress(options.quiet);
  const auto show = [&](std::size_t done, std::size_t all, double fraction) {
    progress.Show(fmt::format("{} of {} measurements simulated", done, all), fraction);
  };
  const std::string& role = options.filter.role;
  const std::string& id = options.filter.id;
  const MeasuredReport report =
      lives ? ValidateLives(tables, catalogue, {options.filter.kind, role, id, options.jobs, show})
            : ValidateCollectives(tables, catalogue, {role, id, options.jobs, show});
  progress.Clear();
  if (report.results.empty()) {
    throw UserError("", "--role and --id leave no row of the tables");
  }
  Write(options.out, options.format == "json"  ? MeasuredJson(report)
                     : options.format == "csv" ? MeasuredCsv(report)
                                               : MeasuredText(report));
  return kSuccess;
}

int RunServing(const ValidateOptions& options) {
  if (options.tables.empty()) {
    throw UserError("", "--kind serving: no table is shipped; expected --cases FILE");
  }
  ProgressLine progress(options.quiet);
  ServingValidation how;
  how.role = options.filter.role;
  how.id = options.filter.id;
  how.pairs = options.pairs;
  how.progress = [&](std::size_t done, std::size_t all, double fraction) {
    progress.Show(fmt::format("{} of {} operating points simulated", done, all), fraction);
  };
  const MeasuredReport report = ValidateServing(options.tables, ShippedServingCatalogue(), how);
  progress.Clear();
  if (report.results.empty()) {
    throw UserError("", "--role, --id and --pairs leave no row of the tables");
  }
  Write(options.out, options.format == "json"  ? MeasuredJson(report)
                     : options.format == "csv" ? MeasuredCsv(report)
                                               : MeasuredText(report));
  return kSuccess;
}

int RunAll(const ValidateOptions& options, const std::vector<std::string>& tables,
           const std::vector<PublishedCase>& cases, const CatalogueList& catalogue) {
  if (std::none_of(cases.begin(), cases.end(), [&](const PublishedCase& row) {
        return Matches(options.filter, row, catalogue);
      })) {
    throw UserError("",
                    "--kind, --role, --id, --stack and --accelerator leave no row of the tables");
  }
  ProgressLine progress(options.quiet);
  ValidationOptions how;
  how.filter = options.filter;
  how.leave_out = LeaveOutOf(options.leave_out);
  how.parallel = options.jobs;
  how.progress = [&](std::size_t done, std::size_t all, double fraction) {
    progress.Show(fmt::format("{} of {} published steps simulated", done, all), fraction);
  };
  ValidationReport report = Validate(cases, catalogue, how);
  progress.Clear();
  report.tables = tables;
  Write(options.out, options.format == "json"  ? ValidationJson(report)
                     : options.format == "csv" ? ValidationCsv(report)
                                               : ValidationText(report));
  const bool failed =
      std::any_of(report.results.begin(), report.results.end(), [](const CaseResult& result) {
        return result.status == CaseStatus::kFailed;
      });
  return failed ? kFailed : kSuccess;
}

// Of options that change nothing without --nccl-tests.
void CheckTogether(const ValidateOptions& options) {
  if (!options.nccl.scenario.overrides.empty()) {
    throw UserError("", "--set goes with --nccl-tests: rows say what is simulated");
  }
  const NcclTestsOptions& nccl = options.nccl;
  const char* alone = !nccl.op.empty()                ? "--op"
                      : nccl.algorithm != "automatic" ? "--algorithm"
                      : nccl.in_place                 ? "--in-place"
                                                      : nullptr;
  if (alone != nullptr) {
    throw UserError("",
                    fmt::format("{} goes with --nccl-tests: rows say what is simulated", alone));
  }
  const std::string& kind = options.filter.kind;
  const bool training = kind.empty() || kind == "training" || kind == "dense" || kind == "moe";
  if (!options.scenario.empty() && !training) {
    throw UserError("", fmt::format("--scenario goes with training rows and with --nccl-tests, not "
                                    "with --kind {}",
                                    kind));
  }
}

int RunValidate(const ValidateOptions& options) {
  try {
    if (!options.nccl.file.empty()) {
      NcclTestsOptions nccl = options.nccl;
      nccl.scenario.file = options.scenario;
      nccl.scenario.format = options.format;
      nccl.scenario.quiet = options.quiet;
      nccl.out = options.out;
      return RunNcclTests(nccl);
    }
    CheckTogether(options);
    if (options.filter.kind == "serving") {
      return RunServing(options);
    }
    if (!options.pairs.empty()) {
      throw UserError("", "--pairs goes with --kind serving");
    }
    const CatalogueList catalogue = ListCatalogue();
    if (options.filter.kind == "collective" || IsLifeKind(options.filter.kind)) {
      return RunMeasured(options, catalogue);
    }
    std::vector<std::string> tables = options.tables;
    if (tables.empty()) {
      tables.push_back(ShippedTable("published.csv"));
    }
    const std::vector<PublishedCase> cases = LoadCases(tables, NamesOf(catalogue));
    return options.scenario.empty() ? RunAll(options, tables, cases, catalogue)
                                    : WriteScenario(options, cases, catalogue);
  } catch (const UserError& error) {
    for (const Problem& problem : error.problems()) {
      fmt::print(stderr, "{}\n", problem.message);  // with its position already
    }
    return kBadInput;
  } catch (const IoError& error) {
    fmt::print(stderr, "gridlock: {}\n", error.what());
    return kIoFailed;
  }
}

}  // namespace

void AddValidateCommand(CLI::App& app, int& code) {
  auto options = std::make_shared<ValidateOptions>();
  CLI::App* command = app.add_subcommand(
      "validate",
      "Simulate what was published or measured and compare: steps, collectives, serving, lives");
  command
      ->add_option("--cases", options->tables,
                   "Table of published steps (CSV); repeatable (default: the shipped table)")
      ->allow_extra_args(false)
      ->type_name("FILE");
  command
      ->add_option(
          "--kind", options->filter.kind,
          "Training steps, of dense or moe models alone, measured collectives, operating points of "
          "serving engines, or what is published of failures, power and runs over several sites")
      ->check(CLI::IsMember({"training", "dense", "moe", "collective", "serving", "reliability",
                             "power", "multi_dc"}));
  command
      ->add_option("--pairs", options->pairs,
                   "With --kind serving: report the pairs of this table as ratios")
      ->type_name("FILE");
  command->add_option("--role", options->filter.role,
                      "Only rows of this role: calibration, headline, ...");
  command->add_option("--id", options->filter.id, "Only rows whose id matches, with * and ?")
      ->type_name("GLOB");
  command
      ->add_option("--stack", options->filter.stack,
                   "Only rows that this training stack of the catalogue stands for")
      ->type_name("NAME");
  command->add_option("--accelerator", options->filter.accelerator, "Only rows on it")
      ->type_name("NAME");
  command
      ->add_option("--leave-out", options->leave_out,
                   "The nearest calibration row must be of another stack or source")
      ->check(CLI::IsMember({"stack", "source"}));
  command
      ->add_option("--scenario", options->scenario,
                   "Do not run: write the scenario that stands for this row. With --nccl-tests: "
                   "the scenario file on whose sites the same sizes run")
      ->type_name("ID|FILE");
  AddNcclTestsOptions(*command, options->nccl);
  command
      ->add_option("--format", options->format,
                   "text and json: rows and figures by group; csv: rows")
      ->check(CLI::IsMember({"text", "csv", "json"}))
      ->capture_default_str();
  command->add_option("-o,--output", options->out, "File to write (default: the screen)")
      ->type_name("FILE");
  command
      ->add_option("-j,--jobs", options->jobs, "Rows simulated at a time (default: one per core)")
      ->check(CLI::Range(1, 1024));
  AddQuietOption(*command, options->quiet);
  command->footer(
      "Examples:\n"
      "  gridlock validate --role headline\n"
      "  gridlock validate --cases mine.csv --format json -o errors.json\n"
      "  gridlock validate --leave-out source\n"
      "  gridlock validate --kind collective --role headline\n"
      "  gridlock validate --kind serving --cases serving.csv --role headline\n"
      "  gridlock validate --kind serving --cases serving.csv --pairs serving_pairs.csv\n"
      "  gridlock validate --kind reliability\n"
      "  gridlock validate --nccl-tests all_reduce.log --scenario cluster.textproto\n"
      "  gridlock validate --scenario SC21-A100-76B -o sc21.textproto && gridlock run "
      "sc21.textproto");
  command->callback([options, &code] {
    code = RunValidate(*options);
  });
}

}  // namespace gridlock
