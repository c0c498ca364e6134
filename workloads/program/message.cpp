// A message from one rank to another, as a group of two.

#include "workloads/program/replay_program.h"

namespace gridlock {

namespace {

bool CarriesNothing(CollectiveKind /*kind*/) {
  return false;
}

// Step 0 goes from the lower rank to the higher one, step 1 back.
void OneWay(int /*nodes*/, int step, const EdgeSink& sink) {
  sink(step, 1 - step);
}

std::vector<PhaseShape> Shape(int step) {
  PhaseShape shape;
  shape.over_ranks = {OneWay, step};
  return {shape};
}

std::vector<CollectiveCost> Costs(const CollectiveCall& call) {
  return kNeighbours.costs(call);
}

}  // namespace

const Algorithm kMessageUp{
    .name = "message up",
    .words = "from the lower rank to the higher one",
    .carries = CarriesNothing,
    .refuses = RunsAlways,
    .chosen = ChosenNever,
    .shapes =
        [](const GroupShape& /*group*/) {
          return Shape(0);
        },
    .costs = Costs,
};

const Algorithm kMessageDown{
    .name = "message down",
    .words = "from the higher rank to the lower one",
    .carries = CarriesNothing,
    .refuses = RunsAlways,
    .chosen = ChosenNever,
    .shapes =
        [](const GroupShape& /*group*/) {
          return Shape(1);
        },
    .costs = Costs,
};

}  // namespace gridlock
