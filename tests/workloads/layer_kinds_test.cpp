// Layers of several kinds: windows, recurrences, modules that predict further tokens, encoders.

#include <algorithm>
#include <string>

#include <gtest/gtest.h>

#include "tests/workloads/models.h"
#include "workloads/layer_shape.h"
#include "workloads/memory.h"
#include "workloads/schedule.h"
#include "workloads/transformer.h"

namespace gridlock {

namespace {

ModelPart All(const ModelSpec& model) {
  return {model.LayersIn(0, model.depth()), true, true};
}

double FlopOf(const PassWork& work, const std::string& name) {
  double sum = 0;
  for (const Operation& operation : work.operations) {
    sum += operation.name == name ? operation.flop.si() * operation.calls : 0.0;
  }
  return sum;
}

ModelSpec Gemma3() {
  ModelSpec model = Llama(62, 5376, 32, 21504);
  model.kv_heads = 16;
  model.vocabulary = 262144;
  model.tied_embeddings = true;
  model.pattern = "LLLLLG";
  model.window = 1024;
  return model;
}

// state-spaces/mamba2-2.7b.
ModelSpec Mamba2() {
  ModelSpec model = Llama(64, 2560, 80, 0);
  model.kv_heads = 80;
  model.head_dim = 64;
  model.vocabulary = 50288;
  model.tied_embeddings = true;
  model.recurrent = {Recurrence::kMamba2, 80, 64, 1, 128, 4, 256, 0};
  return model;
}

ModelSpec Jamba() {
  ModelSpec model = Llama(32, 4096, 32, 14336);
  model.vocabulary = 65536;
  model.mixture = {.experts = 16, .experts_per_token = 2, .expert_ffn = 14336, .every = 2};
  model.pattern = "RRRRGRRR";
  model.recurrent = {Recurrence::kMamba, 1, 8192, 1, 16, 4, 64, 256};
  return model;
}

ModelSpec NemotronH() {
  ModelSpec model = Llama(52, 4096, 32, 21504);
  model.gated = false;
  model.vocabulary = 131072;
  model.pattern = "RFRFRFRGFRFRFRFRFRGFRFRFRFRFRGFRFRFRFRFRGFRFRFRFRFRF";
  model.recurrent = {Recurrence::kMamba2, 128, 64, 8, 128, 4, 128, 0};
  return model;
}

ModelSpec Qwen3Next() {
  ModelSpec model = Llama(48, 2048, 16, 5120);
  model.kv_heads = 2;
  model.head_dim = 256;
  model.vocabulary = 151936;
  model.mixture = {.experts = 512, .experts_per_token = 10, .expert_ffn = 512, .shared_experts = 1};
  model.pattern = "RRRG";
  model.recurrent = {Recurrence::kGatedDelta, 32, 128, 16, 128, 4, 64, 0};
  return model;
}

ModelSpec T5() {
  ModelSpec model = Llama(24, 1024, 128, 65536);
  model.kv_heads = 128;
  model.gated = false;
  model.vocabulary = 32128;
  model.tied_embeddings = true;
  model.encoder = {24, 512};
  return model;
}

}  // namespace

TEST(Pattern, SaysOfWhichKindEachLayerIs) {
  const Layers gemma = Gemma3().LayersIn(0, 62);
  EXPECT_EQ(gemma.with(Block::kAttention), 10);
  EXPECT_EQ(gemma.with(Block::kWindow), 52);
  EXPECT_EQ(gemma.with(Block::kDense), 62);
  // Jamba, arXiv:2403.19887, section 3: one layer of eight has attention, every second one experts.
  const Layers jamba = Jamba().LayersIn(0, 32);
  EXPECT_EQ(jamba.with(Block::kAttention), 4);
  EXPECT_EQ(jamba.with(Block::kRecurrent), 28);
  EXPECT_EQ(jamba.with(Block::kMixture), 16);
  EXPECT_EQ(jamba.with(Block::kDense), 16);
  EXPECT_EQ(jamba.kinds().size(), 3u);
  // Nemotron-H, arXiv:2504.03624, table 1; its layers are single blocks.
  const Layers nemotron = NemotronH().LayersIn(0, 52);
  EXPECT_EQ(nemotron.with(Block::kAttention), 4);
  EXPECT_EQ(nemotron.with(Block::kRecurrent), 24);
  EXPECT_EQ(nemotron.with(Block::kDense), 24);
  EXPECT_EQ(nemotron.places(), 52);
}

TEST(Pattern, OfSeveralStagesIsThatOfTheModel) {
  for (const ModelSpec& model : {Gemma3(), Jamba(), NemotronH(), T5()}) {
    TrainingSpec job = JobOn(model);
    job.layout.pipeline = 4;
    job.layout.uneven_layers = true;
    Layers sum;
    double parameters = 0;
    for (int stage = 0; stage < 4; ++stage) {
      const ModelPart part = PartOf(job, stage, 0);
      sum.Add(part.layers);
      parameters += ParametersPerRank(job, part).total();
    }
    EXPECT_EQ(sum, model.LayersIn(0, model.depth()));
    const double copy = model.tied_embeddings ? 1.0 * model.vocabulary * model.hidden : 0.0;
    const double norm = model.tied_embeddings ? model.hidden : 0.0;  // before a head of its own
    EXPECT_NEAR(parameters - copy - norm, ModelParameters(model), 1e-9 * parameters);
  }
}

TEST(Window, CountsTheTokensThatATokenSees) {
  TrainingSpec job = JobOn(Gemma3());
  job.sequence_length = 8192;
  double pairs = 0;
  for (int token = 1; token <= 8192; ++token) {
    pairs += std::min(token, 1024);
  }
  // Counts of causal attention leave out half of a token's own pair, here of those before the
  // window.
  EXPECT_NEAR(CountedShare(job, Block::kWindow), (pairs - 512) / (8192.0 * 8192), 1e-12);
  job.model.chunked_window = true;
  EXPECT_DOUBLE_EQ(CountedShare(job, Block::kWindow), 8 * (1024.0 * 1024 / 2) / (8192.0 * 8192));
}

// Of sequences packed from n documents of one length each token sees those of its own: attention is
// an n-th, and windows wider than a document are as wide as it.
TEST(Documents, AreSequencesOfTheirOwn) {
  TrainingSpec whole = JobOn(Llama(4, 4096, 32, 14336));
  whole.sequence_length = 8192;
  TrainingSpec packed = whole;
  packed.document_length = 2048;
  EXPECT_DOUBLE_EQ(CountedShare(packed, Block::kAttention), 0.5 / 4);
  EXPECT_DOUBLE_EQ(FlopOf(ForwardWork(packed, All(packed.model)), "attention"),
                   FlopOf(ForwardWork(whole, All(whole.model)), "attention") / 4);
  TrainingSpec apart = whole;  // the same tokens, a document a sequence
  apart.sequence_length = 2048;
  apart.micro_batch = apart.global_batch = 4 * whole.global_batch;
  EXPECT_NEAR(ModelFlop(packed).si(), ModelFlop(apart).si(), 1e-9 * ModelFlop(apart).si());
  packed.model.window = 4096;
  EXPECT_DOUBLE_EQ(CountedShare(packed, Block::kWindow), 0.5 / 4);
  packed.document_length = 8192;
  whole.model.window = 4096;
  EXPECT_DOUBLE_EQ(CountedShare(packed, Block::kWindow), CountedShare(whole, Block::kWindow));
}

// Each of the other ranks of a ring brings a partial output, of which three quarters are new on
// average: 38 bytes an element, and 8 of half of the whole.
TEST(ContextRing, AddsUpPartialOutputsApartFromItsKernels) {
  TrainingSpec job = JobOn(Llama(1, 4096, 32, 14336));
  job.sequence_length = 65536;
  job.layout.context = 4;
  const auto merged = [](const TrainingSpec& of) {
    double bytes = 0;
    for (const Operation& operation : ForwardWork(of, All(of.model)).operations) {
      bytes += std::string(operation.name) == "merge" ? operation.hbm.si() * operation.calls : 0.0;
    }
    return bytes;
  };
  EXPECT_EQ(merged(job), 0);
  job.stack.merges_apart = true;
  EXPECT_DOUBLE_EQ(merged(job), 3 * 16384.0 * 4096 * (38 * 0.75 + 8 * 0.5));
  job.layout.context = 1;
  EXPECT_EQ(merged(job), 0);
}

TEST(Window, AsLongAsTheSequenceIsAttentionToAll) {
  TrainingSpec windows = JobOn(Gemma3());
  windows.sequence_length = 1024;
  TrainingSpec all = windows;
  all.model.pattern.clear();
  all.model.window = 0;
  EXPECT_DOUBLE_EQ(ModelFlop(windows).si(), ModelFlop(all).si());
  EXPECT_EQ(LayerActivations(windows, Block::kWindow | Block::kDense), LayerActivations(all));
  const double computed = FlopOf(ForwardWork(windows, All(windows.model)), "attention") +
                          FlopOf(ForwardWork(windows, All(windows.model)), "window_attention");
  EXPECT_DOUBLE_EQ(computed, FlopOf(ForwardWork(all, All(all.model)), "attention"));
}

TEST(Window, KernelsComputeWholeTilesAtItsEnds) {
  TrainingSpec job = JobOn(Gemma3());
  job.sequence_length = 131072;
  job.model.window = 128;  // gpt-oss: a tile as wide as the window comes on top
  EXPECT_NEAR(ComputedShare(job, LayerShape(job), Block::kWindow),
              2 * CountedShare(job, Block::kWindow), 0.01 * CountedShare(job, Block::kWindow));
  // Without fused kernels all scores are computed, and the mask hides most.
  job.stack.fused_attention = false;
  EXPECT_EQ(ComputedShare(job, LayerShape(job), Block::kWindow), 1);
}

TEST(Recurrence, TakesWorkInProportionToTheTokens) {
  TrainingSpec job = JobOn(Mamba2());
  job.sequence_length = 4096;
  TrainingSpec twice = job;
  twice.sequence_length = 8192;
  EXPECT_DOUBLE_EQ(ModelFlop(twice).si(), 2 * ModelFlop(job).si());
  EXPECT_DOUBLE_EQ(LayerActivations(twice, Block::kRecurrent).si(),
                   2 * LayerActivations(job, Block::kRecurrent).si());
}

TEST(Recurrence, OfMamba2CountsAsMegatronDoes) {
  // NVIDIA/Megatron-LM, training/training.py, mamba_layer_flops: products of in and out, and seven
  // FLOP for each element of the state.
  const TrainingSpec job = JobOn(Mamba2());
  const double tokens = 2048, inner = 5120, state = 128;
  const double in = 2 * 2560 * (2 * inner + 2 * state + 80), out = 2 * 2560 * inner;
  const double head = 2.0 * 2560 * 50288;
  EXPECT_NEAR(ModelFlop(job).si(), 3 * tokens * (64 * (in + 7 * inner * state + out) + head),
              1e-9 * ModelFlop(job).si());
}

TEST(Recurrence, KeepsTheProjectionAndWhatComesOut) {
  // mamba_split_conv1d_scan_combined: z, x, B, C, dt and the output; the norm before keeps its
  // input, and its output stays for the projection.
  TrainingSpec job = JobOn(Mamba2());
  const double kept = 2 * 2560 + (2 * 5120 + 2 * 128 + 80) + 5120;
  EXPECT_DOUBLE_EQ(LayerActivations(job, Block::kRecurrent).si(), 2.0 * 2048 * kept);
  job.layout.tensor = 8;
  const double split = 2 * 2560 / 8.0 + (2 * 5120 + 80) / 8.0 + 2 * 128 + 5120 / 8.0;
  EXPECT_DOUBLE_EQ(LayerActivations(job, Block::kRecurrent).si(), 2.0 * 2048 * split);
}

TEST(Recurrence, IsSplitOverTensorRanks) {
  for (const ModelSpec& model : {Mamba2(), Qwen3Next()}) {
    TrainingSpec job = JobOn(model);
    const Layers layers(Block::kRecurrent, 1);
    const double whole = ParametersPerRank(job, {layers, false, false}).total();
    job.layout.tensor = 8;
    const double eighth = ParametersPerRank(job, {layers, false, false}).total();
    // Norms, and keys that ranks share, are on each of them.
    EXPECT_GT(8 * eighth, whole);
    EXPECT_LT(8 * eighth, 1.15 * whole);
    EXPECT_EQ(ForwardWork(job, {layers, false, false}).tensor.all_gathers, 1);
    EXPECT_EQ(ForwardWork(job, {layers, false, false}).tensor.reduce_scatters, 1);
  }
}

TEST(Recurrence, StateOfASequenceDoesNotGrow) {
  // 80 heads of 64 x 128 in 32 bits, and three tokens of 5,376 channels before the convolution.
  EXPECT_DOUBLE_EQ(RecurrentStateBytes(Mamba2()).si(), 4.0 * 80 * 64 * 128 + 2.0 * 3 * 5376);
}

TEST(Prediction, OfDeepSeekV3HasTheParametersOfItsFiles) {
  // deepseek-ai/DeepSeek-V3, README_WEIGHTS.md: 11.5 billion of its own, and 0.9 billion each of
  // embedding and head, which are those of the model.
  TrainingSpec job = JobOn(DeepSeekV3());
  job.model.prediction_modules = 1;
  job.layout.pipeline = 61;
  const ModelPart last = PartOf(job, 60, 0);
  EXPECT_EQ(last.layers.total(), 2);
  job.model.prediction_modules = 0;
  const double more =
      ParametersPerRank(job, last).total() - ParametersPerRank(job, PartOf(job, 60, 0)).total();
  const double embedding = 129280 * 7168.0;
  EXPECT_NEAR(more - embedding, 11.5e9, 0.01 * 11.5e9);
}

TEST(Prediction, CountsInTheFlopOfPublishedSteps) {
  // NVIDIA-NeMo/Megatron-Bridge, docs/performance-summary.md, 26.08: 1,635 TFLOP/s at 6,288 tokens
  // a second of DeepSeek-V3 with sequences of 4,096, whose recipe has mtp_num_layers = 1.
  TrainingSpec job = JobOn(DeepSeekV3());
  job.sequence_length = 4096;
  const double published = 1635e12 / 6288;
  const double without = ModelFlop(job).si() / 4096;
  job.model.prediction_modules = 1;
  const double with = ModelFlop(job).si() / 4096;
  EXPECT_NEAR(with, published, 0.01 * published);
  EXPECT_LT(without, 0.97 * published);
}

TEST(Prediction, TakesThePlaceOfALayerInAnEvenSplit) {
  // 61 layers and a module on 2 stages: 31 layers, and 30 with the module.
  TrainingSpec job = JobOn(DeepSeekV3());
  job.model.prediction_modules = 1;
  job.layout.pipeline = 2;
  EXPECT_EQ(PartOf(job, 0, 0).layers.total(), 31);
  EXPECT_EQ(PartOf(job, 1, 0).layers.total(), 31);
  EXPECT_EQ(PartOf(job, 1, 0).predictions, 1);
}

TEST(Prediction, LeavesTheLastChunkOfAnUnevenSplitRoomForTwoLosses) {
  // NVIDIA-NeMo/Megatron-Bridge, recipes/deepseek/deepseek_v3.py: four layers in each of 16 chunks,
  // or eight in each of 8, but one, or five, with the module in the last.
  TrainingSpec job = JobOn(DeepSeekV3());
  job.model.prediction_modules = 1;
  job.layout.uneven_layers = true;
  for (const int chunks : {8, 16}) {
    job.layout.pipeline = chunks;
    const int each = 64 / chunks;
    for (int stage = 0; stage < chunks - 1; ++stage) {
      EXPECT_EQ(PartOf(job, stage, 0).layers.total(), each);
    }
    EXPECT_EQ(PartOf(job, chunks - 1, 0).layers.total(), each - 3 + 1);
  }
  // Two in each of 32 chunks: the last has the module alone.
  job.layout.pipeline = 32;
  EXPECT_EQ(PartOf(job, 29, 0).layers.total(), 2);
  EXPECT_EQ(PartOf(job, 31, 0).layers.total(), 1);
  job.model.prediction_modules = 0;
  job.layout.pipeline = 16;
  EXPECT_EQ(PartOf(job, 15, 0).layers.total(), 3);
}

TEST(Prediction, DoesTheHeadAndTheLossOnceMore) {
  TrainingSpec job = JobOn(DeepSeekV3());
  job.layout.pipeline = 61;
  const ModelPart without = PartOf(job, 60, 0);
  job.model.prediction_modules = 1;
  const ModelPart with = PartOf(job, 60, 0);
  EXPECT_DOUBLE_EQ(FlopOf(ForwardWork(job, with), "lm_head"),
                   2 * FlopOf(ForwardWork(job, without), "lm_head"));
  EXPECT_DOUBLE_EQ(FlopOf(ForwardWork(job, with), "prediction_in"), 2.0 * 2048 * 2 * 7168 * 7168);
  EXPECT_GT(KeptActivations(job, with), 2.0 * LayerActivations(job, kMixtureLayer));
  // Other stages do not know of it.
  EXPECT_EQ(PartOf(job, 59, 0).predictions, 0);
}

TEST(Encoder, IsCountedWithItsOwnTokens) {
  TrainingSpec job = JobOn(T5());
  job.sequence_length = 128;
  const double attention = 4 * 1024.0 * 16384, feed = 2 * 1024.0 * 65536;
  const double encoder = 512 * (24 * 2 * (attention + feed) + 24 * 4.0 * 512 * 16384);
  const double cross = 2 * (128 * attention / 2 + 512 * attention / 2) + 4.0 * 128 * 512 * 16384;
  const double decoder = 24 * (128 * 2 * (attention + feed) + 2.0 * 128 * 128 * 16384 + cross) +
                         128 * 2.0 * 1024 * 32128;
  EXPECT_NEAR(ModelFlop(job).si(), 3 * (encoder + decoder), 1e-9 * ModelFlop(job).si());
}

TEST(Slices, OfMixedLayersAddUpToThem) {
  const ModelSpec model = Jamba();
  const Layers layers = model.LayersIn(0, 32);
  Layers sum;
  for (int slice = 0; slice < 8; ++slice) {
    sum.Add(layers.Times(1.0 / 8));
  }
  EXPECT_EQ(sum, layers);
  EXPECT_EQ(layers.Without(layers), Layers());
}

}  // namespace gridlock
