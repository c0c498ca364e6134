#include "sim/interop/job_log.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <iterator>
#include <optional>
#include <set>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "sim/base/numbers.h"
#include "sim/base/units.h"
#include "sim/interop/civil_date.h"
#include "sim/interop/job_log_lines.h"
#include "sim/schema/csv.h"

namespace gridlock {

namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

bool Known(double value) {
  return std::isfinite(value);
}

std::string HeadOf(std::string_view text) {
  return std::string(text.substr(0, text.find('\n')));
}

bool StartsAsJson(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && (text[first] == '[' || text[first] == '{');
}

// By the first line; "" where it tells nothing.
std::string GuessFormat(std::string_view text) {
  if (StartsAsJson(text)) {
    return text[text.find_first_not_of(" \t\r\n")] == '[' ? "philly" : "sacct";
  }
  const std::string head = HeadOf(text);
  const auto has = [&head](const char* word) {
    return head.find(word) != std::string::npos;
  };
  if (head.starts_with(";") || head.find_first_not_of("0123456789.- \t\r") == std::string::npos) {
    return "swf";
  }
  if (IsPbsLine(head)) {
    return "pbs";
  }
  if (has("|") || RulesColumns(HeadOf(text.substr(std::min(head.size() + 1, text.size()))))) {
    return "sacct";
  }
  if (IsPaiTask(head) || has("plan_gpu") || has("gpu_milli") || has("worker_num")) {
    return "alibaba";
  }
  if (has("gpu_num")) {
    return has("type") || has("gpu_time") ? "acme" : "helios";
  }
  return has(",") || has(";") || has("\t") ? "table" : "";
}

double NumberOf(std::string_view text) {
  return ParseNumber(text).value_or(kNone);
}

/// The numbers of a text whose words are parted by characters of `marks`; none when one is none.
std::vector<double> NumbersIn(std::string_view text, std::string_view marks) {
  std::vector<double> numbers;
  while (true) {
    const std::size_t end = std::min(text.find_first_of(marks), text.size());
    numbers.push_back(NumberOf(text.substr(0, end)));
    if (!Known(numbers.back())) {
      return {};
    }
    if (end == text.size()) {
      return numbers;
    }
    text.remove_prefix(end + 1);
  }
}

std::string_view WithoutBlanks(std::string_view text) {
  const std::size_t first = std::min(text.find_first_not_of(' '), text.size());
  return text.substr(first, text.find_last_not_of(' ') + 1 - first);
}

/// Seconds of 12:00:00.5, of 12:00 and of 12:00 PM, in Greenwich where a zone is said.
double ClockOf(std::string_view text) {
  const std::size_t end = std::min(text.find_first_not_of("0123456789:."), text.size());
  std::vector<double> time = NumbersIn(text.substr(0, end), ":");
  std::string_view rest = WithoutBlanks(text.substr(end));
  const bool morning = rest.starts_with("AM") || rest.starts_with("am");
  const bool evening = rest.starts_with("PM") || rest.starts_with("pm");
  if (morning || evening) {
    rest = WithoutBlanks(rest.substr(2));
  }
  const std::optional<double> east = NamedZoneOf(rest);
  if (time.size() == 2) {
    time.push_back(0);
  }
  // A day may end at 24:00:00, and a minute with a leap second.
  if (time.size() != 3 || !east || time[1] >= 60 || time[2] >= 61 ||
      time[0] * 3600 + time[1] * 60 + time[2] > 86400) {
    return kNone;
  }
  const double hour = morning || evening ? std::fmod(time[0], 12) + (evening ? 12 : 0) : time[0];
  return hour * kSecondsPerHour + time[1] * 60 + time[2] - *east;
}

/// Seconds of "2h 30m", of "90 min" and of "1d2h".
double SpanInWords(std::string_view text) {
  double seconds = 0;
  bool any = false;
  for (text = WithoutBlanks(text); !text.empty(); text = WithoutBlanks(text)) {
    any = true;
    const std::size_t digits = std::min(text.find_first_not_of("0123456789."), text.size());
    const double number = NumberOf(text.substr(0, digits));
    text = WithoutBlanks(text.substr(digits));
    std::size_t letters = 0;
    while (letters < text.size() && std::isalpha(static_cast<unsigned char>(text[letters])) != 0) {
      ++letters;
    }
    const std::optional<double> unit = SecondsOfTimeUnit(text.substr(0, letters));
    if (!Known(number) || !unit) {
      return kNone;
    }
    seconds += number * *unit;
    text.remove_prefix(letters);
  }
  return any ? seconds : kNone;
}

/// Whether a span that a log states is another one in another unit: minutes, hours, days or
/// milliseconds.
bool IsOtherUnit(double stated, double seconds) {
  constexpr double kNear = 0.02;
  constexpr double kSeconds[] = {60, kSecondsPerHour, kSecondsPerDay, 1e-3};
  return std::any_of(std::begin(kSeconds), std::end(kSeconds), [&](double unit) {
    return std::abs(stated * unit - seconds) <= kNear * seconds;
  });
}

void SortAndShift(JobLog& log) {
  std::stable_sort(log.jobs.begin(), log.jobs.end(), [](const LoggedJob& a, const LoggedJob& b) {
    return a.submit < b.submit;
  });
  const double first = log.jobs.empty() ? 0 : log.jobs.front().submit;
  std::map<std::string, int> seen;
  for (LoggedJob& job : log.jobs) {
    job.submit -= first;
    const int before = seen[job.id]++;
    if (before > 0) {
      job.id += fmt::format("/{}", before + 1);
    }
  }
}

}  // namespace

const std::vector<std::string>& JobLogFormats() {
  static const std::vector<std::string> kFormats = {"auto",    "swf",  "sacct", "philly", "helios",
                                                    "alibaba", "acme", "pbs",   "table"};
  return kFormats;
}

double LogTime(std::string_view text) {
  const double plain = NumberOf(text);
  if (Known(plain)) {
    constexpr double kLatest = 1e11;  // seconds: the year 5138
    return plain > kLatest ? plain / 1000 : plain;
  }
  const std::size_t part = std::min(text.find_first_of("T "), text.size());
  const std::string_view days = text.substr(0, part);
  std::vector<double> date = NumbersIn(days, "-/.");
  if (date.size() != 3) {
    return kNone;
  }
  if (date[2] > 31) {  // 4/1/2020, and 13/1/2020 or 4.1.2020
    const bool day_first = date[0] > 12 || days.find('.') != std::string_view::npos;
    date = {date[2], date[day_first ? 1 : 0], date[day_first ? 0 : 1]};
  }
  const double clock = part == text.size() ? 0 : ClockOf(text.substr(part + 1));
  if (!Known(clock) || date[0] < 1900 ||
      !IsDate(static_cast<int>(date[0]), static_cast<int>(date[1]), static_cast<int>(date[2]))) {
    return kNone;
  }
  return DaysOf(static_cast<int>(date[0]), static_cast<int>(date[1]), static_cast<int>(date[2])) *
             kSecondsPerDay +
         clock;
}

std::optional<double> SecondsOfTimeUnit(std::string_view word) {
  static constexpr std::pair<std::string_view, double> kUnits[] = {{"ms", 1e-3},
                                                                   {"s", 1},
                                                                   {"sec", 1},
                                                                   {"secs", 1},
                                                                   {"second", 1},
                                                                   {"seconds", 1},
                                                                   {"m", 60},
                                                                   {"min", 60},
                                                                   {"mins", 60},
                                                                   {"minute", 60},
                                                                   {"minutes", 60},
                                                                   {"h", kSecondsPerHour},
                                                                   {"hr", kSecondsPerHour},
                                                                   {"hrs", kSecondsPerHour},
                                                                   {"hour", kSecondsPerHour},
                                                                   {"hours", kSecondsPerHour},
                                                                   {"d", kSecondsPerDay},
                                                                   {"day", kSecondsPerDay},
                                                                   {"days", kSecondsPerDay}};
  for (const auto& [name, seconds] : kUnits) {
    if (name == word) {
      return seconds;
    }
  }
  return std::nullopt;
}

double LogSpan(std::string_view text) {
  const double plain = NumberOf(text);
  if (Known(plain)) {
    return plain;
  }
  double days = 0;
  const std::size_t dash = text.find('-');
  if (dash != std::string_view::npos && dash > 0) {
    days = NumberOf(text.substr(0, dash));
    text.remove_prefix(dash + 1);
  }
  double seconds = 0;
  const std::vector<double> parts = NumbersIn(text, ":");
  for (const double each : parts) {
    seconds = seconds * 60 + each;
  }
  return parts.size() < 2 || parts.size() > 3 ? SpanInWords(text) : days * kSecondsPerDay + seconds;
}

void LogFaults::Add(const Position& where, const std::string& what, const std::string& detail) {
  auto found = std::find_if(log_.faults.begin(), log_.faults.end(), [&what](const LogFault& each) {
    return each.what == what;
  });
  if (found == log_.faults.end()) {
    log_.faults.push_back({what, 0, where.Text() + (detail.empty() ? "" : ": " + detail)});
    found = std::prev(log_.faults.end());
  }
  ++found->count;
}

void TakeRecord(const LogRecord& record, const JobLogOptions& options, JobLog& log) {
  LoggedJob job = record.job;
  ++log.records;
  const auto fault = [&](const char* what, const std::string& detail) {
    LogFaults(log).Add(record.where, what, "job " + job.id + (detail.empty() ? "" : ", " + detail));
  };
  const auto seconds = [](const char* name, double value) {
    return fmt::format("{} {:.12g}", name, value);
  };
  if (!options.kind.empty() && job.kind != options.kind) {
    return fault("of another kind of accelerator", "on " + Quoted(job.kind));
  }
  if (!Known(record.submit)) {
    return fault("without a time of submission", "");
  }
  if (record.never_ran) {
    return fault("that never ran", "");
  }
  job.submit = record.submit;
  double ran = record.duration;
  bool differs = false;
  if (Known(record.start) && Known(record.end)) {
    const double between = record.end - record.start;
    constexpr double kHour = 3600;  // by which clocks change, and the end may lie before the start
    const bool other_clock = ran > 0 && std::abs(ran - between - kHour) <= 60;
    if (between < 0 && !other_clock) {
      return fault("whose end lies before its start",
                   seconds("start", record.start) + ", " + seconds("end", record.end));
    }
    // Cells may be rounded to whole minutes.
    differs = ran > 0 && std::abs(ran - between) > std::max(60.0, 0.01 * ran) &&
              !IsOtherUnit(ran, between);
    ran = differs ? ran : between;
  }
  if (!Known(ran)) {
    return fault("without a start, an end or a duration", "");
  }
  if (ran < 0) {
    return fault("with a negative duration", seconds("duration", ran));
  }
  if (ran == 0) {
    return fault("that took no time", "");
  }
  if (Known(record.start) && record.start < record.submit) {
    return fault("that starts before it is submitted",
                 seconds("submit", record.submit) + ", " + seconds("start", record.start));
  }
  if (job.accelerators <= 0) {
    return fault("that holds no accelerator", "");
  }
  if (log.capacity > 0 && job.accelerators > log.capacity) {
    return fault("with more accelerators than the cluster has",
                 fmt::format("{} of {}", job.accelerators, log.capacity));
  }
  if (differs && log.other_durations++ == 0) {
    log.other_duration = fmt::format("{}: job {}, {:.12g} s and {:.12g} s", record.where.Text(),
                                     job.id, ran, record.end - record.start);
  }
  job.ran = ran;
  job.waited = Known(record.start)                          ? record.start - record.submit
               : Known(record.queued) && record.queued >= 0 ? record.queued
                                                            : -1;
  log.jobs.push_back(std::move(job));
}

JobLog ReadJobLog(const std::string& file, std::string_view text, const JobLogOptions& options,
                  ProblemList& problems) {
  JobLog log;
  log.format = options.format == "auto" ? GuessFormat(text) : options.format;
  const auto kind = options.machines.by_kind.find(options.kind);
  log.capacity = options.capacity > 0 ? options.capacity
                 : kind != options.machines.by_kind.end() && !options.kind.empty()
                     ? kind->second
                     : options.machines.accelerators;
  if (log.format.empty()) {
    problems.Add({file, 1, 1}, "",
                 Refusal("the first line does not tell what log this is",
                         "--format swf, sacct, philly, helios, alibaba, acme, pbs or table"));
    return log;
  }
  if (log.format == "swf") {
    ReadSwf(file, text, options, log);
  } else if (log.format == "sacct" && StartsAsJson(text)) {
    ReadSlurmJson(file, text, options, log, problems);
  } else if (log.format == "pbs") {
    ReadPbs(file, text, options, log);
  } else if (log.format == "philly" && StartsAsJson(text)) {
    ReadPhillyJson(file, text, options, log, problems);
  } else {
    ReadLogTable(file, text, options, log, problems);
  }
  if (log.other_durations > 0) {
    log.notes.push_back(fmt::format(
        "{} {} a duration that is not the time from start to end; the duration counts (clocks that "
        "change for summer, time suspended); the first at {}",
        log.other_durations, log.other_durations == 1 ? "job states" : "jobs state",
        log.other_duration));
  }
  SortAndShift(log);
  if (problems.empty() && log.jobs.empty()) {
    std::string why;
    for (const LogFault& fault : log.faults) {
      why += fmt::format("{}{} {}", why.empty() ? "" : ", ", fault.count, fault.what);
    }
    problems.Add({file, 0, 0}, "",
                 Refusal("no record of " + fmt::format("{}", log.records) + " can be replayed" +
                             (why.empty() ? "" : ": " + why),
                         "jobs with a submission, a duration and accelerators"));
  }
  return log;
}

LogMachines ReadLogMachines(const std::string& file, std::string_view text, ProblemList& problems) {
  static const std::set<std::string> kCounts = {
      "number of GPUs", "gpu", "gpus", "num_gpu", "gpu_num", "gpu_capacity_num", "gpu_count"};
  static const std::set<std::string> kKinds = {"model", "gpu_model", "gpu_type"};
  LogMachines machines;
  const std::vector<CsvLine> lines = ReadCsv(file, text, problems);
  int count = -1, kind = -1;
  const auto trimmed = [](const std::string& cell) {
    const std::size_t first = std::min(cell.find_first_not_of(' '), cell.size());
    return cell.substr(first, cell.find_last_not_of(" \r") + 1 - first);
  };
  for (std::size_t c = 0; !lines.empty() && c < lines[0].cells.size(); ++c) {
    const std::string name = trimmed(lines[0].cells[c].text);
    count = kCounts.contains(name) ? static_cast<int>(c) : count;
    kind = kKinds.contains(name) ? static_cast<int>(c) : kind;
  }
  if (count < 0) {
    problems.Add({file, 1, 1}, "",
                 Refusal("there is no column of accelerators",
                         "\"number of GPUs\", gpu, gpu_num or gpu_capacity_num"));
    return machines;
  }
  for (std::size_t i = 1; i < lines.size(); ++i) {
    const std::vector<CsvCell>& cells = lines[i].cells;
    if (cells.size() != lines[0].cells.size()) {
      continue;
    }
    const double number = NumberOf(trimmed(cells[static_cast<std::size_t>(count)].text));
    if (!Known(number) || number < 0 || number > 1e6) {
      problems.Add({file, lines[i].line, cells[static_cast<std::size_t>(count)].column}, "",
                   Refusal(Quoted(cells[static_cast<std::size_t>(count)].text) + " is no number",
                           "accelerators of a machine, from 0 to 1e6"));
      return machines;
    }
    const auto whole = static_cast<std::int64_t>(number);
    machines.by_name[trimmed(cells[0].text)] = whole;
    machines.accelerators += whole;
    if (kind >= 0) {
      machines.by_kind[trimmed(cells[static_cast<std::size_t>(kind)].text)] += whole;
    }
  }
  return machines;
}

}  // namespace gridlock
