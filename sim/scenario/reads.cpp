#include "sim/scenario/reads.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <variant>

namespace gridlock {
namespace {

/// What a step does, as far as it decides which numbers the step reads.
struct StepUse {
  bool across_servers = false;
  bool experts = false;
  bool experts_apart = false;
  Precision precision = Precision::kBf16;
  bool computes = true;  ///< false: a test of a collective, which only moves bytes
};

StepUse UseOf(const TrainingSpec& training, const SiteSpec& site) {
  StepUse use;
  use.across_servers =
      training.layout.accelerators() > training.layout.used_of(site.server.accelerators);
  use.experts = training.model.has_experts();
  use.experts_apart = training.layout.expert > 1;
  use.precision = training.precision;
  return use;
}

StepUse UseOf(const ServingSpec& fleet, const SiteSpec& site) {
  StepUse use;
  use.across_servers = fleet.accelerators() > site.server.accelerators;
  use.experts = fleet.model.has_experts();
  use.precision = fleet.precision;
  return use;
}

StepUse UseOf(const CollectiveTestSpec& test, const SiteSpec& site) {
  StepUse use;
  use.across_servers = OnSite(test, site).ranks > site.server.accelerators;
  use.experts_apart = test.kind == CollectiveKind::kAllToAll;
  use.computes = false;
  return use;
}

// What the steps of each kind of job are on a site.

void AddUses(const PretrainingSpec& run, const SiteSpec& site, std::vector<StepUse>& uses) {
  uses.push_back(UseOf(run.step, site));
}

void AddUses(const CampaignSpec& campaign, const SiteSpec& site, std::vector<StepUse>& uses) {
  for (const PretrainingSpec& rung : campaign.rungs) {
    uses.push_back(UseOf(rung.step, site));
  }
}

void AddUses(const ServingSpec& fleet, const SiteSpec& site, std::vector<StepUse>& uses) {
  uses.push_back(UseOf(fleet, site));
}

void AddUses(const CollectiveTestSpec& test, const SiteSpec& site, std::vector<StepUse>& uses) {
  uses.push_back(UseOf(test, site));
}

std::vector<StepUse> UsesOf(const Scenario& scenario, bool life) {
  std::vector<StepUse> uses;
  if (!life) {
    std::visit(
        [&](const auto& kind) {
          AddUses(kind, scenario.site(), uses);
        },
        scenario.jobs[0].kind);
    return uses;
  }
  for (const JobSpec& job : scenario.jobs) {
    for (std::size_t i = 0; i < scenario.sites.size(); ++i) {
      if (job.sites.empty() || std::find(job.sites.begin(), job.sites.end(),
                                         static_cast<std::int32_t>(i)) != job.sites.end()) {
        std::visit(
            [&](const auto& kind) {
              AddUses(kind, scenario.sites[i], uses);
            },
            job.kind);
      }
    }
  }
  return uses;
}

bool IsOfFormat(const ReadBy& by, const StepUse& use) {
  if (!use.computes) {
    return !by.format.has_value();
  }
  // Attention runs in 16 bits whatever the format of the GEMMs is.
  return !by.format.has_value() || *by.format == use.precision ||
         (*by.format == Precision::kBf16 && !by.gemms);
}

bool Reads(const StepUse& use, const ReadBy& by) {
  return (use.across_servers || !by.steps_across_servers) &&
         (use.experts || !by.steps_with_experts) &&
         (use.experts_apart || !by.steps_with_experts_apart) && IsOfFormat(by, use);
}

}  // namespace

std::vector<Estimate> EstimatesReadBy(const Scenario& scenario) {
  const bool life = scenario.horizon > Seconds(0.0);
  const std::vector<StepUse> uses = UsesOf(scenario, life);
  std::vector<Estimate> read;
  std::set<std::tuple<std::string, std::string, std::string>> seen;
  for (const Estimate& estimate : scenario.estimates) {
    const ReadBy& by = estimate.read_by;
    const bool is_read =
        !by.nobody && (life || !by.lives) &&
        std::any_of(uses.begin(), uses.end(), [&](const StepUse& use) {
          return Reads(use, by) && (use.computes || !estimate.field.starts_with("power"));
        });
    if (is_read && seen.emplace(estimate.kind, estimate.entry, estimate.field).second) {
      read.push_back(estimate);
    }
  }
  return read;
}

}  // namespace gridlock
