// Job logs, format by format.

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

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

/// "user=u1 Resource_List.ngpus=4" by names.
std::map<std::string, std::string> PbsFields(std::string_view text) {
  std::map<std::string, std::string> fields;
  for (const std::string& each : CellsOfLogLine(text, ' ')) {
    const std::size_t equals = each.find('=');
    if (equals != std::string::npos) {
      fields.emplace(each.substr(0, equals), each.substr(equals + 1));
    }
  }
  return fields;
}

/// 8 of "2:ncpus=8:ngpus=4" (PBS Pro) and of "2:ppn=8:gpus=4" (Torque); chunks stand between "+".
double GpusOfChunks(const std::string& chunks) {
  double all = 0;
  for (const std::string& chunk : CellsOfLogLine(chunks, '+')) {
    double count = 1, gpus = 0;
    for (const std::string& part : CellsOfLogLine(chunk, ':')) {
      const double number = LogTime(part.substr(part.find('=') + 1));
      count = std::isfinite(number) && part.find('=') == std::string::npos ? number : count;
      gpus = std::isfinite(number) && (part.starts_with("ngpus=") || part.starts_with("gpus="))
                 ? number
                 : gpus;
    }
    all += count * gpus;
  }
  return all;
}

/// A record of the end of a job. `per_server` accelerators of each server where the log has none.
LogRecord PbsRecord(const std::vector<std::string>& cells, const Position& where,
                    double per_server) {
  LogRecord record = EmptyLogRecord(where);
  std::string text;
  for (std::size_t c = 3; c < cells.size(); ++c) {
    text += cells[c] + " ";
  }
  const std::map<std::string, std::string> fields = PbsFields(text);
  const auto field = [&fields](const char* name) {
    const auto found = fields.find(name);
    return found == fields.end() ? std::string() : found->second;
  };
  record.job.id = cells[2];
  record.job.user = field("user");
  const std::string status = field("Exit_status");
  record.job.failed = !status.empty() && status != "0";
  record.submit = LogTime(field("ctime").empty() ? field("qtime") : field("ctime"));
  record.start = LogTime(field("start"));
  record.end = LogTime(field("end"));
  record.duration = LogSpan(field("resources_used.walltime"));
  record.never_ran = !std::isfinite(record.start);
  const double sum = LogTime(field("Resource_List.ngpus"));
  const double chunks = std::max(GpusOfChunks(field("Resource_List.select")),
                                 GpusOfChunks(field("Resource_List.nodes")));
  const double servers = LogTime(field("Resource_List.nodect"));
  const double gpus = std::isfinite(sum)                         ? sum
                      : per_server > 0 && std::isfinite(servers) ? servers * per_server
                                                                 : chunks;
  record.job.accelerators = static_cast<std::int64_t>(std::clamp(gpus, 0.0, 1e9));
  return record;
}

/// Accelerators of one item of a list of resources: "gres/gpu=8" is all of them, "gpu:a100:2" those
/// of a kind. NaN for another resource, such as "gres/gpumem=40000M". Slurm's database numbers
/// resources, from 1001 on those of a site: "1002=2".
double GpusOfItem(std::string_view item, bool& of_a_kind) {
  if (item.starts_with("gres/") || item.starts_with("gres:")) {
    item.remove_prefix(5);
  }
  item = item.substr(0, item.find('('));
  const bool numbered = item.size() > 5 && item.starts_with('1') && item[4] == '=';
  const bool named =
      item.starts_with("gpu") && (item.size() == 3 || item[3] == '=' || item[3] == ':');
  if (!numbered && !named) {
    return kNoTime;
  }
  item.remove_prefix(numbered ? 4 : 3);
  const std::size_t mark = item.find_last_of("=:");
  const double number = mark == std::string_view::npos ? kNoTime : LogTime(item.substr(mark + 1));
  of_a_kind = numbered || (mark != 0 && mark != std::string_view::npos) ||
              (mark == 0 && !std::isfinite(number));
  return std::isfinite(number) ? number : 1;
}

}  // namespace

double GpusOf(const std::string& text) {
  const double plain = LogTime(text);
  if (std::isfinite(plain)) {
    return plain;
  }
  double all = kNoTime, kinds = kNoTime;
  for (const std::string& each : CellsOfLogLine(text, ',')) {
    bool of_a_kind = false;
    const double number = GpusOfItem(each, of_a_kind);
    double& sum = of_a_kind ? kinds : all;
    if (std::isfinite(number)) {
      sum = std::isfinite(sum) ? sum + number : number;
    }
  }
  if (std::isfinite(all) || std::isfinite(kinds)) {
    return std::isfinite(all) ? all : kinds;
  }
  return text.empty() || text.find('=') != std::string::npos ? 0 : kNoTime;
}

bool IsPbsLine(std::string_view line) {
  const std::vector<std::string> cells = CellsOfLogLine(line, ';');
  return cells.size() >= 4 && cells[1].size() == 1 && cells[0].find('/') != std::string::npos &&
         cells[0].find(':') != std::string::npos;
}

void ReadPbs(const std::string& file, std::string_view text, const JobLogOptions& options,
             JobLog& log) {
  const bool counts_gpus = text.find("gpus=") != std::string_view::npos;
  if (!counts_gpus) {
    log.notes.push_back(fmt::format(
        "the log counts servers: {} accelerators in each (--per-server)", options.per_server));
  }
  ForLogLines(text, [&](std::string_view line, int number) {
    const Position where{file, number, 1};
    if (line.find_first_not_of(" \r") == std::string_view::npos) {
      return;
    }
    if (!IsPbsLine(line)) {
      ++log.records;
      return LogFaults(log).Add(where, "that cannot be read", "expected DATE;E;JOB;NAME=VALUE ...");
    }
    const std::vector<std::string> cells = CellsOfLogLine(line, ';');
    if (cells[1] == "E") {  // the others say what a job's end says again
      TakeRecord(PbsRecord(cells, where, counts_gpus ? 0 : options.per_server), options, log);
    }
  });
}

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
  std::int64_t nodes = 0, longer = 0;
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
    longer += fields[8] > fields[3] && fields[3] > 0 ? 1 : 0;
    TakeRecord(record, options, log);
  });
  if (longer > 0) {
    log.notes.push_back(fmt::format(
        "{} {} more time than {} took; schedulers here know how long jobs run, not what was asked "
        "for",
        longer, longer == 1 ? "job asked for" : "jobs asked for", longer == 1 ? "it" : "they"));
  }
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
