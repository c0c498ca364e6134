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
