#pragma once

#include <compare>
#include <concepts>
#include <cstddef>
#include <cstdint>

namespace gridlock {

/// An index that cannot be mistaken for another kind of index: a function that wants a site and a
/// server does not take them the other way round, and a site is not compared with a server. It
/// subscripts like a number, and a number becomes an index only where that is said: SiteIndex{3}.
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

  /// Without this, {.site = server} would compile and take the number of the server.
  template <typename Other>
  operator Index<Other>() const = delete;  // NOLINT(google-explicit-constructor)
};

template <typename A, typename B>
requires(!std::same_as<A, B>) bool operator==(Index<A> a, Index<B> b) = delete;

template <typename A, typename B>
requires(!std::same_as<A, B>) std::strong_ordering operator<=>(Index<A> a, Index<B> b) = delete;

template <typename T>
inline constexpr bool kIsIndex = false;

template <typename Tag>
inline constexpr bool kIsIndex<Index<Tag>> = true;

/// The index of the n-th of something.
template <typename I>
constexpr I IndexOf(std::size_t n) {
  return I{static_cast<std::int32_t>(n)};
}

using AcceleratorIndex = Index<struct AcceleratorTag>;  ///< 0 .. Network::accelerators() - 1
using LinkIndex = Index<struct LinkTag>;                ///< 0 .. Network::links() - 1
using SiteIndex = Index<struct SiteTag>;                ///< in Scenario::sites; -1: none
using ServerIndex = Index<struct ServerTag>;            ///< within its site; -1: none
using WanIndex = Index<struct WanTag>;                  ///< in Scenario::wans; -1: none
/// In Scenario::jobs; in a cluster the experiments of campaigns follow them. -1: none.
using JobIndex = Index<struct JobTag>;

}  // namespace gridlock
