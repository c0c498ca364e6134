#include "topologies/scale_up/counts.h"

#include <algorithm>

namespace gridlock {

namespace {

// Gives out the links of groups, and remembers who has how many.
class GroupLinks {
 public:
  GroupLinks(const ScaleUpSpec& spec, LinkCounts& counts)
      : group_(spec.mesh_group), counts_(counts), used_(static_cast<std::size_t>(counts.n)) {}

  void Join(int first, int second) {
    const int a = FreestOf(first);
    const int b = FreestOf(second);
    for (const int at : {a * counts_.n + b, b * counts_.n + a}) {
      ++counts_.links[at];
    }
    ++used_[a];
    ++used_[b];
  }

 private:
  [[nodiscard]] int FreestOf(int group) const {
    const auto first = used_.begin() + std::ptrdiff_t{group} * group_;
    const auto last = used_.begin() + std::min((group + 1) * group_, counts_.n);
    return static_cast<int>(std::min_element(first, last) - used_.begin());
  }

  int group_;
  LinkCounts& counts_;
  std::vector<int> used_;  ///< by accelerator: links to other groups
};

}  // namespace

LinkCounts CountsWithoutPairs(const ScaleUpSpec& spec, int n) {
  const int group = spec.mesh_group > 0 ? spec.mesh_group : n;
  LinkCounts counts{n, std::vector<int>(static_cast<std::size_t>(n) * n)};
  for (int a = 0; a < n; ++a) {
    for (int b = 0; b < n; ++b) {
      counts.links[a * n + b] = a != b && a / group == b / group ? spec.between : 0;
    }
  }
  GroupLinks links(spec, counts);
  const int groups = (n + group - 1) / group;
  // Groups that are equally far apart are joined one after another, so that all have as many.
  for (int apart = 1; apart < groups; ++apart) {
    for (int first = 0; first + apart < groups; ++first) {
      for (int i = 0; i < spec.between_groups; ++i) {
        links.Join(first, first + apart);
      }
    }
  }
  return counts;
}

}  // namespace gridlock
