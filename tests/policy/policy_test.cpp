// The arithmetic of export rules: thresholds by hand, the shipped parts, and, when it stands beside
// the checkout, an independent table row by row.

#include <algorithm>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "sim/catalogue/view.h"
#include "sim/policy/comply.h"
#include "sim/policy/countries.h"
#include "sim/policy/diffusion.h"
#include "sim/policy/export_rules.h"
#include "tests/source_dir.h"

namespace gridlock {
namespace {

const AcceleratorFacts& Part(const std::string& name) {
  static const CatalogueView view = ReadCatalogue();
  for (const AcceleratorFacts& part : view.accelerators) {
    if (part.name == name) {
      return part;
    }
  }
  ADD_FAILURE() << name << " is not in the catalogue";
  return view.accelerators.front();
}

TEST(October2022, NeedsBothComputeAndLinksAtTheThreshold) {
  EXPECT_TRUE(IsControlledInOctober2022(4800, 600));
  EXPECT_FALSE(IsControlledInOctober2022(4799, 600));
  EXPECT_FALSE(IsControlledInOctober2022(4800, 599));
}

TEST(October2022, CaughtA100AndH100AndNotTheCutPartsNorV100) {
  EXPECT_TRUE(IsControlledInOctober2022(Part("a100_sxm_80gb")));
  EXPECT_TRUE(IsControlledInOctober2022(Part("h100_sxm")));
  EXPECT_FALSE(IsControlledInOctober2022(Part("a800_sxm_80gb")));
  EXPECT_FALSE(IsControlledInOctober2022(Part("h800_sxm")));
  EXPECT_FALSE(IsControlledInOctober2022(Part("v100_sxm2_32gb")));
}

TEST(October2023, TakesComputeOrDensityAtTheThreshold) {
  const auto control = [](double tpp, double density) {
    return ControlSinceOctober2023(tpp, density, true, false);
  };
  EXPECT_EQ(control(4800, 0.1), LogicControl::k3A090a);
  EXPECT_EQ(control(4799, 0.1), LogicControl::kNone);
  EXPECT_EQ(control(1600, 5.92), LogicControl::k3A090aByDensity);
  EXPECT_EQ(control(1600, 5.91), LogicControl::k3A090b);
  EXPECT_EQ(control(1599, 5.92), LogicControl::kNone);
  EXPECT_EQ(control(2400, 1.6), LogicControl::k3A090b);
  EXPECT_EQ(control(2400, 1.59), LogicControl::kNone);
}

TEST(October2023, CaughtTheCutPartsAndNotH20NorV100) {
  EXPECT_EQ(ControlSinceOctober2023(Part("a800_sxm_80gb")), LogicControl::k3A090a);
  EXPECT_EQ(ControlSinceOctober2023(Part("h800_sxm")), LogicControl::k3A090a);
  EXPECT_EQ(ControlSinceOctober2023(Part("h20")), LogicControl::kNone);
  EXPECT_EQ(ControlSinceOctober2023(Part("v100_sxm2_32gb")), LogicControl::kNone);
}

TEST(Comply, CuttingTheLinksOfA100GivesAPartThatPassesAndNoSlack) {
  const AcceleratorFacts& part = Part("a100_sxm_80gb");
  const auto cut = CutUntilPasses(part, ExportRule::kOctober2022, Knob::kLinks);
  ASSERT_TRUE(cut.has_value());
  EXPECT_TRUE(Passes(ExportRule::kOctober2022, cut->facts));
  EXPECT_LT(cut->links_factor, 1.0);
  EXPECT_DOUBLE_EQ(cut->compute_factor, 1.0);
  EXPECT_FALSE(cut->changes.empty());
  // What is left of 600 GB/s after the host link; A800's 400 GB/s lies below it.
  const double links = part.links.si() * cut->links_factor;
  EXPECT_NEAR(links, 600e9 - part.host.si(), 2e9);
  EXPECT_GT(links, Part("a800_sxm_80gb").links.si());
}

TEST(Comply, APartThatPassesIsLeftAsItIs) {
  const auto cut = CutUntilPasses(Part("h20"), ExportRule::kOctober2023, Knob::kFitting);
  ASSERT_TRUE(cut.has_value());
  EXPECT_DOUBLE_EQ(cut->links_factor, 1.0);
  EXPECT_DOUBLE_EQ(cut->compute_factor, 1.0);
  EXPECT_DOUBLE_EQ(cut->memory_factor, 1.0);
  EXPECT_TRUE(cut->changes.empty());
}

TEST(Comply, EveryPartThatCanBeCutPassesAfterwards) {
  for (const AcceleratorFacts& part : ReadCatalogue().accelerators) {
    for (const ExportRule rule : {ExportRule::kOctober2022, ExportRule::kOctober2023}) {
      const auto cut = CutUntilPasses(part, rule, Knob::kCompute);
      if (cut) {
        EXPECT_TRUE(Passes(rule, cut->facts)) << part.name;
        EXPECT_LE(cut->compute_factor, 1.0) << part.name;
      }
    }
  }
}

TEST(Diffusion, QuotasOfComputeHoldFewerOfAStrongerPart) {
  EXPECT_EQ(TierOf("US"), DiffusionTier::kAllies);
  const auto quota = TppQuota(DiffusionTier::kQuota, QuotaKind::kCountry);
  ASSERT_TRUE(quota.has_value());
  const double h100 = PartsWithin(*quota, TotalProcessingPerformance(Part("h100_sxm")));
  const double h20 = PartsWithin(*quota, TotalProcessingPerformance(Part("h20")));
  EXPECT_GT(h20, h100);
  EXPECT_NEAR(h100, 50000, 1000);  // "about 50,000 H100-class parts", 90 FR 4544
}

// The White House counted the quotas in "advanced GPUs": 50,000, 1,700 and 320,000 (fact sheet of
// 13 January 2025). An H100 has TPP 15,832.
TEST(Diffusion, QuotasAreTheNumbersOfPartsThatTheWhiteHouseGave) {
  const double h100 = TotalProcessingPerformance(Part("h100_sxm"));
  const auto parts = [&](QuotaKind kind) {
    return PartsWithin(*TppQuota(DiffusionTier::kQuota, kind), h100);
  };
  EXPECT_NEAR(parts(QuotaKind::kCountry) / 50000, 1.0, 0.01);
  EXPECT_NEAR(parts(QuotaKind::kSmallOrder) / 1700, 1.0, 0.01);
  EXPECT_NEAR(parts(QuotaKind::kValidated) / 320000, 1.0, 0.01);
}

TEST(Diffusion, TiersAreOfCountriesAndShareNone) {
  const auto allies = CountriesOf(DiffusionTier::kAllies);
  const auto embargoed = CountriesOf(DiffusionTier::kEmbargoed);
  EXPECT_EQ(allies.size(), 18U + 1U);     // and the United States
  EXPECT_EQ(embargoed.size(), 23U + 2U);  // and Macau, and Hong Kong
  for (const std::string_view country : allies) {
    EXPECT_TRUE(IsCountry(country)) << country;
    EXPECT_EQ(TierOf(country), DiffusionTier::kAllies) << country;
  }
  for (const std::string_view country : embargoed) {
    EXPECT_TRUE(IsCountry(country)) << country;
    EXPECT_EQ(TierOf(country), DiffusionTier::kEmbargoed) << country;
  }
  EXPECT_EQ(TierOf("IN"), DiffusionTier::kQuota);
}

TEST(Country, IsACodeThatIsAssigned) {
  int countries = 0;
  for (char a = 'A'; a <= 'Z'; ++a) {
    for (char b = 'A'; b <= 'Z'; ++b) {
      countries += IsCountry(std::string{a, b}) ? 1 : 0;
    }
  }
  EXPECT_EQ(countries, 249);  // as ISO 3166-1 has
  for (const char* none : {"", "D", "de", "UK", "EU", "DEU", "D E", " D", "E "}) {
    EXPECT_FALSE(IsCountry(none)) << none;
  }
}

// --- An independent table: name, TPP, performance density, I/O and status, row by row.

std::vector<std::string> Cells(const std::string& line) {
  std::vector<std::string> cells(1);
  bool quoted = false;
  for (const char c : line) {
    if (c == '"') {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      cells.emplace_back();
    } else if (c != '\r') {
      cells.back() += c;
    }
  }
  return cells;
}

const std::map<std::string, std::string>& NamesInTheTable() {
  static const std::map<std::string, std::string> names = {
      {"GTX 580 (AlexNet)", "gtx_580"},
      {"V100 SXM2 32GB", "v100_sxm2_32gb"},
      {"A100 SXM 40GB", "a100_sxm_40gb"},
      {"A100 SXM 80GB", "a100_sxm_80gb"},
      {"A800 SXM 80GB", "a800_sxm_80gb"},
      {"H100 SXM", "h100_sxm"},
      {"H100 PCIe", "h100_pcie"},
      {"H800 SXM", "h800_sxm"},
      {"H20", "h20"},
      {"H200 SXM", "h200_sxm"},
      {"B200 SXM", "b200_sxm"},
      {"GB200 (per GPU)", "gb200"},
      {"B300 SXM", "b300_sxm"},
      {"GB300 (per GPU)", "gb300"},
      {"MI250X", "mi250x"},
      {"MI300X", "mi300x"},
      {"MI355X", "mi355x"},
      {"TPU v4", "tpu_v4"},
      {"TPU v5e", "tpu_v5e"},
      {"TPU v5p", "tpu_v5p"},
      {"TPU v6e Trillium", "tpu_v6e"},
      {"TPU v7 Ironwood", "tpu_v7"},
      {"Ascend 910A", "ascend_910a"},
      {"Ascend 910B", "ascend_910b"},
      {"Ascend 910C", "ascend_910c"},
      {"Gaudi 2", "gaudi_2"},
      {"Gaudi 3", "gaudi_3"},
      {"Groq LPU v1", "groq_lpu_v1"},
      {"Trainium2", "trainium2"},
      {"Cerebras WSE-3 (CS-3)", "cerebras_wse_3"},
      {"Rubin (announced, H2 2026)", "rubin"}};
  return names;
}

TEST(IndependentTable, IsReproducedRowByRow) {
  std::ifstream file(GRIDLOCK_SOURCE_DIR "/../shared/hardware/accelerators.csv");
  if (!file) {
    GTEST_SKIP() << "no table of accelerators beside the checkout";
  }
  std::string line;
  std::getline(file, line);
  std::map<std::string, std::size_t> column;
  for (const std::string& name : Cells(line)) {
    column.emplace(name, column.size());
  }
  int rows = 0;
  while (std::getline(file, line)) {
    const std::vector<std::string> cells = Cells(line);
    const auto known = NamesInTheTable().find(cells[0]);
    if (known == NamesInTheTable().end()) {
      ADD_FAILURE() << cells[0] << " is not mapped";
      continue;
    }
    const AcceleratorFacts& part = Part(known->second);
    const auto number = [&](const char* name) {
      return std::stod(cells[column.at(name)]);
    };
    // The table counts TF32 as 16 bits for Trainium2; its inputs have 19, so that 667 TFLOPS of it
    // outweigh as many of BF16. The table rounds to whole numbers.
    const double tpp = part.name == "trainium2" ? 667 * 19 : number("tpp");
    EXPECT_NEAR(TotalProcessingPerformance(part), tpp, std::max(0.5, 0.005 * tpp)) << cells[0];
    // The table counts PCIe to the host (of the fourth generation for TPUs), and the catalogue
    // NVLink-C2C, or what steps of TPUs imply: GB/s of both directions that it has more. Of links
    // between LPUs the table counts 400 GB/s, and the catalogue 16 of 28 GB/s.
    const std::map<std::string, double> more_to_host = {{"gb200", 450 - 128},
                                                        {"gb300", 450 - 256},
                                                        {"groq_lpu_v1", 16 * 28 - 400},
                                                        {"tpu_v5p", 128 - 64},
                                                        {"tpu_v6e", 128 - 64}};
    const auto more = more_to_host.find(part.name);
    EXPECT_NEAR(InputOutput(part).si() / 1e9,
                number("io_2022_bidir") + (more == more_to_host.end() ? 0 : more->second), 1.0)
        << cells[0];
    EXPECT_EQ(IsControlledInOctober2022(part), cells[column.at("export_oct2022")] == "controlled")
        << cells[0];
    // GTX 580 has planar transistors, and so no applicable die area; the table divides all the
    // same.
    const std::string& density = cells[column.at("pd")];
    const bool has_density = !density.empty() && part.name != "gtx_580";
    ASSERT_EQ(PerformanceDensity(part).has_value(), has_density) << cells[0];
    if (has_density) {
      EXPECT_NEAR(*PerformanceDensity(part), std::stod(density), 0.011) << cells[0];
    }
    EXPECT_EQ(StatusText(ExportRule::kOctober2023, part), cells[column.at("export_oct2023")])
        << cells[0];
    EXPECT_EQ(StatusText(ExportRule::kDecember2024, part), cells[column.at("export_dec2024")])
        << cells[0];
    EXPECT_EQ(StatusText(ExportRule::kJanuary2026, part), cells[column.at("export_jan2026")])
        << cells[0];
    ++rows;
  }
  EXPECT_GE(rows, 30);
}

}  // namespace
}  // namespace gridlock
