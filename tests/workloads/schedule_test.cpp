// The pipeline schedule: every pass once, in an order that can run, with the activations in flight
// that the memory count expects.

#include "workloads/schedule.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace gridlock {

namespace {

struct PipelineShape {
  Layout layout;
  std::int64_t micro_batches = 1;
};

PipelineShape AnyShape() {
  PipelineShape shape;
  shape.layout.pipeline = *rc::gen::inRange(1, 9);
  shape.layout.virtual_pipeline = shape.layout.pipeline == 1 ? 1 : *rc::gen::inRange(1, 5);
  shape.micro_batches = *rc::gen::inRange(1, 9);
  if (shape.layout.virtual_pipeline > 1) {
    shape.micro_batches *= shape.layout.pipeline;
  }
  return shape;
}

// A message between neighbouring stages: position of the pass that sent it, and its micro-batch.
using Message = std::pair<std::int64_t, std::int64_t>;

// Messages that `stage` sends (or receives), in its order of passes, of one direction.
std::vector<Message> MessagesOf(const PipelineShape& shape, int stage, bool backward, bool sent) {
  const int p = shape.layout.pipeline;
  const std::int64_t last = std::int64_t{p} * shape.layout.virtual_pipeline - 1;
  std::vector<Message> messages;
  for (const ScheduledPass& pass : ScheduleOf(shape.layout, shape.micro_batches, stage)) {
    if (pass.backward != backward) {
      continue;
    }
    const std::int64_t position = std::int64_t{pass.chunk} * p + stage;
    const std::int64_t to = backward ? position - 1 : position + 1;
    const std::int64_t from = backward ? position + 1 : position - 1;
    const std::int64_t other = sent ? to : from;
    if (other >= 0 && other <= last) {
      messages.emplace_back(sent ? position : from, pass.micro_batch);
    }
  }
  return messages;
}

}  // namespace

RC_GTEST_PROP(Schedule, HoldsEveryPassOnceForwardBeforeBackward, ()) {
  const PipelineShape shape = AnyShape();
  for (int stage = 0; stage < shape.layout.pipeline; ++stage) {
    std::set<std::tuple<bool, int, std::int64_t>> seen;
    for (const ScheduledPass& pass : ScheduleOf(shape.layout, shape.micro_batches, stage)) {
      RC_ASSERT(pass.chunk >= 0 && pass.chunk < shape.layout.virtual_pipeline);
      RC_ASSERT(pass.micro_batch >= 0 && pass.micro_batch < shape.micro_batches);
      RC_ASSERT(seen.insert({pass.backward, pass.chunk, pass.micro_batch}).second);
      if (pass.backward) {
        RC_ASSERT(seen.count({false, pass.chunk, pass.micro_batch}) == 1U);
      }
    }
    RC_ASSERT(static_cast<std::int64_t>(seen.size()) ==
              2 * shape.micro_batches * shape.layout.virtual_pipeline);
  }
}

RC_GTEST_PROP(Schedule, HoldsAtItsPeakTheActivationsThatMemoryCounts, ()) {
  const PipelineShape shape = AnyShape();
  for (int stage = 0; stage < shape.layout.pipeline; ++stage) {
    std::int64_t held = 0;
    std::int64_t peak = 0;
    for (const ScheduledPass& pass : ScheduleOf(shape.layout, shape.micro_batches, stage)) {
      held += pass.backward ? -1 : 1;
      peak = std::max(peak, held);
    }
    RC_ASSERT(held == 0);
    RC_ASSERT(peak == ChunksInFlight(shape.layout, shape.micro_batches, stage));
  }
}

RC_GTEST_PROP(Schedule, SendsMessagesInTheOrderInWhichTheyAreReceived, ()) {
  const PipelineShape shape = AnyShape();
  const int p = shape.layout.pipeline;
  if (p == 1) {
    return;
  }
  for (int stage = 0; stage < p; ++stage) {
    for (const bool backward : {false, true}) {
      const int next = (stage + (backward ? p - 1 : 1)) % p;
      RC_ASSERT(MessagesOf(shape, stage, backward, /*sent=*/true) ==
                MessagesOf(shape, next, backward, /*sent=*/false));
    }
  }
}

RC_GTEST_PROP(Schedule, RunsToItsEnd, ()) {
  const PipelineShape shape = AnyShape();
  const int p = shape.layout.pipeline;
  const std::int64_t last = std::int64_t{p} * shape.layout.virtual_pipeline - 1;
  std::vector<std::vector<ScheduledPass>> orders;
  for (int stage = 0; stage < p; ++stage) {
    orders.push_back(ScheduleOf(shape.layout, shape.micro_batches, stage));
  }
  std::vector<std::size_t> next(p, 0);
  std::set<std::tuple<bool, std::int64_t, std::int64_t>> done;  // direction, position, micro-batch
  bool moved = true;
  while (moved) {
    moved = false;
    for (int stage = 0; stage < p; ++stage) {
      for (; next[stage] < orders[stage].size(); ++next[stage], moved = true) {
        const ScheduledPass& pass = orders[stage][next[stage]];
        const std::int64_t position = std::int64_t{pass.chunk} * p + stage;
        const std::int64_t from = pass.backward ? position + 1 : position - 1;
        if (from >= 0 && from <= last && done.count({pass.backward, from, pass.micro_batch}) == 0) {
          break;
        }
        done.insert({pass.backward, position, pass.micro_batch});
      }
    }
  }
  for (int stage = 0; stage < p; ++stage) {
    RC_ASSERT(next[stage] == orders[stage].size());
  }
}

TEST(MicroBatches, AreTheSequencesOfOneReplicaOverThoseOfAMicroBatch) {
  // 2,048 sequences of a step on 64 replicas are 32 each: 16 micro-batches of two.
  TrainingSpec job;
  job.global_batch = 2048;
  job.micro_batch = 2;
  job.layout.data = 64;
  EXPECT_EQ(MicroBatches(job), 16);
}

TEST(Parts, WithTheEmbeddingAsALayerShareTheSlotsEvenly) {
  // Llama 3.1 405B: 126 layers, the embedding and the head over 16 stages of 8.
  TrainingSpec job;
  job.model.layers = 126;
  job.layout.pipeline = 16;
  job.layout.embedding_as_layer = true;
  EXPECT_EQ(PartOf(job, 0, 0).layers.total(), 7);
  EXPECT_TRUE(PartOf(job, 0, 0).embedding);
  EXPECT_EQ(PartOf(job, 7, 0).layers.total(), 8);
  EXPECT_EQ(PartOf(job, 15, 0).layers.total(), 7);
  EXPECT_TRUE(PartOf(job, 15, 0).head);
}

TEST(ZeroBubble, MakesEachGradientOnceAndThoseOfWeightsInTheirStagesTime) {
  Layout layout;
  layout.pipeline = 4;
  layout.schedule = Schedule::kZeroBubble;
  for (int stage = 0; stage < 4; ++stage) {
    std::int64_t inputs = 0;
    std::int64_t weights = 0;
    for (const ScheduledPass& pass : ScheduleOf(layout, 9, stage)) {
      if (!pass.backward) {
        continue;
      }
      std::int64_t& next = pass.gradients == Gradients::kInputs ? inputs : weights;
      EXPECT_EQ(pass.micro_batch, next++);
      // Those of weights come `stage` micro-batches later, all at the end.
      EXPECT_LE(inputs - weights, stage + 1);
    }
    EXPECT_EQ(inputs, 9);
    EXPECT_EQ(weights, 9);
    EXPECT_EQ(ChunksInFlight(layout, 9, stage), 4);
  }
}

TEST(GPipe, KeepsTheActivationsOfAllMicroBatches) {
  Layout layout;
  layout.pipeline = 4;
  layout.virtual_pipeline = 2;
  layout.schedule = Schedule::kGPipe;
  for (int stage = 0; stage < 4; ++stage) {
    EXPECT_EQ(ChunksInFlight(layout, 9, stage), 18);
    EXPECT_EQ(PositionOf(layout, stage, 1), 4 + stage);
    const std::vector<ScheduledPass> order = ScheduleOf(layout, 9, stage);
    ASSERT_EQ(order.size(), 36U);
    EXPECT_FALSE(order[17].backward);
    EXPECT_TRUE(order[18].backward);
  }
}

RC_GTEST_PROP(Vee, MakesEveryPassOnceAndHoldsWhatMemoryCounts, ()) {
  Layout layout;
  layout.pipeline = *rc::gen::inRange(1, 9);
  layout.virtual_pipeline = 2;
  layout.schedule = *rc::gen::element(Schedule::kZeroBubbleV, Schedule::kDualPipeV);
  const std::int64_t micro_batches = *rc::gen::inRange(1, 25);
  for (int stage = 0; stage < layout.pipeline; ++stage) {
    std::set<std::pair<int, std::int64_t>> forward, inputs, weights;
    std::int64_t peak = 0;
    for (const ScheduledPass& pass : ScheduleOf(layout, micro_batches, stage)) {
      const std::pair<int, std::int64_t> of{pass.chunk, pass.micro_batch};
      if (!pass.backward) {
        RC_ASSERT(forward.insert(of).second);
      }
      if (pass.backward && pass.gradients != Gradients::kWeights) {
        RC_ASSERT(forward.count(of) == 1U && inputs.insert(of).second);
      }
      if (pass.backward && pass.gradients != Gradients::kInputs) {
        RC_ASSERT(inputs.count(of) == 1U && weights.insert(of).second);
      }
      peak = std::max<std::int64_t>(peak, forward.size() - weights.size());
    }
    RC_ASSERT(static_cast<std::int64_t>(weights.size()) == 2 * micro_batches);
    const std::int64_t counted = ChunksInFlight(layout, micro_batches, stage);
    const bool full = micro_batches > 2 * layout.pipeline;
    RC_ASSERT((full ? peak == counted : peak <= counted));
  }
}

TEST(Vee, KeepsATiedTableOnce) {
  TrainingSpec job;
  job.model.layers = 16;
  job.model.hidden = 1024;
  job.model.heads = job.model.kv_heads = 16;
  job.model.head_dim = 64;
  job.model.ffn = 4096;
  job.model.vocabulary = 32000;
  job.model.tied_embeddings = true;
  job.layout.pipeline = 4;
  job.layout.virtual_pipeline = 2;
  const auto tables = [&](Schedule schedule) {
    job.layout.schedule = schedule;
    double sum = 0;
    for (int stage = 0; stage < 4; ++stage) {
      for (int chunk = 0; chunk < 2; ++chunk) {
        ModelPart part = PartOf(job, stage, chunk);
        part.layers = Layers();
        sum += ParametersPerRank(job, part).total();
      }
    }
    return sum;
  };
  // Interleaved, the last stage has a copy, with the norm before it.
  EXPECT_EQ(tables(Schedule::kOneForwardOneBackward) - tables(Schedule::kZeroBubbleV),
            32000.0 * 1024 + 1024);
}

TEST(Vee, HasBothEndsOfTheModelOnTheFirstStage) {
  TrainingSpec job;
  job.model.layers = 16;
  job.layout.pipeline = 4;
  job.layout.virtual_pipeline = 2;
  job.layout.schedule = Schedule::kZeroBubbleV;
  EXPECT_TRUE(PartOf(job, 0, 0).embedding);
  EXPECT_TRUE(PartOf(job, 0, 1).head);
  EXPECT_EQ(PositionOf(job.layout, 3, 0) + 1, PositionOf(job.layout, 3, 1));
}

}  // namespace gridlock
