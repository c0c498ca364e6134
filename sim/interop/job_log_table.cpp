// Job logs that are tables: which column says what, and how cells are written.

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "sim/base/units.h"
#include "sim/interop/job_log.h"
#include "sim/interop/job_log_lines.h"

namespace gridlock {

namespace {

enum Column {
  kId,
  kUser,
  kGpus,
  kNodes,
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

// How tables call what is looked for, in small letters and without marks between words. Where a
// table has several for one thing, the first one here is taken.
constexpr ColumnName kColumnNames[] = {
    {"jobid", kId},
    {"jobidraw", kId},
    {"idjob", kId},
    {"cobaltjobid", kId},
    {"jobname", kId},
    {"name", kId},
    {"job", kId},
    {"id", kId},
    {"user", kUser},
    {"username", kUser},
    {"iduser", kUser},
    {"organization", kUser},
    {"owner", kUser},
    {"gpunum", kGpus},
    {"numgpu", kGpus},
    {"numgpus", kGpus},
    {"ngpus", kGpus},
    {"gpurequest", kGpus},
    {"plangpu", kGpus},
    {"gpus", kGpus},
    {"gpucount", kGpus},
    {"gpu", kGpus},
    {"accelerators", kGpus},
    {"alloctres", kGpus},
    {"allocgres", kGpus},
    {"tresalloc", kGpus},
    {"reqtres", kGpus},
    {"reqgres", kGpus},
    {"nnodes", kNodes},
    {"allocnodes", kNodes},
    {"nodenum", kNodes},
    {"numnodes", kNodes},
    {"nodes", kNodes},
    {"nodecount", kNodes},
    {"nodesused", kNodes},
    {"gpumilli", kThousandths},
    {"instnum", kCopies},
    {"workernum", kCopies},
    {"submittime", kSubmit},
    {"submittedtime", kSubmit},
    {"creationtime", kSubmit},
    {"arrivaltime", kSubmit},
    {"submit", kSubmit},
    {"submitted", kSubmit},
    {"submissiontime", kSubmit},
    {"createtime", kSubmit},
    {"submittedat", kSubmit},
    {"createdat", kSubmit},
    {"created", kSubmit},
    {"timesubmit", kSubmit},
    {"queuedtimestamp", kSubmit},
    {"starttime", kStart},
    {"scheduledtime", kStart},
    {"start", kStart},
    {"started", kStart},
    {"startedat", kStart},
    {"timestart", kStart},
    {"starttimestamp", kStart},
    {"endtime", kEnd},
    {"deletiontime", kEnd},
    {"end", kEnd},
    {"finishtime", kEnd},
    {"completiontime", kEnd},
    {"finishedat", kEnd},
    {"completedat", kEnd},
    {"timeend", kEnd},
    {"endtimestamp", kEnd},
    {"duration", kDuration},
    {"runtime", kDuration},
    {"elapsedraw", kDuration},
    {"elapsed", kDuration},
    {"queue", kQueued},
    {"queuetime", kQueued},
    {"waittime", kQueued},
    {"planned", kQueued},
    {"reserved", kQueued},
    {"state", kState},
    {"status", kState},
    {"jobstatus", kState},
    {"podphase", kState},
    {"gputype", kKind},
    {"gpumodel", kKind},
    {"gpuspec", kKind},
};

// Alibaba's task table of 2020 (cluster-trace-gpu-v2020) comes without names.
constexpr const char* kPaiTaskColumns =
    "job_name,task_name,inst_num,status,start_time,end_time,plan_cpu,plan_mem,plan_gpu,gpu_type";

/// The name of a column without marks, and the seconds in which its numbers count.
struct PlainName {
  std::string name;
  double seconds = 1;
};

/// {"duration", 3600} of "Duration (h)".
PlainName PlainNameOf(const std::string& cell) {
  std::vector<std::string> words(1);
  for (const char c : cell) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) {
      words.emplace_back();
    } else {
      words.back() += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
  }
  std::erase(words, "");
  PlainName plain;
  for (std::size_t w = 0; w < words.size(); ++w) {
    const std::optional<double> unit = SecondsOfTimeUnit(words[w]);
    if (w > 0 && w + 1 == words.size() && unit) {
      plain.seconds = *unit;
    } else {
      plain.name += words[w];
    }
  }
  return plain;
}

std::string TrimmedCell(std::string_view text) {
  const std::size_t first = std::min(text.find_first_not_of(" \t"), text.size());
  return std::string(text.substr(first, text.find_last_not_of(" \t") + 1 - first));
}

// The states of Slurm's database that say that a job did not end as it should: FAILED, TIMEOUT,
// NODE_FAIL, BOOT_FAIL, DEADLINE and OUT_OF_MEMORY (SchedMD/slurm, slurm/slurm.h, job_states).
bool HasFailedByNumber(const std::string& state) {
  static constexpr std::array<std::string_view, 6> kNumbers = {"5", "6", "7", "9", "10", "11"};
  return std::find(kNumbers.begin(), kNumbers.end(), state) != kNumbers.end();
}

class TableReader {
 public:
  TableReader(const std::string& file, const JobLogOptions& options, JobLog& log,
              ProblemList& problems)
      : file_(file), options_(options), log_(log), problems_(problems) {
    at_.fill(-1);
  }

  void Read(std::string_view text) {
    FindRule(text);
    ForLogLines(text, [&](std::string_view line, int number) {
      if (line.empty() || line == "\r" || RulesColumns(line)) {
        return;
      }
      if (width_ == 0 && IsPaiTask(line)) {
        log_.notes.emplace_back("no line of names: read as Alibaba's task table of 2020");
        ReadHead(kPaiTaskColumns, number);
        ReadLine(line, number);
      } else if (width_ == 0) {
        ReadHead(line, number);
      } else if (problems_.empty()) {
        ReadLine(line, number);
      }
    });
    AddNotes();
  }

 private:
  void AddNotes() {
    if (fractions_ > 0) {
      log_.notes.push_back(fmt::format("{} {} a share of an accelerator: rounded up to a whole one",
                                       fractions_, fractions_ == 1 ? "job holds" : "jobs hold"));
    }
    if (steps_ > 0) {
      log_.notes.push_back(steps_ == 1
                               ? "1 step of a job: part of it"
                               : fmt::format("{} steps of jobs: part of their jobs", steps_));
    }
    if (month_first_) {
      log_.notes.emplace_back("dates such as 4/1/2020 are read month first, 13/1/2020 day first");
    }
    if (numbered_) {
      log_.notes.emplace_back(
          "resources are numbers: those from 1001 on are taken for accelerators");
    }
    if (by_nodes_) {
      log_.notes.push_back(fmt::format(
          "the log counts servers: {} accelerators in each (--per-server)", options_.per_server));
    }
  }

  /// Where each column begins, where a line of dashes says so.
  void FindRule(std::string_view text) {
    std::string_view rule;
    ForLogLines(text, [&](std::string_view line, int number) {
      if (number == 2 && RulesColumns(line)) {
        rule = line;
      }
    });
    for (std::size_t at = 0; at < rule.size(); ++at) {
      if (rule[at] == '-' && (at == 0 || rule[at - 1] == ' ')) {
        starts_.push_back(at);
      }
    }
  }

  [[nodiscard]] std::vector<std::string> Cells(std::string_view line) const {
    if (starts_.empty()) {
      return CellsOfLogLine(line, mark_);
    }
    std::vector<std::string> cells;
    for (std::size_t c = 0; c < starts_.size(); ++c) {
      const std::size_t from = std::min(starts_[c], line.size());
      const std::size_t to = c + 1 < starts_.size() ? starts_[c + 1] : line.size();
      std::string cell = TrimmedCell(line.substr(from, std::max(to, from) - from));
      std::erase(cell, '\r');
      cells.push_back(cell);
    }
    return cells;
  }

  void ReadHead(std::string_view line, int number) {
    mark_ = ',';
    for (const char each : {';', '\t', '|'}) {
      mark_ =
          std::count(line.begin(), line.end(), each) > std::count(line.begin(), line.end(), mark_)
              ? each
              : mark_;
    }
    const std::vector<std::string> cells = Cells(line);
    width_ = cells.size();
    std::vector<PlainName> names;
    for (const std::string& cell : cells) {
      names.push_back(PlainNameOf(cell));
    }
    for (const ColumnName& known : kColumnNames) {
      const auto found = std::find_if(names.begin(), names.end(), [&](const PlainName& each) {
        return each.name == known.name;
      });
      if (found != names.end() && at_[known.column] < 0) {
        at_[known.column] = static_cast<int>(found - names.begin());
        seconds_[known.column] = found->seconds;
        percent_ = percent_ || found->name == "plangpu";
      }
    }
    if (at_[kSubmit] < 0 && at_[kStart] >= 0) {
      at_[kSubmit] = at_[kStart];
      log_.notes.emplace_back(
          "the log has no times of submission: jobs are submitted when they started there");
      started_only_ = true;
    }
    by_nodes_ = at_[kGpus] < 0 && at_[kNodes] >= 0;
    numbered_ = at_[kGpus] >= 0 && names[static_cast<std::size_t>(at_[kGpus])].name == "tresalloc";
    AskForColumns(number);
  }

  void AskForColumns(int number) {
    const auto need = [&](bool there, const char* what, const char* expected) {
      if (!there) {
        problems_.Add({file_, number, 1}, "",
                      Refusal(fmt::format("no column says {}", what), expected));
      }
    };
    need(at_[kSubmit] >= 0, "when a job is submitted", "submit_time, creation_time or Submit");
    need(at_[kDuration] >= 0 || (at_[kStart] >= 0 && at_[kEnd] >= 0), "how long a job runs",
         "duration, or start_time and end_time");
    need(at_[kGpus] >= 0 || by_nodes_, "how many accelerators a job holds",
         "gpu_num, num_gpu, plan_gpu, gpu_request or AllocTRES, or servers as NNodes");
  }

  [[nodiscard]] std::string Cell(const std::vector<std::string>& cells, Column column) const {
    return at_[column] < 0 ? "" : cells[static_cast<std::size_t>(at_[column])];
  }

  [[nodiscard]] double Time(const std::vector<std::string>& cells, Column column) {
    const std::string text = Cell(cells, column);
    const double time = LogTime(text);
    if (numbered_ && time == 0) {
      return kNoTime;
    }
    // "Unknown", "None" and an empty cell say that there is no time yet.
    if (!std::isfinite(time) && text.find_first_of("0123456789") != std::string::npos) {
      unread_ = text;
    }
    month_first_ = month_first_ || (std::isfinite(time) && text.find('/') < 3);
    return time;
  }

  /// Numbers count in the unit of the column's name; 01:00:00 and "2h 30m" say their own.
  [[nodiscard]] double Span(const std::vector<std::string>& cells, Column column) const {
    const std::string text = Cell(cells, column);
    const double seconds = LogSpan(text);
    const bool plain = text.find_first_not_of("0123456789.+-eE") == std::string::npos;
    return plain ? seconds * seconds_[column] : seconds;
  }

  void ReadLine(std::string_view line, int number) {
    std::vector<std::string> cells = Cells(line);
    if (mark_ == '|' && cells.size() == width_ + 1 && cells.back().empty()) {
      cells.pop_back();  // sacct -p ends its lines with a mark
    }
    LogRecord record = EmptyLogRecord({file_, number, 1});
    if (cells.size() != width_) {
      ++log_.records;
      LogFaults(log_).Add(
          record.where, "that cannot be read",
          fmt::format("{} cells where the first line has {}", cells.size(), width_));
      return;
    }
    record.job.id = Cell(cells, kId).empty() ? fmt::format("line {}", number) : Cell(cells, kId);
    if ((mark_ == '|' || !starts_.empty()) && record.job.id.find('.') != std::string::npos) {
      ++steps_;
      return;
    }
    record.job.user = Cell(cells, kUser);
    record.job.kind = Cell(cells, kKind);
    unread_.clear();
    ReadTimes(cells, record);
    if (!unread_.empty()) {
      ++log_.records;
      LogFaults(log_).Add(record.where, "with a time that there is not, or that cannot be read",
                          "job " + record.job.id + ", " + Quoted(unread_));
      return;
    }
    const std::string state = Cell(cells, kState);
    record.job.failed = HasFailed(state) || (numbered_ && HasFailedByNumber(state));
    record.never_ran = !std::isfinite(record.start) && !(record.duration > 0) && at_[kStart] >= 0 &&
                       !started_only_;
    if (!ReadGpus(cells, record)) {
      return;
    }
    TakeRecord(record, options_, log_);
  }

  void ReadTimes(const std::vector<std::string>& cells, LogRecord& record) {
    record.submit = Time(cells, kSubmit);
    record.start = started_only_ ? kNoTime : Time(cells, kStart);
    record.end = Time(cells, kEnd);
    record.duration = Span(cells, kDuration);
    if (started_only_ && !std::isfinite(record.duration)) {
      record.duration = record.end - record.submit;
    }
    record.queued = Span(cells, kQueued);
  }

  bool ReadGpus(const std::vector<std::string>& cells, LogRecord& record) {
    const std::string written = Cell(cells, by_nodes_ ? kNodes : kGpus);
    double gpus = written.empty() ? 0 : GpusOf(written);
    const bool cut = !starts_.empty() && written.ends_with('+') && gpus <= 0;
    if (!std::isfinite(gpus) || cut) {
      ++log_.records;
      LogFaults(log_).Add(record.where,
                          cut ? "whose accelerators sacct cut short (sacct -P does not)"
                              : "whose number of accelerators cannot be read",
                          Quoted(written));
      return false;
    }
    gpus *= percent_ ? 0.01 : by_nodes_ ? options_.per_server : 1;
    const double share = at_[kThousandths] < 0 ? kNoTime : 1e-3 * Time(cells, kThousandths);
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
  std::array<double, kColumnCount> seconds_{};
  std::vector<std::size_t> starts_;  // of columns that a rule divides; empty: a mark does
  std::size_t width_ = 0;
  char mark_ = ',';
  bool percent_ = false, started_only_ = false, by_nodes_ = false, month_first_ = false;
  bool numbered_ = false;  ///< Slurm's database: states and resources are numbers, no time is 0
  std::string unread_;     ///< a time of the present line
  std::int64_t fractions_ = 0, steps_ = 0;
};

}  // namespace

bool HasFailed(const std::string& state) {
  std::string begin = state.substr(0, state.find(' '));  // CANCELLED by 1000
  const bool cut = begin.ends_with('+');                 // OUT_OF_ME+
  begin.resize(begin.size() - (cut ? 1 : 0));
  static constexpr std::array<std::string_view, 8> kBad = {
      "FAILED",        "Failed",    "failed",  "NODE_FAIL",
      "OUT_OF_MEMORY", "BOOT_FAIL", "TIMEOUT", "DEADLINE"};
  return std::any_of(kBad.begin(), kBad.end(), [&](std::string_view bad) {
    return cut ? bad.starts_with(begin) : bad == begin;
  });
}

bool RulesColumns(std::string_view line) {
  return line.find("--") != std::string_view::npos &&
         line.find_first_not_of("- \r") == std::string_view::npos;
}

bool IsPaiTask(std::string_view line) {
  static constexpr std::array<std::string_view, 5> kStates = {"Terminated", "Failed", "Running",
                                                              "Waiting", "Interrupted"};
  const std::vector<std::string> cells = CellsOfLogLine(line, ',');
  return cells.size() == 10 && std::find(kStates.begin(), kStates.end(), cells[3]) != kStates.end();
}

void ReadLogTable(const std::string& file, std::string_view text, const JobLogOptions& options,
                  JobLog& log, ProblemList& problems) {
  TableReader(file, options, log, problems).Read(text);
}

}  // namespace gridlock
