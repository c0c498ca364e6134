#include "topologies/listed/turns.h"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace gridlock {

namespace {

constexpr std::int32_t kUnknown = -2;

}  // namespace

Turns::Turns(const Rows<std::int32_t>& next, const std::vector<std::int32_t>& goals)
    : turn_of_(next.size(), kUnknown), hops_to_turn_(next.size(), 0) {
  const auto nodes = static_cast<std::int32_t>(next.size());
  std::int32_t turns = 0;
  for (const std::int32_t goal : goals) {
    turn_of_[goal] = IsTurn(goal) ? turn_of_[goal] : turns++;
  }
  for (std::int32_t n = 0; n < nodes; ++n) {
    if (next[n].size() != 1 && !IsTurn(n)) {
      turn_of_[n] = turns++;
    }
  }
  // From the other nodes on there is one way, up to a turn or round and round.
  std::vector<std::int32_t> passed;
  for (std::int32_t n = 0; n < nodes; ++n) {
    std::int32_t at = n;
    for (passed.clear(); turn_of_[at] == kUnknown; at = next[at].front()) {
      turn_of_[at] = -1;
      passed.push_back(at);
    }
    for (auto node = passed.rbegin(); node != passed.rend(); at = *node++) {
      turn_of_[*node] = turn_of_[at];
      hops_to_turn_[*node] = static_cast<std::uint16_t>(hops_to_turn_[at] + 1);
    }
  }
  // Calls visit(from, to, hops) for each leg.
  const auto for_each_leg = [&](const auto& visit) {
    for (std::int32_t n = 0; n < nodes; ++n) {
      if (!IsTurn(n)) {
        continue;
      }
      for (const std::int32_t to : next[n]) {
        if (turn_of_[to] >= 0 && turn_of_[to] != turn_of_[n]) {
          visit(turn_of_[n], turn_of_[to], static_cast<std::uint16_t>(hops_to_turn_[to] + 1));
        }
      }
    }
  };
  const auto count = static_cast<std::size_t>(turns);
  to_ = Rows<Leg>(count, [&](const auto& add) {
    for_each_leg([&](std::int32_t from, std::int32_t to, std::uint16_t hops) {
      add(to, Leg{from, hops});
    });
  });
  from_ = Rows<Leg>(count, [&](const auto& add) {
    for_each_leg([&](std::int32_t from, std::int32_t to, std::uint16_t hops) {
      add(from, Leg{to, hops});
    });
  });
}

Turns::Search Turns::To(std::int32_t goal) const {
  Search search;
  search.hops_.assign(to_.size(), kFar);
  search.found_ = {{turn_of_[goal]}};
  return search;
}

// The turns that were found at the next number of hops, and at no smaller one, have that many.
void Turns::KnowNext(Search& search) const {
  std::vector<std::int32_t>& found = search.found_[search.known_];
  const auto hops = static_cast<std::uint16_t>(search.known_);
  std::erase_if(found, [&](std::int32_t turn) {
    return std::exchange(search.hops_[turn], std::min(search.hops_[turn], hops)) != kFar;
  });
  found.insert(found.end(), search.ahead_.begin(), search.ahead_.end());
  search.ahead_.clear();
  ++search.known_;
}

void Turns::PassNext(Search& search) const {
  const std::vector<std::int32_t> at = std::move(search.found_[search.passed_]);
  for (const std::int32_t turn : at) {
    for (const Leg& leg : to_[turn]) {
      if (search.hops_[leg.turn] == kFar) {
        const std::size_t hops = search.passed_ + leg.hops;
        search.found_.resize(std::max(search.found_.size(), hops + 1));
        search.found_[hops].push_back(leg.turn);
      }
    }
  }
  ++search.passed_;
}

int Turns::Find(std::int32_t node, Search& search) const {
  const std::int32_t turn = turn_of_[node];
  while (turn >= 0 && search.hops_[turn] == kFar) {
    // All that is nearer than known_ is known, so a leg to it with as many hops is a shortest way:
    // the last round, which would find most turns of all, need not be gone.
    const auto legs = from_[turn];
    if (std::any_of(legs.begin(), legs.end(), [&](const Leg& leg) {
          return search.hops_[leg.turn] + leg.hops == static_cast<int>(search.known_);
        })) {
      search.hops_[turn] = static_cast<std::uint16_t>(search.known_);
      search.ahead_.push_back(turn);
      search.found_.resize(std::max(search.found_.size(), search.known_ + 1));
      break;
    }
    while (search.passed_ < search.known_) {
      PassNext(search);
    }
    if (search.known_ == search.found_.size()) {
      return kFar;
    }
    KnowNext(search);
  }
  return HopsFrom(node, search);
}

}  // namespace gridlock
