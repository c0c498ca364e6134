// Layouts in the words of frameworks.

#include <functional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim/base/check.h"
#include "sim/layouts/export_flags.h"
#include "sim/scenario/point.h"
#include "tests/source_dir.h"

namespace gridlock {

namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TrainingSpec Llama405b() {
  return ScenarioBase::FromFile(
             GRIDLOCK_SOURCE_DIR "/examples/02-llama-405b-16k/scenario.textproto", {})
      .At({})
      .training();
}

TEST(Export, MegatronFlags) {
  EXPECT_EQ(ExportText(Llama405b(), "megatron"),
            "# llama_3.1_405b, 16384 accelerators: 128 replicas (data-parallel size follows)\n"
            "--num-layers 126\n"
            "--hidden-size 16384\n"
            "--ffn-hidden-size 53248\n"
            "--num-attention-heads 128\n"
            "--group-query-attention\n"
            "--num-query-groups 8\n"
            "--kv-channels 128\n"
            "--swiglu\n"
            "--untie-embeddings-and-output-weights\n"
            "--position-embedding-type rope\n"
            "--vocab-size 128256\n"
            "--padded-vocab-size 128256\n"
            "--tensor-model-parallel-size 8\n"
            "--pipeline-model-parallel-size 16\n"
            "--num-virtual-stages-per-pipeline-rank 8\n"
            "--context-parallel-size 1\n"
            "--sequence-parallel\n"
            "--account-for-embedding-in-pipeline-split\n"
            "--account-for-loss-in-pipeline-split\n"
            "--use-tp-pp-dp-mapping\n"
            "--micro-batch-size 1\n"
            "--global-batch-size 2048\n"
            "--seq-length 8192\n"
            "--use-distributed-optimizer\n"
            "--overlap-grad-reduce\n"
            "--overlap-param-gather\n"
            "--bf16\n"
            "--accumulate-allreduce-grads-in-fp32\n");
}

TEST(Export, PrimusHandsMegatronsArgumentsOn) {
  TrainingSpec job = Llama405b();
  job.recompute = Recompute::kFull;
  const std::string text = ExportText(job, "primus");
  EXPECT_THAT(text, HasSubstr("    overrides:\n      num_layers: 126\n"));
  EXPECT_THAT(text, HasSubstr("      sequence_parallel: true\n"));
  EXPECT_THAT(text, HasSubstr("      recompute_granularity: full\n"
                              "      recompute_method: uniform\n"
                              "      recompute_num_layers: 1\n"));
}

TEST(Export, TorchtitanToml) {
  TrainingSpec job = Llama405b();
  job.zero = 3;
  job.recompute = Recompute::kSelective;
  const std::string text = ExportText(job, "torchtitan");
  EXPECT_THAT(text, HasSubstr("local_batch_size = 16\nglobal_batch_size = 2048\nseq_len = 8192\n"));
  EXPECT_THAT(text, HasSubstr("data_parallel_replicate_degree = 1\n"
                              "data_parallel_shard_degree = 128\n"
                              "fsdp_reshard_after_forward = \"always\"\n"
                              "tensor_parallel_degree = 8\n"
                              "pipeline_parallel_degree = 16\n"
                              "pipeline_parallel_schedule = \"Interleaved1F1B\"\n"
                              "pipeline_parallel_microbatch_size = 1\n"
                              "pipeline_parallel_layers_per_stage = 1\n"
                              "pipeline_parallel_first_stage_less_layers = 1\n"
                              "pipeline_parallel_last_stage_less_layers = 1\n"));
  EXPECT_THAT(text, Not(HasSubstr("how layers are split")));
  EXPECT_THAT(text, HasSubstr("mode = \"selective\"\nselective_ac_option = \"op\"\n"));
  EXPECT_THAT(text,
              HasSubstr("# not said here: ZeRO 3: with pipeline stages gradients stay whole"));
  job.zero = 0;
  EXPECT_THAT(ExportText(job, "torchtitan"),
              HasSubstr("data_parallel_replicate_degree = 128\ndata_parallel_shard_degree = 1\n"));
}

// 32 layers over 4 stages: torchtitan counts ceil((32 + 0 + 0) / 8) of them.
TEST(Export, TorchtitansStagesAreThoseOfTheLayout) {
  TrainingSpec job = Llama405b();
  job.model.layers = 32;
  job.layout.pipeline = 4;
  job.layout.virtual_pipeline = 1;
  job.layout.embedding_as_layer = false;
  const std::string text = ExportText(job, "torchtitan");
  EXPECT_THAT(text, HasSubstr("pipeline_parallel_schedule = \"1F1B\"\n"
                              "pipeline_parallel_microbatch_size = 1\n"
                              "pipeline_parallel_layers_per_stage = 8\n"
                              "pipeline_parallel_first_stage_less_layers = 0\n"
                              "pipeline_parallel_last_stage_less_layers = 0\n"));
  EXPECT_THAT(text, Not(HasSubstr("how layers are split")));
  job.layout.uneven_layers = true;
  EXPECT_THAT(ExportText(job, "torchtitan"), HasSubstr("not said here: how layers are split"));
}

TEST(Export, WhatHasNoNameStandsInAComment) {
  TrainingSpec job = Llama405b();
  EXPECT_THAT(ExportText(job, "megatron"), Not(HasSubstr("not said here")));
  job.layout.schedule = Schedule::kZeroBubble;
  job.layout.uneven_layers = true;
  job.offload_activations = true;
  const std::string text = ExportText(job, "megatron");
  EXPECT_THAT(text, HasSubstr("# not said here: the schedule ZERO_BUBBLE\n"));
  EXPECT_THAT(text, HasSubstr("# not said here: uneven layers"));
  EXPECT_THAT(text, HasSubstr("# not said here: activations in host memory"));
}

TEST(Export, UnknownFrameworksAreRefused) {
  try {
    (void)ExportText(Llama405b(), "megatorn");
    FAIL();
  } catch (const UserError& error) {
    EXPECT_EQ(error.problems().front().message,
              "no framework \"megatorn\" is known (did you mean \"megatron\"?); expected one of "
              "megatron, torchtitan, primus, peft");
  }
}

}  // namespace

}  // namespace gridlock
