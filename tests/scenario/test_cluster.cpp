// Sites that name a cluster of the catalogue, buildings, and quotas of countries.

#include <cstdlib>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim/base/check.h"
#include "sim/scenario/cluster_site.h"
#include "sim/scenario/load_text.h"
#include "tests/clos_of.h"
#include "tests/fixture_files.h"
#include "tests/source_dir.h"

namespace gridlock {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr const char* kWrittenOut = R"(server: "dgx_a100" servers: 2
  fabric { clos { tiers: 2 servers_per_leaf: 2 leaves_per_pod: 1 leaf_oversubscription: 2
                  leaf_switch: "tomahawk5_128x400g" spine_switch: "tomahawk5_128x400g" } }
  facility { building: "hall" })";

Scenario Load(const std::string& site, const std::vector<std::string>& overrides = {}) {
  setenv("GRIDLOCK_CATALOG", GRIDLOCK_SOURCE_DIR "/tests/fixtures/catalog", 1);
  return LoadScenarioText("scenario", R"(schema_version: 1 name: "cluster"
site { )" + site + R"( }
job { pretraining { model: "gpt_1.7b" stack: "megatron_core"
                    layout { tensor: 2 pipeline: 1 data: 4 }
                    global_batch: 16 sequence_length: 2048 } })",
                          overrides);
}

std::string WithoutCluster(std::string text) {
  const std::string line = "  cluster: \"pair\"\n";
  const std::size_t at = text.find(line);
  EXPECT_NE(at, std::string::npos) << text;
  return text.erase(at, line.size());
}

TEST(SiteOfACluster, IsTheSiteThatTheClusterWritesOut) {
  const Scenario scenario = Load("cluster: \"pair\"");
  EXPECT_EQ(WithoutCluster(scenario.text), Load(kWrittenOut).text);
  EXPECT_EQ(scenario.site().servers, 2);
  EXPECT_EQ(scenario.site().server.name, "dgx_a100");
  EXPECT_DOUBLE_EQ(ClosOf(scenario.site()).leaf_oversubscription, 2.0);
  EXPECT_DOUBLE_EQ(scenario.site().pue, 1.25);
}

/// "ENTRY: FIELD" of the estimates of one kind of entry.
std::vector<std::string> EstimatesOf(const std::string& kind, const Scenario& scenario) {
  std::vector<std::string> names;
  for (const Estimate& estimate : scenario.estimates) {
    if (estimate.kind == kind) {
      names.push_back(estimate.entry + ": " + estimate.field);
    }
  }
  return names;
}

TEST(SiteOfACluster, SaysWhatItTookAndWhatIsAnEstimate) {
  const Scenario scenario = Load("cluster: \"pair\"");
  EXPECT_THAT(scenario.notes,
              Contains("site[0].cluster: pair gives server, servers, fabric, building"));
  EXPECT_THAT(EstimatesOf("cluster", scenario),
              ElementsAre("pair: fabric.clos.leaf_oversubscription"));
  EXPECT_THAT(scenario.notes, Contains("site[0].facility.pue: that of the building hall"));
}

TEST(SiteOfACluster, KeepsWhatItSaysItself) {
  const Scenario scenario = Load(
      "cluster: \"pair\" servers: 1 fabric { clos { leaf_oversubscription: 1 } } "
      "facility { pue: 1.5 }");
  EXPECT_EQ(scenario.site().servers, 1);
  EXPECT_DOUBLE_EQ(ClosOf(scenario.site()).leaf_oversubscription, 1.0);
  EXPECT_EQ(ClosOf(scenario.site()).servers_per_leaf, 2);
  EXPECT_DOUBLE_EQ(scenario.site().pue, 1.5);
  EXPECT_THAT(scenario.notes,
              Contains("site[0].cluster: pair gives server, fabric.clos.tiers, "
                       "fabric.clos.servers_per_leaf, fabric.clos.leaves_per_pod, "
                       "fabric.clos.leaf_switch, fabric.clos.spine_switch, building; the site's "
                       "own: servers, fabric.clos.leaf_oversubscription"));
  // The estimate is not used, so it is not one of the output's.
  EXPECT_THAT(EstimatesOf("cluster", scenario), ElementsAre());
}

TEST(SiteOfACluster, KeepsWhatIsOverridden) {
  const Scenario scenario = Load(
      "cluster: \"pair\"", {"site[0].servers=1", "site[0].fabric.clos.leaf_oversubscription=4"});
  EXPECT_EQ(scenario.site().servers, 1);
  EXPECT_DOUBLE_EQ(ClosOf(scenario.site()).leaf_oversubscription, 4.0);
  EXPECT_EQ(
      Load("server: \"dgx_h100\"" + std::string(kWrittenOut).substr(18), {"site[0].cluster=pair"})
          .site()
          .server.name,
      "dgx_h100");
}

TEST(SiteOfACluster, IsWrittenSoThatItIsReadAgainAsItself) {
  const Scenario once = Load("cluster: \"pair\" servers: 2");
  const Scenario twice = LoadScenarioText("again", once.text, {});
  EXPECT_EQ(twice.text, once.text);
}

TEST(SiteOfACluster, PointsIntoTheCatalogueForWhatItTook) {
  const Scenario scenario = Load("cluster: \"pair\" servers: 2");
  EXPECT_THAT(scenario.sources.Where("site[0].fabric.clos.leaf_switch"),
              HasSubstr("mini.textproto:"));
  EXPECT_EQ(scenario.sources.Where("site[0].servers"), "scenario:2:33");
}

TEST(SiteOfACluster, OfOneServerHasNoNetworkButItsOwn) {
  const Scenario alone = Load("cluster: \"pair\" servers: 1");
  EXPECT_EQ(ClosOf(alone.site()).leaf.power, Watts(0));
  EXPECT_THAT(alone.notes,
              Contains("site[0].fabric: none, for one server alone uses nothing of its cluster's"));
}

// 512 servers of eight fill a torus of 16 x 16 x 16.
TorusSpec TorusOfPod(const std::string& site, int servers,
                     const std::vector<std::string>& overrides = {}) {
  const Scenario scenario = Load("cluster: \"pod\" " + site + R"( }
catalog { cluster { name: "pod" server: "dgx_a100" servers: 512
  fabric { torus { size: [16, 16, 16] block: [2, 2, 2] optical_switches: 48
                   optical_switch: "tomahawk5_128x400g" } } })",
                                 overrides);
  EXPECT_EQ(scenario.site().servers, servers) << site;
  return std::get<TorusSpec>(scenario.site().fabric);
}

TEST(SiteOfACluster, ReplacesListsOfItAsAWhole) {
  const std::vector<int> eight = {8, 8, 8};
  EXPECT_EQ(TorusOfPod("fabric { torus { size: [8, 8, 8] } }", 64).size, eight);
  EXPECT_EQ(TorusOfPod("", 64, {"site.fabric.torus.size=[8,8,8]"}).size, eight);
}

TEST(SiteOfACluster, IsTheSliceThatItsServersFill) {
  using Sides = std::vector<int>;
  EXPECT_EQ(TorusOfPod("", 512).size, (Sides{16, 16, 16}));
  EXPECT_EQ(TorusOfPod("servers: 8", 8).size, (Sides{4, 4, 4}));
  EXPECT_EQ(TorusOfPod("servers: 4", 4).size, (Sides{2, 4, 4}));
  EXPECT_EQ(TorusOfPod("servers: 1", 1).size, (Sides{2, 2, 2}));
  EXPECT_EQ(TorusOfPod("servers: 11", 11).size, (Sides{16, 16, 16})) << "make no torus";
  EXPECT_EQ(TorusOfPod("servers: 8 fabric { torus { size: [2, 4, 8] } }", 8).size,
            (Sides{2, 4, 8}));
}

TEST(SiteOfACluster, IsFoundWithoutAScenario) {
  setenv("GRIDLOCK_CATALOG", GRIDLOCK_SOURCE_DIR "/tests/fixtures/catalog", 1);
  const ClusterSite cluster = LoadCluster("pair");
  EXPECT_EQ(cluster.site.name, "pair");
  EXPECT_EQ(cluster.site.servers, 2);
  EXPECT_EQ(
      RefusalsOf([] {
        (void)LoadCluster("pairs");
      }),
      "--cluster: there is no cluster \"pairs\"; expected a cluster of the catalogue; did you "
      "mean \"pair\"?\n");
}

// --- Quotas. In the catalogue of the tests an H100 has TPP 16,000 and eight are a server: 128,000,
// of which 790 million hold 6,171.

std::string Quota(const std::string& country, int servers, const std::string& compliance) {
  return "server: \"dgx_h100\" servers: " + std::to_string(servers) + " jurisdiction: \"" +
         country + "\"" + R"( fabric { clos { tiers: 2 servers_per_leaf: 8 leaves_per_pod: 1
      leaf_switch: "tomahawk5_128x400g" spine_switch: "tomahawk5_128x400g" } } )" +
         "override { " + compliance + " }";
}

constexpr const char* kByQuota = "comply_with { rule: JANUARY_2025 }";

TEST(Jurisdiction, HasTheTotalOfTheSiteNoted) {
  EXPECT_THAT(
      Load(Quota("DE", 1000, "")).notes,
      Contains("site[0].jurisdiction: DE: 8000 accelerators of TPP 16000 are 128.00 million "
               "TPP; by the rule of January 2025 no quota"));
  EXPECT_THAT(Load(Quota("IN", 1000, "")).notes, Contains(HasSubstr("a quota of 790.00 million")));
  EXPECT_THAT(Load(Quota("CN", 1000, "")).notes, Contains(HasSubstr("nothing is to be had")));
  // 1,200 TPP need nobody's leave.
  EXPECT_THAT(Load(Quota("IN", 7000, "flops_factor: 0.075")).notes,
              Contains(HasSubstr("are 67.20 million TPP; such parts are outside of the quotas")));
}

TEST(Jurisdiction, QuotaHoldsTheServersThatItSaysAndNotOneMore) {
  const Scenario most = Load(Quota("IN", 6171, kByQuota));
  EXPECT_EQ(most.site().servers, 6171);
  // By number, not by cutting the part.
  EXPECT_EQ(most.site().server.accelerator.rates[static_cast<int>(Precision::kBf16)].peak,
            FlopPerSecond(1000e12));
  EXPECT_EQ(
      RefusalsOf([] {
        (void)Load(Quota("IN", 6172, kByQuota));
      }),
      "scenario:2:36: the site has 790.02 million TPP, and the quota of IN by the rule of "
      "January 2025 is 790.00 million; expected at most 6171 servers, or knob: COMPUTE, which "
      "cuts the part until no quota is needed\n");
}

TEST(Jurisdiction, OfAnAllyHasNoQuota) {
  EXPECT_EQ(Load(Quota("NL", 100000, kByQuota)).site().servers, 100000);
}

TEST(Jurisdiction, QuotaIsMetByANamedKnobToo) {
  const Scenario cut = Load(Quota("CN", 7000, "comply_with { rule: JANUARY_2025 knob: COMPUTE }"));
  EXPECT_LT(cut.site().server.accelerator.rates[static_cast<int>(Precision::kBf16)].peak,
            FlopPerSecond(1000e12));
  EXPECT_THAT(cut.notes, Contains(HasSubstr("such parts are outside of the quotas")));
}

}  // namespace
}  // namespace gridlock
