// The search: it loses nothing, its scores are those of a run, and so are its refusals.

#include "sim/layouts/search.h"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim/base/check.h"
#include "sim/layouts/bound.h"
#include "sim/layouts/proposal.h"
#include "sim/layouts/score.h"
#include "sim/study/evaluate.h"
#include "tests/layouts/scenarios.h"
#include "workloads/memory.h"

namespace gridlock {

namespace {

struct Every {
  std::vector<LayoutChoice> choices;
  RefusedCounts refused{};
};

Every EveryLayout(const LayoutSpace& space) {
  Every every;
  for (const SpacePart& part : PartsOf(space, every.refused)) {
    ForEachLayout(space, part, every.refused,
                  [&](const LayoutChoice& choice, const TrainingSpec& /*job*/) {
                    every.choices.push_back(choice);
                  });
  }
  return every;
}

SearchResult Searched(const Scenario& scenario, const LayoutSpace& space, bool prune,
                      bool variants = false) {
  SearchOptions options;
  options.top = 4;
  options.prune = prune;
  options.variants = variants;
  options.parallel = 2;
  return SearchLayouts(space, scenario.site(), options);
}

std::vector<std::string> InWords(const SearchResult& result) {
  std::vector<std::string> words;
  for (const ScoredLayout& layout : result.best) {
    words.push_back(ChoiceInWords(layout.choice) + " " + std::to_string(layout.analytic));
  }
  return words;
}

// NVIDIA's racks of 72 are used 64 at a time where sizes are powers of two.
TEST(Search, TriesTheEvenPartOfARack) {
  EXPECT_EQ(EvenPartOf(72, 256), 64);
  EXPECT_EQ(EvenPartOf(72, 4 * 72), 0);
  EXPECT_EQ(EvenPartOf(72, 96), 0);
  EXPECT_EQ(EvenPartOf(8, 12), 0);
  EXPECT_EQ(EvenPartOf(64, 96), 0);
  LayoutSpace space = SpaceOf(TwoServers().At({}), 128);
  space.server.accelerators = 72;
  const auto widest = [&space](std::int32_t domain_ranks) {
    std::int32_t most = 0;
    RefusedCounts refused{};
    for (const SpacePart& part : PartsOf(space, refused)) {
      most = part.domain_ranks == domain_ranks ? std::max(most, part.tensor) : most;
    }
    return most;
  };
  EXPECT_EQ(widest(0), 8);  // of 72; Llama 3.1 8B has 32 heads
  EXPECT_EQ(widest(64), 0);
  space.part_of_domain = 64;
  EXPECT_EQ(widest(0), 8);
  EXPECT_EQ(widest(64), 32);
  for (const LayoutChoice& choice : EveryLayout(space).choices) {
    TrainingSpec job = space.job;
    Apply(choice, job);
    EXPECT_EQ(job.layout.domain_ranks, choice.domain_ranks);
    EXPECT_EQ(ChoiceOf(job).domain_ranks, choice.domain_ranks);
  }
}

TEST(Search, PruningLosesNothing) {
  const Scenario scenario = TwoServers().At({});
  const LayoutSpace space = SpaceOf(scenario, 8, 1);
  for (const bool variants : {false, true}) {
    const SearchResult all = Searched(scenario, space, false, variants);
    const SearchResult some = Searched(scenario, space, true, variants);
    EXPECT_EQ(InWords(some), InWords(all));
    EXPECT_EQ(some.best.size(), 4U);
    EXPECT_EQ(all.counts.evaluated, all.counts.fitting);
    EXPECT_LT(some.counts.evaluated, all.counts.evaluated / 2) << "nothing was pruned";
  }
}

TEST(Search, PruningLosesNothingAmongShardGroupsAndSchedules) {
  const Scenario scenario = TwoServers({"job[0].pretraining.stack=torchtitan"}).At({});
  LayoutSpace space = SpaceOf(scenario, 16, 1);
  const std::size_t plain = EveryLayout(space).choices.size();
  space.shard_groups = space.zero_bubble = true;
  space.fixed = {{"recompute", 0}, {"tensor", 2}};
  const SearchResult all = Searched(scenario, space, false, true);
  EXPECT_EQ(InWords(Searched(scenario, space, true, true)), InWords(all));
  space.fixed.clear();
  const Every every = EveryLayout(space);
  EXPECT_GT(every.choices.size(), plain);
  std::set<LayoutChoice> distinct(every.choices.begin(), every.choices.end());
  EXPECT_EQ(distinct.size(), every.choices.size());
  // A copy in a server of eight: four replicas of two tensor ranks.
  EXPECT_TRUE(std::any_of(every.choices.begin(), every.choices.end(), [](const LayoutChoice& c) {
    return c.tensor == 2 && c.context == 1 && c.data == 8 && c.shard_group == 4 && c.zero == 3;
  }));
}

TEST(Search, PruningLosesNothingOfFineTuning) {
  for (const char* tuning :
       {"job[0].pretraining.adapters={ rank: 16 target: [\"q_proj\", \"linear_fc2\"] }",
        "job[0].pretraining.frozen={ layers: 11 tables: true }",
        "job[0].pretraining.optimizer_place=ON_HOST"}) {
    const Scenario scenario = TwoServers({tuning}).At({});
    LayoutSpace space = SpaceOf(scenario, 8, 1);
    space.fixed = {{"recompute", 0}};
    if (!scenario.training().trains_base()) {
      space.bases = ParseBases("bf16,nf4");
    }
    EXPECT_EQ(InWords(Searched(scenario, space, true, true)),
              InWords(Searched(scenario, space, false, true)))
        << tuning;
  }
}

TEST(Search, PruningLosesNothingAmongExperts) {
  const Scenario scenario = TwoServersOfExperts().At({});
  LayoutSpace space = SpaceOf(scenario, 8, 1);
  space.fixed = {{"recompute", 1}};
  const SearchResult all = Searched(scenario, space, false);
  const SearchResult some = Searched(scenario, space, true);
  EXPECT_EQ(InWords(some), InWords(all));
  EXPECT_LT(some.counts.evaluated, all.counts.evaluated / 8) << "little was pruned";
}

// The bound of each layout against its step, on stacks that hide different things.
TEST(Search, NoStepBeatsItsBound) {
  const std::vector<ScenarioBase> bases = [] {
    std::vector<ScenarioBase> some;
    some.push_back(TwoServers({"job[0].pretraining.stack=megatron_core"}));
    some.push_back(TwoServers({"job[0].pretraining.stack=torchtitan"}));
    some.push_back(TwoServers({"job[0].pretraining.stack=megatron_2021"}));
    for (const char* schedule : {"ZERO_BUBBLE", "GPIPE", "ZERO_BUBBLE_V", "DUAL_PIPE_V"}) {
      some.push_back(TwoServers({std::string("job[0].pretraining.layout={ tensor: 1 pipeline: 2 "
                                             "virtual_pipeline: 2 data: 8 schedule: ") +
                                 schedule + " }"}));
    }
    some.push_back(
        TwoServers({"job[0].pretraining.layout={ tensor: 1 context: 2 data: 8 "
                    "context_exchange: ALL_TO_ALL }"}));
    some.push_back(TwoServers({"job[0].pretraining.precision=FP8"}));
    some.push_back(TwoServersOfExperts());
    return some;
  }();
  for (const ScenarioBase& base : bases) {
    const Scenario scenario = base.At({});
    LayoutSpace space = SpaceOf(scenario, 16);
    space.shard_groups = space.zero_bubble = true;
    StepBound bound(space.server);
    Scorer scorer(scenario.site());
    TrainingSpec job = space.job;
    std::size_t tried = 0;
    const Every every = EveryLayout(space);
    // Every 29th: enough of each kind, since 29 shares no factor with the walk's loops.
    for (std::size_t i = 0; i < every.choices.size(); i += 29) {
      Apply(every.choices[i], job);
      if (FullestStage(job).total() > RoomForJob(space.server)) {
        continue;
      }
      ++tried;
      const double step = scorer.StepTime(job).si();
      const double least = bound.Of(job);
      EXPECT_EQ(least, StepBound(space.server).Of(job)) << "what is remembered changes nothing";
      EXPECT_LE(least, step) << job.stack.name << ": " << ChoiceInWords(every.choices[i]);
      EXPECT_GT(least, 0.3 * step) << job.stack.name << ": " << ChoiceInWords(every.choices[i]);
    }
    EXPECT_GT(tried, 10U);
  }
}

TEST(Search, ScoresAreThoseOfARun) {
  for (const bool experts : {false, true}) {
    const ScenarioBase base = experts ? TwoServersOfExperts() : TwoServers();
    const Scenario scenario = base.At({});
    LayoutSpace space = SpaceOf(scenario, 16);
    space.shard_groups = space.zero_bubble = true;
    const SearchResult result = Searched(scenario, space, true);
    ASSERT_FALSE(result.best.empty());
    for (const ScoredLayout& layout : result.best) {
      const Scenario written = base.At(PointOf(layout.choice));
      const StepRecord step = EvaluateStep(written, Fidelity::kAnalytic, {});
      EXPECT_NEAR(layout.analytic / step.step_time.si(), 1, 1e-9) << ChoiceInWords(layout.choice);
    }
  }
}

// Layouts of one plan are scored one after another by one scorer; a fresh one must agree.
TEST(Search, SharedPlansChangeNothing) {
  const Scenario scenario = TwoServersOfExperts().At({});
  const LayoutSpace space = SpaceOf(scenario, 16, 1);
  Scorer shared(scenario.site());
  TrainingSpec job = space.job;
  const Every every = EveryLayout(space);
  for (std::size_t i = 0; i < every.choices.size(); i += 37) {
    Apply(every.choices[i], job);
    if (FullestStage(job).total() <= RoomForJob(space.server)) {
      EXPECT_EQ(shared.StepTime(job), Scorer(scenario.site()).StepTime(job));
    }
  }
}

TEST(Search, MemoryIsCheckedAsARunDoes) {
  for (const bool experts : {false, true}) {
    const Scenario scenario = (experts ? TwoServersOfExperts() : TwoServers()).At({});
    const LayoutSpace space = SpaceOf(scenario, 16, 2);
    TrainingSpec job = space.job;
    std::set<bool> seen;
    // Sizes of stages of the layout before, where micro-batch, recomputation, sharding and order
    // are all that differs.
    LayoutChoice last;
    std::vector<StageSizes> sizes;
    for (const LayoutChoice& choice : EveryLayout(space).choices) {
      Apply(choice, job);
      if (sizes.empty() || !choice.SplitsAs(last) ||
          choice.virtual_pipeline != last.virtual_pipeline) {
        sizes = SizesOfDistinctStages(job);
        last = choice;
      }
      const MemoryNeed need = FullestStage(job);
      const std::vector<MemoryNeed> stages = MemoryByStage(job);
      const auto most =
          std::max_element(stages.begin(), stages.end(), [](const auto& a, const auto& b) {
            return a.total() < b.total();
          });
      ASSERT_EQ(need.total(), most->total()) << ChoiceInWords(choice);
      const bool fits = need.total() <= RoomOf(space);
      seen.insert(fits);
      bool runs = true;
      try {
        CheckMemory(job, RoomForJob(space.server), space.server.accelerators);
      } catch (const UserError&) {
        runs = false;
      }
      ASSERT_EQ(fits, runs) << ChoiceInWords(choice);
      ASSERT_EQ(fits, FitsIn(job, sizes, RoomOf(space))) << ChoiceInWords(choice);
    }
    EXPECT_EQ(seen.size(), 2U) << "some layouts fit, and some do not";
  }
}

// The loader takes every layout that the walk makes: what it lists divides everything.
TEST(Search, ListedLayoutsAreThoseThatTheLoaderTakes) {
  for (const bool experts : {false, true}) {
    const ScenarioBase base = experts ? TwoServersOfExperts() : TwoServers();
    const Scenario scenario = base.At({});
    const Every every = EveryLayout(SpaceOf(scenario, 16));
    std::set<LayoutChoice> distinct(every.choices.begin(), every.choices.end());
    EXPECT_EQ(distinct.size(), every.choices.size()) << "a layout is listed twice";
    for (std::size_t i = 0; i < every.choices.size(); i += 211) {
      const Point point = PointOf(every.choices[i]);
      const Scenario written = base.At(point);
      EXPECT_EQ(ChoiceOf(written.training()), every.choices[i]);
      EXPECT_EQ(written.training().layout.accelerators(), 16);
    }
  }
}

// 32 layers, 8 key-value heads, 32 heads, ffn 14336, 32 sequences on 16 accelerators.
TEST(Search, RefusalsAreCounted) {
  const Scenario scenario =
      TwoServers({"job[0].pretraining.layout.data=5", "job[0].pretraining.global_batch=35"}).At({});
  LayoutSpace space = SpaceOf(scenario, 10);
  const Every every = EveryLayout(space);
  // Of 1, 2, 5 and 10 ranks, 5 and 10 do not divide 32 heads.
  EXPECT_EQ(every.refused[static_cast<int>(Refused::kTensor)], 2);
  // 1 and 2 stages with 10, 5 replicas ...: 10 do not divide 35 sequences, 5 do.
  EXPECT_GT(every.refused[static_cast<int>(Refused::kBatch)], 0);
  EXPECT_FALSE(every.choices.empty());
  for (const LayoutChoice& choice : every.choices) {
    EXPECT_EQ(35 % (choice.data * choice.micro_batch), 0);
  }
}

TEST(Search, RoomFollowsTheMargin) {
  const Scenario scenario = TwoServers().At({});
  LayoutSpace space = SpaceOf(scenario, 16);
  space.hbm_margin = 0.25;
  EXPECT_EQ(RoomOf(space), RoomForJob(space.server) * 0.75);
  TrainingSpec job = space.job;
  for (const ScoredLayout& layout : Searched(scenario, space, true).best) {
    Apply(layout.choice, job);
    EXPECT_LE(FullestStage(job).total(), RoomOf(space));
  }
}

}  // namespace

}  // namespace gridlock
