#include <algorithm>
#include <filesystem>
#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "sim/base/atomic_file.h"
#include "sim/catalogue/folders.h"
#include "sim/report/json.h"
#include "sim/report/layout.h"

#include "tools/command.h"
#include "tools/screen.h"
#include "tools/sweep_files.h"

namespace gridlock {
namespace {

/// A folder of examples with a sweep file.
struct Study {
  std::string name;  ///< of the folder: "03-bandwidth-cap"
  std::string file;
};

struct StudiesCommand : ScenarioOptions {
  std::string folder;
  std::vector<std::string> names;
  int jobs = 0;
};

/// The folder of studies: the user's, ./examples, or the one beside the catalogue.
std::string FolderOf(const StudiesCommand& command) {
  std::error_code ignored;
  if (!command.folder.empty() || std::filesystem::is_directory("examples", ignored)) {
    return command.folder.empty() ? "examples" : command.folder;
  }
  return ShippedRoot() + "/examples";
}

std::vector<Study> StudiesIn(const std::string& folder) {
  std::vector<Study> studies;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const std::filesystem::path file = entry.path() / "sweep.textproto";
    if (std::filesystem::exists(file)) {
      studies.push_back({entry.path().filename().string(), file.string()});
    }
  }
  if (error) {
    throw UserError("", fmt::format("{}: cannot read this folder: {}; expected --folder DIR with "
                                    "folders that have a sweep.textproto",
                                    folder, error.message()));
  }
  if (studies.empty()) {
    throw UserError("", fmt::format("{}: no folder in this folder has a sweep.textproto; expected "
                                    "--folder DIR with studies",
                                    folder));
  }
  std::sort(studies.begin(), studies.end(), [](const Study& a, const Study& b) {
    return a.name < b.name;
  });
  return studies;
}

/// "03-bandwidth-cap" is meant by itself, by "03" and by "bandwidth-cap".
bool IsMeant(const Study& study, const std::string& name) {
  const std::size_t dash = study.name.find('-');
  return name == study.name || name == study.name.substr(0, dash) ||
         (dash != std::string::npos && name == study.name.substr(dash + 1)) ||
         (std::filesystem::path(name) / "").parent_path().filename() == study.name;
}

std::vector<Study> Chosen(const std::vector<Study>& all, const std::vector<std::string>& names) {
  if (std::find(names.begin(), names.end(), "all") != names.end()) {
    return all;
  }
  std::vector<Study> chosen;
  for (const std::string& name : names) {
    const auto found = std::find_if(all.begin(), all.end(), [&](const Study& study) {
      return IsMeant(study, name);
    });
    if (found == all.end()) {
      std::vector<std::string> known = {"all"};
      for (const Study& study : all) {
        known.push_back(study.name);
      }
      throw UserError("", fmt::format("no study is called \"{}\"; expected one of {}{}", name,
                                      fmt::join(known, ", "), DidYouMean(name, known)));
    }
    chosen.push_back(*found);
  }
  return chosen;
}

int List(const StudiesCommand& command) {
  return WithMessages("studies", [&] {
    JsonWriter json;
    json.BeginArray();
    std::string text;
    for (const Study& study : StudiesIn(FolderOf(command))) {
      const Sweep sweep = ReadSweep(study.file, {});
      text += fmt::format("{}\n", study.name);
      text += Wrapped("    ", sweep.description, 4);
      json.BeginObject();
      json.Member("name", study.name);
      json.Member("description", sweep.description);
      json.Member("points", CellsOf(sweep).size());
      json.Key("claims");
      json.BeginArray();
      for (const SweepVerdict& verdict : sweep.verdicts) {
        text += Wrapped("  - ", verdict.claim, 4);
        json.Value(verdict.claim);
      }
      json.EndArray();
      json.EndObject();
    }
    json.EndArray();
    PrintText(command.format == "json" ? json.Finish() : text);
    return kSuccess;
  });
}

std::string Summary(const std::vector<std::pair<std::string, SweepReport>>& reports) {
  std::string text = "\nVerdicts of all studies\n";
  for (const auto& [name, report] : reports) {
    text += name + "\n";
    for (const VerdictResult& verdict : report.verdicts) {
      text += VerdictText(verdict);
    }
  }
  return text;
}

int RunStudies(const StudiesCommand& command, const std::string& command_line) {
  return WithMessages("studies", [&] {
    int code = kSuccess;
    std::vector<std::pair<std::string, SweepReport>> reports;
    const std::vector<Study> chosen = Chosen(StudiesIn(FolderOf(command)), command.names);
    std::string json;
    for (const Study& study : chosen) {
      const Sweep sweep = ReadSweep(study.file, command.overrides);
      SweepOptions options;
      options.folder = (command.out.empty() ? "out/studies" : command.out) + "/" + study.name;
      options.mode = JournalMode::kOverwrite;
      options.parallel = command.jobs;
      SweepReport report = RunSweepFiles(sweep, options, command_line, command.quiet);
      code = std::max(code, CodeOf(report.outcome));
      if (command.format == "text") {
        PrintText(report.text);
        PrintText(fmt::format("written: {0}/results.h5, {0}/results.csv, {0}/summary.json\n\n",
                              options.folder));
      }
      json += (json.empty() ? "[\n" : ",\n") + report.json.substr(0, report.json.size() - 1);
      reports.emplace_back(study.name, std::move(report));
    }
    if (command.format == "json") {
      PrintText(json + "\n]\n");
    } else if (reports.size() > 1) {
      PrintText(Summary(reports));
    }
    return code;
  });
}

void AddFolderOptions(CLI::App& command, StudiesCommand& options) {
  command
      .add_option("--folder", options.folder,
                  "Folder of the studies (default: examples, here or beside the catalogue)")
      ->type_name("DIR");
  command.add_option("--format", options.format, "What is printed on the screen")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
}

}  // namespace

void AddStudiesCommand(CLI::App& app, const std::string& command_line, int& code) {
  auto options = std::make_shared<StudiesCommand>();
  options->command = "studies";
  CLI::App* studies =
      app.add_subcommand("studies", "Claims about superclusters, each decided by a sweep");
  studies->require_subcommand(1);
  CLI::App* list = studies->add_subcommand("list", "Names, descriptions and claims");
  AddFolderOptions(*list, *options);
  list->footer("Examples:\n  gridlock studies list\n  gridlock studies list --format json");
  list->callback([options, &code] {
    code = List(*options);
  });
  CLI::App* run = studies->add_subcommand("run", "Run studies and print their verdicts");
  run->add_option("NAME", options->names,
                  "Names as `gridlock studies list` shows them, their numbers, or all")
      ->required();
  AddFolderOptions(*run, *options);
  AddOverrides(*run, *options);
  run->add_option("-o,--output", options->out,
                  "Folder for one folder a study (default: out/studies)")
      ->type_name("DIR");
  run->add_option("-j,--jobs", options->jobs, "Points simulated at a time (default: one per core)")
      ->check(CLI::Range(1, 1024));
  AddQuietOption(*run, options->quiet);
  run->footer(
      "Examples:\n"
      "  gridlock studies run 03-bandwidth-cap\n"
      "  gridlock studies run all --format json\n"
      "Results of an earlier run of a study are overwritten.");
  run->callback([options, command_line, &code] {
    code = RunStudies(*options, command_line);
  });
}

}  // namespace gridlock
