#include "sim/pages/chrome_trace.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <vector>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "sim/base/numbers.h"
#include "sim/pages/data_json.h"
#include "sim/report/layout.h"

namespace gridlock {
namespace {

class Events {
 public:
  void Track(int process, int thread, const std::string& name) {
    Add(fmt::format(R"({{"ph":"M","pid":{},"tid":{},"name":"thread_name","args":{{"name":{}}}}})",
                    process, thread, QuotedForPage(name)));
  }

  void Process(int process, const std::string& name) {
    Add(fmt::format(R"({{"ph":"M","pid":{},"name":"process_name","args":{{"name":{}}}}})", process,
                    QuotedForPage(name)));
  }

  void Slice(int process, int thread, const std::string& name, double start, double end,
             const std::string& category) {
    Add(fmt::format(R"({{"ph":"X","pid":{},"tid":{},"name":{},"cat":{},"ts":{:.9g},"dur":{:.9g}}})",
                    process, thread, QuotedForPage(name), QuotedForPage(category), start * 1e6,
                    (end - start) * 1e6));
  }

  void Counter(int process, const std::string& name, double when, double value) {
    Add(fmt::format(R"({{"ph":"C","pid":{},"name":{},"ts":{:.9g},"args":{{"value":{:.6g}}}}})",
                    process, QuotedForPage(name), when * 1e6, value));
  }

  [[nodiscard]] std::string Finish() const {
    return "{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n" + text_ + "\n]}\n";
  }

 private:
  void Add(const std::string& event) { text_ += (text_.empty() ? "" : ",\n") + event; }

  std::string text_;
};

/// Of the first row of a variable along cap: how many elements it has.
std::size_t RowLength(const DatasetVariable& variable) {
  std::size_t length = 1;
  for (std::size_t i = 1; i < variable.shape.size(); ++i) {
    length *= variable.shape[i];
  }
  return length;
}

/// The streams of an accelerator, as profilers show them.
constexpr const char* kStreams[] = {"kernels", "communication that nothing hides", "waiting"};

int StreamOf(const std::string& activity) {
  return activity.ends_with("_comm")                         ? 1
         : activity == "pipeline_wait" || activity == "idle" ? 2
                                                             : 0;
}

/// A process for each pipeline stage, with its streams as threads.
void AddTimeline(const Dataset& step, Events& events) {
  const DatasetVariable* const stage = step.Find("span_stage");
  if (stage == nullptr) {
    throw UserError("", step.file +
                            ": this trace has no timeline; expected one of gridlock run "
                            "or cap on a training step");
  }
  static constexpr const char* kPasses[] = {"", "forward ", "backward ", "optimizer "};
  const double alike =
      step.At("accelerators") / static_cast<double>(std::max<std::size_t>(1, step.Length("stage")));
  int last = -1;
  for (std::size_t i = 0; i < RowLength(*stage) && std::isfinite(stage->numbers[i]); ++i) {
    const int process = static_cast<int>(stage->numbers[i]);
    if (process != last) {
      events.Process(process, fmt::format("stage {}: one of {} accelerators that do the same",
                                          process, Grouped(alike)));
      for (int stream = 0; stream < 3; ++stream) {
        events.Track(process, stream, kStreams[stream]);
      }
      last = process;
    }
    const auto activity = static_cast<std::size_t>(step.At("span_activity", i));
    const auto pass = static_cast<std::size_t>(step.At("span_pass", i));
    const std::string name = step.TextAt("activity", activity);
    events.Slice(process, StreamOf(name), kPasses[pass < 4 ? pass : 0] + name,
                 step.At("span_start", i), step.At("span_end", i), name);
  }
}

void AddUtilisation(const Dataset& step, int process, Events& events) {
  const std::size_t resources = step.Length("resource"), samples = step.Length("sample");
  for (std::size_t r = 0; r < resources; ++r) {
    for (std::size_t s = 0; s < samples; ++s) {
      const double share = step.At("utilisation", r * samples + s);
      if (std::isfinite(share)) {
        events.Counter(process, step.TextAt("resource", r) + " in use, %", step.At("time", s),
                       100 * share);
      }
    }
  }
}

void AddLife(const Dataset& life, Events& events) {
  const double horizon = ParseNumber(life.Attribute("horizon")).value_or(0);
  const std::size_t sites = life.Length("site"), times = life.Length("time");
  for (std::size_t site = 0; site < sites; ++site) {
    const int process = static_cast<int>(site);
    events.Process(process, "site " + life.TextAt("site", site));
    for (std::size_t t = 0; t < times; ++t) {
      events.Counter(process, "power, MW", life.At("time", t),
                     life.At("power", site * times + t) / 1e6);
    }
  }
  for (std::size_t job = 0; job < life.Length("job"); ++job) {
    const double start = life.At("job_start", job), end = life.At("job_end", job);
    const double site = life.At("job_site", job);
    if (std::isfinite(start) && site >= 0) {
      const int thread = static_cast<int>(job);
      events.Track(static_cast<int>(site), thread, life.TextAt("job", job));
      events.Slice(static_cast<int>(site), thread, life.TextAt("job", job), start,
                   std::isfinite(end) ? end : horizon, "job");
    }
  }
}

}  // namespace

std::string ChromeTraceJson(const Dataset& dataset) {
  Events events;
  if (dataset.kind == "step") {
    AddTimeline(dataset, events);
    const int machine = static_cast<int>(dataset.Length("stage"));
    events.Process(machine, dataset.Attribute("scenario_name") + ": means over the machine");
    AddUtilisation(dataset, machine, events);
  } else if (dataset.kind == "life") {
    AddLife(dataset, events);
  } else {
    throw UserError("", dataset.file + ": a " + dataset.kind +
                            " has no timeline; expected the trace of a step or of a life");
  }
  return events.Finish();
}

}  // namespace gridlock
