#include <algorithm>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "sim/describe/catalogue_text.h"
#include "sim/describe/refuse.h"
#include "sim/policy/diffusion.h"
#include "sim/policy/export_rules.h"
#include "sim/report/json.h"
#include "sim/report/layout.h"

namespace gridlock {
namespace {

constexpr ExportRule kRules[kExportRules] = {ExportRule::kOctober2022, ExportRule::kOctober2023,
                                             ExportRule::kDecember2024, ExportRule::kJanuary2025,
                                             ExportRule::kJanuary2026};

std::string NumberOrDash(std::optional<double> value, int digits) {
  return value.has_value() ? fmt::format("{:.{}f}", *value, digits) : "-";
}

std::string RulesOfOne(const AcceleratorFacts& part) {
  std::string text = part.name + "\n";
  text += fmt::format("  {:<36} {:.0f}\n", "total processing performance (TPP)",
                      TotalProcessingPerformance(part));
  text += fmt::format("  {:<36} {}\n", "performance density, TPP/mm2",
                      NumberOrDash(PerformanceDensity(part), 2));
  text += fmt::format("  {:<36} {:.0f}\n", "I/O, both directions, GB/s",
                      InputOutput(part).si() / kGiga);
  text += fmt::format("  {:<36} {}\n", "HBM stack, GB/s per mm2",
                      NumberOrDash(StackBandwidthDensity(part), 1));
  for (const ExportRule rule : kRules) {
    text += fmt::format("  {:<36} {}\n", ExportRuleName(rule), StatusText(rule, part));
  }
  return text;
}

std::string MillionTpp(DiffusionTier tier, QuotaKind kind) {
  return fmt::format("{:.4g} million", TppQuota(tier, kind).value_or(0.0) / 1e6);
}

std::string CountriesText(DiffusionTier tier) {
  const auto countries = CountriesOf(tier);
  return countries.empty() ? "all others" : fmt::format("{}", fmt::join(countries, " "));
}

/// The tiers of the rule of January 2025, which measures countries and not parts.
std::string QuotasOfTiers() {
  std::string text =
      "January 2025 (AI Diffusion, 90 FR 4544, withdrawn in May 2025): TPP by country\n";
  const auto quota = [](DiffusionTier tier) {
    if (tier != DiffusionTier::kQuota) {
      return tier == DiffusionTier::kAllies ? std::string("no quota") : std::string("none");
    }
    return fmt::format(
        "{} from 2025 to 2027, {} per receiver and year without a licence, {} per "
        "validated company at the end of 2027",
        MillionTpp(tier, QuotaKind::kCountry), MillionTpp(tier, QuotaKind::kSmallOrder),
        MillionTpp(tier, QuotaKind::kValidated));
  };
  int number = 1;
  for (const DiffusionTier tier :
       {DiffusionTier::kAllies, DiffusionTier::kQuota, DiffusionTier::kEmbargoed}) {
    text +=
        Wrapped(fmt::format("  tier {}: ", number++), CountriesText(tier) + ": " + quota(tier), 10);
  }
  return text + "\n";
}

/// The accelerators to speak of: the one of that name or alias; all for "".
std::vector<const AcceleratorFacts*> PartsOf(const CatalogueView& view, const std::string& name) {
  std::vector<const AcceleratorFacts*> parts;
  std::vector<std::string> names;
  const CatalogueEntry* const entry = FindEntry(view, "accelerator", name);
  for (const AcceleratorFacts& part : view.accelerators) {
    names.push_back(part.name);
    if (name.empty() || (entry != nullptr && part.name == entry->name)) {
      parts.push_back(&part);
    }
  }
  if (parts.empty()) {
    RefuseUnknown("accelerator", name, names);
  }
  return parts;
}

}  // namespace

std::string RulesText(const CatalogueView& view, const std::string& name) {
  const std::vector<const AcceleratorFacts*> parts = PartsOf(view, name);
  if (!name.empty()) {
    return RulesOfOne(*parts.front());
  }
  std::string text = QuotasOfTiers();
  const auto row = [&](const auto&... cells) {
    text += fmt::format("{:<19}{:>8}{:>7}{:>6}{:>6}  {:<15}{:<15}{:<35}{:<22}{}\n", cells...);
  };
  row("accelerator", "TPP", "PD", "I/O", "HBM", "October 2022", "October 2023", "December 2024",
      "January 2025", "January 2026");
  for (const AcceleratorFacts* part : parts) {
    row(part->name, fmt::format("{:.0f}", TotalProcessingPerformance(*part)),
        NumberOrDash(PerformanceDensity(*part), 2),
        fmt::format("{:.0f}", InputOutput(*part).si() / kGiga),
        NumberOrDash(StackBandwidthDensity(*part), 1), StatusText(kRules[0], *part),
        StatusText(kRules[1], *part), StatusText(kRules[2], *part), StatusText(kRules[3], *part),
        StatusText(kRules[4], *part));
  }
  return text;
}

std::string RulesJson(const CatalogueView& view, const std::string& name) {
  JsonWriter json;
  const auto member = [&](const char* key, std::optional<double> value) {
    if (value.has_value()) {
      json.Member(key, *value);
    }
  };
  json.BeginArray();
  for (const AcceleratorFacts* part : PartsOf(view, name)) {
    json.BeginObject();
    json.Member("name", part->name);
    json.Member("total_processing_performance", TotalProcessingPerformance(*part));
    member("performance_density", PerformanceDensity(*part));
    json.Member("io_gb_per_s", InputOutput(*part).si() / kGiga);
    member("stack_density_gb_per_s_mm2", StackBandwidthDensity(*part));
    for (const ExportRule rule : kRules) {
      json.Member(ExportRuleName(rule), StatusText(rule, *part));
    }
    json.EndObject();
  }
  json.EndArray();
  return json.Finish();
}

}  // namespace gridlock
