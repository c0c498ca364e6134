// What layers and the loss hold in HBM, by hand, and peaks that were measured.

#include <gtest/gtest.h>

#include "tests/workloads/models.h"
#include "workloads/adapters.h"
#include "workloads/layer_shape.h"
#include "workloads/memory.h"
#include "workloads/schedule.h"
#include "workloads/transformer.h"

namespace gridlock {

namespace {

constexpr double kGib = 1024.0 * 1024 * 1024;

// One accelerator, BF16 weights and moments, as measure_gpu.py trains.
TrainingSpec EagerJob(int layers, int hidden, int heads, int kv_heads, int ffn, int sequence,
                      int micro_batch) {
  TrainingSpec job = JobOn(Llama(layers, hidden, heads, ffn));
  job.model.kv_heads = kv_heads;
  job.model.vocabulary = 32000;
  job.sequence_length = sequence;
  job.micro_batch = job.global_batch = micro_batch;
  job.zero = 0;
  job.layout.sequence_parallel = false;
  StackSpec& stack = job.stack;
  stack.logit_bytes = 14;
  stack.separate_gate = stack.separate_rotary = stack.frees_gradients = true;
  stack.saves_elementwise_outputs = stack.fused_attention = true;
  stack.optimizer_bytes = 4;
  stack.main_gradient_bytes = 2;
  return job;
}

double Allocated(const TrainingSpec& job) {
  return PeakMemory(job, Bytes(1e15), PeakKind::kAllocated).si();
}

// Megatron-LM on Llama 3 70B, cut to 12 layers.
TrainingSpec MegatronJob() {
  TrainingSpec job = JobOn(Llama(12, 8192, 64, 28672));
  job.sequence_length = 4096;
  job.layout.tensor = 4;
  job.layout.data = 2;
  job.global_batch = 8;
  job.stack.logit_bytes = 2;
  job.stack.placeholder_gradients = true;
  job.stack.saves_elementwise_outputs = job.stack.fused_attention = true;
  return job;
}

}  // namespace

// torch.cuda.max_memory_allocated of eager and compiled steps on an H100 (PyTorch 2.11).
TEST(PeakOfHbm, IsThatOfEagerPyTorch) {
  EXPECT_NEAR(Allocated(EagerJob(24, 2048, 16, 16, 5504, 2048, 8)), 49136647168, 0.01 * 49.1e9);
  EXPECT_NEAR(Allocated(EagerJob(8, 4096, 32, 8, 14336, 4096, 4)), 43127532544, 0.01 * 43.1e9);
  EXPECT_NEAR(Allocated(EagerJob(2, 8192, 64, 8, 28672, 4096, 4)), 32879864832, 0.02 * 32.9e9);
}

TEST(PeakOfHbm, IsThatOfRecomputedLayers) {
  TrainingSpec job = EagerJob(8, 4096, 32, 8, 14336, 4096, 4);
  job.recompute = Recompute::kFull;
  EXPECT_NEAR(Allocated(job), 20829555712, 0.01 * 20.8e9);
  // Few wide layers are fullest when the last of them goes backward, beside all gradients.
  job = EagerJob(3, 8192, 64, 8, 28672, 8192, 1);
  job.recompute = Recompute::kFull;
  EXPECT_NEAR(Allocated(job), 27540370432, 0.02 * 27.5e9);
}

// FP32 and TF32 steps on one H200 (tools/calibration/measured/h200_sxm_single.csv).
TEST(PeakOfHbm, IsThatOfEagerPyTorchIn32Bits) {
  const auto single = [](TrainingSpec job) {
    job.precision = Precision::kTf32;
    job.stack = InSinglePrecision(job.stack);
    return job;
  };
  EXPECT_NEAR(Allocated(single(EagerJob(24, 2048, 16, 16, 5504, 2048, 1))), 25735851008,
              0.01 * 25.7e9);
  EXPECT_NEAR(Allocated(single(EagerJob(24, 2048, 16, 16, 5504, 2048, 4))), 53976304640,
              0.03 * 54e9);
  EXPECT_NEAR(Allocated(single(EagerJob(6, 5120, 40, 40, 13824, 2048, 2))), 39583499264,
              0.02 * 39.6e9);
  // No fused kernel for grouped queries: scores of all layers stay.
  TrainingSpec grouped = single(EagerJob(8, 4096, 32, 8, 14336, 4096, 1));
  EXPECT_FALSE(grouped.fuses_attention());
  EXPECT_NEAR(Allocated(grouped), 60334140416, 0.04 * 60.3e9);
  grouped.global_batch = grouped.micro_batch = 2;
  EXPECT_NEAR(Allocated(grouped), 95218445312, 0.03 * 95.2e9);
}

TEST(SinglePrecision, DoublesWhatLayersKeepAndMove) {
  TrainingSpec half = EagerJob(24, 2048, 16, 16, 5504, 2048, 1);
  TrainingSpec single = half;
  single.precision = Precision::kFp32;
  single.stack = InSinglePrecision(single.stack);
  EXPECT_DOUBLE_EQ(LayerActivations(single).si(), 2 * LayerActivations(half).si());
  EXPECT_EQ(PipelineMessage(single), 2.0 * PipelineMessage(half));
  const ModelPart layer{Layers(kDenseLayer, 1), false, false};
  const auto moved = [&](const TrainingSpec& job) {
    double bytes = 0;
    for (const Operation& operation : ForwardWork(job, layer).operations) {
      bytes += operation.hbm.si();
    }
    return bytes;
  };
  EXPECT_DOUBLE_EQ(moved(single), 2 * moved(half));
  // A weight and its two moments, in 4 bytes each, both ways, and its gradient.
  EXPECT_DOUBLE_EQ(UpdateTraffic(single), 4 + 2 * 12);
  // What is cast to 16 bits for products stays as the stack's constants say.
  single.stack.casts_weights = true;
  EXPECT_EQ(single.activation_bytes(), 2);
}

// PyTorch: ReLU's backward pass reads its output, which the product behind it keeps anyway. A GELU
// of eight kernels keeps three tensors of 16 bits more (huggingface/transformers,
// NewGELUActivation).
TEST(LayerActivations, FollowTheActivationFunction) {
  TrainingSpec gelu = EagerJob(24, 1024, 16, 16, 4096, 1024, 16);
  gelu.model.gated = false;
  TrainingSpec relu = gelu, written_out = gelu;
  relu.model.relu = true;
  written_out.stack.activation_kept_bytes = 6;
  constexpr double kElements = 16.0 * 1024 * 4096;
  const double kept = LayerActivations(gelu).si();
  EXPECT_DOUBLE_EQ(LayerActivations(relu).si(), kept - 2 * kElements);
  EXPECT_DOUBLE_EQ(LayerActivations(written_out).si(), kept + 6 * kElements);
  written_out.precision = Precision::kFp32;
  written_out.stack = InSinglePrecision(written_out.stack);
  EXPECT_DOUBLE_EQ(LayerActivations(written_out).si(), 2 * (kept + 6 * kElements));
}

TEST(PeakOfHbm, IsThatOfCompiledPyTorch) {
  TrainingSpec job = EagerJob(8, 4096, 32, 8, 14336, 4096, 4);
  job.stack.separate_gate = false;
  EXPECT_NEAR(Allocated(job), 39369436160, 0.01 * 39.4e9);
}

// MooreThreads/SimuMax, B200: the allocator's peak of Megatron-LM with FP32 gradients.
TEST(PeakOfHbm, IsThatOfMegatron) {
  EXPECT_NEAR(Allocated(MegatronJob()) / kGib, 39.07, 0.01 * 39.07);
  TrainingSpec wide = JobOn(Llama(4, 16384, 128, 53248));
  wide.model.kv_heads = 16;
  wide.sequence_length = 4096;
  wide.layout.tensor = 2;
  wide.layout.data = 4;
  wide.global_batch = 16;
  wide.stack = MegatronJob().stack;
  EXPECT_NEAR(Allocated(wide) / kGib, 81.59, 0.01 * 81.59);
}

TEST(PeakOfHbm, GrowsByWhatTheAllocatorReserves) {
  TrainingSpec job = MegatronJob();
  job.stack.allocator_slack = 0.1;
  job.stack.context_memory = Bytes(2e9);
  const double given_out = Allocated(job);
  const Bytes large(1e12);
  EXPECT_DOUBLE_EQ(PeakMemory(job, large, PeakKind::kReserved).si(), 1.1 * given_out);
  EXPECT_DOUBLE_EQ(PeakMemory(job, large, PeakKind::kDriver).si(), 1.1 * given_out + 2e9);
  // Not beyond what there is.
  const Bytes tight(given_out + 3e9);
  EXPECT_DOUBLE_EQ(PeakMemory(job, tight, PeakKind::kReserved).si(), given_out + 1e9);
  EXPECT_DOUBLE_EQ(MemoryByStage(job).front().total().si(), given_out + 2e9);
}

TEST(Logits, AreSplitOverTensorAndContextRanksAndChunks) {
  TrainingSpec job = JobOn(Llama(8, 4096, 32, 14336));
  job.sequence_length = 8192;
  const auto logits = [](TrainingSpec of) {
    TrainingSpec none = of;
    none.model.vocabulary = 0;
    return (LossWorkingSet(of) - LossWorkingSet(none)).si();
  };
  const double whole = 6.0 * 8192 * 128256;
  EXPECT_DOUBLE_EQ(logits(job), whole);
  job.layout.tensor = 2;
  job.layout.context = 4;
  EXPECT_DOUBLE_EQ(logits(job), whole / 8);
  job.stack.loss_chunks = 16;
  job.stack.logit_bytes = 3;
  EXPECT_DOUBLE_EQ(logits(job), whole / 256);
}

TEST(KeptActivations, OfEverySecondProduct) {
  TrainingSpec job = JobOn(Llama(32, 4096, 32, 14336));  // 8 of 32 heads are key-value heads
  job.recompute = Recompute::kSelective;
  job.stack.selective_every_second_product = true;
  // The layer's input, queries, values, attention's output and the gate.
  const double width = 4096 + 4096 + 1024 + 4096 + 14336;
  EXPECT_DOUBLE_EQ(LayerActivations(job).si(), 2 * 2048 * width);
  // Eager PyTorch keeps what goes out too, though nothing asks for it.
  job.stack.separate_gate = true;
  EXPECT_DOUBLE_EQ(LayerActivations(job).si(), 2 * 2048 * (width + 4096));
  // Keys, attention's projection and the other half of the way in are computed again.
  const auto gemms = [](const PassWork& work) {
    double flop = 0;
    for (const Operation& operation : work.operations) {
      flop += operation.kernel == Kernel::kGemm ? (operation.flop * operation.calls).si() : 0;
    }
    return flop;
  };
  const ModelPart layer{Layers(kDenseLayer, 1), false, false};
  const double again = gemms(BackwardWork(job, layer));
  job.recompute = Recompute::kNone;
  EXPECT_DOUBLE_EQ(again - gemms(BackwardWork(job, layer)),
                   2.0 * 2048 * 4096 * (1024 + 4096 + 14336));
}

TEST(KeptActivations, OfAllButTheFeedForwardBlock) {
  TrainingSpec job = JobOn(Llama(32, 4096, 32, 14336));
  job.recompute = Recompute::kSelective;
  job.stack.selective_feed_forward = true;
  EXPECT_DOUBLE_EQ(LayerActivations(job).si(), 2 * 2048 * (2 * 4096 + 2 * 4096 + 2 * 1024.0));
}

TEST(KeptActivations, LeaveTwoLayersWhenTheyGoToTheHost) {
  TrainingSpec job = JobOn(Llama(32, 4096, 32, 14336));
  const Bytes stay = MemoryByStage(job).front().activations;
  const auto copies = [&](double host) {
    return HostCopies(job, {Layers(kDenseLayer, 32), true, true}, BytesPerSecond(host)).si();
  };
  EXPECT_EQ(copies(55e9), 0);
  job.offload_activations = true;
  EXPECT_DOUBLE_EQ(MemoryByStage(job).front().activations.si(), stay.si() / 16);
  EXPECT_DOUBLE_EQ(copies(55e9), stay.si() / 55e9);
  EXPECT_DOUBLE_EQ(copies(110e9), stay.si() / 110e9);
  // Half of the layers.
  job.offload_layers = 16;
  EXPECT_DOUBLE_EQ(MemoryByStage(job).front().activations.si(), stay.si() / 2 + stay.si() / 16);
  EXPECT_DOUBLE_EQ(copies(55e9), stay.si() / 2 / 55e9);
}

// One H200: 8 layers of 4,096 with 32,000 entries, 2.0 billion parameters
// (tools/calibration/measured).
TEST(States, OnTheHostCrossItsLinkOnceAPass) {
  TrainingSpec job = JobOn(Llama(32, 4096, 32, 14336));
  job.layout.data = 8;
  job.global_batch = 8;
  job.zero = 3;
  job.stack.offloads_states = true;
  const ModelPart part{Layers(kDenseLayer, 32), true, true};
  const double parameters = ParametersPerRank(job, part).total() / 8;
  const BytesPerSecond host(55e9);
  EXPECT_DOUBLE_EQ(StateCopies(job, part, false, host).si(), 2 * parameters / 55e9);
  job.stack.main_gradient_bytes = 4;
  EXPECT_DOUBLE_EQ(StateCopies(job, part, true, host).si(), 4 * parameters / 55e9);
  job.stack.offloads_states = false;
  EXPECT_EQ(StateCopies(job, part, true, host), Seconds(0));
  // Of a frozen base in 4 bits there are no master copies: it crosses in its own format.
  TrainingSpec frozen = job;
  frozen.stack.offloads_states = true;
  frozen.adapters.rank = 16;
  frozen.adapters.base_bytes = 0.5625;
  const Seconds narrow = StateCopies(frozen, part, false, host);
  frozen.stack.master_weights_only = true;
  EXPECT_EQ(StateCopies(frozen, part, false, host), narrow);
  EXPECT_NEAR(narrow.si(), WeightBytes(frozen, part).total().si() / 8 / 55e9, 1e-12);
  EXPECT_LT(narrow.si(), 2 * parameters / 55e9);
  // Measured on one H200: 143 and 158 ms for 2.0 billion parameters in 32 bits.
  TrainingSpec measured = JobOn(Llama(8, 4096, 32, 14336));
  measured.model.vocabulary = 32000;
  measured.zero = 3;
  measured.stack.offloads_states = measured.stack.master_weights_only = true;
  EXPECT_NEAR(StateCopies(measured, {Layers(kDenseLayer, 8), true, true}, false, host).si(), 0.143,
              0.006);
}

TEST(Alignment, OddVocabulariesMakeTheHeadSlow) {
  TrainingSpec job = JobOn(Llama(2, 4096, 32, 14336));
  const auto slowest = [&job](int vocabulary) {
    job.model.vocabulary = vocabulary;
    double most = 0;
    for (const Operation& operation :
         ForwardWork(job, {Layers(kDenseLayer, 0), false, true}).operations) {
      most = std::max(most, operation.slowdown);
    }
    return most;
  };
  EXPECT_EQ(slowest(50257), 1);  // padded
  job.stack.unpadded_vocabulary = true;
  EXPECT_EQ(slowest(50257), AlignmentSlowdown(50257, 4096));
  EXPECT_GT(slowest(50257), slowest(50258));
  EXPECT_GT(slowest(50258), slowest(50264));
  EXPECT_EQ(slowest(50264), 1);
}

TEST(KeptActivations, AreWholeWhereInputsStayGathered) {
  TrainingSpec job = MegatronJob();
  const double parts = LayerActivations(job).si();
  job.stack.keeps_gathered_inputs = true;
  EXPECT_DOUBLE_EQ(LayerActivations(job).si() - parts, 2 * 2 * 4096 * 8192 * 3 / 4.0);
}

// Of 28,672 inner features three tensors, and the norm before them.
TEST(KeptActivations, OfCapturedFeedForwardBlocksAreThereTwice) {
  TrainingSpec job = MegatronJob();
  const ModelPart layer{Layers(kDenseLayer, 2), false, false};
  EXPECT_EQ(CapturedActivations(job, layer), Bytes(0));
  job.stack.captures_feed_forward = true;
  const double tensors = 3 * job.model.ffn + 2 * job.model.hidden;
  EXPECT_NEAR(CapturedActivations(job, layer).si(), 2 * 2 * 4096.0 * tensors / job.layout.tensor,
              1);
  job.recompute = Recompute::kFull;
  EXPECT_EQ(CapturedActivations(job, layer), Bytes(0));
}

TEST(KeyValueHeads, AreRepeatedOnMoreRanks) {
  TrainingSpec job = JobOn(Llama(1, 8192, 64, 28672));  // 8 key-value heads of 128
  const ModelPart layer{Layers(kDenseLayer, 1), false, false};
  const auto parameters = [&](int tensor) {
    job.layout.tensor = tensor;
    return tensor * ParametersPerRank(job, layer).total();
  };
  const double norms = 2 * 8192;
  EXPECT_DOUBLE_EQ(parameters(8), parameters(1) + 7 * norms);
  EXPECT_DOUBLE_EQ(parameters(16), parameters(1) + 15 * norms + 2 * 8192.0 * 8 * 128);
}

TEST(GradientBucket, GrowsWithTheReplicas) {
  TrainingSpec job = MegatronJob();
  job.stack.gradient_bucket = Bytes(160e6);
  job.stack.gradient_bucket_per_replica = Bytes(4e6);
  job.layout.data = 40;
  EXPECT_EQ(job.gradient_bucket(), Bytes(160e6));
  job.layout.data = 2048;
  EXPECT_EQ(job.gradient_bucket(), Bytes(4e6 * 2048));
}

TEST(ZeroThree, KeepsOnlyMasterWeightsWhereTheStackDoes) {
  TrainingSpec job = JobOn(Llama(32, 4096, 32, 14336));
  job.layout.data = 8;
  job.global_batch = 8;
  job.zero = 3;
  const MemoryNeed both = MemoryByStage(job).front();
  job.stack.master_weights_only = true;
  const MemoryNeed one = MemoryByStage(job).front();
  // 2 + 12 bytes a parameter, or 4 + 8.
  EXPECT_DOUBLE_EQ((both.weights + both.optimizer).si() / (one.weights + one.optimizer).si(),
                   14.0 / 12);
  EXPECT_DOUBLE_EQ(one.weights.si(), one.optimizer.si() / 2);
}

// TinyLlama in Transformers 5.17 on one H200 (tools/calibration/measured). Norms keep a 32-bit and
// a 16-bit copy; 12 bytes a logit.
TEST(PeakOfHbm, IsThatOfTransformers) {
  TrainingSpec job = EagerJob(22, 2048, 32, 4, 5632, 2048, 8);
  job.model.head_dim = 64;
  job.stack.logit_bytes = 12;
  job.stack.separate_rotary = false;
  job.stack.norm_extra_bytes = 4;
  EXPECT_NEAR(Allocated(job) / kGib, 41.59, 0.01 * 41.59);
  // 32-bit weights under autocast: five 16-bit copies of what norms put out, in 32 bits,
  // themselves.
  job.stack.optimizer_bytes = 12;
  job.stack.main_gradient_bytes = 4;
  job.stack.norm_extra_bytes = 9;
  job.stack.wide_residuals = job.stack.casts_weights = true;
  EXPECT_NEAR(Allocated(job) / kGib, 56.6, 0.01 * 56.6);
}

TEST(KeptActivations, OfNormsOfQueriesAndKeys) {
  TrainingSpec job = JobOn(Llama(32, 4096, 32, 14336));  // 8 of 32 heads are key-value heads
  job.stack.norm_extra_bytes = 4;
  const double without = LayerActivations(job).si();
  job.model.query_key_norms = true;
  EXPECT_DOUBLE_EQ(LayerActivations(job).si() - without, 2048 * (4 + 2) * (4096 + 1024.0));
}

TEST(KeptActivations, OfLayerInputsAreTwiceAsWideUnderAutocast) {
  TrainingSpec job = JobOn(Llama(32, 4096, 32, 14336));
  job.recompute = Recompute::kFull;
  const Bytes narrow = LayerActivations(job);
  job.stack.wide_residuals = true;
  EXPECT_EQ(LayerActivations(job), 2.0 * narrow);
}

TEST(CopiesOfWeights, StayOnlyWhereLayersAreNotMadeAgain) {
  TrainingSpec job = JobOn(Llama(32, 4096, 32, 14336));
  job.zero = 0;
  job.stack.casts_weights = true;
  const ModelPart whole{Layers(kDenseLayer, 32), true, true};
  EXPECT_EQ(MemoryByStage(job).front().weights, WeightBytes(job, whole).total());
  job.recompute = Recompute::kFull;
  EXPECT_EQ(MemoryByStage(job).front().weights, WeightBytes(job, {{}, false, true}).total());
}

TEST(States, OnTheHostLeaveWhatIsGathered) {
  TrainingSpec job = JobOn(Llama(32, 4096, 32, 14336));
  job.layout.data = 8;
  job.global_batch = 8;
  job.zero = 3;
  const MemoryNeed here = MemoryByStage(job).front();
  job.stack.offloads_states = true;
  const MemoryNeed there = MemoryByStage(job).front();
  EXPECT_EQ(there.weights + there.gradients + there.optimizer, Bytes(0));
  EXPECT_EQ(there.buffers, here.buffers);
  EXPECT_EQ(there.activations, here.activations);
}

TEST(FeedForwardChunks, SplitGradientsAndNotWhatIsKept) {
  TrainingSpec job = JobOn(Llama(32, 4096, 32, 14336));
  job.recompute = Recompute::kFull;
  job.stack.saves_elementwise_outputs = job.stack.fused_attention = true;
  const double whole = LayerWorkingSet(job).si();
  job.stack.feed_forward_chunks = 8;
  // Gradients of what goes into and comes out of SwiGLU come, its product goes.
  EXPECT_DOUBLE_EQ(whole - LayerWorkingSet(job).si(), 2048 * 2 * (3 - 1) * 14336.0 * 7 / 8);
}

// huggingface/accelerate PR 4175: Qwen3 0.6B at 1,048,576 tokens on eight H100 takes 20.8 GB with
// inputs of layers on the host, where keys and values of all ranks are gathered.
TEST(PeakOfHbm, OfAMillionTokensIsInAttention) {
  TrainingSpec job = JobOn(Llama(28, 1024, 16, 3072));
  job.model.kv_heads = 8;
  job.model.head_dim = 128;
  job.model.vocabulary = 151936;
  job.model.tied_embeddings = job.model.query_key_norms = true;
  job.sequence_length = 1 << 20;
  job.layout.context = 8;
  job.zero = 3;
  job.recompute = Recompute::kFull;
  StackSpec& stack = job.stack;
  stack.saves_elementwise_outputs = stack.fused_attention = stack.separate_gate = true;
  stack.norm_extra_bytes = 4;
  stack.logit_bytes = 12;
  stack.loss_chunks = 512;
  stack.master_weights_only = stack.frees_gradients = true;
  stack.main_gradient_bytes = 4;
  stack.optimizer_bytes = 12;
  stack.offloads_activations = true;
  EXPECT_LT(Allocated(job), 0.75 * 20.8e9);  // were keys and values passed around one by one
  stack.gathers_keys_and_values = true;
  EXPECT_NEAR(Allocated(job), 20.8e9, 0.08 * 20.8e9);
}

}  // namespace gridlock
