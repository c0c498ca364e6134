// Sizes of builds in closed form, and texts that are scenarios.

#include "sim/builds/build.h"

#include <cmath>

#include <gtest/gtest.h>

#include "sim/builds/build_table.h"
#include "sim/scenario/point.h"

namespace gridlock {
namespace {

BuildParts Parts() {
  BuildParts parts;
  parts.accelerator = "h100_sxm";
  parts.server = "dgx_h100";
  return parts;
}

TEST(Build, SparesCoverTheQuantileOfThePoissonNumberThatIsOut) {
  // P(0) = 0.607, P(<= 1) = 0.910, P(<= 2) = 0.986, P(<= 3) = 0.998 for a mean of 0.5.
  EXPECT_EQ(SparesFor(0.5, 0.6), 0);
  EXPECT_EQ(SparesFor(0.5, 0.9), 1);
  EXPECT_EQ(SparesFor(0.5, 0.98), 2);
  EXPECT_EQ(SparesFor(0.5, 0.99), 3);
  EXPECT_EQ(SparesFor(0, 0.99), 0);
  // Where the mean is large the normal distribution is near: 10,000 + 2.326 x 100.
  EXPECT_NEAR(static_cast<double>(SparesFor(10000, 0.99)), 10233, 1);
  EXPECT_NEAR(static_cast<double>(SparesFor(499, 0.99)), static_cast<double>(SparesFor(501, 0.99)),
              4);
}

TEST(Build, IsRefusedOnceForANameThatTheCatalogueLacks) {
  BuildAsked asked;
  asked.users = 1e6;
  CheckAsked(asked, Parts());
  asked.failure_rate = "llama_3_al";
  try {
    CheckAsked(asked, Parts());
    FAIL();
  } catch (const UserError& error) {
    ASSERT_EQ(error.problems().size(), 1U);
    EXPECT_EQ(error.problems()[0].message.rfind("there is no failure_rate", 0), 0U)
        << error.problems()[0].message;
  }
}

TEST(Build, SavesAsOftenAsYoungSays) {
  EXPECT_DOUBLE_EQ(YoungInterval(2, 3600), 120);
}

TEST(Build, TheBudgetThatBindsIsTheOneThatHoldsFewer) {
  BuildAsked asked;
  asked.pue = 1.25;
  asked.electricity = 0.1;
  asked.horizon_days = 1000;
  const ServerFigures figures{8000, 300000};
  asked.megawatts = 10;  // 1,000 servers of 10 kW
  EXPECT_EQ(ServersWithin(asked, figures).servers, 1000);
  EXPECT_EQ(ServersWithin(asked, figures).binds, "power");
  asked.dollars = 32.4e6;  // each costs 300,000 and 240,000 kWh at 0.1
  EXPECT_EQ(ServersWithin(asked, figures).servers, 100);
  EXPECT_EQ(ServersWithin(asked, figures).binds, "dollars");
}

TEST(Build, RunsTakeMostOfWhatThereIsAndShareTheirBatchEvenly) {
  BuildAsked asked;
  for (const std::int64_t accelerators : {8, 100, 3080, 98304, 99984}) {
    const std::vector<RunSize> sizes = RunSizes(asked, accelerators);
    ASSERT_FALSE(sizes.empty());
    std::int64_t most = 0;
    for (const RunSize& size : sizes) {
      EXPECT_LE(size.accelerators, accelerators);
      EXPECT_GT(size.batch, 0);
      most = std::max(most, size.accelerators);
    }
    EXPECT_GE(static_cast<double>(most), 0.9 * static_cast<double>(accelerators)) << accelerators;
  }
}

TEST(Build, ItsTextIsAScenarioWithItsSpares) {
  BuildAsked asked;
  asked.experiments = 10;
  asked.users = 1e5;
  BuildSize size;
  size.servers = 100;
  size.spares = 3;
  size.fleet = 4;
  size.fleet_tensor = 8;
  size.batch = 64;
  size.checkpoint_s = 300;
  for (const int spines : {1, 2}) {
    BuildParts parts = Parts();
    parts.oversubscription = spines;
    const std::string text = LifeText(asked, parts, size, "build");
    const Scenario scenario = ScenarioBase("build", text,
                                           {"job[0].pretraining.model=llama_3.1_8b",
                                            "job[0].pretraining.checkpoint_interval=30 min"})
                                  .At({});
    EXPECT_EQ(scenario.jobs.size(), 3U);
    EXPECT_EQ(scenario.reliability.hot_spares, 3);
    EXPECT_DOUBLE_EQ(scenario.horizon.si(), asked.horizon_days * 86400);
  }
}

TEST(Build, DollarsPayForOperationToo) {
  BuildAsked asked;
  asked.pue = 1.25;
  asked.electricity = 0.1;
  asked.horizon_days = 2 * 365.25;
  asked.dollars = 1e8;
  const double energy = 8 * 1.25 * 24 * asked.horizon_days * 0.1;
  const ServerFigures figures{8000, 300000, 20000};
  EXPECT_EQ(ServersWithin(asked, figures).servers,
            static_cast<std::int64_t>(1e8 / (300000 + energy + 40000)));
}

TEST(Build, TheFleetIsOfTheReplicaThatNeedsFewestAcceleratorsAndKeepsItsObjectives) {
  BuildAsked asked;
  asked.users = 864000;  // ten requests each: 100 a second in the mean, 170 at the peak
  const std::vector<FleetProbe> probes = {{2, 1}, {2, 2}, {2, 4}, {4, 4}, {4, 8}};
  // Two accelerators answer 2 a second, four 8 a second: 170 against 88 accelerators.
  FleetSize fleet = FleetOf(asked, probes, {1, 0.96, 0.5, 1, 0.95});
  EXPECT_EQ(fleet.tensor, 4);
  EXPECT_EQ(fleet.replicas, 22);
  // None keeps them: that which comes nearest.
  fleet = FleetOf(asked, probes, {0.3, 0.2, 0, 0.9, 0.1});
  EXPECT_EQ(fleet.tensor, 4);
  EXPECT_EQ(fleet.replicas, 43);
}

TEST(Build, ItsServersComeMonthByMonth) {
  BuildAsked asked;
  asked.months = 3;
  BuildSize size;
  size.servers = 100;
  size.batch = 64;
  size.checkpoint_s = 300;
  const Scenario scenario = ScenarioBase("build", LifeText(asked, Parts(), size, "build"),
                                         {"job[0].pretraining.model=llama_3.1_8b",
                                          "job[0].pretraining.checkpoint_interval=30 min"})
                                .At({});
  const std::vector<DeliverySpec>& parts = scenario.sites[0].deliveries;
  ASSERT_EQ(parts.size(), 2U);
  EXPECT_EQ(parts[0].servers + parts[1].servers, 67);
  EXPECT_NEAR(parts[1].at.si() / 86400, 2 * 365.25 / 12, 0.01);
}

TEST(Build, ThoseThatFinishComeFirstByTheDay) {
  Build slow, fast, never, broken;
  slow.figures.days = 20;
  fast.figures.days = 10;
  never.figures.days = -1;
  never.figures.tokens = 1e12;
  broken.problem = "no price";
  std::vector<Build> builds = {broken, never, slow, fast};
  Rank(builds);
  EXPECT_EQ(builds[0].figures.days, 10);
  EXPECT_EQ(builds[1].figures.days, 20);
  EXPECT_EQ(builds[2].figures.tokens, 1e12);
  EXPECT_EQ(builds[3].problem, "no price");
}

// A build whose steps are a bound is marked, and the text says what the mark means.
TEST(Build, ThatWasNotSimulatedIsMarked) {
  const BuildAsked asked;
  Build simulated, bound;
  simulated.figures.simulated = true;
  simulated.figures.waiting_h = simulated.figures.good_share = std::nan("");
  bound.figures.waiting_h = bound.figures.good_share = std::nan("");
  EXPECT_EQ(BuildsText(asked, {simulated}).find('~'), std::string::npos);
  const std::string text = BuildsText(asked, {simulated, bound});
  EXPECT_NE(text.find("\n2~ "), std::string::npos) << text;
  EXPECT_NE(text.find("~: its steps are closed forms"), std::string::npos);
}

}  // namespace
}  // namespace gridlock
