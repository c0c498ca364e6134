// Job logs, format by format.

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "sim/interop/job_log.h"
#include "sim/interop/json_text.h"

namespace gridlock {

namespace {

constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();

LogRecord EmptyRecord(const Position& where) {
  LogRecord record;
  record.where = where;
  record.submit = record.start = record.end = record.duration = record.queued = kMissing;
  return record;
}

/// Parts a line at `mark`; at blanks of any number when the mark is one. Quotes hold a cell
/// together.
std::vector<std::string> CellsOf(std::string_view line, char mark) {
  std::vector<std::string> cells;
  std::string cell;
  bool quoted = false;
  for (const char c : line) {
    if (c == '"') {
      quoted = !quoted;
    } else if (!quoted && (c == mark || (mark == ' ' && c == '\t'))) {
      if (mark != ' ' || !cell.empty()) {
        cells.push_back(std::exchange(cell, ""));
      }
    } else if (c != '\r') {
      cell += c;
    }
  }
  if (mark != ' ' || !cell.empty()) {
    cells.push_back(cell);
  }
  return cells;
}

template <typename F>
void ForLogLines(std::string_view text, const F& f) {
  for (int line = 1; !text.empty(); ++line) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    f(text.substr(0, end), line);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

enum Column {
  kId,
  kUser,
  kGpus,
  kCopies,
  kSubmit,
  kStart,
  kEnd,
  kDuration,
  kQueued,
  kState,
  kKind,
  kThousandths
};

constexpr int kColumnCount = kThousandths + 1;

struct ColumnName {
  const char* name;
  Column column;
};

// How the tables call what is looked for. Percent: plan_gpu of Alibaba's PAI (100 is one GPU).
// Thousandths: what a pod of Alibaba's 2023 table takes of each of its num_gpu.
constexpr ColumnName kColumnNames[] = {
    {"job_id", kId},
    {"jobid", kId},
    {"JobID", kId},
    {"job_name", kId},
    {"name", kId},
    {"user", kUser},
    {"User", kUser},
    {"organization", kUser},
    {"gpu_num", kGpus},
    {"num_gpu", kGpus},
    {"gpu_request", kGpus},
    {"plan_gpu", kGpus},
    {"gpus", kGpus},
    {"AllocTRES", kGpus},
    {"AllocGRES", kGpus},
    {"ReqTRES", kGpus},
    {"ReqGRES", kGpus},
    {"gpu_milli", kThousandths},
    {"inst_num", kCopies},
    {"worker_num", kCopies},
    {"submit_time", kSubmit},
    {"submitted_time", kSubmit},
    {"creation_time", kSubmit},
    {"arrival_time", kSubmit},
    {"Submit", kSubmit},
    {"start_time", kStart},
    {"scheduled_time", kStart},
    {"Start", kStart},
    {"end_time", kEnd},
    {"deletion_time", kEnd},
    {"End", kEnd},
    {"duration", kDuration},
    {"run_time", kDuration},
    {"ElapsedRaw", kDuration},
    {"Elapsed", kDuration},
    {"queue", kQueued},
    {"state", kState},
    {"status", kState},
    {"State", kState},
    {"pod_phase", kState},
    {"gpu_type", kKind},
    {"gpu_model", kKind},
    {"gpu_spec", kKind},
};

/// 8 of "billing=64,cpu=64,gres/gpu=8,gres/gpu:a100=8", of "gpu:8" and of "8"; 0 without one.
double GpusOf(const std::string& text) {
  const double plain = LogTime(text);
  if (std::isfinite(plain)) {
    return plain;
  }
  for (const std::string& each : CellsOf(text, ',')) {
    if (each.find("gpu") == std::string::npos) {
      continue;
    }
    const std::size_t mark = each.find_last_of("=:");
    const double number = mark == std::string::npos ? kMissing : LogTime(each.substr(mark + 1));
    return std::isfinite(number) ? number : 1;
  }
  return text.empty() || text.find('=') != std::string::npos ? 0 : kMissing;
}

bool HasFailed(const std::string& state) {
  const std::string begin = state.substr(0, state.find(' '));  // CANCELLED by 1000
  static constexpr std::array kBad = {"FAILED",        "Failed",    "failed", "NODE_FAIL",
                                      "OUT_OF_MEMORY", "BOOT_FAIL", "TIMEOUT"};
  return std::find(kBad.begin(), kBad.end(), begin) != kBad.end();
}

class TableReader {
 public:
  TableReader(const std::string& file, const JobLogOptions& options, JobLog& log,
              ProblemList& problems)
      : file_(file), options_(options), log_(log), problems_(problems) {
    at_.fill(-1);
  }

  void Read(std::string_view text) {
    ForLogLines(text, [&](std::string_view line, int number) {
      if (line.empty() || line == "\r") {
        return;
      }
      if (width_ == 0) {
        ReadHead(line, number);
      } else if (problems_.empty()) {
        ReadLine(line, number);
      }
    });
    if (fractions_ > 0) {
      log_.notes.push_back(fmt::format("{} {} a share of an accelerator: rounded up to a whole one",
                                       fractions_, fractions_ == 1 ? "job holds" : "jobs hold"));
    }
    if (steps_ > 0) {
      log_.notes.push_back(fmt::format("{} steps of jobs: part of their jobs", steps_));
    }
  }

 private:
  void ReadHead(std::string_view line, int number) {
    mark_ = line.find('|') != std::string_view::npos ? '|' : ',';
    const std::vector<std::string> cells = CellsOf(line, mark_);
    width_ = cells.size();
    for (std::size_t c = 0; c < cells.size(); ++c) {
      for (const ColumnName& known : kColumnNames) {
        if (cells[c] == known.name && at_[known.column] < 0) {
          at_[known.column] = static_cast<int>(c);
          percent_ = percent_ || cells[c] == "plan_gpu";
        }
      }
    }
    const auto need = [&](bool there, const char* what, const char* expected) {
      if (!there) {
        problems_.Add({file_, number, 1}, "",
                      Refusal(fmt::format("no column says {}", what), expected));
      }
    };
    if (at_[kSubmit] < 0 && at_[kStart] >= 0) {
      at_[kSubmit] = at_[kStart];
      log_.notes.emplace_back(
          "the log has no times of submission: jobs are submitted when they started there");
      started_only_ = true;
    }
    need(at_[kSubmit] >= 0, "when a job is submitted", "submit_time, creation_time or Submit");
    need(at_[kDuration] >= 0 || (at_[kStart] >= 0 && at_[kEnd] >= 0), "how long a job runs",
         "duration, or start_time and end_time");
    need(at_[kGpus] >= 0, "how many accelerators a job holds",
         "gpu_num, num_gpu, plan_gpu, gpu_request or AllocTRES");
  }

  [[nodiscard]] std::string Cell(const std::vector<std::string>& cells, Column column) const {
    return at_[column] < 0 ? "" : cells[static_cast<std::size_t>(at_[column])];
  }

  [[nodiscard]] double Time(const std::vector<std::string>& cells, Column column) const {
    return LogTime(Cell(cells, column));
  }

  void ReadLine(std::string_view line, int number) {
    std::vector<std::string> cells = CellsOf(line, mark_);
    if (mark_ == '|' && cells.size() == width_ + 1 && cells.back().empty()) {
      cells.pop_back();  // sacct -p ends its lines with a mark
    }
    LogRecord record = EmptyRecord({file_, number, 1});
    if (cells.size() != width_) {
      ++log_.records;
      LogFaults(log_).Add(
          record.where, "that cannot be read",
          fmt::format("{} cells where the first line has {}", cells.size(), width_));
      return;
    }
    record.job.id = Cell(cells, kId).empty() ? fmt::format("line {}", number) : Cell(cells, kId);
    if (mark_ == '|' && record.job.id.find('.') != std::string::npos) {
      ++steps_;
      return;
    }
    record.job.user = Cell(cells, kUser);
    record.job.kind = Cell(cells, kKind);
    record.submit = Time(cells, kSubmit);
    record.start = started_only_ ? kMissing : Time(cells, kStart);
    record.end = Time(cells, kEnd);
    record.duration = LogSpan(Cell(cells, kDuration));
    if (started_only_ && !std::isfinite(record.duration)) {
      record.duration = record.end - record.submit;
    }
    record.queued = LogSpan(Cell(cells, kQueued));
    const std::string state = Cell(cells, kState);
    record.job.failed = HasFailed(state);
    record.never_ran = !std::isfinite(record.start) && !std::isfinite(record.duration) &&
                       at_[kStart] >= 0 && !started_only_;
    if (!ReadGpus(cells, record)) {
      return;
    }
    TakeRecord(record, options_, log_);
  }

  bool ReadGpus(const std::vector<std::string>& cells, LogRecord& record) {
    const std::string written = Cell(cells, kGpus);
    double gpus = written.empty() ? 0 : GpusOf(written);
    if (!std::isfinite(gpus)) {
      ++log_.records;
      LogFaults(log_).Add(record.where, "whose number of accelerators cannot be read",
                          Quoted(written));
      return false;
    }
    gpus *= percent_ ? 0.01 : 1;
    const double share = at_[kThousandths] < 0 ? kMissing : 1e-3 * Time(cells, kThousandths);
    if (gpus > 0 && (gpus != std::ceil(gpus) || (share > 0 && share < 1))) {
      ++fractions_;
    }
    double copies = 1;
    if (at_[kCopies] >= 0) {
      copies = Time(cells, kCopies);
      copies = std::isfinite(copies) ? copies : 1;
    }
    record.job.accelerators = static_cast<std::int64_t>(std::ceil(std::clamp(gpus, -1.0, 1e6)) *
                                                        std::clamp(copies, 0.0, 1e6));
    return true;
  }

  const std::string& file_;
  const JobLogOptions& options_;
  JobLog& log_;
  ProblemList& problems_;
  std::array<int, kColumnCount> at_{};
  std::size_t width_ = 0;
  char mark_ = ',';
  bool percent_ = false, started_only_ = false;
  std::int64_t fractions_ = 0, steps_ = 0;
};

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
  return value == nullptr ? kMissing : LogTime(value->text);
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
  LogRecord record = EmptyRecord(job.where);
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

}  // namespace

void ReadSwf(const std::string& file, std::string_view text, const JobLogOptions& options,
             JobLog& log) {
  constexpr std::size_t kFields = 18;
  std::int64_t nodes = 0;
  ForLogLines(text, [&](std::string_view line, int number) {
    if (line.starts_with(";")) {
      return ReadSwfHead(line, log, nodes);
    }
    const std::vector<std::string> cells = CellsOf(line, ' ');
    if (cells.empty()) {
      return;
    }
    LogRecord record = EmptyRecord({file, number, 1});
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
    record.submit = fields[1] < 0 ? kMissing : fields[1];
    record.queued = fields[2] < 0 ? kMissing : fields[2];
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

void ReadLogTable(const std::string& file, std::string_view text, const JobLogOptions& options,
                  JobLog& log, ProblemList& problems) {
  TableReader(file, options, log, problems).Read(text);
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
