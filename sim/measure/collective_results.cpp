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
};

// The phases of the collective that ended with record `last`.
Run RunOf(const StepLog& log, std::int32_t last) {
  Run run;
  run.end = log.collectives[last].end;
  for (std::int32_t i = last;; i = log.collectives[i].previous) {
    const CollectiveRecord& record = log.collectives[i];
    run.latency += record.latency;
    if (record.phase == 0) {
      run.start = record.start;
      return run;
    }
  }
}

// Seconds that a row keeps each resource busy, as a vector by resource: bytes over capacity. All
// groups run the row side by side.
std::vector<double> BusyOf(const Plan& plan, const Collective& collective,
                           const ServerSpec& server) {
  std::vector<double> busy(plan.resources.size(), 0.0);
  for (const Plan::Group& group : plan.groups) {
    if (group.family != collective.family) {
      continue;
    }
    const std::int32_t first = plan.FirstPhase(group, collective.algorithm);
    const std::vector<CollectiveCost> costs = CostsOf(collective, group.shape, server);
    for (std::size_t phase = 0; phase < costs.size(); ++phase) {
      const Plan::Lay& lay = plan.lays[first + static_cast<std::int32_t>(phase)];
      const auto add = [&](Span route, double bytes) {
        for (std::int32_t i = route.begin; i < route.end; ++i) {
          const RouteEntry entry = plan.routes[i];
          busy[entry.resource] +=
              entry.weight * bytes / plan.resources[entry.resource].capacity.si();
        }
      };
      add(lay.domain, lay.DomainBytes(costs[phase]));
      add(lay.nic, lay.NicBytes(costs[phase]));
    }
  }
  return busy;
}

// What the links carry in a row, and what paces it: its delays where they are more than half of its
// time, else the busiest link. Of two equally loaded links the one of the tier that stands first
// in the table is named.
void AddLoads(const Plan& plan, const std::vector<double>& busy, CollectiveResult& row) {
  double most = 0;
  Cause busiest = Cause::kLatency;
  for (std::size_t r = 0; r < busy.size(); ++r) {
    const Plan::Resource& resource = plan.resources[r];
    const Bytes carried(busy[r] * resource.capacity.si() * resource.unit);
    if (resource.tier == TierTable::kScaleUp) {
      row.port_load = std::max(row.port_load, carried);
    } else if (resource.tier == TierTable::kNic) {
      row.nic_load = std::max(row.nic_load, carried);
    }
    if (resource.can_bind && busy[r] > most * kTie) {
      most = busy[r];
      busiest = resource.tier;
    }
  }
  row.busiest = CauseName(busiest, plan.tiers);
  row.utilisation = most / row.time.si();
  const Cause wall = row.latency > row.time / 2 ? Cause(Cause::kLatency) : busiest;
  row.wall = CauseName(wall, plan.tiers);
  row.wall_words = CauseInWords(wall, plan.tiers);
}

// Of the rows [first, end) of one size that with the algorithm which a library takes; where that
// one was not tried, the fastest.
std::size_t ChosenOf(const std::vector<CollectiveResult>& rows, std::size_t first, std::size_t end,
                     std::size_t fastest, const Algorithm& taken) {
  const std::string name = taken.name;
  for (std::size_t i = first; i < end; ++i) {
    if (rows[i].algorithm == name) {
      return i;
    }
  }
  return fastest;
}

void MarkRows(const CollectiveTestSpec& test, const StepProgram& program, const GroupShape& group,
              const ServerSpec& server, std::vector<CollectiveResult>& rows) {
  for (std::size_t first = 0; first < rows.size();) {
    std::size_t fastest = first;
    std::size_t i = first;
    for (; i < rows.size() && rows[i].size == rows[first].size; ++i) {
      fastest = rows[i].time < rows[fastest].time ? i : fastest;
    }
    rows[fastest].fastest = true;
    const Collective& collective = program.collectives[first];
    const CollectiveCall call{collective.kind, collective.payload, group, server};
    rows[ChosenOf(rows, first, i, fastest, LibraryChoice(call, test.excluded))].chosen = true;
    first = i;
  }
}

}  // namespace

std::vector<CollectiveResult> CollectiveResults(const CollectiveTestSpec& test,
                                                const StepProgram& program, const Plan& plan,
                                                const ServerSpec& server, const StepLog& log) {
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
    slowest = -1;
  }
  for (std::size_t i = 0; i < rows.size(); ++i) {
    CollectiveResult& row = rows[i];
    CHECK(row.time > Seconds(0));
    AddLoads(plan, BusyOf(plan, program.collectives[i], server), row);
    row.algorithm_bandwidth = row.size / row.time;
    row.bus_bandwidth = row.algorithm_bandwidth * BusFactor(test.kind, row.ranks);
  }
  CHECK(!plan.groups.empty());
  MarkRows(test, program, plan.groups.front().shape, server, rows);
  return rows;
}

}  // namespace gridlock
