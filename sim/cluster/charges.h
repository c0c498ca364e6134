#pragma once

// What a stretch of time costs: who draws what, and who holds what, as it goes into the accounts.

#include "sim/cluster/ledger.h"
#include "sim/cluster/machine_now.h"
#include "sim/cluster/member.h"
#include "sim/cluster/power_caps.h"
#include "sim/cluster/tenants.h"

namespace gridlock {

/// Reads what a fleet has done over the stretch: its power from now on, and tokens for the series.
void MeterFleet(const MachineNow& machine, const PowerCaps& caps, const Stretch& stretch,
                Member& member, Ledger& ledger);

/// Charges jobs and sites for a stretch over which nothing changed.
void ChargeStretch(const ClusterView& view, const PowerCaps& caps, const Stretch& stretch,
                   Ledger& ledger);

/// Charges tenants for what their jobs held.
void ChargeTenants(const ClusterView& view, const Stretch& stretch, Tenants& tenants);

}  // namespace gridlock
