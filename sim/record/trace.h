#pragma once

// The trace of a study: baseline and capped steps side by side along the `cap` axis, in one
// netCDF-4 file that xarray opens directly.
//
//   dimension              coordinate            holds
//   cap                    label (text)          one step per row, in the order of Append
//   resource               name (text)           utilisation, mean utilisation, members, capacity
//   sample                 number                intervals of the utilisation; (cap, sample) has
//                                                `time` and `step_fraction` of each interval's
//                                                start
//   attribution_resource   name (text)           seconds of the critical path
//   activity               name (text)           mean seconds per accelerator
//   stage                  pipeline stage        HBM bytes by class
//   collective             name (text)           seconds
//   span                   number                what a pipeline stage did from when until when
//   operation              pass and name (text)  FLOP, HBM bytes, calls and seconds of kernels
//
// Steps differ in length and so does the width of their intervals: each row keeps its own
// (`interval`, `time`), nothing is resampled, and rows with fewer intervals end in NaN. The root
// attribute `complete` is 1 in every finished file; in a NAME.part left by a kill it is 0, and the
// rows are those that had finished. `points_planned` says how many there were to be (0: not known).
// The root attribute `kind` is "step"; traces of a cluster's life are in life_trace.h.

#include <cstdint>
#include <string>
#include <vector>

#include "sim/record/columns.h"
#include "sim/record/fingerprint.h"
#include "sim/record/hdf5_file.h"
#include "sim/record/step_record.h"
#include "sim/record/trace_header.h"

namespace gridlock {

/// Every variable of the trace, and where its field stands in summary.json.
std::vector<Output> StepOutputs();

/// Names along the axes of a trace, in the order wanted there. A name that only a record brings is
/// appended to its axis.
struct TraceVocabulary {
  std::vector<std::string> resources = {};     ///< of UtilisationSeries
  std::vector<std::string> attributions = {};  ///< of Attribution
  std::vector<std::string> activities = {};    ///< of BreakdownPart
  std::vector<std::string> collectives = {};   ///< of StepRecord::collective_seconds
};

/// Writes a trace, one row per step. Throws RecordError when the system refuses to write.
class TraceWriter {
 public:
  /// Creates `path`.part, which is deleted again when no row comes.
  /// @param points number of steps that will come; 0 when not known
  TraceWriter(const std::string& path, const TraceHeader& header, TraceVocabulary vocabulary = {},
              int points = 0);

  /// Appends one row and publishes it in NAME.part. CHECKs that the record has a positive
  /// step time, and no more records than `points` when that is known.
  void Append(const StepRecord& record);

  /// Completes the file and gives it its name. CHECKs that there is at least one row.
  void Finish();

  /// Of the rows so far: CombinedFingerprint of the records, as the screen and summary.json show
  /// it.
  [[nodiscard]] std::uint64_t fingerprint() const { return fingerprint_.value(); }

 private:
  /// A text axis that grows when a record brings a new name.
  struct NameAxis {
    std::string dimension;
    std::vector<std::string> names;
    std::size_t written = 0;

    std::size_t IndexOf(const std::string& name);
  };

  /// What stands where a row has nothing to say.
  enum class Fill {
    kZero,
    kMissing,  ///< NaN
    kSeries,   ///< NaN, in a long variable that is written row by row and compressed
  };

  void AddColumn(const TraceColumn& column, const std::vector<std::size_t>& chunk, Fill fill);
  template <typename T>
  void CreateTable(std::size_t width, Fill fill);
  template <typename T>
  void WriteTable(const StepRecord& record, const std::vector<T>& items,
                  const std::vector<std::size_t>& places, Fill fill);
  template <typename T>
  static std::vector<std::size_t> PlacesOf(NameAxis& axis, const std::vector<T>& items,
                                           std::string T::*name);
  void CollectNames(const StepRecord& record);
  void FixAxes(const StepRecord& record);
  void CreateVariables(const StepRecord& record);
  void CreateAxes(const StepRecord& record);
  void CreateRowVariables();
  void CreateSeriesVariables(std::size_t samples);
  void CreateBudgetVariables(std::size_t stages, std::size_t samples);
  void CreateTimelineVariables(const StepRecord& record);
  void GrowAxes(const StepRecord& record);
  void WriteRow(const StepRecord& record);
  void WriteSeries(const StepRecord& record);
  void WriteBudgets(const StepRecord& record);
  void WriteLinks(const StepRecord& record);
  void WriteMemory(const StepRecord& record);
  void WriteTimeline(const StepRecord& record);

  Hdf5File file_;
  std::string cap_quantity_;
  std::string cap_units_;
  std::size_t points_;
  std::size_t rows_ = 0;
  RunFingerprint fingerprint_;
  NameAxis resources_, attributions_, activities_, collectives_, links_, operations_;
  bool has_timeline_ = false;  ///< the first row has spans, and so variables for them
};

}  // namespace gridlock
