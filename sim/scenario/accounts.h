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

/// Takes the transceivers of a site from its cables, one by one, as `gridlock topo` counts them:
/// sets SiteSpec::optics to their power over the bandwidth of all ends. It stays as it is where the
/// fabric is wrong, which is said elsewhere. `notes`, unless nullptr, has their names.
void CountOptics(const proto::Site& site, const Catalogue& catalogue, SiteSpec& spec,
                 std::vector<std::string>* notes);

}  // namespace gridlock
