// Attention and experts apart: sums of iterations that several lines bound, laws, and the same
// stepped token by token.

#include <algorithm>
#include <cmath>
#include <map>

#include <gtest/gtest.h>

#include "sim/base/check.h"
#include "sim/base/random.h"
#include "sim/serving/decode_pace.h"
#include "sim/serving/serve_run.h"
#include "tests/serving/stepped_batching.h"

namespace gridlock {
namespace {

CostLines DrawLines(Random& random) {
  CostLines lines;
  lines.count = 1 + static_cast<int>(random.Below(3));
  for (int i = 0; i < lines.count; ++i) {
    CostLine& line = lines.lines[static_cast<std::size_t>(i)];
    line.base = Seconds(1e-3 * random.Uniform());
    line.read = Seconds(random.Below(4) == 0 ? 0 : 1e-7 * random.Uniform());
  }
  return lines;
}

TEST(DecodePaces, AreTheSumsOfTheirIterations) {
  Random random(7, "paces");
  for (int trial = 0; trial < 2000; ++trial) {
    const CostLines lines = DrawLines(random);
    const auto batch = 1 + static_cast<std::int64_t>(random.Below(64));
    const auto reads = static_cast<std::int64_t>(random.Below(20000));
    const auto n = 1 + static_cast<std::int64_t>(random.Below(400));
    double stepped = 0;
    for (std::int64_t k = 0; k < n; ++k) {
      const double at = static_cast<double>(reads + k * batch);
      double longest = 0;
      for (int i = 0; i < lines.count; ++i) {
        const CostLine& line = lines.lines[static_cast<std::size_t>(i)];
        longest = std::max(longest, (line.base + line.read * at).si());
      }
      stepped += longest;
    }
    const DecodePace pace(lines, batch, reads);
    double time = 0;
    for (std::int64_t done = 0; done < n;) {
      const DecodePace::Stretch stretch = pace.After(done, n - done);
      ASSERT_GE(stretch.iterations, 1);
      time += stretch.time().si();
      done += stretch.iterations;
    }
    ASSERT_NEAR(time, stepped, 1e-12 + 1e-9 * stepped);
    // The inverse: the n-th iteration is the first to come so far.
    const Seconds clock(random.Uniform());
    const auto reached = pace.Reaching(clock, clock + Seconds(stepped * (1 - 1e-6)), n + 100);
    ASSERT_LE(reached, n);
    ASSERT_GE(reached, stepped > 0 && n > 1 ? n - 1 : 1);
  }
}

InferenceModel SmallMixture() {
  InferenceModel model = SmallModel();
  model.name = "mixture";
  model.layers = 6;
  model.experts = 16;
  model.experts_per_token = 4;
  model.expert_ffn = 512;
  model.dense_layers = 1;
  return model;
}

InferencePart SmallPart() {
  InferencePart part;
  part.name = "round";
  part.peak_bf16 = 1e14;
  part.hbm_bandwidth = 1e12;
  part.link_bandwidth = 1e11;
  part.hbm_capacity = 2e9;
  return part;
}

IterationCosts ApartCosts(int ranks, int parts, const InferencePart& part = SmallPart(),
                          InferenceEngine engine = Chunked(2048, 64)) {
  InferenceLayout layout;
  layout.data = 2;
  layout.experts_spread = true;
  layout.expert_ranks = ranks;
  layout.micro_batches = parts;
  engine.reserve = 0;
  return {SmallMixture(), part, engine, layout, "replica"};
}

double TimeApart(const IterationCosts& costs, std::int64_t batch, double reads) {
  const CostLine line = costs.LinesOf(batch, batch, batch, batch).At(reads);
  return (line.base + line.read * reads).si();
}

// Caches of any length are read by attention: in the end it binds, at its own slope.
TEST(ExpertsApart, AreHiddenBehindLongCaches) {
  const IterationCosts costs = ApartCosts(4, 3);
  const double slope = (TimeApart(costs, 64, 2e9) - TimeApart(costs, 64, 1e9)) / 1e9;
  EXPECT_NEAR(slope, costs.PerRead(64).si(), 1e-9 * slope);
  // With empty caches they take their turns.
  EXPECT_LT((TimeApart(costs, 64, 1) - TimeApart(costs, 64, 0)), slope);
}

TEST(ExpertsApart, AreNoSlowerOnMoreAccelerators) {
  for (const double reads : {0.0, 1e5, 1e7}) {
    for (int ranks = 2; ranks < 16; ranks *= 2) {
      EXPECT_LE(TimeApart(ApartCosts(2 * ranks, 3), 128, reads),
                TimeApart(ApartCosts(ranks, 3), 128, reads) * (1 + 1e-9));
    }
  }
}

// A slow network is waited for; micro-batches hide what they can of it.
TEST(ExpertsApart, WaitForSlowLinksUnlessMicroBatchesHideThem) {
  InferencePart slow = SmallPart();
  slow.domain = 1;
  slow.nic_bandwidth = 2e9;
  InferencePart fast = slow;
  fast.nic_bandwidth = 2e12;
  const auto cost_of_slow = [&](int parts) {
    return TimeApart(ApartCosts(4, parts, slow), 64, 0) /
           TimeApart(ApartCosts(4, parts, fast), 64, 0);
  };
  EXPECT_GT(cost_of_slow(1), 1.2);
  EXPECT_LT(cost_of_slow(4), cost_of_slow(1));
}

TEST(ExpertsApart, LeaveAttentionMoreRoomForCaches) {
  InferenceLayout together;
  together.data = 2;
  together.experts_spread = true;
  InferenceEngine engine = Chunked(2048, 64);
  engine.reserve = 0;
  const IterationCosts shared(SmallMixture(), SmallPart(), engine, together, "");
  const IterationCosts apart = ApartCosts(4, 3);
  const double experts = 3.0 * 512 * 512 * 16 * 5 * 2;  // bytes
  const double more = experts / 2 / apart.token_bytes().si() * 2;
  EXPECT_NEAR(static_cast<double>(apart.cache_tokens() - shared.cache_tokens()), more, 0.01 * more);
  EXPECT_EQ(apart.layout().accelerators(), 6);
}

TEST(ExpertsApart, AreRefusedWhereTheyDoNotFitOrAreNone) {
  InferencePart tiny = SmallPart();
  tiny.hbm_capacity = 1.2e8;
  EXPECT_THROW(ApartCosts(1, 3, tiny), UserError);
  InferenceModel dense = SmallMixture();
  dense.experts = 0;
  InferenceLayout layout;
  layout.expert_ranks = 2;
  EXPECT_THROW(IterationCosts(dense, SmallPart(), Chunked(64, 8), layout, ""), UserError);
}

TEST(ExpertsApart, AgreeWithAReplicaThatIsSteppedTokenByToken) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    Random random(seed, "apart");
    const IterationCosts costs =
        ApartCosts(1 + static_cast<int>(random.Below(6)), 1 + static_cast<int>(random.Below(4)),
                   SmallPart(), Chunked(64 + static_cast<std::int64_t>(random.Below(900)), 20));
    std::vector<BatchRequest> requests;
    double clock = 0;
    for (std::int64_t i = 0; i < 50; ++i) {
      clock += random.Exponential(0.003);
      BatchRequest& request = requests.emplace_back();
      request.id = i;
      request.arrival = Seconds(clock);
      request.prompt_tokens = 1 + static_cast<std::int64_t>(random.LogNormal(6, 1));
      request.output_tokens = 1 + static_cast<std::int64_t>(random.LogNormal(4, 1));
    }
    BatchingReplica replica(costs);
    for (const BatchRequest& request : requests) {
      replica.Submit(request);
    }
    std::map<std::int64_t, Seconds> ends;
    replica.Finish([&](const BatchOutcome& outcome) {
      ends[outcome.request.id] = outcome.end;
    });
    std::int64_t peak = 0;
    for (const BatchOutcome& each : RunStepped(costs, requests, peak)) {
      ASSERT_NEAR(ends.at(each.request.id).si(), each.end.si(), 1e-9 * (1 + each.end.si()))
          << "seed " << seed;
    }
  }
}

}  // namespace
}  // namespace gridlock
