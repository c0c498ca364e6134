#include "topologies/machine.h"

#include <algorithm>

#include "sim/base/check.h"

namespace gridlock {

std::int32_t SiteSpec::ServersOfGroup(std::string_view group) const {
  const std::int64_t row = std::int64_t{servers_per_rack} * std::max(1, racks_per_row);
  const std::int64_t feed = row * std::max(1, rows_per_feed);
  const std::int64_t size = group == "rack"                        ? servers_per_rack
                            : group == "row" && racks_per_row > 0  ? row
                            : group == "feed" && rows_per_feed > 0 ? feed
                                                                   : 0;
  return static_cast<std::int32_t>(std::min<std::int64_t>(size, servers));
}

double SiteSpec::PueAt(std::optional<double> temperature, double load) const {
  double full = pue;
  if (temperature && !pue_points.empty()) {
    const auto above = std::lower_bound(pue_points.begin(), pue_points.end(), *temperature,
                                        [](const PuePointSpec& point, double at) {
                                          return point.temperature < at;
                                        });
    if (above == pue_points.begin() || above == pue_points.end()) {
      full = above == pue_points.end() ? pue_points.back().pue : above->pue;
    } else {
      const PuePointSpec &low = *(above - 1), &high = *above;
      const double part = (*temperature - low.temperature) / (high.temperature - low.temperature);
      full = low.pue + part * (high.pue - low.pue);
    }
  }
  return pue_fixed > 0 && load > 0 ? 1 + (full - 1) * (1 - pue_fixed + pue_fixed / load) : full;
}

const char* PrecisionName(Precision precision) {
  switch (precision) {
    case Precision::kFp32:
      return "fp32";
    case Precision::kTf32:
      return "tf32";
    case Precision::kBf16:
      return "bf16";
    case Precision::kFp8:
      return "fp8";
    case Precision::kFp4:
      return "fp4";
    case Precision::kInt8:
      return "int8";
  }
  CHECK(false);
}

double PrecisionBytes(Precision precision) {
  switch (precision) {
    case Precision::kFp32:
    case Precision::kTf32:  // 19 bits are used, 32 are stored
      return 4.0;
    case Precision::kBf16:
      return 2.0;
    case Precision::kFp8:
    case Precision::kInt8:
      return 1.0;
    case Precision::kFp4:
      return 0.5;
  }
  CHECK(false);
}

ServerSpec SlowerOf(ServerSpec a, const ServerSpec& b) {
  AcceleratorSpec& chip = a.accelerator;
  for (int p = 0; p < kPrecisions; ++p) {
    chip.rates[p].peak = std::min(chip.rates[p].peak, b.accelerator.rates[p].peak);
  }
  chip.hbm_capacity = std::min(chip.hbm_capacity, b.accelerator.hbm_capacity);
  chip.hbm_bandwidth = std::min(chip.hbm_bandwidth, b.accelerator.hbm_bandwidth);
  chip.hbm_efficiency = std::min(chip.hbm_efficiency, b.accelerator.hbm_efficiency);
  chip.sustained_clock = std::min(chip.sustained_clock, b.accelerator.sustained_clock);
  chip.solo_clock = std::min(chip.solo_clock, b.accelerator.solo_clock);
  chip.scale_up_bandwidth = std::min(chip.scale_up_bandwidth, b.accelerator.scale_up_bandwidth);
  chip.host_bandwidth = std::min(chip.host_bandwidth, b.accelerator.host_bandwidth);
  chip.power.limit = std::min(chip.power.limit, b.accelerator.power.limit);
  chip.power.own_limit = std::min(chip.power.own_limit, b.accelerator.power.own_limit);
  a.nic_bandwidth = std::min(a.nic_bandwidth, b.nic_bandwidth);
  for (std::size_t n = 0; n < std::min(a.ring_bandwidths.size(), b.ring_bandwidths.size()); ++n) {
    a.ring_bandwidths[n] = std::min(a.ring_bandwidths[n], b.ring_bandwidths[n]);
  }
  return a;
}

}  // namespace gridlock
