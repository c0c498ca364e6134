// Cutting a part until a rule lets it through, as numbers and as a scenario; and what the rules say
// of parts made up to stand at their edges.

#include "sim/policy/comply.h"

#include <cstdlib>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim/base/check.h"
#include "sim/policy/diffusion.h"
#include "sim/scenario/load_text.h"

namespace gridlock {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

constexpr double kGiga = 1e9;

/// A part of `tpp` in an 8-bit format over `area` mm2, with HBM of `memory` GB/s.
AcceleratorFacts MadeUp(double tpp, double area, double memory = 3000) {
  AcceleratorFacts part;
  part.name = "made_up";
  part.rates = {{8, FlopPerSecond(tpp / 8 * 1e12)}};
  part.links = BytesPerSecond(900 * kGiga);
  part.host = BytesPerSecond(128 * kGiga);
  part.logic_area_mm2 = area;
  part.memory = MemoryKind::kHbm;
  part.memory_bandwidth = BytesPerSecond(memory * kGiga);
  part.stack_bandwidth = BytesPerSecond(819 * kGiga);
  part.stack_area_mm2 = 121;
  return part;
}

TEST(Measures, TotalProcessingPerformanceIsTheLargestOverTheFormats) {
  AcceleratorFacts part = MadeUp(8000, 800);
  EXPECT_DOUBLE_EQ(TotalProcessingPerformance(part), 8000);
  part.rates.push_back({6, FlopPerSecond(2000e12)});
  EXPECT_DOUBLE_EQ(TotalProcessingPerformance(part), 12000);
  EXPECT_DOUBLE_EQ(TotalProcessingPerformance(AcceleratorFacts{}), 0);
}

TEST(Measures, PlanarDiesHaveNoApplicableArea) {
  AcceleratorFacts part = MadeUp(4000, 500);
  EXPECT_EQ(ControlSinceOctober2023(part), LogicControl::k3A090aByDensity);
  part.planar = true;
  EXPECT_FALSE(PerformanceDensity(part).has_value());
  EXPECT_EQ(ControlSinceOctober2023(part), LogicControl::kNone);
}

TEST(Measures, UnknownAreaMattersOnlyWhereDensityDecides) {
  AcceleratorFacts part = MadeUp(4000, 500);
  part.logic_area_mm2.reset();
  EXPECT_EQ(ControlSinceOctober2023(part), LogicControl::kUnknown);
  part.rates[0].peak = FlopPerSecond(600e12);
  EXPECT_EQ(ControlSinceOctober2023(part), LogicControl::k3A090a);
  part.rates[0].peak = FlopPerSecond(199e12);
  EXPECT_EQ(ControlSinceOctober2023(part), LogicControl::kNone);
}

TEST(October2023, LeavesOutConsumerPartsBelow4800Only) {
  EXPECT_EQ(ControlSinceOctober2023(4799, 8.0, true, true), LogicControl::kNone);
  EXPECT_EQ(ControlSinceOctober2023(4800, 8.0, true, true), LogicControl::k3A090a);
}

TEST(December2024, CatchesStacksAboveTwoAndNotAtTwo) {
  AcceleratorFacts part = MadeUp(1000, 500);
  part.stack_area_mm2 = 100;
  part.stack_bandwidth = BytesPerSecond(200 * kGiga);
  EXPECT_EQ(ControlOfStacks(part), StackControl::kNone);
  part.stack_bandwidth = BytesPerSecond(201 * kGiga);
  EXPECT_EQ(ControlOfStacks(part), StackControl::k3A090cWithException);
  part.stack_bandwidth = BytesPerSecond(330 * kGiga);
  EXPECT_EQ(ControlOfStacks(part), StackControl::k3A090c);
  part.memory = MemoryKind::kSram;
  EXPECT_EQ(ControlOfStacks(part), StackControl::kNoHbm);
}

TEST(January2026, ReviewsCaseByCaseBelowBothThresholds) {
  EXPECT_EQ(ReviewSinceJanuary2026(MadeUp(20999, 800, 6499)), LicenceReview::kCaseByCase);
  EXPECT_EQ(ReviewSinceJanuary2026(MadeUp(21000, 800, 6499)), LicenceReview::kPresumptionOfDenial);
  EXPECT_EQ(ReviewSinceJanuary2026(MadeUp(20999, 800, 6500)), LicenceReview::kPresumptionOfDenial);
  EXPECT_EQ(ReviewSinceJanuary2026(MadeUp(1599, 100, 9000)), LicenceReview::kNotNeeded);
}

TEST(January2026, DoesNotCountSramAsDram) {
  AcceleratorFacts part = MadeUp(6000, 700, 80000);
  EXPECT_EQ(ReviewSinceJanuary2026(part), LicenceReview::kPresumptionOfDenial);
  part.memory = MemoryKind::kSram;
  EXPECT_EQ(ReviewSinceJanuary2026(part), LicenceReview::kCaseByCase);
}

TEST(Diffusion, SortsCountriesIntoThreeTiers) {
  EXPECT_EQ(TierOf("DE"), DiffusionTier::kAllies);
  EXPECT_EQ(TierOf("CH"), DiffusionTier::kQuota);
  EXPECT_EQ(TierOf("CN"), DiffusionTier::kEmbargoed);
  EXPECT_FALSE(TppQuota(DiffusionTier::kAllies, QuotaKind::kCountry).has_value());
  EXPECT_EQ(TppQuota(DiffusionTier::kEmbargoed, QuotaKind::kValidated), 0.0);
  // About 1,700 H100 per receiver and year without a licence.
  EXPECT_NEAR(PartsWithin(*TppQuota(DiffusionTier::kQuota, QuotaKind::kSmallOrder), 15832), 1699,
              1);
}

TEST(Cut, ForOctober2023TakesTheBestOfAllWaysThrough) {
  // Over a large die even 4799 TPP are thin enough (below 1.6 TPP/mm2).
  EXPECT_NEAR(
      CutUntilPasses(MadeUp(8000, 3200), ExportRule::kOctober2023, Knob::kCompute)->compute_factor,
      4799.0 / 8000, 1e-12);
  // Over 814 mm2 it is 2399: below the lower tier and below 3.2.
  EXPECT_NEAR(
      CutUntilPasses(MadeUp(15832, 814), ExportRule::kOctober2023, Knob::kCompute)->compute_factor,
      2399.0 / 15832, 1e-12);
  // Over 300 mm2 only what is below 1600.
  EXPECT_NEAR(
      CutUntilPasses(MadeUp(8000, 300), ExportRule::kOctober2023, Knob::kCompute)->compute_factor,
      1599.0 / 8000, 1e-12);
}

TEST(Cut, ForJanuary2026NeedsBothKnobsWhenBothAreTooLarge) {
  const AcceleratorFacts part = MadeUp(36000, 1600, 8000);
  EXPECT_FALSE(CutUntilPasses(part, ExportRule::kJanuary2026, Knob::kCompute).has_value());
  EXPECT_FALSE(CutUntilPasses(part, ExportRule::kJanuary2026, Knob::kMemoryBandwidth).has_value());
  const auto cut = CutUntilPasses(part, ExportRule::kJanuary2026, Knob::kFitting);
  ASSERT_TRUE(cut.has_value());
  EXPECT_NEAR(cut->compute_factor, 20999.0 / 36000, 1e-12);
  EXPECT_NEAR(cut->memory_factor, 6499.0 / 8000, 1e-12);
  EXPECT_EQ(cut->changes.size(), 2U);
}

TEST(Cut, OfStacksForDecember2024LeavesTheLogicAlone) {
  const auto cut =
      CutUntilPasses(MadeUp(15832, 814), ExportRule::kDecember2024, Knob::kMemoryBandwidth);
  ASSERT_TRUE(cut.has_value());
  EXPECT_EQ(ControlOfStacks(cut->facts), StackControl::kNone);
  EXPECT_DOUBLE_EQ(cut->compute_factor, 1.0);
}

TEST(Cut, OfLinksCannotMeetARuleAboutCompute) {
  EXPECT_FALSE(
      CutUntilPasses(MadeUp(15832, 814), ExportRule::kOctober2023, Knob::kLinks).has_value());
}

/// One server of the shipped catalogue under an override.
Scenario Load(const std::string& server, const std::string& change) {
  unsetenv("GRIDLOCK_CATALOG");
  return LoadScenarioText("scenario", R"(schema_version: 1 name: "comply"
site { server: ")" + server + R"(" servers: 1
  fabric { clos { tiers: 2 servers_per_leaf: 1 leaves_per_pod: 1 leaf_switch: "quantum2_qm9700"
                  spine_switch: "quantum2_qm9700" } }
  override { )" + change + R"( } }
job { pretraining { model: "gpt_1.7b" stack: "megatron_core"
                    layout { tensor: 1 pipeline: 1 data: 8 }
                    global_batch: 8 sequence_length: 2048 } })",
                          {});
}

double LinkGbs(const Scenario& scenario) {
  return scenario.site().server.accelerator.scale_up_bandwidth.si() / kGiga;
}

double Bf16(const Scenario& scenario) {
  return scenario.site().server.accelerator.rates[static_cast<int>(Precision::kBf16)].peak.si() /
         1e12;
}

// NVIDIA cut both parts to 400 GB/s (200 per direction), whole links below what the rule left.
TEST(ComplyWith, October2022TurnsA100AndH100IntoPartsLikeA800AndH800) {
  const Scenario a100 = Load("dgx_a100", "comply_with { rule: OCTOBER_2022 }");
  EXPECT_NEAR(LinkGbs(a100), (599.0 - 64) / 2, 1e-9);
  EXPECT_NEAR(Bf16(a100), 312, 1e-9);
  const Scenario h100 = Load("dgx_h100", "comply_with { rule: OCTOBER_2022 }");
  EXPECT_NEAR(LinkGbs(h100), (599.0 - 128) / 2, 1e-9);
  EXPECT_NEAR(Bf16(h100), 989, 1e-9);
  EXPECT_THAT(h100.notes,
              Contains(HasSubstr("comply_with: h100_sxm: links from 900 to 471 GB/s, both "
                                 "directions (the rule of October 2022")));
}

TEST(ComplyWith, October2023TurnsH100IntoAPartLikeH20) {
  const Scenario h100 = Load("dgx_h100", "comply_with { rule: OCTOBER_2023 }");
  const Scenario h20 = Load("hgx_h20", "comply_with { rule: OCTOBER_2023 }");
  EXPECT_NEAR(LinkGbs(h100), 450, 1e-9);
  EXPECT_NEAR(Bf16(h100), 989 * 2399.0 / 15832, 1e-9);
  EXPECT_NEAR(Bf16(h100) / Bf16(h20), 1.0, 0.02);
  EXPECT_THAT(h20.notes, Contains(HasSubstr("nothing is cut")));
}

TEST(ComplyWith, CutsWhatTheOtherOverridesHaveLeft) {
  const Scenario scenario = Load(
      "dgx_h100", "scale_up { bidirectional: \"400 GB/s\" } comply_with { rule: OCTOBER_2022 }");
  EXPECT_NEAR(LinkGbs(scenario), 200, 1e-9);
  EXPECT_THAT(scenario.notes, Contains(HasSubstr("nothing is cut")));
  const Scenario slow = Load("dgx_h100", "flops_factor: 0.3 comply_with { rule: OCTOBER_2022 }");
  EXPECT_NEAR(LinkGbs(slow), 450, 1e-9);
}

TEST(ComplyWith, January2026CutsComputeAndMemoryOfB200) {
  const Scenario b200 = Load("hgx_b200", "comply_with { rule: JANUARY_2026 }");
  EXPECT_NEAR(Bf16(b200), 2250 * 20999.0 / 36000, 1e-9);
  EXPECT_NEAR(b200.site().server.accelerator.hbm_bandwidth.si() / kGiga, 6499, 1e-6);
}

}  // namespace
}  // namespace gridlock
