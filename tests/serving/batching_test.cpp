// The replica with mixed iterations: against one that is stepped token by token, and laws.

#include "sim/serving/batching.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

#include <gtest/gtest.h>

#include "sim/base/random.h"
#include "sim/serving/serve_run.h"
#include "tests/serving/stepped_batching.h"

namespace gridlock {
namespace {

constexpr Batching kAll[] = {Batching::kStatic, Batching::kPrompts, Batching::kFused,
                             Batching::kChunked};

struct Drawn {
  InferenceEngine engine;
  double cache_tokens = 0;
  InferenceLayout layout;
  InferenceModel model = SmallModel();
  std::vector<BatchRequest> requests;

  [[nodiscard]] IterationCosts Costs() const {
    return SmallCosts(engine, cache_tokens, 1e12, layout, model);
  }
};

Drawn Draw(std::uint64_t seed) {
  Random random(seed, "batching");
  Drawn drawn;
  drawn.engine.batching = kAll[random.Below(4)];
  drawn.engine.token_budget = 16 + static_cast<std::int64_t>(random.Below(2000));
  drawn.engine.batch_max = 1 + static_cast<std::int64_t>(random.Below(24));
  drawn.engine.page = 1 + static_cast<std::int64_t>(random.Below(32));
  drawn.engine.reserve_whole = random.Below(3) == 0;
  drawn.engine.host_time = random.Uniform() * 1e-3;
  drawn.cache_tokens = std::exp(5 + 6 * random.Uniform());
  double clock = 0;
  const std::uint64_t count = 1 + random.Below(80);
  for (std::uint64_t i = 0; i < count; ++i) {
    clock += random.Below(3) == 0 ? 0 : random.Exponential(0.01);
    BatchRequest request;
    request.id = static_cast<std::int64_t>(i);
    request.arrival = Seconds(clock);
    request.prompt_tokens = 1 + static_cast<std::int64_t>(random.LogNormal(4, 1.2));
    request.output_tokens = 1 + static_cast<std::int64_t>(random.LogNormal(3, 1.2));
    request.cached_tokens = random.Below(4) == 0 ? request.prompt_tokens / 2 : 0;
    request.prefilled = random.Below(4) == 0;
    request.output_tokens = random.Below(8) == 0 ? 1 : request.output_tokens;
    drawn.requests.push_back(request);
  }
  if (random.Below(2) == 0) {  // ranks of data-parallel attention
    drawn.layout.data = 2 + static_cast<int>(random.Below(7));
  }
  if (random.Below(2) == 0) {
    drawn.model.windowed_share = random.Below(2) == 0 ? 0.25 : 0.75;
    drawn.model.window = 1 + static_cast<int>(random.Below(200));
    drawn.model.states = random.Below(3) == 0;
    drawn.cache_tokens += 800;  // states of one sequence, and a page
  }
  return drawn;
}

std::map<std::int64_t, BatchOutcome> Serve(const IterationCosts& costs,
                                           const std::vector<BatchRequest>& requests,
                                           BatchWork& work) {
  BatchingReplica replica(costs);
  for (const BatchRequest& request : requests) {
    replica.Submit(request);
  }
  std::map<std::int64_t, BatchOutcome> outcomes;
  replica.Finish([&](const BatchOutcome& outcome) {
    outcomes[outcome.request.id] = outcome;
  });
  work = replica.work();
  return outcomes;
}

TEST(BatchingReplica, AgreesWithOneThatIsSteppedTokenByToken) {
  for (std::uint64_t seed = 0; seed < 800; ++seed) {
    const Drawn drawn = Draw(seed);
    const IterationCosts costs = drawn.Costs();
    BatchWork work;
    const auto outcomes = Serve(costs, drawn.requests, work);
    std::int64_t peak = 0;
    const std::vector<BatchOutcome> stepped = RunStepped(costs, drawn.requests, peak);
    ASSERT_EQ(outcomes.size(), stepped.size());
    for (const BatchOutcome& each : stepped) {
      const BatchOutcome& outcome = outcomes.at(each.request.id);
      ASSERT_EQ(outcome.refused, each.refused) << "seed " << seed;
      ASSERT_EQ(outcome.evictions, each.evictions) << "seed " << seed;
      ASSERT_NEAR(outcome.first_token.si(), each.first_token.si(), 1e-9 * (1 + each.end.si()))
          << "seed " << seed << " request " << each.request.id;
      ASSERT_NEAR(outcome.end.si(), each.end.si(), 1e-9 * (1 + each.end.si())) << "seed " << seed;
    }
    EXPECT_LE(peak, costs.cache_tokens()) << "seed " << seed;
  }
}

// INV-1, INV-2 and INV-4.
TEST(BatchingReplica, KeepsItsInvariants) {
  for (std::uint64_t seed = 1000; seed < 1200; ++seed) {
    const Drawn drawn = Draw(seed);
    const IterationCosts costs = drawn.Costs();
    BatchWork work;
    const auto outcomes = Serve(costs, drawn.requests, work);
    ASSERT_EQ(outcomes.size(), drawn.requests.size());
    std::int64_t prompts = 0, tokens = 0, evictions = 0;
    for (const auto& [id, outcome] : outcomes) {
      evictions += outcome.evictions;
      tokens += outcome.refused ? 0 : outcome.request.output_tokens;
      if (!outcome.refused) {
        const BatchRequest& request = outcome.request;
        prompts += request.prefilled ? 0
                                     : request.prompt_tokens - std::min(request.cached_tokens,
                                                                        request.prompt_tokens - 1);
        EXPECT_GE(outcome.admitted, request.arrival);
        EXPECT_EQ(outcome.first_token > outcome.admitted, !request.prefilled);
        EXPECT_GE(outcome.end, outcome.first_token);
      }
    }
    EXPECT_EQ(work.output_tokens, tokens) << "seed " << seed;
    // What is evicted is prefilled again.
    EXPECT_GE(work.prompt_tokens, prompts) << "seed " << seed;
    if (evictions == 0) {
      EXPECT_EQ(work.prompt_tokens, prompts) << "seed " << seed;
    }
    EXPECT_EQ(work.evictions, evictions);
    EXPECT_LE(work.cache_peak, costs.cache_tokens()) << "seed " << seed;
    double limits = 0, waits = 0;
    for (const double each : work.limits) {
      limits += each;
    }
    for (const double each : work.waits) {
      waits += each;
    }
    EXPECT_NEAR(limits, work.busy.si(), 1e-9 * (1 + work.busy.si()));
    EXPECT_NEAR(waits, work.busy.si(), 1e-9 * (1 + work.busy.si()));
  }
}

// INV-3: first come, first admitted, when nothing is evicted.
TEST(BatchingReplica, AdmitsInTheOrderOfArrival) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    Drawn drawn = Draw(seed);
    drawn.engine.reserve_whole = true;
    BatchWork work;
    const auto outcomes = Serve(SmallCosts(drawn.engine, drawn.cache_tokens), drawn.requests, work);
    Seconds last;
    for (const auto& [id, outcome] : outcomes) {
      if (!outcome.refused) {
        EXPECT_GE(outcome.admitted, last);
        last = outcome.admitted;
      }
    }
  }
}

TEST(BatchingReplica, TakesTheTimeOfTheClosedFormForOneRequest) {
  InferenceEngine engine;
  const IterationCosts costs = SmallCosts(engine, 1e5);
  BatchRequest request;
  request.prompt_tokens = 100;
  request.output_tokens = 51;
  BatchWork work;
  const BatchOutcome outcome = Serve(costs, {request}, work).at(0);
  const Seconds prefill = costs.Base(100, 1, 1) + costs.PerPair() * (100.0 * 101 / 2);
  const double reads = 50 * 101 + 50 * 49 / 2.0;
  const Seconds decode = costs.Base(1, 1, 1) * 50 + costs.PerRead(1) * reads;
  EXPECT_NEAR(outcome.first_token.si(), prefill.si(), 1e-12);
  EXPECT_NEAR(outcome.end.si(), (prefill + decode).si(), 1e-12);
}

TEST(BatchingReplica, IsNotSlowerWithMoreBandwidth) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    Drawn drawn = Draw(seed);
    for (BatchRequest& request : drawn.requests) {
      request.arrival = Seconds(0);
    }
    BatchWork slow, fast;
    Serve(SmallCosts(drawn.engine, drawn.cache_tokens, 1e12), drawn.requests, slow);
    Serve(SmallCosts(drawn.engine, drawn.cache_tokens, 2e12), drawn.requests, fast);
    EXPECT_LE(fast.busy, slow.busy * (1 + 1e-9)) << "seed " << seed;
  }
}

// Little's law: requests in the system on average = rate x mean time in it.
TEST(RunLoad, ObeysLittlesLaw) {
  InferenceEngine engine;
  ServeLoad load;
  load.kind = LoadKind::kConcurrency;
  load.value = 16;
  load.requests = 4000;
  load.prompt = {200, 0.5, 0, 1e6};
  load.output = {100, 0.5, 0, 1e6};
  const ServeResult result = RunLoad(SmallCosts(engine, 1e6), load);
  double in_system = 0;
  for (const ServedRequest& each : result.requests) {
    in_system += each.end_to_end.si();
  }
  EXPECT_NEAR(in_system / result.duration.si(), 16, 0.2);
  EXPECT_EQ(result.requests.size(), 4000U);
}

// With a batch of one and answers of one token a replica is a queue with one server and a fixed
// service time: M/D/1 waits rho / (2 (1 - rho)) services on average.
TEST(RunLoad, IsTheQueueMD1WithABatchOfOne) {
  InferenceEngine engine;
  engine.batching = Batching::kStatic;
  engine.batch_max = 1;
  const IterationCosts costs = SmallCosts(engine, 1e6);
  const double service = (costs.Base(100, 1, 1) + costs.PerPair() * (100.0 * 101 / 2)).si();
  ServeLoad load;
  load.kind = LoadKind::kRate;
  load.value = 0.7 / service;
  load.requests = 200000;
  load.prompt.mean = 100;
  const ServeResult result = RunLoad(costs, load);
  const double wait = result.MeanTtft().si() - service - engine.request_overhead;
  EXPECT_NEAR(wait / service, 0.7 / (2 * 0.3), 0.05);
}

TEST(BindingsOf, SayThatTheBatchBindsWhenItIsSmall) {
  InferenceEngine engine;
  engine.batch_max = 4;
  const IterationCosts costs = SmallCosts(engine, 1e6);
  ServeLoad load;
  load.requests = 200;
  load.prompt.mean = 50;
  load.output.mean = 200;
  const Bindings bindings = BindingsOf(RunLoad(costs, load), costs);
  EXPECT_EQ(bindings.waits.front().limit, "batch");
  EXPECT_GT(bindings.waits.front().share, 0.8);
}

// Requests that come one by one wait for nothing; long prompts with an answer of one token are
// FLOP.
TEST(BindingsOf, BeginWithTheOneThatBindsMost) {
  InferenceEngine engine;
  engine.host_time = 0;
  const IterationCosts costs = SmallCosts(engine, 1e6);
  ServeLoad load;
  load.kind = LoadKind::kConcurrency;
  load.requests = 20;
  load.prompt.mean = 4000;
  const Bindings bindings = BindingsOf(RunLoad(costs, load), costs);
  EXPECT_EQ(bindings.waits.front().limit, "load");
  EXPECT_EQ(bindings.times.front().limit, "compute");
  for (const std::vector<Binding>* each : {&bindings.waits, &bindings.times}) {
    double sum = 0;
    for (std::size_t i = 0; i < each->size(); ++i) {
      sum += (*each)[i].share;
      EXPECT_LE((*each)[i].share, (*each)[i == 0 ? 0 : i - 1].share);
    }
    EXPECT_NEAR(sum, 1, 1e-9);
  }
}

// What is prefilled elsewhere and answers with one token has its answer when it comes, and leaves
// its place and its cache to the next.
TEST(BatchingReplica, EndsAnAnswerOfOneTokenThatWasPrefilledElsewhere) {
  InferenceEngine engine;
  engine.batch_max = 1;
  BatchRequest request;
  request.prompt_tokens = 600;
  request.prefilled = true;
  std::vector<BatchRequest> requests(50, request);
  for (std::size_t i = 0; i < requests.size(); ++i) {
    requests[i].id = static_cast<std::int64_t>(i);
  }
  BatchWork work;
  const auto outcomes = Serve(SmallCosts(engine, 1000), requests, work);
  ASSERT_EQ(outcomes.size(), requests.size());
  EXPECT_EQ(outcomes.at(49).end, Seconds(0));
  EXPECT_EQ(work.output_tokens, 50);
  EXPECT_LE(work.cache_peak, 1000);
}

// A small model on `data` ranks, each with attention of its own.
IterationCosts RanksApart(int data) {
  InferenceModel model;
  model.name = "small";
  model.layers = 4;
  model.hidden = 512;
  model.heads = model.kv_heads = 8;
  model.head_dim = 64;
  model.ffn = 2048;
  model.vocabulary = 32000;
  InferencePart part;
  part.name = "round";
  part.peak_bf16 = 1e14;
  part.hbm_bandwidth = part.link_bandwidth = 1e12;
  part.hbm_capacity = 1e11;
  InferenceEngine engine;
  engine.batching = Batching::kChunked;
  InferenceLayout layout;
  layout.data = data;
  return {model, part, engine, layout, ""};
}

double Sum(const LimitTimes& times) {
  double sum = 0;
  for (const double each : times) {
    sum += each;
  }
  return sum;
}

// A prompt is one rank's: the others wait while it works on rows and pairs of which each would
// have a quarter.
TEST(UnevenPrompts, HoldUpTheRanksThatHaveNone) {
  const IterationCosts costs = RanksApart(4);
  const double pairs = 4000;
  // Rows and pairs of the busiest rank: of one prompt, of four, and of two of five.
  const double one = Sum(costs.UnevenLimits(1000, 1000, pairs, 1000, pairs));
  const double four = Sum(costs.UnevenLimits(1000, 1000, pairs, 250, pairs / 4));
  const double five = Sum(costs.UnevenLimits(1000, 1000, pairs, 400, pairs * 2 / 5));
  EXPECT_GT(one, five);
  EXPECT_GT(five, 0);
  EXPECT_DOUBLE_EQ(four, 0);
  EXPECT_DOUBLE_EQ(Sum(RanksApart(1).UnevenLimits(1000, 1000, pairs, 1000, pairs)), 0);
  // Pairs: the whole prompt's on one rank, instead of a quarter.
  const double more = Sum(costs.UnevenLimits(1000, 1000, pairs + 400, 1000, pairs + 400)) - one;
  EXPECT_NEAR(more, costs.PerPair().si() * 400 * 3, 1e-15);
  // A rank of its own takes as long as one that stands alone, but for what spreads (here nothing).
  const LimitTimes spread = costs.UnevenLimits(4000, 4000, 0, 4000, 0);
  const LimitTimes wide = costs.UnevenLimits(8000, 8000, 0, 8000, 0);
  EXPECT_NEAR(Sum(wide) / Sum(spread), 2, 0.1);
}

// Each rank has a budget of its own: eight prompts four times as long as it go on side by side, in
// the time of one.
TEST(UnevenPrompts, OfAllRanksGoOnSideBySide) {
  for (const Batching batching : {Batching::kChunked, Batching::kPrompts}) {
    InferenceEngine engine = Chunked(512, 8);
    engine.batching = batching;
    InferenceLayout layout;
    layout.data = 8;
    InferenceModel model = SmallModel();
    model.ffn = 128;  // which a lonely prompt has all ranks for
    const IterationCosts costs = SmallCosts(engine, 1e6, 1e12, layout, model);
    std::vector<BatchRequest> requests(8);
    for (BatchRequest& request : requests) {
      request.id = &request - requests.data();
      request.prompt_tokens = 2048;
    }
    BatchWork eight, one;
    const Seconds all = Serve(costs, requests, eight).at(7).end;
    requests.resize(1);
    const Seconds alone = Serve(costs, requests, one).at(0).end;
    EXPECT_EQ(eight.prompt_tokens, 8 * 2048);
    EXPECT_NEAR(all / alone, 1, 0.3) << static_cast<int>(batching);
  }
}

// Sequences share one pool for windows and for what grows: 40 of 300 tokens with windows of 100 in
// half of the layers take as much as 40 of 400 without.
TEST(Windows, TakePagesAsSequencesNeedThem) {
  InferenceModel model = SmallModel();
  model.window = 100;
  model.windowed_share = 0.5;
  InferenceEngine engine = Chunked(64, 256);
  engine.page = 1;
  const IterationCosts costs = SmallCosts(engine, 16100, 1e12, {}, model);
  EXPECT_EQ(costs.WindowTokens(30), 30);
  EXPECT_EQ(costs.WindowTokens(3000), 100);
  EXPECT_NEAR(static_cast<double>(costs.cache_tokens()), 16100, 1);
  std::vector<BatchRequest> requests(60);
  for (BatchRequest& request : requests) {
    request.id = &request - requests.data();
    request.prompt_tokens = 1;
    request.output_tokens = 299;
    request.prefilled = true;
  }
  engine.reserve_whole = true;
  BatchWork work;
  const auto outcomes = Serve(SmallCosts(engine, 16100, 1e12, {}, model), requests, work);
  EXPECT_EQ(outcomes.size(), 60U);
  EXPECT_EQ(work.batch_peak, 40);
}

}  // namespace
}  // namespace gridlock
