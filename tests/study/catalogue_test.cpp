// Every server, accelerator and cluster of the shipped catalogue runs: one server of each trains a
// model small enough for a phone and for 230 MB of SRAM, and adds up a buffer over its
// accelerators; clusters are laid out as published. The default tests run a quarter of them.

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim/base/check.h"
#include "sim/catalogue/list.h"
#include "sim/catalogue/view.h"
#include "sim/process/worker.h"
#include "sim/scenario/cluster_site.h"
#include "sim/scenario/load_text.h"
#include "sim/study/evaluate.h"
#include "tests/cluster_scenario.h"
#include "tests/engine/machines.h"
#include "tests/fixture_files.h"
#include "tests/sampled.h"
#include "tests/source_dir.h"
#include "topologies/graph.h"
#include "topologies/topology.h"

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

// The memory model sets 1.5 to 2.5 GB aside for the framework, as on GPUs. A part with 230 or 900
// MB of SRAM cannot train under it; to see that the rest of its entry runs, it gets more for the
// test.
bool IsTooSmallForAFramework(const CatalogueServer& server) {
  return server.accelerator == "groq_lpu_v1" || server.name == "ipu_m2000";
}

TEST(ShippedCatalogue, EveryServerRunsAStep) {
  unsetenv("GRIDLOCK_CATALOG");
  const std::vector<CatalogueServer> all = ListCatalogue().servers;
  ASSERT_GE(all.size(), 96U);
  const std::vector<CatalogueServer> servers = Sampled(all);
  std::vector<Job> jobs;
  for (const CatalogueServer& server : servers) {
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
    const std::string& name = servers[i].name;
    ASSERT_TRUE(results[i].ok) << name << ": " << results[i].problem;
    // A step is never shorter than the stack's own overhead and never endless.
    EXPECT_GT(results[i].record.step_time, Seconds(1e-4)) << name;
    EXPECT_LT(results[i].record.step_time, Seconds(100)) << name;
  }
}

// A collective over every accelerator of some servers: {site} is the inside of a site.
constexpr const char* kCollective = R"(schema_version: 1
name: "smoke"
site {{ {site} }}
job {{ collective_test {{ collective: "{collective}" size: "{size}" }} }}
catalog {{
  switch {{ name: "smoke" ports: 4096 port_bandwidth: "{port} Gbps" latency: "1 us" power: "1 W"
            source {{ text: "Made up for tests." }} }}
}}
)";

constexpr const char* kOneServer =
    "server: \"{}\" servers: 1 fabric {{ clos {{ tiers: 2 servers_per_leaf: 1 leaves_per_pod: 1 "
    "leaf_switch: \"smoke\" spine_switch: \"smoke\" }} }}";

// What no collective can beat: a rank takes in all that others add to its part and sends it out
// again; in a switch that adds up, half of that, so the bus bandwidth is at most twice the link's.
void ExpectPossible(const StepRecord& record, int ranks, BytesPerSecond link,
                    const std::string& what) {
  ASSERT_FALSE(record.tested.empty()) << what;
  for (const CollectiveResult& row : record.tested) {
    EXPECT_EQ(row.ranks, ranks) << what;
    EXPECT_GT(row.time, Seconds(0)) << what;
    EXPECT_LE(row.bus_bandwidth.si(), 2.0 * link.si()) << what << ", " << row.algorithm;
    EXPECT_FALSE(row.wall.empty()) << what;
  }
}

TEST(ShippedCatalogue, EveryServerAddsUpABufferOverItsAccelerators) {
  unsetenv("GRIDLOCK_CATALOG");
  std::vector<CatalogueServer> domains = ListCatalogue().servers;
  std::erase_if(domains, [](const CatalogueServer& server) {
    return server.accelerators < 2;
  });
  ASSERT_GE(domains.size(), 80U);
  for (const CatalogueServer& server : Sampled(domains)) {
    const Scenario scenario = LoadScenarioText(
        server.name,
        fmt::format(kCollective, fmt::arg("site", fmt::format(kOneServer, server.name)),
                    fmt::arg("collective", "all_reduce"), fmt::arg("size", "1 GB"),
                    fmt::arg("port", server.nic_bandwidth.si() * 8 / 1e9)),
        {});
    const StepRecord record = Evaluate(scenario, Fidelity::kFolded);
    ExpectPossible(record, server.accelerators,
                   scenario.site().server.accelerator.scale_up_bandwidth, server.name);
    // A gigabyte is long enough for every link to be near its share of the peak.
    double fastest = 0;
    for (const CollectiveResult& row : record.tested) {
      fastest = std::max(fastest, row.bus_bandwidth.si());
    }
    EXPECT_GT(fastest, 0.01 * scenario.site().server.accelerator.scale_up_bandwidth.si())
        << server.name;
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
      EXPECT_THAT(error.what(), ::testing::ContainsRegex("there are (230|900) MB"));
      ++refused;
    }
  }
  EXPECT_EQ(refused, 2);
}

std::vector<std::string> Clusters() {
  std::vector<std::string> names;
  for (const CatalogueEntry& entry : ReadCatalogue().entries) {
    if (entry.kind == "cluster") {
      names.push_back(entry.name);
    }
  }
  return names;
}

TEST(ShippedCatalogue, EveryClusterRunsAStepOnTwoOfItsServers) {
  unsetenv("GRIDLOCK_CATALOG");
  ASSERT_GE(Clusters().size(), 21U);
  const std::vector<std::string> clusters = Sampled(Clusters());
  std::vector<Job> jobs;
  for (const std::string& cluster : clusters) {
    jobs.emplace_back([&cluster](const std::function<void(double)>& progress) {
      const SiteSpec site = LoadCluster(cluster).site;
      const int servers = std::min(2, site.servers);
      const int replicas = servers * site.server.accelerators / 2;  // of two accelerators each
      const Scenario scenario = LoadScenarioText(
          cluster,
          fmt::format(kStepOnACluster, fmt::arg("cluster", cluster), fmt::arg("servers", servers),
                      fmt::arg("replicas", replicas)),
          {});
      return EvaluateStep(scenario, Fidelity::kFolded, progress);
    });
  }
  const std::vector<JobResult> results = RunJobs(jobs, {});
  ASSERT_EQ(results.size(), jobs.size());
  for (std::size_t i = 0; i < results.size(); ++i) {
    const std::string& name = clusters[i];
    ASSERT_TRUE(results[i].ok) << name << ": " << results[i].problem;
    EXPECT_GT(results[i].record.step_time, Seconds(1e-4)) << name;
    EXPECT_LT(results[i].record.step_time, Seconds(100)) << name;
  }
}

TEST(ShippedCatalogue, EveryClusterRunsCollectivesOnTwoOfItsServers) {
  unsetenv("GRIDLOCK_CATALOG");
  for (const std::string& cluster : Sampled(Clusters())) {
    const SiteSpec site = LoadCluster(cluster).site;
    const int servers = std::min(2, site.servers);
    const int ranks = servers * site.server.accelerators;
    for (const char* collective : {"all_reduce", "all_gather", "all_to_all"}) {
      const Scenario scenario = LoadScenarioText(
          cluster,
          fmt::format(
              kCollective,
              fmt::arg("site", fmt::format("cluster: \"{}\" servers: {}", cluster, servers)),
              fmt::arg("collective", collective), fmt::arg("size", "256 MB"), fmt::arg("port", 1)),
          {});
      ExpectPossible(Evaluate(scenario, Fidelity::kFolded), ranks,
                     site.server.accelerator.scale_up_bandwidth, cluster + ", " + collective);
    }
  }
}

// A million accelerators over several datacenters: four sites, joined all to all.
TEST(ShippedCatalogue, AMillionAcceleratorsOnFourSitesRunAStep) {
  unsetenv("GRIDLOCK_CATALOG");
  constexpr int kServers = 3472;  // of 72: 249,984 accelerators of a site are 31,248 groups of 8
  std::string text = "schema_version: 1\nname: \"million\"\n";
  const std::vector<std::string> sites = {"north", "south", "east", "west"};
  for (const std::string& site : sites) {
    text +=
        fmt::format("site {{ name: \"{}\" cluster: \"supercluster_250k_gb300\" servers: {} }}\n",
                    site, kServers);
  }
  for (std::size_t i = 0; i < sites.size(); ++i) {
    for (std::size_t k = i + 1; k < sites.size(); ++k) {
      text += fmt::format(
          "wan {{ from: \"{}\" to: \"{}\" bandwidth: \"100 Tbps\" "
          "distance: \"300 km\" }}\n",
          sites[i], sites[k]);
    }
  }
  constexpr int kReplicas = 4 * kServers * 72 / 8;
  text += fmt::format(
      "job {{ span: [\"north\", \"south\", \"east\", \"west\"] pretraining {{ "
      "model: \"llama_3.1_70b\" stack: \"megatron_core\" layout {{ tensor: 8 pipeline: 1 data: "
      "{0} sequence_parallel: true }} global_batch: {0} micro_batch: 1 sequence_length: 8192 zero: "
      "1 "
      "}} }}\n",
      kReplicas);
  const Scenario scenario = LoadScenarioText("million", text, {});
  const StepRecord record = Evaluate(scenario, Fidelity::kFolded);
  EXPECT_EQ(4 * kServers * 72, 999936);
  // 560 TFLOP a sequence of 8,192 tokens and a rank's share of it at no more than the peak.
  EXPECT_GT(record.step_time, Seconds(6.0 * 70.6e9 * 8192 / 8 / 2.5e15));
  EXPECT_LT(record.step_time, Seconds(100));
}

// What the publications say of whole clusters: accelerators, accelerators of a pod, and pods.
TEST(ShippedCatalogue, ClustersAreLaidOutAsTheyArePublished) {
  unsetenv("GRIDLOCK_CATALOG");

  struct Published {
    int accelerators;
    int per_pod;
    int pods;
  };

  const std::map<std::string, Published> published = {
      {"deepseek_2k_h800", {2048, 2048, 1}},
      {"meta_24k_h100", {24576, 3072, 8}},
      {"meta_16k_h100", {16384, 3072, 6}},
      {"alibaba_hpn_15k", {15360, 15360, 1}},
      {"colossus_100k_h100", {100000, 4096, 25}},
      {"colossus_200k", {200000, 4096, 49}},
      {"oci_131k_b200", {131072, 2048, 64}},
      {"oci_131k_gb200", {131040, 2304, 57}},
      {"tpu_v4_pod", {4096, 4096, 1}},
      {"tpu_v5p_pod", {8960, 8960, 1}},
      {"tpu_v7_pod", {9216, 9216, 1}},
      {"tpu_v5e_pod", {256, 256, 1}},
      {"tpu_v6e_pod", {256, 256, 1}},
      {"cloudmatrix_384", {384, 384, 1}},
      {"cloudmatrix_384_x16", {384 * 16, 384 * 16, 1}},
      {"supercluster_1m_gb300", {1000008, 72 * 256, 55}},
      {"supercluster_250k_gb300", {250056, 72 * 256, 14}},
      {"eagle_14k_h100", {14400, 1024, 15}},
      {"oci_65k_h200", {65536, 2048, 32}},
      {"oci_16k_mi300x", {16384, 2048, 8}},
      {"tpu_v3_pod", {1024, 1024, 1}},
  };
  for (const std::string& name : Clusters()) {
    ASSERT_TRUE(published.contains(name)) << name;
    const SiteSpec site = LoadCluster(name).site;
    const std::shared_ptr<const Topology> topology = MakeTopology(site);
    EXPECT_EQ(topology->accelerators(), published.at(name).accelerators) << name;
    EXPECT_EQ(topology->locality().groups(topology->locality().levels() - 1),
              published.at(name).pods)
        << name;
    if (const auto* clos = std::get_if<ClosSpec>(&site.fabric);
        clos != nullptr && site.servers > 1) {
      const int nics = std::min(site.server.nics, site.server.accelerators);
      const int rails = clos->rail_optimized ? (clos->split_nics ? nics : nics / clos->planes) : 1;
      EXPECT_EQ(clos->leaves_per_pod / rails * clos->servers_per_leaf * site.server.accelerators,
                published.at(name).per_pod)
          << name;
    }
    if (topology->accelerators() <= 25000) {
      EXPECT_TRUE(Connected(FabricGraph(topology->wiring()))) << name;
    }
  }
}

// The same machine written out in an example and named as a cluster takes the same step.
TEST(ShippedCatalogue, ExampleOnItsClusterTakesTheSameStep) {
  unsetenv("GRIDLOCK_CATALOG");
  const std::string file = GRIDLOCK_SOURCE_DIR "/examples/02-llama-405b-16k/scenario.textproto";
  std::string text = FileContents(file);
  const std::size_t site = text.find("site {");
  const std::size_t job = text.find("job {");
  ASSERT_LT(site, job);
  text.replace(site, job - site, "site { cluster: \"meta_24k_h100\" servers: 2048 }\n");
  const std::vector<JobResult> results =
      RunJobs({[&](const std::function<void(double)>& progress) {
                 return EvaluateStep(LoadScenario(file, {}), Fidelity::kFolded, progress);
               },
               [&](const std::function<void(double)>& progress) {
                 return EvaluateStep(LoadScenarioText(file, text, {}), Fidelity::kFolded, progress);
               }},
              {});
  ASSERT_TRUE(results[0].ok && results[1].ok) << results[1].problem;
  EXPECT_EQ(results[0].record.step_time, results[1].record.step_time);
}

// GB/s that each member can send in a ring, by server and number of members.
TEST(ShippedCatalogue, RingsInsideServersRunOverTheLinksBetweenTheirMembers) {
  unsetenv("GRIDLOCK_CATALOG");
  const std::map<std::string, std::map<int, double>> expected = {
      {"mi300x_platform", {{2, 64}, {4, 192}, {8, 448}}},
      {"atlas_800_910b", {{2, 28}, {4, 84}, {8, 196}}},
      {"hls_gaudi_2", {{2, 37.5}, {8, 262.5}}},
      {"hlb_gaudi_3", {{2, 75}, {8, 525}}},
      {"dgx_1v", {{2, 25}, {4, 100}, {8, 150}}},
      {"frontier_blade", {{2, 100}, {4, 250}}},
      // Dies of one package, of two, and two rings: the dies of odd numbers have two links out.
      {"frontier_node_gcds", {{2, 200}, {4, 100}, {8, 200}}},
      {"mi250_quad_gcds", {{2, 200}, {8, 300}}},
      // Cores: within a chip, and as fast as the links of the chip or as each reaches it.
      {"trn1_32xlarge_cores", {{2, 500}, {32, 384}}},
      {"trn2_ultraserver_cores", {{8, 437.5}, {512, 437.5}}},
      {"tpu_v7x_cube", {{2, 600}, {8, 200}, {128, 600}}},
      {"atlas_800_910a", {{2, 15}, {4, 45}, {8, 30}}},
      {"h100_pcie_pair", {{2, 300}}},
      {"h100_pcie_x8", {{2, 300}, {4, 128}, {8, 60}}},
      {"rtx_4090_x8", {{2, 32}, {4, 25.6}}},
      {"geforce_pair", {{2, 8}}},
      {"tpu_v4_cube", {{4, 100}, {16, 200}, {64, 300}}},
      {"dgx_h100", {{2, 450}, {8, 450}}},
      {"gb200_nvl72", {{2, 900}, {72, 900}}},
      {"cloudmatrix_384", {{2, 392}, {384, 392}}},
  };
  std::set<std::string> seen;
  for (const CatalogueServer& server : ListCatalogue().servers) {
    const auto paces = expected.find(server.name);
    if (paces != expected.end()) {
      seen.insert(server.name);
      const ServerSpec spec = SmokeScenario(server).site().server;
      for (const auto& [members, pace] : paces->second) {
        EXPECT_NEAR(spec.RingBandwidth(members).si() / 1e9, pace, 1e-6 * pace)
            << server.name << ", " << members;
      }
    }
  }
  EXPECT_EQ(seen.size(), expected.size());
}

// The links of an accelerator are spread over all chips, and what reaches a lost one is lost.
TEST(ShippedCatalogue, ALostSwitchChipTakesItsShareOfEveryPort) {
  unsetenv("GRIDLOCK_CATALOG");
  for (const CatalogueServer& server : ListCatalogue().servers) {
    if (server.name == "gb200_nvl72") {
      const Scenario whole = SmokeScenario(server);
      const Scenario hurt = SmokeScenario(server, {"site[0].server_network.switches.chips=18",
                                                   "site[0].server_network.switches.lost=1"});
      const double ratio = hurt.site().server.accelerator.scale_up_bandwidth /
                           whole.site().server.accelerator.scale_up_bandwidth;
      EXPECT_NEAR(ratio, 17.0 / 18, 1e-12);
    }
  }
}

}  // namespace
}  // namespace gridlock
