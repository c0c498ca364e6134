#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim/base/check.h"
#include "sim/catalogue/scan.h"
#include "sim/scenario/load_text.h"
#include "tests/clos_of.h"
#include "tests/fixture_files.h"
#include "tests/source_dir.h"

namespace gridlock {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// A catalogue of its own in a temporary folder, removed at the end.
class CatalogueTest : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ = fs::path(::testing::TempDir()) /
            ("gridlock_catalogue_" +
             std::string(::testing::UnitTest::GetInstance()->current_test_info()->name()));
    fs::create_directories(root_ / "topologies/catalog");
    setenv("GRIDLOCK_CATALOG", (kFixtures + "/catalog:" + root_.string()).c_str(), 1);
  }

  void TearDown() override { fs::remove_all(root_); }

  void Write(const std::string& name, const std::string& text) const {
    std::ofstream(root_ / "topologies/catalog" / name) << text;
  }

  static std::string Refusal() {
    try {
      (void)LoadScenario(kFixtures + "/right/small.textproto", {});
      return "";
    } catch (const UserError& error) {
      return error.problems().at(0).message;
    }
  }

  fs::path root_;
};

constexpr const char* kOwnSwitch =
    "switch {{ name: \"{}\" {} ports: {} port_bandwidth: \"1 Gbps\" latency: \"1 us\" "
    "power: \"1 W\" source {{ text: \"Made up.\" }} }}\n";

TEST_F(CatalogueTest, FindsAnEntryByEachOfItsAliases) {
  Write("own.textproto", fmt::format(kOwnSwitch, "own", "alias: [\"mine\", \"OWN-4\"]", 4));
  for (const char* alias : {"mine", "OWN-4"}) {
    const Scenario scenario =
        LoadScenario(kFixtures + "/right/small.textproto",
                     {std::string("site[0].fabric.clos.leaf_switch=\"") + alias + "\""});
    EXPECT_EQ(ClosOf(scenario.site()).leaf.name, "own") << "and not the alias";
  }
}

TEST_F(CatalogueTest, FindsANameBeforeAnAlias) {
  Write("own.textproto", fmt::format(kOwnSwitch, "own", "alias: \"other\"", 4) +
                             fmt::format(kOwnSwitch, "other", "", 6));
  const Scenario scenario =
      LoadScenario(kFixtures + "/right/small.textproto", {"site[0].fabric.clos.leaf_switch=other"});
  EXPECT_EQ(ClosOf(scenario.site()).leaf.ports, 6);
}

TEST_F(CatalogueTest, RefusesAnAliasOfTwoEntries) {
  Write("own.textproto", fmt::format(kOwnSwitch, "own", "alias: \"mine\"", 4) +
                             fmt::format(kOwnSwitch, "other", "alias: [\"o\", \"mine\"]", 6));
  EXPECT_THAT(Refusal(),
              HasSubstr("own.textproto:2:37: \"mine\" is an alias of the switch \"own\"; "
                        "expected an alias of its own"));
}

TEST_F(CatalogueTest, AsksForAnAliasWhenNoNameIsNear) {
  Write("own.textproto", fmt::format(kOwnSwitch, "own", "alias: \"extraordinary\"", 4));
  try {
    (void)LoadScenario(kFixtures + "/right/small.textproto",
                       {"site[0].fabric.clos.leaf_switch=extrordinary"});
    ADD_FAILURE() << "found";
  } catch (const UserError& error) {
    EXPECT_THAT(error.what(), HasSubstr("did you mean \"extraordinary\"?"));
  }
}

TEST(Frameworks, AreFoundByTheStackThatStandsForThem) {
  Scenario scenario;
  ASSERT_NO_THROW(scenario = LoadScenario(kFixtures + "/right/small.textproto",
                                          {"job[0].pretraining.stack=axolotl"}));
  EXPECT_EQ(std::get<PretrainingSpec>(scenario.jobs[0].kind).step.stack.name, "hf_fsdp");
  EXPECT_THAT(scenario.notes, ::testing::Contains("stack axolotl is eager FSDP: as hf_fsdp"));
}

TEST(Scan, KeepsEntriesThatAreNamedByAnAlias) {
  std::vector<std::string> texts = {
      "switch { name: \"a\" alias: \"first\" }\n"
      "switch { name: \"b\" alias: [\"second\", \"2nd\"] like: \"a\" }\n"
      "switch { name: \"c\" alias: \"third\" }\n"};
  KeepNamedEntries({"2nd"}, texts);
  EXPECT_THAT(texts[0], HasSubstr("\"a\""));
  EXPECT_THAT(texts[0], HasSubstr("\"b\""));
  EXPECT_THAT(texts[0], ::testing::Not(HasSubstr("\"c\"")));
}

TEST_F(CatalogueTest, AllRootsShareOneNameSpace) {
  Write("own.textproto",
        "switch { name: \"own\" ports: 4 port_bandwidth: \"1 Gbps\" latency: \"1 us\" "
        "power: \"1 W\" source { text: \"Made up.\" } }");
  const Scenario scenario =
      LoadScenario(kFixtures + "/right/small.textproto", {"site[0].fabric.clos.leaf_switch=own"});
  EXPECT_EQ(ClosOf(scenario.site()).leaf.ports, 4);
  EXPECT_EQ(ClosOf(scenario.site()).spine.ports, 128);
}

TEST_F(CatalogueTest, EntryWithAMistakeIsRefusedInItsFileEvenWhenUnused) {
  Write("own.textproto", "\n  switch { name: \"own\" ports: 4.5 }");
  EXPECT_EQ(Refusal(), (root_ / "topologies/catalog/own.textproto").string() +
                           ":2:31: 4.5 is not a whole number; expected a whole number from 1 to "
                           "65536");
}

TEST_F(CatalogueTest, NameThatIsTakenIsRefusedAcrossFiles) {
  Write("own.textproto",
        "switch { name: \"quantum2_qm9700\" ports: 4 port_bandwidth: \"1 Gbps\" latency: \"1 us\" "
        "power: \"1 W\" source { text: \"Made up.\" } }");
  EXPECT_THAT(Refusal(), HasSubstr("own.textproto:1:16: there is another switch "
                                   "\"quantum2_qm9700\", at "));
}

TEST_F(CatalogueTest, OtherFilesInTheFolderAreNotRead) {
  Write("README.md", "Not an entry.");
  EXPECT_EQ(Refusal(), "");
}

TEST_F(CatalogueTest, RootWithoutACatalogueIsRefused) {
  setenv("GRIDLOCK_CATALOG", (root_ / "topologies").string().c_str(), 1);
  EXPECT_THAT(Refusal(), HasSubstr("has no catalogue; expected folders topologies/catalog"));
}

TEST_F(CatalogueTest, ShippedCatalogueHasNoMistakes) {
  unsetenv("GRIDLOCK_CATALOG");
  // The names of the scenario may be unknown there; anything else would be a mistake of an entry.
  const std::string text = "schema_version: 1 name: \"x\"";
  try {
    (void)LoadScenarioText("scenario", text, {});
    FAIL() << "a scenario without a site was accepted";
  } catch (const UserError& error) {
    ASSERT_EQ(error.problems().size(), 2U) << error.what();
    EXPECT_THAT(error.problems()[0].message, HasSubstr("\"site\" is missing"));
    EXPECT_THAT(error.problems()[1].message, HasSubstr("\"job\" is missing"));
  }
}

// --- Entries that a scenario names, found without reading the others.

constexpr const char* kTwoEntries =
    "# { a comment \"b\"\n"
    "switch {\n  name: \"a\"\n  latency: \"1 us\"  # of \"b\"\n}\n"
    "server { name: \"b\" accelerator: \"c\" source { text: \"as \\\"a\\\" {\" } } switch {\n"
    "  name: \"c\" }\n";

std::vector<std::string> Kept(const std::set<std::string>& names,
                              const std::vector<std::string>& texts) {
  std::vector<std::string> kept = texts;
  KeepNamedEntries(names, kept);
  return kept;
}

TEST(NamedEntries, KeepTheirLinesAndColumns) {
  EXPECT_THAT(Kept({"a"}, {kTwoEntries}),
              ElementsAre("\nswitch {\n  name: \"a\"\n  latency: \"1 us\"  # of \"b\"\n}"));
  const std::string c = Kept({"c"}, {kTwoEntries})[0];
  const std::string before(std::string(kTwoEntries).find("switch {\n  name: \"c\"") -
                               std::string(kTwoEntries).find("server"),
                           ' ');
  EXPECT_EQ(c, "\n\n\n\n\n" + before + "switch {\n  name: \"c\" }");
}

TEST(NamedEntries, KeepWhatTheyName) {
  const std::string b = Kept({"b"}, {kTwoEntries})[0];
  EXPECT_THAT(b, HasSubstr("name: \"b\""));
  EXPECT_THAT(b, HasSubstr("name: \"c\""));           // the accelerator of b
  EXPECT_THAT(b, ::testing::Not(HasSubstr("1 us")));  // "a" is only mentioned in prose
  EXPECT_THAT(Kept({"x"}, {kTwoEntries, "switch { name: \"x\" more: \"b\" }"})[0], b);
}

TEST(NamedEntries, LeaveAllWhereOneFileIsNoPlainSequenceOfThem) {
  for (const char* odd : {"switch < name: \"x\" >", "switch { name: 'x' }", "switch { ports: 4 }",
                          "switch: { name: \"x\" }", "switch { name: \"x\"", "} switch { }"}) {
    EXPECT_THAT(Kept({"a"}, {kTwoEntries, odd}), ElementsAre(kTwoEntries, odd)) << odd;
  }
}

TEST(NamedEntries, GiveTheScenarioThatAllGive) {
  for (const char* example : {"01-two-servers", "02-llama-405b-16k"}) {
    const std::string file =
        std::string(GRIDLOCK_SOURCE_DIR "/examples/") + example + "/scenario.textproto";
    for (const std::string& change :
         {std::string("seed=7"), std::string("site[0].cluster=tpu_v7_pod")}) {
      unsetenv("GRIDLOCK_CATALOG");
      const Scenario named = LoadScenario(file, {change});
      setenv("GRIDLOCK_CATALOG", GRIDLOCK_SOURCE_DIR, 1);
      const Scenario all = LoadScenario(file, {change});
      EXPECT_EQ(named.text, all.text) << file;
      EXPECT_EQ(named.notes, all.notes) << file;
      EXPECT_EQ(named.estimates.size(), all.estimates.size());
      EXPECT_EQ(named.sources.Where("site[0].facility.building"),
                all.sources.Where("site[0].facility.building"));
    }
  }
}

TEST(NamedEntries, ExplainAMistakeWithTheNamesOfAll) {
  unsetenv("GRIDLOCK_CATALOG");
  try {
    (void)LoadScenario(GRIDLOCK_SOURCE_DIR "/examples/01-two-servers/scenario.textproto",
                       {"site[0].server=hgx_h8000"});
    FAIL();
  } catch (const UserError& error) {
    EXPECT_THAT(error.what(), HasSubstr("did you mean \"hgx_h800\"?"));
  }
}

}  // namespace
}  // namespace gridlock
