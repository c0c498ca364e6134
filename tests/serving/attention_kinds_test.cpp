// What attention reads and how words are chosen, in closed form: tokens that an indexer picks,
// encoders alone, slots of fixed lengths, top-p by a sort.

#include <cmath>
#include <numeric>

#include <gtest/gtest.h>

#include "tests/serving/machines.h"
#include "tests/serving/stepped_batching.h"
#include "workloads/decode.h"
#include "workloads/inference_attention.h"

namespace gridlock {
namespace {

double TimeOf(const LimitTimes& times) {
  return std::accumulate(times.begin(), times.end(), 0.0);
}

// Choice on an H200 (tools/calibration/measured/h200_sxm_serving_kernels.jsonl).
TEST(Sampling, TakesWhatWasMeasured) {
  InferencePart h200;
  h200.hbm_bandwidth = 4.8e12;
  InferenceEngine sorts;
  sorts.top_p_bytes = 550;

  struct Choice {
    double sequences, words;
    Sampling sampling;
    double ms;
  };

  for (const Choice& each :
       {Choice{512, 128256, Sampling::kTopP, 7.611}, Choice{256, 128256, Sampling::kTopP, 3.899},
        Choice{64, 128256, Sampling::kTopP, 1.258}, Choice{512, 32000, Sampling::kTopP, 2.053},
        Choice{512, 128256, Sampling::kRandom, 0.788},
        Choice{256, 128256, Sampling::kRandom, 0.422}}) {
    const double ms = 1e3 * SamplingTime(h200, sorts, each.sampling, each.sequences * each.words);
    EXPECT_NEAR(ms, each.ms, 0.2 * each.ms) << each.sequences << " x " << each.words;
  }
}

TEST(Sampling, AddsToEveryIterationAloneWhatItTakes) {
  InferenceLayout layout;
  const IterationCosts greedy = SmallCosts(Chunked(256, 8), 4000, 1e12, layout);
  layout.sampling = Sampling::kTopP;
  const IterationCosts chosen = SmallCosts(Chunked(256, 8), 4000, 1e12, layout);
  InferencePart part;
  part.hbm_bandwidth = 1e12;
  const double scores = 4.0 * SmallModel().vocabulary;
  const double more = SamplingTime(part, Chunked(256, 8), Sampling::kTopP, scores) -
                      SamplingTime(part, Chunked(256, 8), Sampling::kGreedy, scores);
  EXPECT_NEAR((chosen.Base(4, 4, 4) - greedy.Base(4, 4, 4)).si(), more, 1e-9);
  EXPECT_EQ(chosen.PerRead(4), greedy.PerRead(4));
}

InferenceModel Picking(int tokens) {
  InferenceModel model = SmallModel();
  model.picked = tokens;
  model.indexer_heads = 2;
  model.indexer_dim = 32;
  return model;
}

// DeepSeek-V3.2: the indexer reads keys of 8 bits of all tokens, attention those that it picks.
TEST(PickedTokens, LeaveToTheIndexerWhatGrowsWithTheContext) {
  const InferenceEngine engine = Chunked(256, 8);
  const IterationCosts all = SmallCosts(engine, 4000);
  const IterationCosts picked = SmallCosts(engine, 4000, 1e12, {}, Picking(64));
  const IterationCosts more = SmallCosts(engine, 4000, 1e12, {}, Picking(128));
  EXPECT_LT(picked.PerRead(1), all.PerRead(1) * 0.2);
  EXPECT_EQ(picked.PerRead(1), more.PerRead(1));
  EXPECT_LT(picked.PerPair(), all.PerPair());
  // Each row reads 64 tokens more, at what a token took before.
  const double before = all.PerRead(1).si();
  EXPECT_NEAR((more.Base(1, 1, 1) - picked.Base(1, 1, 1)).si(), 64 * before, 1e-6 * 64 * before);
  EXPECT_GT(picked.token_bytes(), all.token_bytes());
  EXPECT_NEAR(picked.token_bytes().si() - all.token_bytes().si(), 4 * (32 + 4.0), 1e-9);
}

TEST(PickedTokens, OfDeepSeekV32MakeLongContextsCheap) {
  const InferenceModel sparse = InferenceModelOf(CatalogueModel("deepseek_v3.2"));
  EXPECT_EQ(sparse.picked, 2048);
  EXPECT_EQ(sparse.indexer_heads, 64);
  EXPECT_EQ(sparse.indexer_dim, 128);
  InferenceModel dense = sparse;
  dense.picked = 0;
  const InferencePart part = InferencePartOf(CatalogueServer("hgx_h200"), {});
  InferenceLayout layout;
  layout.data = 8;
  layout.experts_spread = true;
  layout.weights = WeightFormat::kFp8;
  const auto step = [&](const InferenceModel& model, double context) {
    const IterationCosts costs(model, part, {}, layout, "");
    return costs.Base(64, 64, 64).si() + 64 * context * costs.PerRead(64).si();
  };
  EXPECT_LT(step(sparse, 128e3), 0.4 * step(dense, 128e3));
  EXPECT_GT(step(sparse, 1e3), step(dense, 1e3));
}

TEST(EncoderAlone, ReadsAnInputOnceAndGivesNoWordsScores) {
  InferenceModel encoder = SmallModel();
  encoder.encodes_alone = true;
  const IterationCosts costs = SmallCosts(Chunked(256, 8), 4000, 1e12, {}, encoder);
  const IterationCosts decoder = SmallCosts(Chunked(256, 8), 4000);
  EXPECT_DOUBLE_EQ(costs.PerPair().si(), 2 * decoder.PerPair().si());
  EXPECT_EQ(TimeOf(costs.BaseLimits(100, 8, 8)), TimeOf(costs.BaseLimits(100, 1, 8)));
  EXPECT_LT(costs.Base(100, 8, 8), decoder.Base(100, 8, 8));
  EXPECT_EQ(costs.FlopOf(0, 8, 0, 0), 0);
}

TEST(EncoderAlone, IsToldFromDecodersThatComputeAllScores) {
  EXPECT_TRUE(InferenceModelOf(CatalogueModel("albert_xxlarge")).encodes_alone);
  EXPECT_FALSE(InferenceModelOf(CatalogueModel("gpt_530b")).encodes_alone);
  EXPECT_FALSE(InferenceModelOf(CatalogueModel("llama_3.1_8b")).encodes_alone);
  EXPECT_FALSE(InferenceModelOf(CatalogueModel("t5_11b")).encodes_alone);
}

// Weights in the host's memory: they leave HBM, and come over the link or are worked on there.
TEST(Offload, MovesWeightsAndTheirTime) {
  InferenceLayout layout;
  const IterationCosts all = SmallCosts(Chunked(256, 8), 4000);
  layout.host_share = 0.5;
  const IterationCosts linked = SmallCosts(Chunked(256, 8), 4000, 1e12, layout);
  const double moved = ReplicaWeights(SmallModel(), layout).movable() / 2;
  EXPECT_NEAR((all.weight_bytes() - linked.weight_bytes()).si(), moved, 1);
  const double link = moved / InferencePart().host_bandwidth;
  EXPECT_GT((linked.Base(1, 1, 1) - all.Base(1, 1, 1)).si(), 0.8 * link);
  EXPECT_LT((linked.Base(1, 1, 1) - all.Base(1, 1, 1)).si(), link);
  InferenceEngine host = Chunked(256, 8);
  host.computes_on_host = true;
  layout.host_memory = 200e9;
  const IterationCosts there = SmallCosts(host, 4000, 1e12, layout);
  const auto host_time = [](const IterationCosts& costs) {
    return costs.BaseLimits(1, 1, 1)[static_cast<std::size_t>(Limit::kHost)];
  };
  EXPECT_NEAR(host_time(there) - host_time(all), moved / 200e9, 1e-3 * moved / 200e9);
  EXPECT_LT(there.Base(1, 1, 1), linked.Base(1, 1, 1));
  // Long prompts go over the link.
  EXPECT_EQ(there.Base(4096, 1, 1), linked.Base(4096, 1, 1));
}

// JetStream: the cache of a sequence has 2,048 tokens, used or not.
TEST(Slots, AreReadWholeHoweverLongSequencesAre) {
  InferenceEngine engine = Chunked(256, 1000);
  const IterationCosts growing = SmallCosts(engine, 4000);
  engine.slot_tokens = 500;
  const IterationCosts slots = SmallCosts(engine, 4000);
  EXPECT_EQ(slots.PerRead(4).si(), 0);
  EXPECT_NEAR((slots.Base(4, 4, 4) - growing.Base(4, 4, 4)).si(), 4 * 500 * growing.PerRead(4).si(),
              1e-9 * growing.Base(4, 4, 4).si());
  EXPECT_EQ(slots.engine().batch_max, growing.cache_tokens() / 500);
}

// A server sends tokens while accelerators read caches: an iteration takes the longer of the two,
// and the sum of neither. So are launches hidden, but not a host that accelerators wait for.
TEST(HostBeside, HidesBehindWhatCachesTake) {
  InferenceEngine engine = Chunked(256, 1000);
  engine.host_time = 1e-3;
  const IterationCosts alone = SmallCosts(engine, 4000);
  const CostLine& work = alone.LinesOf(8, 8, 8, 8).lines[0];
  engine.stream_time = 2 * work.base.si() / 8;
  const IterationCosts sending = SmallCosts(engine, 4000);
  const CostLines lines = sending.LinesOf(8, 8, 8, 8);
  EXPECT_EQ(lines.At(0).base, Seconds(8 * engine.stream_time));
  EXPECT_NEAR(TimeOf(lines.At(0).limits), 8 * engine.stream_time, 1e-12);
  const double enough = 1.01 * work.base.si() / work.read.si();
  EXPECT_EQ(lines.At(enough).base, work.base);
  EXPECT_EQ(lines.At(enough).read, work.read);
  EXPECT_NEAR(TimeOf(lines.At(enough).limits) - work.base.si(), 0, 1e-12);
  // A prompt beside hides it as well.
  CostLines prompts = lines;
  LimitTimes more{};
  more[static_cast<std::size_t>(Limit::kCompute)] = 1.01 * work.base.si();
  prompts.Add(more);
  EXPECT_NEAR(prompts.At(0).base.si(), 2.01 * work.base.si(), 1e-12);
  // Launches: the host's millisecond comes on top.
  engine.stream_time = 0;
  engine.layer_launch = 1e-3;
  const CostLines launched = SmallCosts(engine, 4000).LinesOf(8, 8, 8, 8);
  EXPECT_NEAR(launched.At(0).base.si(), 1e-3 * SmallModel().layers + engine.host_time, 1e-12);
}

}  // namespace
}  // namespace gridlock
