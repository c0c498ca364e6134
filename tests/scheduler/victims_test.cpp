// Who makes room.

#include <algorithm>
#include <numeric>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "tests/scheduler/clusters.h"

namespace gridlock {

namespace {

using Jobs = std::vector<std::int32_t>;

Jobs VictimsOn(const ClusterState& state, SiteIndex site, std::int32_t servers,
               std::int32_t below) {
  const std::vector<JobIndex> victims = Victims(state, site, servers, below);
  return {victims.begin(), victims.end()};
}

// Ten servers, all held: job, priority, start, servers.
ClusterState Full() {
  ClusterState state;
  state.sites = {LeavesAndPods(10, 1, std::vector<char>(10, 0))};
  state.running = {{1, 2, Seconds(0), Seconds(90), {{0, 0, 2}}},
                   {2, 1, Seconds(1), Seconds(90), {{0, 2, 4}}},
                   {3, 1, Seconds(2), Seconds(90), {{0, 6, 1}}},
                   {4, 0, Seconds(0), Seconds(90), {{0, 7, 3}}}};
  return state;
}

TEST(Victims, AreOfTheLowestPriorityAndThenTheLatestStart) {
  EXPECT_EQ(VictimsOn(Full(), SiteIndex{0}, 3, 3), (Jobs{4}));
  EXPECT_EQ(VictimsOn(Full(), SiteIndex{0}, 4, 3), (Jobs{4, 3}));
}

TEST(Victims, AreSparedWhenOthersTurnOutToSuffice) {
  // 4, 3 and then 2 would be taken; without 3 the rest do as well.
  EXPECT_EQ(VictimsOn(Full(), SiteIndex{0}, 7, 3), (Jobs{4, 2}));
}

TEST(Victims, AreNoneWithoutNeedOrWhenTheyWouldNotDo) {
  EXPECT_TRUE(VictimsOn(Full(), SiteIndex{0}, 9, 2).empty());
  ClusterState state = Full();
  state.sites[0].free[0] = 1;
  EXPECT_TRUE(VictimsOn(state, SiteIndex{0}, 1, 3).empty());
}

RC_GTEST_PROP(Victims, SufficeAreAllNeededAndNeverOfTheSamePriority, ()) {
  const ClusterState state = DrawCluster();
  const std::int32_t below = *rc::gen::inRange(0, 4);
  const std::int32_t servers = *rc::gen::inRange(1, 20);
  const Jobs victims = VictimsOn(state, SiteIndex{0}, servers, below);
  std::int64_t free = std::count(state.sites[0].free.begin(), state.sites[0].free.end(), 1);
  std::int64_t possible = free;
  std::vector<std::int64_t> released;
  for (const RunningJob& job : state.running) {
    const bool here = job.placement.front().site == 0;
    possible += here && job.priority < below ? ServersIn(job.placement) : 0;
    if (std::count(victims.begin(), victims.end(), job.job) > 0) {
      RC_ASSERT(here);
      RC_ASSERT(job.priority < below);
      released.push_back(ServersIn(job.placement));
      free += released.back();
    }
  }
  RC_ASSERT(released.size() == victims.size());
  RC_ASSERT(!victims.empty() ==
            (free - std::accumulate(released.begin(), released.end(), std::int64_t{0}) < servers &&
             possible >= servers));
  for (const std::int64_t one : released) {
    RC_ASSERT(free >= servers);
    RC_ASSERT(free - one < servers);
  }
}

}  // namespace

}  // namespace gridlock
