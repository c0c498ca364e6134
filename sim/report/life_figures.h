#pragma once

// Numbers that follow from several jobs, sites or events of a life, for the screen and for JSON
// alike. A number that cannot be told, because nothing was counted, is NaN.

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "sim/record/columns.h"
#include "sim/record/life_measures.h"
#include "sim/record/life_record.h"

namespace gridlock {

/// The experiments of one campaign.
struct CampaignFigures {
  std::string name;  ///< "" for experiments of none
  std::int64_t experiments = 0;
  std::array<std::int64_t, kOutcomes> outcomes = {};
  std::int64_t started = 0;
  Seconds waiting_median{}, waiting_p90{};  ///< of those that started, by nearest rank
  Seconds waiting_mean{};                   ///< the same
  /// Of jobs of a log, in their queue there; NaN where it is not known.
  Seconds log_waiting_median{}, log_waiting_p90{}, log_waiting_mean{};
  /// Accelerator-seconds held. The lost part of an experiment is its share of lost time in all its
  /// time but waiting. That part counts as lost and not again under the outcome of the experiment.
  double finished = 0, failed = 0, unfinished = 0, lost = 0;
  Joules energy = {};
  double cost_usd = 0, capital_usd = 0, operation_usd = 0;
  Flop model_flop = {};        ///< of steps that count
  std::string final_run = {};  ///< "" for none
  double multiple = 0;         ///< model_flop over that of the whole final run

  [[nodiscard]] double held() const { return finished + failed + unfinished + lost; }

  /// Energy with PUE, capital and operation of one that started; NaN where none did.
  [[nodiscard]] double usd_each() const;
};

/// As a column.
double UsdPerExperiment(const CampaignFigures& campaign);

template <>
inline constexpr TableNote kTable<CampaignFigures> = {
    .json = "campaigns[]", .meaning = "the experiments of one campaign", .in_trace = false};

template <>
inline constexpr auto kFields<CampaignFigures> = FieldList(
    Field("name", &CampaignFigures::name, "name of the campaign; empty for experiments of none"),
    Field("experiments", &CampaignFigures::experiments, "its experiments, each round one"),
    Field("outcomes", &CampaignFigures::outcomes, "how many stood so at the horizon"),
    Field("started", &CampaignFigures::started, "how many ever started"),
    Field("waiting_median", &CampaignFigures::waiting_median,
          "time in the queue of those that started, median"),
    Field("waiting_p90", &CampaignFigures::waiting_p90,
          "time in the queue of those that started, 90th percentile"),
    Field("waiting_mean", &CampaignFigures::waiting_mean,
          "time in the queue of those that started, mean"),
    Field("log_waiting_median", &CampaignFigures::log_waiting_median,
          "of jobs of a log, time in the queue there, median; missing: not known"),
    Field("log_waiting_p90", &CampaignFigures::log_waiting_p90, "the same, 90th percentile"),
    Field("log_waiting_mean", &CampaignFigures::log_waiting_mean, "the same, mean"),
    Field("finished", &CampaignFigures::finished, "s",
          "accelerators held, times the time, by "
          "experiments that finished, less what was lost")
        .PartOf("accelerator_s"),
    Field("failed", &CampaignFigures::failed, "s", "the same by experiments that failed")
        .PartOf("accelerator_s"),
    Field("unfinished", &CampaignFigures::unfinished, "s",
          "the same by experiments that had not ended")
        .PartOf("accelerator_s"),
    Field("lost", &CampaignFigures::lost, "s",
          "accelerators held, times the time, in steps that were lost")
        .PartOf("accelerator_s"),
    Field("energy", &CampaignFigures::energy, "energy of the servers held, without PUE"),
    Field("cost", &CampaignFigures::cost_usd, "USD", "price of the energy with PUE"),
    Field("capital", &CampaignFigures::capital_usd, "USD",
          "what the accelerators were written off by while they held them"),
    Field("operation", &CampaignFigures::operation_usd, "USD",
          "staff, upkeep, repairs, taxes and land of these accelerators"),
    Derived("per_experiment", &UsdPerExperiment, "USD",
            "energy, capital and operation over the experiments that started; missing: none did"),
    Field("model_flop", &CampaignFigures::model_flop, "model FLOP of the steps that count"),
    Field("final_run", &CampaignFigures::final_run, "pretraining job that the campaign prepares"),
    Field("multiple_of_final_run", &CampaignFigures::multiple, "1",
          "model_flop over that of the whole final run"));

/// Campaigns in the order of their first experiments.
std::vector<CampaignFigures> CampaignsOf(const LifeRecord& record);

/// Rates of the whole cluster.
struct Rates {
  double training_flops = 0, decoded_tokens = 0;
  double power = 0;  ///< W, all sites, with PUE
};

template <>
inline constexpr TableNote kTable<Rates> = {.json = "changes[].before and .after",
                                            .meaning = "rates of the whole cluster",
                                            .in_trace = false};

template <>
inline constexpr auto kFields<Rates> =
    FieldList(Field("training_flop_rate", &Rates::training_flops, "FLOP/s",
                    "model FLOP/s of all training, in the hour before or after the change")
                  .Key("training_flop_per_s"),
              Field("decoded_token_rate", &Rates::decoded_tokens, "token/s",
                    "tokens decoded per second by all fleets, then")
                  .Key("decoded_tokens_per_s"),
              Field("power", &Rates::power, "W", "power of all sites, with PUE, then"));

/// What changed at one moment, and the rates before and after it: means over whole intervals of one
/// hour, or over one interval where an interval is longer. They do not reach beyond the next
/// change.
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

Joules TotalEnergy(const EnergyBalance& balance);

template <>
inline constexpr TableNote kTable<EnergyBalance> = {
    .json = "energy", .meaning = "where the energy of all sites went", .in_trace = false};

template <>
inline constexpr auto kFields<EnergyBalance> =
    FieldList(Field("jobs", &EnergyBalance::jobs, "of servers while jobs held them"),
              Field("no_job", &EnergyBalance::no_job, "of servers idle, and of switches"),
              Field("pue", &EnergyBalance::pue, "of cooling and conversion"),
              Derived("total", &TotalEnergy, "all of it"));

EnergyBalance EnergyBalanceOf(const LifeRecord& record);

}  // namespace gridlock
