// The scheduler as the servers of a queue whose waiting time is known.

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include "sim/base/random.h"
#include "tests/scheduler/clusters.h"

namespace gridlock {

namespace {

constexpr int kServers = 8;
constexpr double kService = 1.0;  // s, mean
constexpr double kLoad = 0.8;     // of all servers

// Mean wait in M/M/c: C(c, a) / (c mu - lambda), with C from the recursion of Erlang B.
double ErlangWait(int servers, double load, double service) {
  const double offered = load * servers;
  double blocked = 1;
  for (int c = 1; c <= servers; ++c) {
    blocked = offered * blocked / (c + offered * blocked);
  }
  const double waits = blocked / (1 - load * (1 - blocked));
  return waits * service / (servers * (1 - load));
}

// Mean wait of `jobs` customers after as many that only fill the queue.
double MeanWait(const Policy& policy, int replication, int jobs) {
  Random random(static_cast<std::uint64_t>(replication), "queue");
  ClusterState state;
  state.sites = {LeavesAndPods(4, 2, std::vector<char>(kServers, 1))};
  double arrival = 0, waited = 0;
  int submitted = 0, started = 0;
  while (started < 2 * jobs) {
    double end = kNever;
    for (const RunningJob& job : state.running) {
      end = std::min(end, job.expected_end.si());
    }
    state.now = Seconds(std::min(arrival, end));
    if (arrival <= end) {
      state.queue.push_back({submitted++,
                             0,
                             state.now,
                             {SiteIndex{0}},
                             false,
                             1,
                             Seconds(random.Exponential(kService))});
      arrival += random.Exponential(kService / (kServers * kLoad));
    } else {
      std::erase_if(state.running, [&](const RunningJob& job) {
        const bool ends = job.expected_end <= state.now;
        if (ends) {
          Mark(state, job.placement, 1);
        }
        return ends;
      });
    }
    const std::vector<Start> starts = ChooseStarts(policy, state);
    for (const Start& start : starts) {
      waited += started++ >= jobs ? (state.now - JobOf(state, start.job).submit).si() : 0;
    }
    state = After(std::move(state), starts);
  }
  return waited / jobs;
}

void ExpectErlang(const Policy& policy) {
  constexpr int kReplications = 40;
  double sum = 0, squares = 0;
  for (int r = 0; r < kReplications; ++r) {
    const double wait = MeanWait(policy, r, 1500);
    sum += wait;
    squares += wait * wait;
  }
  const double mean = sum / kReplications;
  const double error = std::sqrt((squares / kReplications - mean * mean) / (kReplications - 1));
  const double expected = ErlangWait(kServers, kLoad, kService);
  EXPECT_NEAR(mean, expected, 3 * error);
  EXPECT_LT(error, 0.1 * expected);  // else the test could not fail
}

TEST(Queue, OfOneServerJobsWaitsAsErlangCSays) {
  EXPECT_NEAR(ErlangWait(1, 0.5, 1), 1.0, 1e-12);  // M/M/1: load / (mu - lambda)
  EXPECT_NEAR(ErlangWait(2, 0.5, 1), 1.0 / 3, 1e-12);
  ExpectErlang(PolicyNamed("FIFO"));
}

TEST(Queue, OfOneServerJobsLeavesNothingToBackfill) {
  EXPECT_EQ(MeanWait(PolicyNamed("FIFO"), 1, 500), MeanWait(PolicyNamed("BACKFILL"), 1, 500));
}

}  // namespace

}  // namespace gridlock
