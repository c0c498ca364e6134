#pragma once

// Recorded requests in tables (CSV), and what reading rows of any trace takes. For
// request_trace.cpp alone.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/interop/request_trace.h"
#include "sim/schema/problems.h"

namespace gridlock {

/// Reads one line; adds its problems.
class LineReader {
 public:
  LineReader(const std::string& file, int line, ProblemList& problems)
      : file_(file), line_(line), problems_(problems) {}

  void Refuse(const std::string& message) {
    problems_.Add({file_, line_, 1}, "", message);
    bad_ = true;
  }

  /// A whole number from `least`.
  std::int64_t Count(const char* name, std::string_view text, std::int64_t least);

  /// A number from 0.
  double Number(const char* name, std::string_view text);

  [[nodiscard]] bool bad() const { return bad_; }

 private:
  const std::string& file_;
  int line_;
  ProblemList& problems_;
  bool bad_ = false;
};

/// Between commas.
std::vector<std::string_view> CellsOf(std::string_view line);

/// Columns of a trace in CSV, and where they stand in its rows.
struct CsvTrace {
  const char *time, *prompt, *output;
  bool dates = false;  ///< times are dates, else seconds
  std::size_t cells = 0, time_at = 0, prompt_at = 0, output_at = 0;
};

/// The columns that a first line names; nothing when they are those of no trace.
std::optional<CsvTrace> CsvTraceOf(std::string_view line);

/// A row of such a trace; `time` receives its absolute time. Nothing: the request failed.
std::optional<TraceRequest> CsvRow(const CsvTrace& trace, std::string_view line, LineReader& reader,
                                   double& time);

}  // namespace gridlock
