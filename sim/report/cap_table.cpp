#include "sim/report/cap_table.h"

#include <algorithm>
#include <cmath>
#include <span>

#include <fmt/format.h>

#include "sim/record/fingerprint.h"
#include "sim/report/head.h"
#include "sim/report/json.h"
#include "sim/report/layout.h"
#include "sim/report/summary.h"

namespace gridlock {
namespace {

/// The values of the cap, the scenario's own first, as a column. NICs and wide-area links are sold
/// in Gbps.
std::vector<std::string> CapColumn(const TraceHeader& header, const CapStudy& study) {
  static constexpr ColumnUnit kNetwork[] = {{125e3, "Mbps"}, {125e6, "Gbps"}};
  static constexpr ColumnUnit kBandwidth[] = {
      {1e3, "kB/s"}, {1e6, "MB/s"}, {1e9, "GB/s"}, {1e12, "TB/s"}};
  static constexpr ColumnUnit kCompute[] = {
      {1e9, "GFLOPS"}, {1e12, "TFLOPS"}, {1e15, "PFLOPS"}, {1e18, "EFLOPS"}};
  static constexpr ColumnUnit kPower[] = {{1.0, "W"}};
  const ColumnUnit other[] = {{1.0, header.cap_units == "1" ? "" : header.cap_units.c_str()}};
  std::span<const ColumnUnit> units = other;
  if (header.cap_units == "byte/s") {
    const bool network = study.resource == "nic" || study.resource == "wan";
    units = network ? std::span<const ColumnUnit>(kNetwork) : kBandwidth;
  } else if (header.cap_units == "FLOP/s") {
    units = kCompute;
  } else if (header.cap_units == "W") {
    units = kPower;
  }
  std::vector<double> values;
  if (study.uncapped_si > 0.0) {
    values.push_back(study.uncapped_si);
  }
  for (const StepRecord& point : study.points) {
    values.push_back(point.cap_si);
  }
  std::vector<std::string> cells = Column(values, units);
  if (study.uncapped_si <= 0.0) {
    cells.insert(cells.begin(), "none");
  }
  return cells;
}

/// A share of 0..1 as up to 16 marks; anything above nothing shows at least one.
std::string Bar(double share) {
  constexpr double kWidth = 16.0;
  const double marks = std::clamp(std::ceil(share * kWidth - 0.5), share > 0.0 ? 1.0 : 0.0, kWidth);
  return std::string(static_cast<std::size_t>(marks), '#');
}

double Slowdown(const CapStudy& study, const StepRecord& record) {
  return record.step_time / study.baseline.step_time;
}

/// Texts of the rows that need the whole study; row 0 is the baseline.
struct Columns {
  std::vector<std::string> typed;  ///< empty when every value is a plain one
  std::vector<std::string> cap;
  std::vector<std::string> mark;
};

Columns ColumnsOf(const TraceHeader& header, const CapStudy& study) {
  Columns columns;
  columns.cap = CapColumn(header, study);
  columns.typed = {"no cap"};
  const std::optional<std::size_t> knee = FindKnee(study);
  bool any_typed = false;
  for (std::size_t i = 0; i < study.points.size(); ++i) {
    const StepRecord& point = study.points[i];
    const bool typed = !point.cap_as_typed.empty();
    any_typed = any_typed || typed;
    columns.typed.push_back(typed ? point.cap_as_typed : columns.cap[i + 1]);
    const bool same = std::abs(point.cap_si - study.uncapped_si) <= 1e-9 * study.uncapped_si;
    columns.mark.emplace_back(knee == i ? "<- knee" : same ? "= no cap" : "");
  }
  // "no cap" stands once: in the column of what was typed or, without one, behind the row.
  columns.mark.insert(columns.mark.begin(), any_typed ? "" : "no cap");
  if (!any_typed) {
    columns.typed.clear();
  }
  return columns;
}

std::string Rows(const TraceHeader& header, const CapStudy& study) {
  const Columns columns = ColumnsOf(header, study);
  std::vector<const StepRecord*> records = {&study.baseline};
  Seconds longest = study.baseline.step_time;
  for (const StepRecord& point : study.points) {
    records.push_back(&point);
    longest = std::max(longest, point.step_time);
  }
  const ColumnUnit time = TimeUnit(longest);
  const auto typed = [&](const std::string& cell) {
    return columns.typed.empty() ? std::string() : fmt::format(" {:>12}", cell);
  };
  const char* const cap = header.cap_quantity.ends_with("per direction") ? "per direction" : "cap";
  std::string out =
      fmt::format(" {} {:>13} {:>10} {:>9} {:>7} {:>7} of the critical path: {}\n",
                  typed("as typed"), cap, "step time", "slowdown", "MFU", "share", study.resource);
  for (std::size_t i = 0; i < records.size(); ++i) {
    const StepRecord& record = *records[i];
    const double share = CriticalShare(record, study.resource);
    const std::string row =
        fmt::format(" {} {:>13} {:>8.3f} {:<2}{:>8.3f}x {:>7} {:>7} |{:<16}| {}",
                    typed(columns.typed.empty() ? "" : columns.typed[i]), columns.cap[i],
                    record.step_time.si() / time.si, time.name, Slowdown(study, record),
                    Percent(record.mfu()), Percent(share), Bar(share), columns.mark[i]);
    out += row.substr(0, row.find_last_not_of(' ') + 1) + "\n";
  }
  return out;
}

std::string KneeSentence(const TraceHeader& header, const CapStudy& study) {
  const std::optional<std::size_t> knee = FindKnee(study);
  const std::string wall = WallInWords(study.baseline, study.resource);
  const double threshold = 100.0 * kKneeShare;
  std::string text;
  if (BindsWithoutCap(study)) {
    text = fmt::format(
        "No knee: already binds without the cap. The pace of {} of the step is set by {}, past "
        "{:.0f} %.",
        Percent(CriticalShare(study.baseline, study.resource)), wall, threshold);
  } else if (knee) {
    text =
        fmt::format("Knee at {}: the pace of {} of the step is set by {}, past {:.0f} %.",
                    CapColumn(header, study)[*knee + 1],
                    Percent(CriticalShare(study.points[*knee], study.resource)), wall, threshold);
  } else {
    text = fmt::format("No knee: never is the pace of more than {:.0f} % of the step set by {}.",
                       threshold, wall);
  }
  return Wrapped("", text, 0);
}

void AddPoint(JsonWriter& json, const CapStudy& study, const StepRecord& record) {
  json.BeginObject();
  json.Member("cap", record.cap_si);
  json.Member("cap_as_typed", record.cap_as_typed);
  json.Member("overrides", record.overrides);
  json.Member("slowdown", Slowdown(study, record));
  json.Member("capped_resource_share", CriticalShare(record, study.resource));
  AddStepMembers(json, record);
  json.EndObject();
}

}  // namespace

CapStudy Ordered(CapStudy study) {
  std::stable_sort(study.points.begin(), study.points.end(),
                   [](const StepRecord& a, const StepRecord& b) {
                     return a.cap_si > b.cap_si;
                   });
  return study;
}

bool BindsWithoutCap(const CapStudy& study) {
  return CriticalShare(study.baseline, study.resource) > kKneeShare;
}

std::optional<std::size_t> FindKnee(const CapStudy& study) {
  if (BindsWithoutCap(study)) {
    return std::nullopt;
  }
  for (std::size_t i = 0; i < study.points.size(); ++i) {
    if (CriticalShare(study.points[i], study.resource) > kKneeShare) {
      return i;
    }
  }
  return std::nullopt;
}

std::string CapTableText(const TraceHeader& header, const CapStudy& unordered) {
  const CapStudy study = Ordered(unordered);
  std::string out = HeadText(header, "cap on " + header.cap_quantity);
  out += Rows(header, study);
  out += "\n" + KneeSentence(header, study) + NotesText(header);
  std::vector<StepRecord> records = {study.baseline};
  records.insert(records.end(), study.points.begin(), study.points.end());
  out += fmt::format("\ngridlock {}, {} simulation, seed {}\n", header.gridlock_version,
                     study.baseline.fidelity, header.seed);
  out += "fingerprint " + FingerprintText(CombinedFingerprint(records)) + "\n";
  return out;
}

std::string CapJson(const TraceHeader& header, const CapStudy& unordered) {
  const CapStudy study = Ordered(unordered);
  const std::optional<std::size_t> knee = FindKnee(study);
  JsonWriter json;
  json.BeginObject();
  AddHeaderMembers(json, header);
  json.Member("cap_quantity", header.cap_quantity);
  json.Member("cap_units", header.cap_units);
  json.Member("capped_resource", study.resource);
  json.Member("knee_threshold", kKneeShare);
  // Zero where it is not known.
  json.Member("uncapped", study.uncapped_si);
  json.Member("binds_without_cap", BindsWithoutCap(study));
  json.Key("knee_cap");
  // NaN is written as null: there is no knee.
  json.Value(knee ? study.points[*knee].cap_si : std::nan(""));
  json.Key("baseline");
  AddPoint(json, study, study.baseline);
  json.Key("points");
  json.BeginArray();
  std::vector<StepRecord> records = {study.baseline};
  for (const StepRecord& point : study.points) {
    AddPoint(json, study, point);
    records.push_back(point);
  }
  json.EndArray();
  json.Member("fingerprint", FingerprintText(CombinedFingerprint(records)));
  json.EndObject();
  return json.Finish();
}

}  // namespace gridlock
