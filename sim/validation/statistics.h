#pragma once

// Figures over many errors. Pure functions.

#include <optional>
#include <vector>

namespace gridlock {

/// Figures of one group of rows; errors in per cent.
struct ErrorStatistics {
  int rows = 0;
  int predicted = 0;
  int missing = 0;    ///< rows without a prediction, which are counted here and nowhere else
  double median = 0;  ///< of the absolute error of the predicted rows; 0 without any
  double p90 = 0;     ///< 90th percentile of the same
  double mean = 0;    ///< mean of the same
  double bias = 0;    ///< mean signed error of the predicted rows; 0 without any
};

/// Signed error in per cent: 100 (predicted / published - 1). @param published > 0
double ErrorPct(double predicted, double published);

/// Quantile of `values` (not empty) at `share` in [0, 1], linear between the order statistics at
/// positions share x (n - 1) (Hyndman and Fan 1996, type 7): the median of an even number is the
/// mean of the two in the middle.
double Quantile(std::vector<double> values, double share);

/// @param errors_pct signed, one per row; nothing where there is no prediction.
ErrorStatistics StatisticsOf(const std::vector<std::optional<double>>& errors_pct);

}  // namespace gridlock
