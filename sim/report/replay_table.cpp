#include "sim/report/replay_table.h"

#include <algorithm>

#include <fmt/format.h>

#include "sim/report/json.h"
#include "sim/report/layout.h"

namespace gridlock {

namespace {

/// Ranks that the screen shows one by one.
constexpr std::size_t kRanksShown = 8;
constexpr std::size_t kLanesShown = 6;

std::string Share(Seconds part, Seconds whole) {
  return whole > Seconds(0) ? Percent(part / whole) : "n/a";
}

std::string Count(std::int64_t count, const char* what) {
  return fmt::format("{} {}{}", Grouped(static_cast<double>(count)), what, count == 1 ? "" : "s");
}

void AddHead(std::string& out, const ReplayRecord& record) {
  out += fmt::format("{}: replay of {}\n", record.scenario, record.path);
  out += Line("machine", record.machine);
  out += Line(
      "traces",
      fmt::format("{} of {}{}, {}", Count(record.distinct, "trace"), Count(record.ranks, "rank"),
                  record.distinct < record.ranks ? " (ranks with the same trace share it)" : "",
                  Count(record.nodes, "node")));
  out += Line("streams", record.one_stream ? "left out: an accelerator does one thing at a time"
                                           : "as recorded: what one holds goes in order");
  out += Line("compute", record.compute_speed == 1
                             ? "takes the times of the accelerators that were recorded"
                             : fmt::format("{} times as fast as recorded", record.compute_speed));
  out += Line("collectives",
              record.recorded_calls ? "take their recorded time" : "simulated on the network");
  out += "\n" + Line("total time", FormatSeconds(record.time));
}

void AddRecorded(std::string& out, const ReplayRecord& record) {
  const ReplayRecorded& says = record.recorded;
  if (says.all <= Seconds(0)) {
    return;
  }
  out += "\nThe trace of rank 0 itself says:\n";
  if (says.span > Seconds(0)) {
    out += Line("first start to last end",
                fmt::format("{}; the replay takes {:.3f} times that", FormatSeconds(says.span),
                            record.time / says.span));
  }
  out += Line("all its nodes", FormatSeconds(says.all));
  out += Line("its transfers", FormatSeconds(says.communication));
  for (std::size_t i = 0; i < std::min(says.lanes.size(), kLanesShown); ++i) {
    const ReplayRecorded::Lane& lane = says.lanes[i];
    out += Line(lane.name,
                fmt::format("{} in {}{}", FormatSeconds(lane.time), Count(lane.nodes, "node"),
                            i == 0 && lane.time > Seconds(0)
                                ? fmt::format("; the replay takes {:.3f} times that",
                                              record.time / lane.time)
                                : ""));
  }
}

void AddPath(std::string& out, const ReplayRecord& record) {
  out += "\nCritical path, by what its nodes are:\n";
  for (const ReplayPathPart& part : record.path_parts) {
    out += Line(part.what, fmt::format("{:>10} {:>8}  {}", FormatSeconds(part.time),
                                       Share(part.time, record.time), Count(part.nodes, "node")));
  }
}

void AddCalls(std::string& out, const ReplayRecord& record) {
  if (record.calls.empty()) {
    return;
  }
  out += fmt::format("\n{:<18} {:>8} {:>12} {:>12} {:>12}  {}\n", "transfers", "count",
                     "bytes each", "time each", "time", "behind others of its group");
  for (const ReplayCalls& calls : record.calls) {
    const auto count = static_cast<double>(calls.count);
    out += fmt::format("{:<18} {:>8} {:>12} {:>12} {:>12}  {}\n", calls.what, Grouped(count),
                       FormatBytes(calls.bytes / count), FormatSeconds(calls.time / count),
                       FormatSeconds(calls.time), FormatSeconds(calls.waiting));
  }
}

void AddTiers(std::string& out, const ReplayRecord& record) {
  if (record.tiers.empty()) {
    return;
  }
  out += fmt::format("\n{:<18} {:>8} {:>12} {:>12} {:>12}\n", "links in use", "count", "bytes",
                     "mean use", "most");
  for (const ReplayTier& tier : record.tiers) {
    out += fmt::format("{:<18} {:>8} {:>12} {:>12} {:>12}\n", tier.name,
                       Grouped(static_cast<double>(tier.links)), FormatBytes(tier.bytes),
                       Percent(tier.mean), Percent(tier.most));
  }
}

std::string RankLine(const std::string& name, const ReplayRank& rank) {
  return fmt::format("{:<10} {:>11} {:>11} {:>13} {:>11} {:>11} {:>11}\n", name,
                     FormatSeconds(rank.compute), FormatSeconds(rank.host),
                     FormatSeconds(rank.communication), FormatSeconds(rank.exposed),
                     FormatSeconds(rank.waiting), FormatSeconds(rank.idle));
}

void AddRanks(std::string& out, const ReplayRecord& record) {
  out += fmt::format("\n{:<10} {:>11} {:>11} {:>13} {:>11} {:>11} {:>11}\n", "rank", "compute",
                     "host", "communication", "exposed", "waiting", "idle");
  for (std::size_t i = 0; i < std::min(record.by_rank.size(), kRanksShown); ++i) {
    out += RankLine(std::to_string(i), record.by_rank[i]);
  }
  if (record.by_rank.size() <= kRanksShown) {
    return;
  }
  out += fmt::format("... {} ranks more; --format json has all\n",
                     record.by_rank.size() - kRanksShown);
  ReplayRank mean;
  const auto count = static_cast<double>(record.by_rank.size());
  for (const ReplayRank& rank : record.by_rank) {
    mean.compute += rank.compute / count;
    mean.host += rank.host / count;
    mean.communication += rank.communication / count;
    mean.exposed += rank.exposed / count;
    mean.waiting += rank.waiting / count;
    mean.idle += rank.idle / count;
  }
  out += RankLine("mean", mean);
}

void AddRankMembers(JsonWriter& json, const ReplayRank& rank) {
  json.BeginObject();
  json.Member("rank", rank.rank);
  json.Member("compute_s", rank.compute.si());
  json.Member("host_s", rank.host.si());
  json.Member("communication_s", rank.communication.si());
  json.Member("exposed_s", rank.exposed.si());
  json.Member("waiting_s", rank.waiting.si());
  json.Member("idle_s", rank.idle.si());
  json.Member("end_s", rank.end.si());
  json.EndObject();
}

void AddRecordedMembers(JsonWriter& json, const ReplayRecorded& recorded) {
  json.Key("recorded");
  json.BeginObject();
  json.Member("all_s", recorded.all.si());
  json.Member("communication_s", recorded.communication.si());
  json.Member("span_s", recorded.span.si());
  json.Key("lanes");
  json.BeginArray();
  for (const ReplayRecorded::Lane& lane : recorded.lanes) {
    json.BeginObject();
    json.Member("name", lane.name);
    json.Member("nodes", lane.nodes);
    json.Member("time_s", lane.time.si());
    json.EndObject();
  }
  json.EndArray();
  json.EndObject();
}

}  // namespace

std::string ReplayText(const ReplayRecord& record) {
  std::string out;
  AddHead(out, record);
  AddRecorded(out, record);
  AddPath(out, record);
  AddCalls(out, record);
  AddTiers(out, record);
  AddRanks(out, record);
  out +=
      "\nexposed: communication while the accelerator computes nothing. waiting: the part of "
      "communication\nin which other ranks had not come yet. idle: neither of the two.\n";
  for (const std::string& note : record.notes) {
    out += Wrapped("note: ", note, 2);
  }
  return out;
}

std::string ReplayJson(const ReplayRecord& record) {
  JsonWriter json;
  json.BeginObject();
  json.Member("scenario", record.scenario);
  json.Member("machine", record.machine);
  json.Member("traces", record.path);
  json.Member("one_stream", record.one_stream);
  json.Member("compute_speed", record.compute_speed);
  json.Member("recorded_calls", record.recorded_calls);
  json.Member("time_s", record.time.si());
  json.Member("ranks", record.ranks);
  json.Member("distinct_traces", record.distinct);
  json.Member("nodes", record.nodes);
  AddRecordedMembers(json, record.recorded);
  json.Objects("critical_path", record.path_parts, [&json](const ReplayPathPart& part) {
    json.Member("what", part.what);
    json.Member("nodes", part.nodes);
    json.Member("time_s", part.time.si());
  });
  json.Objects("transfers", record.calls, [&json](const ReplayCalls& calls) {
    json.Member("what", calls.what);
    json.Member("count", calls.count);
    json.Member("bytes", calls.bytes.si());
    json.Member("time_s", calls.time.si());
    json.Member("behind_s", calls.waiting.si());
  });
  json.Objects("links", record.tiers, [&json](const ReplayTier& tier) {
    json.Member("tier", tier.name);
    json.Member("links", tier.links);
    json.Member("bytes", tier.bytes.si());
    json.Member("mean_utilisation", tier.mean);
    json.Member("most_utilisation", tier.most);
  });
  json.Key("by_rank");
  json.BeginArray();
  for (const ReplayRank& rank : record.by_rank) {
    AddRankMembers(json, rank);
  }
  json.EndArray();
  json.Values("notes", record.notes);
  json.Member("activities", static_cast<std::int64_t>(record.activities));
  json.EndObject();
  return json.Finish();
}

}  // namespace gridlock
