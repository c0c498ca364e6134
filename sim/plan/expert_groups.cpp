#include "sim/plan/expert_groups.h"

namespace gridlock {

ExpertGroups ExpertGroupsOf(const Layout& layout) {
  const int width = layout.expert_width();
  const int copies = layout.expert_shards();
  ExpertGroups out;
  out.exchange.resize(static_cast<std::size_t>(width) * copies);
  out.same.resize(static_cast<std::size_t>(width) * layout.expert);
  for (int rank = 0; rank < layout.group() * layout.data; ++rank) {
    const StageRank member{rank / layout.group(), rank % layout.group()};
    const int slice = rank % width;
    const int copy = rank / (width * layout.expert);
    out.exchange[copy * width + slice].push_back(member);
    out.same[rank % (width * layout.expert)].push_back(member);
  }
  return out;
}

}  // namespace gridlock
