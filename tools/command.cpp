#include "tools/command.h"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <utility>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <unistd.h>

#include "sim/base/atomic_file.h"
#include "sim/report/layout.h"

#include "tools/setup.h"
#include "tools/version.h"

namespace gridlock {

namespace {

/// Between the entry and its fields in the loader's notes on estimates.
constexpr std::string_view kEstimates = ": estimates: ";

/// The text on one line.
std::string OneLine(std::string text) {
  std::replace_if(
      text.begin(), text.end(),
      [](unsigned char c) {
        return std::iscntrl(c) != 0;
      },
      ' ');
  return text;
}

/// Whether a run of the scenario looks at `field` of the catalogue entry called `entry`.
bool UsesEstimate(const std::string& entry, const std::string& field, const Scenario& scenario) {
  const bool one_server = scenario.training().layout.accelerators() <=
                          scenario.training().layout.used_of(scenario.site().server.accelerators);
  if (entry.starts_with("switch ")) {
    // The step's energy has no switches in it.
    return field != "power" && !one_server;
  }
  if (entry.starts_with("building ") || field == "building") {
    return false;  // nor the PUE of its building
  }
  if (field.ends_with("all_to_all_efficiency") && scenario.training().layout.expert == 1) {
    return false;
  }
  if (field.starts_with("expert_") || field.starts_with("dispatch_")) {
    return scenario.training().model.has_experts();
  }
  if (field.starts_with("scale_out") || field.starts_with("fabric")) {
    return !one_server;
  }
  if (!field.starts_with("rate[")) {
    return true;
  }
  std::string format = field.substr(5, field.find(']') - 5);
  std::transform(format.begin(), format.end(), format.begin(), [](unsigned char c) {
    return static_cast<char>(std::tolower(c));
  });
  // Attention runs in 16 bits whatever the format of the GEMMs is.
  const bool attention =
      format == PrecisionName(Precision::kBf16) && field.find(".gemm") == std::string::npos;
  return attention || format == PrecisionName(scenario.training().precision);
}

/// "ENTRY: FIELD" of each estimate in a note of the loader that one of the steps uses.
std::vector<std::string> EstimatesIn(const std::string& note, const std::vector<Scenario>& steps) {
  std::vector<std::string> estimates;
  const std::size_t at = note.find(kEstimates);
  if (at == std::string::npos) {
    return estimates;
  }
  const std::string entry = note.substr(0, at);
  for (std::size_t from = at + kEstimates.size(); from < note.size();) {
    const std::size_t end = std::min(note.find(", ", from), note.size());
    const std::string field = note.substr(from, end - from);
    if (std::any_of(steps.begin(), steps.end(), [&](const Scenario& step) {
          return UsesEstimate(entry, field, step);
        })) {
      estimates.push_back(entry + ": " + field);
    }
    from = end + 2;
  }
  return estimates;
}

}  // namespace

ProgressLine::ProgressLine() : terminal_(isatty(STDERR_FILENO) != 0) {}

ProgressLine::~ProgressLine() {
  Clear();
}

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

void AddScenarioOptions(CLI::App& command, ScenarioOptions& options, const std::string& folder) {
  options.command = command.get_name();
  command.add_option("SCENARIO", options.file, "Scenario file (textproto; see gridlock schema)")
      ->required();
  command
      .add_option("--set", options.overrides,
                  "Override a field: --set path=value, e.g. site[0].servers=4; repeatable")
      ->take_all()
      ->type_name("PATH=VALUE");
  command
      .add_option("-o,--output", options.out,
                  "Folder for trace.h5 and summary.json (default: " + folder + ")")
      ->type_name("DIR");
  command
      .add_option("--fidelity", options.fidelity,
                  "full: every accelerator; folded: one per class, same times; analytic: closed "
                  "form, no contention")
      ->check(CLI::IsMember({"full", "folded", "analytic"}))
      ->capture_default_str();
  command.add_option("--format", options.format, "What is printed on the screen")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
}

std::string OutputFolder(const ScenarioOptions& options, const std::string& fallback) {
  const std::string folder = options.out.empty() ? fallback : options.out;
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) {
    throw IoError(fmt::format("{}: cannot create this folder: {}", folder, error.message()));
  }
  if (access(folder.c_str(), W_OK | X_OK) != 0) {
    throw IoError(
        fmt::format("{}: cannot write into this folder: {}", folder, std::strerror(errno)));
  }
  return folder;
}

void PrintWritten(const std::string& folder, double seconds) {
  fmt::print("simulated in {} of real time\n", FormatSeconds(Seconds(ThreeDigits(seconds))));
  fmt::print("{}", Wrapped("written: ", fmt::format("{0}/trace.h5, {0}/summary.json", folder), 2));
}

TraceHeader HeaderOf(const Scenario& scenario, const std::string& command_line) {
  TraceHeader header;
  header.scenario_name = scenario.name;
  header.scenario_text = scenario.text;
  header.description = OneLine(scenario.description);
  const bool life = scenario.horizon > Seconds(0.0);
  const std::vector<Scenario> steps = life ? StepsOf(scenario) : std::vector<Scenario>{scenario};
  header.machine = life ? SitesText(scenario) : MachineText(scenario.site());
  header.setup = life ? LifeSetupOf(scenario) : SetupOf(scenario);
  header.sizes = life ? LifeSizesOf(scenario) : SizesOf(scenario.training());
  header.seed = scenario.seed;
  header.gridlock_version = kVersion;
  header.command_line = command_line;
  for (const std::string& note : scenario.notes) {
    const std::vector<std::string> estimates = EstimatesIn(note, steps);
    if (note.find(kEstimates) == std::string::npos) {
      header.notes.push_back(note);
    }
    header.estimates.insert(header.estimates.end(), estimates.begin(), estimates.end());
  }
  for (const auto& [attention, note] :
       {std::pair{Attention::kCausal, "FLOP of causal attention: half of the scores are counted"},
        {Attention::kFull, "FLOP of full attention: all scores are counted, also masked ones"}}) {
    if (std::any_of(steps.begin(), steps.end(), [attention = attention](const Scenario& step) {
          return step.training().model.attention == attention;
        })) {
      header.notes.emplace_back(note);
    }
  }
  return header;
}

int WithBase(const ScenarioOptions& options,
             const std::function<int(const ScenarioBase&, Scenario&)>& body) {
  Scenario scenario;
  try {
    const ScenarioBase base = ScenarioBase::FromFile(options.file, options.overrides);
    scenario = base.At({});
    return body(base, scenario);
  } catch (const LocatedError& error) {
    for (const Problem& problem : error.problems()) {
      fmt::print(stderr, "{}\n", problem.message);
    }
    return kBadInput;
  } catch (const UserError& error) {
    for (const Problem& problem : error.problems()) {
      const std::string where = problem.path.empty() ? "gridlock " + options.command
                                                     : scenario.sources.Where(problem.path);
      fmt::print(stderr, "{}: {}\n", where, problem.message);
    }
    return kBadInput;
  } catch (const IoError& error) {
    fmt::print(stderr, "gridlock: {}\n", error.what());
    return kIoFailed;
  }
}

int WithScenario(const ScenarioOptions& options, const std::function<int(Scenario&)>& body) {
  return WithBase(options, [&](const ScenarioBase& /*base*/, Scenario& scenario) {
    return body(scenario);
  });
}

}  // namespace gridlock
