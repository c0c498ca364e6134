#include "topologies/locality.h"

#include <algorithm>
#include <utility>

#include "sim/base/check.h"

namespace gridlock {

Locality Locality::Flat(std::string name, std::int32_t servers) {
  return {servers, {{std::move(name), {{0}}}}, /*interchangeable=*/true};
}

Locality::Locality(std::int32_t servers, std::vector<Level> levels, bool interchangeable)
    : servers_(servers), levels_(std::move(levels)), interchangeable_(interchangeable) {
  CHECK(!levels_.empty());
  for (std::size_t l = 0; l < levels_.size(); ++l) {
    const std::vector<ServerIndex>& first = levels_[l].first;
    CHECK(!first.empty() && first.front() == 0 && first.back() < std::max(1, servers));
    CHECK(std::is_sorted(first.begin(), first.end()));
    // Nested: a group of the next level begins where one of this level does.
    CHECK(l == 0 || std::includes(levels_[l - 1].first.begin(), levels_[l - 1].first.end(),
                                  first.begin(), first.end()));
  }
}

std::int32_t Locality::group_of(int level, ServerIndex server) const {
  const std::vector<ServerIndex>& first = levels_[level].first;
  // Most groups are of one size, that of the first.
  const auto alike = first.size() > 1 && first[1].value > 0
                         ? static_cast<std::size_t>(server.value / first[1].value)
                         : std::size_t{0};
  if (alike < first.size() && first[alike].value <= server.value &&
      (alike + 1 == first.size() || server.value < first[alike + 1].value)) {
    return static_cast<std::int32_t>(alike);
  }
  return static_cast<std::int32_t>(std::upper_bound(first.begin(), first.end(), server) -
                                   first.begin()) -
         1;
}

std::vector<ServerIndex> Locality::Every(std::int64_t size, std::int32_t servers) {
  CHECK(size > 0);
  std::vector<ServerIndex> first;
  for (std::int64_t server = 0; server < std::max(1, servers); server += size) {
    first.push_back({static_cast<std::int32_t>(server)});
  }
  return first;
}

}  // namespace gridlock
