// Fleets of a scenario, with what people serve: models with experts, replicas over servers, entries
// of the user's own that are called as shipped ones.

#include <cstdlib>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim/base/check.h"
#include "sim/scenario/load_text.h"
#include "workloads/decode.h"

namespace gridlock {
namespace {

using ::testing::Contains;

using ::testing::HasSubstr;

// A fleet on `servers` of `server`, with more lines of its own and of a catalogue.
Scenario Fleet(const std::string& server, const std::string& model, const std::string& lines,
               const std::string& catalogue = "") {
  unsetenv("GRIDLOCK_CATALOG");
  return LoadScenarioText("fleet",
                          R"(schema_version: 1
name: "fleet"
horizon: "1 h"
catalog { )" + catalogue + R"( }
site { server: ")" + server + R"(" servers: 2 fabric { clos { tiers: 1 servers_per_leaf: 2
  leaf_switch: "quantum2_qm9700" } } }
job { name: "f" serving { model: ")" +
                              model + R"(" arrivals { requests_per_second: 1 }
  group { name: "g" share: 1 prompt { median: 500 p90: 900 max: 4096 }
          output { median: 100 p90: 300 max: 1024 } } )" +
                              lines + " } }",
                          {});
}

FleetCosts CostsIn(const Scenario& scenario) {
  return CostsOf(std::get<ServingSpec>(scenario.jobs[0].kind), scenario.sites[0].server);
}

std::string RefusalOf(const std::string& lines) {
  try {
    (void)Fleet("dgx_h100", "llama_3.1_70b", lines);
  } catch (const UserError& error) {
    return error.problems().front().message;
  }
  return "";
}

TEST(Fleets, ServeModelsWithExpertsAndLatentAttention) {
  const FleetCosts costs =
      CostsIn(Fleet("hgx_h200", "deepseek_v3", "replicas: 1 tensor: 8 precision: FP8"));
  // One token chooses 8 of 256 experts: 37 of 671 GB are read, and what all heads share by all.
  EXPECT_NEAR(costs.decode.BytesOf(1, 0), 41e9, 4e9);
  EXPECT_GT(costs.decode.BytesOf(4096, 0), 671e9);
  EXPECT_GT(costs.decode.cache_tokens(), 300000);
}

TEST(Fleets, HaveReplicasOverServersInWholeServers) {
  const Scenario wide = Fleet("dgx_h100", "deepseek_v3", "replicas: 1 tensor: 16 precision: FP8");
  const auto& fleet = std::get<ServingSpec>(wide.jobs[0].kind);
  EXPECT_EQ(PlacesOf(fleet, wide.sites[0].server).servers, 2);
  EXPECT_EQ(PlacesOf(fleet, wide.sites[0].server).CapacityOf(5), 2);
  EXPECT_EQ(PlacesOf(fleet, wide.sites[0].server).ServersFor(3), 6);
  const Scenario three = Fleet("dgx_h100", "llama_3.1_8b", "replicas: 1 tensor: 1 pipeline: 3");
  const auto& stages = std::get<ServingSpec>(three.jobs[0].kind);
  EXPECT_EQ(PlacesOf(stages, three.sites[0].server).replicas, 2)
      << "two accelerators are left over";
}

TEST(Fleets, WidenFormatsThatThePartDoesNotCompute) {
  const auto decode = [](const std::string& lines) {
    return CostsIn(Fleet("dgx_a100", "llama_3.1_8b", "replicas: 1 tensor: 1 " + lines))
        .decode.Base(1, 1, 1)
        .si();
  };
  EXPECT_LT(decode("precision: FP8"), 0.75 * decode("")) << "half of the bytes";
  EXPECT_LT(decode("weights: \"int4\""), decode("weights: \"int8\""));
}

TEST(Fleets, SayWhatIsWrong) {
  EXPECT_THAT(RefusalOf("replicas: 1 tensor: 6"),
              HasSubstr("does not divide the heads of llama_3.1_70b, 64; expected a divisor of 64, "
                        "e.g. 4 or 8"));
  EXPECT_THAT(RefusalOf("replicas: 1 tensor: 8 pipeline: 81"),
              HasSubstr("a replica takes 648 accelerators"));
  EXPECT_THAT(RefusalOf("replicas: 1 tensor: 8 pipeline: 4"),
              HasSubstr("a replica takes 32 accelerators, and the site has 16"));
  EXPECT_THAT(RefusalOf("replicas: 3 tensor: 8"), HasSubstr("has room for 2"));
  EXPECT_THAT(RefusalOf("replicas: 1 tensor: 8 engine: \"vlm_1\""), HasSubstr("\"vllm_1\""));
  EXPECT_THAT(RefusalOf("replicas: 1 tensor: 8 weights: \"fp7\""), HasSubstr("nvfp4"));
  EXPECT_THAT(RefusalOf("replicas: 1 tensor: 8 kv_cache: \"int4\""), HasSubstr("bf16 or fp8"));
}

TEST(OwnEntries, StandForThoseOfTheCatalogueThatHaveTheirName) {
  const Scenario own = Fleet("l4_box", "llama_3.1_8b", "replicas: 1 tensor: 1",
                             "accelerator { name: \"l4\" like: \"l4\" hbm_bandwidth: \"1 TB/s\" }");
  EXPECT_DOUBLE_EQ(own.sites[0].server.accelerator.hbm_bandwidth.si(), 1e12);
  EXPECT_THAT(own.notes, Contains("accelerator l4: the scenario's own entry stands for that of the "
                                  "catalogue"));
}

TEST(OwnEntries, MayHaveAFieldOfAnOlderSchema) {
  const Scenario own = Fleet("mine", "llama_3.1_8b", "replicas: 1 tensor: 1",
                             "server { name: \"mine\" like: \"dgx_h100\" scale_up { "
                             "bulk_latency: \"25 us\" } }");
  EXPECT_THAT(own.notes, Contains(HasSubstr("bulk_latency is of an older schema")));
}

}  // namespace
}  // namespace gridlock
