// Which stack stands for the name that a row has.

#include "sim/validation/case_stack.h"

#include <tuple>
#include <utility>

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

TEST_F(CaseStack, RecipesOfNvidiaAndDeepSeekTrainWhatPredictsFurtherTokens) {
  PublishedCase row = OnH100();
  row.stack = "megatron";
  EXPECT_FALSE(TrainsPredictions(row)) << "a laboratory with Megatron-LM";
  row.source = "NVIDIA-NeMo/Megatron-Bridge performance-summary.md";
  EXPECT_TRUE(TrainsPredictions(row));
  row.notes = "GB200 w/o MTP";
  EXPECT_FALSE(TrainsPredictions(row));
  row = OnH100();
  row.stack = "deepseek_dualpipe";
  EXPECT_TRUE(TrainsPredictions(row));
}

// pytorch/torchtune, recipes/configs: compile is off. ROCm/MAD, scripts/pytorch_train: it is on.
TEST_F(CaseStack, TorchtuneIsCompiledIn8BitsAndInBenchmarksOfAmd) {
  PublishedCase row = OnH100();
  row.stack = "torchtune";
  row.precision = "bf16";
  EXPECT_EQ(StackOf(row, catalogue_), "torchtune");
  row.compile = "yes";
  EXPECT_EQ(StackOf(row, catalogue_), "torchtune_compiled");
  row.compile = "";
  row.precision = "fp8";
  EXPECT_EQ(StackOf(row, catalogue_), "torchtune_compiled");
  row.precision = "bf16";
  row.accelerator = "mi350x";
  EXPECT_EQ(StackOf(row, catalogue_), "torchtune_compiled");
  row.compile = "no";
  EXPECT_EQ(StackOf(row, catalogue_), "torchtune");
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

TEST_F(CaseStack, FineGrainedExpertsGoThroughDispatchersOfTheirOwn) {
  PublishedCase row = OnH100();
  row.stack = "megatron";
  row.hidden = 4096;
  row.experts = 8;
  row.expert_ffn = 14336;
  row.source = "NVIDIA, a recipe";
  EXPECT_EQ(StackOf(row, catalogue_), "megatron_core");
  row.expert_ffn = 1024;
  row.domain = 8;
  row.ep = 8;
  EXPECT_EQ(StackOf(row, catalogue_), "megatron_core");  // plain all-to-alls inside a server
  row.experts = 256;
  EXPECT_EQ(StackOf(row, catalogue_), "megatron_deepep");
  row.pp = row.vpp = 2;
  EXPECT_EQ(StackOf(row, catalogue_), "megatron_deepep_overlap");
  row.experts = 128;
  row.ep = 32;
  EXPECT_EQ(StackOf(row, catalogue_), "megatron_exchange_overlap");
  row.accelerator = "gb200";
  row.domain = 72;
  EXPECT_EQ(StackOf(row, catalogue_), "megatron_core_overlap");
  row.vpp = 1;
  EXPECT_EQ(StackOf(row, catalogue_), "megatron_core_flex");
}

// NVIDIA-NeMo/Megatron-Bridge, perf_recipes of Qwen3 30B on 16 H100: experts over two servers and
// no stages, HybridEP without an overlap. The name of the framework says the same as the source
// does.
TEST_F(CaseStack, ExpertsOverServersWithoutInterleavingGoToEachServerOnce) {
  PublishedCase row = OnH100();
  row.hidden = 2048;
  row.experts = 128;
  row.expert_ffn = 768;
  row.domain = 8;
  row.ep = 16;
  row.stack = "megatron";
  EXPECT_EQ(StackOf(row, catalogue_), "megatron_lm");
  row.source = "NVIDIA, a recipe";
  EXPECT_EQ(StackOf(row, catalogue_), "megatron_core_flex");
  row.stack = "megatron_bridge";
  row.source = "a laboratory";
  EXPECT_EQ(StackOf(row, catalogue_), "megatron_core_flex");
  row.ep = 8;
  EXPECT_EQ(StackOf(row, catalogue_), "megatron_core");
}

TEST_F(CaseStack, DispatchersAreTakenByTheirNames) {
  PublishedCase row = OnH100();
  row.stack = "megatron";
  row.hidden = 2048;
  row.experts = 128;
  row.expert_ffn = 768;
  row.domain = row.ep = 8;
  for (const auto& [dispatcher, stack] :
       {std::pair("DeepEP", "megatron_deepep"), std::pair("hybridep", "megatron_core_flex"),
        std::pair("HybridEP, overlap", "megatron_core_overlap"),
        std::pair("alltoall overlap", "megatron_exchange_overlap"),
        std::pair("alltoall", "megatron_lm")}) {
    row.dispatcher = dispatcher;
    EXPECT_EQ(StackOf(row, catalogue_), stack) << dispatcher;
  }
}

// Who published a row counts only where nothing else says how Megatron was switched.
TEST_F(CaseStack, FrameworkAndNotesComeBeforeTheSource) {
  PublishedCase row = OnH100();
  row.stack = "megatron";
  row.framework = "NeMo 24.07";
  for (const char* source : {"a laboratory", "NVIDIA, a recipe"}) {
    row.source = source;
    EXPECT_EQ(StackOf(row, catalogue_), "megatron_core") << source;
    EXPECT_EQ(WhyStack(row, catalogue_), "megatron as megatron_core: the framework says so");
  }
  row.framework = "Megatron-LM 0.12";
  EXPECT_EQ(StackOf(row, catalogue_), "megatron_lm");
  row.framework = "";
  row.notes = "Megatron-Bridge recipe, 25.11";
  row.source = "a laboratory";
  EXPECT_EQ(WhyStack(row, catalogue_), "megatron as megatron_core: the notes say so");
}

TEST_F(CaseStack, CompiledOrNotIsAColumn) {
  PublishedCase row = OnH100();
  for (const auto& [stack, plain, compiled] :
       {std::tuple("torchtitan", "torchtitan_eager", "torchtitan"),
        std::tuple("pytorch_eager", "pytorch_eager", "pytorch_compile"),
        std::tuple("hf_eager", "hf_eager", "hf_compile"),
        std::tuple("a_new_trainer", "fsdp_eager", "torchtitan")}) {
    row.stack = stack;
    row.compile = "no";
    EXPECT_EQ(StackOf(row, catalogue_), plain);
    row.compile = "yes";
    EXPECT_EQ(StackOf(row, catalogue_), compiled);
  }
}

TEST_F(CaseStack, ReleasesThatDifferHaveEntriesOfTheirOwn) {
  PublishedCase row = OnH100();
  row.stack = "GPT-NeoX";
  EXPECT_EQ(StackOf(row, catalogue_), "gpt_neox");
  row.notes = "trained in 2022";
  EXPECT_EQ(StackOf(row, catalogue_), "gpt_neox_2022");
  row.stack = "torchtitan";
  row.notes = "";
  EXPECT_EQ(StackOf(row, catalogue_), "torchtitan");
  row.framework = "torchtitan of December 2024";
  EXPECT_EQ(StackOf(row, catalogue_), "torchtitan_2024");
  row.framework = "";
  row.source = "pytorch/torchtitan benchmarks/llama3_h100_202412_torchtitan.md";
  EXPECT_EQ(StackOf(row, catalogue_), "torchtitan_2024");
}

// metaseq and fairscale: sharded parameters beside tensor-parallel ranks.
TEST_F(CaseStack, AnUnknownStackThatShardsParametersIsFsdp) {
  PublishedCase row = OnH100();
  row.tp = 8;
  row.dp = 124;
  row.zero = 3;
  for (const char* stack : {"metaseq", "fairscale", "smp", "optimum-habana", "verl"}) {
    row.stack = stack;
    EXPECT_EQ(StackOf(row, catalogue_), "fsdp_eager") << stack;
  }
  row.tp = row.dp = 1;
  row.zero = 0;
  row.stack = "te_plain";
  EXPECT_EQ(StackOf(row, catalogue_), "megatron_lm");
}

// Loops for one accelerator do not shard: a row that does is on FSDP.
TEST_F(CaseStack, LoopsThatShardAreOnFsdp) {
  PublishedCase row = OnH100();
  row.dp = 8;
  row.zero = 3;
  for (const char* stack : {"litgpt", "lightning", "pytorch", "torch"}) {
    row.stack = stack;
    EXPECT_EQ(StackOf(row, catalogue_), "fsdp_eager") << stack;
  }
  row.stack = "hf_transformers";
  EXPECT_EQ(StackOf(row, catalogue_), "hf_fsdp");
  row.stack = "torch_compile_loop";
  EXPECT_EQ(StackOf(row, catalogue_), "torchtitan");
  row.zero = 0;
  row.stack = "litgpt";
  EXPECT_EQ(StackOf(row, catalogue_), "pytorch_eager");
}

TEST_F(CaseStack, CompiledLoopsAreCompiled) {
  PublishedCase row = OnH100();
  row.dp = 8;
  for (const char* stack : {"nanogpt", "nanochat", "modded-nanogpt", "llm.c"}) {
    row.stack = stack;
    EXPECT_EQ(StackOf(row, catalogue_), "nanogpt") << stack;
    EXPECT_TRUE(FamilyKindOf(row, catalogue_) == "" ||
                FamilyKindOf(row, catalogue_) == "compiled loop, data-parallel");
  }
  for (const char* stack : {"primus_torchtitan", "simplefsdp"}) {
    row.stack = stack;
    EXPECT_EQ(StackOf(row, catalogue_), "torchtitan") << stack;
  }
  row.stack = "primus";
  EXPECT_EQ(StackOf(row, catalogue_), "megatron_lm");
  row.stack = "torchtitan";
  row.assumed = {"precision fp8_rowwise as fp8"};
  EXPECT_EQ(StackOf(row, catalogue_), "torchtitan_rowwise");
}

TEST_F(CaseStack, OfAFrameworkThatNobodyKnowsIsWhatItsMachineRuns) {
  PublishedCase row = OnH100();
  row.stack = "a_framework_of_nobody";
  row.tp = row.pp = 1;
  row.dp = row.accelerators = 64;
  EXPECT_EQ(StackOf(row, catalogue_), "fsdp_eager");
  row.tp = 8;
  EXPECT_EQ(StackOf(row, catalogue_), "megatron_lm");
  row.tp = row.dp = row.accelerators = 1;
  EXPECT_EQ(StackOf(row, catalogue_), "pytorch_eager");
  row.accelerator = "tpu_v5e";
  row.dp = row.accelerators = 256;
  EXPECT_EQ(StackOf(row, catalogue_), "maxtext");
  row.accelerator = "trainium1_core";
  EXPECT_EQ(StackOf(row, catalogue_), "neuron");
}

TEST_F(CaseStack, TensorParallelTorchtitanIsCompiledWhereItSaysSoOrMustBe) {
  PublishedCase row = OnH100();
  row.stack = "torchtitan";
  row.tp = 8;
  row.precision = "bf16";
  EXPECT_EQ(StackOf(row, catalogue_), "torchtitan_tensor");
  row.notes = "compiled";
  EXPECT_EQ(StackOf(row, catalogue_), "torchtitan_tensor_compiled");
  row.notes = "not compiled";
  row.precision = "fp8";
  EXPECT_EQ(StackOf(row, catalogue_), "torchtitan_tensor");
  row.notes = "";
  EXPECT_EQ(StackOf(row, catalogue_), "torchtitan_tensor_compiled");
  row.precision = "bf16";
  row.stack = "kempnerforge_eager";
  EXPECT_EQ(StackOf(row, catalogue_), "torchtitan_tensor");
  row.stack = "kempnerforge";
  EXPECT_EQ(StackOf(row, catalogue_), "torchtitan_tensor_compiled");
}

TEST_F(CaseStack, ModelsWithKernelsOfTheirOwnHaveStacksOfTheirOwn) {
  PublishedCase row = OnH100();
  row.stack = "hf_eager";
  EXPECT_EQ(StackOf(row, catalogue_), "hf_eager");
  row.model = "GPT2-XL";
  EXPECT_EQ(StackOf(row, catalogue_), "hf_eager_gelu");
  row.model = "gpt-oss-20b";
  EXPECT_EQ(StackOf(row, catalogue_), "hf_eager_unfused");
}

}  // namespace
}  // namespace gridlock
