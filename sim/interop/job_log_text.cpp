// What a job log says, in words and as a scenario.

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "sim/base/units.h"
#include "sim/interop/job_log.h"
#include "sim/interop/model_text.h"

namespace gridlock {

namespace {

/// The smallest value that a share `p` of all does not exceed.
double NearestRank(std::vector<double> values, double p) {
  std::sort(values.begin(), values.end());
  const double rank = std::ceil(p * static_cast<double>(values.size()));
  return values[static_cast<std::size_t>(std::max(1.0, rank)) - 1];
}

std::string SpanText(double seconds) {
  return seconds >= 2 * kSecondsPerDay    ? fmt::format("{:.4g} days", seconds / kSecondsPerDay)
         : seconds >= 2 * kSecondsPerHour ? fmt::format("{:.4g} h", seconds / kSecondsPerHour)
         : seconds >= 120                 ? fmt::format("{:.4g} min", seconds / 60)
                                          : fmt::format("{:.4g} s", seconds);
}

/// Accelerators in use over time, had each job started when it was submitted.
void CountAtOnce(const JobLog& log, LogFigures& figures) {
  std::vector<std::pair<double, double>> moves;
  double work = 0, last = 0;
  for (const LoggedJob& job : log.jobs) {
    const auto count = static_cast<double>(job.accelerators);
    moves.emplace_back(job.submit, count);
    moves.emplace_back(job.submit + job.ran, -count);
    work += count * job.ran;
    last = std::max(last, job.submit + job.ran);
  }
  std::sort(moves.begin(), moves.end());  // at one instant, ends before beginnings
  double now = 0;
  for (const auto& [at, change] : moves) {
    now += change;
    figures.most = std::max(figures.most, now);
  }
  figures.work = work;
  figures.mean = last > 0 ? work / last : 0;
  const double submitting = log.jobs.back().submit;
  const auto capacity = static_cast<double>(log.capacity);
  figures.offered = submitting > 0 && capacity > 0 ? work / (capacity * submitting) : 0;
}

std::string JobText(const LoggedJob& job, const std::string& log, const std::string& indent) {
  std::string out = fmt::format("{}name: {}\n", indent, TextValue(job.id));
  if (job.submit > 0) {
    out += fmt::format("{}start: \"{:.12g} s\"\n", indent, job.submit);
  }
  if (!job.user.empty()) {
    out += fmt::format("{}tenant: {}\n", indent, TextValue(job.user));
  }
  out += fmt::format("{}recorded {{ accelerators: {} duration: \"{:.12g} s\" log: {}", indent,
                     job.accelerators, job.ran, TextValue(log));
  if (job.waited >= 0) {
    out += fmt::format(" waited: \"{:.12g} s\"", job.waited);
  }
  return out + (job.failed ? " failed: true }\n" : " }\n");
}

// What the jobs ask for beside what the cluster can do, for somebody who has to size one.
std::string DemandText(const JobLog& log, const LogFigures& figures) {
  const double full = figures.work / static_cast<double>(log.capacity);
  std::string text =
      fmt::format("demand: {:.4g} accelerator-hours, which {} accelerators do in {} at the least",
                  figures.work / kSecondsPerHour, log.capacity, SpanText(full));
  if (figures.offered > 1) {
    text += fmt::format("; submitted within {}, {:.3g} times as fast: the queue grows until then",
                        SpanText(log.jobs.back().submit), figures.offered);
  } else if (figures.offered > 0) {
    text += fmt::format("; submitted within {}: {:.1f} % of what they can do in that time",
                        SpanText(log.jobs.back().submit), 100 * figures.offered);
  }
  return text + fmt::format(
                    "; had each job started at once, {:.4g} in use on average and {:.0f} "
                    "at most",
                    figures.mean, figures.most);
}

// Where the log does not say when jobs started, time for all that was submitted.
double HorizonOf(const JobLog& log, const LogFigures& figures) {
  const double more =
      figures.waited_mean < 0 ? std::max(0.0, figures.offered - 1) * log.jobs.back().submit : 0;
  return std::floor(figures.span + more) + 1;
}

std::string HorizonText(const JobLog& log, const LogFigures& figures) {
  return fmt::format("horizon: {}, {}", SpanText(HorizonOf(log, figures)),
                     figures.waited_mean < 0
                         ? "for all that was submitted; the log does not say when jobs started"
                         : "to the last end in the log; jobs that start later here than there may "
                           "still run then: a longer horizon lets them end");
}

}  // namespace

void AssumeCapacity(JobLog& log) {
  if (log.capacity > 0) {
    return;
  }
  JobLog started = log;
  for (LoggedJob& job : started.jobs) {
    job.submit += std::max(0.0, job.waited);
  }
  LogFigures figures;
  CountAtOnce(started, figures);
  log.capacity = static_cast<std::int64_t>(figures.most);
  log.notes.push_back(
      fmt::format("the size of the cluster is not known: {} accelerators, the most that ran at "
                  "once; --capacity "
                  "says otherwise",
                  log.capacity));
}

LogFigures FiguresOf(const JobLog& log) {
  LogFigures figures;
  CountAtOnce(log, figures);
  std::vector<double> waits;
  double work = 0, sum = 0;
  for (const LoggedJob& job : log.jobs) {
    figures.span = std::max(figures.span, job.submit + std::max(0.0, job.waited) + job.ran);
    work += static_cast<double>(job.accelerators) * job.ran;
    if (job.waited >= 0) {
      waits.push_back(job.waited);
      sum += job.waited;
    }
  }
  if (waits.size() == log.jobs.size()) {
    figures.waited_mean = sum / static_cast<double>(waits.size());
    figures.waited_median = NearestRank(waits, 0.5);
    figures.waited_p90 = NearestRank(waits, 0.9);
    if (log.capacity > 0) {
      figures.utilisation = work / (static_cast<double>(log.capacity) * figures.span);
    }
  }
  return figures;
}

std::vector<std::string> LogReport(const JobLog& log, const LogFigures& figures) {
  std::vector<std::string> lines;
  std::int64_t faults = 0;
  for (const LogFault& fault : log.faults) {
    faults += fault.count;
  }
  lines.push_back(fmt::format("{} records of {}: {} jobs within {}, {} left out", log.records,
                              log.format, log.jobs.size(), SpanText(figures.span), faults));
  for (const LogFault& fault : log.faults) {
    lines.push_back(
        fmt::format("left out: {} {}; the first at {}", fault.count, fault.what, fault.first));
  }
  lines.push_back(DemandText(log, figures));
  if (figures.waited_mean >= 0) {
    lines.push_back(
        fmt::format("in the log: waiting median {}, 90th percentile {}, mean {}; "
                    "{:.1f} % of the accelerators in use",
                    SpanText(figures.waited_median), SpanText(figures.waited_p90),
                    SpanText(figures.waited_mean), 100 * figures.utilisation));
  }
  lines.push_back(HorizonText(log, figures));
  lines.insert(lines.end(), log.notes.begin(), log.notes.end());
  return lines;
}

LogScenario ScenarioOf(const JobLog& log, const LogFigures& figures,
                       const LogScenarioOptions& options) {
  LogScenario made;
  const std::vector<std::string> report = LogReport(log, figures);
  made.scenario = "# From " + options.source + "\n";
  for (const std::string& line : report) {
    made.scenario += "# " + line + "\n";
  }
  std::string description = fmt::format("{} jobs of {}", log.jobs.size(), options.source);
  if (figures.waited_mean >= 0) {
    description += fmt::format("; there {:.1f} % in use, waiting {} on average",
                               100 * figures.utilisation, SpanText(figures.waited_mean));
  }
  made.scenario += fmt::format(
      "schema_version: 1\nname: {}\ndescription: {}\nhorizon: \"{:.12g} s\"\n\nscheduler {{ "
      "policy: {} }}\n\n",
      TextValue(options.name), TextValue(description), HorizonOf(log, figures), options.policy);
  if (!options.catalog.empty()) {
    made.scenario += "catalog {\n" + options.catalog + "}\n\n";
  }
  made.scenario += options.site + "\n# The first job; the others stand in the workload.\njob {\n" +
                   JobText(log.jobs.front(), options.name, "  ") + "}\n";
  if (log.jobs.size() < 2) {
    return made;
  }
  made.scenario += fmt::format("workload: {}\n", TextValue(options.workload_file));
  made.workload = "item { header { schema_version: 1 } }\n";
  for (std::size_t i = 1; i < log.jobs.size(); ++i) {
    made.workload += "item {\n  job {\n" + JobText(log.jobs[i], options.name, "    ") + "  }\n}\n";
  }
  return made;
}

}  // namespace gridlock
