// A point is the scenario that its assignments would make in the file: same text, same refusals.

#include "sim/scenario/point.h"

#include <algorithm>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim/scenario/changeable.h"
#include "sim/schema/schema.h"
#include "tests/fixture_files.h"
#include "tests/source_dir.h"

namespace gridlock {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A scenario of the shipped catalogue.
const std::string kExample = GRIDLOCK_SOURCE_DIR "/examples/01-two-servers/scenario.textproto";

Point PointOf(const std::vector<std::string>& overrides) {
  Point point;
  ProblemList problems;
  for (const std::string& each : overrides) {
    point.assignments.push_back(ParseAssignment(each, problems).value());
  }
  return point;
}

/// What is wrong, or the text of the scenario.
template <typename Load>
std::string TextOrProblems(const Load& load) {
  try {
    return load().text;
  } catch (const UserError& error) {
    std::string problems;
    for (const Problem& problem : error.problems()) {
      problems += problem.message + "\n";
    }
    return problems;
  }
}

const std::vector<std::vector<std::string>> kPoints = {
    {},
    {"site[0].servers=1", "job[0].pretraining.layout.data=4"},
    {"site[0].server=hgx_b200"},  // an entry that the base does not name
    {"seed=2", "site[0].override.nic_bandwidth=200 Gbps"},
    {"site[0].override.nic_bandwidth=200"},
    {"site[0].server=dgx_h10"},
    {"site[0].srver=dgx_h100"},
    {"job[0].pretraining.layout.tensor=3", "site[0].override.power_limit=0.5 W"},
    {"site[0].servers=1"},  // does not fit, and what would is said
};

// A change on the second day of a week is left out with a horizon of a day, and said. One behind
// the file's own horizon is a mistake with any.
TEST(Point, LeavesChangesBehindAShorterHorizonOut) {
  const std::string text = R"(schema_version: 1 name: "week" horizon: "7 days"
site { name: "hall" server: "dgx_h100" servers: 1 prices { electricity: 0.1 } }
job { recorded { accelerators: 8 duration: "9 h" } }
change { at: "12 h" path: "site[0].prices.electricity" value: "0.2" }
change { at: "36 h" path: "site[0].prices.electricity" value: "0.3" }
)";
  const ScenarioBase base("week", text, {});
  EXPECT_EQ(base.At({}).epochs.size(), 3U);
  const Scenario day = base.At(PointOf({"horizon=1 day"}));
  EXPECT_EQ(day.epochs.size(), 2U);
  EXPECT_THAT(day.notes, ::testing::Contains(HasSubstr("changes at \"36 h\" come after")));
  EXPECT_EQ(LoadScenarioText("week", text, {"horizon=1 day"}).epochs.size(), 2U);
  EXPECT_EQ(LoadScenarioText("week", text, {"horizon=1 h"}).epochs.size(), 1U);
  EXPECT_EQ(LoadScenarioText("week", text, {"horizon=30 days"}).epochs.size(), 3U);
  const std::string typo = text + "change { at: \"700 h\" outage { site: \"hall\" } }\n";
  for (const char* horizon : {"horizon=7 days", "horizon=1 day"}) {
    EXPECT_THAT(TextOrProblems([&] {
                  return LoadScenarioText("week", typo, {horizon});
                }),
                HasSubstr("\"700 h\" is not before the horizon"));
  }
}

TEST(Point, IsTheScenarioThatTheSameOverridesMake) {
  const ScenarioBase base = ScenarioBase::FromFile(kExample, {});
  // Twice: what a base keeps from one point must not show in the next.
  for (int round = 0; round < 2; ++round) {
    for (const std::vector<std::string>& overrides : kPoints) {
      const std::string loaded = TextOrProblems([&] {
        return LoadScenario(kExample, overrides);
      });
      EXPECT_EQ(TextOrProblems([&] {
                  return base.At(PointOf(overrides));
                }),
                loaded);
    }
  }
}

TEST(Point, MayChangeAnEntryOfTheScenariosOwnCatalogue) {
  const std::string text =
      FileContents(kExample) +
      "catalog { building { name: \"hall\" pue: 1.5 source { text: \"x\" } } }";
  const ScenarioBase base("own.textproto", text, {"site[0].facility.building=hall"});
  EXPECT_EQ(base.At({}).site().pue, 1.5);
  EXPECT_EQ(base.At(PointOf({"catalog.building[0].pue=1.25"})).site().pue, 1.25);
  EXPECT_EQ(base.At({}).site().pue, 1.5);
}

TEST(Point, SetsOneDirectionOfABandwidthInPlaceOfTheOther) {
  const ScenarioBase base =
      ScenarioBase::FromFile(kExample, {"site[0].override.scale_up.bidirectional=600 GB/s"});
  const Scenario scenario = base.At(PointOf({"site[0].override.scale_up.per_direction=100 GB/s"}));
  EXPECT_EQ(scenario.site().server.accelerator.scale_up_bandwidth, BytesPerSecond(100e9));
  EXPECT_THAT(scenario.text, ::testing::Not(HasSubstr("bidirectional")));
}

TEST(Point, OfSlowerNicsCanLeaveTheFabricAsItIsBuilt) {
  const ScenarioBase base =
      ScenarioBase::FromFile(kExample, {"site[0].override.nic_bandwidth=800 Gbps"});
  const ServerSpec server = base.At(PointOf({"site[0].override.nic_bandwidth=100 Gbps",
                                             "site[0].override.fabric_nic_bandwidth=800 Gbps"}))
                                .site()
                                .server;
  EXPECT_EQ(server.nic_bandwidth, BytesPerSecond(12.5e9));
  EXPECT_EQ(server.fabric_nic_bandwidth, BytesPerSecond(100e9));
}

CollectiveTestSpec TestOf(const Scenario& scenario) {
  return std::get<CollectiveTestSpec>(scenario.jobs[0].kind);
}

const std::string kTest = GRIDLOCK_SOURCE_DIR "/examples/08-all-reduce/scenario.textproto";

TEST(AList, IsSetAsAWhole) {
  const ScenarioBase base = ScenarioBase::FromFile(kTest, {});
  const auto sizes = [&](const std::string& value) {
    return TestOf(base.At(PointOf({"job[0].collective_test.size=" + value}))).sizes;
  };
  EXPECT_EQ(TestOf(base.At({})).sizes.size(), 7U);
  EXPECT_THAT(sizes(R"(["2 kB", "3 GB"])"), ElementsAre(Bytes(2e3), Bytes(3e9)));
  EXPECT_THAT(sizes(R"(["5 MB"])"), ElementsAre(Bytes(5e6)));
  EXPECT_THAT(TestOf(base.At(PointOf({"job.collective_test.accelerator=[0, 8, 16]"}))).accelerators,
              ElementsAre(0, 8, 16));
  EXPECT_EQ(TestOf(base.At({})).sizes.size(), 7U) << "a point stays with itself";
}

TEST(AList, IsRefusedWithItsPlace) {
  const ScenarioBase base = ScenarioBase::FromFile(kTest, {});
  const auto said = [&](const std::string& assignment) {
    return RefusalsOf([&] {
      (void)base.At(PointOf({assignment}));
    });
  };
  EXPECT_EQ(said("job[0].collective_test.size=1 MB"),
            "--set 'job[0].collective_test.size=1 MB': \"job[0].collective_test.size\" is a list; "
            "expected the path of a single value, or all values as [..., ...]\n");
  EXPECT_THAT(said("job[0].collective_test.size[0]=1 MB"), HasSubstr("is a list; expected"));
  EXPECT_THAT(said("job[0].collective_test.size=[\"1 MB\", \"1 s\"]"), HasSubstr("\"1 s\""));
  EXPECT_THAT(said("site=x"), HasSubstr("\"site\" is a list of blocks; expected one more as"));
}

std::vector<Assignment> TestFields(const std::vector<std::pair<std::string, std::string>>& fields) {
  std::vector<Assignment> out;
  for (const auto& [path, value] : fields) {
    out.push_back(AssignmentFrom("--" + path, path, value));
  }
  return out;
}

// Of every kind of scenario: a step, two sites, a life with failures, prices and a power cap.
TEST(ACollectiveTest, TakesThePlaceOfJobsAndOfWhatNeedsAHorizon) {
  for (const char* name : {"01-two-servers", "05-two-sites", "04-a-week-of-a-fleet",
                           "06-power-cap-at-noon", "08-all-reduce"}) {
    const std::string file =
        std::string(GRIDLOCK_SOURCE_DIR "/examples/") + name + "/scenario.textproto";
    const Scenario before = LoadScenario(file, {});
    ScenarioBase base = ScenarioBase::FromFile(file, {});
    base.TestCollective(TestFields({{"collective", "all_gather"}, {"size", "[\"1 MB\"]"}}));
    const Scenario after = base.At({});
    EXPECT_EQ(TestOf(after).kind, CollectiveKind::kAllGather) << name;
    EXPECT_EQ(after.horizon, Seconds(0)) << name;
    ASSERT_EQ(after.sites.size(), before.sites.size()) << name;
    for (std::size_t site = 0; site < before.sites.size(); ++site) {
      EXPECT_EQ(after.sites[site].servers, before.sites[site].servers) << name;
    }
    EXPECT_EQ(after.seed, before.seed) << name;
  }
}

TEST(ACollectiveTest, KeepsOverridesOfTheSites) {
  ScenarioBase base = ScenarioBase::FromFile(kExample, {"site[0].override.nic_bandwidth=100 Gbps"});
  base.TestCollective(TestFields({{"collective", "reduce"}, {"size", "[\"1 MB\"]"}}));
  EXPECT_EQ(base.At({}).site().server.nic_bandwidth, BytesPerSecond(12.5e9));
}

TEST(ACollectiveTest, NamesTheOptionOfAFieldThatIsWrong) {
  const auto said = [](const std::vector<std::pair<std::string, std::string>>& fields) {
    ScenarioBase base = ScenarioBase::FromFile(kExample, {});
    return RefusalsOf([&] {
      base.TestCollective(TestFields(fields));
      (void)base.At({});
    });
  };
  EXPECT_THAT(said({{"collective", "all_redcue"}, {"size", "[\"1 MB\"]"}}),
              HasSubstr("--collective: there is no collective \"all_redcue\""));
  EXPECT_THAT(said({{"collective", "reduce"}, {"sise", "[\"1 MB\"]"}}),
              HasSubstr("did you mean \"size\"?"));
}

TEST(Point, HasATextEvenWhenTheScenarioIsRefused) {
  const ScenarioBase base = ScenarioBase::FromFile(kExample, {});
  const Point point = PointOf({"site[0].servers=1", "description=a \"b\" \\ c"});
  EXPECT_THROW((void)base.At(point), UserError);
  EXPECT_THAT(base.TextAt(point), HasSubstr("servers: 1\n"));
  EXPECT_THAT(base.TextAt(point), HasSubstr(R"(description: "a \"b\" \\ c")"));
}

TEST(Point, InLinesIsWhatSetTakes) {
  const std::vector<std::string> overrides = {"site[0].override.nic_bandwidth=200 Gbps",
                                              "description=a=b", "seed=7"};
  EXPECT_EQ(LinesOf(PointOf(overrides)), overrides[0] + "\n" + overrides[1] + "\n" + overrides[2]);
  EXPECT_EQ(LinesOf({}), "");
}

TEST(Scenario, KeepsItsDescription) {
  EXPECT_EQ(LoadScenario(kExample, {R"(description=a "b" \ µ)"}).description, R"(a "b" \ µ)");
}

TEST(Changeable, FieldsAreListedInTheSchemaAsInTheTable) {
  std::string text = ChangeableText();  // the schema keeps each comment as one paragraph
  std::replace(text.begin(), text.end(), '\n', ' ');
  for (const SchemaType& type : ReadSchema()) {
    for (const SchemaField& field : type.fields) {
      if (type.name == "Change" && field.name == "path") {
        EXPECT_THAT(field.meaning, HasSubstr(text));
        return;
      }
    }
  }
  ADD_FAILURE() << "the schema has no Change.path";
}

TEST(Changeable, FieldsAreNotThoseThatPlacementDependsOn) {
  for (const char* path : {"site[0].servers", "site[0].fabric.clos.tiers", "job[0].priority",
                           "wan[0].distance", "seed", "site[0]", "site[0].facility.building"}) {
    EXPECT_TRUE(StaysAsItIs(path)) << path;
  }
  for (const char* path :
       {"site[0].override.nic_bandwidth", "site.facility.pue", "site[3].override.comply_with.rule",
        "wan[0].bandwidth", "site[0].facility", "site[0].overide.nic_bandwidth"}) {
    EXPECT_FALSE(StaysAsItIs(path)) << path;
  }
}

}  // namespace
}  // namespace gridlock
