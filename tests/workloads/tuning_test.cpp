// Frozen copies beside a model that is trained, and updates in the backward pass.

#include <gtest/gtest.h>

#include "tests/workloads/models.h"
#include "workloads/adapters.h"
#include "workloads/frozen_copies.h"
#include "workloads/memory.h"
#include "workloads/program/training_program.h"
#include "workloads/transformer.h"

namespace gridlock {
namespace {

TrainingSpec EightBillion() {
  TrainingSpec job = JobOn(Llama(32, 4096, 32, 14336));
  job.model.kv_heads = 8;
  job.model.vocabulary = 128256;
  job.layout.sequence_parallel = false;
  job.zero = 0;
  job.stack.optimizer_bytes = 4;
  job.stack.main_gradient_bytes = 2;
  return job;
}

TrainingSpec WithReference(TrainingSpec job, double bytes) {
  job.copies.push_back({job.model, bytes, 1, false});
  return job;
}

// Room for anything, and products at half of 100 TFLOP/s.
ServerSpec RoomyServer() {
  ServerSpec server;
  server.accelerators = 8;
  AcceleratorSpec& chip = server.accelerator;
  MatrixRate& rate = chip.rates[static_cast<int>(Precision::kBf16)];
  rate.peak = FlopPerSecond(100e12);
  rate.gemm = {{Flop(1), 0.5}};
  rate.attention_efficiency = rate.attention_backward_efficiency = 0.5;
  chip.hbm_bandwidth = BytesPerSecond(1e15);
  chip.hbm_capacity = Bytes(1e15);
  chip.hbm_efficiency = 1;
  chip.power.limit = Watts(1e6);
  return server;
}

double ComputeOf(const TrainingSpec& job) {
  const StepProgram program = BuildStepProgram(job, RoomyServer(), 1);
  double sum = 0;
  for (const Action& action : program.roles.front()) {
    sum += action.kind == Action::Kind::kPass ? program.passes[action.index].compute_time.si() : 0;
  }
  return sum;
}

TEST(FrozenCopies, HaveWeightsAloneWhichShardAsTrainedOnesDo) {
  TrainingSpec job = EightBillion();
  const double whole = 2 * ModelParameters(job.model);
  const auto more = [](const TrainingSpec& with) {
    TrainingSpec without = with;
    without.copies.clear();
    const MemoryNeed a = MemoryOfStage(with, 0), b = MemoryOfStage(without, 0);
    EXPECT_EQ(a.gradients, b.gradients);
    EXPECT_EQ(a.optimizer, b.optimizer);
    EXPECT_EQ(a.activations, b.activations);
    EXPECT_EQ(a.buffers, b.buffers);
    return (a.weights - b.weights).si();
  };
  EXPECT_NEAR(more(WithReference(job, 2)), whole, 1e-6 * whole);
  job.layout.data = 8;
  job.global_batch = 8;
  EXPECT_NEAR(more(WithReference(job, 2)), whole, 1e-6 * whole);
  job.zero = 3;
  EXPECT_NEAR(more(WithReference(job, 2)), whole / 8, 1e-6 * whole);
  EXPECT_NEAR(more(WithReference(job, 0.5625)), whole / 8 * 0.5625 / 2, 1e-6 * whole);
  job.adapters.rank = 16;
  job.adapters.targets = AdapterTargetByName("all-linear");
  EXPECT_EQ(more(WithReference(job, 0)), 0);
}

// Three forward passes' worth of products in training, one more with a reference: 4/3 of the time.
TEST(FrozenCopies, TakeAForwardPassMore) {
  const TrainingSpec job = EightBillion();
  const TrainingSpec both = WithReference(job, 2);
  EXPECT_EQ(ModelFlop(both), ModelFlop(job));
  EXPECT_NEAR(HardwareFlop(both) / HardwareFlop(job), 4.0 / 3, 1e-9);
  EXPECT_NEAR(ComputeOf(both) / ComputeOf(job), 4.0 / 3, 0.01);
  TrainingSpec three = both;
  three.copies.front().count = 3;
  EXPECT_NEAR(ComputeOf(three) / ComputeOf(job), 2.0, 0.03);
}

// A teacher of other sizes, whose logits of 16 bits stay until the loss.
TEST(FrozenCopies, OfATeacherHaveItsSizes) {
  TrainingSpec job = EightBillion();
  ModelSpec teacher = Llama(80, 8192, 64, 28672);
  teacher.kv_heads = 8;
  teacher.vocabulary = 128256;
  job.copies.push_back({teacher, 2, 1, false});
  const TrainingSpec of = JobOfCopy(job, job.copies.front());
  EXPECT_NEAR((HardwareFlop(job) - ModelFlop(job)).si(), ModelFlop(of).si() / 3,
              1e-9 * ModelFlop(of).si());
  const MemoryNeed without = MemoryOfStage(job, 0);
  job.copies.front().keeps_logits = true;
  const Bytes logits(2.0 * static_cast<double>(job.micro_batch * job.sequence_length) * 128256);
  EXPECT_EQ(CopyLogits(job), logits);
  EXPECT_LE(MemoryOfStage(job, 0).buffers - without.buffers, logits);
  EXPECT_GT(MemoryOfStage(job, 0).buffers, without.buffers);
}

// torchtune's full fine-tuning of Llama 3.1 8B on one card of 24 GB, 18.9 GiB at its peak (its
// README): optimizer in the backward pass, paged 8-bit AdamW, layers recomputed, two sequences.
TEST(UpdateInBackward, TrainsEightBillionOnOneCardOf24Gigabytes) {
  TrainingSpec job = EightBillion();
  job.micro_batch = job.global_batch = 2;
  job.sequence_length = 4096;
  job.recompute = Recompute::kFull;
  job.stack.loss_chunks = 8;
  job.optimizer = *OptimizerByName("paged_adamw_8bit");
  const Bytes card(24 * 1.073741824e9);
  EXPECT_GT(MemoryOfStage(job, 0).total(), card);
  EXPECT_NEAR(MemoryOfStage(job, 0).gradients.si(), 16.06e9, 0.01e9);
  job.optimizer.in_backward = true;
  const MemoryNeed need = MemoryOfStage(job, 0);
  // Gradients of one layer: 218 million parameters.
  EXPECT_NEAR(need.gradients.si(), 2 * 218.1e6, 1e6);
  EXPECT_NEAR(need.allocated().si() / 1.073741824e9, 18.9, 1.5);
}

// LOMO has no states; GaLore two moments of rank h / 4 and what projects: 65.5 % less than AdamW
// for a model of 7 billion, by its authors (arXiv:2403.03507, abstract), tables in full.
TEST(Optimizers, OfFewStates) {
  TrainingSpec job = EightBillion();
  job.optimizer = *OptimizerByName("lomo");
  EXPECT_TRUE(job.optimizer.in_backward);
  EXPECT_EQ(MemoryOfStage(job, 0).optimizer, Bytes(0));
  job.model = Llama(32, 4096, 32, 11008);
  job.model.kv_heads = 32;
  job.model.vocabulary = 32000;
  job.optimizer = *OptimizerByName("adamw");
  const Bytes adamw = MemoryOfStage(job, 0).optimizer;
  job.optimizer = *OptimizerByName("galore");
  EXPECT_NEAR(1 - MemoryOfStage(job, 0).optimizer / adamw, 0.655, 0.01);
}

}  // namespace
}  // namespace gridlock
