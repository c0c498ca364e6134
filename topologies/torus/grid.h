#pragma once

// Places in a torus, and rings over members that fill a grid of it.

#include <array>
#include <cstdint>
#include <vector>

namespace gridlock {

inline constexpr int kTorusDimensionsMost = 3;

/// Whether an axis along x, y and z does not close to a ring.
using OpenAxes = std::array<bool, kTorusDimensionsMost>;

/// Coordinates along x, y and z, or sides; what a torus of fewer dimensions lacks is 0, of sides 1.
using TorusPlace = std::array<int, kTorusDimensionsMost>;

/// Sides of two or three dimensions, filled up with ones.
TorusPlace SidesOf(const std::vector<int>& sides);

/// Places are counted along x, then y, then z: rows are consecutive, and a column of rows of 16 is
/// every 16th.
TorusPlace TorusPlaceOf(int number, const TorusPlace& sides);
int TorusNumberOf(const TorusPlace& place, const TorusPlace& sides);

/// The place `step` further along a dimension, round the end.
TorusPlace Along(TorusPlace place, int dimension, int step, const TorusPlace& sides);

/// Members in equal distances along every dimension: a row, a plane, a box, or every eighth chip of
/// each row. Collectives run rings over each of its axes at once, both ways round; the buffer is
/// split over the axes so that all links carry alike, and each part is scattered along one axis
/// after another, every part in another order (M. Kumar and J. Bruck's multi-dimensional rings, as
/// XLA has them on TPUs).
struct TorusGrid {
  struct Axis {
    int dimension = 0;
    int first = 0, count = 1;  ///< places of members
    int stride = 1;            ///< links from a member to the next
    bool closed = false;       ///< the last member is next to the first one
    std::int32_t weight = 1;   ///< of each link
  };

  std::vector<Axis> axes;  ///< with several members; empty: the members are no grid
  std::int32_t parts = 0;  ///< of n bytes that each member sends a link carries n x weight / parts
  int steps = 0;           ///< of one round
};

/// The grid that `members` fill; each stands there once. A closed axis of c members sends both ways
/// round, so that c / 2 steps reach all; a line takes c - 1, and each of its links carries what all
/// members behind it send, twice what a link of a ring does. Where members are s links apart, s
/// such groups lie side by side in the same rows: their axis gets 1 / s of the bytes.
TorusGrid GridOf(const std::vector<TorusPlace>& members, const TorusPlace& sides,
                 const OpenAxes& open = {});

/// Steps of one round of a ring of the first `members` of a torus.
int RingSteps(const std::vector<int>& sides, const OpenAxes& open, int members);

/// Calls visit(from, dimension, forth, weight) for each link of the rings.
template <typename Visit>
void ForEachRingLink(const TorusGrid& grid, const std::vector<TorusPlace>& members,
                     const TorusPlace& sides, const Visit& visit) {
  for (const TorusPlace& member : members) {
    for (const TorusGrid::Axis& axis : grid.axes) {
      const int place = (member[axis.dimension] - axis.first) / axis.stride;
      for (const bool forth : {true, false}) {
        const bool last = forth ? place + 1 == axis.count : place == 0;
        for (int step = 0; step < axis.stride && (axis.closed || !last); ++step) {
          visit(Along(member, axis.dimension, forth ? step : -step, sides), axis.dimension, forth,
                axis.weight);
        }
      }
    }
  }
}

}  // namespace gridlock
