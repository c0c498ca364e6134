#include "sim/policy/diffusion.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "sim/base/check.h"

namespace gridlock {
namespace {

// 90 FR 4544, supplement no. 5 to part 740, paragraph (a), and the United States. From memory.
constexpr std::array<std::string_view, 19> kAllies = {"AU", "BE", "CA", "DE", "DK", "ES", "FI",
                                                      "FR", "GB", "IE", "IT", "JP", "KR", "NL",
                                                      "NO", "NZ", "SE", "TW", "US"};

// Country group D:5 (supplement no. 1 to part 740) without Cyprus, which the rule treats as the
// middle tier, and Macau. Hong Kong is treated as China. From memory.
constexpr std::array<std::string_view, 25> kEmbargoed = {
    "AF", "BY", "CD", "CF", "CN", "CU", "ER", "HK", "HT", "IQ", "IR", "KH", "KP",
    "LB", "LY", "MM", "MO", "NI", "RU", "SD", "SO", "SS", "SY", "VE", "ZW"};

// 90 FR 4544, from memory: 790 million TPP per country through 2027, about 50,000 H100.
constexpr double kCountryQuota = 790e6;

// 90 FR 4544, License Exception LPP, from memory: 26.9 million TPP per receiver and calendar year,
// about 1,700 H100.
constexpr double kSmallOrderQuota = 26.9e6;

// 90 FR 4544, national validated end users, from memory: rises each quarter to 5,064 million TPP
// per company and country at the end of 2027, about 320,000 H100.
constexpr double kValidatedQuota = 5064e6;

}  // namespace

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
