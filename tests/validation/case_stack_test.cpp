// Which stack stands for the name that a row has.

#include "sim/validation/case_stack.h"

#include <gtest/gtest.h>

namespace gridlock {
namespace {

class CaseStack : public ::testing::Test {
 protected:
  static PublishedCase OnH100() {
    PublishedCase row;
    row.accelerator = "h100_sxm";
    row.source = "a laboratory";
    row.tp = row.pp = 1;
    return row;
  }

  const CatalogueList catalogue_ = ListCatalogue();
};

TEST_F(CaseStack, NamesOfNvidiasRecipesAreMegatronCoreInAnySpelling) {
  PublishedCase row = OnH100();
  for (const char* stack : {"nemo", "NeMo", "nemo_megatron", "megatron_bridge", "Megatron-Bridge",
                            "mcore", "megatron-core"}) {
    row.stack = stack;
    EXPECT_EQ(StackOf(row, catalogue_), "megatron_core") << stack;
  }
  row.stack = "megatron";
  for (const char* source : {"nemo docs", "Megatron-Bridge 25.11", "nvidia/Megatron-LM",
                             "MLPERF v5", "github.com/NVIDIA/NeMo", "Megatron-Core 0.14"}) {
    row.source = source;
    EXPECT_EQ(StackOf(row, catalogue_), "megatron_core") << source;
  }
  for (const char* source : {"FlagOpen/FlagPerf training/nvidia", "a laboratory", "nemotrons"}) {
    row.source = source;
    EXPECT_EQ(StackOf(row, catalogue_), "megatron_lm") << source;
  }
}

TEST_F(CaseStack, ComposersNamesAreComposer) {
  PublishedCase row = OnH100();
  for (const char* stack :
       {"composer", "llm-foundry", "LLM Foundry", "mosaicml", "mosaicml/composer"}) {
    row.stack = stack;
    EXPECT_EQ(StackOf(row, catalogue_), "composer_fsdp") << stack;
  }
}

TEST_F(CaseStack, AnUnknownStackThatSplitsLayersIsMegatronLike) {
  PublishedCase row = OnH100();
  row.stack = "gigatron";
  EXPECT_EQ(StackOf(row, catalogue_), "fsdp_eager");
  row.pp = 4;
  EXPECT_EQ(StackOf(row, catalogue_), "megatron_lm");
  row.pp = 1;
  row.tp = 2;
  EXPECT_EQ(StackOf(row, catalogue_), "megatron_lm");
  row.accelerator = "a100_sxm_80gb";  // of its time, as megatron is
  row.zero = 1;
  EXPECT_EQ(StackOf(row, catalogue_), "megatron_2023");
}

}  // namespace
}  // namespace gridlock
