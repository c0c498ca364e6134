#include "topologies/scale_up/torus.h"

#include <cstddef>
#include <map>

#include "topologies/torus/grid.h"

namespace gridlock {

// Those back are the neighbours' own.
void CountTorusLinks(const ScaleUpSpec& spec, LinkCounts& counts) {
  const TorusPlace sides = SidesOf(spec.torus);
  const OpenAxes open = spec.open_axes();
  const int n = counts.n;
  for (int a = 0; a < n; ++a) {
    for (std::size_t d = 0; d < spec.torus.size(); ++d) {
      const TorusPlace at = TorusPlaceOf(a, sides);
      if (open[d] && at[d] + 1 == sides[d]) {
        continue;
      }
      const int b = TorusNumberOf(Along(at, static_cast<int>(d), 1, sides), sides);
      ++counts.links[a * n + b];
      ++counts.links[b * n + a];
    }
  }
}

// Half-way round forth where the sum of the coordinates is even, so that both directions carry
// alike.
std::vector<int> TorusRelays(const ScaleUpSpec& spec, int nodes) {
  const TorusPlace sides = SidesOf(spec.torus);
  const OpenAxes open = spec.open_axes();
  const int n = nodes;
  std::vector<int> relay(static_cast<std::size_t>(n) * static_cast<std::size_t>(n), -1);
  for (int from = 0; from < n; ++from) {
    for (int to = 0; to < n; ++to) {
      const TorusPlace at = TorusPlaceOf(from, sides);
      const TorusPlace goal = TorusPlaceOf(to, sides);
      int d = 0;
      while (d < kTorusDimensionsMost && at[d] == goal[d]) {
        ++d;
      }
      if (d < kTorusDimensionsMost) {
        const int hops = (goal[d] - at[d] + sides[d]) % sides[d];
        const bool tie = 2 * hops == sides[d];
        const bool nearer = tie ? (at[0] + at[1] + at[2]) % 2 == 0 : 2 * hops < sides[d];
        const bool forth = open[d] ? at[d] < goal[d] : nearer;
        relay[from * n + to] = TorusNumberOf(Along(at, d, forth ? 1 : -1, sides), sides);
      }
    }
  }
  return relay;
}

ServerRing TorusRing(const std::vector<int>& members, const ScaleUpSpec& spec,
                     const std::vector<int>& links, int nodes) {
  const TorusPlace sides = SidesOf(spec.torus);
  std::vector<TorusPlace> places;
  for (const int a : members) {
    places.push_back(TorusPlaceOf(a, sides));
  }
  const TorusGrid grid = GridOf(places, sides, spec.open_axes());
  if (grid.axes.empty()) {
    return {};
  }
  std::map<int, std::int32_t> weights;
  ForEachRingLink(grid, places, sides,
                  [&](const TorusPlace& from, int dimension, bool forth, std::int32_t weight) {
                    const int to =
                        TorusNumberOf(Along(from, dimension, forth ? 1 : -1, sides), sides);
                    weights[links[TorusNumberOf(from, sides) * nodes + to]] += weight;
                  });
  return {{weights.begin(), weights.end()}, grid.parts, grid.steps};
}

}  // namespace gridlock
