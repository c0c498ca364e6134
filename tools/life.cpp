#include "sim/cluster/life.h"

#include <chrono>

#include <fmt/format.h>

#include "sim/base/atomic_file.h"
#include "sim/process/interrupt.h"
#include "sim/record/life_trace.h"
#include "sim/report/life_summary.h"

#include "tools/command.h"
#include "tools/progress.h"
#include "tools/screen.h"

namespace gridlock {

int ReportLife(const ScenarioOptions& options, const TraceHeader& header, const std::string& folder,
               const LifeRecord& record, double seconds) {
  {
    const std::string part = folder + "/trace.h5.part";
    const OnInterrupt interrupt("", {part, part + ".new"});
    WriteLifeTrace(folder + "/trace.h5", header, record);
  }
  const std::string json = LifeSummaryJson(header, record);
  WriteFileAtomically(folder + "/summary.json", json);
  PrintText(options.format == "json" ? json : LifeSummaryText(header, record));
  if (options.format == "text") {
    PrintWritten(folder, seconds);
  }
  return kSuccess;
}

int RunLife(const ScenarioOptions& options, const Scenario& scenario, const TraceHeader& header) {
  const std::string folder = OutputFolder(options, "out/" + scenario.name);
  ProgressLine progress(options.quiet);
  const auto begin = std::chrono::steady_clock::now();
  // Made before this process uses SimGrid itself.
  StepOracle oracle([&progress] {
    progress.Again();
  });
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
