#include "sim/study/cap.h"

#include <algorithm>
#include <chrono>
#include <fstream>
#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "sim/base/atomic_file.h"
#include "sim/process/worker.h"
#include "sim/report/cap_table.h"
#include "sim/study/collective_study.h"
#include "sim/sweep/sweep.h"

#include "tools/command.h"
#include "tools/growing_trace.h"
#include "tools/progress.h"
#include "tools/screen.h"
#include "tools/sweep_files.h"

namespace gridlock {

namespace {

struct CapOptions : ScenarioOptions {
  std::string link = "scale_up";
  std::string values;
  int jobs = 0;
};

// Runs the points and writes each into the trace as it comes; nothing finished is lost to a kill.
CapStudy Simulate(const ScenarioBase& base, const std::vector<CapPoint>& points,
                  const CapOptions& options, GrowingTrace& trace, std::string& problem) {
  const Fidelity fidelity = *FidelityByName(options.fidelity);
  std::vector<Job> jobs;
  for (const CapPoint& point : points) {
    jobs.push_back([&base, &point, fidelity](const Progress& report) {
      StepRecord record = EvaluateStep(base.At(point.point), fidelity, report);
      record.label = point.label;
      record.cap_si = point.si;
      record.cap_as_typed = point.as_typed;
      record.overrides = LinesOf(point.point);
      return record;
    });
  }
  ProgressLine progress(options.quiet);
  CapStudy study;
  WorkerOptions worker;
  worker.parallel = options.jobs;
  worker.progress = [&](std::size_t done, double fraction) {
    progress.Show(fmt::format("{} of {} steps simulated", done, points.size()), fraction);
  };
  worker.finished = [&](std::size_t job, const JobResult& result) {
    if (!result.ok) {
      problem += fmt::format("{}: {}\n", points[job].label, result.problem);
      return;
    }
    trace.Append(result.record);
    if (job == 0) {
      study.baseline = result.record;
    } else {
      study.points.push_back(result.record);
    }
  };
  RunJobs(jobs, worker);
  return study;
}

// Of a life what its runs and its requests get, and what that costs; else empty.
std::vector<std::string> ShownOf(const Scenario& scenario) {
  std::vector<std::string> shown;
  if (scenario.horizon <= Seconds(0)) {
    return shown;
  }
  const bool trains = std::any_of(scenario.jobs.begin(), scenario.jobs.end(), [](const auto& job) {
    return !std::holds_alternative<ServingSpec>(job.kind);
  });
  if (trains) {
    shown = {"goodput", "tokens_trained", "experiments_waiting_mean"};
  }
  for (const JobSpec& job : scenario.jobs) {
    const auto* const fleet = std::get_if<ServingSpec>(&job.kind);
    if (fleet == nullptr) {
      continue;
    }
    for (const RequestGroupSpec& group : fleet->groups) {
      for (const char* output : {"request_ttft_p50", "request_ttft_p90", "request_tpot_p50",
                                 "request_output_tokens", "request_good_share"}) {
        shown.push_back(fmt::format("{}.{}/{}", output, job.name, group.name));
      }
    }
  }
  shown.insert(shown.end(), {"sites_energy", "sites_usd"});
  return shown;
}

// The cap as the only axis of a sweep: for runs of which a step's table says nothing.
Sweep SweepOf(const CapOptions& options, const Scenario& scenario, const CapTarget& target,
              const std::vector<CapPoint>& points) {
  Sweep sweep;
  sweep.file = options.file;
  sweep.name = scenario.name;
  sweep.title = std::string("a cap on ") + target.name;
  sweep.description = scenario.description;
  sweep.text = fmt::format("cap {} {}", options.link, options.values);
  sweep.bases.push_back(
      {options.file, options.file, ScenarioBase::FromFile(options.file, options.overrides)});
  GridAxis axis;
  axis.name = "cap";
  axis.units = target.units;
  axis.long_name = target.quantity;
  for (const CapPoint& point : points) {
    Coordinate coordinate{point.label, point.si, point.point};
    if (axis.coordinates.empty()) {
      coordinate.si = CapBaseline(target, scenario);
    }
    // A cap at the scenario's own value is the baseline, and twice the same cap is one.
    const bool known =
        std::any_of(axis.coordinates.begin(), axis.coordinates.end(), [&](const Coordinate& each) {
          return each.si == coordinate.si;
        });
    if (!known) {
      axis.coordinates.push_back(std::move(coordinate));
    }
  }
  sweep.grid = Grid({std::move(axis)});
  sweep.show = ShownOf(scenario);
  sweep.fidelity = *FidelityByName(options.fidelity);
  return sweep;
}

// The folder of a sweep is not a cap's to throw away.
void CheckOwnFolder(const std::string& folder) {
  std::ifstream file(folder + "/sweep.json");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  if (!text.empty() && text.find("\"sweep\": \"cap ") == std::string::npos) {
    throw UserError("", folder + " has results of a sweep; expected another folder with -o");
  }
}

// Caps a life or a test of a collective: the results lie along `cap` in trace.h5.
int CapOfRun(const CapOptions& options, const Scenario& scenario, const CapTarget& target,
             const std::vector<CapPoint>& points, const std::string& command_line) {
  SweepOptions sweep;
  sweep.folder = OutputFolder(options, fmt::format("out/{}-cap-{}", scenario.name, options.link));
  CheckOwnFolder(sweep.folder);
  sweep.mode = JournalMode::kOverwrite;
  sweep.parallel = options.jobs;
  sweep.results = "trace";
  const auto begin = std::chrono::steady_clock::now();
  const SweepReport report =
      RunSweepFiles(SweepOf(options, scenario, target, points), sweep, command_line, options.quiet);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  PrintText(options.format == "json" ? report.json : report.text);
  if (options.format == "text") {
    PrintWritten(sweep.folder, took.count());
  }
  return CodeOf(report.outcome);
}

// The scenario as it is, then each cap.
std::vector<CapPoint> WithBaseline(std::vector<CapPoint> caps) {
  CapPoint baseline;
  baseline.label = "baseline";
  caps.insert(caps.begin(), std::move(baseline));
  return caps;
}

int RunCap(const CapOptions& options, const std::string& command_line) {
  return WithBase(options, [&](const ScenarioBase& base, Scenario& scenario) -> int {
    const CapTarget& target = CapTargetOf(options.link, scenario);
    std::vector<std::string> left_out;
    const std::vector<CapPoint> caps = CapPoints(target, options.values, base, &left_out);
    for (const std::string& why : left_out) {
      fmt::print(stderr, "gridlock: {}\n", why);
    }
    const Fidelity fidelity = *FidelityByName(options.fidelity);
    const std::vector<CapPoint> points = WithBaseline(caps);
    if (scenario.horizon > Seconds(0) || IsCollectiveTest(scenario)) {
      return CapOfRun(options, scenario, target, points, command_line);
    }
    for (const CapPoint& point : points) {
      CheckScenario(base.At(point.point), fidelity);
    }
    const std::string folder =
        OutputFolder(options, fmt::format("out/{}-cap-{}", scenario.name, options.link));
    TraceHeader header = HeaderOf(scenario, command_line);
    header.cap_quantity = target.quantity;
    header.cap_units = target.units;
    for (const std::string& note : CapNotes(target, caps)) {
      header.notes.push_back(note);
    }
    header.notes.insert(header.notes.end(), left_out.begin(), left_out.end());
    GrowingTrace trace(folder + "/trace.h5", header, points.size());
    std::string problem;
    const auto begin = std::chrono::steady_clock::now();
    CapStudy study = Simulate(base, points, options, trace, problem);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    if (!problem.empty()) {
      fmt::print(stderr, "{}", problem);
      return kFailed;
    }
    trace.Finish();
    study.resource = target.resource;
    study.uncapped_si = CapBaseline(target, scenario);
    const std::string json = CapJson(header, study);
    WriteFileAtomically(folder + "/summary.json", json);
    PrintText(options.format == "json" ? json : CapTableText(header, study));
    if (options.format == "text") {
      PrintWritten(folder, took.count());
    }
    return kSuccess;
  });
}

}  // namespace

void AddCapCommand(CLI::App& app, const std::string& command_line, int& code) {
  auto options = std::make_shared<CapOptions>();
  CLI::App* command = app.add_subcommand(
      "cap", "Cap one resource at several values and show where it begins to bind");
  AddScenarioOptions(*command, *options, "out/SCENARIO-NAME-cap-LINK");
  command
      ->add_option("--link", options->link,
                   fmt::format("What is capped: {}", fmt::join(CapTargetNames(), ", ")))
      ->capture_default_str();
  command
      ->add_option("--values", options->values,
                   "List of values; a unit counts for those before it, \"...\" goes on evenly, % "
                   "is of the scenario's own. "
                   "Scale-up figures are both directions added, as vendors print them, unless they "
                   "end in /dir")
      ->required();
  command
      ->add_option("-j,--jobs", options->jobs, "Steps simulated at a time (default: one per core)")
      ->check(CLI::Range(1, 1024));
  command->footer(
      "Examples:\n"
      "  gridlock cap SCENARIO --link scale_up --values 900,800,...,100GBps\n"
      "  gridlock cap SCENARIO --link nic --values 400,200,100,50Gbps\n"
      "  gridlock cap SCENARIO --link hbm --values 100%,75%,50%\n"
      "  gridlock cap SCENARIO --link power --values 700,600,500,400W\n"
      "  gridlock cap WEEK --link site_power --values 90%,80%,70%\n"
      "  gridlock cap WEEK --link servers --values 1024,768\n"
      "A step gets a table with its knee. Of a life its goodput, tokens, queue, energy and dollars "
      "stand\nbeside the caps, of a test of a collective its times.");
  command->callback([options, command_line, &code] {
    code = RunCap(*options, command_line);
  });
}

}  // namespace gridlock
