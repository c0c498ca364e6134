#pragma once

// Messages -> the structs that everything behind the loader sees. What comes in here has passed
// CheckRules and CheckNames, so that every text parses and every name is known.

#include <string>
#include <vector>

#include "sim/catalogue/catalogue.h"
#include "sim/catalogue/parts.h"
#include "sim/policy/facts.h"
#include "sim/scenario/scenario.h"
#include "sim/schema/problems.h"
#include "sim/schema/written.h"

namespace gridlock {

/// A job as a message, of the scenario or of a workload file.
struct JobMessage {
  const proto::Job& message;
  const Written& written;
  std::string path;  ///< "job[0]"
};

/// Checks that every catalogue entry, site and WAN link that the scenario names exists, and that
/// sites have names of their own.
void CheckNames(const proto::Scenario& scenario, const Written& written, const Catalogue& catalogue,
                ProblemList& problems);

/// What the loader has to say about an input that it has understood.
struct Remarks {
  std::vector<std::string>& notes;
  std::vector<Estimate>& estimates;
};

/// Writes out the clusters that sites name: a field that a site does not write comes from its
/// cluster. What follows sees sites alone. The remarks say what came from a cluster, and which of
/// it is an estimate. Returns false when a cluster was wrong.
bool ExpandClusters(const Catalogue& catalogue, proto::Scenario& scenario, Written& written,
                    Remarks remarks, ProblemList& problems);

/// Total over IT power: the facility's own, else that of its building, else 1. `path` is that of
/// the facility.
double PueOf(const proto::Facility& facility, const Catalogue& catalogue, const std::string& path,
             std::vector<std::string>& notes);

/// The same of one job.
void CheckJobNames(const JobMessage& job, const proto::Scenario& scenario,
                   const Catalogue& catalogue, ProblemList& problems);

/// The name of a site, "site[0]" when it has none.
std::string SiteName(const proto::Scenario& scenario, int index);

/// The number of the site of that name; -1 when there is none.
SiteIndex SiteByName(const proto::Scenario& scenario, const std::string& name);

/// One site, overrides applied. Adds to `notes` how texts were understood.
SiteSpec MakeSite(const proto::Scenario& scenario, int index, const Catalogue& catalogue,
                  std::vector<std::string>& notes);

/// The links between sites.
std::vector<WanSpec> MakeWans(const proto::Scenario& scenario);

/// The numbers that the override at `path` gives, in place of the accelerator's own; not its
/// comply_with.
void ApplyNumbers(const proto::Override& change, const std::string& path,
                  AcceleratorSpec& accelerator, std::vector<std::string>& notes);

/// Checks that the comply_with of a site can be carried out: the accelerator has facts, and the
/// knob suffices. `written` is that of the site.
void CheckCompliance(const proto::Site& site, const Written& written, const Catalogue& catalogue,
                     ProblemList& problems);

/// True when a site meets its rule by the quota of its country, so that no part is cut: the rule is
/// that of January 2025, there is a jurisdiction, and no knob is named.
bool IsMetByQuota(const proto::Site& site);

/// Notes the total processing performance of a site that has a jurisdiction. It is a problem when
/// the site is to meet its rule by a quota and exceeds the quota. `written` is that of the site.
void CheckQuota(const proto::Site& site, const Written& written, const Catalogue& catalogue,
                const SiteSpec& spec, std::vector<std::string>& notes, ProblemList& problems);

/// Cuts `spec` as comply_with says and adds what was cut and why to `notes`.
void ApplyCompliance(const proto::Compliance& compliance, const proto::Accelerator& entry,
                     const Catalogue& catalogue, AcceleratorSpec& spec,
                     std::vector<std::string>& notes);

/// The step of a training run at `path`.
TrainingSpec MakeTraining(const proto::Pretraining& job, const std::string& path,
                          const Catalogue& catalogue);

/// A job whose names are known. Its sites are those that it names; FitJob finds them for a job that
/// names none.
JobSpec MakeJob(const JobMessage& job, const proto::Scenario& scenario, const Catalogue& catalogue);

/// Checks each site by itself: overrides that make sense, sizes that can be counted. `written` is
/// that of the scenario.
void CheckSites(const std::vector<SiteSpec>& sites, const Written& written, ProblemList& problems);

/// Checks that a job and the sites that it may run on fit each other: sizes divide and do not
/// exceed the machine. A job that names no site must fit at least one, and `spec` gets the sites
/// that it fits. When it fits none, the problems are those of the site that has the fewest; of
/// several, those of the largest site.
void FitJob(const JobMessage& job, const Scenario& scenario, JobSpec& spec, ProblemList& problems);

}  // namespace gridlock
