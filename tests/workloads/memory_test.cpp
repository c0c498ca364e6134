// HBM: what fills it, what is said when it overflows, and that what is proposed then does fit.

#include "workloads/memory.h"

#include <array>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim/base/check.h"
#include "tests/workloads/models.h"
#include "workloads/schedule.h"
#include "workloads/transformer.h"

namespace gridlock {

namespace {

TrainingSpec Gpt3Job(int tensor, int pipeline, int data) {
  TrainingSpec job = JobOn(Gpt3());
  job.layout.tensor = tensor;
  job.layout.pipeline = pipeline;
  job.layout.data = data;
  job.global_batch = 16LL * data;
  job.recompute = Recompute::kSelective;
  return job;
}

std::string MessageOf(const TrainingSpec& job, Bytes capacity, int domain = 8) {
  try {
    CheckMemory(job, capacity, domain);
  } catch (const UserError& error) {
    EXPECT_EQ(error.problems().front().path, "job.layout");
    return error.problems().front().message;
  }
  return "";
}

std::vector<std::string> Suggestions(const std::string& message) {
  const std::string head = "; what would fit: ";
  std::vector<std::string> out;
  std::size_t from = message.find(head);
  if (from == std::string::npos) {
    return out;
  }
  from += head.size();
  const std::string between = ", or ";
  while (true) {
    const std::size_t end = message.find(between, from);
    out.push_back(message.substr(from, end - from));
    if (end == std::string::npos) {
      return out;
    }
    from = end + between.size();
  }
}

// The number behind `field` in a text such as "layout { tensor: 8 data: 4 }"; `unset` without one.
int NumberOf(const std::string& text, const std::string& field, int unset) {
  const std::size_t at = text.find(field + ": ");
  return at == std::string::npos ? unset : std::stoi(text.substr(at + field.size() + 2));
}

TrainingSpec Apply(TrainingSpec job, const std::string& change) {
  job.zero = NumberOf(change, "zero", job.zero);
  job.layout.tensor = NumberOf(change, "tensor", job.layout.tensor);
  job.layout.pipeline = NumberOf(change, "pipeline", job.layout.pipeline);
  job.layout.data = NumberOf(change, "data", job.layout.data);
  job.micro_batch = NumberOf(change, "micro_batch", static_cast<int>(job.micro_batch));
  job.offload_activations = job.offload_activations || change == "offload_activations: true";
  job.stack.offloads_states = job.stack.offloads_states || change == "offload_states: true";
  job.optimizer.in_backward = job.optimizer.in_backward || change == "update_in_backward: true";
  if (change == "recompute: SELECTIVE") {
    job.recompute = Recompute::kSelective;
  } else if (change == "recompute: FULL_LAYER") {
    job.recompute = Recompute::kFull;
  }
  return job;
}

// What the loader and the layout demand of a job (see sim/scenario).
void ExpectValid(const TrainingSpec& job) {
  const Layout& layout = job.layout;
  const int slots = job.model.layers + (layout.embedding_as_layer ? 2 : 0);
  EXPECT_EQ(slots % (layout.pipeline * layout.virtual_pipeline), 0);
  EXPECT_EQ(job.model.heads % layout.tensor, 0);
  EXPECT_EQ(job.model.kv_heads % layout.tensor, 0);
  EXPECT_EQ(job.model.ffn % layout.tensor, 0);
  EXPECT_EQ(job.sequence_length % layout.tensor, 0);
  EXPECT_EQ(job.global_batch % (job.micro_batch * layout.data), 0);
  if (layout.virtual_pipeline > 1) {
    EXPECT_EQ(MicroBatches(job) % layout.pipeline, 0);
  }
}

}  // namespace

TEST(Memory, OfGpt3IsEighteenBytesAParameterAndItsActivations) {
  const TrainingSpec job = Gpt3Job(8, 8, 1);
  const std::vector<MemoryNeed> stages = MemoryByStage(job);
  ASSERT_EQ(stages.size(), 8U);
  double parameters = 0;
  for (const MemoryNeed& need : stages) {
    EXPECT_DOUBLE_EQ(need.gradients.si(), 2 * need.weights.si());
    EXPECT_DOUBLE_EQ(need.optimizer.si(), 6 * need.weights.si());
    parameters += need.weights.si() / 2;
  }
  // Each rank has norms and positions of its own, and the last stage a copy of the tied embedding.
  EXPECT_NEAR(8 * parameters, 174.6e9, 0.01 * 174.6e9);
  // Korthikanti et al. 2022, section 4.3: the first stage holds p micro-batches of L/p layers.
  EXPECT_DOUBLE_EQ(stages.front().activations.si(), 96 * 34 * 2048.0 * 12288 / 8);
  EXPECT_DOUBLE_EQ(stages.back().activations.si(), 12 * 34 * 2048.0 * 12288 / 8);
}

TEST(Memory, OfTheOptimizerIsSharedByTheReplicas) {
  const MemoryNeed alone = MemoryByStage(Gpt3Job(8, 8, 1)).front();
  const MemoryNeed shared = MemoryByStage(Gpt3Job(8, 8, 16)).front();
  EXPECT_DOUBLE_EQ(shared.optimizer.si(), alone.optimizer.si() / 16);
  EXPECT_EQ(shared.weights, alone.weights);
}

// ZeRO-Offload trains 13 billion parameters on one V100 of 32 GB (Ren et al. 2021,
// arXiv:2101.06840, abstract): here 64 layers of 4,096.
// FSDP2 under a pipeline: 2 bytes a parameter and 4 a gradient stay whole on a stage, the states of
// 12 bytes are shared out.
TEST(Memory, OfAStageThatStaysWholeIsSharedOnlyInItsStates) {
  TrainingSpec job = Gpt3Job(8, 8, 4);
  job.stack.master_weights_only = true;
  job.Shard(3);
  const MemoryNeed sharded = MemoryByStage(job)[1];
  job.stack.keeps_whole_stages = true;
  job.Shard(3);
  const MemoryNeed whole = MemoryByStage(job)[1];
  EXPECT_EQ(job.zero, 1);
  EXPECT_NEAR(whole.gradients.si(), 4 * sharded.gradients.si(), 1);
  EXPECT_NEAR(whole.weights / whole.gradients, 2 / job.stack.main_gradient_bytes, 1e-9);
  EXPECT_NEAR((whole.optimizer / sharded.weights), 12.0 / 4, 1e-6);
  job.layout.pipeline = 1;
  job.Shard(3);
  EXPECT_EQ(job.zero, 3);
}

// PyTorch's stages: 2 s b h bytes a message, whole without sequence parallelism. The first of 4
// stages has sent 4 that are in flight and gets 32 gradients; the second has sent 3, gets 32 and
// has buffers for 32, of which 3 are the inputs of a layer.
TEST(Memory, OfPipelineMessagesIsThatOfAllMicroBatchesWhereTheyAreReceivedAhead) {
  TrainingSpec job = Gpt3Job(8, 4, 1);
  job.layout.sequence_parallel = false;
  job.global_batch = 32;
  const double message = 2 * 2048.0 * 12288;
  const auto activations = [&](int stage) {
    return MemoryOfStage(job, stage).activations.si();
  };
  const std::array<double, 2> kept{activations(0), activations(1)};
  job.stack.keeps_sent_outputs = true;
  EXPECT_NEAR(activations(0) - kept[0], 4 * message, 1);
  job.stack.receives_ahead = true;
  EXPECT_NEAR(activations(0) - kept[0], (4 + 32) * message, 1);
  EXPECT_NEAR(activations(1) - kept[1], (3 + 32 + 32 - 3) * message, 1);
  job.layout.pipeline = 1;
  const double alone = activations(0);
  job.stack.keeps_sent_outputs = job.stack.receives_ahead = false;
  EXPECT_EQ(activations(0), alone);
}

// NCCL on eight H100: 16 channels, two buffers of eight chunks of 128 KiB for each rank, 256 MiB.
TEST(RoomForJob, IsWithoutTheBuffersOfSwitchesThatAddUp) {
  ServerSpec server;
  server.accelerator.hbm_capacity = Bytes(80e9);
  server.accelerators = 8;
  EXPECT_EQ(RoomForJob(server), Bytes(80e9));
  server.scale_up.in_switch_efficiency = 0.7;
  EXPECT_EQ(RoomForJob(server), Bytes(80e9 - 256 * 1024.0 * 1024));
  server.accelerators = 1;
  EXPECT_EQ(RoomForJob(server), Bytes(80e9));
}

// A loop whose weights, gradients and moments have 16 bits keeps two bytes of a weight and two of
// each moment where these are sharded too: it has no master copy that could stay instead.
TEST(Memory, OfShardedNarrowStatesIsThatOfWeightsAndMoments) {
  TrainingSpec job = Gpt3Job(8, 8, 4);
  job.stack.master_weights_only = true;
  job.stack.optimizer_bytes = 4;
  job.stack.main_gradient_bytes = 2;
  job.Shard(3);
  const MemoryNeed need = MemoryByStage(job)[1];
  EXPECT_NEAR(need.weights / need.gradients, 1, 1e-9);
  EXPECT_NEAR(need.optimizer / need.weights, 2, 1e-6);
}

TEST(Memory, OfGradientsIsTheHostsWhereTheOptimizerIsThere) {
  TrainingSpec job = JobOn(Gpt(64, 4096, 32));
  job.sequence_length = 1024;
  job.global_batch = 8;
  job.micro_batch = 1;
  job.recompute = Recompute::kFull;
  job.stack.fused_attention = false;
  job.optimizer.place = StatesPlace::kHost;
  job.zero_buffers = {5e8, 5e8, 0, 0, 1};
  const Bytes capacity(31.74 * 1024 * 1024 * 1024);
  job.zero = 1;
  EXPECT_GT(MemoryOfStage(job, 0).gradients.si(), 4 * 12.9e9);
  EXPECT_NE(MessageOf(job, capacity), "");
  job.zero = 2;
  const MemoryNeed need = MemoryOfStage(job, 0);
  EXPECT_EQ(need.gradients, Bytes(0));
  EXPECT_EQ(need.optimizer, Bytes(0));
  EXPECT_LT(need.total(), capacity);
  // Each micro-batch's gradients cross the link in 16 bits.
  const ModelPart part = PartOf(job, 0, 0);
  EXPECT_DOUBLE_EQ(GradientCopies(job, part, BytesPerSecond(13e9)).si(),
                   2 * TrainedPerRank(job, part).total() / 13e9);
  job.optimizer.place = StatesPlace::kHbm;
  EXPECT_EQ(GradientCopies(job, part, BytesPerSecond(13e9)), Seconds(0));
}

TEST(MemoryOverflow, SaysWhereByHowMuchAndWhatWouldFit) {
  // By hand: 24 of 96 layers of 12 h^2 / 8 parameters and the embedding are 5.54 billion parameters
  // of 2 + 4 + 12/8 bytes; 4 micro-batches in flight of 24 layers of 34 s b h / 8. Buffers: 1.5 GB
  // of libraries, and 2 s h (2 + 4 / 8) in the backward pass of a layer.
  const TrainingSpec job = Gpt3Job(8, 4, 8);
  EXPECT_EQ(MessageOf(job, Bytes(80e9)), "");
  EXPECT_EQ(
      MessageOf(job, Bytes(40e9)),
      "HBM overflows by 13.43 GB on each accelerator of pipeline stage 0: 11.08 GB of weights, "
      "22.16 GB of gradients, 8.308 GB of optimizer state, 10.27 GB of activations and 1.626 GB "
      "of buffers need 53.43 GB, and there are 40 GB; what would fit: zero: 2, or zero: 3, or "
      "layout { pipeline: 8 data: 4 }, or layout { pipeline: 16 data: 2 }, or layout { pipeline: "
      "32 data: 1 }");
}

// Logits of 131,072 tokens and 16 bytes: 4096 x 32 x 128,256 x 16 over one rank.
TEST(MemoryOverflow, SaysWhatFillsLargeBuffers) {
  TrainingSpec job = JobOn(Llama(2, 1024, 8, 4096));
  job.model.vocabulary = 128256;
  job.sequence_length = 4096;
  job.global_batch = job.micro_batch = 32;
  job.recompute = Recompute::kFull;
  job.stack.logit_bytes = 16;
  EXPECT_THAT(MessageOf(job, Bytes(80e9)), testing::HasSubstr(" GB in the loss) need "));
}

TEST(MemoryOverflow, IsNeverFollowedByAProposalThatDoesNotFit) {
  int proposals = 0;
  for (const bool llama : {false, true}) {
    for (const int tensor : {1, 2, 4, 8}) {
      for (const int pipeline : {1, 2, 4, 8, 16}) {
        for (const int data : {4, 8, 16}) {
          for (const int chunks : {1, 2}) {
            TrainingSpec job = Gpt3Job(tensor, pipeline, data);
            if (llama) {
              job.model = Llama(80, 8192, 64, 28672);
              job.sequence_length = 8192;
              job.recompute = Recompute::kNone;
            }
            job.micro_batch = chunks;
            job.layout.virtual_pipeline = pipeline > 1 ? chunks : 1;
            if (job.model.layers % (pipeline * job.layout.virtual_pipeline) != 0) {
              continue;
            }
            const Bytes capacity(192e9);
            const int domain = llama ? 72 : 8;
            for (const std::string& change : Suggestions(MessageOf(job, capacity, domain))) {
              SCOPED_TRACE(change);
              const TrainingSpec changed = Apply(job, change);
              ExpectValid(changed);
              EXPECT_TRUE(domain % changed.layout.tensor == 0 ||
                          changed.layout.tensor % domain == 0);
              EXPECT_EQ(changed.layout.accelerators(), job.layout.accelerators());
              EXPECT_EQ(MessageOf(changed, capacity, domain), "");
              ++proposals;
            }
          }
        }
      }
    }
  }
  EXPECT_GT(proposals, 20);
}

TEST(MemoryOverflow, SaysWhenNothingWouldFit) {
  EXPECT_THAT(MessageOf(Gpt3Job(1, 1, 1), Bytes(80e9)),
              testing::HasSubstr("; no single change of "));
}

// microsoft/DeepSpeed, runtime/zero/stage_1_and_2.py: beside weights, gradients and states a flat
// copy of the gradients in 16 bits and one in 32, and the bucket, when activations are gone.
TEST(Memory, OfAnUpdateThatFlattensGradientsCountsTheirCopies) {
  TrainingSpec job = Gpt3Job(8, 16, 1);
  job.zero = 1;
  job.stack.main_gradient_bytes = 2;
  job.recompute = Recompute::kFull;
  const MemoryNeed before = MemoryByStage(job)[1];
  job.stack.flattens_gradients = true;
  const MemoryNeed need = MemoryByStage(job)[1];
  const double parameters = need.weights.si() / 2;
  EXPECT_NEAR((need.buffers - need.context).si(), job.gradient_bucket().si() + 6 * parameters, 1);
  EXPECT_EQ(need.activations.si(), 0);
  EXPECT_EQ(need.optimizer.si(), before.optimizer.si());
  // Over 64 replicas the copies are a 64th, and activations are the fuller moment.
  job.layout.data = 64;
  job.global_batch *= 64;
  const double with = MemoryByStage(job)[1].total().si();
  job.stack.flattens_gradients = false;
  EXPECT_DOUBLE_EQ(MemoryByStage(job)[1].total().si(), with);
}

// DeepSpeed's pipeline holds the output of each micro-batch until its backward pass.
TEST(Memory, OfOutputsThatStayIsOneTensorForEachPassInFlight) {
  TrainingSpec job = Gpt3Job(8, 16, 1);
  job.layout.sequence_parallel = false;  // each rank has the whole tensor
  const std::vector<MemoryNeed> without = MemoryByStage(job);
  job.stack.keeps_sent_outputs = true;
  const std::vector<MemoryNeed> with = MemoryByStage(job);
  const double output = 2.0 * 2048 * 12288;
  EXPECT_NEAR((with[0].activations - without[0].activations).si(), 16 * output, 1);
  EXPECT_NEAR((with[14].activations - without[14].activations).si(), 2 * output, 1);
  EXPECT_EQ(with[15].activations.si(), without[15].activations.si());
}

}  // namespace gridlock
