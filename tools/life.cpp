#include <fmt/format.h>

#include "sim/base/atomic_file.h"
#include "sim/record/life_trace.h"
#include "sim/report/life_summary.h"

#include "tools/command.h"

namespace gridlock {

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

}  // namespace gridlock
