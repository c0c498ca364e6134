#include "sim/validation/nccl_tests.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "sim/schema/files.h"
#include "workloads/program/collective.h"

namespace gridlock {

namespace {

// Where latency and where bandwidth sets the pace, on most machines.
constexpr double kShort = 256.0 * 1024;
constexpr double kLong = 16.0 * 1024 * 1024;

const char* RangeOf(double bytes) {
  return bytes < kShort ? "below 256 KiB" : bytes < kLong ? "256 KiB to 16 MiB" : "16 MiB and more";
}

const CollectiveResult* ChosenOf(const std::vector<CollectiveResult>& tested, double bytes) {
  for (const CollectiveResult& row : tested) {
    if (row.chosen && row.size.si() == bytes) {
      return &row;
    }
  }
  return nullptr;
}

std::string CellText(const std::optional<double>& value, const char* format) {
  return value ? fmt::format(fmt::runtime(format), *value) : "-";
}

void Compare(const NcclOutput& output, bool in_place, const std::vector<CollectiveResult>& tested,
             NcclComparison& each) {
  MeasuredResult& result = each.result;
  result.row.file = output.file;
  result.row.line = each.row.line;
  result.row.cells = {
      {"id", fmt::format("{}-{:.0f}-line{}", output.op, each.row.bytes, each.row.line)},
      {"role", in_place ? "in-place" : "out-of-place"},
      {"sizes", RangeOf(each.row.bytes)}};
  const auto refuse = [&result](const std::string& reason) {
    result.status = CaseStatus::kUnsupported;
    result.reason = reason;
  };
  const std::size_t place = in_place ? 1 : 0;
  if (place < each.row.places.size()) {
    result.published = each.row.places[place].time_us;
  }
  if (each.row.bytes < 1) {
    return refuse("nothing is sent");
  }
  if (!result.published || *result.published <= 0) {
    result.published.reset();
    return refuse("no time was measured");
  }
  if (const CollectiveResult* model = ChosenOf(tested, each.row.bytes)) {
    each.model = *model;
    result.predicted = model->time.si() * 1e6;
    result.reason = model->algorithm;
  }
}

}  // namespace

NcclOutput LoadNcclOutput(const std::string& file, const std::string& op) {
  ProblemList problems;
  std::string text;
  NcclOutput output;
  if (ReadFile(file, {file, 0, 0}, text, problems)) {
    output = ReadNcclOutput(file, text, problems);
  }
  problems.ThrowIfAny();
  if (!op.empty()) {
    const std::optional<CollectiveKind> kind = CollectiveByName(op);
    output.op = kind ? CollectiveName(*kind) : op;
  } else if (output.op.empty()) {
    output.op = NcclOperation(file);
  }
  if (output.op.empty()) {
    problems.Add({file, 0, 0}, "",
                 Refusal("the output does not say which collective it measured",
                         "--op NAME, for example --op all_reduce, or a file whose name says it"));
    problems.ThrowIfAny();
  }
  return output;
}

std::vector<double> SizesOf(const NcclOutput& output) {
  std::vector<double> sizes;
  for (const NcclRow& row : output.rows) {
    if (row.bytes >= 1) {
      sizes.push_back(row.bytes);
    }
  }
  std::sort(sizes.begin(), sizes.end());
  sizes.erase(std::unique(sizes.begin(), sizes.end()), sizes.end());
  return sizes;
}

NcclReport CompareNccl(const NcclOutput& output, bool in_place,
                       const std::vector<CollectiveResult>& tested) {
  NcclReport report;
  report.output = output;
  report.in_place = in_place;
  report.measured.tables = {output.file};
  for (const NcclRow& row : output.rows) {
    NcclComparison& each = report.rows.emplace_back();
    each.row = row;
    Compare(output, in_place, tested, each);
    report.measured.results.push_back(each.result);
  }
  report.measured.groups = GroupMeasured(report.measured.results, {"sizes"});
  return report;
}

std::string NcclText(const NcclReport& report) {
  const NcclOutput& output = report.output;
  std::string text = fmt::format("{} of {}", output.op, output.file);
  if (output.ranks > 0) {
    text += fmt::format(": {} ranks on {} {}{}", output.ranks, output.hosts,
                        output.hosts == 1 ? "host" : "hosts",
                        output.device.empty() ? "" : " of " + output.device);
  }
  text += fmt::format("\n\n{:>12}  {:>12} {:>12} {:>8}  {:>10} {:>10}  {:<16} {}\n", "size",
                      "measured us", "predicted us", "error_%", "measured", "predicted",
                      "algorithm", "wall");
  text += fmt::format("{:>12}  {:>12} {:>12} {:>8}  {:>10} {:>10}\n", "B", "", "", "", "busbw GB/s",
                      "busbw GB/s");
  for (const NcclComparison& each : report.rows) {
    const std::size_t place = report.in_place ? 1 : 0;
    const bool has = place < each.row.places.size();
    const MeasuredResult& result = each.result;
    const bool simulated = result.predicted.has_value();
    const std::string line = fmt::format(
        "{:>12.0f}  {:>12} {:>12} {:>8}  {:>10} {:>10}  {:<16} {}", each.row.bytes,
        CellText(result.published, "{:.2f}"), CellText(result.predicted, "{:.2f}"),
        CellText(result.error_pct(), "{:+.1f}"),
        CellText(has ? each.row.places[place].busbw_gbs : std::nullopt, "{:.2f}"),
        simulated ? fmt::format("{:.2f}", each.model.bus_bandwidth.si() * 1e-9) : "-",
        simulated ? each.model.algorithm : "-", simulated ? each.model.wall : result.reason);
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  const std::string figures = MeasuredText(report.measured);
  return text + figures.substr(figures.find("\nabsolute error, %"));
}

}  // namespace gridlock
