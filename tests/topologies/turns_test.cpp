// Searches that visit turns only find what searches of the whole graph find.

#include "topologies/listed/turns.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace gridlock {

namespace {

using Graph = std::vector<std::vector<std::int32_t>>;

// Hops from each node to the goal, by going round until nothing changes.
std::vector<int> HopsTo(std::int32_t goal, const Graph& next) {
  std::vector<int> hops(next.size(), Turns::kFar);
  hops[goal] = 0;
  for (bool changed = true; changed;) {
    changed = false;
    for (std::size_t n = 0; n < next.size(); ++n) {
      for (const std::int32_t to : next[n]) {
        if (hops[to] != Turns::kFar && hops[to] + 1 < hops[n]) {
          hops[n] = hops[to] + 1;
          changed = true;
        }
      }
    }
  }
  return hops;
}

// Nodes of all shortest ways from a node to the goal.
std::set<std::int32_t> OnShortestWays(std::int32_t from, const Graph& next,
                                      const std::vector<int>& hops) {
  std::set<std::int32_t> all;
  std::vector<std::int32_t> ahead;
  if (hops[from] != Turns::kFar) {
    ahead.push_back(from);
  }
  while (!ahead.empty()) {
    const std::int32_t at = ahead.back();
    ahead.pop_back();
    if (all.insert(at).second) {
      std::copy_if(next[at].begin(), next[at].end(), std::back_inserter(ahead),
                   [&](std::int32_t to) {
                     return hops[to] + 1 == hops[at];
                   });
    }
  }
  return all;
}

}  // namespace

// Few edges for each node: many nodes leave no choice, some lead nowhere, some round and round.
RC_GTEST_PROP(SearchesOfTurns, FindTheShortestWaysOfTheWholeGraph, ()) {
  const int nodes = *rc::gen::inRange(1, 40);
  Graph next(static_cast<std::size_t>(nodes));
  for (auto& edges : next) {
    edges.resize(*rc::gen::element<std::size_t>(0, 1, 1, 1, 1, 2, 3));
    for (std::int32_t& to : edges) {
      to = *rc::gen::inRange(0, nodes);
    }
  }
  const std::vector<std::int32_t> goals{*rc::gen::inRange(0, nodes), *rc::gen::inRange(0, nodes)};
  const Turns turns(Rows<std::int32_t>(next.size(),
                                       [&](const auto& add) {
                                         for (std::int32_t n = 0; n < nodes; ++n) {
                                           for (const std::int32_t to : next[n]) {
                                             add(n, to);
                                           }
                                         }
                                       }),
                    goals);
  for (const std::int32_t goal : goals) {
    const std::vector<int> expected = HopsTo(goal, next);
    Turns::Search search = turns.To(goal);
    const std::int32_t first = *rc::gen::inRange(0, nodes);
    RC_ASSERT(turns.Find(first, search) == expected[first]);
    for (const std::int32_t n : OnShortestWays(first, next, expected)) {
      RC_ASSERT(turns.HopsFrom(n, search) == expected[n]);  // known with it
    }
    for (std::int32_t n = 0; n < nodes; ++n) {
      RC_ASSERT(turns.Find(n, search) == expected[n]);
    }
  }
}

}  // namespace gridlock
