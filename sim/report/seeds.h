#pragma once

// One life under many seeds: the mean of its key figures and how far it can be trusted.

#include <string>
#include <vector>

#include "sim/record/life_record.h"

namespace gridlock {

/// A number of one life, e.g. "final-run: ETTR".
struct KeyFigure {
  std::string name, unit;
  double value = 0;  ///< NaN: there is none in this life
};

/// The key figures of a life: of its pretraining runs, fleets, experiments and sites. Lives of one
/// scenario have the same figures in the same order.
std::vector<KeyFigure> KeyFiguresOf(const LifeRecord& record);

/// Mean and spread of a figure over lives that have it.
struct FigureSpread {
  std::string name, unit;
  int lives = 0;
  double mean = 0, deviation = 0;  ///< sample standard deviation; NaN for fewer than two
  double half_width = 0;           ///< of the 95 % confidence interval of the mean, by Student
  double least = 0, most = 0;
};

std::vector<FigureSpread> SpreadOf(const std::vector<std::vector<KeyFigure>>& lives);

/// Student's t of a two-sided 95 % interval.
double StudentT95(int degrees);

std::string SeedsText(const std::string& scenario, const std::vector<FigureSpread>& figures,
                      int lives, std::uint64_t first_seed);
std::string SeedsJson(const std::string& scenario, const std::vector<FigureSpread>& figures,
                      int lives, std::uint64_t first_seed);

}  // namespace gridlock
