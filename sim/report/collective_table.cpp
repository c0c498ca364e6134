#include "sim/report/collective_table.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "sim/record/fingerprint.h"
#include "sim/record/step_fields.h"
#include "sim/report/head.h"
#include "sim/report/json.h"
#include "sim/report/json_fields.h"
#include "sim/report/layout.h"
#include "sim/report/summary.h"

namespace gridlock {
namespace {

constexpr double kMicrosecond = 1e-6;
constexpr double kGigabyte = 1e9;

/// "tree 1.32 x": the fastest other algorithm of a size, and how long it takes beside the chosen
/// one; "" when only one was tried.
std::string OtherOf(const StepRecord& record, const CollectiveResult& chosen) {
  const CollectiveResult* other = nullptr;
  for (const CollectiveResult& row : record.tested) {
    if (row.size == chosen.size && !row.chosen && (other == nullptr || row.time < other->time)) {
      other = &row;
    }
  }
  return other == nullptr ? ""
                          : fmt::format("{} {:.2f} x", other->algorithm, other->time / chosen.time);
}

/// One line of the table.
std::string TableLine(const std::array<std::string, 8>& cells) {
  std::string line =
      fmt::format("{:>8}  {:<16} {:>10} {:>7} {:>7}  {:<8} {:<14} {}", cells[0], cells[1], cells[2],
                  cells[3], cells[4], cells[5], cells[6], cells[7]);
  return line.erase(line.find_last_not_of(' ') + 1) + "\n";
}

/// True when some size was run by more algorithms than one.
bool HasOthers(const StepRecord& record) {
  return std::any_of(record.tested.begin(), record.tested.end(), [](const CollectiveResult& row) {
    return !row.chosen;
  });
}

void AddTable(std::string& out, const StepRecord& record) {
  out += TableLine({"size", "algorithm", "time", "algbw", "busbw", "wall", "busiest link",
                    HasOthers(record) ? "next best" : ""});
  out += TableLine({"", "", "us", "GB/s", "GB/s", "", "", ""});
  for (const CollectiveResult& row : record.tested) {
    if (row.chosen) {
      out += TableLine({FormatBuffer(row.size), row.algorithm,
                        fmt::format("{:.2f}", row.time.si() / kMicrosecond),
                        fmt::format("{:.2f}", row.algorithm_bandwidth.si() / kGigabyte),
                        fmt::format("{:.2f}", row.bus_bandwidth.si() / kGigabyte), row.wall,
                        fmt::format("{} {:.0f} %", row.busiest, 100 * row.utilisation),
                        OtherOf(record, row)});
    }
  }
}

}  // namespace

std::string CollectiveTestText(const TraceHeader& header, const StepRecord& record) {
  const CollectiveResult& first = record.tested.front();
  std::string out = HeadText(header, first.collective);
  const auto groups = static_cast<double>(first.groups);
  out += Line(
      "ranks",
      fmt::format(
          "{} in {} {} of {}{}", Grouped(static_cast<double>(record.accelerators)), Grouped(groups),
          first.groups == 1 ? "group" : "groups", Grouped(static_cast<double>(first.ranks)),
          record.classes == 0
              ? ""
              : fmt::format(" (folded into {} {})", Grouped(static_cast<double>(record.classes)),
                            record.classes == 1 ? "class" : "classes")));
  out += "\n";
  AddTable(out, record);
  out +=
      "\nalgbw: size over time. busbw: what each rank sends to reach it, over time.\n"
      "busiest link: the kind with the highest share of its capacity in use.\n";
  if (HasOthers(record)) {
    out += "next best: the fastest other algorithm, and its time over that of the one taken.\n";
  }
  std::string walls;
  for (const CollectiveResult& row : record.tested) {
    const std::string line =
        fmt::format("wall {}: {}\n", row.wall, row.wall_words.empty() ? row.wall : row.wall_words);
    walls += row.chosen && walls.find(line) == std::string::npos ? line : "";
  }
  out += walls;
  out += NotesText(header);
  out += fmt::format("\ngridlock {}, {} simulation, {} activities\n", header.gridlock_version,
                     record.fidelity, Grouped(static_cast<double>(record.activities)));
  return out + "fingerprint " + FingerprintText(record.fingerprint) + "\n";
}

std::string FormatBuffer(Bytes size) {
  struct Unit {
    const char* name;
    double bytes;
  };

  const std::string decimal = FormatBytes(size);
  for (const Unit& unit : {Unit{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}}) {
    const double count = size.si() / unit.bytes;
    if (count >= 1 && count == std::floor(count)) {
      const std::string binary = fmt::format("{:.0f} {}", count, unit.name);
      const bool exact = ParseQuantity(decimal, Dimension::kData).si == size.si();
      return exact && decimal.size() < binary.size() ? decimal : binary;
    }
  }
  return decimal;
}

std::string CollectiveTestCsv(const StepRecord& record) {
  std::string out =
      "size_bytes,algorithm,time_us,algbw_gbs,busbw_gbs,wall,busiest,utilisation,fastest,chosen\n";
  for (const CollectiveResult& row : record.tested) {
    out += fmt::format("{:.0f},{},{:.6g},{:.6g},{:.6g},{},{},{:.4f},{},{}\n", row.size.si(),
                       row.algorithm, row.time.si() / kMicrosecond,
                       row.algorithm_bandwidth.si() / kGigabyte, row.bus_bandwidth.si() / kGigabyte,
                       row.wall, row.busiest, row.utilisation, row.fastest ? 1 : 0,
                       row.chosen ? 1 : 0);
  }
  return out;
}

std::string CollectiveTestJson(const TraceHeader& header, const StepRecord& record) {
  JsonWriter json;
  json.BeginObject();
  AddHeaderMembers(json, header);
  json.Member("fidelity", record.fidelity);
  json.Member("accelerators", record.accelerators);
  json.Member("classes", record.classes);
  json.Key("collectives");
  json.BeginArray();
  for (const CollectiveResult& row : record.tested) {
    json.BeginObject();
    AddFieldMembers(json, row, record);
    json.EndObject();
  }
  json.EndArray();
  for (const auto& [key, links] :
       {std::pair("hottest_links", &record.hottest), std::pair("recorded_links", &record.links)}) {
    json.Key(key);
    json.BeginArray();
    for (const LinkUse& link : *links) {
      json.BeginObject();
      AddFieldMembers(json, link, record);
      json.EndObject();
    }
    json.EndArray();
  }
  json.Member("activities", record.activities);
  json.Member("fingerprint", FingerprintText(record.fingerprint));
  json.EndObject();
  return json.Finish();
}

}  // namespace gridlock
