#include "sim/pages/explain.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "sim/base/numbers.h"
#include "sim/base/units.h"
#include "sim/report/collective_table.h"
#include "sim/report/json.h"
#include "sim/report/layout.h"

namespace gridlock {
namespace {

/// Of a cap: each row's time, and where the capped thing begins to cost a twentieth.
Explanation CapPart(const Dataset& cap) {
  Explanation part{"What the cap does", {}};
  const double base = cap.At("step_time", 0);
  std::string knee;
  for (std::size_t row = 0; row < cap.Length("cap"); ++row) {
    const double time = cap.At("step_time", row);
    part.lines.push_back(fmt::format("  {:<24} {:>9}  {:.3f} x, paced by {}",
                                     cap.TextAt("cap", row), InSeconds(time), time / base,
                                     ResourceInWords(cap.TextAt("binding_wall", row))));
    if (knee.empty() && time / base > 1.05) {
      knee = cap.TextAt("cap", row);
    }
  }
  part.lines.push_back(knee.empty()
                           ? "No value lengthens the step by more than a twentieth."
                           : "The first value that costs more than a twentieth: " + knee + ".");
  return part;
}

/// What the first value costs that costs a twentieth, and the costliest one.
std::string VerdictOfCap(const Dataset& cap) {
  const double base = cap.At("step_time", 0);
  std::size_t first = 0, worst = 0;
  for (std::size_t row = 1; row < cap.Length("cap"); ++row) {
    const double time = cap.At("step_time", row);
    first = first == 0 && time / base > 1.05 ? row : first;
    worst = time > cap.At("step_time", worst) ? row : worst;
  }
  if (first == 0) {
    return "No value of the cap costs more than a twentieth of the step.";
  }
  std::string text = fmt::format(
      "{} is the first value of the cap that costs more than a "
      "twentieth: {:.3g} times the step",
      cap.TextAt("cap", first), cap.At("step_time", first) / base);
  text += worst == first ? ""
                         : fmt::format("; at {} it takes {:.3g} times as long",
                                       cap.TextAt("cap", worst), cap.At("step_time", worst) / base);
  return text + fmt::format(", paced by {}.", ResourceInWords(cap.TextAt("binding_wall", worst)));
}

std::string RowOfTest(const Dataset& test, std::size_t row) {
  const double size = test.At("size", row), time = test.At("time", row);
  const double latency = test.At("latency", row);
  return fmt::format("  {:>9} {:<15} {:>9} = {} latency + {} for the bytes; {} algbw",
                     FormatBuffer(Bytes(size)), test.TextAt("algorithm", row), InSeconds(time),
                     InSeconds(latency), InSeconds(time - latency),
                     FormatBandwidth(BytesPerSecond(size / time)));
}

std::vector<Explanation> ExplainTest(const Dataset& test) {
  Explanation part{"What each size costs: time = latency + bytes / bandwidth", {}};
  double half = 0;
  for (std::size_t row = 0; row < test.Length("row"); ++row) {
    if (test.At("chosen", row) == 1) {
      part.lines.push_back(RowOfTest(test, row));
      if (half == 0 && test.At("latency", row) < test.At("time", row) / 2) {
        half = test.At("size", row);
      }
    }
  }
  Explanation wall{"Which wall", {}};
  wall.lines.push_back(half > 0 ? fmt::format("From {} on less than half of the time is latency: "
                                              "below, more bandwidth gains little.",
                                              FormatBuffer(Bytes(half)))
                                : "Latency takes half or more of every size: more bandwidth gains "
                                  "little.");
  wall.lines.emplace_back(
      "  busbw = algbw x 2 (n - 1) / n for an all-reduce, x (n - 1) / n for gathers and scatters");
  Explanation move{"What would move it", {}};
  move.lines.emplace_back("  gridlock collective SCENARIO --op OP --explain");
  move.lines.emplace_back(
      "  gridlock collective SCENARIO --op OP --set 'site[0].override.nic_bandwidth=800 Gbps'");
  return {part, wall, move};
}

/// The axes of a sweep: dimensions of its status.
std::vector<std::string> AxesOf(const Dataset& sweep) {
  const DatasetVariable* const status = sweep.Find("status");
  return status == nullptr ? std::vector<std::string>{} : status->dimensions;
}

/// The output that a sweep is best told by.
const DatasetVariable* MeasureOf(const Dataset& sweep) {
  for (const char* name : {"step_time", "time", "site_energy"}) {
    const DatasetVariable* const variable = sweep.Find(name);
    if (variable != nullptr && variable->dimensions == AxesOf(sweep)) {
      return variable;
    }
  }
  return nullptr;
}

/// "step time" for "step_time".
std::string InWords(std::string name) {
  std::replace(name.begin(), name.end(), '_', ' ');
  return name;
}

/// What stands along the axes at a point: "nic = 50 Gbps, accelerators = 8".
std::string PointInWords(const Dataset& sweep, std::size_t point) {
  const DatasetVariable& status = *sweep.Find("status");
  std::string text;
  for (std::size_t d = status.shape.size(); d-- > 0;) {
    const std::string& axis = status.dimensions[d];
    const std::string label = sweep.TextAt(axis + "_label", point % status.shape[d]);
    text = axis + " = " + (label.empty() ? sweep.TextAt(axis, point % status.shape[d]) : label) +
           (text.empty() ? "" : ", ") + text;
    point /= status.shape[d];
  }
  return text;
}

std::string VerdictOfSweep(const Dataset& sweep) {
  const DatasetVariable* const measure = MeasureOf(sweep);
  if (measure == nullptr) {
    return fmt::format("A sweep over {}.", fmt::join(AxesOf(sweep), ", "));
  }
  std::size_t least = 0, most = 0;
  for (std::size_t i = 0; i < measure->numbers.size(); ++i) {
    const double value = measure->numbers[i];
    least = value < measure->numbers[least] || std::isnan(measure->numbers[least]) ? i : least;
    most = value > measure->numbers[most] || std::isnan(measure->numbers[most]) ? i : most;
  }
  return fmt::format("Over {} points the {} goes from {} ({}) to {} ({}).", measure->numbers.size(),
                     InWords(measure->name), InSeconds(measure->numbers[least]),
                     PointInWords(sweep, least), InSeconds(measure->numbers[most]),
                     PointInWords(sweep, most));
}

/// How much each axis moves the measure: the largest ratio along it, all else equal.
Explanation AxesPart(const Dataset& sweep) {
  Explanation part{"What each axis does", {}};
  const DatasetVariable* const measure = MeasureOf(sweep);
  if (measure == nullptr) {
    return part;
  }
  std::size_t inner = 1;
  for (std::size_t d = measure->shape.size(); d-- > 0;) {
    const std::size_t length = measure->shape[d];
    double ratio = 1;
    for (std::size_t i = 0; i < measure->numbers.size(); ++i) {
      const std::size_t start = i - (i / inner % length) * inner;
      const double other = measure->numbers[start], value = measure->numbers[i];
      if (other > 0 && value > 0) {
        ratio = std::max({ratio, value / other, other / value});
      }
    }
    part.lines.push_back(
        fmt::format("  {}: {} values; the {} differs from that of the first by up "
                    "to {:.3g} x, all else equal",
                    measure->dimensions[d], length, InWords(measure->name), ratio));
    inner *= length;
  }
  return part;
}

}  // namespace

std::string InSeconds(double si) {
  return std::isfinite(si) ? FormatSeconds(Seconds(ThreeDigits(si))) : "n/a";
}

std::string ResourceInWords(const std::string& name) {
  static constexpr std::pair<const char*, const char*> kWords[] = {
      {"compute", "the matrix units"},      {"hbm", "HBM"},
      {"scale_up", "the scale-up links"},   {"nic", "the NICs"},
      {"leaf", "the links above leaves"},   {"spine", "the links above spines"},
      {"wan", "the links between sites"},   {"latency", "latencies of messages"},
      {"local", "the links within groups"}, {"global", "the links between groups"},
      {"launch", "launches of kernels"},    {"overhead", "fixed overheads of the framework"}};
  const auto* const found =
      std::find_if(std::begin(kWords), std::end(kWords), [&](const auto& word) {
        return name == word.first;
      });
  return found == std::end(kWords) ? name : found->second;
}

std::string VerdictOf(const Dataset& dataset) {
  if (dataset.kind == "step") {
    return (dataset.Length("cap") > 1 ? VerdictOfCap(dataset) + " Without it: " : "") +
           VerdictOfStep(dataset, 0);
  }
  if (dataset.kind == "life") {
    return VerdictOfLife(dataset);
  }
  if (dataset.kind == "sweep") {
    return VerdictOfSweep(dataset);
  }
  std::size_t best = 0;
  for (std::size_t row = 0; row < dataset.Length("row"); ++row) {
    best = dataset.At("bus_bandwidth", row) > dataset.At("bus_bandwidth", best) ? row : best;
  }
  return fmt::format(
      "{} of {:.0f} ranks reaches {} of bus bandwidth ({}, {}), paced by {}.",
      dataset.TextAt("collective"), dataset.At("ranks"),
      FormatBandwidth(BytesPerSecond(ThreeDigits(dataset.At("bus_bandwidth", best)))),
      dataset.TextAt("algorithm", best), FormatBuffer(Bytes(dataset.At("size", best))),
      ResourceInWords(dataset.TextAt("wall", best)));
}

std::vector<Explanation> Explain(const Dataset& dataset) {
  std::vector<Explanation> parts;
  if (dataset.kind == "step") {
    parts = ExplainStep(dataset, 0);
    if (dataset.Length("cap") > 1) {
      parts.insert(parts.begin(), CapPart(dataset));
    }
  } else if (dataset.kind == "collective_test") {
    parts = ExplainTest(dataset);
  } else if (dataset.kind == "life") {
    parts = ExplainLife(dataset);
  } else {
    parts = {AxesPart(dataset)};
  }
  std::erase_if(parts, [](const Explanation& part) {
    return part.lines.empty();
  });
  return parts;
}

namespace {

std::vector<Explanation> AllParts(const Dataset& dataset, const std::vector<Explanation>& more) {
  std::vector<Explanation> parts = Explain(dataset);
  parts.insert(parts.end(), more.begin(), more.end());
  return parts;
}

}  // namespace

std::string TextOfParts(const std::string& name, const std::string& verdict,
                        const std::vector<Explanation>& parts) {
  std::string out = name + "\n" + (verdict.empty() ? "" : Wrapped("", verdict, 0));
  for (const Explanation& part : parts) {
    out += "\n" + part.title + "\n";
    for (const std::string& line : part.lines) {
      // A command stays whole, so that it can be pasted.
      out += line.starts_with("  gridlock ") || line.starts_with("  vllm ")
                 ? line + "\n"
                 : Wrapped("  ", line.substr(line.starts_with("  ") ? 2 : 0),
                           line.starts_with("  ") ? 4 : 2);
    }
  }
  return out + "\ngridlock explain TERM says what a word means.\n";
}

std::string JsonOfParts(const std::string& name, const std::string& kind,
                        const std::string& verdict, const std::vector<Explanation>& parts) {
  JsonWriter json;
  json.BeginObject();
  json.Member("scenario_name", name);
  json.Member("kind", kind);
  json.Member("verdict", verdict);
  json.Key("parts");
  json.BeginArray();
  for (const Explanation& part : parts) {
    json.BeginObject();
    json.Member("title", part.title);
    json.Values("lines", part.lines);
    json.EndObject();
  }
  json.EndArray();
  json.EndObject();
  return json.Finish();
}

std::string ExplanationText(const Dataset& dataset, const std::vector<Explanation>& more) {
  return TextOfParts(dataset.Attribute("scenario_name"), VerdictOf(dataset),
                     AllParts(dataset, more));
}

std::string ExplanationJson(const Dataset& dataset, const std::vector<Explanation>& more) {
  return JsonOfParts(dataset.Attribute("scenario_name"), dataset.kind, VerdictOf(dataset),
                     AllParts(dataset, more));
}

}  // namespace gridlock
