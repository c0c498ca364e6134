#include "sim/study/cap.h"

#include <chrono>
#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "sim/base/atomic_file.h"
#include "sim/process/worker.h"
#include "sim/record/trace.h"
#include "sim/report/cap_table.h"

#include "tools/command.h"

namespace gridlock {

namespace {

struct CapOptions : ScenarioOptions {
  std::string link = "scale_up";
  std::string values;
  int jobs = 0;
};

// The steps of a study: the scenario as it is, then each cap.
struct Point {
  Scenario scenario;
  CapPoint cap;
};

std::vector<Point> PointsOf(const Scenario& scenario, CapTarget target,
                            const std::vector<CapPoint>& caps) {
  std::vector<Point> points{{scenario, {0.0, "baseline", "", ""}}};
  for (const CapPoint& cap : caps) {
    points.push_back({WithCap(scenario, target, cap.si), cap});
  }
  return points;
}

// Runs the points and writes each into the trace as it comes; nothing finished is lost to a kill.
CapStudy Simulate(const std::vector<Point>& points, Fidelity fidelity, int parallel,
                  TraceWriter& trace, std::string& problem) {
  std::vector<Job> jobs;
  for (const Point& point : points) {
    jobs.push_back([&point, fidelity](const Progress& report) {
      StepRecord record = EvaluateStep(point.scenario, fidelity, report);
      record.label = point.cap.label;
      record.cap_si = point.cap.si;
      record.cap_as_typed = point.cap.as_typed;
      return record;
    });
  }
  ProgressLine progress;
  CapStudy study;
  WorkerOptions worker;
  worker.parallel = parallel;
  worker.progress = [&](std::size_t done, double fraction) {
    progress.Show(fmt::format("{} of {} steps simulated", done, points.size()), fraction);
  };
  worker.finished = [&](std::size_t job, const JobResult& result) {
    if (!result.ok) {
      problem += fmt::format("{}: {}\n", points[job].cap.label, result.problem);
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

void CheckOneStep(const Scenario& scenario) {
  if (scenario.horizon > Seconds(0)) {
    throw UserError("horizon",
                    "gridlock cap is about one training step, and this scenario has a horizon; "
                    "expected a scenario without one, or a change { ... } that caps it in time");
  }
  if (scenario.jobs[0].spans) {
    throw UserError("job[0].span",
                    "gridlock cap caps one site, and this job is on several; expected a job on one "
                    "site, or gridlock run with --set");
  }
}

int RunCap(const CapOptions& options, const std::string& command_line) {
  return WithScenario(options, [&](Scenario& scenario) -> int {
    CheckOneStep(scenario);
    const CapTarget target = ParseCapTarget(options.link);
    const std::vector<CapPoint> caps = ParseCapValues(options.values, target, scenario);
    const Fidelity fidelity = *FidelityByName(options.fidelity);
    const std::vector<Point> points = PointsOf(scenario, target, caps);
    for (const Point& point : points) {
      CheckScenario(point.scenario, fidelity);
    }
    const std::string folder =
        OutputFolder(options, fmt::format("out/{}-cap-{}", scenario.name, options.link));
    TraceHeader header = HeaderOf(scenario, command_line);
    header.cap_quantity = CapQuantity(target);
    header.cap_units = CapUnits(target);
    for (const std::string& note : CapNotes(target, caps)) {
      header.notes.push_back(note);
    }
    TraceWriter trace(folder + "/trace.h5", header, {}, static_cast<int>(points.size()));
    std::string problem;
    const auto begin = std::chrono::steady_clock::now();
    CapStudy study = Simulate(points, fidelity, options.jobs, trace, problem);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    if (!problem.empty()) {
      fmt::print(stderr, "{}the steps that finished are in {}/trace.h5.part\n", problem, folder);
      return kFailed;
    }
    trace.Finish();
    study.resource = CapResource(target);
    study.uncapped_si = CapBaseline(target, scenario);
    const std::string json = CapJson(header, study);
    WriteFileAtomically(folder + "/summary.json", json);
    fmt::print("{}", options.format == "json" ? json : CapTableText(header, study));
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
  command->add_option("--link", options->link, "What is capped: scale_up, nic, hbm, flops or power")
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
      "  gridlock cap SCENARIO --link power --values 700,600,500,400W");
  command->callback([options, command_line, &code] {
    code = RunCap(*options, command_line);
  });
}

}  // namespace gridlock
