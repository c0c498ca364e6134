#include "sim/study/replay_study.h"

#include <algorithm>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "sim/plan/plan.h"

namespace gridlock {

namespace {

using Kind = TraceNode::Kind;
using Interval = std::pair<double, double>;

/// Overlapping intervals become one; returns them by rising start.
std::vector<Interval> Union(std::vector<Interval> intervals) {
  std::sort(intervals.begin(), intervals.end());
  std::vector<Interval> merged;
  for (const Interval& each : intervals) {
    if (each.second <= each.first) {
      continue;
    }
    if (!merged.empty() && each.first <= merged.back().second) {
      merged.back().second = std::max(merged.back().second, each.second);
    } else {
      merged.push_back(each);
    }
  }
  return merged;
}

double LengthOf(const std::vector<Interval>& intervals) {
  double sum = 0;
  for (const auto& [start, end] : intervals) {
    sum += end - start;
  }
  return sum;
}

/// What both have, of two unions.
double Common(const std::vector<Interval>& a, const std::vector<Interval>& b) {
  double sum = 0;
  for (auto i = a.begin(), j = b.begin(); i != a.end() && j != b.end();) {
    sum += std::max(0.0, std::min(i->second, j->second) - std::max(i->first, j->first));
    (i->second < j->second ? i : j)++;
  }
  return sum;
}

bool IsTransfer(const TraceNode& node) {
  return node.kind == Kind::kCall;
}

ReplayRank RankOf(const ReplayWork& work, const ReplayRun& run, std::int32_t rank) {
  const RankTrace& trace = *work.TraceOf(rank).trace;
  const ReplayRun::Rank& state = run.ranks[rank];
  std::vector<Interval> compute, host, communication;
  ReplayRank result;
  result.rank = rank;
  for (std::size_t n = 0; n < trace.nodes.size(); ++n) {
    const TraceNode& node = trace.nodes[n];
    const Interval time(state.start[n], state.end[n]);
    result.end = std::max(result.end, Seconds(time.second));
    if (node.kind == Kind::kHost) {
      host.push_back(time);
    } else if (IsTransfer(node)) {
      communication.push_back(time);
      const std::int32_t call = state.call_of[n];
      result.waiting += Seconds(call < 0 ? 0 : std::max(0.0, run.calls[call].ready - time.first));
    } else if (node.kind != Kind::kMark) {
      compute.push_back(time);
    }
  }
  compute = Union(std::move(compute));
  communication = Union(std::move(communication));
  const double both = Common(compute, communication);
  result.compute = Seconds(LengthOf(compute));
  result.host = Seconds(LengthOf(Union(std::move(host))));
  result.communication = Seconds(LengthOf(communication));
  result.exposed = result.communication - Seconds(both);
  result.idle = Seconds(run.end) - result.compute - result.exposed;
  return result;
}

/// Walks from the node that ended last back to the beginning, always to what was waited for.
class PathWalker {
 public:
  PathWalker(const ReplayWork& work, const ReplayRun& run) : work_(work), run_(run) {}

  std::vector<ReplayPathPart> Walk() {
    RankNode at = Last();
    while (at.node >= 0) {
      at = Step(at);
    }
    std::vector<ReplayPathPart> parts;
    for (const auto& [what, part] : parts_) {
      parts.push_back(part);
      parts.back().what = what;
    }
    std::stable_sort(parts.begin(), parts.end(), [](const auto& a, const auto& b) {
      return a.time > b.time;
    });
    return parts;
  }

 private:
  [[nodiscard]] RankNode Last() const {
    for (std::size_t rank = 0; rank < run_.ranks.size(); ++rank) {
      const std::vector<double>& end = run_.ranks[rank].end;
      const auto last = std::max_element(end.begin(), end.end());
      if (last != end.end() && *last == run_.end) {
        return {static_cast<std::int32_t>(rank), static_cast<std::int32_t>(last - end.begin())};
      }
    }
    return {};
  }

  void Add(const std::string& what, double seconds) {
    if (seconds > 0) {
      ReplayPathPart& part = parts_[what];
      ++part.nodes;
      part.time += Seconds(seconds);
    }
  }

  // Charges the node and returns the one that it waited for.
  RankNode Step(RankNode at) {
    const ReplayRun::Rank& state = run_.ranks[at.rank];
    const TraceNode& node = work_.TraceOf(at.rank).trace->nodes[at.node];
    const std::int32_t call = state.call_of[at.node];
    if (call >= 0) {
      return StepCall(at, call);
    }
    const char* what = node.kind == Kind::kHost     ? "host"
                       : node.kind == Kind::kMemory ? "memory"
                       : IsTransfer(node)           ? "recorded transfers"
                                                    : "compute";
    Add(what, state.end[at.node] - state.start[at.node]);
    return {at.rank, state.waited_for[at.node]};
  }

  RankNode StepCall(RankNode at, std::int32_t number) {
    const ReplayRun::Rank& state = run_.ranks[at.rank];
    const ReplayRun::Call* call = &run_.calls[number];
    // A message that was there before somebody asked for it.
    if (state.start[at.node] >= call->end) {
      return {at.rank, state.waited_for[at.node]};
    }
    Add(work_.program.collectives[call->collective].name, call->end - call->start);
    while (call->previous >= 0) {
      call = &run_.calls[call->previous];
      Add(work_.program.collectives[call->collective].name, call->end - call->start);
    }
    const RankNode last = call->last;
    return {last.rank, run_.ranks[last.rank].waited_for[last.node]};
  }

  const ReplayWork& work_;
  const ReplayRun& run_;
  std::map<std::string, ReplayPathPart> parts_;
};

std::vector<ReplayCalls> CallsOf(const ReplayWork& work, const ReplayRun& run) {
  std::map<std::string, ReplayCalls> by_name;
  for (const ReplayRun::Call& call : run.calls) {
    const Collective& collective = work.program.collectives[call.collective];
    ReplayCalls& calls = by_name[collective.name];
    calls.what = collective.name;
    ++calls.count;
    calls.bytes += collective.payload;
    calls.time += Seconds(call.end - call.start);
    calls.waiting += Seconds(call.start - call.ready);
  }
  std::vector<ReplayCalls> all;
  for (auto& [name, calls] : by_name) {
    all.push_back(std::move(calls));
  }
  return all;
}

std::vector<ReplayTier> TiersOf(const Plan& plan, const ReplayRun& run) {
  std::vector<ReplayTier> tiers(static_cast<std::size_t>(plan.tiers.size()));
  for (std::size_t r = 0; run.end > 0 && r < plan.resources.size(); ++r) {
    if (run.carried[r] > 0) {
      const Plan::Resource& resource = plan.resources[r];
      ReplayTier& tier = tiers[resource.tier.value];
      const double use = run.carried[r] / resource.capacity.si() / run.end;
      tier.name = plan.tiers[resource.tier].name;
      ++tier.links;
      tier.bytes += Bytes(run.carried[r] * resource.unit);
      tier.mean += use;
      tier.most = std::max(tier.most, use);
    }
  }
  std::erase_if(tiers, [](const ReplayTier& tier) {
    return tier.links == 0;
  });
  for (ReplayTier& tier : tiers) {
    tier.mean /= static_cast<double>(tier.links);
  }
  return tiers;
}

ReplayRecorded RecordedOf(const RankTrace& trace) {
  ReplayRecorded recorded;
  double first = -1, last = 0;
  for (const TraceLane& lane : trace.lanes) {
    recorded.lanes.push_back({lane.name});
  }
  for (const TraceNode& node : trace.nodes) {
    const Seconds time(node.seconds);
    recorded.all += time;
    recorded.communication += IsTransfer(node) ? time : Seconds(0);
    if (node.lane >= 0) {
      ++recorded.lanes[node.lane].nodes;
      recorded.lanes[node.lane].time += time;
    }
    if (node.start >= 0) {
      first = first < 0 ? node.start : std::min(first, node.start);
      last = std::max(last, node.start + node.seconds);
    }
  }
  recorded.span = Seconds(first < 0 ? 0 : last - first);
  std::stable_sort(recorded.lanes.begin(), recorded.lanes.end(), [](const auto& a, const auto& b) {
    return a.time > b.time;
  });
  return recorded;
}

void CheckSize(const SiteSpec& site, std::size_t ranks) {
  const std::int64_t held = std::int64_t{site.servers} * site.server.accelerators;
  if (static_cast<std::int64_t>(ranks) > held) {
    throw UserError("", fmt::format("the traces are of {} ranks, and the site has {} accelerators; "
                                    "expected at most as many ranks",
                                    ranks, held));
  }
}

}  // namespace

ReplayRecord RunReplayStudy(const SiteSpec& site, const std::vector<const RankTrace*>& traces,
                            const std::vector<std::int32_t>& trace_of_rank,
                            const ReplayOptions& options, const ReplayProgress& progress) {
  CheckSize(site, trace_of_rank.size());
  const ReplayWork work = BuildReplay(traces, trace_of_rank, options, site.server);
  const Network network(site);
  const Plan plan = Expand({{&work.program, WholeSite(network, 0)}}, network);
  const ReplayRun run = RunReplay(work, plan, site.server, progress);
  ReplayRecord record;
  record.one_stream = options.one_stream;
  record.recorded_calls = options.recorded;
  record.compute_speed = options.compute_speed;
  record.time = Seconds(run.end);
  record.ranks = static_cast<std::int64_t>(trace_of_rank.size());
  record.distinct = static_cast<std::int64_t>(traces.size());
  for (std::int32_t rank = 0; rank < record.ranks; ++rank) {
    record.nodes += static_cast<std::int64_t>(work.TraceOf(rank).trace->nodes.size());
    record.by_rank.push_back(RankOf(work, run, rank));
  }
  record.path_parts = PathWalker(work, run).Walk();
  record.calls = CallsOf(work, run);
  record.tiers = TiersOf(plan, run);
  record.recorded = RecordedOf(*work.TraceOf(0).trace);
  record.notes = work.notes;
  record.activities = run.activities;
  return record;
}

}  // namespace gridlock
