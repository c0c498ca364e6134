#pragma once

#include <compare>
#include <cstdint>

namespace gridlock {

/// An index that cannot be mistaken for another kind of index.
template <typename Tag>
struct Index {
  std::int32_t value = -1;

  constexpr auto operator<=>(const Index&) const = default;
};

using AcceleratorIndex = Index<struct AcceleratorTag>;  ///< 0 .. Network::accelerators() - 1
using LinkIndex = Index<struct LinkTag>;                ///< 0 .. Network::links() - 1

}  // namespace gridlock
