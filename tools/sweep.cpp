#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "sim/process/interrupt.h"

#include "tools/command.h"
#include "tools/screen.h"
#include "tools/sweep_files.h"

namespace gridlock {
namespace {

struct SweepCommand : ScenarioOptions {
  int jobs = 0;
  bool resume = false;
  bool overwrite = false;
  double timeout = 0;
  std::string refine;
  int refine_points = 8;
};

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
  return options;
}

int RunSweepCommand(const SweepCommand& command, const std::string& command_line) {
  return WithMessages("sweep", [&] {
    const Sweep sweep = ReadSweep(SweepFileOf(command.file), command.overrides);
    const SweepOptions options = OptionsOf(command, sweep.name);
    const OnInterrupt interrupt(
        fmt::format("gridlock: the points that finished are in {}; --resume goes on with them\n",
                    options.folder),
        {});
    const SweepReport report = RunSweepFiles(sweep, options, command_line, command.quiet);
    PrintText(command.format == "json" ? report.json : report.text);
    if (command.format == "text") {
      PrintText(
          fmt::format("written: {0}/results.h5, {0}/results.csv, {0}/summary.json, "
                      "{0}/journal.jsonl\n",
                      options.folder));
    }
    return CodeOf(report.outcome);
  });
}

}  // namespace

void AddSweepCommand(CLI::App& app, const std::string& command_line, int& code) {
  auto options = std::make_shared<SweepCommand>();
  options->command = "sweep";
  CLI::App* command =
      app.add_subcommand("sweep", "Simulate one scenario at many points, and compare");
  command
      ->add_option("FILE", options->file,
                   "Sweep file (textproto; see gridlock schema Sweep), or a folder with a "
                   "sweep.textproto")
      ->required();
  AddOverrides(*command, *options);
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
      "  gridlock sweep my.textproto --refine step_time@scale_up --refine-points 6");
  command->callback([options, command_line, &code] {
    code = RunSweepCommand(*options, command_line);
  });
}

}  // namespace gridlock
