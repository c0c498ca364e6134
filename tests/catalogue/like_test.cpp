// Entries that start from another one: what they have, where it was written, whose word it is.

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim/base/check.h"
#include "sim/catalogue/view.h"
#include "sim/scenario/load_text.h"
#include "sim/scenario/reads.h"
#include "tests/clos_of.h"
#include "tests/fixture_files.h"

namespace gridlock {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

/// Writes a file, and the folders that it lies in.
void WriteText(const std::string& file, const std::string& text) {
  std::filesystem::create_directories(std::filesystem::path(file).parent_path());
  std::ofstream(file) << text;
}

/// A site of the accelerator that `entries` bring, and the entries.
std::string ScenarioWith(const std::string& entries, const std::string& accelerator) {
  return FileContents(kFixtures + "/right/small.textproto") + "catalog {\n" + entries +
         "\nserver { name: \"box\" like: \"dgx_a100\" accelerator: \"" + accelerator + "\" }\n}\n";
}

class Like : public ::testing::Test {
 protected:
  void SetUp() override { setenv("GRIDLOCK_CATALOG", (kFixtures + "/catalog").c_str(), 1); }

  static Scenario Load(const std::string& entries, const std::string& accelerator = "own") {
    return LoadScenarioText("own.textproto", ScenarioWith(entries, accelerator),
                            {"site[0].server=box"});
  }

  static AcceleratorSpec Part(const std::string& entries) {
    return Load(entries).site().server.accelerator;
  }
};

TEST_F(Like, TakesEveryFieldThatIsNotWritten) {
  const AcceleratorSpec own =
      Part("accelerator { name: \"own\" like: \"h100_sxm\" hbm_bandwidth: \"4 TB/s\" }");
  EXPECT_EQ(own.name, "own");
  EXPECT_EQ(own.hbm_bandwidth, BytesPerSecond(4e12));
  EXPECT_EQ(own.hbm_capacity, Bytes(80e9));
  EXPECT_EQ(own.scale_up_bandwidth, BytesPerSecond(450e9));
  EXPECT_EQ(own.power.limit, Watts(700));
  EXPECT_EQ(own.rates[static_cast<int>(Precision::kFp8)].peak, FlopPerSecond(2e15));
}

TEST_F(Like, MergesBlocksFieldByFieldAndRatesByTheirFormat) {
  const AcceleratorSpec own = Part(
      "accelerator { name: \"own\" like: \"h100_sxm\" power { limit: \"500 W\" }\n"
      "rate { precision: BF16 peak: \"800 TFLOPS\" } }");
  EXPECT_EQ(own.power.limit, Watts(500));
  EXPECT_EQ(own.power.idle, Watts(100));
  const MatrixRate& bf16 = own.rates[static_cast<int>(Precision::kBf16)];
  EXPECT_EQ(bf16.peak, FlopPerSecond(8e14));
  EXPECT_DOUBLE_EQ(bf16.attention_efficiency, 0.5);
  ASSERT_EQ(bf16.gemm.size(), 2U);
  EXPECT_EQ(own.rates[static_cast<int>(Precision::kFp8)].peak, FlopPerSecond(2e15));
}

TEST_F(Like, ReplacesListsAndBandwidthsAsAWhole) {
  const AcceleratorSpec own = Part(
      "accelerator { name: \"own\" like: \"h100_sxm\" scale_up { per_direction: \"100 GB/s\" }\n"
      "rate { precision: BF16 gemm { work: \"1 GFLOP\" efficiency: 0.9 } } }");
  EXPECT_EQ(own.scale_up_bandwidth, BytesPerSecond(100e9)) << "and not 900 GB/s in both directions";
  const MatrixRate& bf16 = own.rates[static_cast<int>(Precision::kBf16)];
  ASSERT_EQ(bf16.gemm.size(), 1U);
  EXPECT_DOUBLE_EQ(bf16.gemm[0].efficiency, 0.9);
}

TEST_F(Like, LeadsThroughOwnEntriesInAnyOrder) {
  const AcceleratorSpec own = Part(
      "accelerator { name: \"own\" like: \"middle\" hbm_bandwidth: \"4 TB/s\" }\n"
      "accelerator { name: \"middle\" like: \"h100_sxm\" hbm_bandwidth: \"5 TB/s\" "
      "hbm_capacity: \"96 GB\" }");
  EXPECT_EQ(own.hbm_bandwidth, BytesPerSecond(4e12));
  EXPECT_EQ(own.hbm_capacity, Bytes(96e9));
  EXPECT_EQ(own.power.limit, Watts(700));
}

TEST_F(Like, FindsItsBaseByAnAliasAndTakesNoAliasesOver) {
  const std::string base = "accelerator { name: \"middle\" like: \"h100_sxm\" alias: \"mid\" }\n";
  const AcceleratorSpec own =
      Part("accelerator { name: \"own\" like: \"mid\" hbm_bandwidth: \"4 TB/s\" }\n" + base);
  EXPECT_EQ(own.power.limit, Watts(700));
  const Scenario scenario = Load("accelerator { name: \"own\" like: \"middle\" }\n" + base, "mid");
  EXPECT_EQ(scenario.site().server.accelerator.name, "middle") << "and not \"own\"";
}

TEST_F(Like, MayBeAChainOfAnyLength) {
  std::string entries;
  constexpr int kLinks = 30000;
  for (int i = 1; i < kLinks; ++i) {
    entries +=
        "switch{name:\"s" + std::to_string(i) + "\"like:\"s" + std::to_string(i - 1) + "\"}\n";
  }
  const std::string last = "s" + std::to_string(kLinks - 1);
  const Scenario scenario = LoadScenarioText(
      "own.textproto",
      ScenarioWith("switch { name: \"" + last + "x\" like: \"" + last + "\" power: \"2 W\" }\n" +
                       entries + "switch { name: \"s0\" like: \"quantum2_qm9700\" ports: 48 }",
                   "a100_sxm_80gb"),
      {"site[0].fabric.clos.leaf_switch=" + last + "x"});
  EXPECT_EQ(ClosOf(scenario.site()).leaf.ports, 48);
}

TEST_F(Like, WorksForEveryKindOfEntry) {
  unsetenv("GRIDLOCK_CATALOG");  // the shipped one has all kinds
  const CatalogueView shipped = ReadCatalogue();
  int kinds = 0;
  for (std::size_t i = 0; i < shipped.entries.size(); ++i) {
    const CatalogueEntry& base = shipped.entries[i];
    if (i > 0 && shipped.entries[i - 1].kind == base.kind) {
      continue;  // one of each kind will do
    }
    const std::string file = ::testing::TempDir() + "/like_" + base.kind + ".textproto";
    WriteText(file, base.kind + " { name: \"own\" like: \"" + base.name + "\" }");
    const CatalogueView view = ReadCatalogue({file});
    const auto own = std::find_if(view.entries.begin(), view.entries.end(), [&](const auto& e) {
      return e.kind == base.kind && e.name == "own";
    });
    ASSERT_NE(own, view.entries.end()) << base.kind;
    ++kinds;
    EXPECT_EQ(own->file, file);
    EXPECT_EQ(own->title, "like " + base.name);
    for (const CatalogueField& field : base.fields) {
      if (field.path.starts_with("alias")) {
        continue;
      }
      const auto same = std::find_if(own->fields.begin(), own->fields.end(), [&](const auto& f) {
        return f.path == field.path;
      });
      if (field.path == "name" || field.path == "title" || field.path == "like") {
        continue;
      }
      ASSERT_NE(same, own->fields.end()) << base.kind << " " << field.path;
      EXPECT_EQ(same->value, field.value) << field.path;
      EXPECT_EQ(same->source, field.source) << field.path;
      EXPECT_EQ(same->estimate, field.estimate) << field.path;
      EXPECT_FALSE(same->unsourced) << field.path;
    }
  }
  EXPECT_EQ(kinds, 13);
}

TEST_F(Like, GivesTheScenarioThatItsTextGivesAlone) {
  const Scenario scenario = Load(
      "accelerator { name: \"own\" like: \"h100_sxm\" hbm_bandwidth: \"4 TB/s\" power { idle: "
      "\"60 W\" } source { field: \"power\" text: \"Measured.\" } }");
  EXPECT_EQ(scenario.text.find("like:"), std::string::npos);
  const Scenario again = LoadScenarioText("again", scenario.text, {});
  EXPECT_EQ(again.text, scenario.text);
  EXPECT_EQ(again.estimates.size(), scenario.estimates.size());
  EXPECT_EQ(again.site().server.accelerator.hbm_bandwidth, BytesPerSecond(4e12));
}

TEST_F(Like, PointsAtTheTextWhereAFieldWasWritten) {
  const Scenario scenario =
      Load("accelerator { name: \"own\" like: \"h100_sxm\"\nhbm_bandwidth: \"4 TB/s\" }");
  EXPECT_EQ(scenario.sources.Where("catalog.accelerator[0].hbm_bandwidth"), "own.textproto:28:16");
  EXPECT_THAT(scenario.sources.Where("catalog.accelerator[0].hbm_capacity"),
              HasSubstr("catalog/mini.textproto:19:"));
}

// Sources.

/// "power.idle: TEXT" of every number of the entry "own" in `entries`; "-" without a source, "~" in
/// front of an estimate.
std::vector<std::string> SourcesOfOwn(const std::string& entries) {
  const std::string file = ::testing::TempDir() + "/own_sources.textproto";
  WriteText(file, entries);
  std::vector<std::string> lines;
  for (const CatalogueEntry& entry : ReadCatalogue({file}).entries) {
    for (const CatalogueField& field : entry.fields) {
      if (entry.name == "own" && (field.unsourced || !field.source.empty())) {
        lines.push_back(field.path + ": " +
                        (field.unsourced ? "-" : (field.estimate ? "~" : "") + field.source));
      }
    }
  }
  return lines;
}

TEST_F(Like, KeepsTheSourceOfWhatItInheritsAndHasNoneForTheRest) {
  EXPECT_THAT(
      SourcesOfOwn("accelerator { name: \"own\" like: \"h100_sxm\" hbm_bandwidth: \"4 TB/s\" power "
                   "{ idle: \"60 W\" per_flop: \"1 pJ/FLOP\" } }"),
      ::testing::AllOf(Contains("hbm_bandwidth: -"), Contains("power.idle: -"),
                       Contains("power.per_flop: -"), Contains("power.limit: Made up for tests."),
                       Contains("hbm_capacity: Made up for tests."),
                       Contains("rate[FP8].peak: ~Made up for tests."),
                       Not(Contains(HasSubstr("power.per_flop: ~")))));
}

TEST_F(Like, TakesItsOwnSourcesForWhatItWrites) {
  const std::vector<std::string> lines = SourcesOfOwn(
      "accelerator { name: \"own\" like: \"h100_sxm\" hbm_bandwidth: \"4 TB/s\" power { idle: "
      "\"60 W\" } source { field: \"power\" text: \"Measured.\" } source { text: \"Guessed.\" "
      "estimate: true } }");
  EXPECT_THAT(lines, Contains("power.idle: Measured."));
  EXPECT_THAT(lines, Contains("hbm_bandwidth: ~Guessed."));
  EXPECT_THAT(lines, Contains("power.limit: Made up for tests.")) << "it is the base's number";
  EXPECT_THAT(lines, Contains("hbm_capacity: Made up for tests."));
}

TEST_F(Like, MayNameABetterSourceForANumberThatStays) {
  EXPECT_THAT(SourcesOfOwn("accelerator { name: \"own\" like: \"h100_sxm\" source { field: "
                           "\"power.per_flop\" text: \"Measured.\" } }"),
              ::testing::AllOf(Contains("power.per_flop: Measured."),
                               Contains("power.idle: Made up for tests.")));
}

std::vector<std::string> Names(const std::vector<Estimate>& estimates, bool from_user) {
  std::vector<std::string> names;
  for (const Estimate& estimate : estimates) {
    if (estimate.from_user == from_user && estimate.entry == "own") {
      names.push_back(estimate.field);
    }
  }
  return names;
}

TEST_F(Like, TellsTheOutputWhatTheUserGaveAndWhatIsStillAnEstimate) {
  const Scenario scenario = Load(
      "accelerator { name: \"own\" like: \"h100_sxm\" hbm_bandwidth: \"4 TB/s\" power { idle: "
      "\"60 W\" } rate { precision: FP8 peak: \"1 PFLOPS\" } }");
  EXPECT_THAT(Names(scenario.estimates, true),
              UnorderedElementsAre("hbm_bandwidth", "power.idle", "rate[FP8].peak"));
  EXPECT_THAT(
      Names(scenario.estimates, false),
      UnorderedElementsAre("power.per_flop", "rate[FP8].gemm", "rate[FP8].attention_efficiency",
                           "rate[FP8].attention_backward_efficiency"));
  // The job runs in BF16.
  EXPECT_THAT(Names(EstimatesReadBy(scenario), true),
              UnorderedElementsAre("hbm_bandwidth", "power.idle"));
  EXPECT_THAT(Names(EstimatesReadBy(scenario), false), ElementsAre("power.per_flop"));
}

TEST_F(Like, IsSilentAboutASwitchThatNoStepCrosses) {
  const std::string text = ScenarioWith(
      "switch { name: \"own\" like: \"tomahawk5_128x400g\" latency: \"2 us\" power: \"1 W\" }",
      "a100_sxm_80gb");
  const std::string leaf = "site[0].fabric.clos.leaf_switch=own";
  const Scenario within = LoadScenarioText("own.textproto", text, {leaf});
  EXPECT_THAT(Names(within.estimates, true), UnorderedElementsAre("latency", "power"));
  EXPECT_THAT(Names(EstimatesReadBy(within), true), ElementsAre());
  const Scenario across =
      LoadScenarioText("own.textproto", text, {leaf, "job[0].pretraining.layout.data=8"});
  EXPECT_THAT(Names(EstimatesReadBy(across), true), ElementsAre("latency"))
      << "a step's energy has no switches in it";
}

TEST_F(Like, NeedsNoSourceInAScenarioAndOneInTheCatalogue) {
  const std::string entry =
      "switch { name: \"own\" ports: 4 port_bandwidth: \"1 Gbps\" latency: \"1 us\" power: \"1 W\"";
  const std::string file = ::testing::TempDir() + "/own_switch.textproto";
  WriteText(file, entry + " }");
  EXPECT_NO_THROW((void)ReadCatalogue({file}));
  const std::string root = ::testing::TempDir() + "/like_root";
  setenv("GRIDLOCK_CATALOG", root.c_str(), 1);
  const std::string shared = root + "/topologies/catalog/own.textproto";
  WriteText(shared, entry + " }");
  const auto refusals = [] {
    return RefusalsOf([] {
      (void)ReadCatalogue();
    });
  };
  EXPECT_EQ(refusals(),
            shared + ":1:1: \"source\" is missing in this Switch; expected source { ... }\n");
  WriteText(shared,
            entry + " source { field: [\"ports\", \"power\", \"latency\"] text: \"A.\" } }");
  EXPECT_EQ(refusals(), shared +
                            ":1:47: no source covers \"port_bandwidth\"; expected a source that "
                            "names it, or one without \"field\" for all the rest\n");
}

}  // namespace
}  // namespace gridlock
