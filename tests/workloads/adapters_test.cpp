// Fine-tuning with low-rank adapters, by hand and against steps that were measured.

#include "workloads/adapters.h"

#include <gtest/gtest.h>

#include "tests/workloads/models.h"
#include "workloads/memory.h"
#include "workloads/schedule.h"
#include "workloads/transformer.h"

namespace gridlock {

namespace {

// Llama 3 8B as Transformers trains it on one accelerator: BF16 weights and moments.
TrainingSpec HuggingFaceJob(int sequence, int micro_batch) {
  TrainingSpec job = JobOn(Llama(32, 4096, 32, 14336));
  job.model.kv_heads = 8;
  job.model.vocabulary = 128256;
  job.sequence_length = sequence;
  job.micro_batch = job.global_batch = micro_batch;
  job.zero = 0;
  job.layout.sequence_parallel = false;
  StackSpec& stack = job.stack;
  stack.logit_bytes = 12;
  stack.norm_extra_bytes = 4;
  stack.hbm_traffic_factor = 7.2;
  stack.separate_gate = stack.frees_gradients = true;
  stack.saves_elementwise_outputs = stack.fused_attention = true;
  stack.optimizer_bytes = 4;
  stack.main_gradient_bytes = 2;
  return job;
}

TrainingSpec WithAdapters(TrainingSpec job, int rank, const std::string& target = "all-linear") {
  job.adapters.rank = rank;
  job.adapters.targets = AdapterTargetByName(target);
  return job;
}

ModelPart AllOf(const TrainingSpec& job) {
  return PartOf(job, 0, 0);
}

double TrainedBy(const TrainingSpec& job) {
  return TrainedPerRank(job, AllOf(job)).total();
}

double AllocatedBy(const TrainingSpec& job) {
  return PeakMemory(job, Bytes(1e15), PeakKind::kAllocated).si();
}

double Added(const PassWork& work, Flop Operation::*what) {
  double sum = 0;
  for (const Operation& operation : work.operations) {
    sum += (operation.*what).si() * operation.calls;
  }
  return sum;
}

// Parameters in products: all but norms and the embedding.
double InProducts(const ModelSpec& model) {
  return ModelParameters(model) - (2.0 * model.layers + 1) * model.hidden -
         1.0 * model.vocabulary * model.hidden;
}

double AttentionOf(const TrainingSpec& job) {
  const auto tokens = static_cast<double>(job.global_batch * job.sequence_length);
  const auto sequence = static_cast<double>(job.sequence_length);
  return 0.5 * 4 * tokens * sequence * job.model.hidden * job.model.layers;
}

}  // namespace

// `trainable params` of PEFT on the same models and targets (H200, PEFT, 2026).
TEST(Adapters, HaveTheParametersThatPeftCounts) {
  const TrainingSpec job = HuggingFaceJob(2048, 1);
  EXPECT_EQ(TrainedBy(WithAdapters(job, 16)), 41943040);
  EXPECT_EQ(TrainedBy(WithAdapters(job, 64)), 167772160);
  TrainingSpec two = WithAdapters(job, 16);
  two.adapters.targets = AdapterTargetByName("q_proj") | AdapterTargetByName("v_proj");
  EXPECT_EQ(TrainedBy(two), 6815744);
  TrainingSpec seven = WithAdapters(job, 16);
  seven.model.kv_heads = 32;
  seven.model.ffn = 11008;
  EXPECT_EQ(TrainedBy(seven), 39976960);
}

TEST(Adapters, BesideJoinedMatricesAreOneEach) {
  // q, k, v of 4,096 + 2 x 1,024 from 4,096: three adapters share the way out, and one the way in.
  const TrainingSpec job = HuggingFaceJob(2048, 1);
  EXPECT_EQ(TrainedBy(WithAdapters(job, 16, "linear_qkv")), 32 * 16.0 * (4096 + 6144));
  EXPECT_EQ(TrainedBy(WithAdapters(job, 16, "linear_fc1")), 32 * 16.0 * (4096 + 2 * 14336));
}

TEST(Adapters, OfExpertsStandBesideEachOfThem) {
  const TrainingSpec job = WithAdapters(JobOn(Mixtral()), 8, "down_proj");
  EXPECT_EQ(TrainedBy(job), 32 * 8 * 8.0 * (4096 + 14336));
}

TEST(ModelFlopOf, AdaptersIsFourTimesTheFrozenParametersAndSixTimesTheirs) {
  const TrainingSpec job = WithAdapters(HuggingFaceJob(2048, 4), 16);
  const double tokens = 4 * 2048;
  const double expected =
      tokens * (4 * InProducts(job.model) + 6 * 41943040.0) + 3 * AttentionOf(job);
  EXPECT_NEAR(ModelFlop(job).si(), expected, 1e-12 * expected);
  TrainingSpec full = job;
  full.adapters = {};
  const double all = tokens * 6 * InProducts(job.model) + 3 * AttentionOf(job);
  EXPECT_NEAR(ModelFlop(full).si(), all, 1e-12 * all);
}

TEST(ModelFlopOf, AdaptersIsThatOfTheirPasses) {
  for (const char* target : {"all-linear", "q_proj", "linear_qkv", "ffn"}) {
    TrainingSpec job = WithAdapters(HuggingFaceJob(2048, 1), 16, target);
    const double scores = AttentionOf(job) / 2;  // that fused kernels make again
    const double passes = Added(ForwardWork(job, AllOf(job)), &Operation::flop) +
                          Added(BackwardWork(job, AllOf(job)), &Operation::flop) - scores;
    EXPECT_NEAR(passes, ModelFlop(job).si(), 1e-9 * passes) << target;
    job.recompute = Recompute::kFull;
    const double again = Added(BackwardWork(job, AllOf(job)), &Operation::flop) +
                         Added(ForwardWork(job, AllOf(job)), &Operation::flop) - scores;
    EXPECT_NEAR(again, HardwareFlop(job).si(), 1e-9 * again) << target;
  }
}

TEST(ModelFlopOf, FrozenLayersIsTheirForwardPass) {
  TrainingSpec job = HuggingFaceJob(2048, 1);
  const double all = ModelFlop(job).si();
  const double head = 2.0 * 2048 * 128256 * 4096;
  const double layers = all - 3 * head;
  job.frozen = {24, true};
  EXPECT_NEAR(ModelFlop(job).si(), layers / 4 + layers / 4 + 2 * head, 1e-9 * all);
  const double scores = AttentionOf(job) / 4 / 2;
  const double passes = Added(ForwardWork(job, AllOf(job)), &Operation::flop) +
                        Added(BackwardWork(job, AllOf(job)), &Operation::flop) - scores;
  EXPECT_NEAR(passes, ModelFlop(job).si(), 1e-9 * passes);
}

TEST(FrozenParts, HaveWeightsAndNothingElse) {
  TrainingSpec job = HuggingFaceJob(2048, 1);
  job.stack.frees_gradients = false;
  const double layer = ParametersPerRank(job, {Layers(kDenseLayer, 1)}).total();
  const MemoryNeed full = MemoryByStage(job).front();
  job.frozen = {24, true};
  const MemoryNeed part = MemoryByStage(job).front();
  EXPECT_DOUBLE_EQ(part.weights.si(), full.weights.si());
  EXPECT_DOUBLE_EQ(part.gradients.si(), 2 * 8 * layer);
  EXPECT_DOUBLE_EQ(part.optimizer.si(), 4 * 8 * layer);
  EXPECT_DOUBLE_EQ(part.activations.si(), full.activations.si() / 4);
}

// Dettmers et al. 2023, section 3: 0.5 and 0.127 bits of scales a parameter.
TEST(FrozenFormats, HaveThePublishedBits) {
  EXPECT_DOUBLE_EQ(8 * FrozenFormatBytes("nf4"), 4.5);
  EXPECT_NEAR(8 * FrozenFormatBytes("nf4_double"), 4.127, 5e-4);
  EXPECT_LT(FrozenFormatBytes("nf5"), 0);
}

TEST(QuantisedBase, IsKeptNarrowAndWrittenOutForEachProduct) {
  TrainingSpec job = WithAdapters(HuggingFaceJob(2048, 1), 16);
  job.adapters.bytes = 2;
  const double wide = WeightBytes(job, AllOf(job)).total().si();
  const double forward = Added(ForwardWork(job, AllOf(job)), &Operation::flop);
  job.adapters.base_bytes = FrozenFormatBytes("nf4");
  const double matrices =
      32 * (ParametersPerRank(job, {Layers(kDenseLayer, 1)}).total() - 2 * 4096);
  const double norms = 32 * 2 * 4096.0;
  // Norms of layers count with them.
  EXPECT_NEAR(wide - WeightBytes(job, AllOf(job)).total().si(), 1.4375 * (matrices + norms), 1);
  double written = 0;
  for (const Operation& operation : BackwardWork(job, AllOf(job)).operations) {
    written +=
        operation.name == std::string("dequantise") ? operation.hbm.si() * operation.calls : 0;
  }
  EXPECT_NEAR(written, 2.5625 * matrices, 1);
  EXPECT_DOUBLE_EQ(Added(ForwardWork(job, AllOf(job)), &Operation::flop), forward);
}

TEST(KeptActivations, OfFrozenProductsLackInputsWithoutAdapters) {
  TrainingSpec job = HuggingFaceJob(2048, 1);
  job.stack.norm_extra_bytes = 0;
  const double tokens = 2048;
  const double full = LayerActivations(job).si();
  job = WithAdapters(job, 16, "q_proj");
  job.adapters.bytes = 2;
  // Gone: what goes into the feed-forward block, and what goes into its way out.
  const double kept = full - 2 * tokens * (4096 + 14336) + 2 * 16 * tokens;
  EXPECT_NEAR(LayerActivations(job).si(), kept, 1);
  job.adapters.bytes = 4;
  // A 32-bit copy of the input instead of a 16-bit one.
  EXPECT_NEAR(LayerActivations(job).si(), kept + (4 - 2) * tokens * (4096 + 16), 1);
  // What is left of it instead, and a mask.
  const double wide = LayerActivations(job).si();
  job.adapters.dropout = 0.05;
  EXPECT_NEAR(LayerActivations(job).si(), wide + tokens * 4096, 1);
  job.adapters.bytes = 2;
  EXPECT_NEAR(LayerActivations(job).si(), kept + tokens * 4096, 1);
}

// bitsandbytes keeps the inputs of its products in NF4, and so does no other format: beside what an
// adapter of the queries keeps, both norms' outputs and the inner product.
TEST(KeptActivations, OfProductsInNf4HaveTheirInputs) {
  TrainingSpec job = WithAdapters(HuggingFaceJob(2048, 1), 16, "q_proj");
  const double kept = LayerActivations(job).si();
  job.adapters.base_bytes = FrozenFormatBytes("int4");
  EXPECT_EQ(LayerActivations(job).si(), kept);
  job.adapters.base_bytes = FrozenFormatBytes("nf4");
  EXPECT_NEAR(LayerActivations(job).si(), kept + 2 * 2048 * (4096 + 4096 + 14336.0), 1);
}

// torch.cuda.max_memory_allocated of Transformers 5.17 with PEFT on one H200: model, bytes.
TEST(PeakOfAdapters, IsThatOfTransformers) {
  struct Row {
    int sequence, micro_batch, rank;
    bool checkpointing, two;
    double bytes;
  };

  for (const Row& row :
       {Row{2048, 1, 16, true, false, 20354714112}, Row{2048, 4, 16, true, false, 31522122240},
        Row{2048, 1, 16, false, false, 39149922816}, Row{2048, 2, 16, false, true, 45097822720},
        Row{2048, 4, 16, true, true, 31100430848}, Row{8192, 1, 64, true, false, 33053354496},
        Row{4096, 2, 16, false, false, 106905315328}}) {
    TrainingSpec job = WithAdapters(HuggingFaceJob(row.sequence, row.micro_batch), row.rank);
    job.recompute = row.checkpointing ? Recompute::kFull : Recompute::kNone;
    if (row.two) {
      job.adapters.targets = AdapterTargetByName("q_proj") | AdapterTargetByName("v_proj");
    }
    EXPECT_NEAR(AllocatedBy(job), row.bytes, 0.005 * row.bytes)
        << row.sequence << " x " << row.micro_batch;
  }
}

// QLoRA's claim: 65B on one card of 48 GB (Dettmers et al. 2023, arXiv:2305.14314): rank 64 on all
// products, NF4 with double quantisation, BF16 adapters, paged AdamW, recomputed layers, 512
// tokens.
TEST(Qlora, TrainsSixtyFiveBillionOnFortyEightGigabytes) {
  TrainingSpec job = WithAdapters(JobOn(Llama(80, 8192, 64, 22016)), 64);
  job.model.kv_heads = 64;
  job.model.vocabulary = 32000;
  job.sequence_length = 512;
  job.zero = 0;
  job.recompute = Recompute::kFull;
  job.stack.logit_bytes = 12;
  job.stack.optimizer_bytes = 8;
  job.stack.main_gradient_bytes = 2;
  job.adapters.bytes = 2;
  const Bytes card(48e9);
  EXPECT_GT(MemoryByStage(job).front().total(), card);
  job.adapters.base_bytes = FrozenFormatBytes("nf4_double");
  job.optimizer = *OptimizerByName("paged_adamw");
  const Bytes need = MemoryByStage(job).front().total();
  EXPECT_LT(need, card);
  EXPECT_GT(need.si(), 36e9);
  // More than 780 GB in full: 12 bytes a parameter there (16-bit weights and gradients, moments).
  job.adapters = {};
  job.optimizer = {};
  EXPECT_GT(MemoryByStage(job).front().total().si(), 780e9);
}

TEST(Optimizers, KeepWhatTheyAreKnownFor) {
  TrainingSpec job = HuggingFaceJob(2048, 1);
  job.stack.optimizer_bytes = 12;
  const auto states = [&](const char* name) {
    job.optimizer = *OptimizerByName(name);
    return StatesOf(job).total();
  };
  EXPECT_DOUBLE_EQ(states("adamw"), 12);
  EXPECT_NEAR(states("adamw_8bit"), 6.03, 0.01);
  EXPECT_DOUBLE_EQ(states("lion"), 8);
  EXPECT_DOUBLE_EQ(states("sgd_momentum"), 8);
  EXPECT_DOUBLE_EQ(states("sgd"), 4);
  EXPECT_DOUBLE_EQ(states("adafactor"), 4);
  // BF16 states without a master copy.
  job.stack.optimizer_bytes = 4;
  EXPECT_DOUBLE_EQ(states("adamw"), 4);
  EXPECT_DOUBLE_EQ(states("muon"), 2);
  job.stack.optimizer_bytes = 12;
  const double layers = 32 * ParametersPerRank(job, {Layers(kDenseLayer, 1)}).total();
  const double tables = ModelParameters(job.model) - layers;
  (void)states("muon");
  EXPECT_DOUBLE_EQ(MemoryByStage(job).front().optimizer.si(), 8 * layers + 12 * tables);
  (void)states("paged_adamw");
  EXPECT_DOUBLE_EQ(MemoryByStage(job).front().optimizer.si(), 4 * (layers + tables));
}

TEST(Optimizers, ElsewhereTakeNoHbm) {
  TrainingSpec job = HuggingFaceJob(2048, 1);
  job.optimizer.place = StatesPlace::kHost;
  EXPECT_EQ(MemoryByStage(job).front().optimizer.si(), 0);
  // ZeRO-Offload, table 4: 10 billion parameters in 2.57 s, and their 20 GB back at 55 GB/s.
  EXPECT_NEAR(UpdateElsewhere(job, 10e9, BytesPerSecond(55e9)).si(), 2.57 + 20 / 55.0, 0.01);
  job.optimizer.place = StatesPlace::kNvme;
  EXPECT_NEAR(UpdateElsewhere(job, 10e9, BytesPerSecond(55e9)).si(), 2 * 40 / 3.2, 0.01);
}

TEST(ZeroBuffers, AreAllocatedForGood) {
  TrainingSpec job = HuggingFaceJob(2048, 1);
  job.layout.data = 8;
  job.global_batch = 8;
  job.zero = 1;
  const double without = MemoryByStage(job).front().buffers.si();
  job.zero_buffers = {5e8, 5e8, 0, 0, 2};
  EXPECT_DOUBLE_EQ(MemoryByStage(job).front().buffers.si(), without + 2 * 2 * 5e8);
  EXPECT_DOUBLE_EQ(job.gradient_bucket().si(), 2 * 5e8);
  job.zero = 3;
  job.zero_buffers = {5e8, 5e8, 0, 1e9, 1};
  const double live = MemoryByStage(job).front().buffers.si();
  job.zero_buffers.live = 0;
  const double layer = ParametersPerRank(job, {Layers(kDenseLayer, 1)}).total();
  EXPECT_NEAR(live - MemoryByStage(job).front().buffers.si(), 2 * (1e9 - layer), 1);
}

}  // namespace gridlock
