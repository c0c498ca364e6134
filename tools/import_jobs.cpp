// gridlock import jobs: logs of clusters as lives.

#include <algorithm>
#include <filesystem>
#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "sim/base/atomic_file.h"
#include "sim/base/check.h"
#include "sim/interop/job_log.h"
#include "sim/scenario/policy_names.h"
#include "sim/schema/files.h"

#include "tools/command.h"
#include "tools/import.h"

namespace gridlock {

namespace {

constexpr std::size_t kLargestLog = std::size_t{1} << 30U;

struct JobsOptions {
  std::string file, out, machines;
  std::string accelerator = "h100_sxm";
  std::string policy = "FIFO";
  JobLogOptions log;
};

void ImportJobs(const JobsOptions& options) {
  ProblemList problems;
  JobLogOptions how = options.log;
  if (!options.machines.empty()) {
    how.machines =
        ReadLogMachines(options.machines, ImportedText(options.machines, kLargestLog), problems);
    problems.ThrowIfAny();
  }
  JobLog log = ReadJobLog(options.file, ImportedText(options.file, kLargestLog), how, problems);
  problems.ThrowIfAny();
  AssumeCapacity(log);
  const LogFigures figures = FiguresOf(log);
  const std::filesystem::path out(options.out);
  std::filesystem::path workload = out;
  workload.replace_extension(".workload.textproto");
  LogScenarioOptions text;
  text.name = out.stem().string();
  text.workload_file = workload.filename().string();
  text.policy = options.policy;
  text.source = std::filesystem::path(options.file).filename().string();
  const ImportedMachine machine = SlotsOf(options.accelerator, log.capacity);
  text.catalog = machine.catalog;
  text.site = machine.site;
  const LogScenario scenario = ScenarioOf(log, figures, text);
  for (const std::string& line : LogReport(log, figures)) {
    fmt::print("{}\n", line);
  }
  WriteFileAtomically(options.out, scenario.scenario);
  if (!scenario.workload.empty()) {
    WriteFileAtomically(workload.string(), scenario.workload);
  }
  fmt::print("written: {}{}\n", options.out,
             scenario.workload.empty() ? "" : ", " + workload.string());
}

}  // namespace

void AddImportJobs(CLI::App& import, int& code) {
  auto options = std::make_shared<JobsOptions>();
  CLI::App* command = import.add_subcommand(
      "jobs", "Log of the jobs of a cluster (SWF, Slurm's sacct, tables of published traces)");
  command->add_option("FILE", options->file, "The log")->required();
  command
      ->add_option("-o,--output", options->out,
                   "Scenario to write; the jobs go beside it, into NAME.workload.textproto")
      ->required()
      ->type_name("FILE");
  command
      ->add_option("--format", options->log.format,
                   "Format of the log (default: by its first line)")
      ->check(CLI::IsMember(JobLogFormats()));
  command
      ->add_option("--capacity", options->log.capacity,
                   "Accelerators of the cluster (default: as the log or its machines say)")
      ->type_name("N")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 20U));
  command
      ->add_option("--machines", options->machines, "Table of the machines, beside the log (CSV)")
      ->type_name("FILE");
  command
      ->add_option("--per-server", options->log.per_server,
                   "Accelerators in a server, where the log counts servers (default: 8)")
      ->type_name("N")
      ->check(CLI::Range(1, 1024));
  command->add_option("--kind", options->log.kind, "Only jobs on this kind of accelerator")
      ->type_name("NAME");
  command
      ->add_option("--accelerator", options->accelerator,
                   "Accelerator of the catalogue that stands for the log's, for power (default: "
                   "h100_sxm)")
      ->type_name("NAME");
  command->add_option("--scheduler", options->policy, "Who goes first (default: FIFO)")
      ->check(CLI::IsMember(SchedulerPolicyNames()));
  command->footer(
      "Examples:\n"
      "  gridlock import jobs log.swf -o log.textproto\n"
      "  gridlock import jobs sacct.txt --capacity 2048 --scheduler BACKFILL -o log.textproto\n"
      "  gridlock import jobs cluster_job_log --machines cluster_machine_list -o philly.textproto\n"
      "Then gridlock run log.textproto. Records that cannot be true are counted and reported.\n"
      "sacct: sacct -aPX -o JobID,User,Submit,Start,End,State,AllocTRES,ElapsedRaw, or sacct -aX\n"
      "--json.");
  command->callback([options, &code] {
    code = Importing([&options] {
      ImportJobs(*options);
    });
  });
}

}  // namespace gridlock
