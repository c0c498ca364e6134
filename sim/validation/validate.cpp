#include "sim/validation/validate.h"

#include <algorithm>

#include <fnmatch.h>

#include "sim/validation/case_stack.h"
#include "sim/validation/run_rows.h"
#include "sim/validation/worst.h"

namespace gridlock {

namespace {

struct Grouping {
  const char* by;
  std::string (*name)(const PublishedCase& row);
  bool by_role;  // within each role; else over all
};

std::string KindOf(const PublishedCase& row) {
  return row.experts > 0 ? "moe" : "dense";
}

const Grouping kGroupings[] = {
    {"all",
     [](const PublishedCase& /*row*/) {
       return std::string("all");
     },
     false},
    {"role",
     [](const PublishedCase& row) {
       return row.role;
     },
     true},
    {"kind", KindOf, true},
    {"precision",
     [](const PublishedCase& row) {
       return row.precision;
     },
     true},
    {"stack",
     [](const PublishedCase& row) {
       return row.stack;
     },
     true},
    {"accelerator",
     [](const PublishedCase& row) {
       return row.accelerator;
     },
     true},
    {"source",
     [](const PublishedCase& row) {
       return row.source;
     },
     true},
};

const Grouping kPeakGroupings[] = {
    kGroupings[0],
    kGroupings[1],
    {"kind of peak",
     [](const PublishedCase& row) {
       return row.kind.empty() ? std::string("reserved") : row.kind;
     },
     true},
    kGroupings[4],
};

using ErrorOf = std::optional<double> (CaseResult::*)() const;

bool HasTime(const PublishedCase& row) {
  return row.step_time_s > 0 || !row.problem.empty();
}

bool HasPeak(const PublishedCase& row) {
  return row.measured_gib > 0 && !row.out_of_memory;
}

// The groups of one grouping, by role and then in the order of their first rows. Rows of which the
// figure is not known do not count.
void AppendGroups(const Grouping& grouping, const std::vector<CaseResult>& results, ErrorOf error,
                  bool (*counts)(const PublishedCase& row), std::vector<CaseGroup>& groups) {
  struct Errors {
    CaseGroup group;
    std::vector<std::optional<double>> simulated;
    std::vector<std::optional<double>> nearest;
  };

  std::vector<Errors> all;
  for (const CaseResult& result : results) {
    if (!counts(result.row)) {
      continue;
    }
    const std::string name = grouping.name(result.row);
    const std::string role = grouping.by_role ? result.row.role : "";
    auto found = std::find_if(all.begin(), all.end(), [&](const Errors& each) {
      return each.group.name == name && each.group.role == role;
    });
    if (found == all.end()) {
      found = all.insert(all.end(), Errors{{grouping.by, name, role, {}, {}}, {}, {}});
    }
    found->simulated.push_back((result.*error)());
    found->nearest.push_back(result.nearest_error_pct());
  }
  std::stable_sort(all.begin(), all.end(), [](const Errors& a, const Errors& b) {
    return a.group.role < b.group.role;
  });
  for (Errors& each : all) {
    each.group.simulated = StatisticsOf(each.simulated);
    each.group.nearest = StatisticsOf(each.nearest);
    groups.push_back(std::move(each.group));
  }
}

}  // namespace

std::optional<double> CaseResult::error_pct() const {
  return predicted_s && row.step_time_s > 0 ? std::optional(ErrorPct(*predicted_s, row.step_time_s))
                                            : std::nullopt;
}

std::optional<double> CaseResult::nearest_error_pct() const {
  return nearest && row.step_time_s > 0
             ? std::optional(ErrorPct(nearest->step_time_s, row.step_time_s))
             : std::nullopt;
}

std::optional<double> CaseResult::peak_error_pct() const {
  constexpr double kGib = 1024.0 * 1024 * 1024;
  return peak && HasPeak(row) ? std::optional(ErrorPct(peak->si() / kGib, row.measured_gib))
                              : std::nullopt;
}

MemorySummary SummariseMemory(const std::vector<CaseResult>& results) {
  MemorySummary summary;
  for (const Grouping& grouping : kPeakGroupings) {
    AppendGroups(grouping, results, &CaseResult::peak_error_pct, HasPeak, summary.groups);
  }
  for (const CaseResult& result : results) {
    const bool refused =
        result.status == CaseStatus::kRefused && result.reason.find("HBM") != std::string::npos;
    if (result.row.out_of_memory) {
      ++summary.overflowed;
      summary.accepted += result.status == CaseStatus::kSimulated ? 1 : 0;
    } else {
      ++summary.ran;
      summary.refused += refused ? 1 : 0;
    }
  }
  return summary;
}

bool Matches(const CaseFilter& filter, const PublishedCase& row, const CatalogueList& catalogue) {
  return (filter.kind.empty() || filter.kind == "training" || filter.kind == KindOf(row)) &&
         (filter.role.empty() || filter.role == row.role) &&
         (filter.id.empty() || fnmatch(filter.id.c_str(), row.id.c_str(), 0) == 0) &&
         (filter.stack.empty() || filter.stack == StackOf(row, catalogue)) &&
         (filter.accelerator.empty() || filter.accelerator == row.accelerator);
}

std::vector<CaseGroup> GroupResults(const std::vector<CaseResult>& results, LeaveOut leave_out) {
  std::vector<CaseGroup> groups;
  for (const Grouping& grouping : kGroupings) {
    if (std::string(grouping.by) != "source" || leave_out == LeaveOut::kSource) {
      AppendGroups(grouping, results, &CaseResult::error_pct, HasTime, groups);
    }
  }
  return groups;
}

ValidationReport Validate(const std::vector<PublishedCase>& cases, const CatalogueList& catalogue,
                          const ValidationOptions& options) {
  std::vector<PublishedCase> rows;
  std::copy_if(cases.begin(), cases.end(), std::back_inserter(rows), [&](const auto& row) {
    return Matches(options.filter, row, catalogue);
  });
  ValidationReport report;
  report.leave_out = options.leave_out;
  const auto nearest = NearestPredictions(rows, cases, catalogue, options.leave_out);
  std::vector<PreparedCase> prepared;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    prepared.push_back(Prepare(rows[i], catalogue));
    report.results.push_back({rows[i], prepared[i].status,
                              prepared[i].reason.empty() ? prepared[i].assumed : prepared[i].reason,
                              std::nullopt, nearest[i], prepared[i].peak});
    report.results.back().fullest = prepared[i].fullest;
  }
  std::vector<const Scenario*> scenarios;
  for (const PreparedCase& each : prepared) {
    scenarios.push_back(each.scenario ? &*each.scenario : nullptr);
  }
  const auto finished = RunRows(scenarios, options.parallel, options.progress);
  for (std::size_t i = 0; i < finished.size(); ++i) {
    if (!finished[i]) {
      continue;
    }
    CaseResult& result = report.results[i];
    if (finished[i]->ok) {
      const StepRecord& record = finished[i]->record;
      result.predicted_s = record.step_time.si();
      result.split = SplitOf(record);
      result.mfu = record.mfu();
    } else {
      result.status = CaseStatus::kFailed;
      result.reason = finished[i]->problem;
    }
  }
  report.groups = GroupResults(report.results, report.leave_out);
  report.memory = SummariseMemory(report.results);
  return report;
}

}  // namespace gridlock
