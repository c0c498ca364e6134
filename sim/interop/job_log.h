#pragma once

// Logs of what ran on a cluster: the Standard Workload Format (SWF), Slurm's sacct, PBS, and tables
// such as Philly, Helios, Alibaba and Acme published. A record that cannot be true is counted and
// reported with its first place; it is neither dropped in silence nor placed.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "sim/schema/problems.h"

namespace gridlock {

/// One job that ran. Times in seconds; submissions count from the first one.
struct LoggedJob {
  std::string id, user;
  std::string kind;  ///< of accelerator, as the log calls it; "" where it does not say
  double submit = 0;
  double waited = -1;  ///< negative: not known
  double ran = 0;
  std::int64_t accelerators = 0;
  bool failed = false;
};

/// Records of one fault.
struct LogFault {
  std::string what;
  std::int64_t count = 0;
  std::string first;  ///< FILE:LINE of the first one, and what stands there
};

/// Machines that the log's publisher lists.
struct LogMachines {
  std::map<std::string, std::int64_t> by_name;  ///< accelerators of a machine
  std::map<std::string, std::int64_t> by_kind;  ///< accelerators of a kind
  std::int64_t accelerators = 0;
};

struct JobLog {
  std::string format;              ///< "swf" and so on
  std::vector<LoggedJob> jobs;     ///< by submission
  std::vector<LogFault> faults;    ///< in the order of their first records
  std::int64_t records = 0;        ///< all, also those with faults
  std::int64_t capacity = 0;       ///< accelerators of the cluster; 0: not known
  std::vector<std::string> notes;  ///< what was assumed
  /// Jobs whose stated duration is not their end less their start, and the first of them.
  std::int64_t other_durations = 0;
  std::string other_duration;
};

struct JobLogOptions {
  std::string format = "auto";
  std::string kind;           ///< of accelerator; "": all
  std::int64_t capacity = 0;  ///< 0: as the log or its machines say
  int per_server = 8;         ///< accelerators, where the log counts servers
  LogMachines machines;
};

/// Formats by name, "auto" first.
const std::vector<std::string>& JobLogFormats();

/// Adds a problem when the format cannot be told or a column is missing.
JobLog ReadJobLog(const std::string& file, std::string_view text, const JobLogOptions& options,
                  ProblemList& problems);

/// A table of machines: one a line, with a column of accelerators (Philly's machine list, Alibaba's
/// node list).
LogMachines ReadLogMachines(const std::string& file, std::string_view text, ProblemList& problems);

/// Counts records that have a fault.
class LogFaults {
 public:
  explicit LogFaults(JobLog& log) : log_(log) {}

  /// @param where of the record @param what the fault in words @param detail what stands there
  void Add(const Position& where, const std::string& what, const std::string& detail);

 private:
  JobLog& log_;
};

/// A record as a table has it: times as they stand, NaN where there are none.
struct LogRecord {
  Position where;
  LoggedJob job;
  double submit, start, end, duration, queued;  ///< seconds
  bool never_ran = false;                       ///< as its state says
};

/// Takes a record into the log, or counts what is wrong with it.
void TakeRecord(const LogRecord& record, const JobLogOptions& options, JobLog& log);

// The readers of the formats.
void ReadSwf(const std::string& file, std::string_view text, const JobLogOptions& options,
             JobLog& log);
void ReadLogTable(const std::string& file, std::string_view text, const JobLogOptions& options,
                  JobLog& log, ProblemList& problems);
void ReadSlurmJson(const std::string& file, std::string_view text, const JobLogOptions& options,
                   JobLog& log, ProblemList& problems);
void ReadPbs(const std::string& file, std::string_view text, const JobLogOptions& options,
             JobLog& log);
void ReadPhillyJson(const std::string& file, std::string_view text, const JobLogOptions& options,
                    JobLog& log, ProblemList& problems);

/// Seconds of a number, of 2023-05-01T12:00:00, 2023-05-01 12:00 CET or 2023-05-01, of 1.5.2023,
/// and of 5/1/2023 12:00 PM, where the month comes first unless it cannot. Numbers above 1e11 are
/// milliseconds. NaN for anything else, and for a day or hour that there is not.
double LogTime(std::string_view text);

/// Seconds of a number, of [days-]hours:minutes:seconds or of "2h 30m"; NaN for anything else.
double LogSpan(std::string_view text);

/// What the log itself says, before anything runs.
struct LogFigures {
  double span = 0;            ///< from the first submission to the last end, seconds
  double work = 0;            ///< accelerator-seconds of all jobs
  double offered = 0;         ///< accelerator-seconds over capacity x time of submissions
  double mean = 0, most = 0;  ///< accelerators in use, had each job started at once
  double utilisation = -1;    ///< accelerators in use there over capacity; negative: not known
  double waited_mean = -1, waited_median = -1, waited_p90 = -1;
};

/// Where nothing says how large the cluster is: as many accelerators as ran at once there, or would
/// have had each job started at once. Adds a note.
void AssumeCapacity(JobLog& log);

LogFigures FiguresOf(const JobLog& log);

/// Lines for people: records, faults, demand over capacity, what the log says of waiting and use.
std::vector<std::string> LogReport(const JobLog& log, const LogFigures& figures);

/// A scenario and the workload file beside it.
struct LogScenario {
  std::string scenario, workload;
};

struct LogScenarioOptions {
  std::string name;           ///< of the scenario
  std::string workload_file;  ///< as the scenario names it
  std::string catalog, site;  ///< in the text of the schema
  std::string policy;         ///< of the scheduler
  std::string source;         ///< which file it was
};

LogScenario ScenarioOf(const JobLog& log, const LogFigures& figures,
                       const LogScenarioOptions& options);

}  // namespace gridlock
