#pragma once

// Reinforcement learning: a fleet answers the prompts of a step, a trainer learns from the answers,
// and its weights go to the fleet.
//
//   answers of step k   begin when the fleet has answered step k - 1 and has the weights that the
//                       trainer had after step k - 1 - lag
//   training of step k  begins when the answers of step k are there and step k - 1 is trained
//   weights of step k   move when step k is trained and the fleet answers nothing
//
// With lag 0 the three take turns, and a step takes their sum. With lag 1 (one step off policy) the
// fleet answers while the trainer learns from the step before.

#include <cstdint>
#include <vector>

#include "sim/base/units.h"

namespace gridlock {

/// What each of the three takes in one step.
struct RolloutParts {
  Seconds answers, training, weights;
};

/// When they begin and end.
struct RolloutStep {
  Seconds answers_begin, answers_end, training_begin, training_end, weights_end;
};

/// New weights on their way to a fleet, over links that they share.
struct WeightSync {
  Seconds time;            ///< until all replicas have them
  double other_share = 1;  ///< of its demand that other traffic on the core gets meanwhile
};

/// Each replica passes on to the next what it gets, as it gets it, so that all are flows at once.
/// @param weights of a replica @param rate bytes/s of a replica's links, and of the trainer
/// @param core bytes/s of all flows together; 0: it never binds @param other that others want of it
WeightSync SyncWeights(Bytes weights, int replicas, double rate, double core, double other);

/// @param lag at least 0: by how many steps answers may be older than what is trained
std::vector<RolloutStep> RolloutTimes(const std::vector<RolloutParts>& steps, int lag);

}  // namespace gridlock
