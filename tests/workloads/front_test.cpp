// What stands in front of the first layer, layers that share their parameters, and attention to
// picked tokens.

#include <string_view>

#include <gtest/gtest.h>

#include "tests/workloads/models.h"
#include "workloads/layer_shape.h"
#include "workloads/transformer.h"

namespace gridlock {

namespace {

ModelSpec Wav2Vec2() {
  ModelSpec model = Gpt(12, 768, 12);
  model.vocabulary = 32;
  model.max_positions = 0;
  model.tied_embeddings = false;
  model.attention = Attention::kFull;
  model.convolutions = {{512, 10, 5, 1}, {512, 3, 2, 1}, {512, 3, 2, 1},
                        {512, 3, 2, 1},  {512, 3, 2, 1}, {512, 2, 2, 1},
                        {512, 2, 2, 1},  {768, 1, 1, 1}, {768, 128, 1, 16}};
  return model;
}

ModelSpec Albert() {
  ModelSpec model = Gpt(12, 4096, 64);
  model.vocabulary = 30000;
  model.max_positions = 512;
  model.tied_embeddings = true;
  model.attention = Attention::kFull;
  model.embedding_width = 128;
  model.distinct_layers = 1;
  return model;
}

ModelSpec WithIndexer(ModelSpec model) {
  model.indexer = {64, 128, 2048};
  return model;
}

double FlopNamed(const PassWork& work, std::string_view name) {
  double sum = 0;
  for (const Operation& operation : work.operations) {
    sum += operation.name == name ? operation.flop.si() * operation.calls : 0;
  }
  return sum;
}

}  // namespace

TEST(Convolutions, OfWav2Vec2HaveItsParametersAndAThirdOfItsWork) {
  // Baevski et al. 2020, arXiv:2006.11477: 95 million parameters.
  EXPECT_NEAR(ModelParameters(Wav2Vec2()), 95e6, 0.01 * 95e6);
  TrainingSpec job = JobOn(Wav2Vec2());
  job.sequence_length = 750;  // 15 s
  // Of a token, output by output: 64, 32, 16, 8, 4, 2 and 1 places of 512 channels, the projection
  // and 48 channels of 128 places.
  const double front = 750 * 2.0 *
                       (64 * 512 * 10 + (32.0 + 16 + 8 + 4) * 512 * 512 * 3 +
                        (2.0 + 1) * 512 * 512 * 2 + 768 * 512 + 768 * 48 * 128);
  const LayerShape s(job);
  EXPECT_DOUBLE_EQ(FrontFlop(job, s), front);
  const ModelPart all{Layers(kDenseLayer, 12), true, true};
  EXPECT_DOUBLE_EQ(FlopNamed(ForwardWork(job, all), "convolution"), front);
  // The first one gets no gradient for its input.
  const double first = 750 * 2.0 * 64 * 512 * 10;
  EXPECT_DOUBLE_EQ(FlopNamed(BackwardWork(job, all), "convolution_input_gradient"), front - first);
  TrainingSpec plain = job;
  plain.model.convolutions.clear();
  EXPECT_NEAR(3 * front, ModelFlop(job).si() - ModelFlop(plain).si(), 1e-9 * front);
  EXPECT_GT(3 * front / ModelFlop(job).si(), 0.3);
}

TEST(Convolutions, ThatAreFrozenHaveNoBackwardPassAndKeepNothing) {
  TrainingSpec job = JobOn(Wav2Vec2());
  const ModelPart all{Layers(kDenseLayer, 12), true, true};
  const double trained = KeptActivations(job, all).si();
  job.frozen.tables = true;
  EXPECT_EQ(FlopNamed(BackwardWork(job, all), "convolution_weight_gradient"), 0);
  // Of a token 64 + 32 + 16 + 8 + 4 + 2 + 1 places of 512 channels and two of 768, three tensors.
  EXPECT_DOUBLE_EQ(trained - KeptActivations(job, all).si(),
                   3 * 2.0 * 2048 * (127 * 512 + 2 * 768));
}

TEST(SharedLayers, HaveTheParametersOfOneAndTheWorkOfAll) {
  // Lan et al. 2019: 223 million with a pooler of 4,096 x 4,096.
  EXPECT_NEAR(ModelParameters(Albert()) + 4096.0 * 4096, 223e6, 0.01 * 223e6);
  TrainingSpec job = JobOn(Albert());
  TrainingSpec own = job;
  own.model.distinct_layers = 0;
  EXPECT_EQ(ModelFlop(job), ModelFlop(own));
  const ModelPart layers{Layers(kDenseLayer, 12), false, false};
  EXPECT_DOUBLE_EQ(12 * ParametersPerRank(job, layers).total(),
                   ParametersPerRank(own, layers).total());
  // A stage of four of them holds all of the one; with three groups it has one of them.
  const ModelPart stage{Layers(kDenseLayer, 4), false, false};
  EXPECT_DOUBLE_EQ(ParametersPerRank(job, stage).total(), ParametersPerRank(job, layers).total());
  job.model.distinct_layers = 3;
  EXPECT_DOUBLE_EQ(3 * ParametersPerRank(job, stage).total(),
                   ParametersPerRank(job, layers).total());
  EXPECT_EQ(KeptActivations(job, layers), KeptActivations(own, layers));
}

TEST(PickedTokens, AreAsManyPairsWhateverTheLength) {
  TrainingSpec job = JobOn(WithIndexer(DeepSeekV3()));
  const ModelPart layer{Layers(kMixtureLayer, 1), false, false};
  const auto attention = [&](std::int64_t tokens) {
    job.sequence_length = tokens;
    return FlopNamed(ForwardWork(job, layer), "attention") / static_cast<double>(tokens);
  };
  // Far beyond 2,048 tokens each sees these, on latents that all heads share: 2 x 512 and 64.
  const double picked = 2.0 * 128 * (2 * 512 + 64) * 2048;
  EXPECT_NEAR(attention(262144), picked, 0.01 * picked);
  // Of 4,096 a mask over all is the faster way: 192 and 128 for half of the pairs.
  EXPECT_DOUBLE_EQ(attention(4096), 2.0 * 128 * (192 + 128) * 2048);
  // The indexer looks at all of them: 64 heads of 128.
  job.sequence_length = 131072;
  EXPECT_DOUBLE_EQ(FlopNamed(ForwardWork(job, layer), "index_scores"),
                   2.0 * 64 * 128 * 131072 * 131072 / 2);
  TrainingSpec dense = job;
  dense.model.indexer = {};
  EXPECT_LT(ModelFlop(job).si(), 0.5 * ModelFlop(dense).si());
}

TEST(PickedTokens, AddTheIndexersParametersAndWhatItKeeps) {
  const double more = ModelParameters(WithIndexer(DeepSeekV3())) - ModelParameters(DeepSeekV3());
  EXPECT_NEAR(more, 61 * (1536.0 * 64 * 128 + 7168 * 128 + 7168 * 64), 1e-6 * more);
  TrainingSpec job = JobOn(WithIndexer(DeepSeekV3()));
  TrainingSpec dense = JobOn(DeepSeekV3());
  EXPECT_DOUBLE_EQ(
      (LayerActivations(job, kMixtureLayer) - LayerActivations(dense, kMixtureLayer)).si(),
      2048 * (2.0 * (64 * 128 + 128 + 64) + 4 * 2048));
}

}  // namespace gridlock
