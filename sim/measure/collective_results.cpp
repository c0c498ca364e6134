#include "sim/measure/collective_results.h"

#include <algorithm>
#include <string>

#include "sim/base/check.h"

namespace gridlock {

namespace {

// One run of one collective by all groups, between two barriers. All groups begin it together.
struct Run {
  double start = 0, end = 0;  ///< seconds; the end is that of the slowest group
  double latency = 0;         ///< seconds of all phases of the slowest group
  CollectiveRecord longest;   ///< phase of the slowest group
};

bool Longer(const CollectiveRecord& a, const CollectiveRecord& b) {
  return a.end - a.start > b.end - b.start;
}

// The phases of the collective that ended with record `last`.
Run RunOf(const StepLog& log, std::int32_t last) {
  Run run;
  run.longest = log.collectives[last];
  run.end = run.longest.end;
  for (std::int32_t i = last;; i = log.collectives[i].previous) {
    const CollectiveRecord& record = log.collectives[i];
    run.latency += record.latency;
    run.longest = Longer(record, run.longest) ? record : run.longest;
    if (record.phase == 0) {
      run.start = record.start;
      return run;
    }
  }
}

// What paced a run: its delays where they are more than half of the longest phase.
Cause WallOf(const Run& run) {
  const CollectiveRecord& phase = run.longest;
  const bool delays = phase.latency > (phase.end - phase.start) / 2;
  return delays ? Cause::kLatency : phase.cause;
}

void MarkFastest(std::vector<CollectiveResult>& rows) {
  for (std::size_t first = 0; first < rows.size();) {
    std::size_t fastest = first;
    std::size_t i = first;
    for (; i < rows.size() && rows[i].size == rows[first].size; ++i) {
      fastest = rows[i].time < rows[fastest].time ? i : fastest;
    }
    rows[fastest].fastest = true;
    first = i;
  }
}

}  // namespace

std::vector<CollectiveResult> CollectiveResults(const CollectiveTestSpec& test,
                                                const StepProgram& program, const Plan& plan,
                                                const StepLog& log) {
  const GroupFamily& family = program.families.front();
  std::vector<CollectiveResult> rows(static_cast<std::size_t>(RowsOf(program)));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Collective& collective = program.collectives[i];
    rows[i].collective = collective.name;
    rows[i].algorithm = collective.algorithm->name;
    rows[i].size = collective.payload;
    rows[i].ranks = family.group_size();
    rows[i].groups = family.group_count();
  }
  // The record that ended last since the barrier; a barrier closes the run.
  std::int32_t slowest = -1;
  for (std::size_t i = 0; i < log.collectives.size(); ++i) {
    const CollectiveRecord& record = log.collectives[i];
    if (record.collective < RowsOf(program)) {
      const bool later = slowest < 0 || record.end > log.collectives[slowest].end;
      slowest = later ? static_cast<std::int32_t>(i) : slowest;
      continue;
    }
    CHECK(slowest >= 0);
    const Run run = RunOf(log, slowest);
    CollectiveResult& row = rows[log.collectives[slowest].collective];
    row.time += Seconds((run.end - run.start) / test.iterations);
    row.latency += Seconds(run.latency / test.iterations);
    row.wall = CauseName(WallOf(run), plan.tiers);
    row.wall_words = CauseInWords(WallOf(run), plan.tiers);
    slowest = -1;
  }
  for (CollectiveResult& row : rows) {
    CHECK(row.time > Seconds(0));
    row.algorithm_bandwidth = row.size / row.time;
    row.bus_bandwidth = row.algorithm_bandwidth * BusFactor(test.kind, row.ranks);
  }
  MarkFastest(rows);
  return rows;
}

}  // namespace gridlock
