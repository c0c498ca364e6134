#pragma once

// The accounts of a cluster's life: energy, money and carbon of every job and site, and the series
// over time. A charge covers a stretch of time at a constant rate.

#include <cstdint>
#include <limits>
#include <vector>

#include "sim/base/index.h"
#include "sim/base/units.h"
#include "sim/record/life_record.h"
#include "topologies/machine.h"

namespace gridlock {

/// Something per second, summed up by interval.
class IntervalSums {
 public:
  IntervalSums(Seconds horizon, Seconds interval);

  /// `rate` holds from `from` to `to`, within the horizon.
  void Add(Seconds from, Seconds to, double rate);

  /// A rate that goes evenly from one value to another.
  void AddRamp(Seconds from, Seconds to, double begin, double end);

  /// Mean rate of each interval; the last may be short.
  [[nodiscard]] std::vector<double> Means() const;

 private:
  Seconds horizon_, interval_;
  std::vector<double> sums_;  ///< rate x seconds
};

/// A stretch of time.
struct Stretch {
  Seconds from, to;

  [[nodiscard]] Seconds length() const { return to - from; }
};

/// What a battery does in a part of a stretch.
struct BatteryPart {
  Stretch stretch;
  Watts taken;           ///< from the grid; below zero: given to the site
  Joules before, after;  ///< stored
  Joules faded;          ///< capacity lost since it was new
};

class Ledger {
 public:
  Ledger(Seconds horizon, Seconds interval, std::size_t jobs, std::size_t sites);

  /// What a site is like from now on: its prices and caps.
  void SetSite(SiteIndex site, const SiteSpec& spec) {
    now_[site] = &spec;
    sites_[site].pue = spec.pue;
  }

  /// Its PUE from now on.
  void SetPue(SiteIndex site, double pue) { sites_[site].pue = pue; }

  /// During the stretch the servers of a job on one site draw `power` (without PUE) and have so
  /// many `accelerators`.
  void ChargeJob(const Stretch& stretch, JobIndex job, JobKind kind, SiteIndex site, Watts power,
                 std::int64_t accelerators);

  /// Charges what no job holds: idle servers and switches draw `power`, servers out of service draw
  /// nothing. Of those, `absent` ones have not been delivered, and cost nothing either.
  void ChargeRest(const Stretch& stretch, SiteIndex site, Watts power, std::int64_t idle,
                  std::int64_t down, std::int64_t absent);

  /// Charges a part of the stretch in which the battery of a site takes energy or gives it back.
  void ChargeBattery(const Stretch& stretch, SiteIndex site, const BatteryPart& part);

  /// Charges a site for its share of the rent of links to others.
  void ChargeRent(SiteIndex site, double usd);

  /// Charges a job for bytes over a link between two sites.
  void ChargeTraffic(SiteIndex from, SiteIndex to, JobIndex job, double usd);

  /// Charges a site for accelerators that leave it: what they have not been written off by, less
  /// what they are sold for.
  void ChargeSale(SiteIndex site, double usd);

  /// Charges a job for what its boards burn on a site after its work has stopped: so much power,
  /// without PUE. Behind CloseSite: no peak, because they drew more before.
  void ChargeRamp(const Stretch& stretch, JobIndex job, SiteIndex site, Watts power);

  /// Closes a stretch of a site: its total power, for the peak, its cap and its power limit.
  void CloseSite(const Stretch& stretch, SiteIndex site, Watts limit);

  /// A series of the whole cluster.
  IntervalSums& queue_jobs() { return queue_jobs_; }

  IntervalSums& queue_accelerators() { return queue_accelerators_; }

  IntervalSums& training_flops() { return training_flops_; }

  IntervalSums& decoded_tokens() { return decoded_tokens_; }

  IntervalSums& storage_bytes() { return storage_bytes_; }

  IntervalSums& wan_bytes() { return wan_bytes_; }

  /// Fills sites, series, and the accounts of the jobs.
  void Describe(LifeRecord& record) const;

 private:
  struct Account {
    Joules energy, facility_energy;  ///< without and with PUE
    double cost_usd = 0, carbon_kg = 0, accelerator_seconds = 0, capital_usd = 0, operation_usd = 0;
  };

  struct Site {
    Site(Seconds horizon, Seconds interval);

    double pue = 1;
    Joules it_energy, energy;
    Joules charged, discharged;  ///< by its battery
    Joules stored_least{std::numeric_limits<double>::infinity()};
    Joules faded;            ///< of its battery
    double battery_usd = 0;  ///< of capital_usd, that of its battery
    double wan_usd = 0;      ///< of operation_usd, the rent of its links to other sites
    double traffic_usd = 0;  ///< of operation_usd, the price of bytes over these
    double sales_usd = 0;    ///< of capital_usd, what accelerators that left had kept of theirs
    Joules ramps;            ///< of it_energy, burned after work had stopped
    Account rest;            ///< what no job holds
    double cost_usd = 0, carbon_kg = 0, capital_usd = 0, operation_usd = 0;
    Watts peak, present;   ///< with PUE; `present` grows until the stretch is closed
    Joules window_energy;  ///< since the last window of the peak was full
    Seconds window;
    Watts before;  ///< mean of the last full window
    IntervalSums power, cap, capped_time, idle, down, limit, stored;
    std::vector<IntervalSums> busy;  ///< by JobKind
  };

  /// Enters what the accelerators of the site are written off by over the stretch, and cost to run.
  void WriteOff(const Stretch& stretch, SiteIndex site, double accelerators, Account& account);

  /// Enters money and carbon of energy from the grid; below zero: of what is not taken from it.
  static void Pay(const SiteSpec& spec, Joules energy, Site& books, Account& account);

  /// Enters `power` (without PUE) at the site, and its money and carbon into `account`.
  void Charge(const Stretch& stretch, SiteIndex site, Watts power, Account& account);

  Seconds interval_;
  std::vector<const SiteSpec*> now_;
  std::vector<Site> sites_;
  std::vector<Account> jobs_;
  IntervalSums queue_jobs_, queue_accelerators_, training_flops_, decoded_tokens_, storage_bytes_,
      wan_bytes_;
};

}  // namespace gridlock
