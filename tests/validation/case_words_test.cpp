// Odd words and blanks of published rows: what stands for them, and that it is said.

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim/schema/csv.h"
#include "sim/validation/case_repair.h"
#include "sim/validation/case_scenario.h"
#include "sim/validation/case_stack.h"
#include "sim/validation/case_table.h"
#include "sim/validation/table_words.h"
#include "tests/fixture_files.h"
#include "tests/source_dir.h"

namespace gridlock {
namespace {

using ::testing::HasSubstr;

using RowCells = std::map<std::string, std::string>;

/// The first row of the small table, with other cells.
class OddRow : public ::testing::Test {
 protected:
  [[nodiscard]] PreparedCase PreparedRow(const RowCells& cells) const {
    const std::string text = FileContents(GRIDLOCK_SOURCE_DIR "/tests/fixtures/tables/small.csv");
    ProblemList problems;
    const std::vector<CsvLine> lines = ReadCsv("small", text, problems);
    std::string header, line;
    for (std::size_t i = 0; i < lines[0].cells.size(); ++i) {
      const std::string& column = lines[0].cells[i].text;
      const auto other = cells.find(column);
      header += (i == 0 ? "" : ",") + column;
      line += (i == 0 ? "" : ",") +
              CsvQuoted(other == cells.end() ? lines[1].cells[i].text : other->second);
    }
    for (const auto& [column, cell] : cells) {
      if (("," + header + ",").find("," + column + ",") == std::string::npos) {
        header += "," + column;
        line += "," + CsvQuoted(cell);
      }
    }
    const std::string table = header + "\n" + line + "\n";
    const KnownNames names = NamesOf(catalogue_);
    PublishedCase row = ReadCases("t", table, names, problems, problems).front();
    row.accelerator = AcceleratorNamed(catalogue_, row.accelerator);
    return Prepare(row, catalogue_);
  }

  /// What is said of a row that runs.
  [[nodiscard]] std::string SaidOf(const RowCells& cells) const {
    const PreparedCase prepared = PreparedRow(cells);
    EXPECT_TRUE(prepared.scenario.has_value()) << prepared.reason;
    return prepared.assumed;
  }

  const CatalogueList catalogue_ = ListCatalogue();
};

TEST_F(OddRow, HasColumnsThatFewTablesHave) {
  const RowCells cells = {{"head_dim", "64"},
                          {"document_length", "512"},
                          {"adapters", "{ rank: 16 target: [\"q_proj\", \"v_proj\"] }"},
                          {"recompute", "none"},
                          {"optimizer", "adamw_bnb_8bit"},
                          {"offload", "activations"}};
  const PreparedCase prepared = PreparedRow(cells);
  ASSERT_TRUE(prepared.scenario) << prepared.reason;
  const TrainingSpec& job = prepared.scenario->training();
  EXPECT_EQ(job.model.head_dim, 64);
  EXPECT_EQ(job.document_length, 512);
  EXPECT_EQ(job.adapters.rank, 16);
  EXPECT_TRUE(job.offload_activations);
  EXPECT_EQ(job.optimizer.name, "adamw_8bit");
  EXPECT_THAT(SaidOf({{"optimizer", "shampoo"}}), HasSubstr("optimizer shampoo as adamw"));
  EXPECT_EQ(PreparedRow({{"adapters", "8"}}).scenario.value().training().adapters.rank, 8);
  EXPECT_THAT(PreparedRow({{"adapters", "lora"}}).reason,
              HasSubstr("\"adapters\" is \"lora\"; expected a rank such as 16"));
}

// Of the same number first, and never another number without a word.
TEST_F(OddRow, OnACardThatNobodyKnowsSaysWhichOneItTakes) {
  EXPECT_THAT(SaidOf({{"accelerator", "rtx_4090_laptop"}}),
              HasSubstr("accelerator rtx_4090_laptop as rtx_4090;"));
  EXPECT_THAT(SaidOf({{"accelerator", "mi308x"}}),
              HasSubstr("accelerator mi308x as mi300x, WHICH IS ANOTHER PART"));
  EXPECT_EQ(NearestPart("gtx_1070", catalogue_), "gtx_1080");
  EXPECT_EQ(NearestPart("l200", catalogue_), "l20") << "by its letters";
  EXPECT_EQ(NearestPart("x20", catalogue_), "");
  for (const char* part : {"l20", "rtx_4090d", "gtx_1080_ti", "rtx_2080_ti", "titan_rtx"}) {
    EXPECT_EQ(NearestPart(part, catalogue_), part);
  }
}

TEST_F(OddRow, OfAnEncoderSeesAllScoresAndPredictsMaskedTokens) {
  const TrainingSpec causal = PreparedRow({}).scenario.value().training();
  EXPECT_EQ(causal.model.attention, Attention::kCausal);
  EXPECT_EQ(causal.predicted_share, 1);
  const RowCells bert = {{"model", "BERT-Large"}, {"seq", "512"}, {"recompute", "none"}};
  EXPECT_EQ(PreparedRow(bert).scenario.value().training().model.attention, Attention::kFull);
  EXPECT_EQ(PreparedRow(bert).scenario.value().training().predicted_share, 1);
  RowCells of_nvidia = bert;
  of_nvidia["source"] = "NVIDIA/DeepLearningExamples";
  EXPECT_DOUBLE_EQ(PreparedRow(of_nvidia).scenario.value().training().predicted_share, 80.0 / 512);
  EXPECT_TRUE(IsEncoder("ViT-B/16"));
  EXPECT_FALSE(IsEncoder("Vicuna-7B"));
}

// Adapters are in the format of the framework, and beside what its recipes have them beside.
TEST_F(OddRow, HasTheAdaptersOfItsFramework) {
  const auto adapters = [&](RowCells cells) {
    cells["adapters"] = "16";
    return PreparedRow(cells).scenario.value().training().adapters;
  };
  EXPECT_EQ(adapters({{"stack", "megatron_core"}}).bytes, 2);
  EXPECT_TRUE(adapters({{"stack", "megatron_core"}}).on(adapter_target::kJoined));
  EXPECT_EQ(adapters({{"stack", "hf_fsdp"}}).bytes, 4);
  EXPECT_FALSE(adapters({{"stack", "hf_fsdp"}}).on(adapter_target::kJoined));
  EXPECT_EQ(adapters({{"stack", "deepspeed_hf"}}).bytes, 2);
  const AdapterSpec tuned = adapters({{"stack", "torchtune"}, {"tp", "1"}, {"dp", "8"}});
  EXPECT_EQ(tuned.bytes, 2);
  EXPECT_TRUE(tuned.on(adapter_target::kValue));
  EXPECT_FALSE(tuned.on(adapter_target::kKey));
  const AdapterSpec recipe =
      adapters({{"stack", "megatron"}, {"source", "NVIDIA-NeMo/Megatron-Bridge"}});
  EXPECT_TRUE(recipe.on(adapter_target::kQuery));
  EXPECT_FALSE(recipe.on(adapter_target::kUp));
}

TEST(TableWords, OfRecomputationStandForTheNearestPolicy) {
  for (const char* word : {"op", "mlp", "dots", "minimal", "save_qkv_proj", "minimal_offloaded"}) {
    EXPECT_EQ(MeantRecompute(word).word, "selective") << word;
    EXPECT_TRUE(MeantRecompute(word).assumed) << word;
  }
  EXPECT_EQ(MeantRecompute("layer").word, "full");
  EXPECT_EQ(MeantRecompute("Full").word, "full");
  EXPECT_FALSE(MeantRecompute("Full").assumed);
  EXPECT_EQ(MeantRecompute("selektive").word, "selective");
  for (const char* word : {"", "offload", "some"}) {
    EXPECT_EQ(MeantRecompute(word).word, "auto") << word;
    EXPECT_TRUE(MeantRecompute(word).assumed) << word;
  }
}

TEST(TableWords, OfPrecisionStandForTheFormatOfTheirProducts) {
  for (const char* word : {"fp8_full", "fp8_rowwise", "fp8-tensorwise", "fp8_blockwise", "fp8_e4m3",
                           "FP8_HYBRID", "e4m3", "E5M2", "e4m3fn"}) {
    EXPECT_EQ(MeantPrecision(word).word, "fp8") << word;
    EXPECT_TRUE(MeantPrecision(word).assumed) << word;
  }
  EXPECT_EQ(MeantPrecision("mxfp4").word, "fp4");
  EXPECT_EQ(MeantPrecision("bf16_mixed").word, "bf16");
  EXPECT_EQ(MeantPrecision("amp").word, "bf16");
  EXPECT_EQ(MeantPrecision("posit").word, "bf16");
  EXPECT_EQ(MeantPrecision("MXFP8").word, "mxfp8");
  EXPECT_FALSE(MeantPrecision("BF16").assumed);
}

TEST(TableWords, OfShardingAreItsStages) {
  const std::map<std::string, std::int64_t> stages = {{"FSDP", 3},   {"fsdp2", 3}, {"hsdp", 3},
                                                      {"ZeRO-3", 3}, {"zero1", 1}, {"ddp", 0}};
  for (const auto& [word, stage] : stages) {
    EXPECT_EQ(MeantZero(word), stage) << word;
  }
  EXPECT_EQ(MeantZero("sideways"), std::nullopt);
  EXPECT_EQ(MeantYes("Yes"), 1);
  EXPECT_EQ(MeantYes("false"), 0);
}

TEST_F(OddRow, RunsAndSaysWhatItsWordsWereTakenFor) {
  EXPECT_THAT(SaidOf({{"recompute", "op"}}), HasSubstr("recompute op as selective"));
  EXPECT_THAT(SaidOf({{"recompute", ""}}), HasSubstr("recompute not said as auto"));
  EXPECT_THAT(SaidOf({{"precision", "amp"}}), HasSubstr("precision amp as bf16"));
  EXPECT_THAT(SaidOf({{"zero", ""}}), HasSubstr("zero not said: 1"));
  EXPECT_THAT(SaidOf({{"zero", "sideways"}}), HasSubstr("zero not said: 1"));
  EXPECT_THAT(SaidOf({{"zero", ""}, {"stack", "fsdp"}}), HasSubstr("zero not said: 3"));
  EXPECT_THAT(SaidOf({{"domain", ""}}), HasSubstr("domain not said: 8"));
  EXPECT_THAT(SaidOf({{"sequence_parallel", ""}}), HasSubstr("sequence_parallel not said: 1"));
  EXPECT_THAT(SaidOf({{"kv_heads", ""}}), HasSubstr("kv_heads not said"));
  EXPECT_THAT(SaidOf({{"stack", ""}}), HasSubstr("as "));
  EXPECT_EQ(PreparedRow({{"zero", "FSDP"}}).scenario->training().zero, 3);
}

// A rack for a part that is sold in racks, the job's slice on a torus.
TEST_F(OddRow, WithoutADomainHasTheOneOfItsPart) {
  EXPECT_THAT(SaidOf({{"domain", ""}, {"accelerator", "gb200"}}), HasSubstr("domain not said: 72"));
  const PreparedCase slice = PreparedRow({{"domain", ""}, {"accelerator", "v5p"}});
  ASSERT_TRUE(slice.scenario.has_value()) << slice.reason;
  EXPECT_EQ(slice.scenario->sites.front().server.accelerators, 16);
}

// Eight of a CloudMatrix lie under its first tier of switches.
TEST_F(OddRow, OnEightOfARackWithTwoTiersRuns) {
  const PreparedCase eight =
      PreparedRow({{"accelerator", "910c"}, {"domain", "8"}, {"stack", "megatron"}});
  ASSERT_TRUE(eight.scenario.has_value()) << eight.reason;
  EXPECT_EQ(eight.scenario->sites.front().server.accelerators, 8);
}

// JAX has copies of activations to the host since 2024, after Paxml, and Neuron has none.
TEST_F(OddRow, OnlyMaxTextGoesToTheHostWhereHbmIsShort) {
  const auto goes = [this](const std::string& stack) {
    for (int sequence = 8192; sequence <= 16 << 20; sequence += sequence / 4) {
      const PreparedCase prepared = PreparedRow({{"stack", stack},
                                                 {"recompute", "selective"},
                                                 {"layers", "64"},
                                                 {"seq", std::to_string(sequence)}});
      if (prepared.scenario && prepared.scenario->training().offloads()) {
        return true;
      }
    }
    return false;
  };
  EXPECT_TRUE(goes("maxtext"));
  EXPECT_FALSE(goes("paxml"));
  EXPECT_FALSE(goes("neuron"));
}

}  // namespace
}  // namespace gridlock
