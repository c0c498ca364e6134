// Costs of serving against closed forms written down once more by hand.

#include "workloads/decode.h"

#include <cmath>
#include <functional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim/base/check.h"
#include "tests/workloads/models.h"
#include "workloads/transformer.h"

namespace gridlock {
namespace {

using ::testing::HasSubstr;

// 1 PFLOPS at any size in 16 bits and twice that in 8, HBM of 80 GB at 2 TB/s, ports of 100 GB/s;
// collectives without latency at full rate.
ServerSpec ServingServer() {
  ServerSpec server;
  server.name = "round";
  server.accelerators = 8;
  AcceleratorSpec& chip = server.accelerator;
  chip.name = "round";
  for (const auto& [precision, peak] :
       {std::pair{Precision::kBf16, 1e15}, {Precision::kFp8, 2e15}}) {
    MatrixRate& rate = chip.rates[static_cast<int>(precision)];
    rate = {FlopPerSecond(peak), {{Flop(1e9), 1.0}}, 0.5, 0.5};
  }
  chip.hbm_capacity = Bytes(80e9);
  chip.hbm_bandwidth = BytesPerSecond(2e12);
  chip.hbm_efficiency = 1;
  chip.scale_up_bandwidth = BytesPerSecond(100e9);
  chip.power.idle = Watts(100);
  chip.power.limit = Watts(1e6);
  chip.power.per_flop = JoulesPerFlop(1e-12);
  chip.power.per_hbm_byte = JoulesPerByte(30e-12);
  return server;
}

ServingSpec Fleet(int tensor = 1, Precision precision = Precision::kBf16) {
  ServingSpec fleet;
  fleet.path = "job[0].serving";
  fleet.model = Llama(32, 4096, 32, 14336);
  fleet.tensor = tensor;
  fleet.precision = precision;
  fleet.cache_bytes = precision == Precision::kFp8 ? 1 : 0;
  fleet.groups = {{"chat", 1, {1020, 2735, 8000}, {129, 424, 2000}}};
  return fleet;
}

// Of an iteration that only decodes, with empty caches.
Seconds DecodeTime(const FleetCosts& costs, std::int64_t batch) {
  return costs.decode.Base(batch, batch, batch);
}

// Of prompts with so many tokens and pairs, which give one token.
Seconds PrefillTime(const FleetCosts& costs, std::int64_t tokens, double pairs) {
  return costs.decode.Base(tokens, 1, 1) + costs.decode.PerPair() * pairs;
}

// Of weights and activations, and of the LM head.
Bytes PassBytes(const FleetCosts& costs, std::int64_t tokens) {
  return Bytes(costs.decode.BytesOf(static_cast<double>(tokens), 0));
}

// Of reading one cached token, all accelerators.
double ReadBytes(const FleetCosts& costs) {
  return costs.decode.BytesOf(0, 1) - costs.decode.BytesOf(0, 0);
}

// Parameters of the layers' matrices, and of the LM head.
constexpr double kMatrices = 32.0 * (4096.0 * (4096 + 2048) + 4096.0 * 4096 + 3 * 4096.0 * 14336);
constexpr double kHead = 4096.0 * 128256;

TEST(Decode, OfOneSequenceTakesTheWeightsOnceAndTheLaunches) {
  const FleetCosts costs = CostsOf(Fleet(), ServingServer());
  const double weights = 2 * (kMatrices + kHead) / 2e12;
  // Ten small kernels of 2.5 us a layer and six behind the head, the host 0.5 ms; activations are
  // small against weights.
  const double launches = (10 * 32 + 6) * 2.5e-6 + 0.5e-3;
  EXPECT_NEAR(DecodeTime(costs, 1).si(), weights + launches, 0.002 * weights);
}

TEST(Decode, OfLargeBatchesIsBoundByTheMatrixUnits) {
  ServingSpec fleet = Fleet();
  fleet.batch_max = 8192;
  const FleetCosts costs = CostsOf(fleet, ServingServer());
  const double flop = 2 * 8192 * (kMatrices + kHead);
  const double time = DecodeTime(costs, 8192).si();
  // What is not GEMMs is elementwise: 1.7 MB a layer and token less than a tenth.
  EXPECT_GT(time, flop / 1e15);
  EXPECT_LT(time, 1.4 * flop / 1e15);
}

TEST(Decode, NeverGetsFasterWithTheBatchNorCheaperPerBatchThanOneSequence) {
  const FleetCosts costs = CostsOf(Fleet(2, Precision::kFp8), ServingServer());
  for (int batch = 2; batch <= 256; ++batch) {
    ASSERT_GE(DecodeTime(costs, batch), DecodeTime(costs, batch - 1));
    ASSERT_LE(DecodeTime(costs, batch), DecodeTime(costs, 1) * batch);
  }
}

TEST(BatchMax, IsOfAReplicaWhateverItsRanks) {
  ServingSpec fleet = Fleet();
  fleet.batch_max = 30;
  EXPECT_EQ(CostsOf(fleet, ServingServer()).decode.batch_most(), 30);
  // 8 ranks of 4: two more than were asked for, never eight times as many.
  fleet.data = 8;
  const InferencePart part;
  EXPECT_EQ(EngineOfFleet(fleet, part, fleet.engine).batch_max, 4);
}

TEST(CacheFormat, FollowsTheWeightsWhereTheEngineNarrowsIt) {
  InferenceEngine engine;
  ServingSpec fleet = Fleet(1, Precision::kFp8);
  fleet.cache_bytes = 0;
  EXPECT_EQ(InferenceLayoutOf(fleet, engine).cache_bytes, 2);
  engine.narrow_cache = true;
  EXPECT_EQ(InferenceLayoutOf(fleet, engine).cache_bytes, 1);
  EXPECT_EQ(InferenceLayoutOf(Fleet(), engine).cache_bytes, 2);
}

TEST(CachedTokens, ReadKeysAndValuesOfAllLayers) {
  // 8 heads of 128, keys and values, 32 layers, 16 bits: 131,072 bytes. Their FLOP hide behind
  // them.
  const FleetCosts one = CostsOf(Fleet(), ServingServer());
  EXPECT_NEAR(one.decode.PerRead(1).si(), 131072 / 2e12, 1e-4 * 131072 / 2e12);
  EXPECT_NEAR(ReadBytes(one), 131072, 1e-3);
  EXPECT_DOUBLE_EQ(one.decode.FlopOf(0, 0, 1, 0), 4.0 * 32 * 128 * 32);
  // Half on each of two; half the bytes in FP8.
  EXPECT_NEAR(CostsOf(Fleet(2), ServingServer()).decode.PerRead(1).si(), 65536 / 2e12, 4e-12);
  EXPECT_NEAR(ReadBytes(CostsOf(Fleet(2), ServingServer())), 131072, 1e-3);
  ServingSpec eight_bits = Fleet();
  eight_bits.cache_bytes = 1;
  const double narrow = CostsOf(eight_bits, ServingServer()).decode.PerRead(1).si();
  EXPECT_NEAR(narrow, 65536 / 2e12, 4e-12);
  // 8 heads on 32 accelerators are copied four times.
  ServerSpec rack = ServingServer();
  rack.accelerators = 32;
  EXPECT_NEAR(ReadBytes(CostsOf(Fleet(32), rack)), 4 * 131072, 1e-3);
}

TEST(CachedTokens, OfLatentAttentionAreOneVectorAndOneKeyForAllHeads) {
  ServingSpec fleet = Fleet(8, Precision::kFp8);
  fleet.model = DeepSeekV3();
  ServerSpec server = ServingServer();
  server.accelerator.hbm_capacity = Bytes(150e9);
  // 512 and 64 elements of a byte in 61 layers, a copy on each of eight ranks.
  EXPECT_NEAR(ReadBytes(CostsOf(fleet, server)), 8.0 * 576 * 61, 1e-3);
}

TEST(CacheTokens, AreWhatWeightsReserveAndBuffersLeaveOfNineTenthsOfHbm) {
  const ServingSpec fleet = Fleet();
  const double weights = kMatrices + 2 * kHead;
  const double buffers = 8192 * 2 * (6.0 * 4096 + 3 * 14336) + 4.0 * 256 * 128256;
  const double expected = (0.9 * 80e9 - 2e9 - 2 * weights - buffers) / 131072;
  EXPECT_EQ(CostsOf(fleet, ServingServer()).decode.cache_tokens(),
            static_cast<std::int64_t>(expected));
  // In FP8 the layers take half, the tables stay, and a token takes half.
  const double narrow = (0.9 * 80e9 - 2e9 - (kMatrices + 4 * kHead) - buffers) / 65536;
  EXPECT_NEAR(static_cast<double>(
                  CostsOf(Fleet(1, Precision::kFp8), ServingServer()).decode.cache_tokens()),
              narrow, 2);
  // A 16-bit cache beside FP8 weights holds half as many.
  ServingSpec wide = Fleet(1, Precision::kFp8);
  wide.cache_bytes = 2;
  EXPECT_NEAR(static_cast<double>(CostsOf(wide, ServingServer()).decode.cache_tokens()), narrow / 2,
              2);
}

TEST(Prefill, OfManyTokensIsBoundByTheMatrixUnits) {
  const FleetCosts costs = CostsOf(Fleet(), ServingServer());
  const double flop = 2 * 65536 * kMatrices;
  const double time = PrefillTime(costs, 65536, 0).si();
  EXPECT_GT(time, flop / 1e15);
  EXPECT_LT(time, 1.4 * flop / 1e15);
  // Attention: 4 d FLOP a pair and head at half of the peak.
  EXPECT_DOUBLE_EQ(costs.decode.PerPair().si(), 4.0 * 32 * 128 * 32 / 0.5e15);
}

TEST(Prefill, OfOneTokenTakesTheWeightsOnce) {
  const FleetCosts costs = CostsOf(Fleet(), ServingServer());
  EXPECT_DOUBLE_EQ(PrefillTime(costs, 1, 0).si(), DecodeTime(costs, 1).si());
}

TEST(Prefill, RisesWithItsTokensAndIsContinuous) {
  const FleetCosts costs = CostsOf(Fleet(), ServingServer());
  double last = 0;
  for (std::int64_t tokens = 1; tokens < 3000000; tokens += 1 + tokens / 50) {
    const double time = PrefillTime(costs, tokens, 0).si();
    ASSERT_GT(time, last) << tokens;
    ASSERT_LT(PrefillTime(costs, tokens + 1, 0).si() - time, 0.01 * time + 1e-4) << tokens;
    last = time;
  }
}

TEST(Prefill, BetweenItsPointsIsNearTheClosedForm) {
  // Batches are computed one by one, prefills at eight points an octave: both are the same pass.
  ServingSpec fleet = Fleet();
  fleet.batch_max = 4096;
  const FleetCosts costs = CostsOf(fleet, ServingServer());
  for (std::int64_t rows = 1; rows <= 4096; rows = rows * 5 / 4 + 1) {
    const double head = 2.0 * static_cast<double>(rows - 1) * kHead / 1e15;
    const double decode = DecodeTime(costs, rows).si();
    const double prefill = PrefillTime(costs, rows, 0).si();
    EXPECT_LE(prefill, decode * 1.005) << rows;
    EXPECT_GE(prefill, (decode - head) * 0.94) << rows;
  }
}

TEST(TensorParallelism, AddsTwoAllReducesALayerAndDividesTheRest) {
  ServerSpec slow = ServingServer();
  ServerSpec fast = ServingServer();
  fast.accelerator.scale_up_bandwidth = BytesPerSecond(1e15);
  const ServingSpec fleet = Fleet(4);
  const double added =
      (DecodeTime(CostsOf(fleet, slow), 64) - DecodeTime(CostsOf(fleet, fast), 64)).si();
  // A ring of 4 moves 3/2 of its payload; three quarters of the logits go to one rank.
  const double payload = 2.0 * 64 * 4096, logits = 2.0 * 64 * 128256 * 3 / 4;
  EXPECT_NEAR(added, (2 * 32 * 1.5 * payload + logits) * (1 / 100e9 - 1 / 1e15), 1e-9);
  // The latency of a call and of two steps, and two steps more for each further member.
  slow.scale_up.step_latency = Seconds(1e-6);
  slow.scale_up.base_latency = Seconds(4e-6);
  const double latency =
      (DecodeTime(CostsOf(fleet, slow), 64) - DecodeTime(CostsOf(fleet, ServingServer()), 64)).si();
  EXPECT_NEAR(latency, 2 * 32 * (6e-6 + 2 * 2e-6) + 4e-6, 1e-9);
  EXPECT_DOUBLE_EQ(CostsOf(fleet, ServingServer()).decode_prices.per_row.links.si(),
                   4 * (2 * 32) * 1.5 * 2 * 4096);
}

TEST(TensorParallelism, AcrossServersPaysForTheNic) {
  ServerSpec half = ServingServer();
  half.accelerators = 4;
  half.nics = 4;
  half.nic_bandwidth = BytesPerSecond(50e9);
  half.scale_out.base_latency = Seconds(20e-6);
  half.scale_up.base_latency = Seconds(5e-6);
  ServerSpec whole = half;
  whole.accelerators = 8;
  const ServingSpec fleet = Fleet(8);
  EXPECT_GT(DecodeTime(CostsOf(fleet, half), 1).si() - DecodeTime(CostsOf(fleet, whole), 1).si(),
            2 * 32 * 14e-6);
}

TEST(Pipeline, HoldsTheCacheOfAllStagesAndReadsItAtOnce) {
  ServingSpec fleet = Fleet();
  fleet.pipeline = 2;
  const FleetCosts two = CostsOf(fleet, ServingServer()), one = CostsOf(Fleet(), ServingServer());
  EXPECT_GT(two.decode.cache_tokens(),
            2 * one.decode.cache_tokens());  // and each stage has half of the weights
  EXPECT_DOUBLE_EQ(two.decode.PerRead(1).si(), one.decode.PerRead(1).si());
  EXPECT_DOUBLE_EQ(two.decode.PerRead(8).si(), one.decode.PerRead(8).si() / 2);
  EXPECT_GE(DecodeTime(two, 1), DecodeTime(one, 1));
}

TEST(Experts, AreReadWhereATokenChoosesThem) {
  ServingSpec fleet = Fleet(8);
  fleet.model = Mixtral();
  const FleetCosts costs = CostsOf(fleet, ServingServer());
  const double expert = 2.0 * 32 * 3 * 4096 * 14336;  // bytes of one of eight, all layers
  // 64 tokens choose all of them; their activations are a few percent.
  const double more = (PassBytes(costs, 64) - PassBytes(costs, 1)).si();
  EXPECT_GT(more, 5.9 * expert);
  EXPECT_LT(more, 1.1 * 6 * expert);
  EXPECT_NEAR(costs.decode.FlopOf(1, 0, 0, 0),
              2 * 32.0 * (4096 * (4096 + 2048) + 4096 * 4096 + 2 * 3 * 4096 * 14336.0),
              1e-6 * costs.decode.FlopOf(1, 0, 0, 0));
}

TEST(Work, CountsTwoFlopAParameterAndTheWeightsOncePerPass) {
  for (const int tensor : {1, 8}) {
    const FleetCosts costs = CostsOf(Fleet(tensor), ServingServer());
    EXPECT_NEAR(costs.decode.FlopOf(1, 0, 0, 0), 2 * kMatrices, 1e-6 * kMatrices);
    EXPECT_NEAR(costs.decode.FlopOf(0, 1, 0, 0), 2 * kHead, 1e-6 * kHead);
    EXPECT_NEAR(PassBytes(costs, 1).si(), 2 * (kMatrices + kHead), 4e-3 * kMatrices);
    // Beside the weights each token has its activations.
    const double per_token = (PassBytes(costs, 257) - PassBytes(costs, 1)).si() / 256;
    EXPECT_NEAR((PassBytes(costs, 1025) - PassBytes(costs, 1)).si() / 1024, per_token,
                0.02 * per_token);
    EXPECT_NEAR(costs.decode_prices.per_row.arithmetic.si(),
                1e-12 * costs.decode.FlopOf(1, 0, 0, 0), 1e-6);
  }
  const FleetCosts fp8 = CostsOf(Fleet(1, Precision::kFp8), ServingServer());
  EXPECT_NEAR(PassBytes(fp8, 1).si(), kMatrices + 2 * kHead, 4e-3 * kMatrices);
  // A multiplier of half the width takes half the energy; the head stays in 16 bits.
  EXPECT_NEAR(fp8.decode_prices.per_row.arithmetic.si(), 0.5e-12 * fp8.decode.FlopOf(1, 0, 0, 0),
              1e-6);
  EXPECT_NEAR(fp8.decode_prices.per_output.arithmetic.si(), 1e-12 * fp8.decode.FlopOf(0, 1, 0, 0),
              1e-9);
}

TEST(Caps, OfHbmSlowDecodingAndOfClocksPrefills) {
  // Decoding lives on HBM, prefills on the matrix units.
  const FleetCosts before = CostsOf(Fleet(), ServingServer());
  ServerSpec narrow = ServingServer();
  narrow.accelerator.hbm_bandwidth = BytesPerSecond(1e12);
  ServerSpec slow = ServingServer();
  slow.accelerator.sustained_clock = slow.accelerator.solo_clock = 0.5;
  const auto ratio = [&](const ServerSpec& server, const auto& time) {
    return time(CostsOf(Fleet(), server)).si() / time(before).si();
  };
  const auto decode = [](const FleetCosts& c) {
    return DecodeTime(c, 4);
  };
  const auto prefill = [](const FleetCosts& c) {
    return PrefillTime(c, 8192, 33e6);
  };
  EXPECT_GT(ratio(narrow, decode), 1.7);
  EXPECT_LT(ratio(narrow, prefill), 1.2);
  EXPECT_NEAR(ratio(slow, decode), 1, 1e-3);
  EXPECT_GT(ratio(slow, prefill), 1.55);
}

TEST(Caps, OfPowerSlowWhatDrawsMore) {
  ServerSpec capped = ServingServer();
  // 1 PFLOPS at 1 pJ draws 1,000 W and 2 TB/s at 30 pJ 60 W: 30 W leave half of HBM.
  capped.accelerator.power.limit = Watts(130);
  const double before = CostsOf(Fleet(), ServingServer()).decode.PerRead(1).si();
  EXPECT_NEAR(CostsOf(Fleet(), capped).decode.PerRead(1).si(), 2 * before, 5e-3 * before);
  // Half is left for products, and power goes with the cube of the clock.
  capped.accelerator.power.limit = Watts(600);
  const double pair = CostsOf(Fleet(), ServingServer()).decode.PerPair().si();
  EXPECT_NEAR(CostsOf(Fleet(), capped).decode.PerPair().si(), std::cbrt(2) * pair, 1e-6 * pair);
  EXPECT_NEAR(CostsOf(Fleet(), capped).decode.PerRead(1).si(), before, 1e-3 * before);
}

std::string Refusal(const ServingSpec& fleet) {
  try {
    (void)CostsOf(fleet, ServingServer());
  } catch (const UserError& error) {
    return error.problems().front().path + ": " + error.what();
  }
  return "";
}

TEST(Refusals, SayWhatDoesNotFit) {
  EXPECT_THAT(Refusal(Fleet(5)), HasSubstr("job[0].serving.tensor"));
  EXPECT_THAT(Refusal(Fleet(5)), HasSubstr("does not divide the 32 heads"));
  ServingSpec large = Fleet();
  large.model = Llama(80, 8192, 64, 28672);
  EXPECT_THAT(Refusal(large), HasSubstr("weights"));
  ServingSpec deep = Fleet();
  deep.groups[0].prompt.max = 1000000;
  EXPECT_THAT(Refusal(deep), HasSubstr("one request of 1002000 tokens"));
}

}  // namespace
}  // namespace gridlock
