#include "sim/base/index.h"

#include <type_traits>
#include <vector>

#include <gtest/gtest.h>

namespace gridlock {
namespace {

struct Event {
  SiteIndex site = {};
};

template <typename T>
concept NamesASite = requires(T index) {
  Event{.site = index};
};

template <typename A, typename B>
concept Comparable = requires(A a, B b) {
  a == b;
  a < b;
};

// What the compiler refuses is the claim.
static_assert(NamesASite<SiteIndex>);
static_assert(!NamesASite<ServerIndex>);
static_assert(!std::is_assignable_v<SiteIndex&, ServerIndex>);
static_assert(!std::is_assignable_v<SiteIndex&, int>);
static_assert(!std::is_convertible_v<int, SiteIndex>);
static_assert(!std::is_convertible_v<ServerIndex, SiteIndex>);
static_assert(Comparable<SiteIndex, SiteIndex>);
static_assert(Comparable<SiteIndex, int>);
static_assert(!Comparable<SiteIndex, ServerIndex>);

TEST(Index, SubscriptsLikeANumber) {
  const std::vector<int> squares = {0, 1, 4, 9};
  EXPECT_EQ(squares[SiteIndex{3}], 9);
}

TEST(Index, IsNoneUntilItIsSet) {
  EXPECT_LT(SiteIndex{}, 0);
}

}  // namespace
}  // namespace gridlock
