#include "sim/report/life_figures.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace gridlock {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

std::string CampaignOf(const LifeJob& job) {
  const std::size_t slash = job.name.find('/');
  return slash == std::string::npos ? "" : job.name.substr(0, slash);
}

/// The smallest value that a share `p` of all values does not exceed: nearest rank.
Seconds Percentile(std::vector<Seconds> values, double p) {
  if (values.empty()) {
    return Seconds(kNaN);
  }
  std::sort(values.begin(), values.end());
  const double rank = std::ceil(p * static_cast<double>(values.size()));
  return values[static_cast<std::size_t>(std::max(1.0, rank)) - 1];
}

void AddHeld(CampaignFigures& campaign, const LifeJob& job) {
  const Seconds running =
      job.training + job.lost + job.checkpointing + job.restarting + job.stalled;
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

Seconds WallTime(const LifeJob& job, Seconds horizon) {
  if (job.submit < Seconds(0.0)) {
    return Seconds(0.0);
  }
  return (job.end < Seconds(0.0) ? horizon : job.end) - job.submit;
}

double Ettr(const LifeJob& job, Seconds horizon) {
  const Seconds wall = WallTime(job, horizon);
  return wall > Seconds(0.0) ? job.training / wall : kNaN;
}

double HoldingMfu(const LifeJob& job) {
  const double possible = job.peak.si() * job.accelerator_seconds;
  return possible > 0.0 ? job.model_flop.si() / possible : kNaN;
}

Seconds MeanStepTime(const LifeJob& job) {
  return job.steps_done > 0 ? job.training / static_cast<double>(job.steps_done) : Seconds(kNaN);
}

double MeanBetween(const LifeRecord& record, const std::vector<double>& series, Seconds from,
                   Seconds to) {
  const double interval = record.interval.si();
  double sum = 0.0;
  double time = 0.0;
  const auto first = static_cast<std::size_t>(std::max(0.0, std::floor(from.si() / interval)));
  for (std::size_t i = first; i < series.size(); ++i) {
    const double begin = static_cast<double>(i) * interval;
    const double end = std::min(begin + interval, record.horizon.si());
    if (begin >= to.si()) {
      break;
    }
    const double overlap = std::min(end, to.si()) - std::max(begin, from.si());
    if (overlap > 0.0 && std::isfinite(series[i])) {
      sum += overlap * series[i];
      time += overlap;
    }
  }
  return time > 0.0 ? sum / time : kNaN;
}

double MeanOf(const LifeRecord& record, const std::vector<double>& series) {
  return series.empty() ? kNaN : MeanBetween(record, series, Seconds(0.0), record.horizon);
}

std::vector<double> AtCap(const LifeSite& site) {
  std::vector<double> at;
  for (std::size_t i = 0; i < site.power.size(); ++i) {
    const double cap = site.power_cap[i];
    at.push_back(!std::isfinite(cap) ? kNaN : site.power[i] >= kAtCap * cap ? 1.0 : 0.0);
  }
  return at;
}

std::vector<CampaignFigures> CampaignsOf(const LifeRecord& record) {
  std::vector<CampaignFigures> campaigns;
  std::vector<std::vector<Seconds>> waiting;
  for (const LifeJob& job : record.jobs) {
    if (job.kind != JobKind::kExperiment) {
      continue;
    }
    const std::string name = CampaignOf(job);
    const auto found = std::find_if(campaigns.begin(), campaigns.end(), [&](const auto& each) {
      return each.name == name;
    });
    const auto at = static_cast<std::size_t>(found - campaigns.begin());
    if (found == campaigns.end()) {
      campaigns.push_back({.name = name, .final_run = job.final_run});
      waiting.emplace_back();
    }
    CampaignFigures& campaign = campaigns[at];
    ++campaign.experiments;
    ++campaign.outcomes[static_cast<int>(job.outcome)];
    if (job.start >= Seconds(0.0)) {
      ++campaign.started;
      waiting[at].push_back(job.waiting);
    }
    AddHeld(campaign, job);
    campaign.energy += job.energy;
    campaign.model_flop += job.model_flop;
  }
  for (std::size_t i = 0; i < campaigns.size(); ++i) {
    campaigns[i].waiting_median = Percentile(waiting[i], 0.5);
    campaigns[i].waiting_p90 = Percentile(waiting[i], 0.9);
    campaigns[i].multiple =
        campaigns[i].model_flop.si() / WholeFlop(record, campaigns[i].final_run);
  }
  return campaigns;
}

std::vector<ChangeFigures> ChangesOf(const LifeRecord& record) {
  std::vector<ChangeFigures> changes;
  for (const LifeEvent& event : record.events) {
    if (event.kind != "change" && event.kind != "outage" && event.kind != "restore") {
      continue;
    }
    if (changes.empty() || changes.back().at != event.at) {
      changes.push_back({.at = event.at});
    }
    changes.back().events.push_back(&event);
  }
  const Seconds hour(3600.0);
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
