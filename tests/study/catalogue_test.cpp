// Every server and every accelerator of the shipped catalogue runs: one server of each trains a
// model small enough for a phone and for 230 MB of SRAM.

#include <cstdlib>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim/base/check.h"
#include "sim/config/catalogue_list.h"
#include "sim/config/load_text.h"
#include "sim/study/evaluate.h"
#include "sim/study/worker.h"

namespace gridlock {
namespace {

// One switch that fits every server: its ports are as fast as the server's NICs.
constexpr const char* kScenario = R"(schema_version: 1
name: "smoke"
site {{
  server: "{server}"
  servers: 1
  fabric {{ clos {{ tiers: 2 servers_per_leaf: 1 leaves_per_pod: 1
                    leaf_switch: "smoke" spine_switch: "smoke" }} }}
}}
job {{
  pretraining {{
    model: "smoke"
    stack: "megatron_core"
    layout {{ tensor: 1 pipeline: 1 data: {ranks} }}
    global_batch: {ranks}
    sequence_length: 256
    precision: {precision}
    zero: 1
  }}
}}
catalog {{
  switch {{ name: "smoke" ports: 4096 port_bandwidth: "{port} Gbps" latency: "1 us" power: "1 W"
            source {{ text: "Made up for tests." }} }}
  model {{ name: "smoke" layers: 2 hidden: 256 heads: 4 ffn: 1024 vocabulary: 512
           source {{ text: "Made up for tests." }} }}
}}
)";

Scenario SmokeScenario(const CatalogueServer& server,
                       const std::vector<std::string>& overrides = {}) {
  const bool has_16_bits = server.peak[static_cast<int>(Precision::kBf16)] > FlopPerSecond(0.0);
  return LoadScenarioText(server.name,
                          fmt::format(kScenario, fmt::arg("server", server.name),
                                      fmt::arg("ranks", server.accelerators),
                                      fmt::arg("precision", has_16_bits ? "BF16" : "FP32"),
                                      fmt::arg("port", server.nic_bandwidth.si() * 8 / 1e9)),
                          overrides);
}

// The memory model sets 2.5 GB aside for the framework, as on GPUs. A part with 230 MB of SRAM
// cannot train under it; to see that the rest of its entry runs, it gets more for the test.
bool IsTooSmallForAFramework(const CatalogueServer& server) {
  return server.accelerator == "groq_lpu_v1";
}

TEST(ShippedCatalogue, EveryServerRunsAStep) {
  unsetenv("GRIDLOCK_CATALOG");
  const CatalogueList list = ListCatalogue();
  ASSERT_GE(list.servers.size(), 33U);
  std::vector<Job> jobs;
  for (const CatalogueServer& server : list.servers) {
    jobs.emplace_back([&server](const std::function<void(double)>& progress) {
      const Scenario scenario = IsTooSmallForAFramework(server)
                                    ? SmokeScenario(server, {"site[0].override.hbm_capacity=4 GB"})
                                    : SmokeScenario(server);
      return EvaluateStep(scenario, Fidelity::kFolded, progress);
    });
  }
  const std::vector<JobResult> results = RunJobs(jobs, {});
  ASSERT_EQ(results.size(), jobs.size());
  for (std::size_t i = 0; i < results.size(); ++i) {
    const std::string& name = list.servers[i].name;
    ASSERT_TRUE(results[i].ok) << name << ": " << results[i].problem;
    // A step is never shorter than the stack's own overhead and never endless.
    EXPECT_GT(results[i].record.step_time, Seconds(1e-4)) << name;
    EXPECT_LT(results[i].record.step_time, Seconds(100)) << name;
  }
}

TEST(ShippedCatalogue, PartWithoutRoomForAFrameworkIsRefusedForItsMemory) {
  unsetenv("GRIDLOCK_CATALOG");
  int refused = 0;
  for (const CatalogueServer& server : ListCatalogue().servers) {
    if (!IsTooSmallForAFramework(server)) {
      continue;
    }
    try {
      CheckScenario(SmokeScenario(server), Fidelity::kFolded);
      ADD_FAILURE() << server.name << " was accepted";
    } catch (const UserError& error) {
      EXPECT_THAT(error.what(), ::testing::HasSubstr("there are 230 MB"));
      ++refused;
    }
  }
  EXPECT_EQ(refused, 1);
}

TEST(ShippedCatalogue, EveryAcceleratorStandsInAServer) {
  unsetenv("GRIDLOCK_CATALOG");
  const CatalogueList list = ListCatalogue();
  std::set<std::string> in_servers;
  for (const CatalogueServer& server : list.servers) {
    in_servers.insert(server.accelerator);
  }
  for (const std::string& accelerator : list.accelerators) {
    EXPECT_TRUE(in_servers.contains(accelerator)) << accelerator;
  }
}

}  // namespace
}  // namespace gridlock
