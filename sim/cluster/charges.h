#pragma once

// What a stretch of time costs: who draws what, and who holds what, as it goes into the accounts.

#include <vector>

#include "sim/cluster/batteries.h"
#include "sim/cluster/ledger.h"
#include "sim/cluster/machine_now.h"
#include "sim/cluster/member.h"
#include "sim/cluster/power_caps.h"
#include "sim/cluster/tenants.h"

namespace gridlock {

/// Reads what a fleet has done over the stretch: its power from now on, and tokens for the series.
void MeterFleet(const MachineNow& machine, const PowerCaps& caps, const Stretch& stretch,
                Member& member, Ledger& ledger);

/// What each site draws now, PUE included, from the grid or from its battery.
std::vector<Watts> LoadsOf(const ClusterView& view);

/// Charges jobs and sites for a stretch over which nothing changed; batteries give and take.
void ChargeStretch(const ClusterView& view, const PowerCaps& caps, const Stretch& stretch,
                   Batteries& batteries, Ledger& ledger);

/// Charges tenants for what their jobs held.
void ChargeTenants(const ClusterView& view, const Stretch& stretch, Tenants& tenants);

}  // namespace gridlock
