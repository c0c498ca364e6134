#pragma once

// Numbers that follow from several jobs, sites or events of a life, for the screen and for JSON
// alike. A number that cannot be told, because nothing was counted, is NaN.

#include <cstdint>
#include <string>
#include <vector>

#include "sim/record/life_measures.h"
#include "sim/record/life_record.h"

namespace gridlock {

/// The experiments of one campaign.
struct CampaignFigures {
  std::string name;  ///< "" for experiments of none
  std::int64_t experiments = 0;
  std::int64_t outcomes[kOutcomes] = {};
  std::int64_t started = 0;
  Seconds waiting_median{}, waiting_p90{};  ///< of those that started, by nearest rank
  /// Accelerator-seconds held. What was lost is counted at the share of lost time in all time of an
  /// experiment but waiting, and not again under its outcome.
  double finished = 0, failed = 0, unfinished = 0, lost = 0;
  Joules energy = {};
  Flop model_flop = {};        ///< of steps that count
  std::string final_run = {};  ///< "" for none
  double multiple = 0;         ///< model_flop over that of the whole final run

  [[nodiscard]] double held() const { return finished + failed + unfinished + lost; }
};

/// Campaigns in the order of their first experiments.
std::vector<CampaignFigures> CampaignsOf(const LifeRecord& record);

/// Rates of the whole cluster.
struct Rates {
  double training_flops = 0, decoded_tokens = 0;
  double power = 0;  ///< W, all sites, with PUE
};

/// What changed at one moment, and the rates of whole intervals on both sides of it: of an hour, or
/// of one interval where that is longer, and not beyond the next change.
struct ChangeFigures {
  Seconds at;
  std::vector<const LifeEvent*> events = {};  ///< of the record
  Rates before{}, after{};
};

/// Events "change", "outage" and "restore", those of one moment together.
std::vector<ChangeFigures> ChangesOf(const LifeRecord& record);

/// Where the energy of all sites went.
struct EnergyBalance {
  Joules jobs;    ///< servers while jobs held them
  Joules no_job;  ///< servers otherwise
  Joules pue;     ///< cooling and conversion

  [[nodiscard]] Joules total() const { return jobs + no_job + pue; }
};

EnergyBalance EnergyBalanceOf(const LifeRecord& record);

}  // namespace gridlock
