#include "sim/record/life_trace.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "sim/base/check.h"
#include "sim/record/fingerprint.h"
#include "sim/record/hdf5_file.h"
#include "sim/record/life_fields.h"
#include "sim/record/trace_attributes.h"

namespace gridlock {
namespace {

/// Numbers of texts in the order of their first mention.
class Numbering {
 public:
  int NumberOf(const std::string& text) {
    const auto [entry, added] = numbers_.try_emplace(text, static_cast<int>(texts_.size()));
    if (added) {
      texts_.push_back(text);
    }
    return entry->second;
  }

  [[nodiscard]] const std::vector<std::string>& texts() const { return texts_; }

 private:
  std::map<std::string, int> numbers_;
  std::vector<std::string> texts_;
};

template <typename Items, typename Value>
auto Collected(const Items& items, Value value) {
  std::vector<std::decay_t<decltype(value(items.front()))>> values;
  values.reserve(items.size());
  for (const auto& item : items) {
    values.push_back(value(item));
  }
  return values;
}

template <typename T>
constexpr ElementType ElementOf() {
  if constexpr (std::is_same_v<T, double>) {
    return ElementType::kFloat64;
  } else if constexpr (std::is_same_v<T, std::int32_t>) {
    return ElementType::kInt32;
  } else if constexpr (std::is_same_v<T, std::int64_t>) {
    return ElementType::kInt64;
  } else if constexpr (std::is_same_v<T, std::uint8_t>) {
    return ElementType::kUint8;
  } else {
    static_assert(std::is_same_v<T, std::string>);
    return ElementType::kText;
  }
}

class LifeTraceWriter {
 public:
  LifeTraceWriter(const std::string& path, const LifeRecord& record)
      : file_(path), record_(record) {}

  void Write(const TraceHeader& header);

 private:
  /// Adds a dimension with its coordinate.
  template <typename T>
  void AddAxis(const Label& label, const std::vector<T>& values) {
    const std::string name = label.name;
    file_.AddVariable(Spec<T>(label, {name}, {values.size()}));
    file_.Extend(name, values.size());
    file_.Write(name, {0}, {values.size()}, std::span<const T>(values));
  }

  /// Adds a variable along dimensions that are there.
  template <typename T>
  void Add(const Label& label, const std::vector<std::string>& dimensions,
           const std::vector<T>& values) {
    Hdf5File::Position extent;
    for (const std::string& dimension : dimensions) {
      extent.push_back(file_.size(dimension));
    }
    file_.AddVariable(Spec<T>(label, dimensions, extent));
    file_.Write(label.name, Hdf5File::Position(extent.size(), 0), extent,
                std::span<const T>(values));
  }

  template <typename T>
  static VariableSpec Spec(const Label& label, const std::vector<std::string>& dimensions,
                           const Hdf5File::Position& extent);

  void AddFlags(const Label& label, const std::string& dimension,
                const std::vector<std::uint8_t>& values, const std::vector<std::string>& meanings);
  void AddTime();
  void AddSites();
  void AddJobs();
  void AddRequests();
  void AddEvents();

  Hdf5File file_;
  const LifeRecord& record_;
};

template <typename T>
VariableSpec LifeTraceWriter::Spec(const Label& label, const std::vector<std::string>& dimensions,
                                   const Hdf5File::Position& extent) {
  // One chunk per row of the last dimension, of at most half a megabyte.
  constexpr std::size_t kLongest = 65536;
  std::vector<std::size_t> chunk(extent.size(), 1);
  chunk.back() = std::clamp<std::size_t>(extent.back(), 1, kLongest);
  return {.name = label.name,
          .type = ElementOf<T>(),
          .dimensions = dimensions,
          .units = label.units,
          .long_name = label.long_name,
          .chunk = chunk,
          .written_once = !std::is_same_v<T, std::string>,  // texts lie outside their chunks
          .padded = std::is_same_v<T, double> && dimensions.front() != label.name};
}

void LifeTraceWriter::AddFlags(const Label& label, const std::string& dimension,
                               const std::vector<std::uint8_t>& values,
                               const std::vector<std::string>& meanings) {
  CHECK(meanings.size() <= 256);
  Add(label, {dimension}, values);
  std::vector<std::uint8_t> flags;
  std::string text;
  for (const std::string& meaning : meanings) {
    CHECK(!meaning.empty() && meaning.find(' ') == std::string::npos);  // blanks separate them
    text += (flags.empty() ? "" : " ") + meaning;
    flags.push_back(static_cast<std::uint8_t>(flags.size()));
  }
  file_.SetAttribute(label.name, "flag_values", flags);
  file_.SetAttribute(label.name, "flag_meanings", text);
}

void LifeTraceWriter::AddTime() {
  const std::size_t intervals = record_.series.queue_jobs.size();
  std::vector<double> start, width;
  for (std::size_t i = 0; i < intervals; ++i) {
    const double at = static_cast<double>(i) * record_.interval.si();
    start.push_back(at);
    width.push_back(std::min(record_.interval.si(), record_.horizon.si() - at));
    CHECK(width.back() > 0.0);
  }
  AddAxis({"time", "s", "start of the interval since the simulation began"}, start);
  Add({"interval", "s", "width of the interval"}, {"time"}, width);
  for (const ClusterSeries& series : kClusterSeries) {
    CHECK((record_.series.*series.member).size() == intervals);
    Add(series.label, {"time"}, record_.series.*series.member);
  }
}

void LifeTraceWriter::AddSites() {
  const std::size_t intervals = file_.size("time");
  AddAxis({"site", "1", "name of the site"}, Collected(record_.sites, [](const LifeSite& site) {
            return site.name;
          }));
  std::vector<std::string> kinds;
  for (int kind = 0; kind < kJobKinds; ++kind) {
    kinds.emplace_back(JobKindName(static_cast<JobKind>(kind)));
  }
  AddAxis({"job_kind", "1", "kind of job"}, kinds);
  for (const Field<LifeSite>& field : kSiteFields) {
    Add(field.label, {"site"}, Collected(record_.sites, field.value));
  }
  for (const SiteSeries& series : kSiteSeries) {
    std::vector<double> rows;
    for (const LifeSite& site : record_.sites) {
      const std::vector<double>& row = site.*series.member;
      CHECK(row.size() == intervals);
      rows.insert(rows.end(), row.begin(), row.end());
    }
    Add(series.label, {"site", "time"}, rows);
  }
  std::vector<double> busy;
  for (const LifeSite& site : record_.sites) {
    for (const std::vector<double>& row : site.busy) {
      CHECK(row.size() == intervals);
      busy.insert(busy.end(), row.begin(), row.end());
    }
  }
  Add({"busy", "1", "accelerators that jobs of the kind hold"}, {"site", "job_kind", "time"}, busy);
}

void LifeTraceWriter::AddJobs() {
  const auto& jobs = record_.jobs;
  const auto sites = static_cast<std::int32_t>(record_.sites.size());
  AddAxis({"job", "1", "name of the job"}, Collected(jobs, [](const LifeJob& job) {
            return job.name;
          }));
  Add({"job_tenant", "1", "who submitted the job"}, {"job"},
      Collected(jobs, [](const LifeJob& job) {
        return job.tenant;
      }));
  Add({"job_final_run", "1", "job that the campaign of an experiment prepares"}, {"job"},
      Collected(jobs, [](const LifeJob& job) {
        return job.final_run;
      }));
  AddFlags({"kind_of_job", "1", "kind of the job, a number along job_kind"}, "job",
           Collected(jobs,
                     [](const LifeJob& job) {
                       return static_cast<std::uint8_t>(job.kind);
                     }),
           {"pretraining", "experiment", "serving"});
  std::vector<std::string> outcomes;
  for (int outcome = 0; outcome < kOutcomes; ++outcome) {
    outcomes.emplace_back(OutcomeName(static_cast<Outcome>(outcome)));
  }
  AddFlags({"job_outcome", "1", "how the job stood at the horizon"}, "job",
           Collected(jobs,
                     [](const LifeJob& job) {
                       return static_cast<std::uint8_t>(job.outcome);
                     }),
           outcomes);
  Add({"job_site", "1", "number of the site where it ran last; -1: nowhere"}, {"job"},
      Collected(jobs, [sites](const LifeJob& job) {
        CHECK(job.site >= -1 && job.site < sites);
        return job.site;
      }));
  const std::pair<Label, std::int64_t LifeJob::*> counts[] = {
      {{"job_accelerators", "1", "accelerators that it asks for; of a fleet, at most"},
       &LifeJob::accelerators},
      {{"job_steps", "1", "steps of the whole run; 0 for fleets"}, &LifeJob::steps},
      {{"job_steps_done", "1", "steps that count"}, &LifeJob::steps_done}};
  for (const auto& [label, member] : counts) {
    Add(label, {"job"}, Collected(jobs, [member = member](const LifeJob& job) {
          return job.*member;
        }));
  }
  const std::pair<Label, std::int32_t LifeJob::*> stops[] = {
      {{"job_interruptions", "1", "times that a failure or an outage stopped it"},
       &LifeJob::interruptions},
      {{"job_preemptions", "1", "times that another job took its place"}, &LifeJob::preemptions}};
  for (const auto& [label, member] : stops) {
    Add(label, {"job"}, Collected(jobs, [member = member](const LifeJob& job) {
          return job.*member;
        }));
  }
  for (const JobField& field : kJobFields) {
    Add(field.label, {"job"}, Collected(jobs, field.value));
  }
}

void LifeTraceWriter::AddRequests() {
  const auto& groups = record_.requests;
  AddAxis({"request_group", "1", "fleet and group of the requests"},
          Collected(groups, [](const LifeRequests& group) {
            return group.fleet + "/" + group.group;
          }));
  for (const RequestField& field : kRequestFields) {
    Add(field.label, {"request_group"}, Collected(groups, [&field](const LifeRequests& group) {
          return group.*field.member;
        }));
  }
}

void LifeTraceWriter::AddEvents() {
  const auto& events = record_.events;
  Numbering kinds, details;
  for (const char* kind : kEventKinds) {
    kinds.NumberOf(kind);
  }
  std::vector<std::int32_t> numbers, detail;
  std::vector<std::uint8_t> kind;
  for (const LifeEvent& event : events) {
    CHECK(event.job >= -1 && event.job < static_cast<std::int32_t>(record_.jobs.size()));
    CHECK(event.site >= -1 && event.site < static_cast<std::int32_t>(record_.sites.size()));
    numbers.push_back(static_cast<std::int32_t>(numbers.size()));
    kind.push_back(static_cast<std::uint8_t>(kinds.NumberOf(event.kind)));
    detail.push_back(details.NumberOf(event.detail));
  }
  AddAxis({"event", "1", "number of the event"}, numbers);
  Add({"event_at", "s", "time of the event"}, {"event"},
      Collected(events, [](const LifeEvent& event) {
        return event.at.si();
      }));
  AddFlags({"event_kind", "1", "what happened"}, "event", kind, kinds.texts());
  Add({"event_job", "1", "number of the job; -1: none"}, {"event"},
      Collected(events, [](const LifeEvent& event) {
        return event.job;
      }));
  Add({"event_site", "1", "number of the site; -1: none"}, {"event"},
      Collected(events, [](const LifeEvent& event) {
        return event.site;
      }));
  Add({"event_detail", "1", "number along detail"}, {"event"}, detail);
  std::vector<std::int32_t> detail_numbers;
  for (std::size_t i = 0; i < details.texts().size(); ++i) {
    detail_numbers.push_back(static_cast<std::int32_t>(i));
  }
  AddAxis({"detail", "1", "number of the text"}, detail_numbers);
  Add({"detail_text", "1", "what there is to say of an event"}, {"detail"}, details.texts());
}

void LifeTraceWriter::Write(const TraceHeader& header) {
  WriteHeaderAttributes(file_, header, "life");
  file_.SetAttribute("", "horizon", record_.horizon.si());
  file_.SetAttribute("", "situations", record_.situations);
  file_.SetAttribute("", "requests_simulated", record_.requests_simulated);
  file_.SetAttribute("", "energy_is_estimate", std::int32_t{record_.energy_is_estimate ? 1 : 0});
  file_.SetAttribute("", "fingerprint", FingerprintText(record_.fingerprint));
  AddTime();
  AddSites();
  AddJobs();
  AddRequests();
  AddEvents();
  file_.Commit();
}

}  // namespace

void WriteLifeTrace(const std::string& path, const TraceHeader& header, const LifeRecord& record) {
  LifeTraceWriter(path, record).Write(header);
}

}  // namespace gridlock
