// Writes traces for trace_check.py, which reads them back, and kills this program while it writes;
// and reports for report_check.py, which parses them.
//
//   trace_program write PATH ROWS     one trace
//   trace_program loop FOLDER ROWS    FOLDER/0.h5, FOLDER/1.h5, ... until it is killed
//   trace_program json PATH 0         the summary of a step with awkward names
//   trace_program cap PATH 0          a cap study
//   trace_program life PATH INTERVALS the trace of a life with six jobs and a hundred events per
//                                     interval
//   trace_program small PATH 0        the trace of a life made by hand
//   trace_program life_json PATH INTERVALS, small_json PATH 0   their summaries
//   trace_program outputs PATH 0      the reference of outputs, as JSON
//   trace_program life_text PATH INTERVALS, small_text PATH 0   the same for people

#include <cstdio>
#include <cstdlib>
#include <string>

#include "sim/base/atomic_file.h"
#include "sim/record/life_trace.h"
#include "sim/record/trace.h"
#include "sim/report/life_summary.h"
#include "sim/report/output_docs.h"
#include "sim/report/summary.h"
#include "tests/record/life_sample.h"
#include "tests/record/report_sample.h"
#include "tests/record/sample_record.h"

namespace {

void WriteTrace(const std::string& path, int rows) {
  gridlock::TraceHeader header;
  header.scenario_name = "sample \"µ\"";
  // Longer than the 64 KiB that an attribute could hold in old HDF5 files.
  for (int i = 0; i < 4000; ++i) {
    header.scenario_text += "# line " + std::to_string(i) + " of the scenario\n";
  }
  header.seed = 18446744073709551615u;
  header.gridlock_version = "0.1.0";
  header.command_line = "gridlock cap sample.textproto";
  header.notes = {"first note", "second note"};
  header.cap_quantity = "scale-up bandwidth per direction";
  header.cap_units = "byte/s";
  gridlock::TraceWriter writer(path, header, {.resources = {"compute"}}, rows);
  for (int row = 0; row < rows; ++row) {
    writer.Append(gridlock::SampleRecord(row, row < 5 ? 64 : 100));
    // Told row by row, so that the reader knows what a killed writer had promised.
    std::printf("%s %d\n", path.c_str(), row + 1);
    std::fflush(stdout);
  }
  writer.Finish();
}

std::string AwkwardSummary() {
  gridlock::TraceHeader header = gridlock::ReportHeader();
  header.scenario_name = "quote \" backslash \\ newline \n tab \t bell \a \xc2\xb5 broken \xff end";
  gridlock::StepRecord record = gridlock::ReportRecord();
  record.peak = gridlock::FlopPerSecond(0.0);  // MFU is then not a number
  record.step_time = gridlock::Seconds(0.1 + 0.2);
  return SummaryJson(header, record);
}

void WriteLife(const std::string& mode, const std::string& path, int intervals) {
  const gridlock::TraceHeader header = gridlock::LifeHeader();
  const gridlock::LifeRecord record =
      mode.starts_with("small") ? gridlock::SmallLife()
                                : gridlock::LifeOf(intervals, 6 * intervals, 100 * intervals, 2);
  if (mode.ends_with("_json")) {
    gridlock::WriteFileAtomically(path, LifeSummaryJson(header, record));
  } else if (mode.ends_with("_text")) {
    gridlock::WriteFileAtomically(path, LifeSummaryText(header, record));
  } else {
    WriteLifeTrace(path, header, record);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: trace_program write|loop|json|cap|life|small|... PATH ROWS\n");
    return 2;
  }
  const std::string mode = argv[1];
  const std::string path = argv[2];
  const int rows = std::atoi(argv[3]);
  try {
    if (mode == "json" || mode == "cap") {
      const std::string cap = CapJson(gridlock::ReportHeader(), gridlock::ReportStudy());
      gridlock::WriteFileAtomically(path, mode == "cap" ? cap : AwkwardSummary());
      return 0;
    }
    if (mode == "outputs") {
      gridlock::WriteFileAtomically(path, gridlock::OutputsJson());
      return 0;
    }
    if (mode.starts_with("life") || mode.starts_with("small")) {
      WriteLife(mode, path, rows);
      return 0;
    }
    for (int i = 0; mode == "loop"; ++i) {
      WriteTrace(path + "/" + std::to_string(i) + ".h5", rows);
    }
    WriteTrace(path, rows);
  } catch (const gridlock::IoError& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}
