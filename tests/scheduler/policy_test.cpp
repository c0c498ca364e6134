// FIFO and EASY by hand, and their promises on random clusters.

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <limits>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "sim/base/random.h"
#include "tests/scheduler/clusters.h"

namespace gridlock {

namespace {

// One site of ten servers at time 0; job 100 holds four of them until time 10.
ClusterState Ten() {
  ClusterState state;
  state.sites = {LeavesAndPods(10, 1, std::vector<char>(10, 1))};
  const Placement placement = {{0, 0, 4}};
  state.running = {{100, 0, Seconds(0), Seconds(10), placement}};
  Mark(state, placement, 0);
  return state;
}

QueuedJob JobOn(const std::vector<std::int32_t>& sites, std::int32_t job, std::int32_t servers,
                double expected) {
  QueuedJob queued{{job}, 0, Seconds(job), {}, false, servers, Seconds(expected)};
  for (const std::int32_t site : sites) {
    queued.sites.push_back({site});
  }
  return queued;
}

std::vector<std::int32_t> Started(const Policy& policy, const ClusterState& state) {
  std::vector<std::int32_t> jobs;
  for (const Start& start : ChooseStarts(policy, state)) {
    jobs.push_back(start.job);
  }
  return jobs;
}

using Jobs = std::vector<std::int32_t>;

TEST(Fifo, GoesByPriorityThenSubmissionThenNumber) {
  ClusterState state = Ten();
  state.queue = {JobOn({0}, 4, 1, 1), JobOn({0}, 3, 1, 1), JobOn({0}, 2, 1, 1),
                 JobOn({0}, 1, 1, 1)};
  state.queue[0].submit = state.queue[1].submit = Seconds(0);
  state.queue[2].priority = 1;
  EXPECT_EQ(Started(PolicyNamed("FIFO"), state), (Jobs{2, 3, 4, 1}));
}

TEST(Shortest, GoesByPriorityThenTimeThenSubmission) {
  ClusterState state = Ten();
  state.queue = {JobOn({0}, 1, 1, 50), JobOn({0}, 2, 1, 20), JobOn({0}, 3, 1, 20),
                 JobOn({0}, 4, 1, std::numeric_limits<double>::infinity()), JobOn({0}, 5, 1, 90)};
  state.queue[4].priority = 1;
  EXPECT_EQ(Started(PolicyNamed("SHORTEST"), state), (Jobs{5, 2, 3, 1, 4}));
  // The first that does not fit keeps its place: job 2 needs all of the site at 10, and what goes
  // before it has to be over then.
  state = Ten();
  state.queue = {JobOn({0}, 1, 6, 50), JobOn({0}, 2, 10, 20), JobOn({0}, 3, 6, 9)};
  EXPECT_EQ(Started(PolicyNamed("SHORTEST"), state), (Jobs{3}));
}

TEST(Fifo, WhoDoesNotFitHoldsUpItsSitesAndNoOthers) {
  ClusterState state = Ten();
  state.sites.push_back(LeavesAndPods(10, 1, std::vector<char>(2, 1)));
  state.queue = {JobOn({0}, 1, 7, 1), JobOn({0}, 2, 1, 1), JobOn({0, 1}, 3, 1, 1),
                 JobOn({1}, 4, 1, 1)};
  EXPECT_EQ(Started(PolicyNamed("FIFO"), state), (Jobs{3, 4}));
}

TEST(Fifo, AJobThatSpansSitesStartsOnAllOrNone) {
  ClusterState state = Ten();
  state.sites.push_back(LeavesAndPods(10, 1, std::vector<char>(6, 1)));
  state.queue = {JobOn({1, 0}, 1, 6, 1)};
  state.queue[0].spans = true;
  const std::vector<Start> starts = ChooseStarts(PolicyNamed("FIFO"), state);
  ASSERT_EQ(starts.size(), 1U);
  EXPECT_EQ(starts[0].placement, (Placement{{1, 0, 6}, {0, 4, 6}}));
  state.sites[1].free[0] = 0;
  EXPECT_TRUE(ChooseStarts(PolicyNamed("FIFO"), state).empty());
}

TEST(Backfill, LetsThoseGoFirstThatEndBeforeTheHeadCanStart) {
  ClusterState state = Ten();
  state.queue = {JobOn({0}, 1, 10, 5), JobOn({0}, 2, 3, 10), JobOn({0}, 3, 3, 10.5)};
  EXPECT_EQ(Started(PolicyNamed("BACKFILL"), state), (Jobs{2}));
  EXPECT_TRUE(Started(PolicyNamed("FIFO"), state).empty());
}

TEST(Backfill, LetsThoseGoFirstThatTakeServersTheHeadWillNotNeed) {
  ClusterState state = Ten();  // the head starts at 10 and leaves three
  state.queue = {JobOn({0}, 1, 7, 5), JobOn({0}, 2, 2, kNever), JobOn({0}, 3, 2, kNever),
                 JobOn({0}, 4, 1, 99)};
  EXPECT_EQ(Started(PolicyNamed("BACKFILL"), state), (Jobs{2, 4}));
}

TEST(Backfill, OfUnknownRunTimeNeverCountsAsEndingInTime) {
  ClusterState state = Ten();
  state.running[0].expected_end = Seconds(kNever);
  state.queue = {JobOn({0}, 1, 10, 5), JobOn({0}, 2, 1, kNever), JobOn({0}, 3, 1, 1e9)};
  EXPECT_EQ(Started(PolicyNamed("BACKFILL"), state), (Jobs{3}));
}

TEST(Backfill, HeedsTheHeadOnEverySiteThatItCouldUse) {
  ClusterState state = Ten();
  const Placement placement = {{1, 0, 5}};
  state.sites.push_back(LeavesAndPods(10, 1, std::vector<char>(10, 1)));
  state.running.push_back({101, 0, Seconds(0), Seconds(20), placement});
  Mark(state, placement, 0);
  state.queue = {JobOn({0, 1}, 1, 10, 5), JobOn({1}, 2, 1, 15), JobOn({0}, 3, 1, 15)};
  EXPECT_EQ(Started(PolicyNamed("BACKFILL"), state), (Jobs{2}));
}

TEST(Backfill, OfAHeadThatSpansSitesWaitsForTheLastOfThem) {
  ClusterState state = Ten();
  const Placement placement = {{1, 0, 5}};
  state.sites.push_back(LeavesAndPods(10, 1, std::vector<char>(10, 1)));
  state.running.push_back({101, 0, Seconds(0), Seconds(20), placement});
  Mark(state, placement, 0);
  state.queue = {JobOn({0, 1}, 1, 10, 5), JobOn({0}, 2, 1, 20), JobOn({0}, 3, 1, 21)};
  state.queue[0].spans = true;
  EXPECT_EQ(Started(PolicyNamed("BACKFILL"), state), (Jobs{2}));
}

TEST(Conservative, DelaysNobodyInFrontWhereBackfillDelaysTheSecond) {
  // Job 1 needs all ten servers at 10. Job 2 needs four of them at 15, when job 1 is done. Job 3
  // would take three until 100: beside job 2 there is room for it, beside job 1 there is none.
  // Job 4 ends before.
  ClusterState state = Ten();
  state.queue = {JobOn({0}, 1, 7, 5), JobOn({0}, 2, 8, 5), JobOn({0}, 3, 3, 90)};
  EXPECT_EQ(Started(PolicyNamed("BACKFILL"), state), (Jobs{3}));
  EXPECT_TRUE(Started(PolicyNamed("CONSERVATIVE"), state).empty());
  state.queue.push_back(JobOn({0}, 4, 3, 15));
  EXPECT_EQ(Started(PolicyNamed("CONSERVATIVE"), state), (Jobs{4}));
}

// Two leaves of four servers, of which one each is free; those of the first come back at 10, those
// of the second at 20.
ClusterState TwoLeaves() {
  ClusterState state;
  state.sites = {LeavesAndPods(4, 1, std::vector<char>(8, 1))};
  state.running = {{100, 0, Seconds(0), Seconds(10), {{0, 0, 3}}},
                   {101, 0, Seconds(0), Seconds(20), {{0, 4, 3}}}};
  for (const RunningJob& job : state.running) {
    Mark(state, job.placement, 0);
  }
  return state;
}

TEST(Conservative, KeepsTheGroupThatAJobInFrontHasToLieWithin) {
  ClusterState state = TwoLeaves();
  const std::string leaf = state.sites[0].locality->level(0).name;
  // Job 1 gets the first leaf at 10. Job 2 would fit into it by the count of the site, and is sent
  // to the second leaf; job 3 does not fit there beside it and ends too late for the first.
  state.queue = {JobOn({0}, 1, 4, 100), JobOn({0}, 2, 1, 50)};
  state.queue[0].within = leaf;
  const std::vector<Start> starts = ChooseStarts(PolicyNamed("CONSERVATIVE"), state);
  ASSERT_EQ(starts.size(), 1U);
  EXPECT_EQ(starts[0].job, 2);
  EXPECT_GE(starts[0].placement[0].first, 4);
  state.queue.push_back(JobOn({0}, 3, 1, 50));
  EXPECT_EQ(Started(PolicyNamed("CONSERVATIVE"), state), (Jobs{2}));
  state.queue.push_back(JobOn({0}, 4, 1, 9));
  EXPECT_EQ(Started(PolicyNamed("CONSERVATIVE"), state), (Jobs{2, 4})) << "it ends in time";
  EXPECT_EQ(PlayForward(PolicyNamed("CONSERVATIVE"), state).at(1), 10);
}

// The promises that hold for all policies.
void CheckStarts(const ClusterState& state, const std::vector<Start>& starts) {
  std::set<std::pair<std::int32_t, std::int32_t>> held;
  std::set<std::int32_t> jobs;
  for (const Start& start : starts) {
    const QueuedJob& job = JobOf(state, start.job);
    RC_ASSERT(jobs.insert(start.job).second);
    std::vector<SiteIndex> sites;
    for (const ServerRun& run : start.placement) {
      if (sites.empty() || sites.back() != run.site) {
        sites.push_back(run.site);
      }
      for (ServerIndex server = run.first; server < run.first + run.count; ++server) {
        RC_ASSERT(state.sites.at(run.site).free.at(server) == 1);
        RC_ASSERT(held.emplace(run.site, server).second);
      }
    }
    if (job.spans) {
      RC_ASSERT(sites == job.sites);
    } else {
      RC_ASSERT(sites.size() == 1U);
      RC_ASSERT(std::count(job.sites.begin(), job.sites.end(), sites[0]) == 1);
    }
    RC_ASSERT(ServersIn(start.placement) == static_cast<std::int64_t>(sites.size()) * job.servers);
  }
}

// Racks of some sites, which cross leaves and pods, and jobs that lie within a group of some kind.
ClusterState DrawClusterOfGroups() {
  ClusterState state = DrawCluster();
  for (SiteState& site : state.sites) {
    if (const int size = *rc::gen::inRange(0, 6); size > 0) {
      const std::int32_t servers = site.locality->servers();
      site.building = std::make_shared<Locality>(
          servers,
          std::vector<Locality::Level>{{"rack", Locality::Every(size, servers)},
                                       {"feed", Locality::Every(2 * size, servers)}},
          /*interchangeable=*/true);
    }
  }
  for (QueuedJob& job : state.queue) {
    job.within = *rc::gen::element<std::string>("", "leaf", "pod", "rack", "feed");
  }
  return state;
}

RC_GTEST_PROP(Within, KeepsEachJobInOneGroupUnderAnyPolicy, ()) {
  const ClusterState state = DrawClusterOfGroups();
  for (const Policy& policy : Policies()) {
    const std::vector<Start> starts = ChooseStarts(policy, state);
    CheckStarts(state, starts);
    for (const Start& start : starts) {
      const QueuedJob& job = JobOf(state, start.job);
      for (const SiteIndex site : job.sites) {
        Placement here = start.placement;
        std::erase_if(here, [site](const ServerRun& run) {
          return run.site != site;
        });
        const auto places = PlacesWithin(state.sites.at(site), site, job.within);
        RC_ASSERT(here.empty() ||
                  std::any_of(places.begin(), places.end(), [&here](const ServerRun& place) {
                    return std::all_of(here.begin(), here.end(), [&place](const ServerRun& run) {
                      return Overlap(run, place) == run.count;
                    });
                  }));
      }
    }
  }
}

// Two feeds of three servers under leaves of four: a job of three fits into the second feed, which
// no leaf holds; one of four into none.
TEST(Within, FindsAFeedThatCrossesLeaves) {
  ClusterState state;
  state.now = Seconds(0);
  state.sites = {LeavesAndPods(4, 1, {1, 1, 0, 1, 1, 1})};
  state.sites[0].building = std::make_shared<Locality>(
      6, std::vector<Locality::Level>{{"feed", Locality::Every(3, 6)}}, true);
  state.queue = {JobOn({0}, 1, 3, 5), JobOn({0}, 2, 4, 5)};
  state.queue[0].within = state.queue[1].within = "feed";
  for (const Policy& policy : Policies()) {
    const std::vector<Start> starts = ChooseStarts(policy, state);
    ASSERT_EQ(starts.size(), 1U) << policy.name;
    EXPECT_EQ(starts[0].job, 1);
    EXPECT_EQ(ServersIn(starts[0].placement), 3);
    for (const ServerRun& run : starts[0].placement) {
      EXPECT_GE(run.first, 3) << policy.name;
    }
  }
}

// Whatever stands behind it, with groups or without.
RC_GTEST_PROP(Conservative, StartsTheFirstInLineAsIfItWereAlone, ()) {
  ClusterState state = DrawClusterOfGroups();
  RC_PRE(!state.queue.empty());
  ClusterState alone = state;
  alone.queue = {InOrder(state.queue).front()};
  const std::int32_t first = alone.queue[0].job;
  const auto by_itself = PlayForward(PolicyNamed("CONSERVATIVE"), alone);
  const auto beside = PlayForward(PolicyNamed("CONSERVATIVE"), state);
  RC_ASSERT(beside.contains(first) == by_itself.contains(first));
  if (by_itself.contains(first)) {
    RC_ASSERT(beside.at(first) <= by_itself.at(first) + 1e-9);
  }
}

TEST(FairShare, TheTenantThatUsedTheLeastOfItsShareComesFirst) {
  ClusterState state = Ten();
  state.queue = {JobOn({0}, 1, 3, 5), JobOn({0}, 2, 3, 5), JobOn({0}, 3, 3, 5)};
  state.queue[0].tenant = 0;
  state.queue[1].tenant = 1;
  state.queue[2].tenant = 2;
  state.used = {30, 10, 20};
  EXPECT_EQ(Started(PolicyNamed("FAIR_SHARE"), state), (Jobs{2, 3}));
  state.queue[0].priority = 1;
  EXPECT_EQ(Started(PolicyNamed("FAIR_SHARE"), state), (Jobs{1, 2}));
}

TEST(Spares, GoToThoseThatStartAgain) {
  for (const Policy& policy : Policies()) {
    ClusterState state = Ten();  // six are free
    state.sites[0].reserved = 2;
    state.queue = {JobOn({0}, 1, 5, 5)};
    EXPECT_TRUE(Started(policy, state).empty()) << policy.name;
    state.queue[0].restarts = true;
    EXPECT_EQ(Started(policy, state), (Jobs{1})) << policy.name;
  }
}

RC_GTEST_PROP(Schedule, StartsOnFreeServersOfItsSitesNoneOfThemTwice, ()) {
  const ClusterState state = DrawCluster();
  for (const Policy& policy : Policies()) {
    CheckStarts(state, ChooseStarts(policy, state));
  }
}

RC_GTEST_PROP(Schedule, DoesNotDependOnTheOrderOfTheQueue, ()) {
  ClusterState state = DrawCluster();
  std::vector<Jobs> before;
  for (const Policy& policy : Policies()) {
    before.push_back(Started(policy, state));
  }
  std::reverse(state.queue.begin(), state.queue.end());
  for (std::size_t p = 0; p < before.size(); ++p) {
    RC_ASSERT(Started(Policies()[p], state) == before[p]);
  }
}

// Jobs in front start no later than first come, first served, and end no later, so that at the time
// of any start under FIFO at least as much is free.
RC_GTEST_PROP(Conservative, StartsNoJobLaterThanFifoDoes, ()) {
  const ClusterState state = DrawCluster();
  RC_PRE(state.sites.size() == 1U);
  const auto fifo = PlayForward(PolicyNamed("FIFO"), state);
  const auto conservative = PlayForward(PolicyNamed("CONSERVATIVE"), state);
  for (const auto& [job, start] : fifo) {
    RC_ASSERT(conservative.contains(job));
    RC_ASSERT(conservative.at(job) <= start + 1e-9);
  }
}

RC_GTEST_PROP(Fifo, NoJobUsesASiteThatOneBeforeItWaitsForAndNoneWaitsForNothing, ()) {
  const ClusterState state = DrawCluster();
  const std::vector<Start> starts = ChooseStarts(PolicyNamed("FIFO"), state);
  const ClusterState after = After(state, starts);
  std::set<std::int32_t> wanted;
  for (const QueuedJob& job : InOrder(state.queue)) {
    const auto start = std::find_if(starts.begin(), starts.end(), [&job](const Start& each) {
      return each.job == job.job;
    });
    if (start != starts.end()) {
      for (const ServerRun& run : start->placement) {
        RC_ASSERT(wanted.count(run.site) == 0U);
      }
      continue;
    }
    // Where none before it waits, nobody behind it took anything, so that what is left is what it
    // saw.
    int fits = 0;
    for (const SiteIndex site : job.sites) {
      const auto& free = after.sites[site].free;
      fits += wanted.count(site) == 0U && std::count(free.begin(), free.end(), 1) >= job.servers;
    }
    RC_ASSERT(fits < (job.spans ? static_cast<int>(job.sites.size()) : 1));
    wanted.insert(job.sites.begin(), job.sites.end());
  }
}

RC_GTEST_PROP(Backfill, StartsAllThatFifoStartsAndMaybeMore, ()) {
  const ClusterState state = DrawCluster();
  const Jobs fifo = Started(PolicyNamed("FIFO"), state);
  const Jobs backfill = Started(PolicyNamed("BACKFILL"), state);
  RC_ASSERT(backfill.size() >= fifo.size());
  RC_ASSERT(std::equal(fifo.begin(), fifo.end(), backfill.begin()));
}

RC_GTEST_PROP(Backfill, NeverDelaysTheHeadBeyondItsStartUnderFifo, ()) {
  ClusterState state = DrawCluster();
  state = After(state, ChooseStarts(PolicyNamed("FIFO"), state));
  RC_PRE(!state.queue.empty());
  const std::int32_t head = InOrder(state.queue).front().job;
  const auto fifo = PlayForward(PolicyNamed("FIFO"), state);
  const auto backfill = PlayForward(PolicyNamed("BACKFILL"), state);
  if (fifo.contains(head)) {
    RC_ASSERT(backfill.contains(head));
    RC_ASSERT(backfill.at(head) <= fifo.at(head));
  }
}

TEST(Backfill, DoesStartMoreThanFifoOnMostRandomQueues) {
  // Guards the properties above against a backfill that never does anything.
  Random random(5, "queues");
  int more = 0;
  for (int trial = 0; trial < 200; ++trial) {
    ClusterState state = Ten();
    for (std::int32_t job = 0; job < 10; ++job) {
      state.queue.push_back(JobOn({0}, job, 1 + static_cast<std::int32_t>(random.Below(8)),
                                  1 + 15 * random.Uniform()));
    }
    more +=
        Started(PolicyNamed("BACKFILL"), state).size() > Started(PolicyNamed("FIFO"), state).size();
  }
  EXPECT_GT(more, 100);
}

// 12,500 servers, 400 jobs running on them, 1,000 waiting.
ClusterState LargeCluster(std::int32_t servers_each) {
  Random random(1, "large");
  ClusterState state;
  state.sites = {LeavesAndPods(16, 32, std::vector<char>(12500, 1))};
  for (std::int32_t job = 0; job < 400; ++job) {
    const Placement placement =
        Place(state.sites[0], SiteIndex{0}, 1 + static_cast<std::int32_t>(random.Below(50)));
    Mark(state, placement, 0);
    state.running.push_back(
        {10000 + job, 0, Seconds(0), Seconds(1e5 * random.Uniform()), placement});
  }
  for (std::int32_t job = 0; job < 1000; ++job) {
    state.queue.push_back(
        JobOn({0}, job,
              servers_each > 0 ? servers_each : 1 + static_cast<std::int32_t>(random.Below(600)),
              1e5 * random.Uniform()));
  }
  return state;
}

void ExpectFast(const char* name, const ClusterState& state) {
  constexpr int kTimes = 10;
  const std::clock_t begin = std::clock();
  std::size_t starts = 0;
  for (int i = 0; i < kTimes; ++i) {
    starts = ChooseStarts(PolicyNamed("BACKFILL"), state).size();
  }
  const double each = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC / kTimes;
  std::printf("%s: %zu start, %.2f ms\n", name, starts, each * 1e3);
  EXPECT_GT(starts, 0U);
  EXPECT_LT(each, 50e-3);  // ten times what is meant, for slow builds
}

TEST(Schedule, DecidesOnAThousandJobsAndTwelveThousandServersInMilliseconds) {
  ExpectFast("large jobs", LargeCluster(0));
  ExpectFast("jobs of one server", LargeCluster(1));
}

}  // namespace

}  // namespace gridlock
