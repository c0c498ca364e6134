#pragma once

// Long lists, of which the default tests take some.

#include <cstddef>
#include <cstdlib>
#include <utility>
#include <vector>

namespace gridlock {

// True where GRIDLOCK_ALL is set, as it is in the entries of ctest that end in ".all".
inline bool TakesAll() {
  return std::getenv("GRIDLOCK_ALL") != nullptr;
}

// Every fourth of `all`, the first and the last among them; all of them where TakesAll().
template <typename Item>
std::vector<Item> Sampled(std::vector<Item> all) {
  constexpr std::size_t kEvery = 4;
  if (TakesAll()) {
    return all;
  }
  std::vector<Item> some;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (i % kEvery == 0 || i + 1 == all.size()) {
      some.push_back(std::move(all[i]));
    }
  }
  return some;
}

}  // namespace gridlock
