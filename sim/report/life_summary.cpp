#include "sim/report/life_summary.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "sim/record/fingerprint.h"
#include "sim/record/life_fields.h"
#include "sim/record/power_missing.h"
#include "sim/report/head.h"
#include "sim/report/layout.h"
#include "sim/report/life_figures.h"
#include "sim/report/life_picture.h"
#include "sim/report/life_words.h"

namespace gridlock {
namespace {

// How many of each are shown.
constexpr std::size_t kPicturesShown = 4;
constexpr std::size_t kJobsShown = 8;
constexpr std::size_t kCampaignsShown = 8;
constexpr std::size_t kChangesShown = 10;
constexpr std::size_t kEventsShown = 4;  // of one moment

/// A line below the one that it belongs to.
std::string SubLine(const std::string& name, const std::string& value) {
  return Line("  " + name, value);
}

/// The first line of a job or site: a long name stands on a line of its own.
std::string NameLine(const std::string& name, const std::string& value) {
  constexpr std::size_t kLongest = 22;
  return name.size() <= kLongest ? Line(name, value) : Wrapped("  ", name, 2) + Line("", value);
}

/// "... and 12 more, in summary.json" when some were not shown.
std::string More(std::size_t all, std::size_t shown, const char* what) {
  return all <= shown ? ""
                      : fmt::format("  ... and {}, in summary.json\n",
                                    Counted(static_cast<std::int64_t>(all - shown),
                                            std::string("more ") + what));
}

std::int64_t CountOf(const LifeRecord& record, JobKind kind) {
  return std::count_if(record.jobs.begin(), record.jobs.end(), [kind](const LifeJob& job) {
    return job.kind == kind;
  });
}

void AddScope(std::string& out, const LifeRecord& record) {
  const auto intervals = static_cast<std::int64_t>(record.series.training_flops.size());
  std::string horizon = TimeText(record.horizon);
  if (intervals > 0) {
    horizon +=
        fmt::format(" in {} of {}", Counted(intervals, "interval"), TimeText(record.interval));
  }
  out += Line("horizon", horizon);
  out += Line("jobs", Joined({Grouped(static_cast<double>(CountOf(record, JobKind::kPretraining))) +
                                  " pretraining",
                              Counted(CountOf(record, JobKind::kExperiment), "experiment"),
                              Counted(CountOf(record, JobKind::kServing), "fleet")}));
}

/// Means over the horizon of what the whole cluster did.
void AddCluster(std::string& out, const LifeRecord& record) {
  const LifeSeries& series = record.series;
  if (series.queue_jobs.empty()) {
    return;
  }
  out += Line("queue",
              fmt::format("{:.1f} jobs for {} accelerators on average, at most {:.1f} jobs",
                          MeanOf(record, series.queue_jobs),
                          Grouped(MeanOf(record, series.queue_accelerators)),
                          *std::max_element(series.queue_jobs.begin(), series.queue_jobs.end())));
  const auto line = [&](const char* name, const std::vector<double>& values,
                        std::string (*format)(double)) {
    const double mean = MeanOf(record, values);
    if (mean > 0.0) {
      out += Line(name, format(mean) + " on average");
    }
  };
  line("training", series.training_flops, [](double si) {
    return FormatFlopRate(FlopPerSecond(ThreeDigits(si))) + " of model FLOP";
  });
  line("serving", series.decoded_tokens, [](double si) {
    return ShortNumber(si) + " tokens/s decoded";
  });
  line("storage", series.storage_bytes, [](double si) {
    return FormatBandwidth(BytesPerSecond(ThreeDigits(si))) + " written and read";
  });
  line("between sites", series.wan_bytes, [](double si) {
    return FormatBandwidth(BytesPerSecond(ThreeDigits(si))) + " in both directions of all links";
  });
}

void AddSite(std::string& out, const LifeRecord& record, const LifeSite& site) {
  const auto share = [&](const std::vector<double>& series) {
    return MeanOf(record, series) / static_cast<double>(site.accelerators);
  };
  std::vector<std::string> parts;
  for (int kind = 0; kind < kJobKinds; ++kind) {
    static constexpr const char* kDoing[] = {"pretraining", "experiments", "serving"};
    if (share(site.busy[kind]) > 0.0) {
      parts.push_back(Percent(share(site.busy[kind])) + " " + kDoing[kind]);
    }
  }
  parts.push_back(Percent(share(site.idle)) + " idle");
  if (share(site.down) > 0.0) {
    parts.push_back(Percent(share(site.down)) + " down");
  }
  out += NameLine(site.name, Counted(site.accelerators, "accelerator") + ": " + Joined(parts));
  const Watts mean = record.horizon > Seconds(0.0) ? site.energy / record.horizon : Watts(NAN);
  out += SubLine("power", fmt::format("{} mean, {} peak, {}; PUE {:.4g}", PowerText(mean),
                                      PowerText(site.peak_power), CapText(record, site), site.pue));
  for (const LifeEvent& event : record.events) {
    if (event.detail.find(kPowerMissing + site.name + " is ") != std::string::npos) {
      out += SubLine("power cap", event.detail);
    }
  }
  if (site.battery_capacity > Joules(0.0)) {
    out += SubLine("battery", BatteryText(record, site));
  }
  if (site.switch_power + site.optics_power > Watts(0.0)) {
    out +=
        SubLine("network", fmt::format("switches {}, transceivers {}; without PUE",
                                       PowerText(site.switch_power), PowerText(site.optics_power)));
  }
  if (site.storage_power > Watts(0.0)) {
    out += SubLine("storage", PowerText(site.storage_power) + "; without PUE");
  }
  if (site.ramp_energy > Joules(0.0)) {
    out += SubLine("ramps",
                   EnergyText(site.ramp_energy) + " burned after work had stopped, without PUE");
  }
  if (!site.power_limit.empty()) {
    const auto [least, most] =
        std::minmax_element(site.power_limit.begin(), site.power_limit.end());
    if (*least < *most * (1 - 1e-6)) {
      out +=
          SubLine("board limit", fmt::format("{} to {}, mean {}", PowerText(Watts(*least)),
                                             PowerText(Watts(*most)),
                                             PowerText(Watts(MeanOf(record, site.power_limit)))));
    }
  }
  out += SubLine("energy",
                 EnergyCost(site.energy, record.energy_is_estimate, site.cost_usd, site.carbon_kg) +
                     ", with PUE");
  if (site.capital_usd != 0.0) {
    out += SubLine("cost",
                   MoneyText(site.cost_usd, site.capital_usd, site.operation_usd) + RentText(site));
  }
}

void AddPictures(std::string& out, const LifeRecord& record) {
  std::string pictures;
  for (std::size_t i = 0; i < std::min(record.sites.size(), kPicturesShown); ++i) {
    const std::string picture = LifePicture(record, record.sites[i]);
    if (!picture.empty()) {
      pictures += Wrapped("  ", record.sites[i].name, 2) + picture;
    }
  }
  if (!pictures.empty()) {
    out += "\nAccelerators over time: # pretraining, + experiments, o serving, . idle, x down\n";
    out += pictures + More(record.sites.size(), kPicturesShown, "site");
  }
}

/// Shares of the wall time, those of nothing left out.
std::string TimeShares(const LifeJob& job, Seconds wall) {
  std::vector<std::string> texts;
  ForEachField<LifeJob>([&]<typename Field>(const Field& field) {
    if constexpr (std::is_same_v<typename Field::Value, Seconds>) {
      const Seconds time = field.Of(job);
      if (std::string_view(field.note.part_of) == kTimeOfJob && time > Seconds(0.0) &&
          wall > Seconds(0.0)) {
        texts.push_back(Percent(time / wall) + " " + field.note.name);
      }
    }
  });
  return texts.empty() ? "none yet" : Joined(texts) + " of " + TimeText(wall);
}

/// What a job cost, where capital is counted.
std::string JobMoney(const LifeJob& job) {
  const double usd = UsdPerMillionTokens(job);
  const std::string each =
      std::isfinite(usd) ? fmt::format("; {:.3g} USD per million tokens", usd) : "";
  return job.capital_usd > 0.0
             ? SubLine("cost", MoneyText(job.cost_usd, job.capital_usd, job.operation_usd) + each)
             : "";
}

std::string Stops(const LifeJob& job) {
  const std::string preemptions = Counted(job.preemptions, "preemption") + RecoveryText(job);
  return Joined({Counted(job.interruptions, "interruption"), preemptions});
}

void AddPretraining(std::string& out, const LifeRecord& record, const LifeJob& job) {
  std::string state = fmt::format(
      "{} on {}: {} of {}", OutcomeText(job.outcome), Counted(job.accelerators, "accelerator"),
      Grouped(static_cast<double>(job.steps_done)), Counted(job.steps, "step"));
  if (job.steps_done > 0) {
    state += fmt::format(", {} each on average, {} tokens", TimeText(MeanStepTime(job)),
                         ShortNumber(job.tokens));
  }
  out += NameLine(job.name, state);
  if (job.submit < Seconds(0.0)) {
    return;
  }
  const Seconds wall = WallTime(job, record);
  const double mfu = HoldingMfu(job);
  out += SubLine(
      "goodput",
      fmt::format("ETTR {}", Percent(Ettr(job, record))) +
          (std::isfinite(mfu) ? ", MFU " + Percent(mfu) + " while it held accelerators" : ""));
  out += SubLine("time", TimeShares(job, wall));
  out += SubLine("stopped by", Stops(job));
  out += SubLine("energy", JobEnergyCost(job.energy, job.facility_energy, record.energy_is_estimate,
                                         job.cost_usd, job.carbon_kg));
  out += JobMoney(job);
}

void AddPretrainings(std::string& out, const LifeRecord& record) {
  const auto all = static_cast<std::size_t>(CountOf(record, JobKind::kPretraining));
  out += all == 0 ? "" : "\nPretraining\n";
  std::size_t shown = 0;
  for (const LifeJob& job : record.jobs) {
    if (job.kind == JobKind::kPretraining && shown < kJobsShown) {
      AddPretraining(out, record, job);
      ++shown;
    }
  }
  out += More(all, kJobsShown, "pretraining job");
}

void AddCampaign(std::string& out, const LifeRecord& record, const CampaignFigures& campaign) {
  std::vector<std::string> outcomes;
  for (int i = 0; i < kOutcomes; ++i) {
    if (campaign.outcomes[i] > 0) {
      outcomes.push_back(fmt::format("{} {}", Grouped(static_cast<double>(campaign.outcomes[i])),
                                     OutcomeText(static_cast<Outcome>(i))));
    }
  }
  out += NameLine(campaign.name.empty() ? "no campaign" : campaign.name,
                  Counted(campaign.experiments, "experiment") + ": " + Joined(outcomes));
  if (campaign.started > 0) {
    out += SubLine("waiting",
                   fmt::format("median {}, 90th percentile {}, of {} that started",
                               TimeText(campaign.waiting_median), TimeText(campaign.waiting_p90),
                               Grouped(static_cast<double>(campaign.started))));
  }
  if (std::isfinite(campaign.log_waiting_mean.si()) && campaign.started > 0) {
    out += SubLine(
        "", fmt::format("mean {}; in the log median {}, 90th percentile {}, mean {}",
                        TimeText(campaign.waiting_mean), TimeText(campaign.log_waiting_median),
                        TimeText(campaign.log_waiting_p90), TimeText(campaign.log_waiting_mean)));
  }
  if (campaign.held() > 0.0) {
    std::vector<std::string> parts;
    for (const auto& [name, held] : {std::pair{"finished", campaign.finished},
                                     {"failed", campaign.failed},
                                     {"unfinished", campaign.unfinished},
                                     {"lost", campaign.lost}}) {
      if (held > 0.0) {
        parts.push_back(Percent(held / campaign.held()) + " " + name);
      }
    }
    const double hours = campaign.held() / kSecondsPerHour;
    out +=
        SubLine("accelerator-hours", Grouped(hours, hours < 100.0 ? 1 : 0) + ": " + Joined(parts));
    out +=
        SubLine("energy", EnergyText(campaign.energy) +
                              (record.energy_is_estimate ? " (estimate)" : "") + " in its servers");
  }
  if (campaign.capital_usd > 0.0) {
    out += SubLine(
        "cost", MoneyText(campaign.cost_usd, campaign.capital_usd, campaign.operation_usd) +
                    fmt::format("; {} USD for each that started", Grouped(campaign.usd_each(), 0)));
  }
  if (std::isfinite(campaign.multiple)) {
    out += SubLine("compute", fmt::format("{:.3g} of the model FLOP of the whole of {}",
                                          campaign.multiple, campaign.final_run));
  }
}

void AddCampaigns(std::string& out, const LifeRecord& record) {
  const std::vector<CampaignFigures> campaigns = CampaignsOf(record);
  out += campaigns.empty() ? "" : "\nExperiments\n";
  for (std::size_t i = 0; i < std::min(campaigns.size(), kCampaignsShown); ++i) {
    AddCampaign(out, record, campaigns[i]);
  }
  out += More(campaigns.size(), kCampaignsShown, "campaign");
}

void AddFleet(std::string& out, const LifeRecord& record, const LifeJob& fleet) {
  if (fleet.submit < Seconds(0.0)) {
    out += NameLine(fleet.name, OutcomeText(fleet.outcome));
    return;
  }
  const double wall = WallTime(fleet, record).si();
  out += NameLine(
      fleet.name,
      fmt::format("{} on up to {}: {} tokens/s decoded, {} a token", OutcomeText(fleet.outcome),
                  Counted(fleet.accelerators, "accelerator"), ShortNumber(fleet.tokens / wall),
                  fleet.tokens > 0.0
                      ? FormatJoules(Joules(ThreeDigits(fleet.energy.si() / fleet.tokens)))
                      : "n/a"));
  out += SubLine("time", TimeShares(fleet, Seconds(wall)) + "; " + Stops(fleet));
  out +=
      SubLine("energy", JobEnergyCost(fleet.energy, fleet.facility_energy,
                                      record.energy_is_estimate, fleet.cost_usd, fleet.carbon_kg));
  out += JobMoney(fleet);
  out += BindingLines(record, fleet.name);
  bool headed = false;
  for (const LifeRequests& group : record.requests) {
    if (group.fleet != fleet.name) {
      continue;
    }
    if (!std::exchange(headed, true)) {
      out += fmt::format("    {:<16}{:>11}{:>10}{:>23}{:>23}{:>9}\n", "group", "requests/s",
                         "completed", "TTFT p50/p90/p99", "TPOT p50/p90/p99", "good");
    }
    const std::string name =
        group.group.size() <= 16 ? group.group : group.group.substr(0, 15) + "~";
    out += fmt::format("    {:<16}{:>11}{:>10}{:>23}{:>23}{:>9}\n", name,
                       ShortNumber(group.arrived / wall), Percent(group.completed / group.arrived),
                       Percentiles(group.ttft_p50, group.ttft_p90, group.ttft_p99),
                       Percentiles(group.tpot_p50, group.tpot_p90, group.tpot_p99),
                       Percent(group.good_share));
    out += NetworkLine(group);
  }
}

void AddFleets(std::string& out, const LifeRecord& record) {
  out += CountOf(record, JobKind::kServing) == 0 ? "" : "\nFleets\n";
  std::size_t shown = 0;
  for (const LifeJob& job : record.jobs) {
    if (job.kind == JobKind::kServing && shown < kJobsShown) {
      AddFleet(out, record, job);
      ++shown;
    }
  }
  out += More(static_cast<std::size_t>(CountOf(record, JobKind::kServing)), kJobsShown, "fleet");
}

/// "power 24 kW -> 19 kW (-20.8 %)".
std::string Arrow(const char* what, double before, double after, std::string (*format)(double)) {
  const auto told = [format](double value) {
    return std::isfinite(value) ? format(value) : "n/a";
  };
  std::string text = fmt::format("{} {} -> {}", what, told(before), told(after));
  if (before > 0.0 && std::isfinite(after)) {
    text += fmt::format(" ({:+.1f} %)", 100.0 * (after / before - 1.0));
  }
  return text;
}

std::string EffectText(const ChangeFigures& change) {
  const Rates& before = change.before;
  const Rates& after = change.after;
  const auto nothing = [](double rate) {
    return !(rate > 0.0);
  };
  std::vector<std::string> effects;
  if (!nothing(before.training_flops) || !nothing(after.training_flops)) {
    effects.push_back(Arrow("training", before.training_flops, after.training_flops, [](double si) {
      return FormatFlopRate(FlopPerSecond(ThreeDigits(si)));
    }));
  }
  if (!nothing(before.decoded_tokens) || !nothing(after.decoded_tokens)) {
    effects.push_back(Arrow("decoding", before.decoded_tokens, after.decoded_tokens, [](double si) {
      return ShortNumber(si) + " tokens/s";
    }));
  }
  effects.push_back(Arrow("power", before.power, after.power, [](double si) {
    return PowerText(Watts(si));
  }));
  return Joined(effects);
}

/// What an event is about: "servers 4 to 7", "wan link 1", "site[0].power_cap: 15 kW".
std::string AboutText(const LifeEvent& event) {
  if (!event.detail.empty()) {
    return event.detail;
  }
  if (event.wan >= 0) {
    return fmt::format("wan link {}", event.wan + 1);
  }
  if (event.server >= 0 && event.servers > 1) {
    return fmt::format("servers {} to {}", event.server.value, event.server + event.servers - 1);
  }
  return event.server >= 0 ? fmt::format("server {}", event.server.value) : "";
}

/// "change at north: site[0].power_cap: 15 kW; and 2 more".
std::string EventsText(const LifeRecord& record, const std::vector<const LifeEvent*>& events) {
  std::string text;
  for (std::size_t i = 0; i < std::min(events.size(), kEventsShown); ++i) {
    const LifeEvent& event = *events[i];
    text += (text.empty() ? "" : "; ") + std::string(NameOf(event.kind));
    if (event.site >= 0) {
      text += " at " + record.sites[static_cast<std::size_t>(event.site)].name;
    }
    const std::string about = AboutText(event);
    text += about.empty() ? "" : ": " + about;
  }
  return events.size() <= kEventsShown
             ? text
             : text + fmt::format("; and {} more", events.size() - kEventsShown);
}

void AddChanges(std::string& out, const LifeRecord& record) {
  const std::vector<ChangeFigures> changes = ChangesOf(record);
  if (changes.empty()) {
    return;
  }
  const Seconds hour(kSecondsPerHour);
  out += fmt::format(
      "\nChanges and outages (means over one {} before and after, or up to the next one)\n",
      record.interval > hour ? "interval" : "hour");
  for (std::size_t i = 0; i < std::min(changes.size(), kChangesShown); ++i) {
    out += Line(Clock(changes[i].at), EventsText(record, changes[i].events));
    out += SubLine("", EffectText(changes[i]));
  }
  out += More(changes.size(), kChangesShown, "moment");
}

// One rate of servers needs no table: the runs say how often they were stopped.
void AddFailures(std::string& out, const LifeRecord& record) {
  if (record.failures.empty() || record.failures.back().name == "server") {
    return;
  }
  out += "\nFailures that hit something in service\n";
  for (const LifeFailure& kind : record.failures) {
    out +=
        Line(kind.name, fmt::format("{} took {} and stopped {}, which lost {} of training",
                                    kind.failures, Counted(kind.servers, "server"),
                                    Counted(kind.interruptions, "run"), FormatSeconds(kind.lost)));
  }
}

void AddEnergy(std::string& out, const LifeRecord& record) {
  const EnergyBalance balance = EnergyBalanceOf(record);
  if (!(balance.total() > Joules(0.0))) {
    return;
  }
  out += fmt::format("\nEnergy of all sites{}\n", record.energy_is_estimate ? " (estimate)" : "");
  const auto line = [&](const char* name, Joules part, const char* meaning) {
    out += fmt::format("  {:<22} {:>12} {:>8}  {}\n", name, EnergyText(part),
                       Percent(part / balance.total()), meaning);
  };
  line("jobs", balance.jobs, "servers while jobs held them");
  line("no job", balance.no_job, "servers idle or out of service");
  line("PUE", balance.pue, "cooling and conversion");
  line("total", balance.total(), "");
  out.erase(out.find_last_not_of(" \n") + 1);
  out += "\n";
}

}  // namespace

std::string LifeSummaryText(const TraceHeader& header, const LifeRecord& record) {
  std::string out = HeadText(header, "the life of a cluster over " + TimeText(record.horizon));
  AddScope(out, record);
  AddCluster(out, record);
  out += record.sites.empty() ? "" : "\nSites (means over the horizon)\n";
  for (const LifeSite& site : record.sites) {
    AddSite(out, record, site);
  }
  AddPictures(out, record);
  AddPretrainings(out, record);
  AddCampaigns(out, record);
  AddFleets(out, record);
  AddChanges(out, record);
  AddFailures(out, record);
  AddEnergy(out, record);
  out += NotesText(header);
  out += Wrapped(
      "\n",
      fmt::format("gridlock {}, seed {}, {} simulated, {} simulated", header.gridlock_version,
                  header.seed, Counted(static_cast<std::int64_t>(record.situations), "situation"),
                  Counted(static_cast<std::int64_t>(record.requests_simulated), "request")),
      0);
  return out + "fingerprint " + FingerprintText(record.fingerprint) + "\n";
}

}  // namespace gridlock
