#pragma once

// Utilisation over time, gathered while the simulation runs and before its length is known.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "sim/base/check.h"
#include "sim/record/step_record.h"

namespace gridlock {

/// Amounts (bytes, FLOP, busy seconds) of several resources, binned over simulated time. All
/// resources share one interval width. When an amount ends beyond the last interval, neighbouring
/// intervals are merged and the width doubles, so that the number of intervals stays between half
/// of the maximum and the maximum whatever the step's length, and nothing is resampled: the result
/// is the same as if the wide intervals had been used from the start.
class UtilisationAccumulator {
 public:
  /// @param resources      number of resources, at least 1
  /// @param max_intervals  number of intervals kept per resource, at least 1
  /// @param first_width    width to begin with, seconds, > 0; below the shortest step of interest
  ///                       divided by max_intervals, for full resolution
  UtilisationAccumulator(int resources, int max_intervals, double first_width = 1e-7);

  /// Spreads `amount` evenly over [start, end), seconds since the beginning of the step; puts it
  /// whole into one interval when start == end. CHECKs 0 <= start <= end < infinity.
  void Add(int resource, double start, double end, double amount) {
    CHECK(start >= 0.0 && start <= end);
    if (end > limit_) {
      Widen(end);
    }
    latest_ = std::max(latest_, end);
    const auto last = static_cast<std::ptrdiff_t>(max_intervals_) - 1;
    // end * per_width_ may round up to max_intervals: the last interval includes its right edge.
    const auto from = std::min(static_cast<std::ptrdiff_t>(start * per_width_), last);
    const auto to = std::min(static_cast<std::ptrdiff_t>(end * per_width_), last);
    double* bins = bins_.data() + static_cast<std::ptrdiff_t>(resource) * (last + 1);
    if (from == to) {
      bins[from] += amount;
    } else {
      Spread(bins, from, to, {start, end, amount});
    }
  }

  /// Widens the intervals until they reach `end_time`; call it at the end of the step, before
  /// Share, because the step may outlast its last amount.
  void ExtendTo(Seconds end_time) { Widen(end_time.si()); }

  [[nodiscard]] int resources() const { return static_cast<int>(resources_); }

  /// Width of one interval now. It grows with Add and ExtendTo; read it at the end.
  [[nodiscard]] Seconds interval() const { return Seconds(width_); }

  /// Sum of all amounts of one resource.
  [[nodiscard]] double Total(int resource) const;

  /// What a resource has moved by a time, seconds; amounts are spread evenly within an interval.
  [[nodiscard]] double Until(int resource, double time) const;

  /// Share in use per interval, over [0, end_time]: amount / (rate x seconds). The last interval
  /// ends at end_time and may be shorter than the others. Shares above 1 are not cut off: they show
  /// a wrong rate.
  /// @param rate      amount per second when fully used: capacity x members; > 0
  /// @param end_time  end of the step, > 0; not before the end of any amount, nor after the last
  ///                  interval (ExtendTo)
  [[nodiscard]] std::vector<double> Share(int resource, double rate, Seconds end_time) const;

 private:
  struct Span {
    double start, end, amount;
  };

  void Spread(double* bins, std::ptrdiff_t from, std::ptrdiff_t to, const Span& span) const;

  void Widen(double end);

  std::size_t resources_;
  std::size_t max_intervals_;
  double width_;
  double per_width_;          // 1 / width_
  double limit_;              // end of the last interval
  double latest_ = 0.0;       // latest end of an amount
  std::vector<double> bins_;  // resource-major
};

/// A stretch of time that is repeated.
struct Repeat {
  double from = 0, length = 0;  ///< seconds
  std::int64_t times = 0;       ///< how many more times it comes
  std::vector<double> amounts;  ///< of one repetition, by resource
};

/// The series of a long step, in at most `intervals` intervals: `series`, which is of the simulated
/// `step` seconds, with the repetitions of the stretch put in. Its resolution within the stretch is
/// that of `series`.
UtilisationAccumulator Repeated(const UtilisationAccumulator& series, double step,
                                const Repeat& repeat, int intervals);

/// Mean of a series over the step; the last interval counts for its part before step_time.
double MeanShare(const std::vector<double>& share, Seconds interval, Seconds step_time);

}  // namespace gridlock
