#include "topologies/scale_up/server_links.h"

#include <numeric>

namespace gridlock {

int ServerLinks::node(Machine kind, int index) const {
  return std::accumulate(nodes_.begin(), nodes_.begin() + static_cast<int>(kind), index);
}

int ServerLinks::Add(Link link) {
  links_.push_back(link);
  return next() - 1;
}

void ServerLinks::AddBothWays(const Link& up, const char* down) {
  Link back = up;
  back.word = down;
  back.back = true;
  std::swap(back.from, back.to);
  Add(up);
  Add(back);
}

}  // namespace gridlock
