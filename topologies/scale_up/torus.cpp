// A torus of accelerators inside a server: its links, and routes in the order of its dimensions.

#include <algorithm>
#include <array>
#include <cstddef>
#include <vector>

#include "topologies/scale_up/network.h"

namespace gridlock {

namespace {

constexpr int kDimensionsMost = 3;

/// Accelerators by coordinates and back. They are counted along a snake, as TorusTopology counts
/// those of a block, so that neighbours in number are neighbours in the torus.
class Snake {
 public:
  using Coordinates = std::array<int, kDimensionsMost>;

  explicit Snake(const std::vector<int>& sides) {
    std::copy(sides.begin(), sides.end(), size.begin());
    numbers_.resize(static_cast<std::size_t>(size[0]) * size[1] * size[2]);
    for (int z = 0; z < size[2]; ++z) {
      for (int row = 0; row < size[1]; ++row) {
        for (int i = 0; i < size[0]; ++i) {
          const int y = z % 2 == 0 ? row : size[1] - 1 - row;
          const int x = (z * size[1] + row) % 2 == 0 ? i : size[0] - 1 - i;
          numbers_[Place({x, y, z})] = static_cast<int>(at.size());
          at.push_back({x, y, z});
        }
      }
    }
  }

  [[nodiscard]] int Number(const Coordinates& coordinates) const {
    return numbers_[Place(coordinates)];
  }

  /// The accelerator `step` further along a dimension.
  [[nodiscard]] int Neighbour(int number, int dimension, int step) const {
    Coordinates next = at[number];
    next[dimension] = (next[dimension] + step + size[dimension]) % size[dimension];
    return Number(next);
  }

  Coordinates size{1, 1, 1};
  std::vector<Coordinates> at;

 private:
  [[nodiscard]] std::size_t Place(const Coordinates& c) const {
    return (static_cast<std::size_t>(c[2]) * size[1] + c[1]) * size[0] + c[0];
  }

  std::vector<int> numbers_;
};

}  // namespace

// One link forth from every accelerator in every dimension; those back are the neighbours' own. Two
// accelerators of a dimension of two are joined twice.
void ServerNetwork::CountTorusLinks() {
  const Snake snake(spec_.torus);
  const int n = server_.accelerators;
  for (int a = 0; a < n; ++a) {
    for (std::size_t d = 0; d < spec_.torus.size(); ++d) {
      const int b = snake.Neighbour(a, static_cast<int>(d), 1);
      ++counts_.links[a * n + b];
      ++counts_.links[b * n + a];
    }
  }
}

// Along x, then y, then z, the shorter way round; half-way round forth where the sum of the
// coordinates is even, so that both directions carry alike.
void ServerNetwork::FindTorusRelays() {
  const Snake snake(spec_.torus);
  const int n = server_.accelerators;
  relay_.assign(counts_.links.size(), -1);
  for (int from = 0; from < n; ++from) {
    for (int to = 0; to < n; ++to) {
      const Snake::Coordinates& at = snake.at[from];
      int d = 0;
      while (d < kDimensionsMost && at[d] == snake.at[to][d]) {
        ++d;
      }
      if (d < kDimensionsMost) {
        const int hops = (snake.at[to][d] - at[d] + snake.size[d]) % snake.size[d];
        const bool tie = 2 * hops == snake.size[d];
        const bool forth = tie ? (at[0] + at[1] + at[2]) % 2 == 0 : 2 * hops < snake.size[d];
        relay_[from * n + to] = snake.Neighbour(from, d, forth ? 1 : -1);
      }
    }
  }
}

}  // namespace gridlock
