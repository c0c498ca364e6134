#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim/base/check.h"
#include "sim/config/load_text.h"

namespace gridlock {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

const std::string kFixtures = GRIDLOCK_SOURCE_DIR "/tests/fixtures";

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

TEST_F(CatalogueTest, AllRootsShareOneNameSpace) {
  Write("own.textproto",
        "switch { name: \"own\" ports: 4 port_bandwidth: \"1 Gbps\" latency: \"1 us\" "
        "power: \"1 W\" source { text: \"Made up.\" } }");
  const Scenario scenario =
      LoadScenario(kFixtures + "/right/small.textproto", {"site[0].fabric.clos.leaf_switch=own"});
  EXPECT_EQ(scenario.site().clos.leaf.ports, 4);
  EXPECT_EQ(scenario.site().clos.spine.ports, 128);
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

}  // namespace
}  // namespace gridlock
