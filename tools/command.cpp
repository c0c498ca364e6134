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

#include "tools/version.h"

namespace gridlock {

namespace {

/// Between the entry and its fields in the loader's notes on estimates.
constexpr std::string_view kEstimates = ": estimates: ";

/// The scenario's `description`, from its canonical text; "" without one.
std::string DescriptionOf(const std::string& text) {
  constexpr std::string_view kField = "\ndescription: \"";
  const std::size_t field = ("\n" + text).find(kField);
  std::string description;
  if (field == std::string::npos) {
    return description;
  }
  for (std::size_t i = field + kField.size() - 1; i < text.size() && text[i] != '"'; ++i) {
    if (text[i] != '\\') {
      description += text[i];
    } else if (++i < text.size()) {
      // Escapes of the text format; what is not a printable character becomes a blank.
      const bool octal = text[i] >= '0' && text[i] <= '7';
      description +=
          octal || std::string_view("nrt").find(text[i]) != std::string_view::npos ? ' ' : text[i];
      i += octal ? 2 : 0;
    }
  }
  return description;
}

std::string LayoutText(const Layout& layout) {
  std::string text = fmt::format("tensor {}", layout.tensor);
  if (layout.context > 1) {
    text += fmt::format(", context {}", layout.context);
  }
  text += fmt::format(", pipeline {}", layout.pipeline);
  if (layout.virtual_pipeline > 1) {
    text += fmt::format(" x {} chunks", layout.virtual_pipeline);
  }
  text += fmt::format(", data {}", layout.data);
  if (layout.expert > 1) {
    text += fmt::format(", experts over {}", layout.expert);
  }
  if (layout.shard_group > 0) {
    text += fmt::format(" (sharded over {})", layout.shard_group);
  }
  return text + (layout.sequence_parallel ? ", sequence parallel" : "");
}

std::string FabricText(const ClosSpec& clos) {
  std::string text =
      fmt::format("Clos of {} tiers{}, oversubscription {:.4g}:1 above the leaves", clos.tiers,
                  clos.rail_optimized ? ", rail-optimized" : "", clos.leaf_oversubscription);
  if (clos.tiers == 3) {
    text += fmt::format(", {:.4g}:1 above the spines", clos.spine_oversubscription);
  }
  return text + (clos.routing == Routing::kSpray ? ", sprayed" : ", ECMP");
}

std::vector<SetupItem> SetupOf(const Scenario& scenario) {
  const TrainingSpec& job = scenario.job;
  const char* const recompute = job.recompute == Recompute::kNone        ? "no"
                                : job.recompute == Recompute::kSelective ? "selective"
                                                                         : "full";
  return {
      {"fabric", FabricText(scenario.site.clos)},
      {"model", fmt::format("{}: {} layers of width {}", job.model.name, job.model.layers,
                            Grouped(job.model.hidden))},
      {"layout", LayoutText(job.layout)},
      {"batch", fmt::format("{} {} of {} tokens, {} per micro-batch",
                            Grouped(static_cast<double>(job.global_batch)),
                            job.global_batch == 1 ? "sequence" : "sequences",
                            Grouped(static_cast<double>(job.sequence_length)), job.micro_batch)},
      {"precision", PrecisionName(job.precision)},
      {"memory", fmt::format("ZeRO stage {}, {} recomputation", job.zero, recompute)},
      {"stack", job.stack.name}};
}

std::vector<std::pair<std::string, std::int64_t>> SizesOf(const TrainingSpec& job) {
  const Layout& layout = job.layout;
  return {{"tensor", layout.tensor},
          {"context", layout.context},
          {"pipeline", layout.pipeline},
          {"virtual_pipeline", layout.virtual_pipeline},
          {"data", layout.data},
          {"shard_group", layout.sharing_replicas()},
          {"global_batch", job.global_batch},
          {"micro_batch", job.micro_batch},
          {"sequence_length", job.sequence_length},
          {"zero", job.zero},
          {"layers", job.model.layers},
          {"hidden", job.model.hidden}};
}

/// Whether a run of the scenario looks at `field` of the catalogue entry called `entry`.
bool UsesEstimate(const std::string& entry, const std::string& field, const Scenario& scenario) {
  const bool one_server = scenario.job.layout.accelerators() <= scenario.site.server.accelerators;
  if (entry.starts_with("switch ")) {
    // The step's energy has no switches in it.
    return field != "power" && !one_server;
  }
  if (field.starts_with("scale_out.")) {
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
  return attention || format == PrecisionName(scenario.job.precision);
}

/// "ENTRY: FIELD" of each estimate in a note of the loader that the run uses.
std::vector<std::string> EstimatesIn(const std::string& note, const Scenario& scenario) {
  std::vector<std::string> estimates;
  const std::size_t at = note.find(kEstimates);
  if (at == std::string::npos) {
    return estimates;
  }
  const std::string entry = note.substr(0, at);
  for (std::size_t from = at + kEstimates.size(); from < note.size();) {
    const std::size_t end = std::min(note.find(", ", from), note.size());
    const std::string field = note.substr(from, end - from);
    if (UsesEstimate(entry, field, scenario)) {
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
  header.description = DescriptionOf(scenario.text);
  header.machine = fmt::format("{} x {}, {} x {} each", Grouped(scenario.site.servers),
                               scenario.site.server.name, scenario.site.server.accelerators,
                               scenario.site.server.accelerator.name);
  header.setup = SetupOf(scenario);
  header.sizes = SizesOf(scenario.job);
  header.seed = scenario.seed;
  header.gridlock_version = kVersion;
  header.command_line = command_line;
  for (const std::string& note : scenario.notes) {
    const std::vector<std::string> estimates = EstimatesIn(note, scenario);
    if (note.find(kEstimates) == std::string::npos) {
      header.notes.push_back(note);
    }
    header.estimates.insert(header.estimates.end(), estimates.begin(), estimates.end());
  }
  header.notes.push_back(scenario.job.model.attention == Attention::kCausal
                             ? "FLOP of causal attention: half of the scores are counted"
                             : "FLOP of full attention: all scores are counted, also masked ones");
  return header;
}

int WithScenario(const ScenarioOptions& options, const std::function<int(Scenario&)>& body) {
  Scenario scenario;
  try {
    scenario = LoadScenario(options.file, options.overrides);
  } catch (const UserError& error) {
    for (const Problem& problem : error.problems()) {
      fmt::print(stderr, "{}\n", problem.message);  // with its position already
    }
    return kBadInput;
  }
  try {
    return body(scenario);
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

}  // namespace gridlock
