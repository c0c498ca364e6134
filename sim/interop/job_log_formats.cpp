// Job logs, format by format.

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "sim/interop/job_log.h"
#include "sim/interop/job_log_lines.h"
#include "sim/interop/json_text.h"

namespace gridlock {

namespace {

// "; MaxProcs: 128"
void ReadSwfHead(std::string_view line, JobLog& log, std::int64_t& nodes) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) {
    return;
  }
  const auto value = [&] {
    std::string_view text = line.substr(colon + 1);
    text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
    text = text.substr(0, text.find_first_of(" \t\r"));
    const double number = LogTime(text);
    return std::isfinite(number) && number > 0 ? static_cast<std::int64_t>(number) : 0;
  };
  if (line.find("MaxProcs") < colon && log.capacity == 0) {
    log.capacity = value();
  } else if (line.find("MaxNodes") < colon) {
    nodes = value();
  }
}

/// "start_time" of an attempt and so on.
double TimeIn(const JsonValue& object, const char* name) {
  const JsonValue* const value = object.Find(name);
  return value == nullptr ? kNoTime : LogTime(value->text);
}

std::string TextIn(const JsonValue& object, const char* name) {
  const JsonValue* const value = object.Find(name);
  return value == nullptr ? "" : value->text;
}

/// When a job of Philly ends, if it goes from attempt to attempt without the time between them, in
/// which it holds nothing.
double EndOfAttempts(const std::vector<JsonValue>& attempts) {
  double held = 0;
  for (const JsonValue& attempt : attempts) {
    held += TimeIn(attempt, "end_time") - TimeIn(attempt, "start_time");
  }
  const double end = TimeIn(attempts.back(), "end_time");
  return attempts.size() > 1 && std::isfinite(held) && held >= 0
             ? TimeIn(attempts.front(), "start_time") + held
             : end;
}

/// A job of Philly: its attempts one after another, as if the log had one.
LogRecord PhillyRecord(const JsonValue& job, const JobLogOptions& options, std::string& fault) {
  LogRecord record = EmptyLogRecord(job.where);
  record.job.id = TextIn(job, "jobid");
  record.job.user = TextIn(job, "user");
  record.job.failed = TextIn(job, "status") == "Failed";
  record.submit = TimeIn(job, "submitted_time");
  const JsonValue* const attempts = job.Find("attempts");
  const bool any = attempts != nullptr && !attempts->items.empty();
  record.never_ran = !any;
  if (!any) {
    return record;
  }
  record.start = TimeIn(attempts->items.front(), "start_time");
  record.end = EndOfAttempts(attempts->items);
  const JsonValue* const machines = attempts->items.front().Find("detail");
  for (std::size_t i = 0; machines != nullptr && i < machines->items.size(); ++i) {
    const JsonValue* const gpus = machines->items[i].Find("gpus");
    const std::int64_t held = gpus == nullptr ? 0 : static_cast<std::int64_t>(gpus->items.size());
    const std::string name = TextIn(machines->items[i], "ip");
    const auto machine = options.machines.by_name.find(name);
    if (machine != options.machines.by_name.end() && held > machine->second) {
      fault =
          fmt::format("job {}, {} on {}, which has {}", record.job.id, held, name, machine->second);
    }
    record.job.accelerators += held;
  }
  return record;
}

/// 8 of 8, and of {"set": true, "infinite": false, "number": 8} as newer versions of Slurm write.
double SlurmNumber(const JsonValue* value) {
  const JsonValue* const inner = value == nullptr ? nullptr : value->Find("number");
  return value == nullptr ? kNoTime : LogTime((inner == nullptr ? value : inner)->text);
}

/// A time of Slurm, which is 0 where there is none.
double SlurmTime(const JsonValue* times, const char* name) {
  const double time = times == nullptr ? kNoTime : SlurmNumber(times->Find(name));
  return time > 0 ? time : kNoTime;
}

/// Of the resources that a job got: those called "gpu", or all kinds of them ("gpu:h100").
double SlurmGpus(const JsonValue* resources) {
  double all = kNoTime, kinds = 0;
  for (std::size_t i = 0; resources != nullptr && i < resources->items.size(); ++i) {
    const std::string name = TextIn(resources->items[i], "name");
    const double count = SlurmNumber(resources->items[i].Find("count"));
    if (name == "gpu") {
      all = count;
    } else if (name.starts_with("gpu:") && std::isfinite(count)) {
      kinds += count;
    }
  }
  return std::isfinite(all) ? all : kinds;
}

LogRecord SlurmRecord(const JsonValue& job) {
  LogRecord record = EmptyLogRecord(job.where);
  const JsonValue* const id = job.Find("job_id");
  const double number = SlurmNumber(id);
  record.job.id = std::isfinite(number) ? fmt::format("{:.0f}", number) : TextIn(job, "job_id");
  record.job.user = TextIn(job, "user");
  const JsonValue* const state = job.Find("state");
  const JsonValue* const now = state == nullptr ? nullptr : state->Find("current");
  if (now != nullptr) {
    record.job.failed = HasFailed(now->items.empty() ? now->text : now->items.front().text);
  }
  const JsonValue* const times = job.Find("time");
  record.submit = SlurmTime(times, "submission");
  record.start = SlurmTime(times, "start");
  record.end = SlurmTime(times, "end");
  record.duration = SlurmTime(times, "elapsed");
  record.never_ran = !std::isfinite(record.start) || !std::isfinite(record.duration);
  const JsonValue* const tres = job.Find("tres");
  const double gpus = SlurmGpus(tres == nullptr ? nullptr : tres->Find("allocated"));
  record.job.accelerators = static_cast<std::int64_t>(std::clamp(gpus, 0.0, 1e9));
  return record;
}

}  // namespace

void ReadSlurmJson(const std::string& file, std::string_view text, const JobLogOptions& options,
                   JobLog& log, ProblemList& problems) {
  const JsonValue all = ReadJson(file, text, problems);
  if (!problems.empty()) {
    return;
  }
  const JsonValue* const jobs = all.Find("jobs");
  if (jobs == nullptr || jobs->kind != JsonValue::Kind::kList) {
    problems.Add(
        all.where, "",
        Refusal("there is no list of jobs", "{ \"jobs\": [...] }, as sacct --json prints"));
    return;
  }
  for (const JsonValue& job : jobs->items) {
    TakeRecord(SlurmRecord(job), options, log);
  }
}

void ReadSwf(const std::string& file, std::string_view text, const JobLogOptions& options,
             JobLog& log) {
  constexpr std::size_t kFields = 18;
  std::int64_t nodes = 0;
  ForLogLines(text, [&](std::string_view line, int number) {
    if (line.starts_with(";")) {
      return ReadSwfHead(line, log, nodes);
    }
    const std::vector<std::string> cells = CellsOfLogLine(line, ' ');
    if (cells.empty()) {
      return;
    }
    LogRecord record = EmptyLogRecord({file, number, 1});
    std::vector<double> fields;
    for (const std::string& cell : cells) {
      fields.push_back(LogTime(cell));
    }
    const bool plain = std::all_of(fields.begin(), fields.end(), [](double field) {
      return std::isfinite(field);
    });
    if (fields.size() != kFields || !plain) {
      ++log.records;
      return LogFaults(log).Add(record.where, "that cannot be read",
                                plain ? fmt::format("{} fields, expected 18", fields.size())
                                      : "a field that is no number");
    }
    record.job.id = cells[0];
    record.job.user = cells[11] == "-1" ? "" : cells[11];
    record.submit = fields[1] < 0 ? kNoTime : fields[1];
    record.queued = fields[2] < 0 ? kNoTime : fields[2];
    record.duration = fields[3];
    const double procs = fields[4] > 0 ? fields[4] : fields[7];
    record.job.accelerators = static_cast<std::int64_t>(std::clamp(procs, -1.0, 1e9));
    record.job.failed = fields[10] == 0;
    record.never_ran = fields[3] == -1 && fields[10] == 5;
    TakeRecord(record, options, log);
  });
  if (log.capacity == 0 && nodes > 0) {
    log.capacity = nodes;
  }
}

void ReadPhillyJson(const std::string& file, std::string_view text, const JobLogOptions& options,
                    JobLog& log, ProblemList& problems) {
  const JsonValue jobs = ReadJson(file, text, problems);
  if (!problems.empty()) {
    return;
  }
  if (jobs.kind != JsonValue::Kind::kList) {
    problems.Add(jobs.where, "",
                 Refusal("this is no list", "[ { \"jobid\": ..., \"attempts\": [...] }, ... ]"));
    return;
  }
  for (const JsonValue& job : jobs.items) {
    std::string fault;
    const LogRecord record = PhillyRecord(job, options, fault);
    if (fault.empty()) {
      TakeRecord(record, options, log);
    } else {
      ++log.records;
      LogFaults(log).Add(record.where, "with more accelerators on a machine than it has", fault);
    }
  }
}

}  // namespace gridlock
