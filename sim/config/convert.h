#pragma once

// Messages -> the structs that everything behind the loader sees. What comes in here has passed
// CheckRules and CheckNames, so that every text parses and every name is known.

#include <string>
#include <vector>

#include "sim/config/catalogue.h"
#include "sim/config/problems.h"
#include "sim/config/scenario.h"
#include "sim/config/text_reader.h"
#include "sim/policy/facts.h"

namespace gridlock {

/// Checks that every catalogue entry and site that the scenario names exists.
void CheckNames(const proto::Scenario& scenario, const Written& written, const Catalogue& catalogue,
                ProblemList& problems);

/// Puts what each site's cluster says below what the site says itself, so that all behind this sees
/// sites alone; notes say what came from the cluster. False when a cluster was wrong.
bool ExpandClusters(const Catalogue& catalogue, proto::Scenario& scenario, Written& written,
                    std::vector<std::string>& notes, ProblemList& problems);

/// Total over IT power: the facility's own, else that of its building, else 1. `path` is that of
/// the facility.
double PueOf(const proto::Facility& facility, const Catalogue& catalogue, const std::string& path,
             std::vector<std::string>& notes);

/// The first site, overrides applied. Adds to `notes` how texts were understood and which numbers
/// are estimates.
SiteSpec MakeSite(const proto::Scenario& scenario, const Catalogue& catalogue,
                  std::vector<std::string>& notes);

/// One accelerator as the catalogue has it.
AcceleratorSpec MakeAccelerator(const Entry<proto::Accelerator>& entry, const std::string& path,
                                std::vector<std::string>& notes);

/// The numbers that an override gives, in place of the accelerator's own; not its comply_with.
void ApplyNumbers(const proto::Override& change, AcceleratorSpec& accelerator,
                  std::vector<std::string>& notes);

/// What export rules ask about the accelerator `entry`, with the numbers of `spec`, which may have
/// been overridden.
AcceleratorFacts MakeFacts(const proto::Accelerator& entry, const AcceleratorSpec& spec,
                           const Catalogue& catalogue);

/// Checks that a comply_with can be carried out: the accelerator has facts, and the knob suffices.
void CheckCompliance(const proto::Scenario& scenario, const Written& written,
                     const Catalogue& catalogue, ProblemList& problems);

/// True when a site meets its rule by the quota of its country, so that no part is cut: the rule is
/// that of January 2025, there is a jurisdiction, and no knob is named.
bool IsMetByQuota(const proto::Site& site);

/// Notes the total processing performance of each site that has a jurisdiction; a site that is to
/// meet its rule by a quota and exceeds it is a problem. `spec` is the first site.
void CheckQuota(const proto::Scenario& scenario, const Written& written, const Catalogue& catalogue,
                const SiteSpec& spec, std::vector<std::string>& notes, ProblemList& problems);

/// Cuts `spec` as comply_with says and adds what was cut and why to `notes`.
void ApplyCompliance(const proto::Compliance& compliance, const proto::Accelerator& entry,
                     const Catalogue& catalogue, AcceleratorSpec& spec,
                     std::vector<std::string>& notes);

/// The first job.
TrainingSpec MakeTraining(const proto::Scenario& scenario, const Catalogue& catalogue,
                          std::vector<std::string>& notes);

/// What site and job owe each other: overrides that make sense, sizes that fit, divide, and do not
/// exceed the machine. `written` is that of the scenario.
void CheckFit(const proto::Scenario& scenario, const Written& written, const SiteSpec& site,
              const TrainingSpec& job, ProblemList& problems);

/// The SI value of a text that is known to be good.
double SiOf(const std::string& text, Dimension dimension);

}  // namespace gridlock
