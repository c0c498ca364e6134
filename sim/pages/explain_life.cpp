// What the life of a cluster says, in words: where the time of its jobs goes, how often to save,
// what would move it.

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "sim/base/numbers.h"
#include "sim/base/units.h"
#include "sim/pages/explain.h"
#include "sim/pages/scenario_fields.h"
#include "sim/record/power_missing.h"
#include "sim/report/layout.h"
#include "sim/report/life_words.h"

namespace gridlock {
namespace {

Explanation SitesOfLife(const Dataset& life) {
  Explanation part{"Sites", {}};
  for (std::size_t site = 0; site < life.Length("site"); ++site) {
    part.lines.push_back(
        fmt::format("{}: {} accelerators, {} on average, {} for {} USD, PUE {:g}",
                    life.TextAt("site", site), Grouped(life.At("site_accelerators", site)),
                    FormatWatts(Watts(ThreeDigits(life.At("site_mean_power", site)))),
                    EnergyText(Joules(life.At("site_energy", site))),
                    Grouped(life.At("site_cost", site)), life.At("site_pue", site)));
  }
  return part;
}

constexpr const char* kTimes[] = {"training", "serving",       "waiting",   "lost",
                                  "stalled",  "checkpointing", "restarting"};

/// From the submission of a job to its end, by what it did.
double TimeOfJob(const Dataset& life, std::size_t job) {
  double all = 0;
  for (const char* name : kTimes) {
    const double time = life.At(fmt::format("job_{}", name), job);
    all += std::isfinite(time) ? time : 0;
  }
  return all;
}

Explanation RunsOfLife(const Dataset& life) {
  Explanation part{"Where the time of the largest jobs goes", {}};
  std::vector<std::size_t> order;
  for (std::size_t job = 0; job < life.Length("job"); ++job) {
    order.push_back(job);
  }
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return life.At("job_accelerator_seconds", a) > life.At("job_accelerator_seconds", b);
  });
  for (std::size_t k = 0; k < std::min<std::size_t>(4, order.size()); ++k) {
    const std::size_t job = order[k];
    const double all = TimeOfJob(life, job);
    std::string line = fmt::format("  {}: ETTR = time in steps that count / wall time = {}",
                                   life.TextAt("job", job), Percent(life.At("job_ettr", job)));
    for (const char* name : kTimes) {
      const double share = life.At(fmt::format("job_{}", name), job) / all;
      line += share >= 0.005 ? fmt::format(", {} {}", name, Percent(share)) : "";
    }
    part.lines.push_back(line);
  }
  return part;
}

std::string WithoutQuotes(const std::string& text) {
  return text.size() >= 2 && text.front() == '"' ? text.substr(1, text.size() - 2) : text;
}

/// How a run saves: where its scenario states the interval, and what came of it.
struct Saving {
  std::string path;          ///< "job[0].pretraining"
  std::size_t job = 0;       ///< along the jobs of the life
  double interval = 0;       ///< seconds from the start of a checkpoint to that of the next
  double save = 0;           ///< that a checkpoint takes, in the mean
  double between_stops = 0;  ///< in the mean

  /// The interval that loses least (Young 1974).
  [[nodiscard]] double Best() const { return std::sqrt(2 * save * between_stops); }

  /// Share of the time that saving and lost work take.
  [[nodiscard]] double Taken(double every) const {
    return save / every + every / (2 * between_stops);
  }
};

using Fields = std::vector<std::pair<std::string, std::string>>;

double SiOfField(const std::string& text, Dimension dimension) {
  return ParseQuantity(WithoutQuotes(text), dimension).si.value_or(0);
}

/// Of each run that states an interval, by its name, and that was stopped. Every stop ends an
/// interval early, and what was lost is what these had come to: so the time in steps that count is
/// whole intervals.
std::vector<Saving> SavingsOf(const Dataset& life, const Fields& fields) {
  std::vector<Saving> savings;
  for (const auto& [path, text] : fields) {
    const std::string end = ".checkpoint_interval";
    if (!path.ends_with(".pretraining" + end)) {
      continue;
    }
    Saving saving;
    saving.path = path.substr(0, path.size() - end.size());
    saving.interval = SiOfField(text, Dimension::kTime);
    const std::string job = saving.path.substr(0, saving.path.rfind('.'));
    const auto named = std::find_if(fields.begin(), fields.end(), [&](const auto& field) {
      return field.first == job + ".name";
    });
    for (saving.job = 0; named != fields.end() && saving.job < life.Length("job"); ++saving.job) {
      if (life.TextAt("job", saving.job) != WithoutQuotes(named->second)) {
        continue;
      }
      const double saved = life.At("job_training", saving.job) / saving.interval;
      saving.save = life.At("job_checkpointing", saving.job) / saved;
      saving.between_stops = life.At("job_mean_time_between_interruptions", saving.job);
      if (saving.save > 0 && saved >= 1 && saving.between_stops > 0 &&
          std::isfinite(saving.between_stops)) {
        savings.push_back(saving);
      }
      break;
    }
  }
  return savings;
}

/// What a checkpoint took, how often runs were stopped, and the interval that loses least.
Explanation CheckpointsOfLife(const Dataset& life, const std::vector<Saving>& savings) {
  Explanation part{"How often to save: sqrt(2 x time to save x time between stops) (Young 1974)",
                   {}};
  for (const Saving& saving : savings) {
    part.lines.push_back(
        fmt::format("{}: saves every {} for {}, stops every {} on average: sqrt(2 x {} x {}) = {}",
                    life.TextAt("job", saving.job), InSeconds(saving.interval),
                    InSeconds(saving.save), InSeconds(saving.between_stops), InSeconds(saving.save),
                    InSeconds(saving.between_stops), InSeconds(saving.Best())));
    part.lines.push_back(fmt::format(
        "  saving and lost work take save / interval + interval / (2 x stops) = {} of its time, "
        "and at that interval {}",
        Percent(saving.Taken(saving.interval)), Percent(saving.Taken(saving.Best()))));
  }
  return part;
}

/// What a loss of time is to, and a command that would make it smaller; "" where none is known.
struct Remedy {
  std::string words, command;
};

std::string RunWith(const std::string& path, const std::string& value) {
  return fmt::format("gridlock run SCENARIO --set \"{}={}\"", path, value);
}

/// Half of the time, or twice the rate, of the first field whose path ends in `end`.
std::string Moved(const Fields& fields, const std::string& end, Dimension dimension) {
  for (const auto& [path, text] : fields) {
    const double si = path.ends_with(end) ? SiOfField(text, dimension) : 0;
    if (si > 0) {
      return RunWith(path, dimension == Dimension::kTime
                               ? InSeconds(si / 2)
                               : FormatBandwidth(BytesPerSecond(ThreeDigits(2 * si))));
    }
  }
  return "";
}

/// Against lost work and waiting for checkpoints: the interval that loses least, where that is
/// another one.
std::optional<Remedy> BetterInterval(const Saving& saving, bool more_often) {
  constexpr double kWorth = 0.005;  // of the time, as shares are printed
  const double best = saving.Best();
  if ((best < saving.interval) != more_often ||
      saving.Taken(saving.interval) - saving.Taken(best) < kWorth) {
    return std::nullopt;
  }
  return Remedy{more_often ? "work since the last checkpoint: save more often"
                           : "waiting for checkpoints: save less often",
                RunWith(saving.path + ".checkpoint_interval", InSeconds(best))};
}

/// The cap on power that lets a job not even start, as its event says; "" where none does.
std::string PowerMissing(const Dataset& life, const std::string& job) {
  const DatasetVariable* const details = life.Find("detail_text");
  for (std::size_t i = 0; details != nullptr && i < details->texts.size(); ++i) {
    const std::string& text = details->texts[i];
    if (text.starts_with(job + " needs ") && text.find(kPowerMissing) != std::string::npos) {
      return text;
    }
  }
  return "";
}

/// The site whose cap such an event names.
std::size_t SiteOf(const Dataset& life, const std::string& missing) {
  std::size_t site = 0;
  while (site + 1 < life.Length("site") &&
         missing.find(kPowerMissing + life.TextAt("site", site) + " is ") == std::string::npos) {
    ++site;
  }
  return site;
}

Remedy RemedyFor(const std::string& time, const Dataset& life, const Fields& fields,
                 const std::optional<Saving>& saving, const std::string& job) {
  const std::string storage = Moved(fields, ".storage_bandwidth", Dimension::kBandwidth);
  if (time == "lost") {
    return (saving ? BetterInterval(*saving, true) : std::nullopt)
        .value_or(Remedy{"work since the last checkpoint: fewer failures, or a faster storage and "
                         "more checkpoints",
                         storage});
  }
  if (time == "checkpointing") {
    return (saving ? BetterInterval(*saving, false) : std::nullopt)
        .value_or(Remedy{"waiting for the storage: make it faster, or save while training goes on",
                         storage});
  }
  if (time == "restarting") {
    const std::string sooner = Moved(fields, "reliability.restart_time", Dimension::kTime);
    return {"restarts: come back faster", sooner.empty() ? storage : sooner};
  }
  if (time == "waiting") {
    const std::string missing = PowerMissing(life, job);
    if (missing.empty()) {
      return {"waiting for servers: more of them, or more spares",
              "gridlock run SCENARIO --set site[0].servers=N"};
    }
    const std::string needs = " needs ";  // "train needs 590 kW at the lowest clock"
    const std::size_t from = missing.find(needs) + needs.size();
    return {"waiting for power: " + missing,
            RunWith(fmt::format("site[{}].facility.power_cap", SiteOf(life, missing)),
                    missing.substr(from, missing.find(" at ", from) - from))};
  }
  return {"waiting for another site or its links", "gridlock schema WanLink"};
}

std::size_t LargestJob(const Dataset& life) {
  std::size_t largest = 0;
  for (std::size_t job = 1; job < life.Length("job"); ++job) {
    largest = life.At("job_accelerator_seconds", job) > life.At("job_accelerator_seconds", largest)
                  ? job
                  : largest;
  }
  return largest;
}

/// What the run that holds most accelerators loses most time to, and what to try against it.
Explanation MovesOfLife(const Dataset& life, const Fields& fields,
                        const std::vector<Saving>& savings) {
  Explanation part{"What would move it", {}};
  const std::size_t largest = LargestJob(life);
  const auto own = std::find_if(savings.begin(), savings.end(), [largest](const Saving& each) {
    return each.job == largest;
  });
  const std::optional<Saving> saving = own == savings.end() ? std::nullopt : std::optional(*own);
  std::vector<std::pair<double, std::string>> losses;
  for (const char* name : {"lost", "restarting", "checkpointing", "waiting", "stalled"}) {
    const double time = life.At(std::string("job_") + name, largest);
    if (time > 0) {
      losses.emplace_back(time, name);
    }
  }
  std::stable_sort(losses.begin(), losses.end(), [](const auto& a, const auto& b) {
    return a.first > b.first;
  });
  const double all = TimeOfJob(life, largest);
  for (std::size_t i = 0; i < std::min<std::size_t>(2, losses.size()); ++i) {
    const Remedy remedy =
        RemedyFor(losses[i].second, life, fields, saving, life.TextAt("job", largest));
    part.lines.push_back(fmt::format("{} loses {} of its time to {}.", life.TextAt("job", largest),
                                     Percent(losses[i].first / all), remedy.words));
    if (!remedy.command.empty()) {
      part.lines.push_back("  " + remedy.command);
    }
  }
  return part;
}

}  // namespace

std::string VerdictOfLife(const Dataset& life) {
  const double horizon = ParseNumber(life.Attribute("horizon")).value_or(0);
  const std::size_t largest = LargestJob(life);
  double energy = 0;
  for (std::size_t site = 0; site < life.Length("site"); ++site) {
    energy += life.At("site_energy", site);
  }
  const std::size_t jobs = life.Length("job");
  std::string text = fmt::format("{} with {} {} use {}", FormatSeconds(Seconds(horizon)), jobs,
                                 jobs == 1 ? "job" : "jobs", EnergyText(Joules(energy)));
  if (life.Length("job") > 0) {
    text += fmt::format("; {} spends {} of its time on what counts (ETTR)",
                        life.TextAt("job", largest), Percent(life.At("job_ettr", largest)));
  }
  return text + ".";
}

std::vector<Explanation> ExplainLife(const Dataset& life) {
  const Fields fields = FieldsOfText(life.Attribute("scenario"));
  const std::vector<Saving> savings = SavingsOf(life, fields);
  return {SitesOfLife(life), RunsOfLife(life), CheckpointsOfLife(life, savings),
          MovesOfLife(life, fields, savings)};
}

}  // namespace gridlock
