#include "sim/plan/alike.h"

#include <algorithm>

#include "sim/base/check.h"

namespace gridlock {

namespace {

bool HasCollectives(const StepProgram& program, std::size_t family) {
  return std::any_of(program.collectives.begin(), program.collectives.end(),
                     [family](const Collective& collective) {
                       return collective.family.value == static_cast<std::int32_t>(family);
                     });
}

// Each group keeps to one place of the tensor-parallel groups, and there are groups of all places.
bool KeepsToPlaces(const GroupFamily& family, int tensor) {
  const auto keeps = [tensor](const Axis& axis) {
    return axis.count == 1 || axis.stride % tensor == 0;
  };
  const auto changes = [tensor](const Axis& axis) {
    return axis.stride == 1 && axis.count % tensor == 0;
  };
  return std::all_of(family.members.begin(), family.members.end(), keeps) &&
         std::any_of(family.groups.begin(), family.groups.end(), changes) &&
         std::all_of(family.groups.begin(), family.groups.end(), [&](const Axis& axis) {
           return keeps(axis) || changes(axis);
         });
}

int AlikeTensorRanks(const PlacedProgram& placed, const Network& network) {
  const RankGrid& grid = placed.program->grid;
  const int unit = network.fabric(placed.placement.front().site).unit_size();
  for (const ServerRun& run : placed.placement) {
    const Topology& fabric = network.fabric(run.site);
    if (!fabric.site().failed.empty() || network.queue_pairs() > 1 || fabric.unit_size() != unit ||
        grid.used_of(fabric.server_size()) % grid.tensor != 0 || grid.tensor % unit != 0) {
      return 1;
    }
  }
  for (std::size_t f = 0; f < placed.program->families.size(); ++f) {
    if (HasCollectives(*placed.program, f) &&
        !KeepsToPlaces(placed.program->families[f], grid.tensor)) {
      return 1;
    }
  }
  return grid.tensor / unit;
}

}  // namespace

int AlikeTensorRanks(const std::vector<PlacedProgram>& placed, const Network& network) {
  CHECK(!placed.empty());
  const int alike = AlikeTensorRanks(placed.front(), network);
  return std::all_of(placed.begin(), placed.end(),
                     [&](const PlacedProgram& one) {
                       return AlikeTensorRanks(one, network) == alike;
                     })
             ? alike
             : 1;
}

}  // namespace gridlock
