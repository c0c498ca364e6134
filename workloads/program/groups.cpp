#include "workloads/program/groups.h"

namespace gridlock {

namespace {

std::int64_t Positions(const std::vector<Axis>& axes) {
  std::int64_t product = 1;
  for (const Axis& axis : axes) {
    product *= axis.count;
  }
  return product;
}

// The sum of position x stride at the `number`-th position, the last axis running fastest.
std::int32_t Offset(const std::vector<Axis>& axes, std::int64_t number) {
  std::int64_t sum = 0;
  for (auto axis = axes.rbegin(); axis != axes.rend(); ++axis) {
    sum += number % axis->count * axis->stride;
    number /= axis->count;
  }
  return static_cast<std::int32_t>(sum);
}

}  // namespace

std::int64_t GroupFamily::group_count() const {
  return Positions(groups);
}

std::int64_t GroupFamily::group_size() const {
  return listed.empty() ? Positions(members) : static_cast<std::int64_t>(listed.size());
}

std::vector<RankIndex> GroupFamily::RanksOf(std::int64_t group) const {
  if (!listed.empty()) {
    std::vector<RankIndex> chosen;
    for (const int rank : listed) {
      chosen.push_back({rank});
    }
    return chosen;
  }
  const std::int32_t first = Offset(groups, group);
  const std::int64_t size = group_size();
  std::vector<RankIndex> ranks(static_cast<std::size_t>(size));
  for (std::int64_t member = 0; member < size; ++member) {
    ranks[member] = {first + Offset(members, member)};
  }
  return ranks;
}

}  // namespace gridlock
