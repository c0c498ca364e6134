#include "sim/record/step_measures.h"

#include <algorithm>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "sim/record/fingerprint.h"
#include "sim/record/series.h"

namespace gridlock {
namespace {

double AcceleratorsOf(const StepRecord& record) {
  return static_cast<double>(record.accelerators);
}

}  // namespace

double TokensPerSecond(const StepRecord& record) {
  return static_cast<double>(record.tokens) / record.step_time.si();
}

double TokensPerSecondEach(const StepRecord& record) {
  return TokensPerSecond(record) / AcceleratorsOf(record);
}

FlopPerSecond ModelFlopRateEach(const StepRecord& record) {
  return record.model_flop / record.step_time / AcceleratorsOf(record);
}

Watts MeanPowerEach(const StepRecord& record) {
  return record.mean_power / AcceleratorsOf(record);
}

double Mfu(const StepRecord& record) {
  return record.mfu();
}

double Hfu(const StepRecord& record) {
  return record.hfu();
}

Watts AcceleratorMeanPower(const StepRecord& record) {
  return record.accelerator_energy / record.step_time / AcceleratorsOf(record);
}

Watts BusyPower(const StepRecord& record) {
  double busy = 0;
  for (const BreakdownPart& part : record.breakdown) {
    if (part.activity == "compute" || part.activity == "memory_bound") {
      busy += part.time.si();
    }
  }
  if (record.idle_power <= Watts(0) || busy <= 0) {
    return Watts(std::numeric_limits<double>::quiet_NaN());
  }
  const Watts above = AcceleratorMeanPower(record) - record.idle_power;
  return std::min(record.power_limit, record.idle_power + above * (record.step_time.si() / busy));
}

Watts PowerSwing(const StepRecord& record) {
  return (BusyPower(record) - record.idle_power) * AcceleratorsOf(record);
}

Watts SmoothingPower(const StepRecord& record) {
  const Watts missing = BusyPower(record) - AcceleratorMeanPower(record);
  return (missing < Watts(0) ? Watts(0) : missing) * AcceleratorsOf(record);
}

std::vector<Attribution> Walls(const StepRecord& record) {
  std::vector<Attribution> walls;
  for (const Attribution& part : record.attribution) {
    const auto found = std::find_if(walls.begin(), walls.end(), [&](const Attribution& wall) {
      return wall.resource == part.resource;
    });
    if (found == walls.end()) {
      walls.push_back(part);
    } else {
      found->time += part.time;
    }
  }
  std::stable_sort(walls.begin(), walls.end(), [](const Attribution& a, const Attribution& b) {
    return a.time > b.time;
  });
  return walls;
}

std::optional<Attribution> BindingWall(const StepRecord& record) {
  const std::vector<Attribution> walls = Walls(record);
  return walls.empty() ? std::nullopt : std::optional(walls.front());
}

std::string NameOfBindingWall(const StepRecord& record) {
  const std::optional<Attribution> wall = BindingWall(record);
  return wall ? wall->resource : "";
}

double ShareOfBindingWall(const StepRecord& record) {
  const std::optional<Attribution> wall = BindingWall(record);
  return wall ? wall->time / record.step_time : 0.0;
}

std::string StepFingerprintText(const StepRecord& record) {
  return FingerprintText(record.fingerprint);
}

double MeanUse(const UtilisationSeries& series, const StepRecord& record) {
  return MeanShare(series.share, record.interval, record.step_time);
}

Bytes TotalMemory(const StageMemory& stage) {
  return stage.total();
}

std::vector<LinkUse> LinksOf(const StepRecord& record) {
  std::vector<LinkUse> links = record.hottest;
  std::set<std::string> known;
  for (const LinkUse& link : links) {
    known.insert(link.name);
  }
  for (const LinkUse& link : record.links) {
    if (known.insert(link.name).second) {
      links.push_back(link);
    }
  }
  return links;
}

}  // namespace gridlock
