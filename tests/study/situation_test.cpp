// Situations: who can slow whom, what is remembered, and that the rates are those of the engine.

#include "sim/study/situation.h"

#include <algorithm>
#include <set>

#include <gtest/gtest.h>

#include "sim/base/check.h"
#include "sim/study/laid_job.h"
#include "tests/engine/machines.h"
#include "topologies/network.h"

namespace gridlock {

namespace {

using Groups = std::vector<std::vector<std::size_t>>;

TrainingSpec DataParallel(int servers, int layers = 2) {
  Layout layout;
  layout.tensor = 4;
  layout.data = 2 * servers;
  TrainingSpec job = SmallJob(layout, layers);
  job.global_batch = layout.data;
  return job;
}

// Servers of 8, two to a leaf, two leaves to a pod.
SiteSpec ThreeTiers(int servers, double leaf_over, double spine_over) {
  SiteSpec site = ClosSite(RealisticServer(8, 8), {.servers = servers,
                                                   .servers_per_leaf = 2,
                                                   .leaves_per_pod = 2,
                                                   .tiers = 3,
                                                   .leaf_over = leaf_over,
                                                   .spine_over = spine_over});
  site.clos.spine.port_bandwidth = site.clos.core.port_bandwidth = BytesPerSecond(kNic / 8);
  return site;
}

WanSpec WanOf(int from, int to) {
  WanSpec wan;
  wan.path = "wan";
  wan.from = from;
  wan.to = to;
  wan.bandwidth = BytesPerSecond(10e9);
  wan.latency = Seconds(1e-3);
  return wan;
}

// Sites, jobs and what refers to them, kept together.
struct Cluster {
  std::vector<SiteSpec> sites;
  std::vector<WanSpec> wans;
  std::vector<TrainingSpec> trainings;
  std::vector<Placement> placements;

  void Add(const TrainingSpec& training, const Placement& placement) {
    trainings.push_back(training);
    placements.push_back(placement);
  }

  [[nodiscard]] Situation situation() const {
    Situation situation{&sites, &wans, {}};
    for (std::size_t j = 0; j < trainings.size(); ++j) {
      situation.jobs.push_back({&trainings[j], placements[j]});
    }
    return situation;
  }
};

// By brute force: lay all jobs out and see who uses the same link that can bind.
Groups ByRoutes(const Cluster& cluster) {
  const Network network(cluster.sites, cluster.wans);
  std::vector<std::set<int>> links;
  for (std::size_t j = 0; j < cluster.trainings.size(); ++j) {
    const LaidJob laid = LayJob(cluster.trainings[j], cluster.placements[j], network);
    const Layout& layout = laid.program.layout;
    const int servers = static_cast<int>(ServersIn(laid.placement));
    std::vector<AcceleratorIndex> all;
    for (const ServerRun& run : laid.placement) {
      const int domain = network.fabric(run.site).domain_size();
      for (int a = run.first * domain; a < (run.first + run.count) * domain; ++a) {
        all.push_back(network.accelerator(run.site, a));
      }
    }
    EXPECT_EQ(layout.accelerators(), servers * 8);
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

}  // namespace

TEST(SharingGroups, AreThoseOfTheRoutes) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    auto draw = [&, n = std::uint64_t{0}](std::uint64_t below) mutable {
      return static_cast<int>(MixHash(seed * 1000 + n++) % below);
    };
    Cluster cluster;
    const SiteSpec site = ThreeTiers(16, 1.0 + draw(2), 1.0 + draw(3));
    cluster.sites = {site, site};
    cluster.wans = {WanOf(0, 1)};
    std::vector<ServerRun> free;
    for (int s = 0; s < 2; ++s) {
      for (int server = 0; server < 16; ++server) {
        free.insert(free.begin() + draw(free.size() + 1), {s, server, 1});
      }
    }
    for (int job = 0; job < 6; ++job) {
      const int servers = 1 + draw(4);
      const int where = draw(2);
      Placement placement;
      for (auto run = free.begin(); run != free.end() && ServersIn(placement) < servers;) {
        const bool take = run->site == where;
        if (take) {
          placement.push_back(*run);
        }
        run = take ? free.erase(run) : run + 1;
      }
      if (ServersIn(placement) == servers) {
        cluster.Add(DataParallel(servers), placement);
      }
    }
    EXPECT_EQ(SharingGroups(cluster.situation()), ByRoutes(cluster)) << "seed " << seed;
  }
}

TEST(SharingGroups, JoinsJobsOverTheSameWanAndThoseBelowIt) {
  Cluster cluster;
  const SiteSpec site = ThreeTiers(8, 2, 2);
  cluster.sites = {site, site, site};
  cluster.wans = {WanOf(0, 1), WanOf(1, 2)};
  cluster.Add(DataParallel(2), {{0, 0, 1}, {1, 0, 1}});
  cluster.Add(DataParallel(2), {{0, 4, 1}, {1, 4, 1}});
  cluster.Add(DataParallel(2), {{1, 7, 1}, {2, 0, 1}});
  cluster.Add(DataParallel(1), {{0, 1, 1}});
  EXPECT_EQ(SharingGroups(cluster.situation()), (Groups{{0, 1, 2}, {3}}));
  EXPECT_EQ(SharingGroups(cluster.situation()), ByRoutes(cluster));
}

TEST(SharingGroups, OfHashedRoutesHoldAllThatMeet) {
  Cluster cluster;
  SiteSpec site = ThreeTiers(16, 1, 1);
  site.clos.routing = Routing::kEcmp;
  cluster.sites = {site};
  cluster.Add(DataParallel(2), {{0, 0, 1}, {0, 2, 1}});
  cluster.Add(DataParallel(2), {{0, 1, 1}, {0, 3, 1}});
  cluster.Add(DataParallel(2), {{0, 4, 2}});
  EXPECT_EQ(SharingGroups(cluster.situation()), (Groups{{0, 1}, {2}}));
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
  Cluster cluster;
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
  Cluster cluster;
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

TEST_F(AnOracle, SlowsJobsThatShareAndForgetsNoCap) {
  Cluster cluster;
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
  Cluster cluster;
  cluster.sites = {ThreeTiers(8, 2, 2), ThreeTiers(8, 2, 2)};
  cluster.wans = {WanOf(1, 0)};
  cluster.Add(DataParallel(2), {{0, 0, 1}, {1, 0, 1}});
  Scenario scenario = ScenarioOf(cluster.sites[0], cluster.trainings[0]);
  scenario.sites = cluster.sites;
  scenario.wans = cluster.wans;
  scenario.jobs[0].spans = true;
  scenario.jobs[0].sites = {0, 1};
  const StepRecord record = Evaluate(scenario, Fidelity::kFolded);
  const StepRate rate = oracle_.RatesOf(cluster.situation()).front();
  EXPECT_NEAR(rate.wan_bytes, TotalOf(record, "wan"), 1e-6 * rate.wan_bytes);
  EXPECT_GT(rate.wan_bytes, 0);
  EXPECT_NEAR(rate.step_time.si(), record.step_time.si(), 1e-12 * record.step_time.si());
}

TEST_F(AnOracle, RefusesAJobThatDoesNotFitAndGoesOn) {
  Cluster cluster;
  cluster.sites = {ThreeTiers(8, 2, 2)};
  cluster.sites[0].server.accelerator.hbm_capacity = Bytes(1e6);
  cluster.Add(DataParallel(2), {{0, 0, 2}});
  EXPECT_THROW(oracle_.RatesOf(cluster.situation()), UserError);
  cluster.sites[0].server.accelerator.hbm_capacity = Bytes(1e15);
  EXPECT_EQ(oracle_.RatesOf(cluster.situation()).size(), 1U);
}

}  // namespace gridlock
