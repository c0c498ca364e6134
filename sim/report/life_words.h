#pragma once

// Numbers of a cluster's life in words; "n/a" where there is none.

#include <cstdint>
#include <string>
#include <vector>

#include "sim/base/units.h"
#include "sim/record/life_record.h"

namespace gridlock {

/// "1 failure", "2 failures", "1,234 failures".
std::string Counted(std::int64_t count, const std::string& what);

/// Three digits and a prefix: "1.23M", "456", "7.89T".
std::string ShortNumber(double value);

/// Up to four digits: "20.16 min", "7 days".
std::string TimeText(Seconds time);

/// The power with three digits.
std::string PowerText(Watts power);

/// A moment of the simulation: "3 d 12:15", below a day "12:15"; with seconds where there are some.
std::string Clock(Seconds at);

/// As electricity is billed: "12.3 kWh", "456 MWh", "7.89 GWh".
std::string EnergyText(Joules energy);

/// Energy, and its price and carbon where they are known: "456 MWh (estimate), 36,500 USD".
std::string EnergyCost(Joules energy, bool estimate, double usd, double kg);

/// The same of a job, whose energy is that of its servers, while price and carbon are those of the
/// building around them, too: "456 MWh (estimate) in its servers, 547 MWh with PUE: 43,800 USD".
std::string JobEnergyCost(Joules energy, Joules with_pue, bool estimate, double usd, double kg);

/// "3.25 M USD: 6.4 % energy, 93.6 % capital (estimate)".
std::string MoneyText(double energy_usd, double capital_usd, double operation_usd);

/// Parts with commas between.
std::string Joined(const std::vector<std::string>& parts);

/// "finished", "not submitted", ...
std::string OutcomeText(Outcome outcome);

/// What a run went on from, and how long it had fewer replicas: "; 3 restarts from memory". "" for
/// one that did neither.
std::string RecoveryText(const LifeJob& job);

/// Median, 90th and 99th percentile of times in seconds, in words.
std::string Percentiles(double p50, double p90, double p99);

/// Lines that say what binds a fleet; "" where nothing was served.
std::string BindingLines(const LifeRecord& record, const std::string& fleet);

/// How much of the time to first token is the way to a site; "" where users are at it.
std::string NetworkLine(const LifeRequests& group);

/// "capped at 90 MW, at the cap 12 % of the capped time"; "no cap".
std::string CapText(const LifeRecord& record, const LifeSite& site);

/// ", 1,200 USD of it rent of WAN links", and the same of bytes over these and of accelerators that
/// left; "" where a site has none.
std::string RentText(const LifeSite& site);

/// What the battery of a site did: "31.2 MWh taken and 26.5 MWh given by one of 20 MWh ...".
std::string BatteryText(const LifeRecord& record, const LifeSite& site);

}  // namespace gridlock
