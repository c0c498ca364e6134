#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "sim/base/check.h"
#include "sim/process/interrupt.h"

#include "tools/command.h"
#include "tools/screen.h"
#include "tools/sweep_files.h"

namespace gridlock {
namespace {

struct SweepCommand : ScenarioOptions {
  std::string shard;                 ///< "2/8"
  std::vector<std::string> folders;  ///< of merge and status
  int jobs = 0;
  bool resume = false;
  bool overwrite = false;
  double timeout = 0;
  std::string refine;
  int refine_points = 8;
};

/// "2/8" is the second of eight; "" is all.
Shard ShardOf(const std::string& text) {
  if (text.empty()) {
    return {};
  }
  const std::size_t slash = text.find('/');
  const auto number = [](const std::string& digits) {
    const bool good = !digits.empty() && digits.size() < 8 &&
                      digits.find_first_not_of("0123456789") == std::string::npos;
    return good ? std::stoi(digits) : 0;
  };
  const Shard shard = {number(text.substr(0, slash)),
                       slash == std::string::npos ? 0 : number(text.substr(slash + 1))};
  if (shard.number < 1 || shard.number > shard.of) {
    throw UserError("", "--shard " + text + ": expected NUMBER/COUNT, from 1/8 to 8/8 of eight");
  }
  return shard;
}

SweepOptions OptionsOf(const SweepCommand& command, const std::string& name) {
  SweepOptions options;
  options.folder = command.out.empty() ? "out/" + name : command.out;
  options.mode = command.overwrite ? JournalMode::kOverwrite
                 : command.resume  ? JournalMode::kResume
                                   : JournalMode::kNew;
  options.parallel = command.jobs;
  options.timeout_s = command.timeout;
  const std::size_t at = command.refine.find('@');
  options.refine.output = command.refine.substr(0, at);
  options.refine.axis = at == std::string::npos ? "" : command.refine.substr(at + 1);
  options.refine.most = command.refine_points;
  options.shard = ShardOf(command.shard);
  if (options.shard.of > 1 && !options.refine.output.empty()) {
    throw UserError("", "--refine looks at all points; expected it without --shard");
  }
  return options;
}

int RunSweepCommand(const SweepCommand& command, const std::string& command_line) {
  return WithMessages("sweep", [&] {
    if (command.file.empty()) {
      throw UserError("", "FILE is required; expected a sweep file or a folder with one");
    }
    const Sweep sweep = ReadSweep(SweepFileOf(command.file), command.overrides);
    const SweepOptions options = OptionsOf(command, sweep.name);
    const OnInterrupt interrupt(
        fmt::format("gridlock: the points that finished are in {}; --resume goes on with them\n",
                    options.folder),
        {});
    const SweepReport report = RunSweepFiles(sweep, options, command_line, command.quiet);
    PrintText(command.format == "json" && options.shard.of == 1 ? report.json : report.text);
    if (options.shard.of > 1) {
      PrintText(fmt::format("written: {0}/journal.jsonl; gridlock sweep merge joins the shards\n",
                            options.folder));
    } else if (command.format == "text") {
      PrintText(
          fmt::format("written: {0}/results.h5, {0}/results.csv, {0}/summary.json, "
                      "{0}/journal.jsonl\n",
                      options.folder));
    }
    // A shard whose points are all refused is done: whether the sweep is right, the merge says.
    const bool done = report.outcome.failed + report.outcome.timed_out == 0;
    return options.shard.of > 1 && done ? kSuccess : CodeOf(report.outcome);
  });
}

int MergeCommand(const SweepCommand& command, const std::string& command_line) {
  return WithMessages("sweep merge", [&] {
    const Sweep sweep = ReadSweep(SweepFileOf(command.file), command.overrides);
    SweepOptions options = OptionsOf(command, sweep.name);
    options.merged = command.folders;
    const SweepReport report = RunSweepFiles(sweep, options, command_line, command.quiet);
    PrintText(command.format == "json" ? report.json : report.text);
    return CodeOf(report.outcome);
  });
}

int StatusCommand(const SweepCommand& command) {
  return WithMessages("sweep status", [&] {
    std::int64_t ended = 0, planned = 0;
    for (const std::string& folder : command.folders) {
      const SweepStatus status = StatusOf(folder);
      const std::int64_t own = status.done + status.refused + status.failed + status.timed_out;
      ended += own;
      planned += status.planned;
      PrintText(
          fmt::format("{}: shard {}/{}, {} of {} points; {} done, {} refused, {} failed, {} "
                      "timed out\n",
                      folder, status.shard.number, status.shard.of, own, status.planned,
                      status.done, status.refused, status.failed, status.timed_out));
    }
    PrintText(fmt::format("{} of {} points\n", ended, planned));
    return kSuccess;
  });
}

void AddMergeCommand(CLI::App& sweep, const std::string& command_line, int& code) {
  auto options = std::make_shared<SweepCommand>();
  CLI::App* merge = sweep.add_subcommand("merge", "Join the shards of a sweep, as if run at once");
  merge->add_option("FILE", options->file, "Sweep file, or a folder with a sweep.textproto")
      ->required();
  merge->add_option("DIR", options->folders, "Folders of all shards, in any order")->required();
  AddOverrides(*merge, *options);
  merge->add_option("-o,--output", options->out, "Folder for the results (default: out/SWEEP-NAME)")
      ->type_name("DIR");
  merge->add_flag("--overwrite", options->overwrite, "Throw away the results in the folder");
  merge->add_option("--format", options->format, "What is printed on the screen")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  AddQuietOption(*merge, options->quiet);
  merge->footer(
      "Examples:\n"
      "  gridlock sweep merge my.textproto shards/1 shards/2 shards/3 -o results");
  merge->callback([options, command_line, &code] {
    code = MergeCommand(*options, command_line);
  });
}

void AddStatusCommand(CLI::App& sweep, int& code) {
  auto options = std::make_shared<SweepCommand>();
  CLI::App* status = sweep.add_subcommand("status", "How far sweeps and shards of sweeps are");
  status->add_option("DIR", options->folders, "Folders of sweeps or shards")->required();
  status->footer("Examples:\n  gridlock sweep status shards/1 shards/2 shards/3");
  status->callback([options, &code] {
    code = StatusCommand(*options);
  });
}

}  // namespace

void AddSweepCommand(CLI::App& app, const std::string& command_line, int& code) {
  auto options = std::make_shared<SweepCommand>();
  options->command = "sweep";
  CLI::App* command =
      app.add_subcommand("sweep", "Simulate one scenario at many points, and compare");
  command->add_option("FILE", options->file,
                      "Sweep file (textproto; see gridlock schema Sweep), or a folder with a "
                      "sweep.textproto");
  AddOverrides(*command, *options);
  AddMergeCommand(*command, command_line, code);
  AddStatusCommand(*command, code);
  command
      ->add_option("--shard", options->shard,
                   "Run a part of the points: 1/8 to 8/8 on eight machines, each with its own -o")
      ->type_name("NUMBER/COUNT");
  command
      ->add_option("-o,--output", options->out,
                   "Folder for results.h5, results.csv, summary.json and the journal (default: "
                   "out/SWEEP-NAME)")
      ->type_name("DIR");
  command
      ->add_option("-j,--jobs", options->jobs, "Points simulated at a time (default: one per core)")
      ->check(CLI::Range(1, 1024));
  CLI::Option* const resume =
      command->add_flag("--resume", options->resume,
                        "Go on with the results in the folder; begin where there are none");
  command->add_flag("--overwrite", options->overwrite, "Throw away the results in the folder")
      ->excludes(resume);
  command
      ->add_option("--timeout", options->timeout,
                   "Seconds that one point may take; it is then recorded as timed out")
      ->check(CLI::PositiveNumber)
      ->type_name("SECONDS");
  command
      ->add_option("--refine", options->refine,
                   "Put more points where this output bends most: step_time; of several axes of "
                   "numbers name one: step_time@nic")
      ->type_name("OUTPUT[@AXIS]");
  command->add_option("--refine-points", options->refine_points, "Values that --refine may add")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  command->add_option("--format", options->format, "What is printed on the screen")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  AddQuietOption(*command, options->quiet);
  command->footer(
      "Examples:\n"
      "  gridlock sweep examples/09-nic-scale-oversubscription\n"
      "  gridlock sweep my.textproto -o results --jobs 8 --timeout 60\n"
      "  gridlock sweep my.textproto -o results --resume\n"
      "  gridlock sweep my.textproto --shard 2/8 -o shards/2\n"
      "  gridlock sweep my.textproto --refine step_time@scale_up --refine-points 6");
  command->callback([options, command, command_line, &code] {
    if (command->get_subcommands().empty()) {
      code = RunSweepCommand(*options, command_line);
    }
  });
}

}  // namespace gridlock
