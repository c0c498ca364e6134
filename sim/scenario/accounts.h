#pragma once

#include <string>
#include <vector>

#include "proto/scenario.pb.h"
#include "sim/catalogue/catalogue.h"
#include "topologies/machine.h"

namespace gridlock {

/// What a site draws and costs: its building, power caps, storage, prices, transceivers, capital,
/// operation, deliveries, and what changes by the hour. `of_life` adds to `notes` what lives alone
/// count.
void AddAccounts(const proto::Site& site, const Catalogue& catalogue, SiteSpec& spec,
                 std::vector<std::string>& notes, bool of_life);

}  // namespace gridlock
