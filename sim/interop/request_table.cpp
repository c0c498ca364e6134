#include "sim/interop/request_table.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "sim/base/numbers.h"
#include "sim/base/units.h"
#include "sim/interop/civil_date.h"

namespace gridlock {

namespace {

// Seconds since 1970 of "2023-11-16 18:17:03.9799600", in its own time zone where it gives one
// ("2024-05-10 00:00:00.009930+00:00"); nothing when it is no time.
std::optional<double> TimeOf(std::string_view text) {
  int parts[5] = {};
  const std::size_t begins[5] = {0, 5, 8, 11, 14}, sizes[5] = {4, 2, 2, 2, 2};
  if (text.size() < 19 || text[4] != '-' || text[7] != '-' || text[13] != ':' || text[16] != ':') {
    return std::nullopt;
  }
  for (int i = 0; i < 5; ++i) {
    const char* const begin = text.data() + begins[i];
    const auto [end, error] = std::from_chars(begin, begin + sizes[i], parts[i]);
    if (error != std::errc() || end != begin + sizes[i]) {
      return std::nullopt;
    }
  }
  double seconds = 0;
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data() + 17, last, seconds);
  if (error != std::errc() || parts[1] < 1 || parts[1] > 12) {
    return std::nullopt;
  }
  const std::optional<double> east = ZoneOf({end, static_cast<std::size_t>(last - end)});
  if (!east) {
    return std::nullopt;
  }
  return DaysOf(parts[0], parts[1], parts[2]) * kSecondsPerDay + parts[3] * kSecondsPerHour +
         parts[4] * 60 + seconds - *east;
}

// Azure's of 2023 and 2024 (github.com/Azure/AzurePublicDataset) and BurstGPT's
// (github.com/HPMLL/BurstGPT).
constexpr CsvTrace kCsvTraces[] = {
    {"TIMESTAMP", "ContextTokens", "GeneratedTokens", true},
    {"Timestamp", "Request tokens", "Response tokens"},
};

}  // namespace

std::int64_t LineReader::Count(const char* name, std::string_view text, std::int64_t least) {
  const std::optional<std::int64_t> value = ParseWhole(text);
  if (!value || *value < least) {
    Refuse(fmt::format("{} is {}; expected a whole number from {}", name, Quoted(std::string(text)),
                       least));
    return least;
  }
  return *value;
}

double LineReader::Number(const char* name, std::string_view text) {
  const std::optional<double> value = ParseNumber(text);
  if (!value || *value < 0) {
    Refuse(fmt::format("{} is {}; expected a number from 0", name, Quoted(std::string(text))));
    return 0;
  }
  return *value;
}

std::vector<std::string_view> CellsOf(std::string_view line) {
  std::vector<std::string_view> cells;
  for (std::size_t begin = 0;;) {
    const std::size_t comma = line.find(',', begin);
    cells.push_back(line.substr(begin, comma - begin));
    if (comma == std::string_view::npos) {
      return cells;
    }
    begin = comma + 1;
  }
}

std::optional<CsvTrace> CsvTraceOf(std::string_view line) {
  const std::vector<std::string_view> cells = CellsOf(line);
  const auto place = [&cells](const char* name) {
    return static_cast<std::size_t>(std::find(cells.begin(), cells.end(), name) - cells.begin());
  };
  for (CsvTrace trace : kCsvTraces) {
    trace.cells = cells.size();
    trace.time_at = place(trace.time);
    trace.prompt_at = place(trace.prompt);
    trace.output_at = place(trace.output);
    if (std::max({trace.time_at, trace.prompt_at, trace.output_at}) < cells.size()) {
      return trace;
    }
  }
  return std::nullopt;
}

std::optional<TraceRequest> CsvRow(const CsvTrace& trace, std::string_view line, LineReader& reader,
                                   double& time) {
  TraceRequest request;
  const std::vector<std::string_view> cells = CellsOf(line);
  if (cells.size() != trace.cells) {
    reader.Refuse(fmt::format("{} cells; expected {}, {},{},{} among them", cells.size(),
                              trace.cells, trace.time, trace.prompt, trace.output));
    return request;
  }
  if (!trace.dates && cells[trace.output_at] == "0") {
    return std::nullopt;  // BurstGPT: an answer without tokens is a failure
  }
  if (trace.dates) {
    const std::optional<double> at = TimeOf(cells[trace.time_at]);
    if (!at) {
      reader.Refuse(fmt::format("{} is {}; expected a time such as 2023-11-16 18:17:03.9799600",
                                trace.time, Quoted(std::string(cells[trace.time_at]))));
    }
    time = at.value_or(0);
  } else {
    time = reader.Number(trace.time, cells[trace.time_at]);
  }
  request.prompt_tokens = reader.Count(trace.prompt, cells[trace.prompt_at], 1);
  request.output_tokens = reader.Count(trace.output, cells[trace.output_at], 1);
  return request;
}

}  // namespace gridlock
