#include "sim/policy/comply.h"

#include <algorithm>
#include <cmath>

#include "sim/base/check.h"
#include "sim/policy/thresholds.h"

namespace gridlock {
namespace {

// Thresholds are missed by one: 4799 TPP, 599 GB/s.
constexpr double kOneTpp = 1.0;
constexpr double kOneGbs = 1.0;

std::string Whole(double value) {
  return std::to_string(std::llround(value));
}

void ScaleCompute(CutPart& cut, double factor) {
  for (FormatRate& rate : cut.facts.rates) {
    rate.peak = rate.peak * factor;
  }
  cut.compute_factor *= factor;
}

void CutCompute(CutPart& cut, double target, const std::string& why) {
  const double tpp = TotalProcessingPerformance(cut.facts);
  if (tpp <= target) {
    return;
  }
  ScaleCompute(cut, target / tpp);
  cut.changes.push_back("compute from TPP " + Whole(tpp) + " to " + Whole(target) + " (" + why +
                        ")");
}

void CutMemory(CutPart& cut, double factor, const std::string& why) {
  const double before = cut.facts.memory_bandwidth.si() / kGiga;
  cut.facts.memory_bandwidth = cut.facts.memory_bandwidth * factor;
  cut.facts.stack_bandwidth = cut.facts.stack_bandwidth * factor;
  cut.memory_factor *= factor;
  cut.changes.push_back("memory bandwidth from " + Whole(before) + " to " + Whole(before * factor) +
                        " GB/s (" + why + ")");
}

void CutLinks(CutPart& cut, double target_gbs, const std::string& why) {
  const double before = cut.facts.links.si() / kGiga;
  cut.facts.links = BytesPerSecond(target_gbs * kGiga);
  cut.links_factor *= target_gbs / before;
  cut.changes.push_back("links from " + Whole(before) + " to " + Whole(target_gbs) +
                        " GB/s, both directions (" + why + ")");
}

/// The largest TPP, one unit below some threshold, with which the rule lets the part through. TPP
/// and density fall together; what they pass on the way is not monotonic, so every threshold is
/// tried.
double LargestTpp(const AcceleratorFacts& part, ExportRule rule) {
  std::vector<double> limits = {kTppControlled, kTppLowerTier, kTppWithDensity};
  if (const std::optional<double> area = ApplicableArea(part)) {
    for (const double density : {kDensityControlled, kDensityLowerTierSmall, kDensityLowerTier}) {
      limits.push_back(density * *area);
    }
  }
  std::sort(limits.rbegin(), limits.rend());
  const double tpp = TotalProcessingPerformance(part);
  for (const double limit : limits) {
    const double target = limit - kOneTpp;
    if (target <= 0.0 || target >= tpp) {
      continue;
    }
    CutPart tried;
    tried.facts = part;
    ScaleCompute(tried, target / tpp);
    if (Passes(rule, tried.facts)) {
      return target;
    }
  }
  CHECK(!"below 1600 TPP every part passes");
  return 0.0;
}

void CutForOctober2022(CutPart& cut, Knob knob) {
  const std::string why = "the rule of October 2022 catches TPP " + Whole(kTppControlled) +
                          " or more with " + Whole(kIoControlledGbs) +
                          " GB/s or more, of which the host link has " +
                          Whole(cut.facts.host.si() / kGiga);
  if (knob == Knob::kCompute) {
    CutCompute(cut, kTppControlled - kOneTpp, why);
    return;
  }
  const double target = kIoControlledGbs - kOneGbs - cut.facts.host.si() / kGiga;
  if (knob != Knob::kMemoryBandwidth && target > 0.0 && cut.facts.links > BytesPerSecond(0.0)) {
    CutLinks(cut, target, why);
  }
}

void CutForDensity(CutPart& cut, ExportRule rule, Knob knob) {
  if (knob == Knob::kCompute || knob == Knob::kFitting) {
    const std::optional<double> area = ApplicableArea(cut.facts);
    CutCompute(cut, LargestTpp(cut.facts, rule),
               std::string("the rule of ") + ExportRuleName(rule) +
                   " asks about TPP and TPP over " +
                   (area.has_value() ? Whole(*area) + " mm2 of logic" : "an area not known"));
  }
}

void CutForJanuary2026(CutPart& cut, Knob knob) {
  if (knob == Knob::kCompute || knob == Knob::kFitting) {
    CutCompute(cut, kTppCaseByCase - kOneTpp,
               "licences are considered below TPP " + Whole(kTppCaseByCase));
  }
  const double dram = cut.facts.memory_bandwidth.si() / kGiga;
  const bool has_dram = cut.facts.memory != MemoryKind::kSram;
  if ((knob == Knob::kMemoryBandwidth || knob == Knob::kFitting) && has_dram &&
      dram >= kDramCaseByCaseGbs) {
    CutMemory(cut, (kDramCaseByCaseGbs - kOneGbs) / dram,
              "licences are considered below " + Whole(kDramCaseByCaseGbs) + " GB/s of DRAM");
  }
}

/// Stacks exactly at the limit are outside of 3A090.c, which says "greater than".
std::optional<CutPart> CutStacks(CutPart cut) {
  const std::optional<double> density = StackBandwidthDensity(cut.facts);
  if (!density.has_value()) {
    return std::nullopt;
  }
  if (*density > kStackDensityControlled) {
    CutMemory(cut, kStackDensityControlled / *density,
              "3A090.c catches stacks above " + Whole(kStackDensityControlled) + " GB/s per mm2");
  }
  return cut;
}

}  // namespace

std::optional<CutPart> CutUntilPasses(const AcceleratorFacts& part, ExportRule rule, Knob knob) {
  CutPart cut;
  cut.facts = part;
  if (rule == ExportRule::kDecember2024 && knob == Knob::kMemoryBandwidth) {
    return CutStacks(cut);
  }
  if (Passes(rule, part)) {
    return cut;
  }
  switch (rule) {
    case ExportRule::kOctober2022:
      CutForOctober2022(cut, knob);
      break;
    case ExportRule::kOctober2023:
    case ExportRule::kDecember2024:
    case ExportRule::kJanuary2025:
      CutForDensity(cut, rule, knob);
      break;
    case ExportRule::kJanuary2026:
      CutForJanuary2026(cut, knob);
      break;
  }
  if (!Passes(rule, cut.facts)) {
    return std::nullopt;
  }
  return cut;
}

}  // namespace gridlock
