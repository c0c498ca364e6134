#include "sim/report/collective_words.h"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "sim/report/collective_table.h"
#include "sim/report/layout.h"

namespace gridlock {
namespace {

// Rows of the longest message, the one that a library takes first.
std::vector<CollectiveResult> Longest(const StepRecord& record) {
  std::vector<CollectiveResult> rows;
  for (const CollectiveResult& row : record.tested) {
    if (!rows.empty() && row.size > rows.front().size) {
      rows.clear();
    }
    if (rows.empty() || row.size == rows.front().size) {
      rows.push_back(row);
    }
  }
  std::stable_sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) {
    return a.chosen != b.chosen ? a.chosen : a.time < b.time;
  });
  return rows;
}

// "1.07 GB (1.00 x the buffer)"
std::string Carried(Bytes bytes, Bytes buffer) {
  return fmt::format("{} ({:.3g} x the buffer)", FormatBytes(Bytes(ThreeDigits(bytes.si()))),
                     bytes / buffer);
}

std::string WordsOf(const CollectiveResult& row) {
  std::string text = fmt::format("{} takes {}.", row.algorithm,
                                 FormatSeconds(Seconds(ThreeDigits(row.time.si()))));
  if (row.nic_load > Bytes(0)) {
    text += fmt::format(" The busiest NIC sends {}.", Carried(row.nic_load, row.size));
  }
  if (row.port_load > Bytes(0)) {
    text += fmt::format(" The busiest scale-up link carries {}.", Carried(row.port_load, row.size));
  }
  return text +
         fmt::format(" {} of the time is latency, and the links of kind {} are in use for {}.",
                     Percent(row.latency / row.time), row.busiest, Percent(row.utilisation));
}

// Why the second takes longer or shorter than the first.
std::string WhyOther(const CollectiveResult& first, const CollectiveResult& second) {
  const std::string ratio = fmt::format("{} takes {:.2f} times as long as {}", second.algorithm,
                                        second.time / first.time, first.algorithm);
  const bool slower = second.time > first.time;
  const auto moves = [slower](Bytes one, Bytes other) {
    return one > Bytes(0) && (slower ? other > one * 1.01 : other < one * 0.99);
  };
  const bool by_nic = moves(first.nic_load, second.nic_load);
  const bool by_port = moves(first.port_load, second.port_load);
  const std::string& wall = slower ? second.wall : first.wall;
  if (by_nic && (wall == "nic" || !by_port)) {
    return fmt::format("{}: its NIC sends {:.2f} times the bytes.", ratio,
                       second.nic_load / first.nic_load);
  }
  if (by_port) {
    return fmt::format("{}: its scale-up link carries {:.2f} times the bytes.", ratio,
                       second.port_load / first.port_load);
  }
  return fmt::format("{}: {} of latency against {}.", ratio,
                     FormatSeconds(Seconds(ThreeDigits(second.latency.si()))),
                     FormatSeconds(Seconds(ThreeDigits(first.latency.si()))));
}

// The sizes of which more than half of the time is latency. Between two protocols that need not be
// the shortest ones alone.
std::string LatencyWords(const StepRecord& record) {
  std::map<double, bool> is_latency;  // by size
  for (const CollectiveResult& row : record.tested) {
    if (row.chosen) {
      is_latency[row.size.si()] = row.latency > row.time / 2;
    }
  }
  std::vector<std::string> sizes;
  bool shortest = true;  // the shortest ones alone
  bool other = false;
  for (const auto& [size, latency] : is_latency) {
    if (latency) {
      sizes.push_back(FormatBuffer(Bytes(size)));
    }
    shortest = shortest && !(latency && other);
    other = other || !latency;
  }
  if (sizes.empty()) {
    return "";
  }
  return fmt::format("Messages {} {} are mostly latency: more bandwidth would change them little.",
                     shortest ? "up to" : "of",
                     shortest ? sizes.back() : fmt::format("{}", fmt::join(sizes, ", ")));
}

}  // namespace

std::string CollectiveWords(const StepRecord& record) {
  const std::vector<CollectiveResult> rows = Longest(record);
  CHECK(!rows.empty());
  std::string out = fmt::format("\nWhy, at {}\n", FormatBuffer(rows.front().size));
  for (const CollectiveResult& row : rows) {
    out += Wrapped("  - ", WordsOf(row), 4);
  }
  for (std::size_t i = 1; i < rows.size(); ++i) {
    out += Wrapped("  - ", WhyOther(rows.front(), rows[i]), 4);
  }
  const std::string latency = LatencyWords(record);
  return latency.empty() ? out : out + Wrapped("  - ", latency, 4);
}

}  // namespace gridlock
