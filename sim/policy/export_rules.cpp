#include "sim/policy/export_rules.h"

#include <algorithm>

#include "sim/base/check.h"
#include "sim/policy/thresholds.h"

namespace gridlock {
namespace {

constexpr double kTera = 1e12;

std::string LogicText(LogicControl control) {
  switch (control) {
    case LogicControl::kNone:
      return "not controlled";
    case LogicControl::k3A090a:
      return "3A090.a";
    case LogicControl::k3A090aByDensity:
      return "3A090.a (PD)";
    case LogicControl::k3A090b:
      return "3A090.b";
    case LogicControl::kUnknown:
      return "unknown: the die area decides";
  }
  CHECK(!"all controls are listed");
  return "";
}

std::string StackText(StackControl control) {
  switch (control) {
    case StackControl::kNoHbm:
      return "no HBM";
    case StackControl::kNone:
      return "HBM stacks not controlled";
    case StackControl::k3A090c:
    case StackControl::k3A090cWithException:
      return "HBM stacks 3A090.c";
    case StackControl::kUnknown:
      return "HBM stacks unknown";
  }
  CHECK(!"all controls are listed");
  return "";
}

std::string ReviewText(LicenceReview review) {
  switch (review) {
    case LicenceReview::kNotNeeded:
      return "n/a";
    case LicenceReview::kCaseByCase:
      return "case-by-case";
    case LicenceReview::kPresumptionOfDenial:
      return "presumption of denial";
  }
  CHECK(!"all reviews are listed");
  return "";
}

bool IsDram(MemoryKind memory) {
  return memory != MemoryKind::kSram;
}

bool Is3A090a(LogicControl control) {
  return control == LogicControl::k3A090a || control == LogicControl::k3A090aByDensity;
}

}  // namespace

const char* ExportRuleName(ExportRule rule) {
  switch (rule) {
    case ExportRule::kOctober2022:
      return "October 2022";
    case ExportRule::kOctober2023:
      return "October 2023";
    case ExportRule::kDecember2024:
      return "December 2024";
    case ExportRule::kJanuary2025:
      return "January 2025";
    case ExportRule::kJanuary2026:
      return "January 2026";
  }
  CHECK(!"all rules are listed");
  return "";
}

double TotalProcessingPerformance(const AcceleratorFacts& part) {
  double tpp = 0.0;
  for (const FormatRate& rate : part.rates) {
    tpp = std::max(tpp, rate.peak.si() / kTera * rate.bits);
  }
  return tpp;
}

std::optional<double> ApplicableArea(const AcceleratorFacts& part) {
  return part.planar ? std::nullopt : part.logic_area_mm2;
}

std::optional<double> PerformanceDensity(const AcceleratorFacts& part) {
  const std::optional<double> area = ApplicableArea(part);
  if (!area.has_value()) {
    return std::nullopt;
  }
  return TotalProcessingPerformance(part) / *area;
}

BytesPerSecond InputOutput(const AcceleratorFacts& part) {
  return part.links + part.host;
}

std::optional<double> StackBandwidthDensity(const AcceleratorFacts& part) {
  if (part.memory != MemoryKind::kHbm || !part.stack_area_mm2.has_value() ||
      part.stack_bandwidth <= BytesPerSecond(0.0)) {
    return std::nullopt;
  }
  return part.stack_bandwidth.si() / kGiga / *part.stack_area_mm2;
}

bool IsControlledInOctober2022(double tpp, double io_gbs) {
  return tpp >= kTppControlled && io_gbs >= kIoControlledGbs;
}

bool IsControlledInOctober2022(const AcceleratorFacts& part) {
  return IsControlledInOctober2022(TotalProcessingPerformance(part),
                                   InputOutput(part).si() / kGiga);
}

LogicControl ControlSinceOctober2023(double tpp, std::optional<double> density, bool area_is_known,
                                     bool consumer) {
  if (tpp >= kTppControlled) {
    return LogicControl::k3A090a;
  }
  // Note 2 to 3A090: below 4800, parts that are neither designed nor marketed for datacenters are
  // left out. 88 FR 73458, from memory.
  if (tpp < kTppWithDensity || consumer) {
    return LogicControl::kNone;
  }
  if (!density.has_value()) {
    return area_is_known ? LogicControl::kNone : LogicControl::kUnknown;
  }
  if (*density >= kDensityControlled) {
    return LogicControl::k3A090aByDensity;
  }
  if (*density >= kDensityLowerTierSmall ||
      (tpp >= kTppLowerTier && *density >= kDensityLowerTier)) {
    return LogicControl::k3A090b;
  }
  return LogicControl::kNone;
}

LogicControl ControlSinceOctober2023(const AcceleratorFacts& part) {
  return ControlSinceOctober2023(TotalProcessingPerformance(part), PerformanceDensity(part),
                                 part.planar || part.logic_area_mm2.has_value(), part.consumer);
}

StackControl ControlOfStacks(const AcceleratorFacts& part) {
  if (part.memory == MemoryKind::kUnknown) {
    return StackControl::kUnknown;
  }
  if (part.memory != MemoryKind::kHbm) {
    return StackControl::kNoHbm;
  }
  const std::optional<double> density = StackBandwidthDensity(part);
  if (!density.has_value()) {
    return StackControl::kUnknown;
  }
  if (*density <= kStackDensityControlled) {
    return StackControl::kNone;
  }
  return *density < kStackDensityException ? StackControl::k3A090cWithException
                                           : StackControl::k3A090c;
}

LicenceReview ReviewSinceJanuary2026(const AcceleratorFacts& part) {
  const LogicControl control = ControlSinceOctober2023(part);
  if (control == LogicControl::kNone) {
    return LicenceReview::kNotNeeded;
  }
  // The bandwidth of SRAM is no DRAM bandwidth, however large.
  const double dram_gbs = IsDram(part.memory) ? part.memory_bandwidth.si() / kGiga : 0.0;
  const bool small =
      TotalProcessingPerformance(part) < kTppCaseByCase && dram_gbs < kDramCaseByCaseGbs;
  return small ? LicenceReview::kCaseByCase : LicenceReview::kPresumptionOfDenial;
}

bool Passes(ExportRule rule, const AcceleratorFacts& part) {
  switch (rule) {
    case ExportRule::kOctober2022:
      return !IsControlledInOctober2022(part);
    case ExportRule::kOctober2023:
    case ExportRule::kDecember2024:
      return ControlSinceOctober2023(part) == LogicControl::kNone;
    case ExportRule::kJanuary2025: {
      const LogicControl control = ControlSinceOctober2023(part);
      return control == LogicControl::kNone || control == LogicControl::k3A090b;
    }
    case ExportRule::kJanuary2026:
      return ReviewSinceJanuary2026(part) != LicenceReview::kPresumptionOfDenial;
  }
  CHECK(!"all rules are listed");
  return false;
}

std::string StatusText(ExportRule rule, const AcceleratorFacts& part) {
  const LogicControl control = ControlSinceOctober2023(part);
  switch (rule) {
    case ExportRule::kOctober2022:
      return IsControlledInOctober2022(part) ? "controlled" : "not controlled";
    case ExportRule::kOctober2023:
      return LogicText(control);
    case ExportRule::kDecember2024:
      return LogicText(control) + "; " + StackText(ControlOfStacks(part));
    case ExportRule::kJanuary2025:
      if (control == LogicControl::kUnknown) {
        return LogicText(control);
      }
      return Is3A090a(control) ? "quotas of TPP" : "outside of the quotas";
    case ExportRule::kJanuary2026:
      return ReviewText(ReviewSinceJanuary2026(part));
  }
  CHECK(!"all rules are listed");
  return "";
}

}  // namespace gridlock
