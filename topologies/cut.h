#pragma once

// Upper bounds of the bisection bandwidth by max flow.

#include <functional>
#include <string>
#include <vector>

#include "sim/base/index.h"
#include "sim/base/units.h"

namespace gridlock {

/// What max flow needs to know of a topology: a trunk of machines and cables, where traffic enters
/// it, and the ways to halve the site that are worth a try.
struct CutProblem {
  /// Both directions carry `capacity`, byte/s.
  struct Edge {
    int a = 0, b = 0;  ///< vertices
    double capacity = 0;
  };

  /// Where traffic enters the trunk and leaves it: a NIC, or the accelerators themselves. It stays
  /// on one side.
  struct Terminal {
    int vertex = 0;
    double capacity = 0;  ///< byte/s each way
  };

  struct Halving {
    std::string name;
    std::vector<bool> first_side;  ///< by terminal
  };

  int vertices = 0;
  std::vector<Edge> edges;
  std::vector<Terminal> terminals;
  std::vector<Halving> halvings;
  /// Switched scale-up domains, each a star: terminals of its accelerators, one by one, and the
  /// bandwidth of a port in byte/s. Empty: none.
  std::vector<std::vector<int>> domains;
  double port = 0;
};

/// Puts the servers, taken in the order of `key`, in a first and a second half. An order makes
/// equal halves also where leaves or pods are only partly filled, which a rule such as "the first
/// half of the leaves" does not. Terminals are numbered server by server, `per_server` each.
CutProblem::Halving HalveServers(std::string name, int servers, int per_server,
                                 const std::function<int(ServerIndex server)>& key);

/// Bandwidth between two halves of a site.
struct Cut {
  std::string halving;       ///< which accelerators stand on which side
  BytesPerSecond bandwidth;  ///< max flow from one side to the other, one direction
};

/// The narrowest of the halvings that were tried.
struct CutBound {
  Cut best;                ///< no halving and zero bandwidth when there is nothing to halve
  std::vector<Cut> tried;  ///< all of them, in a fixed order
};

/// An UPPER BOUND of the bisection bandwidth. The bisection bandwidth is the least max flow over
/// all ways to halve the accelerators. The halving with the least flow is NP-hard to find (M.
/// Garey, D. Johnson, L. Stockmeyer, "Some simplified NP-complete graph problems", 1976). Here a
/// handful of named halvings are tried, each by Boykov-Kolmogorov max flow (Boost.Graph), and the
/// least is kept. With an odd number of servers the halves differ by one server.
CutBound BestKnownCut(const CutProblem& problem);

/// One sentence for people; says that the value is an upper bound and of which halving.
std::string DescribeCut(const CutBound& cut);

}  // namespace gridlock
