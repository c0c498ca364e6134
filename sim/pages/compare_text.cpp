#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "sim/base/units.h"
#include "sim/pages/compare.h"
#include "sim/pages/explain.h"
#include "sim/report/json.h"
#include "sim/report/layout.h"

namespace gridlock {
namespace {

std::string Number(double value, const std::string& units) {
  if (!std::isfinite(value)) {
    return "n/a";
  }
  if (units == "s") {
    return value == 0 ? "0 s" : InSeconds(value);
  }
  if (units == "byte") {
    return FormatBytes(Bytes(ThreeDigits(value)));
  }
  if (units == "byte/s") {
    return FormatBandwidth(BytesPerSecond(ThreeDigits(value)));
  }
  if (units == "W") {
    return FormatWatts(Watts(ThreeDigits(value)));
  }
  if (units == "J") {
    return FormatJoules(Joules(ThreeDigits(value)));
  }
  const std::string digits = fmt::format("{:.4g}", value);
  const bool whole = std::abs(value) < 1e12 && digits.find('e') != std::string::npos;
  return (whole ? Grouped(value) : digits) + (units == "1" ? "" : " " + units);
}

/// "+12.3 %", "" where A has nothing.
std::string Change(const OutputDifference& difference) {
  return difference.a > 0 && std::isfinite(difference.b)
             ? fmt::format("{:+.1f} %", 100 * (difference.b / difference.a - 1))
             : "";
}

const char* OrNothing(const std::string& value) {
  return value.empty() ? "(not written)" : value.c_str();
}

}  // namespace

std::string CompareText(const Comparison& comparison) {
  std::string out = Wrapped("A  ", comparison.a, 3) + Wrapped("B  ", comparison.b, 3);
  out += "\n" + Wrapped("", comparison.verdict, 0);
  out += "\nWhat differs in the input\n";
  for (const InputDifference& input : comparison.inputs) {
    out += Wrapped(
        "  ", fmt::format("{}: {} -> {}", input.path, OrNothing(input.a), OrNothing(input.b)), 6);
  }
  if (comparison.inputs.empty()) {
    out += "  nothing\n";
  }
  std::string group;
  std::size_t width = 34;
  for (const OutputDifference& output : comparison.outputs) {
    width = std::max(width, output.name.size());
  }
  for (const OutputDifference& output : comparison.outputs) {
    if (output.group != group) {
      group = output.group;
      out += fmt::format("\n{:<{}} {:>14} {:>14}\n", "What that did to the output: " + group,
                         width + 2, "A", "B");
    }
    out +=
        fmt::format("  {:<{}} {:>14} {:>14} {:>10}\n", output.name, width,
                    Number(output.a, output.units), Number(output.b, output.units), Change(output));
  }
  if (comparison.outputs.empty()) {
    out += "\nNothing differs in the output.\n";
  }
  return out;
}

std::string CompareJson(const Comparison& comparison) {
  JsonWriter json;
  json.BeginObject();
  json.Member("a", comparison.a);
  json.Member("b", comparison.b);
  json.Member("kind", comparison.kind);
  json.Member("verdict", comparison.verdict);
  json.Objects("inputs", comparison.inputs, [&json](const InputDifference& input) {
    json.Member("path", input.path);
    json.Member("a", input.a);
    json.Member("b", input.b);
  });
  json.Objects("outputs", comparison.outputs, [&json](const OutputDifference& output) {
    json.Member("group", output.group);
    json.Member("name", output.name);
    json.Member("unit", output.units);
    json.Member("a", output.a);
    json.Member("b", output.b);
  });
  json.EndObject();
  return json.Finish();
}

}  // namespace gridlock
