#include "sim/record/step_measures.h"

#include <algorithm>
#include <cmath>
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
  const Watts burned = record.burned_energy / record.step_time / AcceleratorsOf(record);
  const Watts above = AcceleratorMeanPower(record) - burned - record.idle_power;
  return std::min(record.power_limit, record.idle_power + above * (record.step_time.si() / busy));
}

Watts PowerSwing(const StepRecord& record) {
  const Watts rest = std::max(record.idle_power, record.power_floor);
  return std::max(Watts(0), BusyPower(record) - rest) * AcceleratorsOf(record);
}

Watts PowerMin(const StepRecord& record) {
  const std::vector<double>& power = record.power;
  return Watts(power.empty() ? std::numeric_limits<double>::quiet_NaN()
                             : *std::min_element(power.begin(), power.end()));
}

Watts PowerMax(const StepRecord& record) {
  const std::vector<double>& power = record.power;
  return Watts(power.empty() ? std::numeric_limits<double>::quiet_NaN()
                             : *std::max_element(power.begin(), power.end()));
}

double PowerRamp(const StepRecord& record) {
  const std::vector<double>& power = record.power;
  if (power.empty()) {
    return std::numeric_limits<double>::quiet_NaN();
  }
  const double width = record.interval.si();
  const double last = record.step_time.si() - width * static_cast<double>(power.size() - 1);
  double steepest = 0;
  for (std::size_t i = 0; i < power.size(); ++i) {
    const std::size_t next = (i + 1) % power.size();
    const bool beside_last = i + 1 == power.size() || next + 1 == power.size();
    const double apart = beside_last ? (width + last) / 2 : width;
    steepest = std::max(steepest, std::abs(power[next] - power[i]) / apart);
  }
  return steepest;
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
