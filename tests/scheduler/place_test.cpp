// Packing of jobs against all ways to choose pods and leaves.

#include <algorithm>
#include <set>
#include <string>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "tests/scheduler/clusters.h"

namespace gridlock {

namespace {

SiteState SiteOf(std::int32_t servers_per_leaf, std::int32_t leaves_per_pod,
                 const std::string& free) {
  std::vector<char> servers;
  for (const char c : free) {
    servers.push_back(c == '1' ? 1 : 0);
  }
  return LeavesAndPods(servers_per_leaf, leaves_per_pod, servers);
}

// Groups of `size` servers that a placement touches.
std::set<std::int32_t> Touched(const Placement& placement, std::int32_t size) {
  std::set<std::int32_t> groups;
  for (const ServerRun& run : placement) {
    for (std::int32_t server = run.first; server < run.first + run.count; ++server) {
      groups.insert(server / size);
    }
  }
  return groups;
}

std::vector<std::int32_t> FreeByGroup(const SiteState& site, std::int32_t size) {
  std::vector<std::int32_t> free((site.free.size() + size - 1) / size);
  for (std::size_t server = 0; server < site.free.size(); ++server) {
    free[server / size] += site.free[server];
  }
  return free;
}

// The fewest groups that hold the servers, of all subsets.
int FewestGroups(const std::vector<std::int32_t>& free, std::int32_t servers) {
  int fewest = static_cast<int>(free.size()) + 1;
  for (unsigned subset = 0; subset < 1U << free.size(); ++subset) {
    std::int32_t sum = 0;
    int count = 0;
    for (std::size_t g = 0; g < free.size(); ++g) {
      if ((subset >> g & 1U) != 0) {
        sum += free[g];
        ++count;
      }
    }
    fewest = sum >= servers ? std::min(fewest, count) : fewest;
  }
  return fewest;
}

TEST(Place, TakesTheFullestLeafThatHoldsAllEvenInAnEmptierPod) {
  //                             leaf 0 ..                     pod 1 ..
  const SiteState site = SiteOf(4, 2,
                                "1100"
                                "1100"
                                "0111"
                                "1111");
  EXPECT_EQ(Place(site, SiteIndex{5}, 3), (Placement{{5, 9, 3}}));
}

TEST(Place, TakesTheFullestPodThatHoldsAllWhenNoLeafDoes) {
  const SiteState site = SiteOf(2, 2,
                                "1111"
                                "1110"
                                "1111");
  EXPECT_EQ(Place(site, SiteIndex{0}, 3), (Placement{{0, 4, 3}}));
}

TEST(Place, TakesTheEmptiestPodsAndThenTheOneThatFitsTheRest) {
  const SiteState site = SiteOf(2, 2,
                                "1100"
                                "1111"
                                "1000");
  EXPECT_EQ(Place(site, SiteIndex{0}, 5), (Placement{{0, 4, 5}}));
}

TEST(Place, IsEmptyWhenServersDoNotSuffice) {
  EXPECT_TRUE(Place(SiteOf(2, 2, "10101"), SiteIndex{0}, 4).empty());
  EXPECT_EQ(Place(SiteOf(2, 2, "10101"), SiteIndex{0}, 3),
            (Placement{{0, 0, 1}, {0, 2, 1}, {0, 4, 1}}));
}

// Servers of a placement under the leaf of one of them.
std::int32_t UnderLeafOf(std::int32_t server, const Placement& placement, std::int32_t per_leaf) {
  std::int32_t count = 0;
  for (const ServerRun& run : placement) {
    for (std::int32_t other = run.first; other < run.first + run.count; ++other) {
      count += other / per_leaf == server / per_leaf ? 1 : 0;
    }
  }
  return count;
}

RC_GTEST_PROP(Place, TakesFreeServersOfFewestPodsAndOneLeafWhereOneHoldsAll, ()) {
  const ClusterState state = DrawCluster();
  const SiteState& site = state.sites.front();
  const std::int32_t pod = GroupSize(site, 1);
  const std::vector<std::int32_t> pods = FreeByGroup(site, pod);
  RC_PRE(pods.size() <= 12U);
  const auto total = static_cast<std::int32_t>(std::count(site.free.begin(), site.free.end(), 1));
  const std::int32_t servers = *rc::gen::inRange(1, 25);
  const Placement placement = Place(site, SiteIndex{3}, servers);
  if (servers > total) {
    RC_ASSERT(placement.empty());
    return;
  }
  RC_ASSERT(ServersIn(placement) == servers);
  std::set<std::int32_t> seen;
  std::int32_t most = GroupSize(site, 0);
  for (const ServerRun& run : placement) {
    RC_ASSERT(run.site == 3);
    for (std::int32_t server = run.first; server < run.first + run.count; ++server) {
      RC_ASSERT(site.free.at(server) == 1);
      RC_ASSERT(seen.insert(server).second);
      // Leaves come by falling share of the job.
      const std::int32_t share = UnderLeafOf(server, placement, GroupSize(site, 0));
      RC_ASSERT(share <= most);
      most = share;
    }
  }
  RC_ASSERT(static_cast<int>(Touched(placement, pod).size()) == FewestGroups(pods, servers));
  const std::vector<std::int32_t> leaves = FreeByGroup(site, GroupSize(site, 0));
  if (*std::max_element(leaves.begin(), leaves.end()) >= servers) {
    RC_ASSERT(Touched(placement, GroupSize(site, 0)).size() == 1U);
  }
}

}  // namespace

}  // namespace gridlock
