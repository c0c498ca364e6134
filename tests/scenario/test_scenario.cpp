#include <cstdlib>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim/base/check.h"
#include "sim/scenario/load_text.h"
#include "sim/scenario/scenario.h"
#include "tests/clos_of.h"
#include "tests/fixture_files.h"

namespace gridlock {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class LoadedScenario : public ::testing::Test {
 protected:
  static Scenario Load(const std::string& name) {
    setenv("GRIDLOCK_CATALOG", (kFixtures + "/catalog").c_str(), 1);
    return LoadScenario(kFixtures + "/right/" + name + ".textproto", {});
  }
};

TEST_F(LoadedScenario, HasItsNameSeedAndJob) {
  const Scenario full = Load("full");
  EXPECT_EQ(full.file, kFixtures + "/right/full.textproto");
  EXPECT_EQ(full.name, "full");
  EXPECT_EQ(full.seed, 42U);
  EXPECT_EQ(full.jobs[0].name, "train");
  EXPECT_EQ(full.recording.intervals, 128);
}

TEST_F(LoadedScenario, HasTheSiteWithItsOverrides) {
  const SiteSpec site = Load("full").site();
  EXPECT_EQ(site.path, "site[0]");
  EXPECT_EQ(site.name, "hall");
  EXPECT_EQ(site.servers, 4);
  EXPECT_DOUBLE_EQ(site.pue, 1.25);
  EXPECT_EQ(site.server.nic_bandwidth, BytesPerSecond(25e9));
  EXPECT_EQ(site.server.accelerator.scale_up_bandwidth, BytesPerSecond(200e9));
  EXPECT_EQ(site.server.accelerator.hbm_bandwidth, BytesPerSecond(1e12));
  EXPECT_EQ(site.server.accelerator.hbm_capacity, Bytes(64e9));
  EXPECT_EQ(site.server.accelerator.power.limit, Watts(500));
  const MatrixRate& bf16 = site.server.accelerator.rates[static_cast<int>(Precision::kBf16)];
  EXPECT_EQ(bf16.peak, FlopPerSecond(500e12));
}

TEST_F(LoadedScenario, HasTheServerOfTheCatalogue) {
  const ServerSpec server = Load("full").site().server;
  EXPECT_EQ(server.path, "site[0].server");
  EXPECT_EQ(server.name, "dgx_h100");
  EXPECT_EQ(server.accelerators, 8);
  EXPECT_EQ(server.nics, 8);
  EXPECT_DOUBLE_EQ(server.overhead_power.si(), 0.54 * 4000);
  // All of it at the limit of the catalogue; the scenario's limit of 500 W stays below.
  EXPECT_DOUBLE_EQ(server.overhead_per_watt * 8 * (Watts(700) - server.accelerator.power.idle).si(),
                   0.46 * 4000);
  EXPECT_DOUBLE_EQ(server.scale_up.all_reduce_efficiency, 1.1);
  EXPECT_DOUBLE_EQ(server.scale_up.all_gather_efficiency, 0.8);
  EXPECT_DOUBLE_EQ(server.scale_up.reduce_scatter_efficiency, 0.7);
  EXPECT_DOUBLE_EQ(server.scale_up.send_efficiency, 0.9);
  EXPECT_DOUBLE_EQ(server.scale_up.step_latency.si(), 2e-6);
  EXPECT_DOUBLE_EQ(server.scale_up.base_latency.si(), 10e-6);
  EXPECT_DOUBLE_EQ(server.scale_out.all_reduce_efficiency, 0.95);
  EXPECT_DOUBLE_EQ(server.scale_out.all_gather_efficiency, 0.85);
  EXPECT_DOUBLE_EQ(server.scale_out.reduce_scatter_efficiency, 0.75);
  EXPECT_DOUBLE_EQ(server.scale_out.send_efficiency, 0.65);
  EXPECT_DOUBLE_EQ(server.scale_out.step_latency.si(), 5e-6);
  EXPECT_DOUBLE_EQ(server.scale_out.base_latency.si(), 20e-6);
}

TEST_F(LoadedScenario, RunsAcrossServersByTheTransportOfAnOverride) {
  setenv("GRIDLOCK_CATALOG", (kFixtures + "/catalog").c_str(), 1);
  const ServerSpec plain = Load("small").site().server;
  const ServerSpec server =
      LoadScenario(kFixtures + "/right/small.textproto",
                   {"site[0].override.transport=mini_net", "site[0].override.nics=2"})
          .site()
          .server;
  EXPECT_EQ(plain.nics, 4);
  EXPECT_EQ(server.nics, 2);
  const CollectiveFit& fit = server.scale_out;
  EXPECT_DOUBLE_EQ(fit.all_reduce_efficiency, 0.91);
  EXPECT_DOUBLE_EQ(fit.all_gather_efficiency, 0.92);
  EXPECT_DOUBLE_EQ(fit.reduce_scatter_efficiency, 0.93);
  EXPECT_DOUBLE_EQ(fit.send_efficiency, 0.94);
  EXPECT_DOUBLE_EQ(fit.all_to_all_efficiency, 0.94) << "that of a message when not given";
  EXPECT_DOUBLE_EQ(fit.forwarded_efficiency, 0.94);
  EXPECT_DOUBLE_EQ(fit.step_latency.si(), 6e-6);
  EXPECT_DOUBLE_EQ(fit.base_latency.si(), 7e-6);
  EXPECT_DOUBLE_EQ(fit.low_latency_efficiency, 0.1);
  EXPECT_DOUBLE_EQ(fit.bulk_step_latency.si(), 30e-6);
  EXPECT_DOUBLE_EQ(fit.chunk_latency.si(), 20e-6);
  EXPECT_DOUBLE_EQ(fit.forward_bandwidth.si(), 100e9);
  EXPECT_DOUBLE_EQ(server.scale_up.step_latency.si(), plain.scale_up.step_latency.si());
}

TEST_F(LoadedScenario, TakesAFieldOfTheServerOverThatOfItsTransport) {
  setenv("GRIDLOCK_CATALOG", (kFixtures + "/catalog").c_str(), 1);
  std::string text = Load("small").text;
  text +=
      "catalog { server { name: \"own\" accelerator: \"a100_sxm_80gb\" accelerators: 8 "
      "scale_up { transport: \"mini_net\" step_latency: \"1 us\" } nics: 8 nic_bandwidth: "
      "\"200 Gbps\" scale_out { transport: \"mini_net\" } overhead_power: \"1 kW\" } }";
  const ServerSpec server = LoadScenarioText("own", text, {"site[0].server=own"}).site().server;
  EXPECT_DOUBLE_EQ(server.scale_up.step_latency.si(), 1e-6);
  EXPECT_DOUBLE_EQ(server.scale_up.base_latency.si(), 7e-6);
  EXPECT_DOUBLE_EQ(server.scale_out.step_latency.si(), 6e-6);
}

TEST_F(LoadedScenario, HasTheAcceleratorOfTheCatalogue) {
  const AcceleratorSpec accelerator = Load("full").site().server.accelerator;
  EXPECT_EQ(accelerator.path, "site[0].server");
  EXPECT_EQ(accelerator.name, "h100_sxm");
  EXPECT_DOUBLE_EQ(accelerator.hbm_efficiency, 0.9);
  EXPECT_DOUBLE_EQ(accelerator.sustained_clock, 0.95);
  const MatrixRate& fp8 = accelerator.rates[static_cast<int>(Precision::kFp8)];
  EXPECT_EQ(fp8.peak, FlopPerSecond(1e15)) << "half of the catalogue, by flops_factor";
  EXPECT_DOUBLE_EQ(fp8.attention_efficiency, 0.3);
  EXPECT_DOUBLE_EQ(fp8.attention_backward_efficiency, 0.2);
  const MatrixRate& bf16 = accelerator.rates[static_cast<int>(Precision::kBf16)];
  ASSERT_EQ(bf16.gemm.size(), 2U);
  EXPECT_EQ(bf16.gemm[0].flop, Flop(1e9));
  EXPECT_DOUBLE_EQ(bf16.gemm[0].efficiency, 0.25);
  EXPECT_EQ(bf16.gemm[1].flop, Flop(1e12));
  EXPECT_DOUBLE_EQ(bf16.gemm[1].efficiency, 0.75);
  EXPECT_EQ(accelerator.rates[static_cast<int>(Precision::kFp32)].peak, FlopPerSecond(0));
  EXPECT_EQ(accelerator.power.idle, Watts(100));
  EXPECT_DOUBLE_EQ(accelerator.power.per_flop.si(), 0.5e-12);
  EXPECT_DOUBLE_EQ(accelerator.power.per_hbm_byte.si(), 40e-12);
  EXPECT_DOUBLE_EQ(accelerator.power.per_link_byte.si(), 56e-12) << "7 pJ/bit";
  EXPECT_TRUE(accelerator.power.estimate);
}

TEST_F(LoadedScenario, HasTheFabricWithItsSwitches) {
  const ClosSpec clos = ClosOf(Load("full").site());
  EXPECT_EQ(clos.path, "site[0].fabric.clos");
  EXPECT_EQ(clos.tiers, 3);
  EXPECT_TRUE(clos.rail_optimized);
  EXPECT_EQ(clos.servers_per_leaf, 2);
  EXPECT_EQ(clos.leaves_per_pod, 8);
  EXPECT_DOUBLE_EQ(clos.leaf_oversubscription, 2.0);
  EXPECT_DOUBLE_EQ(clos.spine_oversubscription, 3.5);
  EXPECT_EQ(clos.routing, Routing::kEcmp);
  EXPECT_EQ(clos.leaf.name, "tomahawk5_128x400g");
  EXPECT_EQ(clos.leaf.ports, 128);
  EXPECT_EQ(clos.leaf.port_bandwidth, BytesPerSecond(50e9));
  EXPECT_DOUBLE_EQ(clos.leaf.latency.si(), 600e-9);
  EXPECT_EQ(clos.leaf.power, Watts(500));
  EXPECT_EQ(clos.spine.name, "quantum2_qm9700");
  EXPECT_EQ(clos.core.name, "tomahawk5_128x400g");
}

TEST_F(LoadedScenario, HasTheTrainingJob) {
  const TrainingSpec job = Load("full").training();
  EXPECT_EQ(job.path, "job[0].pretraining");
  EXPECT_EQ(job.global_batch, 64);
  EXPECT_EQ(job.micro_batch, 2);
  EXPECT_EQ(job.sequence_length, 8192);
  EXPECT_EQ(job.precision, Precision::kFp8);
  EXPECT_EQ(job.zero, 1);
  EXPECT_EQ(job.recompute, Recompute::kSelective);
  EXPECT_EQ(job.layout.path, "job[0].pretraining.layout");
  EXPECT_EQ(job.layout.tensor, 4);
  EXPECT_EQ(job.layout.pipeline, 2);
  EXPECT_EQ(job.layout.virtual_pipeline, 4);
  EXPECT_EQ(job.layout.data, 2);
  EXPECT_TRUE(job.layout.sequence_parallel);
  EXPECT_FALSE(job.layout.embedding_as_layer);
  EXPECT_EQ(job.layout.rank_order, RankOrder::kTensorPipelineData);
}

TEST_F(LoadedScenario, HasTheModelOfTheCatalogue) {
  const ModelSpec model = Load("full").training().model;
  EXPECT_EQ(model.path, "job[0].pretraining.model");
  EXPECT_EQ(model.name, "llama_3.1_8b");
  EXPECT_EQ(model.layers, 32);
  EXPECT_EQ(model.hidden, 4096);
  EXPECT_EQ(model.heads, 32);
  EXPECT_EQ(model.kv_heads, 8);
  EXPECT_EQ(model.head_dim, 128) << "hidden / heads when not given";
  EXPECT_EQ(model.ffn, 14336);
  EXPECT_TRUE(model.gated);
  EXPECT_EQ(model.vocabulary, 128256);
  EXPECT_EQ(model.max_positions, 0);
  EXPECT_FALSE(model.tied_embeddings);
  EXPECT_EQ(model.attention, Attention::kFull);
}

TEST_F(LoadedScenario, HasTheStackWithTheOverlapOfTheJob) {
  const StackSpec full = Load("full").training().stack;
  EXPECT_EQ(full.name, "megatron_core");
  EXPECT_EQ(full.launch_floor_forward, Seconds(1e-3));
  EXPECT_EQ(full.launch_floor_backward, Seconds(2e-3));
  EXPECT_DOUBLE_EQ(full.step_overhead.si(), 50e-3);
  EXPECT_DOUBLE_EQ(full.hbm_traffic_factor, 1.5);
  EXPECT_EQ(full.gradient_bucket, Bytes(160e6));
  EXPECT_DOUBLE_EQ(full.main_gradient_bytes, 4.0);
  EXPECT_TRUE(full.fused_attention);
  EXPECT_FALSE(full.saves_elementwise_outputs);
  EXPECT_DOUBLE_EQ(full.tensor_overlap, 0.75);
  EXPECT_FALSE(full.overlap_gradients);
  EXPECT_FALSE(full.overlap_parameters);
  const StackSpec small = Load("small").training().stack;
  EXPECT_DOUBLE_EQ(small.tensor_overlap, 0.25) << "as in the stack when the job says nothing";
  EXPECT_TRUE(small.overlap_gradients);
  EXPECT_TRUE(small.overlap_parameters);
}

TEST_F(LoadedScenario, FillsInWhatWasLeftOut) {
  const Scenario small = Load("small");
  EXPECT_EQ(small.seed, 0U);
  EXPECT_EQ(small.jobs[0].name, "job[0]");
  EXPECT_EQ(small.site().name, "site[0]");
  EXPECT_EQ(small.recording.intervals, 512);
  EXPECT_DOUBLE_EQ(small.site().pue, 1.0);
  EXPECT_FALSE(ClosOf(small.site()).rail_optimized);
  EXPECT_DOUBLE_EQ(ClosOf(small.site()).leaf_oversubscription, 1.0);
  EXPECT_EQ(ClosOf(small.site()).routing, Routing::kSpray);
  EXPECT_EQ(small.training().micro_batch, 1);
  EXPECT_EQ(small.training().precision, Precision::kBf16);
  EXPECT_EQ(small.training().zero, 0);
  EXPECT_EQ(small.training().recompute, Recompute::kNone);
  EXPECT_EQ(small.training().layout.virtual_pipeline, 1);
  EXPECT_EQ(small.training().layout.rank_order, RankOrder::kTensorDataPipeline);
  EXPECT_EQ(small.training().model.kv_heads, 24) << "equal to the heads";
  EXPECT_EQ(small.training().model.attention, Attention::kCausal);
  EXPECT_FALSE(small.site().server.accelerator.power.estimate);
}

TEST_F(LoadedScenario, SaysWhatItUnderstood) {
  const std::vector<std::string> notes = Load("full").notes;
  EXPECT_THAT(notes, Contains("accelerator h100_sxm scale_up: 900 GB/s bidirectional = 450 GB/s "
                              "per direction"));
  EXPECT_THAT(notes, Contains("site[0].override.scale_up: 400 GB/s bidirectional = 200 GB/s per "
                              "direction"));
  EXPECT_THAT(notes, Contains("layout: 16 of 32 accelerators work, the others are idle"));
}

TEST_F(LoadedScenario, KnowsWhichNumbersAreEstimatesAndWhoReadsThem) {
  std::vector<std::string> fields;
  for (const Estimate& estimate : Load("full").estimates) {
    if (estimate.entry == "h100_sxm") {
      EXPECT_EQ(estimate.kind, "accelerator");
      EXPECT_EQ(estimate.read_by.format.has_value(), estimate.field == "rate[FP8]");
      fields.push_back(estimate.field);
    }
  }
  EXPECT_THAT(fields, ElementsAre("power.per_flop", "rate[FP8]"));
}

TEST_F(LoadedScenario, PutsAFileOnTopOfThoseThatItIncludes) {
  const Scenario scenario = Load("including");
  EXPECT_EQ(scenario.name, "including") << "the including file wins";
  EXPECT_EQ(scenario.seed, 0U) << "even with the default value";
  EXPECT_EQ(scenario.site().name, "hall");
  EXPECT_EQ(scenario.training().model.name, "own_model") << "included twice, read once";
  EXPECT_EQ(scenario.training().model.head_dim, 32) << "and not hidden / heads";
  EXPECT_EQ(scenario.text.find("include"), std::string::npos);
  EXPECT_THAT(scenario.sources.Where("site[0].servers"), HasSubstr("part/site.textproto:8:12"));
  EXPECT_THAT(scenario.sources.Where("job[0]"), HasSubstr("including.textproto:6:1"));
}

TEST_F(LoadedScenario, WrittenOutIsReadBackAsTheSame) {
  for (const char* name : {"full", "small", "including"}) {
    const Scenario scenario = Load(name);
    const Scenario again = LoadScenarioText("again", scenario.text, {});
    EXPECT_EQ(again.text, scenario.text);
    EXPECT_EQ(again.notes, scenario.notes);
    EXPECT_EQ(again.name, scenario.name);
    EXPECT_EQ(again.seed, scenario.seed);
    EXPECT_EQ(again.site().servers, scenario.site().servers);
    EXPECT_EQ(again.site().server.nic_bandwidth, scenario.site().server.nic_bandwidth);
    EXPECT_EQ(again.training().layout.accelerators(), scenario.training().layout.accelerators());
    EXPECT_EQ(again.training().stack.overlap_gradients,
              scenario.training().stack.overlap_gradients);
    EXPECT_DOUBLE_EQ(again.training().stack.tensor_overlap,
                     scenario.training().stack.tensor_overlap);
  }
}

TEST_F(LoadedScenario, LocatesProblemsThatAreFoundLater) {
  const SourceMap sources = Load("small").sources;
  const std::string file = kFixtures + "/right/small.textproto";
  EXPECT_EQ(sources.Where("site[0].servers"), file + ":6:12");
  EXPECT_EQ(sources.Where("job[0].pretraining.layout"), file + ":21:5");
  EXPECT_EQ(sources.Where("job[0].pretraining.layout.virtual_pipeline"), file + ":21:5")
      << "not written: where its block is";
  EXPECT_EQ(sources.Where("recording.intervals"), file + ":1:1") << "nothing near it is written";
  EXPECT_EQ(sources.Where(""), file + ":1:1");
  const UserError error("site[0].fabric.clos.leaf_switch", "has 128 ports; expected 200");
  EXPECT_THAT(Locate(error, sources), ElementsAre(file + ":12:20: has 128 ports; expected 200"));
  EXPECT_THAT(Locate(UserError("", "message"), SourceMap()), ElementsAre("message"));
}

TEST_F(LoadedScenario, MayStartWithAByteOrderMark) {
  const Scenario small = Load("small");
  EXPECT_EQ(LoadScenarioText("marked", "\xEF\xBB\xBF" + small.text, {}).text, small.text);
}

}  // namespace
}  // namespace gridlock
