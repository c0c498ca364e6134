#include <cmath>
#include <cstdint>

#include "sim/base/check.h"
#include "sim/policy/diffusion.h"
#include "sim/policy/export_rules.h"
#include "sim/scenario/convert.h"

namespace gridlock {
namespace {

/// "790.00 million".
std::string Millions(double value) {
  const std::int64_t hundredths = std::llround(value / 1e4);
  const std::string digits = std::to_string(hundredths % 100);
  return std::to_string(hundredths / 100) + (digits.size() == 1 ? ".0" : ".") + digits + " million";
}

std::string QuotaText(std::optional<double> quota) {
  if (!quota.has_value()) {
    return "no quota";
  }
  return *quota == 0.0 ? "nothing is to be had" : "a quota of " + Millions(*quota);
}

/// What the site has, in the unit of account of the rule.
struct Account {
  double part = 0.0;    ///< TPP of one accelerator
  double total = 0.0;   ///< TPP of the site
  bool counts = false;  ///< the part is one that quotas are about
};

Account AccountOf(const AcceleratorFacts& facts, const SiteSpec& site) {
  Account account;
  account.part = TotalProcessingPerformance(facts);
  account.total = account.part * site.servers * site.server.accelerators;
  account.counts = !Passes(ExportRule::kJanuary2025, facts);
  return account;
}

std::string NoteOf(const Account& account, const SiteSpec& site, const std::string& country,
                   std::optional<double> quota) {
  const std::int64_t accelerators = std::int64_t{site.servers} * site.server.accelerators;
  std::string note = site.path + ".jurisdiction: " + country + ": " + std::to_string(accelerators) +
                     " accelerators of TPP " + std::to_string(std::llround(account.part)) +
                     " are " + Millions(account.total) + " TPP; ";
  if (!account.counts) {
    return note + "such parts are outside of the quotas of January 2025";
  }
  return note + "by the rule of January 2025 " + QuotaText(quota);
}

/// What is wrong with a site that exceeds the quota.
std::string ExcessText(const Account& account, const SiteSpec& site, const std::string& country,
                       double quota) {
  const std::string knob = "knob: COMPUTE, which cuts the part until no quota is needed";
  if (quota == 0.0) {
    return Refusal(
        "the rule of January 2025 lets no " + site.server.accelerator.name + " into " + country,
        "another jurisdiction, or " + knob);
  }
  const double fit = PartsWithin(quota, account.part * site.server.accelerators);
  return Refusal("the site has " + Millions(account.total) + " TPP, and the quota of " + country +
                     " by the rule of January 2025 is " + Millions(quota),
                 "at most " + std::to_string(std::llround(fit)) + " servers, or " + knob);
}

}  // namespace

bool IsMetByQuota(const proto::Site& site) {
  const proto::Compliance& compliance = site.override().comply_with();
  return compliance.rule() == proto::JANUARY_2025 && compliance.knob() == proto::KNOB_UNSPECIFIED &&
         !site.jurisdiction().empty();
}

void CheckQuota(const proto::Site& site, const Written& written, const Catalogue& catalogue,
                const SiteSpec& spec, std::vector<std::string>& notes, ProblemList& problems) {
  if (site.jurisdiction().empty()) {
    return;
  }
  const std::string& name = spec.server.accelerator.name;
  const AcceleratorFacts facts =
      MakeFacts(*catalogue.accelerators.at(name).message, spec.server.accelerator, catalogue);
  const Account account = AccountOf(facts, spec);
  const std::optional<double> quota = TppQuota(TierOf(site.jurisdiction()), QuotaKind::kCountry);
  notes.push_back(NoteOf(account, spec, site.jurisdiction(), quota));
  if (IsMetByQuota(site) && account.counts && quota.has_value() && account.total > *quota) {
    problems.Add(written.At("servers").value, spec.path + ".servers",
                 ExcessText(account, spec, site.jurisdiction(), *quota));
  }
}

}  // namespace gridlock
