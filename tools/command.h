#pragma once

// What the subcommands share. Each subcommand is one file: it adds itself to the command line and
// returns an exit code when chosen.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "sim/record/step_record.h"
#include "sim/record/trace_header.h"
#include "sim/scenario/point.h"
#include "sim/study/evaluate.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace gridlock {

struct LifeRecord;

/// Exit codes, the same for every subcommand.
enum ExitCode {
  kSuccess = 0,
  kFailed = 1,    ///< the simulation did not finish, or there is a bug
  kBadInput = 2,  ///< command line or scenario
  kIoFailed = 3,  ///< results could not be written, to a file or to standard output
};

/// Options that commands which read a scenario share.
struct ScenarioOptions {
  std::string command;  ///< "cap": to whom problems of the command line belong
  std::string file;
  std::vector<std::string> overrides;  ///< --set
  std::string out;                     ///< -o; "" for out/NAME and what the command adds
  std::string fidelity = "folded";
  std::string format = "text";
  bool quiet = false;
  std::vector<std::string> fails;  ///< --fail, see failure_options.h
  std::string failover;            ///< --failover
};

/// The option --set. Returns it.
CLI::Option* AddOverrides(CLI::App& command, ScenarioOptions& options);

/// --quiet
void AddQuietOption(CLI::App& command, bool& quiet);

/// The command line as a shell takes it: what is more than letters, digits and a few harmless
/// characters stands in quotes.
std::string ShellLine(int argc, char** argv);

/// @param folder default of -o for people: "out/SCENARIO-NAME"
void AddScenarioOptions(CLI::App& command, ScenarioOptions& options, const std::string& folder);

/// Folder of the results, `fallback` unless -o names one; created when missing. Throws IoError.
std::string OutputFolder(const ScenarioOptions& options, const std::string& fallback);

/// Last lines on the screen: the real time that the simulation took, and where its results are.
void PrintWritten(const std::string& folder, double seconds);

/// Writes the trace and the summary of a cluster's life into the folder and prints the summary as
/// the options ask. Throws IoError. @param seconds of real time that the simulation took
int ReportLife(const ScenarioOptions& options, const TraceHeader& header, const std::string& folder,
               const LifeRecord& record, double seconds);

/// Simulates the life of a cluster and reports it.
int RunLife(const ScenarioOptions& options, const Scenario& scenario, const TraceHeader& header);

/// What is known of a run before its first step, with this program and its command line.
TraceHeader HeaderOf(const Scenario& scenario, const std::string& command_line);

/// What came of one step or collective test, and the real time in seconds that it took.
struct Simulated {
  StepRecord record;
  double seconds = 0;
};

/// Simulates a checked scenario in a process of its own, with progress on the screen. Throws
/// UserError; empty when the simulation did not finish, which stderr then says.
/// @param what is done, for the line of progress: "simulating collectives"
std::optional<Simulated> SimulateOne(const Scenario& scenario, Fidelity fidelity,
                                     const std::string& what, bool quiet);

/// Loads the scenario, then runs `body`; problems of either go to stderr as file:line:column lines,
/// and those without a field path, which are the command line's, as "gridlock COMMAND: ...".
int WithScenario(const ScenarioOptions& options, const std::function<int(Scenario&)>& body);

/// The same for a command that looks at the sites alone: jobs may be missing, and need not fit.
int WithSites(const ScenarioOptions& options, const std::function<int(Scenario&)>& body);

/// The same for a command that also looks at what the catalogue has beside the sites.
int WithSiteBase(const ScenarioOptions& options,
                 const std::function<int(const ScenarioBase&, Scenario&)>& body);

/// The same for a command that tests a collective on the sites of the scenario, whatever its jobs
/// are. @param fields of the test, see ScenarioBase::TestCollective
int WithCollective(const ScenarioOptions& options, const std::vector<Assignment>& fields,
                   const std::function<int(Scenario&)>& body);

/// The same for commands that look at many points of the scenario.
int WithBase(const ScenarioOptions& options,
             const std::function<int(const ScenarioBase&, Scenario&)>& body);

// One per subcommand: adds it to the app; `code` receives the exit code when it runs.
void AddPlanCommand(CLI::App& app, int& code);
void AddBuildCommand(CLI::App& app, int& code);
void AddExportCommand(CLI::App& app, int& code);
void AddReplayCommand(CLI::App& app, int& code);
void AddRunCommand(CLI::App& app, const std::string& command_line, int& code);
void AddCapCommand(CLI::App& app, const std::string& command_line, int& code);
void AddCollectiveCommand(CLI::App& app, const std::string& command_line, int& code);
void AddSweepCommand(CLI::App& app, const std::string& command_line, int& code);
void AddStudiesCommand(CLI::App& app, const std::string& command_line, int& code);
void AddFlowsCommand(CLI::App& app, int& code);
void AddTopoCommand(CLI::App& app, int& code);
void AddSchemaCommand(CLI::App& app, int& code);
void AddCatalogCommand(CLI::App& app, int& code);
void AddGenerateCommand(CLI::App& app, int& code);
void AddImportCommand(CLI::App& app, int& code);
void AddServeCommand(CLI::App& app, int& code);
void AddServePlanCommand(CLI::App& app, int& code);
void AddRolloutCommand(CLI::App& app, int& code);
void AddValidateCommand(CLI::App& app, int& code);
void AddReportCommand(CLI::App& app, int& code);
void AddExplainCommand(CLI::App& app, int& code);
void AddCompareCommand(CLI::App& app, int& code);
void AddExploreCommand(CLI::App& app, const std::string& command_line, int& code);

}  // namespace gridlock
