#include "sim/policy/diffusion.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "sim/base/check.h"

namespace gridlock {
namespace {

// 90 FR 4544, supplement no. 5 to part 740, paragraph (a), and the United States. 18 allies, as the
// White House counts them (fact sheet of 13 January 2025); names as in the National Law Review, "AI
// Diffusion Rule", January 2025.
constexpr std::array<std::string_view, 19> kAllies = {"AU", "BE", "CA", "DE", "DK", "ES", "FI",
                                                      "FR", "GB", "IE", "IT", "JP", "KR", "NL",
                                                      "NO", "NZ", "SE", "TW", "US"};

// Country group D:5 (supplement no. 1 to part 740) without Cyprus, which the rule treats as the
// middle tier: 23 countries, as summaries of the rule count them (nquiringminds.com); and Macau.
// Hong Kong is treated as China. The names are from memory.
constexpr std::array<std::string_view, 25> kEmbargoed = {
    "AF", "BY", "CD", "CF", "CN", "CU", "ER", "HK", "HT", "IQ", "IR", "KH", "KP",
    "LB", "LY", "MM", "MO", "NI", "RU", "SD", "SO", "SS", "SY", "VE", "ZW"};

// 790 million TPP per country from 2025 to 2027: 90 FR 4544, supplement no. 2 to part 748, as
// quoted in public tables of it. The White House fact sheet of 13 January 2025 says "up to the
// equivalent of 50,000 advanced GPUs per country": 49,900 H100 of TPP 15,832.
constexpr double kCountryQuota = 790e6;

// License Exception LPP: 26.9 million TPP per receiver and calendar year, from memory. The fact
// sheet says "roughly 1,700 advanced GPUs": 1,699 H100.
constexpr double kSmallOrderQuota = 26.9e6;

// National validated end users: rises each quarter to 5,064 million TPP per company and country at
// the end of 2027, from memory. The fact sheet says "up to 320,000 advanced GPUs over the next two
// years": 319,859 H100.
constexpr double kValidatedQuota = 5064e6;

}  // namespace

std::span<const std::string_view> CountriesOf(DiffusionTier tier) {
  switch (tier) {
    case DiffusionTier::kAllies:
      return kAllies;
    case DiffusionTier::kEmbargoed:
      return kEmbargoed;
    case DiffusionTier::kQuota:
      return {};
  }
  CHECK(!"all tiers are listed");
  return {};
}

DiffusionTier TierOf(std::string_view country) {
  if (std::find(kAllies.begin(), kAllies.end(), country) != kAllies.end()) {
    return DiffusionTier::kAllies;
  }
  if (std::find(kEmbargoed.begin(), kEmbargoed.end(), country) != kEmbargoed.end()) {
    return DiffusionTier::kEmbargoed;
  }
  return DiffusionTier::kQuota;
}

std::optional<double> TppQuota(DiffusionTier tier, QuotaKind kind) {
  if (tier == DiffusionTier::kAllies) {
    return std::nullopt;
  }
  if (tier == DiffusionTier::kEmbargoed) {
    return 0.0;
  }
  switch (kind) {
    case QuotaKind::kCountry:
      return kCountryQuota;
    case QuotaKind::kSmallOrder:
      return kSmallOrderQuota;
    case QuotaKind::kValidated:
      return kValidatedQuota;
  }
  CHECK(!"all quotas are listed");
  return 0.0;
}

double PartsWithin(double quota, double tpp) {
  CHECK(tpp > 0.0);
  return std::floor(quota / tpp);
}

}  // namespace gridlock
