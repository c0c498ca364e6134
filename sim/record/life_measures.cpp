#include "sim/record/life_measures.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "sim/base/check.h"
#include "sim/record/fingerprint.h"
#include "sim/record/life_fields.h"

namespace gridlock {
namespace {

constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();

}  // namespace

Seconds WallTime(const LifeJob& job, const LifeRecord& record) {
  if (job.submit < Seconds(0.0)) {
    return Seconds(0.0);
  }
  return (job.end < Seconds(0.0) ? record.horizon : job.end) - job.submit;
}

Seconds SumOfTimes(const LifeJob& job) {
  Seconds sum;
  ForEachField<LifeJob>([&]<typename Field>(const Field& field) {
    if constexpr (std::is_same_v<typename Field::Value, Seconds> && Field::kStored) {
      sum += std::string_view(field.note.part_of) == kTimeOfJob ? field.Of(job) : Seconds(0.0);
    }
  });
  return sum;
}

double Ettr(const LifeJob& job, const LifeRecord& record) {
  const Seconds wall = WallTime(job, record);
  return wall > Seconds(0.0) ? (job.training + job.serving) / wall : kMissing;
}

double HoldingMfu(const LifeJob& job) {
  const double possible = job.peak.si() * job.accelerator_seconds;
  return possible > 0.0 ? job.model_flop.si() / possible : kMissing;
}

Seconds Per(Seconds time, std::int64_t count) {
  return count > 0 ? time / static_cast<double>(count) : Seconds(kMissing);
}

double UsdPerMillionTokens(const LifeJob& job) {
  return job.tokens > 0 ? (job.cost_usd + job.capital_usd + job.operation_usd) / (job.tokens / 1e6)
                        : std::numeric_limits<double>::quiet_NaN();
}

Seconds MeanStepTime(const LifeJob& job) {
  return Per(job.training, job.steps_done);
}

double Goodput(const LifeRecord& record) {
  double productive = 0, accelerators = 0;
  for (const LifeJob& job : record.jobs) {
    const Seconds held = SumOfTimes(job) - job.waiting;
    productive +=
        held > Seconds(0.0) ? job.accelerator_seconds * ((job.training + job.serving) / held) : 0.0;
  }
  for (const LifeSite& site : record.sites) {
    accelerators += static_cast<double>(site.accelerators);
  }
  return productive / (accelerators * record.horizon.si());
}

double TokensTrained(const LifeRecord& record) {
  double tokens = 0;
  for (const LifeJob& job : record.jobs) {
    tokens += job.kind == JobKind::kServing ? 0.0 : job.tokens;
  }
  return tokens;
}

Seconds MeanWaitOfExperiments(const LifeRecord& record) {
  Seconds waiting;
  std::int64_t started = 0;
  for (const LifeJob& job : record.jobs) {
    if (job.kind == JobKind::kExperiment && job.start >= Seconds(0.0)) {
      waiting += job.waiting;
      ++started;
    }
  }
  return Per(waiting, started);
}

Joules EnergyOfSites(const LifeRecord& record) {
  Joules energy;
  for (const LifeSite& site : record.sites) {
    energy += site.energy;
  }
  return energy;
}

double CostOfSites(const LifeRecord& record) {
  double usd = 0;
  for (const LifeSite& site : record.sites) {
    usd += site.cost_usd + site.capital_usd + site.operation_usd;
  }
  return usd;
}

std::string NameAlong(const LifeRecord& record, std::string_view axis, std::int32_t number) {
  if (number < 0) {
    return "";
  }
  const auto at = static_cast<std::size_t>(number);
  CHECK(axis == "job" || axis == "site");
  return axis == "job" ? record.jobs.at(at).name : record.sites.at(at).name;
}

std::string LifeFingerprintText(const LifeRecord& record) {
  return FingerprintText(record.fingerprint);
}

std::string NameOfGroup(const LifeRequests& group) {
  return group.fleet + "/" + group.group;
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
  return time > 0.0 ? sum / time : kMissing;
}

double MeanOf(const LifeRecord& record, const std::vector<double>& series) {
  return series.empty() ? kMissing : MeanBetween(record, series, Seconds(0.0), record.horizon);
}

Watts MeanPower(const LifeSite& site, const LifeRecord& record) {
  return site.energy / record.horizon;
}

std::vector<double> AtCap(const LifeSite& site) {
  std::vector<double> at;
  for (std::size_t i = 0; i < site.power.size(); ++i) {
    const double cap = site.power_cap[i];
    at.push_back(!std::isfinite(cap) ? kMissing : site.power[i] >= kAtCap * cap ? 1.0 : 0.0);
  }
  return at;
}

double AtCapShare(const LifeSite& site, const LifeRecord& record) {
  return MeanOf(record, AtCap(site));
}

}  // namespace gridlock
