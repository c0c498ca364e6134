// Situations: who can slow whom, what is remembered, and that the rates are those of the engine.

#include "sim/oracle/situation.h"

#include <algorithm>
#include <set>

#include <gtest/gtest.h>

#include "sim/base/check.h"
#include "sim/engine/step_engine.h"
#include "sim/oracle/laid_job.h"
#include "sim/oracle/sharing.h"
#include "sim/process/worker.h"
#include "tests/clos_of.h"
#include "tests/engine/machines.h"
#include "tests/oracle/clusters.h"
#include "topologies/network.h"

namespace gridlock {

namespace {

using Groups = std::vector<std::vector<std::size_t>>;

// By brute force: lay all jobs out and see who uses the same link that can bind.
Groups ByRoutes(const SharedCluster& cluster) {
  const Network network(cluster.sites, cluster.wans);
  std::vector<std::set<int>> links;
  for (std::size_t j = 0; j < cluster.trainings.size(); ++j) {
    const LaidJob laid = LayJob(cluster.trainings[j], cluster.placements[j], network);
    const int servers = static_cast<int>(ServersIn(laid.placement));
    std::vector<AcceleratorIndex> all;
    for (const ServerRun& run : laid.placement) {
      const int domain = network.fabric(run.site).server_size();
      for (int a = run.first * domain; a < (run.first + run.count) * domain; ++a) {
        all.push_back(network.accelerator(run.site, a));
      }
    }
    EXPECT_EQ(laid.program.grid.ranks(), servers * 8);
    std::vector<LinkIndex> route;
    for (const AcceleratorIndex from : all) {
      for (const AcceleratorIndex to : all) {
        if (from != to) {
          network.AppendRoute(from, to, route);
        }
      }
    }
    std::set<int>& mine = links.emplace_back();
    for (const LinkIndex link : route) {
      if (network.can_bind(link)) {
        mine.insert(link.value);
      }
    }
  }
  std::vector<std::size_t> leader(links.size());
  for (std::size_t j = 0; j < links.size(); ++j) {
    leader[j] = j;
    for (std::size_t i = 0; i < j; ++i) {
      const bool share = std::any_of(links[i].begin(), links[i].end(), [&](int link) {
        return links[j].count(link) > 0;
      });
      if (share && leader[i] != leader[j]) {
        const std::size_t low = std::min(leader[i], leader[j]);
        const std::size_t high = std::max(leader[i], leader[j]);
        std::replace(leader.begin(), leader.begin() + static_cast<std::ptrdiff_t>(j) + 1, high,
                     low);
      }
    }
  }
  Groups groups;
  std::vector<std::size_t> seen;
  for (std::size_t j = 0; j < links.size(); ++j) {
    const auto found = std::find(seen.begin(), seen.end(), leader[j]);
    if (found == seen.end()) {
      seen.push_back(leader[j]);
      groups.push_back({j});
    } else {
      groups[static_cast<std::size_t>(found - seen.begin())].push_back(j);
    }
  }
  return groups;
}

Groups GroupsOf(const SharedCluster& cluster) {
  DemandBook book;
  Groups groups;
  for (const auto& group :
       SharingGroups(cluster.situation(), Network(cluster.sites, cluster.wans), book)) {
    groups.emplace_back(group.begin(), group.end());
  }
  return groups;
}

// Three jobs, some with pipelines, in three or more pods of a few leaves, in order or at random.
SharedCluster DrawCluster(Draw& draw) {
  SharedCluster cluster;
  SiteSpec site = ThreeTiers(24, draw.Below(4) == 0 ? 2.0 : 1.0, 1.25 + 0.25 * draw.Below(3));
  ClosOf(site).leaves_per_pod = 3 + draw.Below(2);
  ClosOf(site).routing = draw.Below(3) == 0 ? Routing::kEcmp : Routing::kSpray;
  cluster.sites = {site};
  Scatter(3, 2, draw, cluster);
  const bool in_order = draw.Below(3) > 0;
  for (std::size_t job = 0; job < cluster.trainings.size(); ++job) {
    Layout& layout = cluster.trainings[job].layout;
    if (in_order) {
      std::sort(cluster.placements[job].begin(), cluster.placements[job].end());
    }
    if (draw.Below(2) == 0) {
      layout.rank_order = RankOrder::kTensorPipelineData;
    }
    if (draw.Below(2) == 0) {
      layout.pipeline = 2;
      layout.data /= 2;
    }
  }
  return cluster;
}

// One pod of 8 servers beside another, and jobs of 4 servers half in the one and half in the other:
// each sends through 8 NICs from pod to pod, both ways.
SharedCluster AcrossTwoPods(int jobs, double spine_over) {
  SharedCluster cluster;
  SiteSpec site = ThreeTiers(16, 1, spine_over);
  ClosOf(site).leaves_per_pod = 4;
  cluster.sites = {site};
  for (int job = 0; job < jobs; ++job) {
    cluster.Add(DataParallel(4), {{0, 2 * job, 2}, {0, 8 + 2 * job, 2}});
  }
  return cluster;
}

}  // namespace

// Of what the accelerators of two unlike sites could do together, each counts with its own peak.
TEST(AJobAcrossSites, HasTheMeanPeakOfTheirParts) {
  SharedCluster cluster;
  cluster.sites = {ThreeTiers(2, 1, 1), ThreeTiers(2, 1, 1)};
  MatrixRate& slow = cluster.sites[1].server.accelerator.rates[static_cast<int>(Precision::kBf16)];
  const FlopPerSecond fast = slow.peak;
  slow.peak = slow.peak * 0.5;
  cluster.wans = {WanOf(0, 1)};
  const Network network(cluster.sites, cluster.wans);
  const LaidJob both = LayJob(DataParallel(4), {{0, 0, 2}, {1, 0, 2}}, network);
  EXPECT_DOUBLE_EQ(both.program.peak / fast, 0.75);
  const LaidJob one = LayJob(DataParallel(2), {{0, 0, 2}}, network);
  EXPECT_EQ(one.program.peak, fast);
}

TEST(SharingGroups, LieWithinThoseOfTheRoutes) {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    Draw draw(seed);
    SharedCluster cluster;
    const SiteSpec site = ThreeTiers(16, 1.0 + draw.Below(2), 1.0 + draw.Below(3));
    cluster.sites = {site, site};
    cluster.wans = {WanOf(0, 1)};
    Scatter(6, 1, draw, cluster);
    const Groups coarse = ByRoutes(cluster);
    for (const std::vector<std::size_t>& group : GroupsOf(cluster)) {
      const bool within =
          std::any_of(coarse.begin(), coarse.end(), [&group](const std::vector<std::size_t>& all) {
            return std::includes(all.begin(), all.end(), group.begin(), group.end());
          });
      EXPECT_TRUE(within) << "seed " << seed;
    }
  }
}

TEST(SharingGroups, PartJobsThatTakeTheSameStepsTogether) {
  constexpr double kClock = 1e-9;  // seconds: events closer than that are one to SimGrid
  int parted = 0;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    Draw draw(seed);
    const SharedCluster cluster = DrawCluster(draw);
    const Groups groups = GroupsOf(cluster);
    parted += static_cast<int>(groups.size()) - static_cast<int>(ByRoutes(cluster).size());
    std::vector<SharedCluster> runs = {cluster};
    for (std::size_t job = 0; job < cluster.trainings.size(); ++job) {
      runs.push_back({cluster.sites, {}, {cluster.trainings[job]}, {cluster.placements[job]}});
    }
    const std::vector<std::vector<Seconds>> times = StepTimesTogether(runs);
    for (const std::vector<std::size_t>& group : groups) {
      if (group.size() == 1) {
        const double alone = times[1 + group.front()][0].si();
        EXPECT_NEAR(times[0][group.front()].si(), alone, 1e-9 * alone + kClock) << "seed " << seed;
      }
    }
  }
  EXPECT_GT(parted, 30);  // more than the routes alone tell
}

TEST(SharingGroups, JoinJobsAsSoonAsTheirSumFillsALink) {
  // Two jobs through 8 NICs each, over a bundle of 64 / ratio.
  EXPECT_EQ(GroupsOf(AcrossTwoPods(2, 3)), (Groups{{0}, {1}}));
  EXPECT_EQ(GroupsOf(AcrossTwoPods(2, 4)), (Groups{{0, 1}}));
  EXPECT_EQ(GroupsOf(AcrossTwoPods(2, 8)), (Groups{{0, 1}}));
  // Three of them.
  EXPECT_EQ(GroupsOf(AcrossTwoPods(3, 2)), (Groups{{0}, {1}, {2}}));
  EXPECT_EQ(GroupsOf(AcrossTwoPods(3, 3)), (Groups{{0, 1, 2}}));
}

TEST(SharingGroups, CountTheNicsOfMessages) {
  // Two pipelines of two stages, a server of 8 NICs each, one stage in each pod: messages go both
  // ways and several may be under way, but no more leaves than the NICs can send.
  const auto pipelines = [](double spine_over) {
    SharedCluster cluster = AcrossTwoPods(2, spine_over);
    for (std::size_t job = 0; job < 2; ++job) {
      Layout layout;
      layout.tensor = 8;
      layout.pipeline = 2;
      cluster.trainings[job] = SmallJob(layout, 2);
      const auto server = static_cast<std::int32_t>(job);
      cluster.placements[job] = {{0, server, 1}, {0, 8 + server, 1}};
    }
    return GroupsOf(cluster);
  };
  EXPECT_EQ(pipelines(3), (Groups{{0}, {1}}));
  EXPECT_EQ(pipelines(4), (Groups{{0, 1}}));
}

TEST(SharingGroups, AreApartOnlyWhereNobodyIsSlowed) {
  // Where the sum of two jobs passes the link, each does take longer than alone.
  for (const double ratio : {3.0, 8.0}) {
    const SharedCluster both = AcrossTwoPods(2, ratio);
    const SharedCluster one = AcrossTwoPods(1, ratio);
    const std::vector<std::vector<Seconds>> times = StepTimesTogether({both, one});
    const double together = times[0][0].si();
    const double alone = times[1][0].si();
    if (GroupsOf(both).size() == 2) {
      EXPECT_NEAR(together, alone, 1e-9 * alone);
    } else {
      EXPECT_GT(together, 1.01 * alone);
    }
  }
}

TEST(SharingGroups, JoinsJobsOverTheSameWanAndThoseBelowIt) {
  SharedCluster cluster;
  const SiteSpec site = ThreeTiers(8, 2, 2);
  cluster.sites = {site, site, site};
  cluster.wans = {WanOf(0, 1), WanOf(1, 2)};
  cluster.Add(DataParallel(2), {{0, 0, 1}, {1, 0, 1}});
  cluster.Add(DataParallel(2), {{0, 4, 1}, {1, 4, 1}});
  cluster.Add(DataParallel(2), {{1, 7, 1}, {2, 0, 1}});
  cluster.Add(DataParallel(1), {{0, 1, 1}});
  // A link of 10 GB/s holds the rings of a job below a fifth of what its NICs could send, so that
  // the third job, under the same pod as the second, has room there.
  EXPECT_EQ(GroupsOf(cluster), (Groups{{0, 1}, {2}, {3}}));
  EXPECT_EQ(ByRoutes(cluster), (Groups{{0, 1, 2}, {3}}));
}

TEST(SharingGroups, OfHashedRoutesHoldThoseThatMeetOnOneLink) {
  // Four uplinks of four NICs each under a leaf of 16: sprayed they carry all, hashed flows of the
  // two jobs crowd on some. The third job stays below its leaf.
  SharedCluster cluster;
  SiteSpec site = ThreeTiers(16, 1, 1);
  ClosOf(site).spine.port_bandwidth = ClosOf(site).core.port_bandwidth = BytesPerSecond(4 * kNic);
  cluster.Add(DataParallel(2), {{0, 0, 1}, {0, 2, 1}});
  cluster.Add(DataParallel(2), {{0, 1, 1}, {0, 3, 1}});
  cluster.Add(DataParallel(2), {{0, 4, 2}});
  cluster.sites = {site};
  EXPECT_EQ(GroupsOf(cluster), (Groups{{0}, {1}, {2}}));
  ClosOf(cluster.sites[0]).routing = Routing::kEcmp;
  EXPECT_EQ(GroupsOf(cluster), (Groups{{0, 1}, {2}}));
}

class AnOracle : public testing::Test {
 protected:
  static void ExpectSame(const StepRate& a, const StepRate& b) {
    EXPECT_EQ(a.step_time, b.step_time);
    EXPECT_EQ(a.energy, b.energy);
  }

  StepOracle oracle_;
};

TEST_F(AnOracle, GivesAJobAloneTheStepAndTheEnergyOfItsScenario) {
  SharedCluster cluster;
  cluster.sites = {ThreeTiers(8, 2, 2)};
  cluster.Add(DataParallel(4), {{0, 0, 4}});
  const StepRate rate = oracle_.RatesOf(cluster.situation()).front();
  const StepRecord record =
      Evaluate(ScenarioOf(cluster.sites[0], cluster.trainings[0]), Fidelity::kFolded);
  EXPECT_NEAR(rate.step_time.si(), record.step_time.si(), 1e-12 * record.step_time.si());
  EXPECT_NEAR(rate.energy.si(), record.energy.si(), 1e-9 * record.energy.si());
  EXPECT_EQ(rate.wan_bytes, 0);
}

TEST_F(AnOracle, RemembersEqualShapesWhereverTheyLie) {
  SharedCluster cluster;
  cluster.sites = {ThreeTiers(16, 2, 2), ThreeTiers(16, 2, 2)};
  cluster.sites[1].name = "another";
  // A pod each, on either site: one shape. They share nothing.
  cluster.Add(DataParallel(4), {{0, 0, 4}});
  cluster.Add(DataParallel(4), {{0, 8, 4}});
  cluster.Add(DataParallel(4), {{1, 6, 2}, {1, 4, 2}});
  const std::vector<StepRate> rates = oracle_.RatesOf(cluster.situation());
  EXPECT_EQ(oracle_.simulated(), 1U);
  ExpectSame(rates[0], rates[1]);
  ExpectSame(rates[0], rates[2]);
  // Other shapes: astride two pods, and of another model.
  cluster.placements[1] = {{0, 6, 4}};
  cluster.trainings[2].model.layers = 3;
  EXPECT_GT(oracle_.RatesOf(cluster.situation())[2].step_time, rates[2].step_time);
  EXPECT_EQ(oracle_.simulated(), 3U);
}

// A spare elsewhere makes nothing new: two bounds, and one answer for all placements between them.
TEST_F(AnOracle, AnswersForAllPlacementsOfAShapeAtOnce) {
  SharedCluster cluster;
  cluster.sites = {ThreeTiers(48, 1, 1)};
  cluster.Add(DataParallel(32), {{0, 0, 32}});
  const StepRate packed = oracle_.RatesOf(cluster.situation()).front();
  const std::uint64_t bounds = oracle_.simulated();
  EXPECT_LE(bounds, 2U);
  for (std::int32_t lost = 0; lost < 32; ++lost) {
    cluster.placements[0] = {{0, lost + 1, 31 - lost}, {0, 32 + lost % 16, 1}};
    if (lost > 0) {
      cluster.placements[0].insert(cluster.placements[0].begin(), {0, 0, lost});
    }
    std::erase_if(cluster.placements[0], [](const ServerRun& run) {
      return run.count == 0;
    });
    ExpectSame(oracle_.RatesOf(cluster.situation()).front(), packed);
  }
  EXPECT_EQ(oracle_.simulated(), bounds);
}

TEST_F(AnOracle, SimulatesOneStepMoreUnderEachLowerLimitOfBoards) {
  SharedCluster cluster;
  cluster.sites = {ThreeTiers(48, 1, 1)};
  cluster.Add(DataParallel(32), {{0, 0, 32}});
  PowerSpec& power = cluster.sites[0].server.accelerator.power;
  power.own_limit = power.limit = Watts(1000);
  const StepRate full = oracle_.RatesOf(cluster.situation()).front();
  std::uint64_t simulated = oracle_.simulated();
  for (const double share : {0.5, 0.3, 0.2}) {
    power.limit = power.own_limit * share;
    cluster.placements[0] = {{0, 0, 31}, {0, 47, 1}};
    const StepRate lowered = oracle_.RatesOf(cluster.situation()).front();
    EXPECT_EQ(oracle_.simulated(), ++simulated) << share;
    EXPECT_GE(lowered.step_time, full.step_time);
    cluster.placements[0] = {{0, 0, 32}};
    ExpectSame(oracle_.RatesOf(cluster.situation()).front(), lowered);
    EXPECT_EQ(oracle_.simulated(), simulated);
  }
}

TEST_F(AnOracle, LooksAtEachPlacementWhereItMatters) {
  SharedCluster cluster;
  cluster.sites = {ThreeTiers(48, 8, 2)};  // a message out of a leaf takes long
  Layout layout;
  layout.tensor = 8;
  layout.data = 2;
  layout.pipeline = 8;
  cluster.Add(SmallJob(layout, 8), {{0, 0, 16}});
  (void)oracle_.RatesOf(cluster.situation());
  cluster.placements[0] = {{0, 0, 15}, {0, 47, 1}};
  const std::uint64_t before = oracle_.simulated();
  (void)oracle_.RatesOf(cluster.situation());
  EXPECT_EQ(oracle_.simulated(), before + 1);
}

TEST_F(AnOracle, SlowsJobsThatShareAndForgetsNoCap) {
  SharedCluster cluster;
  cluster.sites = {ThreeTiers(8, 8, 2)};
  cluster.Add(DataParallel(2), {{0, 0, 1}, {0, 2, 1}});
  const StepRate alone = oracle_.RatesOf(cluster.situation()).front();
  cluster.Add(DataParallel(2, 4), {{0, 1, 1}, {0, 3, 1}});
  const std::vector<StepRate> both = oracle_.RatesOf(cluster.situation());
  EXPECT_GT(both[0].step_time.si(), 1.01 * alone.step_time.si());
  // The other way round it is the same situation.
  std::swap(cluster.trainings[0], cluster.trainings[1]);
  std::swap(cluster.placements[0], cluster.placements[1]);
  const std::vector<StepRate> swapped = oracle_.RatesOf(cluster.situation());
  EXPECT_EQ(oracle_.simulated(), 2U);
  ExpectSame(swapped[1], both[0]);
  cluster.sites[0].server.nic_bandwidth = BytesPerSecond(kNic / 10);
  EXPECT_GT(oracle_.RatesOf(cluster.situation())[1].step_time, both[0].step_time);
  EXPECT_EQ(oracle_.simulated(), 3U);
}

TEST_F(AnOracle, CountsTheBytesOverTheWan) {
  SharedCluster cluster;
  cluster.sites = {ThreeTiers(8, 2, 2), ThreeTiers(8, 2, 2)};
  cluster.wans = {WanOf(1, 0)};
  cluster.Add(DataParallel(2), {{0, 0, 1}, {1, 0, 1}});
  Scenario scenario = ScenarioOf(cluster.sites[0], cluster.trainings[0]);
  scenario.sites = cluster.sites;
  scenario.wans = cluster.wans;
  scenario.jobs[0].spans = true;
  scenario.jobs[0].sites = {SiteIndex{0}, SiteIndex{1}};
  const StepRecord record = Evaluate(scenario, Fidelity::kFolded);
  const StepRate rate = oracle_.RatesOf(cluster.situation()).front();
  EXPECT_NEAR(rate.wan_bytes, TotalOf(record, "wan"), 1e-6 * rate.wan_bytes);
  EXPECT_GT(rate.wan_bytes, 0);
  EXPECT_NEAR(rate.step_time.si(), record.step_time.si(), 1e-12 * record.step_time.si());
}

TEST_F(AnOracle, RefusesAJobThatDoesNotFitAndGoesOn) {
  SharedCluster cluster;
  cluster.sites = {ThreeTiers(8, 2, 2)};
  cluster.sites[0].server.accelerator.hbm_capacity = Bytes(1e6);
  cluster.Add(DataParallel(2), {{0, 0, 2}});
  EXPECT_THROW(oracle_.RatesOf(cluster.situation()), UserError);
  cluster.sites[0].server.accelerator.hbm_capacity = Bytes(1e15);
  EXPECT_EQ(oracle_.RatesOf(cluster.situation()).size(), 1U);
}

}  // namespace gridlock
