#include "sim/report/cap_table.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "sim/record/fingerprint.h"
#include "sim/report/json.h"
#include "sim/report/summary.h"

namespace gridlock {
namespace {

/// A cap for people, by its units (TraceHeader::cap_units).
std::string FormatCap(double value, const std::string& units) {
  if (units == "byte/s") {
    return FormatBandwidth(BytesPerSecond(value));
  }
  if (units == "FLOP/s") {
    return FormatFlopRate(FlopPerSecond(value));
  }
  if (units == "W") {
    return FormatWatts(Watts(value));
  }
  return fmt::format("{:.4g}", value) + (units.empty() || units == "1" ? "" : " " + units);
}

/// A share of 0..1 as up to 20 marks; anything above nothing shows at least one.
std::string Bar(double share) {
  constexpr double kWidth = 20.0;
  const double marks = std::clamp(std::ceil(share * kWidth - 0.5), share > 0.0 ? 1.0 : 0.0, kWidth);
  return std::string(static_cast<std::size_t>(marks), '#');
}

double Slowdown(const CapStudy& study, const StepRecord& record) {
  return record.step_time / study.baseline.step_time;
}

std::string Row(const CapStudy& study, const StepRecord& record, const std::string& value,
                bool knee) {
  const double share = CriticalShare(record, study.resource);
  return fmt::format("  {:>12} {:>10} {:>8.3f}x {:>6.1f} % {:>6.1f} % |{:<20}|{}\n", value,
                     FormatSeconds(record.step_time), Slowdown(study, record), 100.0 * record.mfu(),
                     100.0 * share, Bar(share), knee ? " <- knee" : "");
}

std::string KneeSentence(const TraceHeader& header, const CapStudy& study,
                         std::optional<std::size_t> knee) {
  const std::string wall = WallInWords(study.resource);
  const double threshold = 100.0 * kKneeShare;
  const double baseline = CriticalShare(study.baseline, study.resource);
  std::string out;
  if (baseline > kKneeShare) {
    out += fmt::format("Without a cap, {} already set the pace of {:.1f} % of the step.\n", wall,
                       100.0 * baseline);
  }
  if (knee) {
    const StepRecord& at = study.points[*knee];
    out += fmt::format("Knee at {}: {} set the pace of {:.1f} % of the step, past {:.0f} %.\n",
                       FormatCap(at.cap_si, header.cap_units), wall,
                       100.0 * CriticalShare(at, study.resource), threshold);
  } else {
    out += fmt::format("No knee: {} never set the pace of more than {:.0f} % of the step.\n", wall,
                       threshold);
  }
  return out;
}

void AddPoint(JsonWriter& json, const CapStudy& study, const StepRecord& record) {
  json.BeginObject();
  json.Member("cap", record.cap_si);
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

std::optional<std::size_t> FindKnee(const CapStudy& study) {
  for (std::size_t i = 0; i < study.points.size(); ++i) {
    if (CriticalShare(study.points[i], study.resource) > kKneeShare) {
      return i;
    }
  }
  return std::nullopt;
}

std::string CapTableText(const TraceHeader& header, const CapStudy& unordered) {
  const CapStudy study = Ordered(unordered);
  const std::optional<std::size_t> knee = FindKnee(study);
  std::string out = fmt::format("{}: cap on {}\n\n", header.scenario_name, header.cap_quantity);
  out += fmt::format("  {:>12} {:>10} {:>9} {:>8} {:>8} of the critical path set by {}\n", "cap",
                     "step time", "slowdown", "MFU", "share", study.resource);
  out += Row(study, study.baseline, "none", false);
  for (std::size_t i = 0; i < study.points.size(); ++i) {
    const StepRecord& point = study.points[i];
    out += Row(study, point, FormatCap(point.cap_si, header.cap_units), knee == i);
  }
  out += "\n" + KneeSentence(header, study, knee);
  std::vector<StepRecord> records = {study.baseline};
  records.insert(records.end(), study.points.begin(), study.points.end());
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
