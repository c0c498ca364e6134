// The names of the shipped catalogue: the systems that people ask about, other spellings, and a
// server around each part.

#include <cstdlib>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "sim/catalogue/list.h"
#include "sim/catalogue/view.h"

namespace gridlock {
namespace {

// The parts and clusters of the public debate on AI compute, from the pair of 2012 to the edge.
TEST(ShippedCatalogue, HasTheSystemsOfTheDebate) {
  unsetenv("GRIDLOCK_CATALOG");
  const CatalogueView view = ReadCatalogue();
  for (const char* part : {"gtx_580",
                           "v100_sxm2_32gb",
                           "a100_sxm_80gb",
                           "a800_sxm_80gb",
                           "h100_sxm",
                           "h800_sxm",
                           "h20",
                           "h200_sxm",
                           "b200_sxm",
                           "gb200",
                           "gb300",
                           "ascend_910b",
                           "ascend_910c",
                           "tpu_v4",
                           "tpu_v5e",
                           "tpu_v5p",
                           "tpu_v6e",
                           "tpu_v7",
                           "mi250x",
                           "mi300x",
                           "mi355x",
                           "groq_lpu_v1",
                           "cerebras_wse_3",
                           "gaudi_2",
                           "gaudi_3",
                           "trainium2",
                           "rtx_4090",
                           "snapdragon_8_gen_3"}) {
    EXPECT_NE(FindEntry(view, "accelerator", part), nullptr) << part;
  }
  for (const char* server : {"geforce_pair", "gb200_nvl72", "cloudmatrix_384", "phone"}) {
    EXPECT_NE(FindEntry(view, "server", server), nullptr) << server;
  }
  for (const char* cluster :
       {"deepseek_2k_h800", "meta_16k_h100", "meta_24k_h100", "alibaba_hpn_15k",
        "colossus_100k_h100", "colossus_200k", "oci_131k_gb200", "tpu_v4_pod", "tpu_v5p_pod",
        "tpu_v7_pod", "cloudmatrix_384", "cloudmatrix_384_x16", "supercluster_250k_gb300"}) {
    EXPECT_NE(FindEntry(view, "cluster", cluster), nullptr) << cluster;
  }
}

// Spellings of published tables, and what they mean.
TEST(ShippedCatalogue, FindsPartsAsTablesSpellThem) {
  unsetenv("GRIDLOCK_CATALOG");
  const CatalogueView view = ReadCatalogue();
  const std::vector<std::pair<std::string, std::string>> spellings = {
      {"gaudi2", "gaudi_2"},
      {"gaudi3", "gaudi_3"},
      {"h20_sxm", "h20"},
      {"h100_sxm_hbm2e_500w", "h100_sxm_96gb"},
      {"b60", "arc_pro_b60"},
      {"H100-SXM5-80GB", "h100_sxm"},
      {"A100-SXM4-80GB", "a100_sxm_80gb"},
      {"H800-SXM5-80GB", "h800_sxm"},
      {"H20-96GB", "h20"},
      {"B200-SXM", "b200_sxm"},
      {"MI300X", "mi300x"},
      {"tpu_v7x", "tpu_v7x"},
      {"trainium1_core", "trainium1_core"},
      {"mi250x_gcd", "mi250x_gcd"},
      {"NVIDIA H100 80GB HBM3", "h100_sxm"},
      {"NVIDIA GeForce RTX 4090", "rtx_4090"},
      {"Tesla T4", "t4"},
      {"Rubin", "rubin"}};
  for (const auto& [spelling, name] : spellings) {
    const CatalogueEntry* const entry = FindEntry(view, "accelerator", spelling);
    ASSERT_NE(entry, nullptr) << spelling;
    EXPECT_EQ(entry->name, name) << spelling;
  }
  EXPECT_EQ(FindEntry(view, "server", "hgx_h100")->name, "dgx_h100");
  EXPECT_EQ(FindEntry(view, "server", "DGX-2")->name, "dgx_2");
  const std::vector<std::pair<std::string, std::string>> servers = {
      {"DGX B200", "hgx_b200"},
      {"dgx_h200", "hgx_h200"},
      {"dgx_gb200", "gb200_nvl72"},
      {"p5.48xlarge", "vm_aws_p5_48xlarge"},
      {"Standard_ND96isr_H100_v5", "vm_azure_nd96isr_h100_v5"},
      {"a3-megagpu-8g", "vm_gcp_a3_megagpu_8g"},
      {"BM.GPU.H200.8", "vm_oci_gpu_h200_8"},
      {"g5.48xlarge", "a10g_box"}};
  for (const auto& [spelling, name] : servers) {
    const CatalogueEntry* const entry = FindEntry(view, "server", spelling);
    ASSERT_NE(entry, nullptr) << spelling;
    EXPECT_EQ(entry->name, name) << spelling;
  }
}

// A name would hide it.
TEST(ShippedCatalogue, NoAliasIsTheNameOfAnEntryOfItsKind) {
  unsetenv("GRIDLOCK_CATALOG");
  const CatalogueView view = ReadCatalogue();
  std::set<std::pair<std::string, std::string>> names;
  for (const CatalogueEntry& entry : view.entries) {
    names.emplace(entry.kind, entry.name);
  }
  int aliases = 0;
  for (const CatalogueEntry& entry : view.entries) {
    for (const CatalogueField& field : entry.fields) {
      if (field.path.starts_with("alias[")) {
        ++aliases;
        EXPECT_FALSE(names.contains({entry.kind, field.value})) << field.value;
      }
    }
  }
  EXPECT_GE(aliases, 100);
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
