#include "tools/command.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include <unistd.h>

#include "sim/base/atomic_file.h"
#include "tools/version.h"

namespace gridlock {

void PrintProblems(const UserError& error, const SourceMap& sources) {
  for (const std::string& line : Locate(error, sources)) {
    fmt::print(stderr, "{}\n", line);
  }
}

ProgressLine::ProgressLine() : terminal_(isatty(STDERR_FILENO) != 0) {}

ProgressLine::~ProgressLine() { Clear(); }

void ProgressLine::Show(const std::string& what, double fraction) {
  if (terminal_) {
    fmt::print(stderr, "\r\x1b[K{} {:3.0f} %", what, 100 * fraction);
    std::fflush(stderr);
    shown_ = true;
  }
}

void ProgressLine::Clear() {
  if (shown_) {
    fmt::print(stderr, "\r\x1b[K");
    std::fflush(stderr);
    shown_ = false;
  }
}

void AddScenarioOptions(CLI::App& command, ScenarioOptions& options) {
  command.add_option("SCENARIO", options.file, "Scenario file (textproto; see gridlock schema)")->required();
  command.add_option("--set", options.overrides, "Override a field: --set path=value, e.g. site[0].servers=4; repeatable")
      ->take_all()
      ->type_name("PATH=VALUE");
  command.add_option("-o,--output", options.out, "Folder for trace.h5 and summary.json (default: out/SCENARIO-NAME)")
      ->type_name("DIR");
  command.add_option("--fidelity", options.fidelity, "full: every accelerator; folded: one per class, same times; analytic: closed form, no contention")
      ->check(CLI::IsMember({"full", "folded", "analytic"}))
      ->capture_default_str();
  command.add_option("--format", options.format, "What is printed on the screen")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
}

std::string OutputFolder(const ScenarioOptions& options, const Scenario& scenario) {
  const std::string folder = options.out.empty() ? "out/" + scenario.name : options.out;
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) {
    throw IoError(fmt::format("{}: cannot create this folder: {}", folder, error.message()));
  }
  if (access(folder.c_str(), W_OK | X_OK) != 0) {
    throw IoError(fmt::format("{}: cannot write into this folder: {}", folder, std::strerror(errno)));
  }
  return folder;
}

TraceHeader HeaderOf(const Scenario& scenario, const std::string& command_line) {
  TraceHeader header;
  header.scenario_name = scenario.name;
  header.scenario_text = scenario.text;
  header.machine = fmt::format("{} x {} ({} each)", scenario.site.servers, scenario.site.server.name,
                               scenario.site.server.accelerators);
  header.seed = scenario.seed;
  header.gridlock_version = kVersion;
  header.command_line = command_line;
  header.notes = scenario.notes;
  header.notes.push_back(scenario.job.model.attention == Attention::kCausal
                             ? "FLOP of causal attention: half of the scores are counted"
                             : "FLOP of full attention: all scores are counted, also masked ones");
  header.estimates = scenario.site.server.accelerator.estimates;
  return header;
}

int WithScenario(const ScenarioOptions& options, const std::function<int(Scenario&)>& body) {
  Scenario scenario;
  scenario.sources.SetFallback(options.file);
  try {
    scenario = LoadScenario(options.file, options.overrides);
    return body(scenario);
  } catch (const UserError& error) {
    PrintProblems(error, scenario.sources);
    return kBadInput;
  } catch (const IoError& error) {
    fmt::print(stderr, "gridlock: {}\n", error.what());
    return kIoFailed;
  }
}

}  // namespace gridlock
