#pragma once

// What a scenario simulates, in words, for the head of every output.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "sim/record/trace_header.h"
#include "sim/scenario/scenario.h"

namespace gridlock {

/// "128 x hgx_h100, 8 x h100 each".
std::string MachineText(const SiteSpec& site);

// Of the only job of a scenario without a horizon.

std::vector<SetupItem> SetupOf(const Scenario& scenario);

/// Layout, batch and model as plain numbers, or the ranks of a collective test.
std::vector<std::pair<std::string, std::int64_t>> SizesOf(const Scenario& scenario);

// Of a scenario with a horizon.

/// The machine of each site behind its name.
std::string SitesText(const Scenario& scenario);

/// Sites, links between them, the first jobs, failures and what changes.
std::vector<SetupItem> LifeSetupOf(const Scenario& scenario);

/// How many sites, servers, accelerators and jobs there are.
std::vector<std::pair<std::string, std::int64_t>> LifeSizesOf(const Scenario& scenario);

}  // namespace gridlock
