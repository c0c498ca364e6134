#include "sim/study/cap.h"

#include <cctype>
#include <charconv>
#include <cmath>
#include <optional>

#include <fmt/format.h>

namespace gridlock {

namespace {

constexpr CapTarget kTargets[] = {CapTarget::kScaleUp, CapTarget::kNic,   CapTarget::kWan,
                                  CapTarget::kHbm,     CapTarget::kFlops, CapTarget::kPower};
constexpr std::size_t kMostPoints = 1000;

[[noreturn]] void Refuse(const std::string& message) {
  throw UserError("", "--values: " + message);
}

std::string Trim(const std::string& text) {
  const auto first = text.find_first_not_of(" \t");
  return first == std::string::npos ? ""
                                    : text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::vector<std::string> SplitAtCommas(const std::string& text) {
  std::vector<std::string> parts;
  std::size_t from = 0;
  while (true) {
    const std::size_t comma = text.find(',', from);
    parts.push_back(Trim(text.substr(from, comma - from)));
    if (comma == std::string::npos) {
      return parts;
    }
    from = comma + 1;
  }
}

// A list entry: its number, and the unit behind it ("" when it takes the unit of a later one).
struct Entry {
  std::string text;
  double number = 0;
  std::string unit;
  bool dots = false;
};

Entry ParseEntry(const std::string& text) {
  Entry entry{text, 0, "", text == "..."};
  if (entry.dots) {
    return entry;
  }
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, entry.number);
  if (error != std::errc() || !std::isfinite(entry.number) || entry.number <= 0) {
    Refuse(fmt::format(
        "\"{}\" is not a positive number; expected a list such as \"900,800,...,100GBps\"", text));
  }
  entry.unit = Trim(std::string(rest, end));
  return entry;
}

// Units count backwards; "a, b, ..., z" becomes a, b, b+(b-a), ... up to z.
std::vector<Entry> Complete(std::vector<Entry> entries) {
  for (std::size_t i = entries.size(); i-- > 1;) {
    if (entries[i - 1].unit.empty()) {
      entries[i - 1].unit = entries[i].unit;
    }
  }
  std::vector<Entry> out;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (!entries[i].dots) {
      out.push_back(entries[i]);
      continue;
    }
    if (out.size() < 2 || i + 1 == entries.size() || entries[i + 1].dots) {
      Refuse("\"...\" needs two values before it and one behind it, as in \"900,800,...,100GBps\"");
    }
    const double step = out.back().number - out[out.size() - 2].number;
    const double last = entries[i + 1].number;
    const double count = (last - out.back().number) / step;
    if (step == 0 || count < 1 || std::abs(count - std::round(count)) > 1e-6 ||
        count > kMostPoints) {
      Refuse(fmt::format("\"...\" does not lead from {} to {} in steps of {}", out.back().number,
                         last, step));
    }
    for (int k = 1; k < std::lround(count); ++k) {
      Entry between = out.back();
      between.number += step;
      out.push_back(between);
    }
  }
  return out;
}

Dimension DimensionOf(CapTarget target) {
  switch (target) {
    case CapTarget::kFlops:
      return Dimension::kCompute;
    case CapTarget::kPower:
      return Dimension::kPower;
    case CapTarget::kScaleUp:
    case CapTarget::kNic:
    case CapTarget::kWan:
    case CapTarget::kHbm:
      return Dimension::kBandwidth;
  }
  return Dimension::kBandwidth;
}

std::string FormatValue(CapTarget target, double si) {
  switch (DimensionOf(target)) {
    case Dimension::kCompute:
      return FormatFlopRate(FlopPerSecond(si));
    case Dimension::kPower:
      return FormatWatts(Watts(si));
    default:
      // NICs and wide-area links are sold in bits.
      return target == CapTarget::kNic || target == CapTarget::kWan
                 ? fmt::format("{:.6g} Gbps", si / 125e6)
                 : FormatBandwidth(BytesPerSecond(si));
  }
}

// Strips a trailing "per direction" or "/dir"; true when there was one.
bool TakePerDirection(std::string& unit) {
  for (const std::string suffix : {"per direction", "/dir"}) {
    if (unit.size() >= suffix.size() &&
        unit.compare(unit.size() - suffix.size(), suffix.size(), suffix) == 0) {
      unit = Trim(unit.substr(0, unit.size() - suffix.size()));
      return true;
    }
  }
  return false;
}

CapPoint PointOf(const Entry& entry, CapTarget target, double baseline) {
  CapPoint point;
  std::string unit = entry.unit;
  if (unit == "%") {
    point.as_typed = fmt::format("{} %", entry.number);
    point.si = baseline * entry.number / 100;
    point.label = fmt::format("{} {}", CapTargetName(target), FormatValue(target, point.si));
    return point;
  }
  const bool per_direction = TakePerDirection(unit);
  const ParsedQuantity parsed =
      ParseQuantity(Trim(fmt::format("{} {}", entry.number, unit)), DimensionOf(target));
  if (!parsed.si) {
    Refuse(parsed.problem);
  }
  point.si = *parsed.si;
  if (target == CapTarget::kScaleUp && !per_direction) {
    point.si /= 2;
    point.as_typed = fmt::format("{} {}", entry.number, unit);
    point.note = fmt::format(
        "scale_up {} is read as vendors print it, both directions added: {} per direction",
        FormatBandwidth(BytesPerSecond(*parsed.si)), FormatBandwidth(BytesPerSecond(point.si)));
  }
  point.label = fmt::format("{} {}", CapTargetName(target), FormatValue(target, point.si));
  return point;
}

}  // namespace

const char* CapTargetName(CapTarget target) {
  switch (target) {
    case CapTarget::kScaleUp:
      return "scale_up";
    case CapTarget::kNic:
      return "nic";
    case CapTarget::kWan:
      return "wan";
    case CapTarget::kHbm:
      return "hbm";
    case CapTarget::kFlops:
      return "flops";
    case CapTarget::kPower:
      return "power";
  }
  return "";
}

const char* CapResource(CapTarget target) {
  // A power cap shows as slower compute.
  return target == CapTarget::kFlops || target == CapTarget::kPower ? "compute"
                                                                    : CapTargetName(target);
}

const char* CapQuantity(CapTarget target) {
  switch (target) {
    case CapTarget::kScaleUp:
      return "scale-up bandwidth of an accelerator, per direction";
    case CapTarget::kNic:
      return "NIC bandwidth, per direction";
    case CapTarget::kWan:
      return "WAN bandwidth, per direction";
    case CapTarget::kHbm:
      return "peak HBM bandwidth";
    case CapTarget::kFlops:
      return "dense peak in the training format";
    case CapTarget::kPower:
      return "board power limit of an accelerator";
  }
  return "";
}

const char* CapUnits(CapTarget target) {
  switch (DimensionOf(target)) {
    case Dimension::kCompute:
      return "FLOP/s";
    case Dimension::kPower:
      return "W";
    default:
      return "byte/s";
  }
}

CapTarget ParseCapTarget(const std::string& name) {
  std::vector<std::string> names;
  for (const CapTarget target : kTargets) {
    names.emplace_back(CapTargetName(target));
    if (name != CapTargetName(target)) {
      continue;
    }
    if (target == CapTarget::kWan) {
      throw UserError("",
                      "--link wan is not simulated yet: a scenario has one site; expected "
                      "scale_up, nic, hbm, flops or power");
    }
    return target;
  }
  throw UserError("", fmt::format("--link: no resource is called \"{}\"; expected one of {}{}",
                                  name, fmt::join(names, ", "), DidYouMean(name, names)));
}

std::vector<CapPoint> ParseCapValues(const std::string& text, CapTarget target,
                                     const Scenario& scenario) {
  std::vector<Entry> entries;
  for (const std::string& part : SplitAtCommas(text)) {
    entries.push_back(ParseEntry(part));
  }
  std::vector<CapPoint> points;
  for (const Entry& entry : Complete(std::move(entries))) {
    points.push_back(PointOf(entry, target, CapBaseline(target, scenario)));
  }
  return points;
}

std::vector<std::string> CapNotes(CapTarget target, const std::vector<CapPoint>& points) {
  std::vector<std::string> notes;
  for (const CapPoint& point : points) {
    if (!point.note.empty()) {
      notes.push_back(point.note + "; so is every value without \"/dir\" or \"%\"");
      break;
    }
  }
  if (target == CapTarget::kFlops) {
    notes.emplace_back(
        "MFU is a share of the capped peak: it can rise while the step becomes slower");
  }
  if (target == CapTarget::kPower) {
    notes.emplace_back(
        "a power cap lengthens what accelerators compute and read: its share is that of compute");
  }
  return notes;
}

double CapBaseline(CapTarget target, const Scenario& scenario) {
  const ServerSpec& server = scenario.site().server;
  switch (target) {
    case CapTarget::kScaleUp:
      return server.accelerator.scale_up_bandwidth.si();
    case CapTarget::kNic:
      return server.nic_bandwidth.si();
    case CapTarget::kHbm:
      return server.accelerator.hbm_bandwidth.si();
    case CapTarget::kFlops:
      return server.accelerator.rates[static_cast<int>(scenario.training().precision)].peak.si();
    case CapTarget::kPower:
      return server.accelerator.power.limit.si();
    case CapTarget::kWan:
      break;
  }
  return 0;
}

Scenario WithCap(Scenario scenario, CapTarget target, double si) {
  ServerSpec& server = scenario.site().server;
  switch (target) {
    case CapTarget::kScaleUp:
      server.accelerator.scale_up_bandwidth = BytesPerSecond(si);
      break;
    case CapTarget::kNic:
      server.nic_bandwidth = BytesPerSecond(si);
      break;
    case CapTarget::kHbm:
      server.accelerator.hbm_bandwidth = BytesPerSecond(si);
      break;
    case CapTarget::kFlops: {
      // All formats fall together, as when units are fused off.
      const double factor = si / CapBaseline(target, scenario);
      for (MatrixRate& rate : server.accelerator.rates) {
        rate.peak = rate.peak * factor;
      }
      break;
    }
    case CapTarget::kPower:
      server.accelerator.power.limit = Watts(si);
      break;
    case CapTarget::kWan:
      break;
  }
  return scenario;
}

}  // namespace gridlock
