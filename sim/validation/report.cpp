#include "sim/validation/report.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "sim/report/json.h"
#include "sim/schema/csv.h"
#include "sim/validation/worst.h"

namespace gridlock {

namespace {

constexpr const char* kDefinitions =
    "error = 100 (predicted / published - 1); median, 90th percentile and mean are of its "
    "absolute\n"
    "value over the simulated rows, bias is their mean signed error; missing rows have no "
    "prediction\n"
    "and enter none of them. nearest: copying the MFU of the calibration row with the most similar "
    "model\n"
    "FLOP and peak per accelerator (itself excepted).\n";

std::string LeaveOutName(LeaveOut leave_out) {
  switch (leave_out) {
    case LeaveOut::kNothing:
      return "";
    case LeaveOut::kStack:
      return "stack";
    case LeaveOut::kSource:
      return "source";
  }
  return "";
}

std::string LeaveOutNote(LeaveOut leave_out) {
  const std::string name = LeaveOutName(leave_out);
  return name.empty()
             ? ""
             : fmt::format(
                   "Left out: the nearest row is one of another {0}. The simulator fits nothing to "
                   "single rows,\nso its own figures are the same as without --leave-out {0}.\n",
                   name);
}

std::string Number(const std::optional<double>& value, const char* format) {
  return value ? fmt::format(fmt::runtime(format), *value) : "";
}

std::string OrDash(const std::string& text) {
  return text.empty() ? "-" : text;
}

void AppendRows(const ValidationReport& report, std::string& text) {
  std::size_t width = 2;
  std::size_t role = 4;
  for (const CaseResult& result : report.results) {
    width = std::max(width, result.row.id.size());
    role = std::max(role, result.row.role.size());
  }
  text += fmt::format("{:<{}}  {:<{}}  {:>11}  {:>11}  {:>8}  {:<11}  {}\n", "id", width, "role",
                      role, "published_s", "predicted_s", "error_%", "status", "reason");
  for (const CaseResult& result : report.results) {
    const double seconds = result.row.step_time_s;
    const auto published = seconds > 0 ? std::optional(seconds) : std::nullopt;
    const std::string line = fmt::format(
        "{:<{}}  {:<{}}  {:>11}  {:>11}  {:>8}  {:<11}  {}", result.row.id, width, result.row.role,
        role, OrDash(Number(published, "{:.3f}")), OrDash(Number(result.predicted_s, "{:.3f}")),
        OrDash(Number(result.error_pct(), "{:+.1f}")), CaseStatusName(result.status),
        result.reason);
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
}

std::string MeasuredPeak(const PublishedCase& row) {
  const std::string figure = row.measured_gib > 0 ? fmt::format("{:.2f}", row.measured_gib) : "-";
  return !row.out_of_memory ? figure : row.measured_gib > 0 ? ">" + figure : "overflow";
}

// Rows that tell of their memory: the peak that was measured and the one that is predicted, of the
// same kind, and what fills the fullest stage.
void AppendPeaks(const ValidationReport& report, std::string& text) {
  constexpr double kGib = 1024.0 * 1024 * 1024;
  const std::string title = "peak of HBM, GiB";
  std::vector<const CaseResult*> tell;
  std::size_t width = title.size();
  for (const CaseResult& result : report.results) {
    const PublishedCase& row = result.row;
    const bool tells = row.measured_gib > 0 || row.out_of_memory || row.step_time_s <= 0;
    if (tells && result.fullest && result.peak) {
      tell.push_back(&result);
      width = std::max(width, row.id.size());
    }
  }
  if (!tell.empty()) {
    text +=
        fmt::format("\n{:<{}}  {:<10} {:>9} {:>9}  {:>7}  {:>5} {:>9} {:>9} {:>9} {:>9} {:>9}\n",
                    title, width, "kind", "measured", "predicted", "error_%", "stage", "weights",
                    "gradients", "optimizer", "kept", "buffers");
  }
  for (const CaseResult* result : tell) {
    const PublishedCase& row = result->row;
    const MemoryNeed& need = *result->fullest;
    text += fmt::format("{:<{}}  {:<10} {:>9} {:>9.2f}  {:>7}  {:>5}", row.id, width,
                        row.kind.empty() ? "reserved" : row.kind, MeasuredPeak(row),
                        result->peak->si() / kGib,
                        OrDash(Number(result->peak_error_pct(), "{:+.1f}")), need.stage);
    for (const Bytes bytes :
         {need.weights, need.gradients, need.optimizer, need.activations, need.buffers}) {
      text += fmt::format(" {:>9.2f}", bytes.si() / kGib);
    }
    text += "\n";
  }
}

// A figure of predicted rows, "-" where there are none.
std::string FigureText(const ErrorStatistics& of, double figure) {
  return of.predicted == 0 ? "-" : fmt::format("{:.1f}", figure);
}

std::string FiguresText(const ErrorStatistics& of) {
  return fmt::format("{:>7} {:>7} {:>7} {:>7}", FigureText(of, of.median), FigureText(of, of.p90),
                     FigureText(of, of.mean),
                     of.predicted == 0 ? "-" : fmt::format("{:+.1f}", of.bias));
}

void AppendGroups(const ValidationReport& report, std::string& text) {
  std::size_t width = 10;
  for (const CaseGroup& group : report.groups) {
    width = std::max(width, group.name.size() + group.role.size() + 2);
  }
  text += fmt::format("\n{:<{}}  {:>5} {:>9} {:>7}  {:>7} {:>7} {:>7} {:>7}  {:>7} {:>7} {:>7}\n",
                      "absolute error, %", width, "rows", "simulated", "missing", "median", "p90",
                      "mean", "bias", "nearest", "p90", "mean");
  std::string by;
  for (const CaseGroup& group : report.groups) {
    if (group.by != by) {
      by = group.by;
      text += by == "all" ? "" : fmt::format("by {}\n", by);
    }
    const std::string name =
        group.by == "all" || group.by == "role" ? group.name : group.role + ", " + group.name;
    const ErrorStatistics& own = group.simulated;
    text += fmt::format("{:<{}}  {:>5} {:>9} {:>7}  {}  {:>7} {:>7} {:>7}\n", name, width, own.rows,
                        own.predicted, own.missing, FiguresText(own),
                        FigureText(group.nearest, group.nearest.median),
                        FigureText(group.nearest, group.nearest.p90),
                        FigureText(group.nearest, group.nearest.mean));
  }
}

// What became of the memory of the rows, and how far the peaks are off.
void AppendMemory(const MemorySummary& memory, std::string& text) {
  text += fmt::format("\nHBM: {} of {} runs that fitted were refused", memory.refused, memory.ran);
  text += memory.overflowed == 0 ? "\n"
                                 : fmt::format("; {} of {} that went out of memory were accepted\n",
                                               memory.accepted, memory.overflowed);
  if (memory.groups.empty()) {
    return;
  }
  text += fmt::format("{:<40}  {:>5}  {:>7} {:>7} {:>7}\n", "peak of HBM, absolute error, %",
                      "rows", "median", "p90", "bias");
  for (const CaseGroup& group : memory.groups) {
    const std::string name =
        group.by == "all" || group.by == "role" ? group.name : group.role + ", " + group.name;
    const ErrorStatistics& own = group.simulated;
    text += fmt::format("{:<40}  {:>5}  {:>7.1f} {:>7.1f} {:>+7.1f}\n", name, own.rows, own.median,
                        own.p90, own.bias);
  }
}

template <typename T>
void OptionalMember(JsonWriter& json, const char* key, const std::optional<T>& value) {
  if (value) {
    json.Member(key, *value);
  }
}

void WriteRow(const CaseResult& result, JsonWriter& json) {
  json.BeginObject();
  json.Member("id", result.row.id);
  json.Member("role", result.row.role);
  json.Member("stack", result.row.stack);
  json.Member("accelerator", result.row.accelerator);
  json.Member("precision", result.row.precision);
  json.Member("source", result.row.source);
  json.Member("table", result.row.file);
  json.Member("line", result.row.line);
  json.Member("published_s", result.row.step_time_s);
  OptionalMember(json, "predicted_s", result.predicted_s);
  OptionalMember(json, "error_pct", result.error_pct());
  json.Member("status", CaseStatusName(result.status));
  if (!result.reason.empty()) {
    json.Member("reason", result.reason);
  }
  if (const std::string why = Explained(result); !why.empty()) {
    json.Member("explained", why);
  }
  if (result.peak) {
    json.Member("peak_hbm_bytes", result.peak->si());
  }
  OptionalMember(json, "peak_error_pct", result.peak_error_pct());
  if (result.nearest) {
    json.Member("nearest_id", result.nearest->id);
    json.Member("nearest_s", result.nearest->step_time_s);
    OptionalMember(json, "nearest_error_pct", result.nearest_error_pct());
  }
  json.EndObject();
}

void WriteStatistics(const char* key, const ErrorStatistics& statistics, JsonWriter& json) {
  json.Key(key);
  json.BeginObject();
  json.Member("predicted", statistics.predicted);
  json.Member("missing", statistics.missing);
  if (statistics.predicted > 0) {
    json.Member("median_pct", statistics.median);
    json.Member("p90_pct", statistics.p90);
    json.Member("mean_pct", statistics.mean);
    json.Member("bias_pct", statistics.bias);
  }
  json.EndObject();
}

}  // namespace

std::string ValidationText(const ValidationReport& report) {
  std::string text;
  for (const std::string& table : report.tables) {
    text += fmt::format("table: {}\n", table);
  }
  AppendRows(report, text);
  AppendGroups(report, text);
  AppendPeaks(report, text);
  AppendMemory(report.memory, text);
  text += WorstText(report.results);
  return text + "\n" + kDefinitions + LeaveOutNote(report.leave_out);
}

std::string ValidationCsv(const ValidationReport& report) {
  std::string text =
      "id,role,published_s,predicted_s,error_pct,status,reason,stack,accelerator,nearest_id,"
      "nearest_s,nearest_error_pct,source,model,peak_hbm_bytes\n";
  for (const CaseResult& result : report.results) {
    const std::optional<double> nearest_s =
        result.nearest ? std::optional(result.nearest->step_time_s) : std::nullopt;
    const std::optional<double> published =
        result.row.step_time_s > 0 ? std::optional(result.row.step_time_s) : std::nullopt;
    const std::optional<double> peak =
        result.peak ? std::optional(result.peak->si()) : std::nullopt;
    text += fmt::format(
        "{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}\n", CsvQuoted(result.row.id),
        CsvQuoted(result.row.role), Number(published, "{}"), Number(result.predicted_s, "{:.6g}"),
        Number(result.error_pct(), "{:.3f}"), CaseStatusName(result.status),
        CsvQuoted(result.reason), CsvQuoted(result.row.stack), CsvQuoted(result.row.accelerator),
        CsvQuoted(result.nearest ? result.nearest->id : ""), Number(nearest_s, "{:.6g}"),
        Number(result.nearest_error_pct(), "{:.3f}"), CsvQuoted(result.row.source),
        CsvQuoted(result.row.model), Number(peak, "{:.0f}"));
  }
  return text;
}

std::string ValidationJson(const ValidationReport& report) {
  JsonWriter json;
  json.BeginObject();
  json.Values("tables", report.tables);
  if (report.leave_out != LeaveOut::kNothing) {
    json.Member("leave_out", LeaveOutName(report.leave_out));
  }
  json.Key("rows");
  json.BeginArray();
  for (const CaseResult& result : report.results) {
    WriteRow(result, json);
  }
  json.EndArray();
  json.Key("statistics");
  json.BeginArray();
  for (const CaseGroup& group : report.groups) {
    json.BeginObject();
    json.Member("by", group.by);
    json.Member("name", group.name);
    if (!group.role.empty()) {
      json.Member("role", group.role);
    }
    json.Member("rows", group.simulated.rows);
    WriteStatistics("simulated", group.simulated, json);
    WriteStatistics("nearest", group.nearest, json);
    json.EndObject();
  }
  json.EndArray();
  json.EndObject();
  return json.Finish();
}

}  // namespace gridlock
