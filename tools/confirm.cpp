#include "tools/confirm.h"

#include <sstream>

#include <fmt/format.h>

#include "sim/process/worker.h"
#include "sim/scenario/point.h"
#include "sim/study/cap.h"
#include "sim/study/evaluate.h"

#include "tools/progress.h"

namespace gridlock {
namespace {

/// What the first row of a trace sets on top of its scenario.
std::vector<std::string> OverridesOf(const Dataset& step) {
  std::vector<std::string> overrides;
  std::istringstream lines(step.TextAt("overrides", 0));
  for (std::string line; std::getline(lines, line);) {
    if (!line.empty()) {
      overrides.push_back(line);
    }
  }
  return overrides;
}

}  // namespace

std::vector<Confirmation> Confirm(const Dataset& step, bool quiet) {
  std::vector<MovableWall> walls = MovableWalls(step, 0);
  if (walls.empty()) {
    return {};
  }
  const ScenarioBase base(step.file, step.Attribute("scenario"), OverridesOf(step));
  const Scenario scenario = base.At({});
  const auto fidelity = FidelityByName(step.TextAt("fidelity", 0));
  std::vector<Job> jobs;
  for (const MovableWall& wall : walls) {
    const std::vector<CapPoint> points = CapPoints(CapTargetOf(wall.link, scenario), "110%", base);
    jobs.push_back([&base, point = points.front().point, fidelity](const Progress& report) {
      return EvaluateStep(base.At(point), fidelity.value_or(Fidelity::kFolded), report);
    });
  }
  ProgressLine progress(quiet);
  WorkerOptions worker;
  worker.progress = [&](std::size_t done, double fraction) {
    progress.Show(fmt::format("{} of {} steps with ten per cent more simulated", done, jobs.size()),
                  fraction);
  };
  std::vector<Confirmation> confirmed;
  for (const JobResult& result : RunJobs(jobs, worker)) {
    const MovableWall& wall = walls[confirmed.size()];
    confirmed.push_back({wall, result.record.step_time.si(), result.problem});
  }
  return confirmed;
}

}  // namespace gridlock
