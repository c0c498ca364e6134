#include "sim/cluster/life.h"

#include <chrono>
#include <set>

#include <fmt/format.h>

#include "sim/base/atomic_file.h"
#include "sim/record/life_trace.h"
#include "sim/report/life_summary.h"
#include "workloads/decode.h"

#include "tools/command.h"

namespace gridlock {

namespace {

/// What the costs of the scenario's fleets estimate, each once.
std::set<std::string> ServingEstimatesOf(const Scenario& scenario) {
  std::set<std::string> estimates;
  for (const JobSpec& job : scenario.jobs) {
    if (const auto* fleet = std::get_if<ServingSpec>(&job.kind)) {
      const std::size_t site = job.sites.empty() ? 0 : static_cast<std::size_t>(job.sites[0]);
      for (const std::string& estimate : CostsOf(*fleet, scenario.sites[site].server).estimates) {
        estimates.insert(estimate);
      }
    }
  }
  return estimates;
}

}  // namespace

int ReportLife(const ScenarioOptions& options, const TraceHeader& header, const std::string& folder,
               const LifeRecord& record, double seconds) {
  WriteLifeTrace(folder + "/trace.h5", header, record);
  const std::string json = LifeSummaryJson(header, record);
  WriteFileAtomically(folder + "/summary.json", json);
  fmt::print("{}", options.format == "json" ? json : LifeSummaryText(header, record));
  if (options.format == "text") {
    PrintWritten(folder, seconds);
  }
  return kSuccess;
}

int RunLife(const ScenarioOptions& options, const Scenario& scenario, TraceHeader header) {
  for (const std::string& estimate : ServingEstimatesOf(scenario)) {
    header.estimates.push_back(estimate);
  }
  const std::string folder = OutputFolder(options, "out/" + scenario.name);
  ProgressLine progress;
  const auto begin = std::chrono::steady_clock::now();
  StepOracle oracle;  // before this process uses SimGrid itself
  LifeRecord record = SimulateLife(
      scenario,
      [&](const Situation& situation) {
        return oracle.RatesOf(situation);
      },
      [&](double fraction) {
        progress.Show(fmt::format("living {}", FormatSeconds(scenario.horizon)), fraction);
      });
  record.situations = oracle.simulated();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  progress.Clear();
  return ReportLife(options, header, folder, record, took.count());
}

}  // namespace gridlock
