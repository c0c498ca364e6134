#pragma once

// What the readers of job logs share: lines, cells and empty records.

#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sim/interop/job_log.h"

namespace gridlock {

inline constexpr double kNoTime = std::numeric_limits<double>::quiet_NaN();

inline LogRecord EmptyLogRecord(const Position& where) {
  LogRecord record;
  record.where = where;
  record.submit = record.start = record.end = record.duration = record.queued = kNoTime;
  return record;
}

/// Parts a line at `mark`; at blanks of any number when the mark is one. Quotes hold a cell
/// together.
inline std::vector<std::string> CellsOfLogLine(std::string_view line, char mark) {
  std::vector<std::string> cells;
  std::string cell;
  bool quoted = false;
  for (const char c : line) {
    if (c == '"') {
      quoted = !quoted;
    } else if (!quoted && (c == mark || (mark == ' ' && c == '\t'))) {
      if (mark != ' ' || !cell.empty()) {
        cells.push_back(std::exchange(cell, ""));
      }
    } else if (c != '\r') {
      cell += c;
    }
  }
  if (mark != ' ' || !cell.empty()) {
    cells.push_back(cell);
  }
  return cells;
}

template <typename F>
void ForLogLines(std::string_view text, const F& f) {
  for (int line = 1; !text.empty(); ++line) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    f(text.substr(0, end), line);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

/// Seconds of "s", "hrs" or "days", in lower case; nothing for another word.
std::optional<double> SecondsOfTimeUnit(std::string_view word);

/// Accelerators of a list of resources: 8 of "billing=64,cpu=64,gres/gpu=8,gres/gpu:a100=8", of
/// "gpu:8", of "gpu:h100:8(S:0-1)" and of "8"; without a sum that of all kinds; 0 without any. NaN
/// where it is no such list.
double GpusOf(const std::string& text);

/// Whether a log says that the job did not end as it should.
bool HasFailed(const std::string& state);

/// "--------- ------": what sacct prints below its names where cells are as wide as their columns.
bool RulesColumns(std::string_view line);

/// Whether a line is one of PBS's accounting: "04/01/2019 00:00:03;E;123.server;user=u1 ...".
bool IsPbsLine(std::string_view line);

/// Whether a line is one of Alibaba's task table of 2020, which has no line of names.
bool IsPaiTask(std::string_view line);

}  // namespace gridlock
