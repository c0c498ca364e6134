#pragma once

// A sweep as it was read: where it starts, what varies, and what is asked of the results.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sim/scenario/point.h"
#include "sim/study/evaluate.h"
#include "sim/sweep/formula.h"
#include "sim/sweep/grid.h"

namespace gridlock {

/// What is made of an output at several points.
enum class SweepPick { kTheOnly, kLeast, kMost, kMean };

/// One number out of the results, for a formula.
struct SweepValue {
  std::string name;                                     ///< in formulas
  std::string output;                                   ///< "breakdown"
  std::string element;                                  ///< "data_comm"; "" for a single value
  std::vector<std::pair<std::size_t, std::size_t>> at;  ///< axis and coordinate, by number
  SweepPick pick = SweepPick::kTheOnly;
};

/// A claim and the formula that decides it.
struct SweepVerdict {
  std::string claim;
  std::vector<SweepValue> values;
  std::string holds;
  std::string number;
  std::string unit;
  int each = -1;  ///< axis along which it is decided; -1: once
};

/// A scenario that points start from.
struct SweepBase {
  std::string name;  ///< of its file as the sweep writes it, relative to the sweep
  std::string file;
  ScenarioBase base;
};

struct Sweep {
  std::string file;  ///< as given by the user
  std::string name;
  std::string title = "a sweep";  ///< behind the name in reports
  std::string description;
  std::string text;             ///< the whole sweep, canonical textproto
  std::deque<SweepBase> bases;  ///< axes keep addresses of them
  Grid grid{{}};
  std::vector<std::string> only;
  Fidelity fidelity = Fidelity::kFolded;
  std::vector<std::string> show;  ///< outputs; empty: as suits the runs
  std::vector<SweepVerdict> verdicts;
};

/// Most cells that a grid may have.
inline constexpr std::uint64_t kSweepCellsMax = 10'000'000;

/// Reads a sweep and the scenarios that it starts from. `overrides` are put on every scenario, as
/// --set does. Throws UserError with every problem found, each with its position.
Sweep ReadSweep(const std::string& file, const std::vector<std::string>& overrides);

/// The same of a text in memory; files that it names are looked for beside `file`.
Sweep ReadSweepText(const std::string& file, std::string_view text,
                    const std::vector<std::string>& overrides);

/// Says which points `only` leaves.
class PointFilter {
 public:
  explicit PointFilter(const Sweep& sweep);
  ~PointFilter();
  PointFilter(const PointFilter&) = delete;
  PointFilter& operator=(const PointFilter&) = delete;

  /// @param values of the coordinates: Grid::ValuesAt
  bool Keeps(const std::vector<double>& values);

 private:
  std::vector<Formula> formulas_;
};

/// The cells that `only` leaves, in the order of the grid.
std::vector<std::uint64_t> CellsOf(const Sweep& sweep);

}  // namespace gridlock
