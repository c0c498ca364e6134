#include "tools/command.h"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <utility>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <unistd.h>

#include "sim/base/atomic_file.h"
#include "sim/describe/header.h"
#include "sim/process/worker.h"
#include "sim/report/layout.h"
#include "sim/schema/files.h"
#include "sim/schema/problems.h"
#include "sim/study/collective_study.h"

#include "tools/commit.h"
#include "tools/failure_options.h"
#include "tools/progress.h"
#include "tools/version.h"

namespace gridlock {

void AddQuietOption(CLI::App& command, bool& quiet) {
  command.add_flag("-q,--quiet", quiet, "No progress on stderr");
}

std::string ShellLine(int argc, char** argv) {
  constexpr std::string_view kHarmless = "_@%+=:,./-";
  std::string line;
  for (int i = 0; i < argc; ++i) {
    const std::string word = argv[i];
    const bool plain = !word.empty() && std::all_of(word.begin(), word.end(), [&](unsigned char c) {
      return std::isalnum(c) != 0 || kHarmless.find(static_cast<char>(c)) != std::string_view::npos;
    });
    line += i == 0 ? "" : " ";
    if (plain) {
      line += word;
      continue;
    }
    line += '\'';
    for (const char c : word) {
      line += c == '\'' ? std::string("'\\''") : std::string(1, c);
    }
    line += '\'';
  }
  return line;
}

CLI::Option* AddOverrides(CLI::App& command, ScenarioOptions& options) {
  return command
      .add_option("--set", options.overrides,
                  "Override a field: --set path=value, e.g. site[0].servers=4; repeatable. Where a "
                  "list has one element its index may be left out: site.servers=4")
      ->take_all()
      ->type_name("PATH=VALUE");
}

void AddScenarioOptions(CLI::App& command, ScenarioOptions& options, const std::string& folder) {
  options.command = command.get_name();
  command.add_option("SCENARIO", options.file, "Scenario file (textproto; see gridlock schema)")
      ->required();
  AddOverrides(command, options);
  command
      .add_option("-o,--output", options.out,
                  "Folder for trace.h5 and summary.json (default: " + folder + ")")
      ->type_name("DIR");
  command
      .add_option(
          "--fidelity", options.fidelity,
          "full: every accelerator; folded: one per class, same times; sampled: some of the "
          "replicas of a training job, an estimate; analytic: closed form, no contention")
      ->check(CLI::IsMember({"full", "folded", "sampled", "analytic"}))
      ->capture_default_str();
  command.add_option("--format", options.format, "What is printed on the screen")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  AddQuietOption(command, options.quiet);
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
  TraceHeader header = HeaderOf(scenario);
  header.gridlock_version = kVersion;
  header.gridlock_commit = kCommit;
  header.command_line = command_line;
  return header;
}

namespace {

/// What is wanted of a base.
using Build = std::function<Scenario(ScenarioBase& base)>;

/// The scenario as it is read, with what --fail says.
ScenarioBase BaseOf(const ScenarioOptions& options) {
  const std::string failures = FailuresText(options.fails);
  if (failures.empty()) {
    return ScenarioBase::FromFile(options.file, options.overrides);
  }
  std::string text;
  ProblemList problems;
  if (!ReadFile(options.file, {options.file, 0, 0}, text, problems)) {
    problems.ThrowIfAny();
  }
  return {options.file, text + failures, options.overrides};
}

/// --failover holds for all that fails.
void ApplyFailover(const ScenarioOptions& options, Scenario& scenario) {
  const bool asked = !options.fails.empty() || !options.failover.empty();
  if (asked && (scenario.horizon > Seconds(0) || scenario.epochs.size() < 2)) {
    throw UserError("",
                    "--fail and --failover: nothing fails within what is looked at; expected a "
                    "scenario without a horizon, and a failure behind time 0");
  }
  for (Epoch& epoch : scenario.epochs) {
    epoch.failover = options.failover.empty() ? epoch.failover : FailoverOf(options.failover);
  }
}

/// Where a problem is: in a file, or in the command line. What --fail names stands in no file.
std::string WhereIs(const Problem& problem, const ScenarioOptions& options,
                    const SourceMap& sources) {
  const auto fail =
      std::find_if(options.fails.begin(), options.fails.end(), [&](const std::string& each) {
        return !problem.name.empty() && each.substr(0, each.rfind('@')) == problem.name;
      });
  if (fail != options.fails.end()) {
    return fmt::format("gridlock {}: --fail {}", options.command, *fail);
  }
  return problem.path.empty() ? "gridlock " + options.command : sources.Where(problem.path);
}

/// Reads the base, builds what is wanted of it, and runs `body`.
int WithBuilt(const Build& build, const ScenarioOptions& options,
              const std::function<int(const ScenarioBase&, Scenario&)>& body) {
  Scenario scenario;
  try {
    ScenarioBase base = BaseOf(options);
    scenario = build(base);
    ApplyFailover(options, scenario);
    return body(base, scenario);
  } catch (const LocatedError& error) {
    for (const Problem& problem : error.problems()) {
      fmt::print(stderr, "{}\n", problem.message);
    }
    return kBadInput;
  } catch (const UserError& error) {
    for (const Problem& problem : error.problems()) {
      fmt::print(stderr, "{}: {}\n", WhereIs(problem, options, scenario.sources), problem.message);
    }
    return kBadInput;
  } catch (const IoError& error) {
    fmt::print(stderr, "gridlock: {}\n", error.what());
    return kIoFailed;
  }
}

}  // namespace

int WithBase(const ScenarioOptions& options,
             const std::function<int(const ScenarioBase&, Scenario&)>& body) {
  return WithBuilt(
      [](ScenarioBase& base) {
        return base.At({});
      },
      options, body);
}

int WithSites(const ScenarioOptions& options, const std::function<int(Scenario&)>& body) {
  return WithSiteBase(options, [&](const ScenarioBase& /*base*/, Scenario& scenario) {
    return body(scenario);
  });
}

int WithSiteBase(const ScenarioOptions& options,
                 const std::function<int(const ScenarioBase&, Scenario&)>& body) {
  return WithBuilt(
      [](ScenarioBase& base) {
        return base.SitesAt({});
      },
      options, body);
}

int WithCollective(const ScenarioOptions& options, const std::vector<Assignment>& fields,
                   const std::function<int(Scenario&)>& body) {
  return WithBuilt(
      [&](ScenarioBase& base) {
        base.TestCollective(fields);
        return base.At({});
      },
      options,
      [&](const ScenarioBase& /*base*/, Scenario& scenario) {
        return body(scenario);
      });
}

std::optional<Simulated> SimulateOne(const Scenario& scenario, Fidelity fidelity,
                                     const std::string& what, bool quiet) {
  // Where hardly anything is alike folding leaves a step of minutes or hours.
  constexpr double kLongWait = 60;
  const bool can_be_sampled = fidelity == Fidelity::kFolded && !IsCollectiveTest(scenario);
  ProgressLine progress(quiet);
  WorkerOptions worker;
  const auto begin = std::chrono::steady_clock::now();
  worker.progress = [&](std::size_t /*done*/, double fraction) {
    const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - begin;
    const bool is_long = passed.count() * (1 - fraction) > kLongWait * fraction;
    progress.Show(can_be_sampled && is_long
                      ? what + ", few of them alike (--fidelity sampled takes seconds)"
                      : what,
                  fraction);
  };
  const Job job = [&](const Progress& report) {
    return EvaluateStep(scenario, fidelity, report);
  };
  JobResult result = RunJobs({job}, worker).front();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  progress.Clear();
  if (!result.problems.empty()) {
    throw UserError(result.problems);
  }
  if (!result.ok) {
    fmt::print(stderr, "gridlock: {}\n", result.problem);
    return std::nullopt;
  }
  return Simulated{std::move(result.record), took.count()};
}

int WithScenario(const ScenarioOptions& options, const std::function<int(Scenario&)>& body) {
  return WithBase(options, [&](const ScenarioBase& /*base*/, Scenario& scenario) {
    return body(scenario);
  });
}

}  // namespace gridlock
