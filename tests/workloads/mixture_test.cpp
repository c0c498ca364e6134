// Layers with experts, and latent attention, against the counts that were published.

#include <algorithm>
#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "tests/workloads/models.h"
#include "workloads/layer_shape.h"
#include "workloads/memory.h"
#include "workloads/schedule.h"
#include "workloads/transformer.h"

namespace gridlock {

namespace {

double Sum(const PassWork& work, Kernel kernel, Flop Operation::*what) {
  double sum = 0;
  for (const Operation& operation : work.operations) {
    sum += operation.kernel == kernel ? (operation.*what).si() * operation.calls : 0.0;
  }
  return sum;
}

ModelPart Whole(const ModelSpec& model) {
  return {model.LayersIn(0, model.depth()), true, true};
}

// Eight ranks that share the experts of 16 layers of a small mixture.
TrainingSpec SharedExperts(int expert) {
  TrainingSpec job = JobOn(Mixtral());
  job.layout.data = 8;
  job.layout.expert = expert;
  job.global_batch = 8;
  return job;
}

}  // namespace

TEST(MixtureParameters, OfMixtralAreThePublishedOnes) {
  // arXiv:2401.04088: "47B parameters, but only uses 13B active"; the model card says 46.7
  // and 12.9.
  EXPECT_NEAR(ModelParameters(Mixtral()), 46.7e9, 0.01 * 46.7e9);
  EXPECT_NEAR(ActiveParameters(Mixtral()), 12.9e9, 0.01 * 12.9e9);
}

TEST(MixtureParameters, OfDeepSeekV3AreThePublishedOnes) {
  // arXiv:2412.19437, section 4.2: "671B total parameters, of which 37B are activated".
  EXPECT_NEAR(ModelParameters(DeepSeekV3()), 671e9, 0.01 * 671e9);
  // The published count leaves the input embedding out.
  EXPECT_NEAR(ActiveParameters(DeepSeekV3()) - 129280 * 7168.0, 37e9, 0.02 * 37e9);
}

TEST(MixtureParameters, OfTheRanksThatShareExpertsAddUpToTheModel) {
  const TrainingSpec alone = SharedExperts(1);
  const TrainingSpec shared = SharedExperts(8);
  const ModelPart all = Whole(alone.model);
  const ParameterCount one = ParametersPerRank(alone, all);
  const ParameterCount eighth = ParametersPerRank(shared, all);
  EXPECT_EQ(one.experts, 0);  // laid out like all other weights
  EXPECT_NEAR(eighth.common + 8 * eighth.experts, one.total(), 1e-12 * one.total());
  EXPECT_DOUBLE_EQ(eighth.experts, 32 * 3 * 4096.0 * 14336);
}

TEST(MixtureFlop, CountsOnlyTheExpertsOfAToken) {
  // 6 FLOP per token and active parameter, the embedding and norms left out, and causal attention.
  TrainingSpec job = JobOn(DeepSeekV3());
  job.sequence_length = 4096;
  const double tokens = 4096;
  const double norms = (2 * 61 + 1) * 7168.0;
  const double active = ActiveParameters(job.model) - 129280 * 7168.0 - norms;
  const double scores = 3 * 61 * tokens * 4096 * 128 * (192 + 128);
  EXPECT_NEAR(ModelFlop(job).si(), 6 * tokens * active + scores, 1e-9 * ModelFlop(job).si());
  // "Insights into DeepSeek-V3", ISCA 2025, table 4: 385 TFLOP/s of causal attention in a step of
  // 19.926 s on 2,048 accelerators with 15,360 such sequences.
  const double published = 385e12 * 19.926 * 2048 / 15360;
  EXPECT_NEAR(ModelFlop(job).si(), published, 0.03 * published);
}

TEST(MixtureFlop, OfOneExpertForAllTokensIsThatOfADenseLayer) {
  TrainingSpec dense = JobOn(Mixtral());
  dense.model.mixture = {};
  TrainingSpec one = dense;
  one.model.mixture.experts = one.model.mixture.experts_per_token = 1;
  one.model.mixture.expert_ffn = dense.model.ffn;
  const double router = 2.0 * 2048 * 4096 * 32;
  const auto gemms = [](const PassWork& work) {
    return Sum(work, Kernel::kGemm, &Operation::flop);
  };
  EXPECT_DOUBLE_EQ(gemms(ForwardWork(one, Whole(one.model))),
                   gemms(ForwardWork(dense, Whole(dense.model))) + router);
  EXPECT_DOUBLE_EQ(gemms(BackwardWork(one, Whole(one.model))),
                   gemms(BackwardWork(dense, Whole(dense.model))) + 2 * router);
}

TEST(MixtureGemms, AreAsLargeAsTheTokensOfAnExpert) {
  // Two of eight experts: an expert sees a quarter of the tokens of all ranks that share them.
  for (const int ranks : {1, 2, 8}) {
    const TrainingSpec job = SharedExperts(ranks);
    bool seen = false;
    for (const Operation& operation : ForwardWork(job, Whole(job.model)).operations) {
      if (std::string(operation.name) == "experts_in") {
        seen = true;
        EXPECT_DOUBLE_EQ(operation.flop.si(), 2.0 * (ranks * 2048 / 4) * 4096 * 28672);
        EXPECT_DOUBLE_EQ(operation.calls, 32.0 * 8 / ranks);
      }
    }
    EXPECT_TRUE(seen);
  }
}

TEST(MixtureExchange, SendsEachTokenToItsExpertsAndBack) {
  TrainingSpec job = SharedExperts(8);
  const AllToAllTraffic forward = ForwardWork(job, Whole(job.model)).experts;
  EXPECT_DOUBLE_EQ(forward.calls, 2 * 32);
  EXPECT_DOUBLE_EQ(forward.payload.si(), 2.0 * 2048 * 2 * 4096);
  EXPECT_DOUBLE_EQ(BackwardWork(job, Whole(job.model)).experts.calls, 2 * 32);
  job.stack.dispatch_bytes = 1;  // there in 8 bits, back in 16
  EXPECT_DOUBLE_EQ(ForwardWork(job, Whole(job.model)).experts.payload.si(), 1.5 * 2048 * 2 * 4096);
  job.recompute = Recompute::kFull;
  EXPECT_DOUBLE_EQ(BackwardWork(job, Whole(job.model)).experts.calls, 4 * 32);
  EXPECT_EQ(ForwardWork(SharedExperts(1), Whole(job.model)).experts.calls, 0);
}

TEST(MixtureTraffic, WholeExpertsNeedNoTensorParallelCollectives) {
  TrainingSpec job = SharedExperts(8);
  job.layout.tensor = 4;
  job.layout.data = 2;
  job.layout.expert = 2;
  const TensorTraffic split = ForwardWork(job, {Layers(kMixtureLayer, 1), false, false}).tensor;
  EXPECT_EQ(split.expert_gathers, 1);
  EXPECT_DOUBLE_EQ(split.expert_payload.si(), 2.0 * 2048 * 2 * 4096);
  EXPECT_EQ(split.all_gathers, 1);  // of attention
  job.layout.expert = 8;
  job.layout.expert_tensor = 1;
  EXPECT_EQ(ForwardWork(job, {Layers(kMixtureLayer, 1), false, false}).tensor.expert_gathers, 0);
}

TEST(MixtureMemory, FallsWithTheRanksThatShareExperts) {
  const double experts = 32 * 3 * 4096.0 * 14336 * 8;
  const auto need = [](int ranks) {
    return MemoryByStage(SharedExperts(ranks)).front();
  };
  EXPECT_NEAR((need(1).weights - need(8).weights).si(), 2 * experts * 7 / 8, 1e-3);
  // ZeRO 1: whoever holds them, all experts' optimizer state lies once on the eight ranks.
  EXPECT_NEAR(need(1).optimizer.si(), need(8).optimizer.si(), 1e-3);
  EXPECT_NEAR(need(1).optimizer.si(), need(4).optimizer.si(), 1e-3);
}

// Transformer Engine keeps one placeholder of each weight shape: all experts share two.
TEST(MixtureMemory, HasOnePlaceholderForAllExperts) {
  TrainingSpec job = SharedExperts(2);
  const double one = 3.0 * job.model.hidden * job.model.mixture.expert_ffn;
  const double layer = ParametersPerRank(job, {Layers(kMixtureLayer, 1), false, false}).total();
  EXPECT_DOUBLE_EQ(ShapesOfLayer(job, kMixtureLayer), layer - 3 * one);  // of four
  const Bytes without = MemoryByStage(job).front().buffers;
  job.stack.placeholder_gradients = true;
  EXPECT_NEAR((MemoryByStage(job).front().buffers - without).si(), 2 * (layer - 3 * one), 1);
}

TEST(MixtureMemory, OfFurtherCopiesOfRows) {
  TrainingSpec job = SharedExperts(8);
  const double one = LayerActivations(job, kMixtureLayer).si();
  job.stack.routed_extra_bytes = 2;
  EXPECT_DOUBLE_EQ(LayerActivations(job, kMixtureLayer).si() - one,
                   2 * 2048 * 2 * 4096.0);  // two experts a token
}

TEST(MixtureMemory, OfNarrowGemmsKeepsTheirInputsNarrow) {
  // In FP8 the inputs of projections, experts and of what follows the activation are kept in one
  // byte instead of two; of attention's output there is a copy in one byte more.
  TrainingSpec job = SharedExperts(8);
  const double wide = LayerActivations(job, kMixtureLayer).si();
  job.precision = Precision::kFp8;
  const double tokens = static_cast<double>(job.micro_batch * job.sequence_length);
  const double h = job.model.hidden;
  const MixtureSpec& mixture = job.model.mixture;
  const double rows = mixture.experts_per_token * (h + mixture.expert_ffn);
  EXPECT_NEAR(wide - LayerActivations(job, kMixtureLayer).si(), tokens * (2 * h + rows - h),
              1e-9 * wide);
  // A stack that keeps everything in one byte makes no copy.
  job.stack.kept_activation_bytes = 1;
  const double narrow = LayerActivations(job, kMixtureLayer).si();
  job.precision = Precision::kBf16;
  EXPECT_NEAR(LayerActivations(job, kMixtureLayer).si() - narrow, tokens * 2 * h, 1e-9 * wide);
}

TEST(MixtureMemory, OfNarrowWeightsIsHalfForExpertsToo) {
  TrainingSpec job = SharedExperts(8);
  const ModelPart layer{Layers(kMixtureLayer, 1), false, false};
  const ParameterCount count = ParametersPerRank(job, layer);
  EXPECT_DOUBLE_EQ(WeightBytes(job, layer).experts.si(), 2 * count.experts);
  job.precision = Precision::kFp8;
  EXPECT_DOUBLE_EQ(WeightBytes(job, layer).experts.si(), 2 * count.experts);
  job.stack.narrow_parameters = true;
  EXPECT_DOUBLE_EQ(WeightBytes(job, layer).experts.si(), count.experts);
  EXPECT_DOUBLE_EQ(WeightBytes(job, layer).common.si(), count.common);
}

TEST(MixtureLayers, AreThoseThatTheModelNames) {
  const auto mixtures = [](const ModelSpec& model, int first, int end) {
    return model.LayersIn(first, end).with(Block::kMixture);
  };
  EXPECT_EQ(mixtures(DeepSeekV3(), 0, 61), 58);
  EXPECT_EQ(mixtures(DeepSeekV3(), 2, 4), 1);
  ModelSpec alternating = Mixtral();
  alternating.mixture.every = 2;
  EXPECT_EQ(mixtures(alternating, 0, 32), 16);
  EXPECT_EQ(mixtures(alternating, 1, 2), 1);
  alternating.mixture.every = 4;
  EXPECT_EQ(mixtures(alternating, 0, 32), 8);
  EXPECT_EQ(mixtures(Gpt3(), 0, 96), 0);
}

TEST(ExpertLoad, MakesAllRanksWaitForTheFullest) {
  const TrainingSpec even = SharedExperts(8);
  TrainingSpec uneven = even;
  uneven.expert_load.imbalance = 1.3;
  const ModelPart all = Whole(even.model);
  const auto experts = [&](const TrainingSpec& job) {
    double flop = 0;
    for (const Operation& operation : ForwardWork(job, all).operations) {
      flop += operation.grouped > 1 || std::string(operation.name) == "experts_in"
                  ? operation.flop.si() * operation.calls
                  : 0.0;
    }
    return flop;
  };
  EXPECT_DOUBLE_EQ(experts(uneven), 1.3 * experts(even));
  EXPECT_DOUBLE_EQ(ForwardWork(uneven, all).experts.payload.si(),
                   1.3 * ForwardWork(even, all).experts.payload.si());
  EXPECT_GT(LayerActivations(uneven, kMixtureLayer), LayerActivations(even, kMixtureLayer));
  // The model does not need it.
  EXPECT_DOUBLE_EQ(ModelFlop(uneven).si(), ModelFlop(even).si());
  // Tokens beyond a capacity are dropped; padded experts work on all rows that they may have.
  uneven.expert_load.capacity = 1.2;
  EXPECT_DOUBLE_EQ(experts(uneven), 1.2 * experts(even));
  uneven.expert_load = {1, 1.5, true};
  EXPECT_DOUBLE_EQ(experts(uneven), 1.5 * experts(even));
}

TEST(UnevenLayers, LeaveTheLastChunksWithOneLess) {
  // 61 layers on 16 chunks: 13 of 4 and 3 of 3.
  TrainingSpec job = JobOn(DeepSeekV3());
  job.layout.pipeline = 4;
  job.layout.virtual_pipeline = 4;
  job.layout.uneven_layers = true;
  double layers = 0;
  double mixture = 0;
  for (int position = 0; position < 16; ++position) {
    const ModelPart part = PartOf(job, position % 4, position / 4);
    EXPECT_EQ(part.layers.total(), position < 13 ? 4 : 3);
    layers += part.layers.total();
    mixture += part.layers.with(Block::kMixture);
  }
  EXPECT_EQ(layers, 61);
  EXPECT_EQ(mixture, 58);
}

TEST(GradientsOf, InputsAndWeightsAreTheWholeBackwardPass) {
  const TrainingSpec job = JobOn(DeepSeekV3());
  ModelPart part{Layers(kDenseLayer, 2), true, true};
  part.layers.Add(kMixtureLayer, 2);
  for (const Kernel kernel : {Kernel::kGemm, Kernel::kAttentionBackward}) {
    const auto flop = [&](Gradients gradients) {
      return Sum(BackwardWork(job, part, gradients), kernel, &Operation::flop);
    };
    EXPECT_DOUBLE_EQ(flop(Gradients::kInputs) + flop(Gradients::kWeights), flop(Gradients::kAll));
  }
  // Every matrix takes as much for its gradient as for that of its input.
  EXPECT_DOUBLE_EQ(
      Sum(BackwardWork(job, part, Gradients::kInputs), Kernel::kGemm, &Operation::flop),
      Sum(BackwardWork(job, part, Gradients::kWeights), Kernel::kGemm, &Operation::flop));
}

TEST(LatentAttention, ProjectsThroughNarrowLatents) {
  // arXiv:2412.19437, section 4.2: 1,536 and 512 + 64 wide, 128 heads of 128 + 64 and 128.
  TrainingSpec job = JobOn(DeepSeekV3());
  const double matrices =
      7168.0 * 1536 + 1536.0 * 128 * 192 + 7168.0 * 576 + 512.0 * 128 * 256 + 128.0 * 128 * 7168;
  const double dense = 3 * 7168.0 * 18432;
  EXPECT_DOUBLE_EQ(ParametersPerRank(job, {Layers(kDenseLayer, 1), false, false}).common,
                   matrices + dense + 2 * 7168);
}

TEST(LatentAttention, SelectiveRecomputationKeepsLatentsAndProjectsAgain) {
  TrainingSpec job = JobOn(DeepSeekV3());
  const double kept = LayerActivations(job).si();
  const double flop = Sum(BackwardWork(job, {Layers(kDenseLayer, 1), false, false}), Kernel::kGemm,
                          &Operation::flop);
  job.recompute = Recompute::kSelective;
  const double up = 1536.0 * 128 * 192 + 512.0 * 128 * 256;
  const double again = Sum(BackwardWork(job, {Layers(kDenseLayer, 1), false, false}), Kernel::kGemm,
                           &Operation::flop);
  EXPECT_DOUBLE_EQ(again - flop, 2 * 2048 * up);
  // Queries, keys and values, two norms' outputs and the activation's are not kept.
  const double dropped = 2 * 2048 * (128.0 * (192 + 192 + 128) + 2 * 7168 + 18432);
  EXPECT_DOUBLE_EQ(kept - LayerActivations(job).si(), dropped);
}

// Layers with experts on one TPU v5p, 32,768 tokens of 2,048 forward (marin-community/marin issue
// 2704): tiles of 512 x 1,024, products at 0.93 of 459 TFLOPS, streams at 0.83 of 2,765 GB/s.
TEST(MixtureTiles, TakeTheTimeOfLayersOnOneTpu) {
  struct Measured {
    int experts, top_k, ffn;
    double milliseconds;
  };

  for (const Measured& row :
       {Measured{32, 2, 1408, 8.42}, Measured{128, 2, 1408, 11.41}, Measured{256, 2, 1408, 15.38},
        Measured{64, 2, 1024, 6.36}, Measured{64, 2, 2048, 9.42}, Measured{60, 4, 1408, 15.74}}) {
    TrainingSpec job = JobOn(Mixtral());
    job.model.layers = 1;
    job.model.hidden = 2048;
    job.model.mixture.experts = row.experts;
    job.model.mixture.experts_per_token = row.top_k;
    job.model.mixture.expert_ffn = row.ffn;
    job.sequence_length = 4096;
    job.micro_batch = 8;
    job.stack.hbm_traffic_factor = 1.3;
    job.stack.expert_tile_rows = 512;
    job.stack.expert_tile_width = 1024;
    job.stack.permutation_traffic = 6.7;
    std::vector<Operation> layer;
    AddMixtureForward(job, LayerShape(job), 1, layer);
    double seconds = 0;
    for (const Operation& operation : layer) {
      seconds +=
          operation.calls * std::max(operation.flop.si() * operation.slowdown / (0.93 * 459e12),
                                     operation.hbm.si() / (0.83 * 2765e9));
    }
    EXPECT_NEAR(1e3 * seconds, row.milliseconds, 0.1 * row.milliseconds)
        << row.experts << " experts of " << row.ffn;
  }
}

TEST(MixtureTiles, CostNothingWhereAnExpertFillsThem) {
  TrainingSpec job = JobOn(Mixtral());
  job.stack.expert_tile_width = 1024;  // 4,096 and 14,336 are multiples
  const auto expect = [&job](double of_experts) {
    for (const Operation& operation : ForwardWork(job, Whole(job.model)).operations) {
      if (operation.kernel == Kernel::kGemm) {
        EXPECT_DOUBLE_EQ(operation.slowdown, operation.grouped > 1 ? of_experts : 1);
      }
    }
  };
  expect(1);
  // 2,048 tokens twice over 8 experts: 512 rows each, and seven tiles more than eight.
  job.stack.expert_tile_rows = 512;
  expect(1 + 7 / 8.0);
}

TEST(MixtureTiles, HaveInputsThatAreCastBefore) {
  TrainingSpec job = JobOn(Mixtral());
  job.precision = Precision::kFp8;
  job.stack.expert_tile_rows = 512;
  const auto cast = [&] {
    double bytes = 0;
    for (const Operation& operation : ForwardWork(job, Whole(job.model)).operations) {
      bytes +=
          operation.name == std::string_view("cast") ? operation.hbm.si() * operation.calls : 0;
    }
    return bytes;
  };
  // Rows of 2,048 tokens twice, in and out, and the weights of eight experts, in 32 layers.
  const double rows = 2 * 2048.0 * (4096 + 14336), weights = 8 * 3 * 4096.0 * 14336;
  EXPECT_NEAR(cast(), 32 * 3 * (rows + weights), 1);
  job.precision = Precision::kBf16;
  EXPECT_EQ(cast(), 0);
}

}  // namespace gridlock
