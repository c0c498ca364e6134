// What a row becomes: what stands in for blanks, and what is said about rows that cannot run.

#include "sim/validation/case_scenario.h"

#include <algorithm>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim/catalogue/view.h"
#include "sim/scenario/load_text.h"
#include "sim/validation/case_server.h"
#include "sim/validation/case_stack.h"
#include "tests/fixture_files.h"
#include "tests/source_dir.h"
#include "workloads/memory.h"

namespace gridlock {
namespace {

using ::testing::HasSubstr;

class CaseScenario : public ::testing::Test {
 protected:
  [[nodiscard]] PublishedCase Row(const std::string& id) const {
    const auto found = std::find_if(rows_.begin(), rows_.end(), [&](const PublishedCase& row) {
      return row.id == id;
    });
    EXPECT_NE(found, rows_.end()) << id;
    return *found;
  }

  const CatalogueList catalogue_ = ListCatalogue();
  const std::vector<PublishedCase> rows_ =
      LoadCases({GRIDLOCK_SOURCE_DIR "/tests/fixtures/tables/small.csv"}, NamesOf(catalogue_));
};

TEST_F(CaseScenario, OtherSpellingsOfAnAcceleratorAreItsName) {
  std::string text = FileContents(GRIDLOCK_SOURCE_DIR "/tests/fixtures/tables/small.csv");
  const std::string name = "a100_sxm_80gb";
  text.replace(text.find(name), name.size(), "A100-SXM4-80GB");
  const std::string file = ::testing::TempDir() + "/spelled.csv";
  std::ofstream(file) << text;
  const std::vector<PublishedCase> rows = LoadCases({file}, NamesOf(catalogue_));
  EXPECT_EQ(rows.front().accelerator, name);
  EXPECT_EQ(MissingFeatures(rows.front(), catalogue_), "");
}

TEST_F(CaseScenario, BlankMicroBatchIsOneWithAPipeline) {
  EXPECT_EQ(MicroBatchOf(Row("PIPELINE")), 1);
}

TEST_F(CaseScenario, BlankMicroBatchIsTheLargestThatDividesAndIsNotTooWide) {
  PublishedCase row = Row("DENSE-TP8");  // hidden / tp is 512, 8 sequences a replica
  EXPECT_EQ(MicroBatchOf(row), 4);
  row.global_batch = 12;  // 6 a replica
  EXPECT_EQ(MicroBatchOf(row), 2);
  row.global_batch = 14;  // 7 a replica
  EXPECT_EQ(MicroBatchOf(row), 1);
  row.global_batch = 16;
  row.tp = 1;  // 4096 x 4 is above 8192, 4096 x 2 is not
  EXPECT_EQ(MicroBatchOf(row), 2);
  row.hidden = 8192;
  EXPECT_EQ(MicroBatchOf(row), 1);
  row.micro_batch = 8;  // what the table says goes
  EXPECT_EQ(MicroBatchOf(row), 8);
}

TEST_F(CaseScenario, BlankVppIsOne) {
  PublishedCase row = Row("PIPELINE");
  row.layers = 16;
  row.vpp = 0;
  const PreparedCase prepared = Prepare(row, catalogue_);
  ASSERT_TRUE(prepared.scenario) << prepared.reason;
  EXPECT_EQ(prepared.scenario->training().layout.virtual_pipeline, 1);
}

TEST_F(CaseScenario, BlankShardGroupIsAllReplicas) {
  PublishedCase row = Row("DENSE-TP8");
  EXPECT_EQ(Prepare(row, catalogue_).scenario.value().training().layout.shards(), 2);
  row.shard_group = 1;
  EXPECT_EQ(Prepare(row, catalogue_).scenario.value().training().layout.shards(), 1);
}

TEST_F(CaseScenario, AutoRecomputeIsTheLeastThatFits) {
  PublishedCase row = Row("DENSE-TP8");
  row.recompute = "auto";
  row.stack = "torchtitan";
  row.zero = 0;
  row.hidden = 8192;
  row.heads = row.kv_heads = 64;
  row.ffn = 32768;
  row.micro_batch = 8;
  std::set<Recompute> seen;
  for (row.layers = 1; row.layers <= 64; ++row.layers) {
    const PreparedCase prepared = Prepare(row, catalogue_);
    if (!prepared.scenario) {
      break;  // not even full recomputation fits
    }
    const AcceleratorSpec& chip = prepared.scenario->site().server.accelerator;
    TrainingSpec job = prepared.scenario->training();
    for (const Recompute least : {Recompute::kNone, Recompute::kSelective, Recompute::kFull}) {
      job.recompute = least;
      if (MemoryByStage(job).front().total() <= chip.hbm_capacity) {
        EXPECT_EQ(prepared.scenario->training().recompute, least) << row.layers << " layers";
        seen.insert(least);
        break;
      }
    }
  }
  EXPECT_EQ(seen.size(), 3U);
}

TEST_F(CaseScenario, EmbeddingCountsAsALayerWhenThatMakesTheSplitEven) {
  const PreparedCase prepared = Prepare(Row("PIPELINE"), catalogue_);  // 14 layers over 16 chunks
  ASSERT_TRUE(prepared.scenario) << prepared.reason;
  EXPECT_TRUE(prepared.scenario->training().layout.embedding_as_layer);
  EXPECT_FALSE(
      Prepare(Row("DENSE-TP8"), catalogue_).scenario->training().layout.embedding_as_layer);
}

TEST_F(CaseScenario, NicRateOfTheRowReplacesTheServers) {
  const PreparedCase prepared = Prepare(Row("PIPELINE"), catalogue_);
  ASSERT_TRUE(prepared.scenario) << prepared.reason;
  EXPECT_DOUBLE_EQ(prepared.scenario->site().server.nic_bandwidth.si(), 100e9 / 8);
  EXPECT_THAT(prepared.text, HasSubstr("override"));
  EXPECT_THAT(Prepare(Row("DENSE-TP8"), catalogue_).text, ::testing::Not(HasSubstr("override")));
}

TEST_F(CaseScenario, FormatsAndRecomputationAreReadInAnyCase) {
  std::string text = FileContents(GRIDLOCK_SOURCE_DIR "/tests/fixtures/tables/small.csv");
  for (std::size_t at = 0; (at = text.find(",bf16,", at)) != std::string::npos; at += 8) {
    text.replace(at, 6, ",BFloat16,");
  }
  for (std::size_t at = 0; (at = text.find(",full,", at)) != std::string::npos; at += 6) {
    text.replace(at, 6, ",FULL,");
  }
  const std::string file = ::testing::TempDir() + "/formats.csv";
  std::ofstream(file) << text;
  const std::vector<PublishedCase> rows = LoadCases({file}, NamesOf(catalogue_));
  ASSERT_EQ(rows.size(), rows_.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(rows[i].problem, rows_[i].problem);
    EXPECT_EQ(rows[i].precision, rows_[i].precision);
    EXPECT_EQ(rows[i].recompute, rows_[i].recompute);
  }
}

TEST_F(CaseScenario, HeadsThatDoNotDivideTheWidthAreSaid) {
  PublishedCase row = Row("DENSE-TP8");
  row.hidden += 8;
  EXPECT_THAT(Prepare(row, catalogue_).assumed, HasSubstr("is no multiple of"));
}

TEST_F(CaseScenario, DomainsOfThousandsAreHeld) {
  PublishedCase row = Row("DENSE-TP8");
  row.accelerator = "tpu_v4";
  row.domain = 3072;
  row.accelerators = 6144;
  row.stack = "maxtext";
  row.tp = row.pp = row.cp = 1;
  row.dp = row.global_batch = 6144;
  row.zero = 3;
  const PreparedCase prepared = Prepare(row, catalogue_);
  EXPECT_TRUE(prepared.scenario) << prepared.reason;
}

// Optical switches close the faces of whole cubes, and a flat pod closes where it ends.
TEST_F(CaseScenario, SlicesOfTpusCloseWhereTheirPodsDo) {
  const auto entry = [this](const char* accelerator, std::int64_t domain) {
    PublishedCase row;
    row.accelerator = accelerator;
    row.domain = domain;
    return RowServerOf(row, catalogue_).entry;
  };
  EXPECT_THAT(entry("tpu_v4", 32), HasSubstr("torus: 4 open: 0 open: 1 open: 2 "));
  EXPECT_THAT(entry("tpu_v4", 128), testing::Not(HasSubstr("open")));
  EXPECT_THAT(entry("tpu_v5e", 128), HasSubstr("torus: 8 torus: 16 open: 0 }"));
  EXPECT_THAT(entry("tpu_v7x", 64), HasSubstr("open: 2 cores: 2 core_link { per_direction: "));
}

TEST_F(CaseScenario, StackIsChosenByNameAcceleratorAndSharding) {
  PublishedCase row = Row("DENSE-TP8");
  row.zero = 0;
  EXPECT_EQ(StackOf(row, catalogue_), "megatron_2021");
  row.zero = 1;  // the distributed optimizer is younger
  EXPECT_EQ(StackOf(row, catalogue_), "megatron_2023");
  row.accelerator = "b200_sxm";
  row.source = "a laboratory";  // the defaults
  EXPECT_EQ(StackOf(row, catalogue_), "megatron_lm");
  row.source = "NVIDIA-NeMo/Megatron-Bridge";  // recipes of the vendor
  EXPECT_EQ(StackOf(row, catalogue_), "megatron_core");
  row.stack = "megatron_lm";  // its defaults, where the table says so
  EXPECT_EQ(StackOf(row, catalogue_), "megatron_lm");
  row.stack = "llama_3_meta";  // the catalogue's own names stand for themselves
  EXPECT_EQ(StackOf(row, catalogue_), "llama_3_meta");
  row.stack = "megatron_of_ours";  // others stand for the nearest kind
  EXPECT_EQ(StackOf(row, catalogue_), "megatron_lm");
  row.stack = "megatron_deepep_2";  // the longest prefix counts
  EXPECT_EQ(StackOf(row, catalogue_), "megatron_deepep");
  row.stack = "another";
  row.tp = 1;
  EXPECT_EQ(StackOf(row, catalogue_), "fsdp_eager");
  row.stack = "GPT-NeoX";  // however a name is written
  EXPECT_EQ(StackOf(row, catalogue_), "gpt_neox");
}

TEST_F(CaseScenario, WhatIsAssumedIsSaid) {
  PublishedCase row = Row("DENSE-TP8");
  row.stack = "pytorch_fsdp";
  row.domain = 2;
  const PreparedCase prepared = Prepare(row, catalogue_);
  ASSERT_TRUE(prepared.scenario) << prepared.reason;
  EXPECT_EQ(
      prepared.assumed,
      "stack pytorch_fsdp is eager FSDP: as fsdp_eager; hgx_a100_80gb_4gpu with 2 accelerators");
  EXPECT_EQ(prepared.scenario->site().servers, 8);
}

TEST_F(CaseScenario, EveryMissingFeatureIsNamed) {
  PublishedCase row = Row("DENSE-TP8");
  row.accelerator = "warp_drive";
  const PreparedCase prepared = Prepare(row, catalogue_);
  EXPECT_EQ(prepared.status, CaseStatus::kUnsupported);
  EXPECT_THAT(prepared.reason, HasSubstr("no accelerator \"warp_drive\""));
  EXPECT_FALSE(prepared.scenario);
}

TEST_F(CaseScenario, OddNumbersBecomeWhatFrameworksMakeOfThem) {
  PublishedCase row = Row("DENSE-TP8");
  row.accelerator = "H100-SXM5";
  row.ep = 2;
  row.heads = row.kv_heads = 12;
  row.hidden = 12 * 128;
  row.ffn = 4 * row.hidden + 4;
  const PreparedCase prepared = Prepare(row, catalogue_);
  ASSERT_TRUE(prepared.scenario) << prepared.reason;
  const ModelSpec& model = prepared.scenario->training().model;
  EXPECT_EQ(prepared.scenario->site().server.accelerator.name, "h100_sxm");
  EXPECT_EQ(model.heads, 16);
  EXPECT_EQ(model.kv_heads, 16);
  EXPECT_EQ(model.head_dim, 128);
  EXPECT_EQ(model.ffn % 8, 0);
  EXPECT_THAT(prepared.assumed, HasSubstr("heads 12 as 16: padded"));
}

TEST_F(CaseScenario, KeyValueHeadsAreRepeatedForMoreRanks) {
  PublishedCase row = Row("DENSE-TP8");
  row.heads = 48;
  row.kv_heads = 6;  // neither 6 nor 8 divides the other
  row.hidden = 48 * 128;
  const PreparedCase prepared = Prepare(row, catalogue_);
  ASSERT_TRUE(prepared.scenario) << prepared.reason;
  EXPECT_EQ(prepared.scenario->training().model.kv_heads, 8);
}

TEST_F(CaseScenario, HeadsAreAsWideAsInTheModelOfTheSameWidths) {
  PublishedCase row = Row("DENSE-TP8");
  row.hidden = 5120;
  row.heads = 64;
  row.kv_heads = 8;
  row.ffn = 25600;
  row.gated = 1;
  EXPECT_EQ(Prepare(row, catalogue_).scenario.value().training().model.head_dim, 128);
}

TEST_F(CaseScenario, ExpertsComeFromTheRow) {
  const PreparedCase prepared = Prepare(Row("MOE"), catalogue_);
  ASSERT_TRUE(prepared.scenario) << prepared.reason;
  const TrainingSpec& job = prepared.scenario->training();
  EXPECT_EQ(job.model.mixture.experts, 8);
  EXPECT_EQ(job.model.mixture.experts_per_token, 2);
  EXPECT_EQ(job.layout.expert, 4);
  EXPECT_EQ(job.layout.expert_width(), 4);  // wide experts are split like all else
  PublishedCase narrow = Row("MOE");
  narrow.expert_ffn = 1024;
  EXPECT_EQ(Prepare(narrow, catalogue_).scenario.value().training().layout.expert_width(), 1);
}

TEST_F(CaseScenario, ExpertsAreSharedByNoMoreRanksThanAStageHas) {
  PublishedCase row = Row("MOE");
  row.experts = row.ep = 16;
  const PreparedCase prepared = Prepare(row, catalogue_);
  ASSERT_TRUE(prepared.scenario) << prepared.reason;
  EXPECT_EQ(prepared.scenario->training().layout.expert, row.dp * row.cp);
  EXPECT_THAT(prepared.assumed, HasSubstr("has to divide the ranks of a stage"));
}

TEST_F(CaseScenario, ModelsWithExpertsAreThoseOfTheCatalogueWhenAllSizesAgree) {
  PublishedCase row = Row("MOE");
  row.layers = 48;
  row.hidden = 2048;
  row.heads = 32;
  row.vocab = 151936;
  row.experts = 128;
  row.top_k = 8;
  row.expert_ffn = 768;
  EXPECT_EQ(Prepare(row, catalogue_).scenario.value().training().model.name, "qwen3_30b_a3b");
  row.layers = 24;
  EXPECT_EQ(Prepare(row, catalogue_).scenario.value().training().model.name, "published");
}

TEST_F(CaseScenario, RecipesThatArePublicSayWhatRowsLeaveOpen) {
  PublishedCase row = Row("DENSE-TP8");
  row.recompute = "auto";
  row.source = "NVIDIA, a recipe";
  const auto training = [&] {
    return Prepare(row, catalogue_).scenario.value().training();
  };
  EXPECT_EQ(training().recompute, Recompute::kSelective);
  row.source = "NVIDIA-NeMo/Megatron-Bridge";
  EXPECT_EQ(training().recompute, Recompute::kNone);
  EXPECT_FALSE(training().offloads());
  // As many layers as do not fit, of sharded parameters.
  row.zero = 3;
  row.tp = 1;
  row.dp = row.global_batch = row.accelerators;
  row.sequence_parallel = 0;
  row.micro_batch = 1;
  row.layers = 64;
  int layers = 0;
  for (row.seq = 2048; row.seq <= 1 << 16 && layers == 0; row.seq += row.seq / 4) {
    const PreparedCase prepared = Prepare(row, catalogue_);
    layers = prepared.scenario ? prepared.scenario->training().offload_layers : 0;
  }
  EXPECT_GT(layers, 0);
  EXPECT_LT(layers, row.layers);
}

TEST_F(CaseScenario, SlowCardsOfALaboratoryGoByTheirOwnName) {
  PublishedCase row = Row("DENSE-TP8");
  row.accelerator = "b200_sxm";
  EXPECT_EQ(Repaired(row, catalogue_).row.accelerator, "b200_sxm");
  row.source = "MooreThreads/SimuMax B200 release 1.2";
  const RepairedCase slow = Repaired(row, catalogue_);
  EXPECT_EQ(slow.row.accelerator, "b200_sxm_slowgemm");
  EXPECT_THAT(slow.said, testing::Contains(HasSubstr("0.48 of the peak")));
}

TEST_F(CaseScenario, GroupsThatShareExpertsFillRacksWhole) {
  PublishedCase row = Row("MOE");
  row.accelerator = "gb200";
  row.domain = 72;
  row.accelerators = 256;
  row.tp = row.cp = 1;
  row.dp = row.global_batch = 256;
  row.ep = 64;
  row.experts = 64;
  row.expert_ffn = 512;
  const PreparedCase prepared = Prepare(row, catalogue_);
  ASSERT_TRUE(prepared.scenario) << prepared.reason;
  EXPECT_EQ(prepared.scenario->training().layout.domain_ranks, 64);
  EXPECT_EQ(prepared.scenario->site().servers, 4);
}

TEST_F(CaseScenario, LayersWithExpertsMaySplitUnevenly) {
  PublishedCase row = Row("MOE");
  row.layers = 9;
  row.pp = 2;
  row.dp = 1;
  row.ep = 2;
  const PreparedCase prepared = Prepare(row, catalogue_);
  ASSERT_TRUE(prepared.scenario) << prepared.reason;
  EXPECT_TRUE(prepared.scenario->training().layout.uneven_layers);
}

TEST_F(CaseScenario, UnknownProductsMakeTheRowUnsupported) {
  PublishedCase row = Row("DENSE-TP8");
  row.accelerator = "abacus";
  row.stack = "another";
  const PreparedCase prepared = Prepare(row, catalogue_);
  EXPECT_EQ(prepared.status, CaseStatus::kUnsupported);
  EXPECT_EQ(prepared.reason, "no accelerator \"abacus\" in the catalogue");
}

TEST_F(CaseScenario, UnevenSplitIsSaid) {
  const PreparedCase prepared = Prepare(Row("UNEVEN"), catalogue_);
  ASSERT_TRUE(prepared.scenario) << prepared.reason;
  EXPECT_TRUE(prepared.scenario->training().layout.uneven_layers);
  EXPECT_THAT(prepared.assumed, HasSubstr("31 layers over 4 chunks: the first ones hold one more"));
}

TEST_F(CaseScenario, RoomOfTheRowReplacesTheAccelerators) {
  PublishedCase row = Row("DENSE-TP8");
  row.capacity_gib = 64;
  const PreparedCase prepared = Prepare(row, catalogue_);
  ASSERT_TRUE(prepared.scenario) << prepared.reason;
  EXPECT_EQ(prepared.scenario->site().server.accelerator.hbm_capacity,
            Bytes(64.0 * 1024 * 1024 * 1024));
}

TEST_F(CaseScenario, PeakIsOfTheKindThatTheRowMeans) {
  PublishedCase row = Row("DENSE-TP8");
  const auto peak = [&](const char* kind) {
    row.kind = kind;
    return Prepare(row, catalogue_).peak.value();
  };
  EXPECT_LT(peak("allocated"), peak("reserved"));
  EXPECT_LT(peak("reserved"), peak("nvidia_smi"));
  EXPECT_EQ(peak(""), peak("reserved"));
}

TEST_F(CaseScenario, OpenRecomputationOnMegatronAndNeuronIsThatOfAttention) {
  PublishedCase row = Row("DENSE-TP8");
  row.recompute = "auto";
  const auto recompute = [&](const char* stack) {
    row.stack = stack;
    return Prepare(row, catalogue_).scenario.value().training().recompute;
  };
  EXPECT_EQ(recompute("megatron"), Recompute::kSelective);
  EXPECT_EQ(recompute("torchtitan"), Recompute::kNone);
  EXPECT_EQ(recompute("maxtext"), Recompute::kNone);
  EXPECT_EQ(recompute("neuron_nxd"), Recompute::kSelective);
}

TEST_F(CaseScenario, WhatDoesNotFitHbmIsRefusedWithTheReason) {
  const PreparedCase prepared = Prepare(Row("TOO-LARGE"), catalogue_);
  EXPECT_EQ(prepared.status, CaseStatus::kRefused);
  EXPECT_THAT(prepared.reason, ::testing::StartsWith("HBM overflows by "));
  EXPECT_THAT(prepared.text, HasSubstr("FULL_LAYER"));  // the last that was tried
}

TEST_F(CaseScenario, SmallOverflowsAreNoRefusalOfATimedRun) {
  PublishedCase row = Row("DENSE-TP8");
  row.recompute = "none";
  const Scenario fits = Prepare(row, catalogue_).scenario.value();
  const ServerSpec& server = fits.site().server;
  const Bytes held = server.accelerator.hbm_capacity - RoomForJob(server);
  row.capacity_gib = (FullestStage(fits.training()).total() / 1.01 + held).si() / 1073741824.0;
  EXPECT_THAT(Prepare(row, catalogue_).assumed, HasSubstr("within the error of peaks"));
  row.step_time_s = 0;
  EXPECT_EQ(Prepare(row, catalogue_).status, CaseStatus::kRefused);
}

TEST_F(CaseScenario, RanksThatAreNotTheAcceleratorsAreRefusedWhereNoNumberOfReplicasMendsThem) {
  PublishedCase row = Row("DENSE-TP8");
  row.accelerators = 32;
  const PreparedCase mended = Prepare(row, catalogue_);
  ASSERT_TRUE(mended.scenario) << mended.reason;
  EXPECT_EQ(mended.scenario->training().layout.data, 4);
  row.accelerators = 20;
  const PreparedCase refused = Prepare(row, catalogue_);
  EXPECT_EQ(refused.status, CaseStatus::kRefused);
  EXPECT_EQ(refused.reason, "tp x pp x cp x dp = 16 accelerators, and the row has 20");
}

TEST_F(CaseScenario, TextsOfTheRowAreQuotedForTheScenario) {
  PublishedCase row = Row("DENSE-TP8");
  row.id = "../a \"b\"/ü";
  row.model = "back\\slash";
  row.source = "\"q\"";
  const PreparedCase prepared = Prepare(row, catalogue_);
  ASSERT_TRUE(prepared.scenario) << prepared.reason;
  EXPECT_THAT(prepared.scenario->name, ::testing::Not(HasSubstr("/")));
}

/// Layers, widths and heads of a model as one text.
std::string ShapeOf(const CatalogueEntry& model) {
  std::string shape;
  for (const char* name : {"layers", "hidden", "heads", "kv_heads", "ffn", "vocabulary", "gated"}) {
    const auto field =
        std::find_if(model.fields.begin(), model.fields.end(), [&](const CatalogueField& each) {
          return each.path == name;
        });
    shape += (field == model.fields.end() ? "-" : field->value) + " ";
  }
  return shape;
}

TEST(Catalogue, HasEveryDenseModelOfThePublishedSteps) {
  std::set<std::string> shapes;
  for (const CatalogueEntry& entry : ReadCatalogue().entries) {
    if (entry.kind == "model") {
      shapes.insert(ShapeOf(entry));
    }
  }
  std::size_t dense = 0;
  for (const PublishedCase& row :
       LoadCases({ShippedTable("published.csv")}, NamesOf(ListCatalogue()))) {
    if (row.experts > 0) {
      continue;
    }
    ++dense;
    std::string shape;
    for (const std::int64_t size :
         {row.layers, row.hidden, row.heads, row.kv_heads, row.ffn, row.vocab}) {
      shape += std::to_string(size) + " ";
    }
    shape += row.gated == 1 ? "true " : "false ";
    EXPECT_TRUE(shapes.contains(shape)) << row.id << ": " << shape;
  }
  EXPECT_GE(dense, 90U);
}

}  // namespace
}  // namespace gridlock
