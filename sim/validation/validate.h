#pragma once

// Published steps against simulated ones: every row runs, folded, in a process of its own.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "sim/catalogue/list.h"
#include "sim/validation/baseline.h"
#include "sim/validation/case_scenario.h"
#include "sim/validation/case_table.h"
#include "sim/validation/statistics.h"

namespace gridlock {

/// Rows to look at; empty texts select all.
struct CaseFilter {
  std::string kind;  ///< "dense", "moe", or "training" for both
  std::string role;
  std::string id;             ///< with * and ? as in file names
  std::string stack{};        ///< catalogue entry that stands for the row's stack
  std::string accelerator{};  ///< catalogue name
};

/// What a row's simulated step is made of.
struct StepSplit {
  double kernels = 0;         ///< s: matrix units and HBM
  double exposed = 0;         ///< s: all else, messages, bubbles, launches, overhead
  double largest = 0;         ///< s, of what is exposed
  std::string largest_words;  ///< "collectives over replicas"
};

struct CaseResult {
  PublishedCase row;
  CaseStatus status = CaseStatus::kSimulated;
  std::string reason;                        ///< when simulated: what the row leaves to us
  std::optional<double> predicted_s;         ///< simulated step time
  std::optional<NearestPrediction> nearest;  ///< what copying gives
  std::optional<Bytes> peak{};               ///< of HBM, of the kind that the row means
  std::optional<StepSplit> split{};          ///< of the simulated step
  std::optional<double> mfu{};               ///< of the simulated step
  std::optional<MemoryNeed> fullest{};       ///< what its fullest stage needs

  /// Signed errors in per cent, nothing without a prediction.
  [[nodiscard]] std::optional<double> error_pct() const;
  [[nodiscard]] std::optional<double> nearest_error_pct() const;
  /// Of the peak of HBM; nothing where none was measured, or only a bound.
  [[nodiscard]] std::optional<double> peak_error_pct() const;
};

/// Rows that have something in common, with their figures.
struct CaseGroup {
  std::string by;  ///< "all", "role", "kind", "precision", "stack", "accelerator" or "source"
  std::string name;
  std::string role;  ///< the one that all rows have; "" over all roles
  ErrorStatistics simulated;
  ErrorStatistics nearest;
};

/// What is known of the memory of the rows.
struct MemorySummary {
  std::vector<CaseGroup> groups;  ///< of the peaks: all, by role, and within it by kind and stack
  int ran = 0, refused = 0;       ///< rows that are known to have fitted; of these, refused for HBM
  int overflowed = 0, accepted = 0;  ///< rows that went out of memory; of these, accepted
};

struct ValidationReport {
  std::vector<std::string> tables;
  LeaveOut leave_out = LeaveOut::kNothing;
  std::vector<CaseResult> results;  ///< in the order of the tables
  std::vector<CaseGroup> groups;
  MemorySummary memory;
};

struct ValidationOptions {
  CaseFilter filter;
  LeaveOut leave_out = LeaveOut::kNothing;
  int parallel = 0;  ///< processes at a time; 0: one per core
  /// Rows finished of those that run, and the mean fraction of all.
  std::function<void(std::size_t done, std::size_t all, double fraction)> progress;
};

bool Matches(const CaseFilter& filter, const PublishedCase& row, const CatalogueList& catalogue);

/// Groups: all rows, the rows of each role, and within each role those of each kind, precision,
/// stack and accelerator, and of each source when predictions copy no row of the same source.
/// Groups of one kind stand in the order in which they first appear.
std::vector<CaseGroup> GroupResults(const std::vector<CaseResult>& results, LeaveOut leave_out);

MemorySummary SummariseMemory(const std::vector<CaseResult>& results);

/// Runs the rows of `cases` that the filter lets through. The nearest predictions may copy any row
/// of `cases`.
ValidationReport Validate(const std::vector<PublishedCase>& cases, const CatalogueList& catalogue,
                          const ValidationOptions& options);

}  // namespace gridlock
