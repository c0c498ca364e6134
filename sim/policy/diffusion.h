#pragma once

// The quotas of the AI Diffusion rule of January 2025 (90 FR 4544): countries in three tiers, and
// total processing performance (TPP) as the unit of account. It would have applied from 15 May
// 2025; the Bureau announced on 13 May 2025 that it would not be enforced.

#include <optional>
#include <span>
#include <string_view>

namespace gridlock {

enum class DiffusionTier {
  kAllies,    ///< the United States and 18 allies: no quota
  kQuota,     ///< every other country
  kEmbargoed  ///< arms-embargoed countries and Macau: presumption of denial
};

/// The tier of a country.
/// @param country ISO 3166-1 alpha-2, "DE". Unknown texts count as kQuota, as the rule's default.
DiffusionTier TierOf(std::string_view country);

/// The countries of a tier by their codes, in order; none for kQuota, which is all others.
std::span<const std::string_view> CountriesOf(DiffusionTier tier);

/// How a fleet may come into a country of the middle tier.
enum class QuotaKind {
  kCountry,     ///< licences for everybody else in the country together, 2025 to 2027
  kSmallOrder,  ///< licence exception for low processing performance, per receiver and year
  kValidated,   ///< national validated end user: per company and country, at the end of 2027
};

/// TPP that may be installed; nothing where there is no limit (allies), zero where none may be
/// installed.
std::optional<double> TppQuota(DiffusionTier tier, QuotaKind kind);

/// Whole parts of `tpp` each that fit a quota.
/// @param tpp of one part, > 0.
double PartsWithin(double quota, double tpp);

}  // namespace gridlock
