#include "topologies/torus/grid.h"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <set>

namespace gridlock {

TorusPlace SidesOf(const std::vector<int>& sides) {
  TorusPlace filled{1, 1, 1};
  std::copy(sides.begin(), sides.end(), filled.begin());
  return filled;
}

TorusPlace TorusPlaceOf(int number, const TorusPlace& sides) {
  return {number % sides[0], number / sides[0] % sides[1], number / sides[0] / sides[1]};
}

int TorusNumberOf(const TorusPlace& place, const TorusPlace& sides) {
  return (place[2] * sides[1] + place[1]) * sides[0] + place[0];
}

TorusPlace Along(TorusPlace place, int dimension, int step, const TorusPlace& sides) {
  const int side = sides[dimension];
  place[dimension] = ((place[dimension] + step) % side + side) % side;
  return place;
}

TorusGrid GridOf(const std::vector<TorusPlace>& members, const TorusPlace& sides,
                 const OpenAxes& open) {
  TorusGrid grid;
  std::size_t room = 1;
  std::int32_t common = 1;
  for (int d = 0; d < kTorusDimensionsMost; ++d) {
    std::set<int> seen;
    for (const TorusPlace& member : members) {
      seen.insert(member[d]);
    }
    const std::vector<int> at(seen.begin(), seen.end());
    room *= at.size();
    if (at.size() < 2) {
      continue;
    }
    const auto count = static_cast<int>(at.size());
    const int stride = at[1] - at[0];
    for (int i = 2; i < count; ++i) {
      if (at[i] - at[i - 1] != stride) {
        return {};
      }
    }
    grid.axes.push_back({d, at[0], count, stride, !open[d] && stride * count == sides[d]});
    common = std::lcm(common, stride);
  }
  if (room != members.size()) {
    return {};
  }
  for (TorusGrid::Axis& axis : grid.axes) {
    axis.weight = common / axis.stride;
    grid.parts += axis.weight * (axis.closed ? 2 : 1);
    grid.steps += axis.closed ? axis.count / 2 : axis.count - 1;
  }
  return grid;
}

int RingSteps(const std::vector<int>& sides, const OpenAxes& open, int members) {
  std::vector<TorusPlace> places;
  for (int number = 0; number < members; ++number) {
    places.push_back(TorusPlaceOf(number, SidesOf(sides)));
  }
  const TorusGrid grid = GridOf(places, SidesOf(sides), open);
  return grid.axes.empty() ? members - 1 : grid.steps;
}

}  // namespace gridlock
