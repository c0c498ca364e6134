// A torus of accelerators inside a server: its links, routes in the order of its dimensions, and
// rings over the axes of a group.

#include <cstddef>
#include <map>
#include <vector>

#include "topologies/scale_up/network.h"
#include "topologies/torus/grid.h"

namespace gridlock {

// One link forth from every node in every dimension; those back are the neighbours' own. Two nodes
// of a dimension of two are joined twice. The last node of an open axis has no link forth.
void ServerNetwork::CountTorusLinks() {
  const TorusPlace sides = SidesOf(spec_.torus);
  const OpenAxes open = spec_.open_axes();
  const int n = chips();
  for (int a = 0; a < n; ++a) {
    for (std::size_t d = 0; d < spec_.torus.size(); ++d) {
      const TorusPlace at = TorusPlaceOf(a, sides);
      if (open[d] && at[d] + 1 == sides[d]) {
        continue;
      }
      const int b = TorusNumberOf(Along(at, static_cast<int>(d), 1, sides), sides);
      ++counts_.links[a * n + b];
      ++counts_.links[b * n + a];
    }
  }
}

// Along x, then y, then z, the shorter way round where the axis is closed; half-way round forth
// where the sum of the coordinates is even, so that both directions carry alike.
void ServerNetwork::FindTorusRelays() {
  const TorusPlace sides = SidesOf(spec_.torus);
  const OpenAxes open = spec_.open_axes();
  const int n = chips();
  relay_.assign(counts_.links.size(), -1);
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
        relay_[from * n + to] = TorusNumberOf(Along(at, d, forth ? 1 : -1, sides), sides);
      }
    }
  }
}

ServerNetwork::Ring ServerNetwork::TorusRing(const std::vector<int>& members) const {
  const TorusPlace sides = SidesOf(spec_.torus);
  std::vector<TorusPlace> places;
  for (const int a : members) {
    places.push_back(TorusPlaceOf(a, sides));
  }
  const TorusGrid grid = GridOf(places, sides, spec_.open_axes());
  if (grid.axes.empty()) {
    return {};
  }
  std::map<int, std::int32_t> weights;
  ForEachRingLink(grid, places, sides,
                  [&](const TorusPlace& from, int dimension, bool forth, std::int32_t weight) {
                    const int to =
                        TorusNumberOf(Along(from, dimension, forth ? 1 : -1, sides), sides);
                    weights[mesh_[TorusNumberOf(from, sides) * chips() + to]] += weight;
                  });
  return {{weights.begin(), weights.end()}, grid.parts, grid.steps};
}

}  // namespace gridlock
