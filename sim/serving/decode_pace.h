#pragma once

// How long iterations of a batch that only decodes take, one after another: each reads `batch`
// cached tokens more than the one before. Sums of arithmetic series, and their inverse.

#include <cstdint>

#include "sim/base/units.h"
#include "workloads/inference.h"

namespace gridlock {

class DecodePace {
 public:
  /// Iterations in a row that one line of the costs bounds.
  struct Stretch {
    const CostLine* line = nullptr;
    std::int64_t iterations = 0;
    double reads = 0;  ///< cached tokens, of all of them

    [[nodiscard]] Seconds time() const {
      return line->base * static_cast<double>(iterations) + line->read * reads;
    }
  };

  /// @param lines outlive this @param reads of the first iteration @pre batch >= 1
  DecodePace(const CostLines& lines, std::int64_t batch, std::int64_t reads)
      : lines_(&lines), batch_(static_cast<double>(batch)), reads_(static_cast<double>(reads)) {}

  /// The stretch that begins after `done` iterations, no longer than `left`.
  [[nodiscard]] Stretch After(std::int64_t done, std::int64_t left) const;

  /// The fewest iterations, from 1, with which `clock` comes to `time` or beyond; `at_most` when
  /// there are not as many.
  [[nodiscard]] std::int64_t Reaching(Seconds clock, Seconds time, std::int64_t at_most) const;

 private:
  [[nodiscard]] std::int64_t Within(const CostLine& line, double reads, Seconds clock, Seconds time,
                                    std::int64_t at_most) const;

  const CostLines* lines_;
  double batch_, reads_;
};

}  // namespace gridlock
