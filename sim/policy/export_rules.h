#pragma once

// US export rules on accelerators as arithmetic: what each rule measures, and what it says about a
// part. Thresholds stand beside their citation in export_rules.cpp. Destinations in the sense of
// these functions are those that the rules aim at (China and Macau). Not legal advice: licence
// exceptions, end users, and parts that only the ownership of their seller brings under a rule are
// not modelled.

#include <optional>
#include <string>

#include "sim/policy/facts.h"

namespace gridlock {

enum class ExportRule {
  kOctober2022,   ///< 87 FR 62186: compute and the bandwidth of all links
  kOctober2023,   ///< 88 FR 73458: compute, and compute per die area
  kDecember2024,  ///< 89 FR 96790: the same, and stacks of HBM
  kJanuary2025,   ///< 90 FR 4544, AI Diffusion: quotas of compute; withdrawn in May 2025
  kJanuary2026,   ///< FR 2026-00789: licences case by case below two thresholds
};

inline constexpr int kExportRules = 5;

/// "October 2022" and so on.
const char* ExportRuleName(ExportRule rule);

/// Total processing performance (TPP): the largest of dense TOPS x bit length over the formats,
/// which is 2 x MacTOPS x bit length. Zero without formats.
double TotalProcessingPerformance(const AcceleratorFacts& part);

/// The applicable die area in mm2: of logic dies with non-planar transistors. Nothing when the area
/// is not known or the transistors are planar.
std::optional<double> ApplicableArea(const AcceleratorFacts& part);

/// Performance density: TPP over the applicable die area. Nothing without one.
std::optional<double> PerformanceDensity(const AcceleratorFacts& part);

/// All inputs and outputs but those to memory, both directions added: scale-up links and host link.
BytesPerSecond InputOutput(const AcceleratorFacts& part);

/// Bandwidth over footprint of one stack of the part's memory in GB/s per mm2. Nothing for parts
/// without HBM, or when one of the two is not known.
std::optional<double> StackBandwidthDensity(const AcceleratorFacts& part);

/// What 3A090.a and .b say about the logic since October 2023.
enum class LogicControl {
  kNone,
  k3A090a,           ///< by TPP alone
  k3A090aByDensity,  ///< by TPP and performance density
  k3A090b,           ///< the lower tier
  kUnknown,          ///< the die area decides and is not known
};

/// The rule of October 2022: enough compute and enough bandwidth.
bool IsControlledInOctober2022(const AcceleratorFacts& part);

/// The same test on bare numbers. `io_gbs` in GB/s, both directions added.
bool IsControlledInOctober2022(double tpp, double io_gbs);

LogicControl ControlSinceOctober2023(const AcceleratorFacts& part);

/// The same test on bare numbers.
/// @param density nothing for planar dies, which have none.
/// @param area_is_known false when the density is missing because nobody published the area.
LogicControl ControlSinceOctober2023(double tpp, std::optional<double> density, bool area_is_known,
                                     bool consumer);

/// What 3A090.c says about stacks of the part's memory, as a commodity of their own.
enum class StackControl {
  kNoHbm,
  kNone,
  k3A090c,               ///< controlled
  k3A090cWithException,  ///< controlled; License Exception HBM may apply
  kUnknown,
};

StackControl ControlOfStacks(const AcceleratorFacts& part);

/// How applications for licences are reviewed since January 2026.
enum class LicenceReview { kNotNeeded, kCaseByCase, kPresumptionOfDenial };

LicenceReview ReviewSinceJanuary2026(const AcceleratorFacts& part);

/// True when the rule lets the part through: not controlled; for January 2026, at worst reviewed
/// case by case; for January 2025, outside of the quotas. Stacks of HBM inside of a part do not
/// count: 3A090.c leaves out memory in a package whose main function is processing.
bool Passes(ExportRule rule, const AcceleratorFacts& part);

/// The status in words: "not controlled", "3A090.a; HBM stacks 3A090.c", "case-by-case".
std::string StatusText(ExportRule rule, const AcceleratorFacts& part);

}  // namespace gridlock
