#include <cstdlib>
#include <string>
#include <variant>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim/base/check.h"
#include "sim/scenario/load_text.h"
#include "sim/scenario/scenario.h"
#include "tests/clos_of.h"
#include "tests/fixture_files.h"

namespace gridlock {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

Scenario Load(const std::string& name, const std::vector<std::string>& overrides) {
  setenv("GRIDLOCK_CATALOG", (kFixtures + "/catalog").c_str(), 1);
  return LoadScenario(kFixtures + "/right/" + name + ".textproto", overrides);
}

std::vector<std::string> Refusals(const std::vector<std::string>& overrides,
                                  const std::string& name = "small") {
  std::vector<std::string> messages;
  try {
    (void)Load(name, overrides);
  } catch (const UserError& error) {
    for (const Problem& problem : error.problems()) {
      messages.push_back(problem.message);
    }
  }
  return messages;
}

TEST(Override, SetsAValueOfAnyType) {
  const Scenario scenario =
      Load("small", {"site[0].servers=4", "name=four", "seed=18446744073709551615",
                     "site[0].fabric.clos.leaf_oversubscription=0.5",
                     "site[0].fabric.clos.rail_optimized=true", "site[0].fabric.clos.routing=ECMP",
                     "job[0].pretraining.layout.tensor=4"});
  EXPECT_EQ(scenario.site().servers, 4);
  EXPECT_EQ(scenario.name, "four");
  EXPECT_EQ(scenario.seed, 18446744073709551615U);
  EXPECT_DOUBLE_EQ(ClosOf(scenario.site()).leaf_oversubscription, 0.5);
  EXPECT_TRUE(ClosOf(scenario.site()).rail_optimized);
  EXPECT_EQ(ClosOf(scenario.site()).routing, Routing::kEcmp);
  EXPECT_EQ(scenario.training().layout.tensor, 4);
}

TEST(Override, TakesTextsWithAndWithoutQuotes) {
  EXPECT_EQ(Load("small", {"name=a \"b\" \\c"}).name, "a \"b\" \\c");
  EXPECT_EQ(Load("small", {"name=\"quoted\""}).name, "quoted");
  EXPECT_EQ(Load("small", {"name='quoted'"}).name, "quoted");
}

TEST(Override, CreatesTheBlocksOnItsWay) {
  const Scenario scenario = Load("small", {"site[0].override.scale_up.per_direction=100 GB/s",
                                           "job[0].pretraining.overlap.gradients=false"});
  EXPECT_EQ(scenario.site().server.accelerator.scale_up_bandwidth, BytesPerSecond(100e9));
  EXPECT_FALSE(scenario.training().stack.overlap_gradients);
}

TEST(Override, NeedsNoIndexWhenThereIsOneElement) {
  EXPECT_EQ(Load("small", {"site.servers=3"}).site().servers, 3);
}

TEST(Override, CanSetADefaultAgain) {
  EXPECT_EQ(Load("full", {"seed=0"}).seed, 0U);
  EXPECT_FALSE(
      ClosOf(Load("full", {"site[0].fabric.clos.rail_optimized=false"}).site()).rail_optimized);
}

TEST(Override, LaterOnesWin) {
  EXPECT_EQ(Load("small", {"site[0].servers=3", "site[0].servers=5"}).site().servers, 5);
}

TEST(Override, IsPartOfTheWrittenScenario) {
  EXPECT_THAT(Load("small", {"site[0].servers=3"}).text, HasSubstr("servers: 3"));
}

TEST(Override, IsWhereLaterProblemsPoint) {
  EXPECT_EQ(Load("small", {"site[0].servers=3"}).sources.Where("site[0].servers"),
            "--set 'site[0].servers=3'");
}

TEST(Override, WithAWrongNameNamesTheNearest) {
  EXPECT_THAT(
      Refusals({"site[0].servrs=4"}),
      ElementsAre("--set 'site[0].servrs=4': \"servrs\" is not a field of Site; expected one "
                  "of its fields; did you mean \"servers\"?"));
}

TEST(Override, WithAWrongValueIsRefusedLikeTheFile) {
  EXPECT_THAT(Refusals({"site[0].servers=many"}),
              ElementsAre("--set 'site[0].servers=many': many is not a whole number; expected a "
                          "whole number from 1 to 100000000"));
  EXPECT_THAT(Refusals({"site[0].servers=0"}),
              ElementsAre("--set 'site[0].servers=0': \"servers\" is 0; expected a whole number "
                          "from 1 to 100000000"));
  EXPECT_THAT(
      Refusals({"site[0].override.nic_bandwidth=450"}),
      ElementsAre("--set 'site[0].override.nic_bandwidth=450': \"450\" has no unit; expected "
                  "a bandwidth such as \"400 Gbps\" or \"50 GB/s\""));
  EXPECT_THAT(
      Refusals({"site[0].server=dgx_a10"}),
      ElementsAre("--set 'site[0].server=dgx_a10': there is no server \"dgx_a10\"; expected "
                  "a server of the catalogue; did you mean \"dgx_a100\"?"));
  EXPECT_THAT(Refusals({"site[0].fabric.clos.routing=SPARY"}),
              ElementsAre(HasSubstr("did you mean \"SPRAY\"?")));
  EXPECT_THAT(Refusals({"site[0].servers="}), ElementsAre(HasSubstr("has no value")));
}

TEST(Override, OfWhatIsNotSimulatedIsRefusedByName) {
  EXPECT_THAT(Refusals({"job[0].reinforcement_learning.model=llama"}),
              ElementsAre("--set 'job[0].reinforcement_learning.model=llama': "
                          "\"reinforcement_learning\" is not simulated yet; expected "
                          "pretraining { ... }"));
}

TEST(Override, WithoutASensiblePathIsRefused) {
  EXPECT_THAT(Refusals({"site[0].servers"}), ElementsAre(HasSubstr("there is no \"=\"")));
  EXPECT_THAT(Refusals({"=4"}), ElementsAre(HasSubstr("is not the path of a field")));
  EXPECT_THAT(Refusals({"site[x].servers=4"}), ElementsAre(HasSubstr("is not the path")));
  EXPECT_THAT(
      Refusals({"site[1].servers=4"}),
      ElementsAre("--set 'site[1].servers=4': \"site\" has 1 element; expected an index from "
                  "[0] to [0]"));
  EXPECT_THAT(Refusals({"change[0].at=1 s"}), ElementsAre(HasSubstr("\"change\" has 0 elements")));
  EXPECT_THAT(Refusals({"name[0]=x"}), ElementsAre(HasSubstr("\"name\" is not a list")));
  EXPECT_THAT(Refusals({"site[0].fabric[0].clos.tiers=2"}),
              ElementsAre(HasSubstr("is not a list")));
  EXPECT_THAT(Refusals({"name.first=x"}), ElementsAre(HasSubstr("\"name\" has no fields")));
  EXPECT_THAT(Refusals({"site[0].fabric=x"}), ElementsAre(HasSubstr("is a block")));
  EXPECT_THAT(Refusals({"include=x"}), ElementsAre(HasSubstr("is a list")));
}

TEST(Override, CannotSmuggleInOtherFields) {
  EXPECT_THAT(Refusals({"site[0].servers=4 name: \"x\""}),
              ElementsAre(HasSubstr("there is more than one value")));
  EXPECT_THAT(Refusals({"site[0].servers=4\nname: \"x\""}),
              ElementsAre(HasSubstr("--set 'site[0].servers=4\\x0Aname:")));
}

TEST(OverrideOfABlock, ReplacesTheOneThatIsThere) {
  const Scenario scenario =
      Load("small", {"job[0].pretraining.layout={ tensor: 1 pipeline: 2 data: 4 }"});
  EXPECT_EQ(scenario.training().layout.tensor, 1);
  EXPECT_EQ(scenario.training().layout.pipeline, 2);
  EXPECT_EQ(scenario.training().layout.data, 4);
  // What it does not say has its default again, and is not what was there.
  EXPECT_DOUBLE_EQ(ClosOf(Load("full", {}).site()).leaf_oversubscription, 2);
  const std::string clos =
      "site[0].fabric.clos={ tiers: 3 servers_per_leaf: 2 leaves_per_pod: 8 leaf_switch: "
      "\"tomahawk5_128x400g\" spine_switch: \"quantum2_qm9700\" core_switch: "
      "\"tomahawk5_128x400g\" }";
  EXPECT_DOUBLE_EQ(ClosOf(Load("full", {clos}).site()).leaf_oversubscription, 1);
}

TEST(OverrideOfABlock, MayBeOfAnotherKind) {
  const Scenario scenario =
      Load("small", {"site[0].fabric={ torus { size: [4, 2, 2] block: [2, 2, 2] } }"});
  ASSERT_TRUE(std::holds_alternative<TorusSpec>(scenario.site().fabric));
  EXPECT_THAT(std::get<TorusSpec>(scenario.site().fabric).size, ElementsAre(4, 2, 2));
  EXPECT_THAT(scenario.text, Not(HasSubstr("clos")));
}

TEST(OverrideOfABlock, TakesFieldsBehindIt) {
  const Scenario scenario =
      Load("small", {"job[0].pretraining.layout={ tensor: 2 pipeline: 1 data: 2 }",
                     "job[0].pretraining.layout.data=4"});
  EXPECT_EQ(scenario.training().layout.data, 4);
  // And one that comes last takes everything back.
  EXPECT_EQ(Load("small", {"job[0].pretraining.layout.data=2",
                           "job[0].pretraining.layout={ tensor: 2 pipeline: 1 data: 4 }"})
                .training()
                .layout.data,
            4);
}

TEST(OverrideOfABlock, ReportsMistakesInsideAtItsPlace) {
  const std::string set = "job[0].pretraining.layout={ tensr: 2 }";
  EXPECT_THAT(Refusals({set}), ElementsAre("--set '" + set +
                                           "': \"tensr\" is not a field of Layout; expected one "
                                           "of its fields; did you mean \"tensor\"?"));
  const std::string zero = "job[0].pretraining.layout={ tensor: 0 pipeline: 1 data: 4 }";
  EXPECT_THAT(Refusals({zero}), ElementsAre(AllOf(StartsWith("--set '" + zero + "': "),
                                                  HasSubstr("\"tensor\" is 0"))));
  for (const std::string broken :
       {"{ tensor: 2", "{ tensor: }", "{ tensor: 2 } }", "{ } name: \"x\"",
        "{ tensor: 2 tensor: 4 }", "{", "{ } layout { }"}) {
    const std::vector<std::string> refusals = Refusals({"job[0].pretraining.layout=" + broken});
    ASSERT_FALSE(refusals.empty()) << broken;
    EXPECT_THAT(refusals[0], StartsWith("--set 'job[0].pretraining.layout=" + broken + "': "));
  }
}

TEST(OverrideOfABlock, NeedsBraces) {
  EXPECT_THAT(Refusals({"site[0].fabric=x"}),
              ElementsAre("--set 'site[0].fabric=x': \"site[0].fabric\" is a block; expected the "
                          "path of a single value, or \"{ ... }\""));
  EXPECT_THAT(Refusals({"site=2"}),
              ElementsAre(HasSubstr("is a list of blocks; expected one more as \"{ ... }\"")));
  EXPECT_THAT(Refusals({"site[3]={ servers: 2 }"}),
              ElementsAre(HasSubstr("\"site\" has 1 element; expected an index from [0] to [1]")));
}

TEST(OverrideOfAListOfBlocks, AddsReplacesAndEmpties) {
  setenv("GRIDLOCK_CATALOG", (kFixtures + "/catalog").c_str(), 1);
  const auto epochs = [](const std::vector<std::string>& overrides) {
    std::vector<double> from;
    for (const Epoch& epoch : LoadScenarioText("week", R"(schema_version: 1 name: "week"
horizon: "1 week" site { name: "hall" server: "dgx_a100" servers: 1 prices { electricity: -0.05 } }
job { recorded { accelerators: 8 duration: "9 h" } })",
                                               overrides)
                                  .epochs) {
      from.push_back(epoch.from.si() / 3600);
    }
    return from;
  };
  const auto change = [](const std::string& at) {
    return "{ at: \"" + at + "\" path: \"site[0].prices.electricity\" value: \"0.2\" }";
  };
  const std::string first = "change=" + change("12 h"), second = "change=" + change("36 h");
  EXPECT_THAT(epochs({}), ElementsAre(0));
  EXPECT_THAT(epochs({first}), ElementsAre(0, 12));
  EXPECT_THAT(epochs({first, second}), ElementsAre(0, 12, 36));
  EXPECT_THAT(epochs({first, "change[1]=" + change("2 days")}), ElementsAre(0, 12, 48));
  EXPECT_THAT(epochs({first, second, "change[0]=" + change("24 h")}), ElementsAre(0, 24, 36));
  EXPECT_THAT(epochs({"change=[" + change("1 h") + ", " + change("2 h") + "]"}),
              ElementsAre(0, 1, 2));
  EXPECT_THAT(epochs({first, "change=[]"}), ElementsAre(0));
}

TEST(Override, SeveralWrongOnesAreReportedTogether) {
  EXPECT_EQ(Refusals({"site[0].servrs=4", "nam=x"}).size(), 2U);
}

}  // namespace
}  // namespace gridlock
