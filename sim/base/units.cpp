#include "sim/base/units.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <span>
#include <system_error>
#include <vector>

#include "sim/base/check.h"

namespace gridlock {
namespace {

struct Unit {
  std::string_view name;
  double si;           ///< one of the unit, in SI units of the dimension
  bool listed = true;  ///< false for a second spelling, which UnitsOf leaves out
};

constexpr double kKibi = 1024.0;
constexpr double kMebi = kKibi * kKibi;
constexpr double kGibi = kMebi * kKibi;
constexpr double kTebi = kGibi * kKibi;
constexpr double kPebi = kTebi * kKibi;

// "KB" is not among them: it is read as 1000 by some and as 1024 by others.
constexpr Unit kDataUnits[] = {
    {"B", 1.0},     {"kB", 1e3},    {"MB", 1e6},          {"GB", 1e9},           {"TB", 1e12},
    {"PB", 1e15},   {"EB", 1e18},   {"KiB", kKibi},       {"MiB", kMebi},        {"GiB", kGibi},
    {"TiB", kTebi}, {"PiB", kPebi}, {"byte", 1.0, false}, {"bytes", 1.0, false},
};

// "µ" stands twice: as the micro sign U+00B5 and as the Greek letter U+03BC.
constexpr Unit kTimeUnits[] = {
    {"ps", 1e-12},
    {"ns", 1e-9},
    {"us", 1e-6},
    {"ms", 1e-3},
    {"s", 1.0},
    {"min", 60.0},
    {"h", kSecondsPerHour},
    {"days", kSecondsPerDay},
    {"day", kSecondsPerDay, false},
    {"hour", kSecondsPerHour, false},
    {"hours", kSecondsPerHour, false},
    {"week", 7 * kSecondsPerDay, false},
    {"weeks", 7 * kSecondsPerDay},
    {"month", kYear.si() / 12, false},
    {"months", kYear.si() / 12, false},
    {"year", kYear.si(), false},
    {"years", kYear.si()},
    {"\xC2\xB5s", 1e-6, false},
    {"\xCE\xBCs", 1e-6, false},
};

// In bytes per second. A small b is a bit, a big B a byte.
constexpr Unit kBandwidthUnits[] = {
    {"bps", 0.125},
    {"Kbps", 125.0},
    {"Mbps", 125e3},
    {"Gbps", 125e6},
    {"Tbps", 125e9},
    {"Pbps", 125e12},
    {"B/s", 1.0},
    {"kB/s", 1e3},
    {"MB/s", 1e6},
    {"GB/s", 1e9},
    {"TB/s", 1e12},
    {"PB/s", 1e15},
    {"EB/s", 1e18},
    {"KiB/s", kKibi},
    {"MiB/s", kMebi},
    {"GiB/s", kGibi},
    {"TiB/s", kTebi},
    {"kBps", 1e3},
    {"MBps", 1e6},
    {"GBps", 1e9},
    {"TBps", 1e12},
    {"kbps", 125.0, false},
    {"bit/s", 0.125, false},
    {"kbit/s", 125.0, false},
    {"Kbit/s", 125.0, false},
    {"Mbit/s", 125e3, false},
    {"Gbit/s", 125e6, false},
    {"Tbit/s", 125e9, false},
    {"Mb/s", 125e3, false},
    {"Gb/s", 125e6, false},
    {"Tb/s", 125e9, false},
    {"Bps", 1.0, false},
    {"PBps", 1e15, false},
};

constexpr Unit kComputeUnits[] = {
    {"FLOPS", 1.0},           {"MFLOPS", 1e6},          {"GFLOPS", 1e9},
    {"TFLOPS", 1e12},         {"PFLOPS", 1e15},         {"EFLOPS", 1e18},
    {"ZFLOPS", 1e21},         {"kFLOPS", 1e3, false},   {"FLOP/s", 1.0, false},
    {"kFLOP/s", 1e3, false},  {"MFLOP/s", 1e6, false},  {"GFLOP/s", 1e9, false},
    {"TFLOP/s", 1e12, false}, {"PFLOP/s", 1e15, false}, {"EFLOP/s", 1e18, false},
    {"ZFLOP/s", 1e21, false},
};

constexpr Unit kWorkUnits[] = {
    {"FLOP", 1.0},   {"kFLOP", 1e3},  {"MFLOP", 1e6},  {"GFLOP", 1e9},  {"TFLOP", 1e12},
    {"PFLOP", 1e15}, {"EFLOP", 1e18}, {"ZFLOP", 1e21}, {"YFLOP", 1e24},
};

// Milliwatts are not among them: "150 mW" for a building is a slip for "150 MW".
constexpr Unit kPowerUnits[] = {{"W", 1.0}, {"kW", 1e3}, {"MW", 1e6}, {"GW", 1e9}};

constexpr Unit kEnergyPerFlopUnits[] = {
    {"fJ/FLOP", 1e-15}, {"pJ/FLOP", 1e-12}, {"nJ/FLOP", 1e-9}, {"J/FLOP", 1.0}};

constexpr Unit kEnergyPerByteUnits[] = {
    {"pJ/B", 1e-12},   {"nJ/B", 1e-9},   {"J/B", 1.0},
    {"pJ/bit", 8e-12}, {"nJ/bit", 8e-9}, {"fJ/bit", 8e-15, false},
};

constexpr Unit kLengthUnits[] = {{"m", 1.0}, {"km", 1e3}, {"cm", 0.01, false}};

// Millijoules and milliwatt-hours are not among them: "20 mWh" for a battery is a slip for "20
// MWh".
constexpr Unit kEnergyUnits[] = {{"J", 1.0},    {"kJ", 1e3},    {"MJ", 1e6},    {"GJ", 1e9},
                                 {"Wh", 3.6e3}, {"kWh", 3.6e6}, {"MWh", 3.6e9}, {"GWh", 3.6e12}};

constexpr Unit kPowerRampUnits[] = {{"W/s", 1.0}, {"kW/s", 1e3}, {"MW/s", 1e6}};

constexpr Unit kAreaUnits[] = {{"mm2", 1e-6}, {"cm2", 1e-4}, {"m2", 1.0}};

/// What a dimension is called in messages.
struct DimensionInfo {
  Dimension dimension;
  std::string_view noun;
  std::string_view examples;
  std::span<const Unit> units;
};

constexpr DimensionInfo kDimensions[] = {
    {Dimension::kData, "an amount of data", "\"80 GB\" or \"25 MiB\"", kDataUnits},
    {Dimension::kTime, "a time", "\"500 ns\" or \"2.5 ms\"", kTimeUnits},
    {Dimension::kBandwidth, "a bandwidth", "\"400 Gbps\" or \"50 GB/s\"", kBandwidthUnits},
    {Dimension::kCompute, "a compute rate", "\"989 TFLOPS\" or \"1.2 PFLOPS\"", kComputeUnits},
    {Dimension::kWork, "an amount of work", "\"128 GFLOP\" or \"2 TFLOP\"", kWorkUnits},
    {Dimension::kPower, "a power", "\"700 W\" or \"1.2 kW\"", kPowerUnits},
    {Dimension::kEnergyPerFlop, "an energy per FLOP", "\"0.5 pJ/FLOP\"", kEnergyPerFlopUnits},
    {Dimension::kEnergyPerByte, "an energy per byte", "\"35 pJ/B\" or \"4 pJ/bit\"",
     kEnergyPerByteUnits},
    {Dimension::kLength, "a length", "\"500 m\" or \"40 km\"", kLengthUnits},
    {Dimension::kArea, "an area", "\"826 mm2\"", kAreaUnits},
    {Dimension::kEnergy, "an energy", "\"65 J\" or \"20 MWh\"", kEnergyUnits},
    {Dimension::kPowerRamp, "a ramp of power", "\"500 W/s\"", kPowerRampUnits},
};

const DimensionInfo& InfoOf(Dimension dimension) {
  const auto* const info =
      std::find_if(std::begin(kDimensions), std::end(kDimensions), [&](const DimensionInfo& each) {
        return each.dimension == dimension;
      });
  CHECK(info != std::end(kDimensions));
  return *info;
}

const Unit* FindUnit(const DimensionInfo& info, std::string_view name) {
  const auto unit = std::find_if(info.units.begin(), info.units.end(), [&](const Unit& each) {
    return each.name == name;
  });
  return unit == info.units.end() ? nullptr : &*unit;
}

bool IsBlank(char c) {
  return c == ' ' || c == '\t';
}

std::string_view Trimmed(std::string_view text) {
  while (!text.empty() && IsBlank(text.front())) {
    text.remove_prefix(1);
  }
  while (!text.empty() && IsBlank(text.back())) {
    text.remove_suffix(1);
  }
  return text;
}

ParsedQuantity Refuse(const std::string& what, const DimensionInfo& info) {
  return {std::nullopt, what + "; expected " + Describe(info.dimension)};
}

/// Says why `unit` is not one of the dimension: another dimension's, a slip, or unknown.
ParsedQuantity RefuseUnit(std::string_view text, std::string_view unit, const DimensionInfo& info) {
  for (const DimensionInfo& other : kDimensions) {
    if (FindUnit(other, unit) != nullptr) {
      return Refuse(Quoted(text) + " is " + std::string(other.noun), info);
    }
  }
  std::vector<std::string> names;
  for (const Unit& each : info.units) {
    names.emplace_back(each.name);
  }
  ParsedQuantity refused = Refuse(Quoted(text) + " has the unknown unit " + Quoted(unit), info);
  const std::string nearest = NearestName(std::string(unit), names);
  if (!nearest.empty()) {
    refused.problem += "; did you mean \"" + nearest + "\"?";
  } else {
    refused.problem += "; units are " + UnitsOf(info.dimension);
  }
  return refused;
}

/// The value with four significant digits, without trailing zeros, in every locale.
std::string Digits(double value) {
  std::array<char, 64> buffer{};
  const auto result = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                    std::chars_format::general, 4);
  return {buffer.data(), result.ptr};
}

/// Writes `si` with the largest unit that leaves at least 1 after rounding to four digits.
/// `units` rise.
std::string Format(double si, std::span<const Unit> units) {
  const Unit* fitting = &units.front();
  for (const Unit& unit : units) {
    if (std::abs(si) >= unit.si * 0.99995) {
      fitting = &unit;
    }
  }
  if (si == 0.0) {
    // The plain unit reads best: "0 s", not "0 ns".
    const auto plain = std::find_if(units.begin(), units.end(), [](const Unit& unit) {
      return unit.si == 1.0;
    });
    return "0 " + std::string(plain->name);
  }
  return Digits(si / fitting->si) + " " + std::string(fitting->name);
}

}  // namespace

ParsedQuantity ParseQuantity(std::string_view text, Dimension dimension) {
  const DimensionInfo& info = InfoOf(dimension);
  const std::string_view trimmed = Trimmed(text);
  if (trimmed.empty()) {
    return Refuse("the text is empty", info);
  }
  double number = 0.0;
  const char* const end = trimmed.data() + trimmed.size();
  const auto [rest, error] = std::from_chars(trimmed.data(), end, number);
  if (error == std::errc::result_out_of_range) {
    return Refuse(Quoted(text) + " is too large or too small to be computed with", info);
  }
  if (error != std::errc()) {
    return Refuse(Quoted(text) + " does not start with a number", info);
  }
  if (!std::isfinite(number)) {
    return Refuse(Quoted(text) + " is not a finite number", info);
  }
  const std::string_view unit_name =
      Trimmed(std::string_view(rest, static_cast<std::size_t>(end - rest)));
  if (unit_name.empty()) {
    return Refuse(Quoted(text) + " has no unit", info);
  }
  const Unit* const unit = FindUnit(info, unit_name);
  if (unit == nullptr) {
    return RefuseUnit(text, unit_name, info);
  }
  const double si = number * unit->si;
  if (!std::isfinite(si)) {
    return Refuse(Quoted(text) + " is too large or too small to be computed with", info);
  }
  return {si, ""};
}

std::string Describe(Dimension dimension) {
  const DimensionInfo& info = InfoOf(dimension);
  return std::string(info.noun) + " such as " + std::string(info.examples);
}

std::string UnitsOf(Dimension dimension) {
  std::string names;
  for (const Unit& unit : InfoOf(dimension).units) {
    if (unit.listed) {
      names += (names.empty() ? "" : ", ") + std::string(unit.name);
    }
  }
  return names;
}

std::string FormatBytes(Bytes value) {
  static constexpr Unit kUnits[] = {{"B", 1.0},   {"kB", 1e3},  {"MB", 1e6}, {"GB", 1e9},
                                    {"TB", 1e12}, {"PB", 1e15}, {"EB", 1e18}};
  return Format(value.si(), kUnits);
}

std::string FormatSeconds(Seconds value) {
  static constexpr Unit kUnits[] = {{"ns", 1e-9}, {"us", 1e-6}, {"ms", 1e-3}, {"s", 1.0}};
  // People read "90 s" and "36 h" more easily than "1.5 min" and "1.5 days".
  const double magnitude = std::abs(value.si());
  if (!std::isfinite(magnitude) || magnitude < 120.0) {
    return Format(value.si(), kUnits);
  }
  if (magnitude < 120.0 * 60.0) {
    return Digits(value.si() / 60.0) + " min";
  }
  if (magnitude < 48.0 * kSecondsPerHour) {
    return Digits(value.si() / kSecondsPerHour) + " h";
  }
  const double days = value.si() / kSecondsPerDay;
  constexpr double kManyDays = 1e4, kTooMany = 1e7;  // 16380 days, not 1.638e+04
  return (std::abs(days) >= kManyDays && std::abs(days) < kTooMany
              ? std::to_string(std::lround(days))
              : Digits(days)) +
         " days";
}

std::string FormatBandwidth(BytesPerSecond value) {
  static constexpr Unit kUnits[] = {{"B/s", 1.0},   {"kB/s", 1e3},  {"MB/s", 1e6}, {"GB/s", 1e9},
                                    {"TB/s", 1e12}, {"PB/s", 1e15}, {"EB/s", 1e18}};
  return Format(value.si(), kUnits);
}

std::string FormatFlopRate(FlopPerSecond value) {
  static constexpr Unit kUnits[] = {{"FLOPS", 1.0},   {"kFLOPS", 1e3},  {"MFLOPS", 1e6},
                                    {"GFLOPS", 1e9},  {"TFLOPS", 1e12}, {"PFLOPS", 1e15},
                                    {"EFLOPS", 1e18}, {"ZFLOPS", 1e21}};
  return Format(value.si(), kUnits);
}

std::string FormatWatts(Watts value) {
  static constexpr Unit kUnits[] = {{"W", 1.0}, {"kW", 1e3}, {"MW", 1e6}, {"GW", 1e9}};
  return Format(value.si(), kUnits);
}

std::string FormatJoules(Joules value) {
  static constexpr Unit kUnits[] = {{"pJ", 1e-12}, {"nJ", 1e-9}, {"uJ", 1e-6},
                                    {"mJ", 1e-3},  {"J", 1.0},   {"kJ", 1e3},
                                    {"MJ", 1e6},   {"GJ", 1e9},  {"TJ", 1e12}};
  return Format(value.si(), kUnits);
}

}  // namespace gridlock
