#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>

namespace gridlock {

/// An index that cannot be mistaken for another kind of index: a function that wants a site and a
/// server does not take them the other way round. It subscripts like a number, and a number becomes
/// an index only where that is said: SiteIndex{3}.
template <typename Tag>
struct Index {
  std::int32_t value = -1;

  constexpr auto operator<=>(const Index&) const = default;

  constexpr Index& operator++() {
    ++value;
    return *this;
  }

  // NOLINTNEXTLINE(google-explicit-constructor): to subscript with.
  constexpr operator std::int32_t() const { return value; }
};

/// The index of the n-th of something.
template <typename I>
constexpr I IndexOf(std::size_t n) {
  return I{static_cast<std::int32_t>(n)};
}

using AcceleratorIndex = Index<struct AcceleratorTag>;  ///< 0 .. Network::accelerators() - 1
using LinkIndex = Index<struct LinkTag>;                ///< 0 .. Network::links() - 1
using SiteIndex = Index<struct SiteTag>;                ///< in Scenario::sites
using ServerIndex = Index<struct ServerTag>;            ///< within its site
using JobIndex = Index<struct JobTag>;                  ///< in a cluster; -1: no job

}  // namespace gridlock
