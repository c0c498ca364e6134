#include "sim/pages/explain.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "sim/base/numbers.h"
#include "sim/base/units.h"
#include "sim/pages/scenario_fields.h"
#include "sim/report/collective_table.h"
#include "sim/report/json.h"
#include "sim/report/layout.h"

namespace gridlock {
namespace {

/// Energy as bills have it.
std::string InWattHours(double joules) {
  const double hours = joules / kSecondsPerHour;
  return hours >= 1e9   ? fmt::format("{:.3g} GWh", hours / 1e9)
         : hours >= 1e6 ? fmt::format("{:.3g} MWh", hours / 1e6)
                        : fmt::format("{:.3g} kWh", hours / 1e3);
}

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

Explanation SitesOfLife(const Dataset& life) {
  Explanation part{"Sites", {}};
  for (std::size_t site = 0; site < life.Length("site"); ++site) {
    part.lines.push_back(
        fmt::format("{}: {} accelerators, {} on average, {} for {} USD, PUE {:g}",
                    life.TextAt("site", site), Grouped(life.At("site_accelerators", site)),
                    FormatWatts(Watts(ThreeDigits(life.At("site_mean_power", site)))),
                    InWattHours(life.At("site_energy", site)), Grouped(life.At("site_cost", site)),
                    life.At("site_pue", site)));
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

/// The interval between checkpoints that each run states in its scenario, by its name.
std::vector<std::pair<std::string, double>> IntervalsOf(const Dataset& life) {
  const auto fields = FieldsOfText(life.Attribute("scenario"));
  std::vector<std::pair<std::string, double>> intervals;
  for (const auto& [path, text] : fields) {
    const std::string end = ".pretraining.checkpoint_interval";
    if (!path.ends_with(end)) {
      continue;
    }
    const std::string named = path.substr(0, path.size() - end.size()) + ".name";
    for (const auto& [other, name] : fields) {
      if (other == named) {
        intervals.emplace_back(WithoutQuotes(name),
                               ParseQuantity(WithoutQuotes(text), Dimension::kTime).si.value_or(0));
      }
    }
  }
  return intervals;
}

/// What a checkpoint took, how often runs were stopped, and the interval that loses least.
Explanation CheckpointsOfLife(const Dataset& life) {
  Explanation part{"How often to save: sqrt(2 x time to save x time between stops) (Young 1974)",
                   {}};
  for (const auto& [name, interval] : IntervalsOf(life)) {
    for (std::size_t job = 0; job < life.Length("job"); ++job) {
      const double worked = life.At("job_training", job) + life.At("job_lost", job);
      const double save = life.At("job_checkpointing", job) / (worked / interval);
      const double between = life.At("job_mean_time_between_interruptions", job);
      if (life.TextAt("job", job) != name || !(save > 0) || !(between > 0) ||
          !std::isfinite(between)) {
        continue;
      }
      part.lines.push_back(fmt::format(
          "{}: saves every {} for {}, stops every {} on average: sqrt(2 x {} x {}) = {}", name,
          InSeconds(interval), InSeconds(save), InSeconds(between), InSeconds(save),
          InSeconds(between), InSeconds(std::sqrt(2 * save * between))));
      const auto taken = [&](double every) {
        return save / every + every / (2 * between);
      };
      part.lines.push_back(fmt::format(
          "  saving and lost work take save / interval + interval / (2 x stops) = {} of its time, "
          "and at that interval {}",
          Percent(taken(interval)), Percent(taken(std::sqrt(2 * save * between)))));
    }
  }
  return part;
}

/// What the run that holds most accelerators loses most time to, and what to try against it.
Explanation MovesOfLife(const Dataset& life) {
  struct Remedy {
    const char* time;
    const char* words;
    const char* command;
  };

  static constexpr Remedy kRemedies[] = {
      {"lost", "work since the last checkpoint: save more often",
       "gridlock run SCENARIO --set \"job[0].pretraining.checkpoint_interval=5 min\""},
      {"restarting", "restarts: come back faster",
       "gridlock run SCENARIO --set \"reliability.restart_time=5 min\""},
      {"checkpointing", "waiting for the storage: make it faster, or save while training goes on",
       "gridlock run SCENARIO --set \"site[0].storage_bandwidth=2 TB/s\""},
      {"waiting", "waiting for servers: more of them, or more spares",
       "gridlock run SCENARIO --set site[0].servers=N"},
      {"stalled", "waiting for another site or its links", "gridlock schema WanLink"}};
  Explanation part{"What would move it", {}};
  std::size_t largest = 0;
  for (std::size_t job = 1; job < life.Length("job"); ++job) {
    largest = life.At("job_accelerator_seconds", job) > life.At("job_accelerator_seconds", largest)
                  ? job
                  : largest;
  }
  std::vector<std::pair<double, const Remedy*>> losses;
  for (const Remedy& remedy : kRemedies) {
    const double time = life.At(std::string("job_") + remedy.time, largest);
    if (time > 0) {
      losses.emplace_back(time, &remedy);
    }
  }
  std::stable_sort(losses.begin(), losses.end(), [](const auto& a, const auto& b) {
    return a.first > b.first;
  });
  const double all = TimeOfJob(life, largest);
  for (std::size_t i = 0; i < std::min<std::size_t>(2, losses.size()); ++i) {
    part.lines.push_back(fmt::format("{} loses {} of its time to {}.", life.TextAt("job", largest),
                                     Percent(losses[i].first / all), losses[i].second->words));
    part.lines.push_back(std::string("  ") + losses[i].second->command);
  }
  return part;
}

std::string VerdictOfLife(const Dataset& life) {
  const double horizon = ParseNumber(life.Attribute("horizon")).value_or(0);
  std::size_t largest = 0;
  double energy = 0;
  for (std::size_t job = 0; job < life.Length("job"); ++job) {
    largest = life.At("job_accelerator_seconds", job) > life.At("job_accelerator_seconds", largest)
                  ? job
                  : largest;
  }
  for (std::size_t site = 0; site < life.Length("site"); ++site) {
    energy += life.At("site_energy", site);
  }
  const std::size_t jobs = life.Length("job");
  std::string text = fmt::format("{} with {} {} use {}", FormatSeconds(Seconds(horizon)), jobs,
                                 jobs == 1 ? "job" : "jobs", InWattHours(energy));
  if (life.Length("job") > 0) {
    text += fmt::format("; {} spends {} of its time on what counts (ETTR)",
                        life.TextAt("job", largest), Percent(life.At("job_ettr", largest)));
  }
  return text + ".";
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
    parts = {SitesOfLife(dataset), RunsOfLife(dataset), CheckpointsOfLife(dataset),
             MovesOfLife(dataset)};
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
