#include "sim/report/life_figures.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace gridlock {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

/// The smallest value that a share `p` of all values does not exceed: nearest rank.
Seconds Percentile(std::vector<Seconds> values, double p) {
  if (values.empty()) {
    return Seconds(kNaN);
  }
  std::sort(values.begin(), values.end());
  const double rank = std::ceil(p * static_cast<double>(values.size()));
  return values[static_cast<std::size_t>(std::max(1.0, rank)) - 1];
}

Seconds Mean(const std::vector<Seconds>& values) {
  Seconds sum(values.empty() ? kNaN : 0.0);
  for (const Seconds value : values) {
    sum += value;
  }
  return sum * (1.0 / static_cast<double>(std::max<std::size_t>(1, values.size())));
}

void AddHeld(CampaignFigures& campaign, const LifeJob& job) {
  const Seconds running = SumOfTimes(job) - job.waiting;
  const double lost_share = running > Seconds(0.0) ? job.lost / running : 0.0;
  campaign.lost += lost_share * job.accelerator_seconds;
  double& kept = job.outcome == Outcome::kFinished ? campaign.finished
                 : job.outcome == Outcome::kFailed ? campaign.failed
                                                   : campaign.unfinished;
  kept += (1.0 - lost_share) * job.accelerator_seconds;
}

/// Model FLOP of the whole run, as far as its steps tell.
double WholeFlop(const LifeRecord& record, const std::string& name) {
  for (const LifeJob& job : record.jobs) {
    if (!name.empty() && job.name == name && job.steps_done > 0) {
      return job.model_flop.si() * static_cast<double>(job.steps) /
             static_cast<double>(job.steps_done);
    }
  }
  return kNaN;
}

/// Sum of the power of all sites.
double PowerBetween(const LifeRecord& record, Seconds from, Seconds to) {
  double power = 0.0;
  for (const LifeSite& site : record.sites) {
    power += MeanBetween(record, site.power, from, to);
  }
  return power;
}

/// Rates of the whole intervals within [from, to].
Rates RatesWithin(const LifeRecord& record, Seconds from, Seconds to) {
  // Times of changes are sums; a millionth of an interval is rounding.
  constexpr double kSlack = 1e-6;
  const Seconds begin = std::ceil(from / record.interval - kSlack) * record.interval;
  const bool to_horizon = to >= record.horizon;
  const Seconds end =
      to_horizon ? record.horizon : std::floor(to / record.interval + kSlack) * record.interval;
  if (!(end > begin)) {
    return {kNaN, kNaN, kNaN};
  }
  return {MeanBetween(record, record.series.training_flops, begin, end),
          MeanBetween(record, record.series.decoded_tokens, begin, end),
          PowerBetween(record, begin, end)};
}

}  // namespace

double CampaignFigures::usd_each() const {
  return started > 0 ? (cost_usd + capital_usd + operation_usd) / static_cast<double>(started)
                     : kNaN;
}

double UsdPerExperiment(const CampaignFigures& campaign) {
  return campaign.usd_each();
}

std::vector<CampaignFigures> CampaignsOf(const LifeRecord& record) {
  std::vector<CampaignFigures> campaigns;
  std::vector<std::vector<Seconds>> waiting, in_log;
  for (const LifeJob& job : record.jobs) {
    if (job.kind != JobKind::kExperiment) {
      continue;
    }
    const std::string& name = job.campaign;
    const auto found = std::find_if(campaigns.begin(), campaigns.end(), [&](const auto& each) {
      return each.name == name;
    });
    const auto at = static_cast<std::size_t>(found - campaigns.begin());
    if (found == campaigns.end()) {
      campaigns.push_back({.name = name, .final_run = job.final_run});
      waiting.emplace_back();
      in_log.emplace_back();
    }
    CampaignFigures& campaign = campaigns[at];
    ++campaign.experiments;
    ++campaign.outcomes[static_cast<int>(job.outcome)];
    if (job.start >= Seconds(0.0)) {
      ++campaign.started;
      waiting[at].push_back(job.waiting);
    }
    if (job.log_waiting >= Seconds(0.0)) {
      in_log[at].push_back(job.log_waiting);
    }
    AddHeld(campaign, job);
    campaign.energy += job.energy;
    campaign.cost_usd += job.cost_usd;
    campaign.capital_usd += job.capital_usd;
    campaign.operation_usd += job.operation_usd;
    campaign.model_flop += job.model_flop;
  }
  for (std::size_t i = 0; i < campaigns.size(); ++i) {
    campaigns[i].waiting_median = Percentile(waiting[i], 0.5);
    campaigns[i].waiting_p90 = Percentile(waiting[i], 0.9);
    campaigns[i].waiting_mean = Mean(waiting[i]);
    campaigns[i].log_waiting_median = Percentile(in_log[i], 0.5);
    campaigns[i].log_waiting_p90 = Percentile(in_log[i], 0.9);
    campaigns[i].log_waiting_mean = Mean(in_log[i]);
    campaigns[i].multiple =
        campaigns[i].model_flop.si() / WholeFlop(record, campaigns[i].final_run);
  }
  return campaigns;
}

std::vector<ChangeFigures> ChangesOf(const LifeRecord& record) {
  std::vector<ChangeFigures> changes;
  for (const LifeEvent& event : record.events) {
    if (event.kind != EventKind::kChange && event.kind != EventKind::kOutage &&
        event.kind != EventKind::kRestore) {
      continue;
    }
    if (changes.empty() || changes.back().at != event.at) {
      changes.push_back({.at = event.at});
    }
    changes.back().events.push_back(&event);
  }
  const Seconds hour(kSecondsPerHour);
  const bool series = record.interval > Seconds(0.0) && !record.series.training_flops.empty();
  for (std::size_t i = 0; series && i < changes.size(); ++i) {
    const Seconds at = changes[i].at;
    // The moment lies inside an interval, which tells of neither side.
    const Seconds begin = std::floor(at / record.interval + 1e-6) * record.interval;
    const Seconds end = std::ceil(at / record.interval - 1e-6) * record.interval;
    const Seconds reach = std::max(1.0, std::ceil(hour / record.interval - 1e-6)) * record.interval;
    const Seconds earliest = i == 0 ? Seconds(0.0) : changes[i - 1].at;
    const Seconds latest = i + 1 == changes.size() ? record.horizon : changes[i + 1].at;
    changes[i].before = RatesWithin(record, std::max(earliest, begin - reach), begin);
    changes[i].after = RatesWithin(record, end, std::min(latest, end + reach));
  }
  for (ChangeFigures& change : changes) {
    if (!series) {
      change.before = change.after = {kNaN, kNaN, kNaN};
    }
  }
  return changes;
}

Joules TotalEnergy(const EnergyBalance& balance) {
  return balance.total();
}

EnergyBalance EnergyBalanceOf(const LifeRecord& record) {
  EnergyBalance balance;
  Joules servers;
  for (const LifeJob& job : record.jobs) {
    balance.jobs += job.energy;
  }
  for (const LifeSite& site : record.sites) {
    servers += site.it_energy;
    balance.pue += site.energy - site.it_energy;
  }
  balance.no_job = servers - balance.jobs;
  return balance;
}

}  // namespace gridlock
