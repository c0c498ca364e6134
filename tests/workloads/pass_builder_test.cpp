// Operations become phases of an accelerator.

#include "workloads/pass_builder.h"

#include <gtest/gtest.h>

#include "tests/workloads/models.h"
#include "workloads/program/collective.h"
#include "workloads/program/training_pass.h"
#include "workloads/program/training_program.h"

namespace gridlock {
namespace {

// 100 TFLOP/s at an efficiency of 0.5, 1 TB/s of HBM, no power limit to speak of.
ServerSpec PlainServer() {
  ServerSpec server;
  server.accelerators = 8;
  AcceleratorSpec& chip = server.accelerator;
  MatrixRate& rate = chip.rates[static_cast<int>(Precision::kBf16)];
  rate.peak = FlopPerSecond(100e12);
  rate.gemm = {{Flop(1), 0.5}};
  chip.hbm_bandwidth = BytesPerSecond(1e12);
  chip.hbm_efficiency = 1;
  chip.power.limit = Watts(1e6);
  return server;
}

PassWork OneGemm() {
  PassWork work;
  work.operations.push_back({"gemm", Kernel::kGemm, Flop(1e12), Bytes(1), 1});
  return work;
}

TEST(PassBuilder, ACardAloneHasItsOwnClock) {
  ServerSpec server = PlainServer();
  server.accelerator.sustained_clock = 0.5;
  server.accelerator.solo_clock = 0.8;
  TrainingSpec job = JobOn(Gpt3());
  EXPECT_DOUBLE_EQ(PassBuilder(job, server).Build("", OneGemm(), Seconds(0)).compute_time.si(),
                   1e12 / 40e12);
  job.layout.data = 2;
  EXPECT_DOUBLE_EQ(PassBuilder(job, server).Build("", OneGemm(), Seconds(0)).compute_time.si(),
                   1e12 / 25e12);
}

TEST(PassBuilder, AdamMovesWhatItsStatesHold) {
  const ServerSpec server = PlainServer();
  TrainingSpec job = JobOn(Gpt3());
  // FP32: gradient, and master weight and moments both ways, and the 16-bit weight.
  job.stack.optimizer_bytes = 12;
  EXPECT_DOUBLE_EQ(PassBuilder(job, server).Optimizer(1e9).memory_bytes.si(), 30e9 / 0.84);
  // BF16: gradient, and moments and the weight both ways.
  job.stack.optimizer_bytes = 4;
  job.stack.main_gradient_bytes = 2;
  EXPECT_DOUBLE_EQ(PassBuilder(job, server).Optimizer(1e9).memory_bytes.si(), 14e9 / 0.63);
}

// VIA-Research/vTrain: a step has the time of the loss beside its layers, whatever paces these.
TEST(LaunchFloor, HasTheLossOnTopOfTheLayers) {
  const ServerSpec server = PlainServer();
  TrainingSpec job = JobOn(Gpt3());
  job.stack.launch_floor_forward = Seconds(1);
  const auto floor = [&](bool head) {
    return PassOf(job, server, {Layers(kDenseLayer, 3), false, head}, false, Gradients::kAll)
        .pass.floor.si();
  };
  EXPECT_DOUBLE_EQ(floor(false), 3);
  // The product of the head at 50 TFLOP/s, and what the loss moves at 1 TB/s.
  const Pass head = PassOf(job, server, {Layers(), false, true}, false, Gradients::kAll).pass;
  EXPECT_DOUBLE_EQ(head.floor.si(), 0);
  EXPECT_DOUBLE_EQ(floor(true), 3 + head.compute_time.si() + head.memory_bytes.si() / 1e12);
  EXPECT_GT(floor(true), 3.02);
}

TEST(LaunchFloor, IsHigherAcrossSockets) {
  TrainingSpec job = JobOn(Gpt3());
  job.stack.launch_floor_forward = Seconds(1);
  job.stack.launch_floor_backward = Seconds(3);
  job.stack.wide_launch = Seconds(0.4);
  job.layout.tensor = 4;
  EXPECT_DOUBLE_EQ(job.launch_floor(true).si(), 3);
  job.layout.tensor = 8;
  EXPECT_DOUBLE_EQ(job.launch_floor(false).si(), 1.1);
  EXPECT_DOUBLE_EQ(job.launch_floor(true).si(), 3.3);
}

TEST(PassOf, WaitsForTheHostBeforeEachPassOfAPipelineStage) {
  TrainingSpec job = JobOn(Gpt3());
  job.stack.pass_wait = Seconds(0.02);
  const auto wait = [&](bool backward) {
    return PassOf(job, PlainServer(), {Layers(kDenseLayer, 3), false, false}, backward,
                  Gradients::kAll)
        .pass.host_wait.si();
  };
  EXPECT_DOUBLE_EQ(wait(false), 0) << "there is no pipeline";
  job.layout.pipeline = 2;
  EXPECT_DOUBLE_EQ(wait(false), 0.02);
  EXPECT_DOUBLE_EQ(wait(true), 0.02);
}

// A layer of GPT-3 has six tensors; embedding, last norm and LM head are three more.
TEST(GatherOf, OwnersOfTensorsSendThemOneAfterAnother) {
  TrainingSpec job = JobOn(Gpt3());
  const auto gather = [&](const ModelPart& part, int shards) {
    return GatherOf(job, part, "parameter_", training_group::kData, Bytes(1e9), shards);
  };
  const ModelPart all{Layers(kDenseLayer, 96), true, true};
  const ModelPart half{Layers(kDenseLayer, 48), true, false};
  EXPECT_EQ(gather(all, 8).name, "parameter_all_gather");
  EXPECT_DOUBLE_EQ(gather(all, 8).payload.si(), 1e9);
  job.stack.broadcasts_parameters = true;
  EXPECT_EQ(gather(all, 8).name, "parameter_broadcast");
  EXPECT_DOUBLE_EQ(gather(all, 8).calls, 8) << "each rank owns several";
  EXPECT_DOUBLE_EQ(gather(all, 4096).calls, 579) << "most ranks own none";
  EXPECT_DOUBLE_EQ(gather(half, 4096).calls, 289);
  EXPECT_DOUBLE_EQ(gather(half, 8).calls, 8.0 * 289 / 579);
  for (const int shards : {8, 4096}) {
    const Collective sent = gather(half, shards);
    EXPECT_DOUBLE_EQ(sent.calls * sent.payload.si(), 1e9) << "all of it, once";
  }
  job.zero = 3;
  EXPECT_EQ(gather(all, 8).name, "parameter_all_gather");
}

TEST(PassBuilder, TheLossMovesItsFactorOfBytes) {
  TrainingSpec job = JobOn(Gpt3());
  const ModelPart head{{}, false, true};
  const auto bytes = [&](const PassWork& work) {
    double sum = 0;
    for (const Operation& operation : work.operations) {
      sum += operation.kernel == Kernel::kElementwise ? operation.hbm.si() : 0;
    }
    return sum;
  };
  const double logits = 2048.0 * job.model.vocabulary;
  const double forward = bytes(ForwardWork(job, head)), backward = bytes(BackwardWork(job, head));
  EXPECT_DOUBLE_EQ(forward, 18 * logits);
  EXPECT_DOUBLE_EQ(backward, 6 * logits);
  job.stack.loss_traffic_factor = 2;
  EXPECT_DOUBLE_EQ(bytes(ForwardWork(job, head)), 2 * forward);
  EXPECT_DOUBLE_EQ(bytes(BackwardWork(job, head)), 2 * backward);
}

TEST(PassBuilder, AGroupedKernelIsAsEfficientAsTheShareOfItsWhole) {
  ServerSpec server = PlainServer();
  server.accelerator.rates[static_cast<int>(Precision::kBf16)].gemm = {{Flop(1e12), 0.2},
                                                                       {Flop(1e14), 0.4}};
  TrainingSpec job = JobOn(Gpt3());
  PassWork work = OneGemm();
  const auto time = [&] {
    return PassBuilder(job, server).Build("", work, Seconds(0)).compute_time.si();
  };
  EXPECT_DOUBLE_EQ(time(), 1e12 / (100e12 * 0.2));
  work.operations.front().grouped = 100;
  EXPECT_DOUBLE_EQ(time(), 1e12 / (100e12 * 0.4 * 0.8));
  server.accelerator.rates[static_cast<int>(Precision::kFp8)] =
      server.accelerator.rates[static_cast<int>(Precision::kBf16)];
  job.precision = Precision::kFp8;
  EXPECT_DOUBLE_EQ(time(), 1e12 / (100e12 * 0.4 * 0.85));
}

// One layer whose parameters are sharded over the eight accelerators of a server.
TEST(PassBuilder, GathersBesideAPassTakeTheirShareOfIt) {
  ServerSpec server = PlainServer();
  server.accelerator.scale_up_bandwidth = BytesPerSecond(100e9);
  TrainingSpec job = JobOn(Gpt3());
  job.layout.data = 8;
  job.zero = 3;
  const PassBuilder builder(job, server);
  const ModelPart layer{Layers(kDenseLayer, 1), false, false};
  const auto slowed = [&](double seconds, bool backward) {
    Pass pass;
    pass.compute_time = Seconds(seconds);
    builder.ShareUnits(layer, backward, pass);
    return pass.compute_time.si();
  };
  EXPECT_DOUBLE_EQ(slowed(10, true), 10);
  job.stack.gather_compute_share = 0.8;
  const double gather = slowed(10, false) - 10;
  EXPECT_GT(gather, 0);
  EXPECT_NEAR(slowed(20, false) - 20, gather, 1e-9);  // no longer than the gather
  job.stack.main_gradient_bytes = 4;
  EXPECT_NEAR((slowed(10, true) - 10) / gather, 3, 0.1);  // and gradients of twice the bytes
  EXPECT_NEAR(slowed(1e-6, false), 1e-6 / 0.8, 1e-12);    // beside gathers all the time
  const double bytes = builder.GatheredBytes(layer).common.si();
  job.stack.gather_bandwidth = 0.5;
  EXPECT_DOUBLE_EQ(builder.GatheredBytes(layer).common.si(), 2 * bytes);
  EXPECT_NEAR(slowed(10, false) - 10, 2 * gather, 0.05 * gather);
  job.zero = 1;
  EXPECT_DOUBLE_EQ(slowed(10, true), 10);
}

// Sixteen accelerators in two servers: 1 / 0.75 - 1 of the time on NICs of 200 Gbps is lost,
// whatever the NICs are below that.
TEST(PassBuilder, GathersBesideComputeFillSlowNics) {
  ServerSpec server = PlainServer();
  server.nics = 8;
  TrainingSpec job = JobOn(Gpt3());
  job.layout.data = 16;
  job.zero = 3;
  const ModelPart layer{Layers(kDenseLayer, 1), false, false};
  const auto bytes = [&](double nic) {
    server.nic_bandwidth = BytesPerSecond(nic);
    return PassBuilder(job, server).GatheredBytes(layer).common.si();
  };
  const double all = bytes(25e9);
  job.stack.gather_bandwidth = 0.75;
  EXPECT_DOUBLE_EQ(bytes(50e9), all / 0.75);
  EXPECT_DOUBLE_EQ(bytes(25e9), all / 0.75);
  EXPECT_NEAR(bytes(6.25e9), all * (1 + 1.0 / 12), 1e-6 * all);
  server.nics = 4;
  EXPECT_NEAR(bytes(12.5e9), all * (1 + 1.0 / 12), 1e-6 * all) << "two share a NIC";
  job.layout.data = 8;
  EXPECT_DOUBLE_EQ(bytes(6.25e9), all / 0.75) << "within a server";
}

// A tensor-parallel group waits as long as its collective by itself does, on the links of a torus
// whatever the NICs. Gathers between servers alone fall behind that.
TEST(PassBuilder, TensorParallelGroupsWaitAsTheirCollectivesDo) {
  ServerSpec server = PlainServer();
  server.accelerator.scale_up_bandwidth = BytesPerSecond(600e9);
  for (CollectiveFit* fit : {&server.scale_up, &server.scale_out}) {
    fit->all_reduce_efficiency = fit->all_gather_efficiency = fit->reduce_scatter_efficiency = 0.8;
    fit->base_latency = Seconds(5e-6);
    fit->chunk_latency = Seconds(2e-6);
  }
  TrainingSpec job = JobOn(Gpt3());
  job.layout.tensor = 16;
  PassWork work;
  work.tensor.payload = work.tensor.gathered = Bytes(1e8);
  const auto waits = [&](CollectiveKind kind, double nic, bool torus) {
    server.nic_bandwidth = BytesPerSecond(nic);
    server.direct = torus;
    work.tensor.all_reduces = kind == CollectiveKind::kAllReduce ? 1 : 0;
    work.tensor.all_gathers = kind == CollectiveKind::kAllGather ? 1 : 0;
    const int inside = torus ? 1 : server.accelerators;
    const CollectiveCall call{kind, Bytes(1e8), {16, 16 / inside, inside}, server};
    return PassBuilder(job, server).Build("", work, Seconds(0)).tensor_latency.si() /
           FittedCost(call).latency.si();
  };
  for (const auto kind : {CollectiveKind::kAllReduce, CollectiveKind::kAllGather}) {
    EXPECT_DOUBLE_EQ(waits(kind, 50e9, true), 1);
    EXPECT_DOUBLE_EQ(waits(kind, 5e9, true), 1);
  }
  EXPECT_DOUBLE_EQ(waits(CollectiveKind::kAllReduce, 50e9, false), 1);
  EXPECT_GT(waits(CollectiveKind::kAllGather, 50e9, false), 2);
}

}  // namespace
}  // namespace gridlock
