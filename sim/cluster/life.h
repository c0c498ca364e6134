#pragma once

// The life of a cluster over days: jobs come, wait, run and end; servers fail and are repaired;
// caps, outages and power limits change what runs, and how fast. On SimGrid's clock.
//
//   at each event (submission, milestone, checkpoint done, failure, repair, outage, change, tick):
//     advance everything to now: steps, requests, joules, dollars
//     do what the event says
//     then, once per instant:
//       fleets take or give back servers, as their load asks
//       the scheduler starts what fits
//       every running job gets the step time of the situation that it is in now
//       every job's next milestone is set anew

#include <functional>
#include <vector>

#include "sim/oracle/situation.h"
#include "sim/record/life_record.h"
#include "sim/scenario/scenario.h"

namespace gridlock {

/// Step times and energies of jobs side by side: StepOracle::RatesOf, or a closed form in tests.
using RateSource = std::function<std::vector<StepRate>(const Situation&)>;

/// Tells the share of the horizon that is done, 0..1.
using LifeProgress = std::function<void(double)>;

/// Simulates a scenario with a horizon. At most once per process (SimGrid keeps one clock). Throws
/// UserError for what is wrong with jobs beyond the scenario's text, before time zero.
LifeRecord SimulateLife(const Scenario& scenario, const RateSource& rates,
                        const LifeProgress& progress);

}  // namespace gridlock
