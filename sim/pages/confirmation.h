#pragma once

// What explain says would move a step, held against simulations of just that.

#include <string>
#include <vector>

#include "sim/pages/explain.h"
#include "sim/record/dataset.h"

namespace gridlock {

/// What `gridlock cap --link` calls a wall of the critical path; "" for one that no cap moves.
std::string LinkOfWall(const std::string& wall);

/// A wall of a step that more of something would move.
struct MovableWall {
  std::string name;          ///< "compute"
  std::string link;          ///< of `gridlock cap --link`: "flops"
  double saved_at_most = 0;  ///< s, of a step with ten per cent more of it
};

/// The three that pace most of a row, of those that have a link; none of what is no step.
std::vector<MovableWall> MovableWalls(const Dataset& step, std::size_t row);

struct Confirmation {
  MovableWall wall;
  double step_time = 0;  ///< s, simulated with ten per cent more of it
  std::string problem;   ///< why that cannot be simulated; "" when it was
};

/// What was said and what was simulated, side by side.
Explanation ConfirmedPart(const Dataset& step, std::size_t row,
                          const std::vector<Confirmation>& confirmed);

}  // namespace gridlock
