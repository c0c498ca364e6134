// gridlock collective: the table of nccl-tests on the sites of any scenario.

#include <algorithm>
#include <cctype>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "sim/base/atomic_file.h"
#include "sim/base/check.h"
#include "sim/record/collective_trace.h"
#include "sim/report/collective_table.h"
#include "sim/report/collective_words.h"
#include "sim/schema/files.h"
#include "sim/schema/problems.h"
#include "sim/study/collective_study.h"

#include "tools/command.h"
#include "tools/failure_options.h"
#include "tools/screen.h"
#include "tools/size_list.h"

namespace gridlock {

namespace {

constexpr const char* kDefaultSizes = "8B:8GiB:x8";

struct CollectiveOptions {
  ScenarioOptions scenario;
  std::string op;
  std::string sizes = kDefaultSizes;
  std::string algorithm = "automatic";
  std::vector<std::string> exclude;
  std::string accelerators;  // "0,8,16" or "0:64:8"
  std::string protocol = "automatic";
  double imbalance = 0;
  std::string parts;  // file
  int group = 0;
  int stride = 1;
  int concurrent = 1;
  int per_server = 0;
  int iterations = 1;
  bool explain = false;
};

// The numbers of a file, between blanks, commas or line ends, as a list.
std::string PartList(const std::string& name) {
  std::string text;
  ProblemList problems;
  if (!ReadFile(name, {name, 0, 0}, text, problems)) {
    problems.ThrowIfAny();
  }
  std::replace_if(
      text.begin(), text.end(),
      [](unsigned char c) {
        return c == ',' || c == ';' || std::isspace(c) != 0;
      },
      ' ');
  std::istringstream in(text);
  std::string list;
  for (std::string word; in >> word;) {
    list += (list.empty() ? "" : ", ") + word;
  }
  return "[" + list + "]";
}

// The fields of the test, each with the option that it comes from.
std::vector<Assignment> FieldsOf(const CollectiveOptions& options) {
  std::vector<Assignment> fields;
  const auto add = [&fields](const std::string& place, const char* path, const std::string& value) {
    fields.push_back(AssignmentFrom(place, path, value));
  };
  add("--op " + Quoted(options.op), "collective", options.op);
  add("--size " + Quoted(options.sizes), "size", SizeList(options.sizes));
  add("--algorithm " + Quoted(options.algorithm), "algorithm", options.algorithm);
  if (!options.exclude.empty()) {
    std::string list;
    for (const std::string& name : options.exclude) {
      list += (list.empty() ? "" : ", ") + Quoted(name);
    }
    add("--exclude " + list, "exclude", "[" + list + "]");
  }
  if (!options.accelerators.empty()) {
    add("--ranks " + Quoted(options.accelerators), "accelerator",
        NumberList("--ranks", options.accelerators));
  }
  if (options.protocol != "automatic") {
    add("--protocol " + Quoted(options.protocol), "protocol", options.protocol);
  }
  if (options.imbalance > 0) {
    add(fmt::format("--imbalance {:g}", options.imbalance), "imbalance",
        fmt::format("{}", options.imbalance));
  }
  if (!options.parts.empty()) {
    add("--parts " + Quoted(options.parts), "part", PartList(options.parts));
  }
  const auto add_number = [&add](const char* option, const char* path, int value, int none) {
    if (value != none) {
      add(fmt::format("{} {}", option, value), path, std::to_string(value));
    }
  };
  add_number("--group", "group_size", options.group, 0);
  if (options.group > 0) {
    add(fmt::format("--group {} --concurrent {}", options.group, options.concurrent), "ranks",
        std::to_string(std::int64_t{options.group} * options.concurrent));
  }
  add_number("--stride", "group_stride", options.stride, 1);
  add_number("--per-server", "ranks_per_server", options.per_server, 0);
  add_number("--iterations", "iterations", options.iterations, 1);
  return fields;
}

void Print(const CollectiveOptions& options, const TraceHeader& header, const StepRecord& record) {
  const std::string& format = options.scenario.format;
  std::string text = format == "json"  ? CollectiveTestJson(header, record)
                     : format == "csv" ? CollectiveTestCsv(record)
                                       : CollectiveTestText(header, record);
  if (options.explain && format == "text") {
    text += CollectiveWords(record);
  }
  PrintText(text);
}

int RunCollective(const CollectiveOptions& options, const std::string& command_line) {
  const auto simulate = [&](Scenario& scenario) -> int {
    const Fidelity fidelity = *FidelityByName(options.scenario.fidelity);
    CheckScenario(scenario, fidelity);
    const auto simulated =
        SimulateOne(scenario, fidelity, "simulating collectives", options.scenario.quiet);
    if (!simulated) {
      return kFailed;
    }
    const TraceHeader header = HeaderOf(scenario, command_line);
    Print(options, header, simulated->record);
    if (!options.scenario.out.empty()) {
      const std::string folder = OutputFolder(options.scenario, "");
      WriteCollectiveTrace(folder + "/trace.h5", header, simulated->record);
      WriteFileAtomically(folder + "/summary.json", CollectiveTestJson(header, simulated->record));
      if (options.scenario.format == "text") {
        PrintWritten(folder, simulated->seconds);
      }
    }
    return kSuccess;
  };
  std::vector<Assignment> fields;
  try {
    fields = FieldsOf(options);
  } catch (const UserError& error) {
    fmt::print(stderr, "gridlock collective: {}\n", error.problems().front().message);
    return kBadInput;
  }
  return WithCollective(options.scenario, fields, simulate);
}

void AddTestOptions(CLI::App& command, CollectiveOptions& options) {
  command
      .add_option(
          "--op", options.op,
          "all_reduce, all_gather, reduce_scatter, broadcast, reduce, all_to_all, all_to_allv, "
          "send_recv, expert_dispatch or expert_combine")
      ->required()
      ->type_name("NAME");
  command
      .add_option("--size", options.sizes,
                  "Buffer of one rank: 64MiB; several with commas; or FROM:TO:xFACTOR")
      ->capture_default_str()
      ->type_name("SIZES");
  command
      .add_option(
          "--algorithm", options.algorithm,
          "ring, tree, nvls (in_switch), nvls_tree (in_switch_tree) ...; automatic: of each "
          "size the one that a library takes")
      ->capture_default_str()
      ->type_name("NAME");
  command
      .add_option("--exclude", options.exclude,
                  "Algorithms that the library must do without: nvls, as by NCCL_NVLS_ENABLE=0")
      ->delimiter(',')
      ->type_name("NAMES");
  command
      .add_option("--protocol", options.protocol,
                  "ll, ll128 or simple; automatic: of each size the fastest that the fits know")
      ->capture_default_str()
      ->type_name("NAME");
  CLI::Option* imbalance =
      command
          .add_option("--imbalance", options.imbalance,
                      "all_to_allv: what the first rank of a group gets over the mean of all")
          ->check(CLI::Range(1.0, 1e6));
  command
      .add_option(
          "--parts", options.parts,
          "all_to_allv: a file with a number for each rank, what it gets beside the others, "
          "or with one for each pair, row by row what a rank sends")
      ->type_name("FILE")
      ->excludes(imbalance);
  CLI::Option* group =
      command
          .add_option("--group", options.group, "Ranks of one group (default: all accelerators)")
          ->check(CLI::Range(2, 1 << 30));
  command
      .add_option("--concurrent", options.concurrent,
                  "Groups that run side by side, one behind another")
      ->check(CLI::Range(1, 1 << 30))
      ->needs(group);
  command
      .add_option("--stride", options.stride,
                  "From one rank of a group to the next; groups interleave (default 1)")
      ->check(CLI::Range(1, 1 << 30));
  command
      .add_option("--ranks", options.accelerators,
                  "The accelerators that take part: 0,8,16 or FROM:TO:STEP, TO not included")
      ->type_name("LIST");
  command
      .add_option("--per-server", options.per_server,
                  "Accelerators of each server that take part, the first ones (default: all)")
      ->check(CLI::Range(1, 1 << 30));
  command.add_option("--iterations", options.iterations, "How often each size runs (default 1)")
      ->check(CLI::Range(1, 10'000));
  command.add_flag("--explain", options.explain,
                   "Say in words what the links carry and what binds");
}

}  // namespace

void AddCollectiveCommand(CLI::App& app, const std::string& command_line, int& code) {
  auto options = std::make_shared<CollectiveOptions>();
  CLI::App* command = app.add_subcommand(
      "collective", "Time a collective on the sites of a scenario, as nccl-tests does");
  options->scenario.command = "collective";
  command->add_option("SCENARIO", options->scenario.file, "Scenario file; its jobs are left out")
      ->required();
  AddTestOptions(*command, *options);
  AddOverrides(*command, options->scenario);
  AddFailureOptions(*command, options->scenario);
  command
      ->add_option("-o,--output", options->scenario.out,
                   "Folder for trace.h5 and summary.json (default: none are written)")
      ->type_name("DIR");
  command
      ->add_option("--fidelity", options->scenario.fidelity,
                   "full: every accelerator; folded: one per class, same times; analytic: closed "
                   "form, no contention")
      ->check(CLI::IsMember({"full", "folded", "analytic"}))
      ->capture_default_str();
  command->add_option("--format", options->scenario.format, "What is printed on the screen")
      ->check(CLI::IsMember({"text", "csv", "json"}))
      ->capture_default_str();
  AddQuietOption(*command, options->scenario.quiet);
  command->footer(
      "Examples:\n"
      "  gridlock collective examples/02-llama-405b-16k/scenario.textproto --op all_reduce\n"
      "  gridlock collective examples/01-two-servers/scenario.textproto --op all_reduce \\\n"
      "      --size 1KiB:1GiB:x4 --group 16 --explain\n"
      "  gridlock collective examples/08-all-reduce/scenario.textproto --op all_to_all \\\n"
      "      --size 64MiB --group 64\n"
      "  gridlock collective examples/01-two-servers/scenario.textproto --op all_to_allv \\\n"
      "      --imbalance 2 --size 64MiB\n"
      "  gridlock collective examples/01-two-servers/scenario.textproto --op all_reduce \\\n"
      "      --protocol ll128\n"
      "  gridlock collective examples/01-two-servers/scenario.textproto --op all_reduce \\\n"
      "      --exclude nvls\n"
      "  gridlock collective examples/02-llama-405b-16k/scenario.textproto --op all_gather \\\n"
      "      --size 256MiB --group 128 --stride 8 --concurrent 8 --format csv\n"
      "  gridlock collective examples/16-a-plane-lost/scenario.textproto --op all_reduce \\\n"
      "      --size 1GiB --fail plane1@3ms");
  command->callback([options, command_line, &code] {
    code = RunCollective(*options, command_line);
  });
}

}  // namespace gridlock
