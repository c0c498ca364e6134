// Searches that visit turns only find what searches of the whole graph find.

#include "topologies/listed/turns.h"

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
    const std::int32_t first = *rc::gen::inRange(0, nodes);  // what is nearer is known with it
    RC_ASSERT(turns.Find(first, search) == expected[first]);
    for (std::int32_t n = 0; expected[first] != Turns::kFar && n < nodes; ++n) {
      RC_ASSERT(expected[n] >= expected[first] || turns.HopsFrom(n, search) == expected[n]);
    }
    for (std::int32_t n = 0; n < nodes; ++n) {
      RC_ASSERT(turns.Find(n, search) == expected[n]);
    }
  }
}

}  // namespace gridlock
