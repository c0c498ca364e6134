// Groups on a torus inside a server: which links their rings take. And ways over pairs of
// neighbours.

#include <cstddef>
#include <map>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "tests/topologies/sites.h"
#include "topologies/scale_up/counts.h"
#include "topologies/scale_up/network.h"

namespace gridlock {

namespace {

constexpr double kAxisLink = 50e9;  // byte/s of one link in one direction

ServerSpec TorusServer(const std::vector<int>& sides) {
  int count = 1;
  for (const int side : sides) {
    count *= side;
  }
  ServerSpec server = EightWaySite(1).server;
  server.name = "torus";
  server.accelerators = count;
  server.nics = 1;
  server.network.path = "server.network";
  server.network.links = ScaleUpSpec::Links::kMesh;
  server.accelerator.scale_up_bandwidth =
      BytesPerSecond(2.0 * static_cast<double>(sides.size()) * kAxisLink);
  server.network.torus = sides;
  return server;
}

// `count` members, `stride` apart.
std::vector<int> Every(int first, int stride, int count) {
  std::vector<int> members;
  for (int i = 0; i < count; ++i) {
    members.push_back(first + i * stride);
  }
  return members;
}

double PaceIn(const ServerSpec& server, const std::vector<int>& members) {
  const ServerNetwork network(server);
  return network.PaceOf(network.RingOf(members)).si();
}

// What each link carries, in pairs, when everybody sends to everybody.
std::map<int, int> AllToAllLoad(const ServerSpec& server) {
  const ServerNetwork network(server);
  std::map<int, int> load;
  std::vector<int> route;
  for (int from = 0; from < server.accelerators; ++from) {
    for (int to = 0; to < server.accelerators; ++to) {
      route.clear();
      if (from != to) {
        network.AppendRoute(from, to, route);
      }
      for (const int link : route) {
        ++load[link];
      }
    }
  }
  return load;
}

// The links of a torus, each pair of neighbours written down.
ServerSpec TorusOfPairs(const std::vector<int>& sides) {
  ServerSpec server = TorusServer(sides);
  const LinkCounts counts = [&server] {
    LinkCounts links{
        server.accelerators,
        std::vector<int>(static_cast<std::size_t>(server.accelerators) * server.accelerators)};
    const ServerNetwork torus(server);
    for (const ServerNetwork::Link& link : torus.links()) {
      links.links[link.a * links.n + link.b] = link.parallel;
    }
    return links;
  }();
  server.network.torus.clear();
  for (int a = 0; a < counts.n; ++a) {
    for (int b = a + 1; b < counts.n; ++b) {
      if (counts.At(a, b) > 0) {
        server.network.pairs.push_back({a, b, counts.At(a, b)});
      }
    }
  }
  return server;
}

}  // namespace

// A line of n: its links carry what all behind them send, so that a ring of its members runs at
// half the pace of a closed one; the ends have one link.
TEST(OpenAxes, DoNotCloseToRings) {
  ServerSpec slice = TorusServer({4, 4});
  const double closed = PaceIn(slice, Every(0, 1, 16));
  slice.network.open = {0, 1};
  const ServerNetwork network(slice);
  EXPECT_EQ(network.links().size(), 2U * 2 * 4 * 3)
      << "three links of each of eight lines, each way";
  EXPECT_DOUBLE_EQ(PaceIn(slice, Every(0, 1, 16)), closed / 2);
  EXPECT_DOUBLE_EQ(PaceIn(slice, Every(0, 1, 4)), kAxisLink) << "a row";
  EXPECT_EQ(network.RingOf(Every(0, 1, 16)).steps, 3 + 3);
  std::vector<int> route;
  network.AppendRoute(0, 15, route);
  EXPECT_EQ(route.size(), 6U) << "no way round the ends";
  slice.network.open = {1};
  EXPECT_DOUBLE_EQ(PaceIn(slice, Every(0, 1, 4)), 2 * kAxisLink) << "rows are closed";
  EXPECT_DOUBLE_EQ(PaceIn(slice, Every(0, 4, 4)), kAxisLink) << "columns are not";
}

// The bisection of a line is one link, that of a ring two: all-to-alls halve with it.
TEST(OpenAxes, CarryAllToAllsOverTheirMiddle) {
  ServerSpec row = TorusServer({8, 2});
  row.network.open = {0, 1};
  int most = 0;
  for (const auto& [link, pairs] : AllToAllLoad(row)) {
    most = std::max(most, pairs);
  }
  // Four columns of two on each side: each of the two rows carries 4 x 8 of 64 pairs one way.
  EXPECT_EQ(most, 4 * 8);
}

// Rows are consecutive ranks, columns every 16th: both are rings, and they share no link.
TEST(GroupsOfATorus, RunOnTheLinksOfTheirOwnAxis) {
  const ServerNetwork pod(TorusServer({16, 16}));
  std::set<int> of_rows, of_columns;
  for (int i = 0; i < 16; ++i) {
    const ServerNetwork::Ring& row = pod.RingOf(Every(16 * i, 1, 16));
    const ServerNetwork::Ring& column = pod.RingOf(Every(i, 16, 16));
    EXPECT_DOUBLE_EQ(pod.PaceOf(row).si(), 2 * kAxisLink);
    EXPECT_DOUBLE_EQ(pod.PaceOf(column).si(), 2 * kAxisLink);
    EXPECT_EQ(row.steps, 8) << "both ways round";
    EXPECT_EQ(column.steps, 8);
    for (const auto& [link, weight] : row.loads) {
      EXPECT_TRUE(of_rows.insert(link).second) << "rows share no link";
    }
    for (const auto& [link, weight] : column.loads) {
      EXPECT_TRUE(of_columns.insert(link).second) << "columns share no link";
    }
  }
  EXPECT_EQ(of_rows.size() + of_columns.size(), pod.links().size());
  for (const int link : of_rows) {
    EXPECT_EQ(of_columns.count(link), 0U);
  }
}

TEST(GroupsOfATorus, UseAllTheirAxesAtOnce) {
  const ServerSpec cube = TorusServer({4, 4, 4});
  for (const int stride : {1, 4, 16}) {
    EXPECT_DOUBLE_EQ(PaceIn(cube, Every(0, stride, 4)), 2 * kAxisLink)
        << "a line, stride " << stride;
  }
  EXPECT_DOUBLE_EQ(PaceIn(cube, Every(16, 1, 16)), 4 * kAxisLink) << "a plane along x and y";
  EXPECT_DOUBLE_EQ(PaceIn(cube, Every(3, 4, 16)), 4 * kAxisLink) << "a plane along y and z";
  EXPECT_DOUBLE_EQ(PaceIn(cube, Every(0, 1, 64)), 6 * kAxisLink);
  EXPECT_DOUBLE_EQ(PaceIn(cube, Every(0, 1, 8)), 3 * kAxisLink) << "a ring along x, a line along y";
  EXPECT_DOUBLE_EQ(PaceIn(cube, {0, 1, 4, 5}), 2 * kAxisLink) << "two lines";
  const ServerNetwork network(cube);
  EXPECT_EQ(network.RingOf(Every(0, 1, 64)).steps, 6) << "two along each axis";
  EXPECT_EQ(network.RingOf(Every(0, 1, 8)).steps, 3);
}

// Tensor-parallel groups of half a row leave pairs half a row apart, of which eight share a row.
// Their axis gets an eighth of the bytes, so that links of rows and columns carry alike.
TEST(GroupsOfATorus, GiveSharedRowsTheirPart) {
  const ServerNetwork pod(TorusServer({16, 16}));
  std::map<int, double> carried;
  for (int group = 0; group < 8; ++group) {
    const ServerNetwork::Ring& ring = pod.RingOf(Every(group, 8, 32));
    for (const auto& [link, weight] : ring.loads) {
      carried[link] += static_cast<double>(weight) / ring.parts;
    }
  }
  EXPECT_EQ(carried.size(), pod.links().size());
  for (const auto& [link, bytes] : carried) {
    EXPECT_DOUBLE_EQ(bytes, 8.0 / 18);
  }
}

// 4 x 4: 2 hops in the mean to each of 16 places over 4 links. A ring of 8: 16 hops over two.
TEST(WaysOverPairs, CarryAnAllToAllAsEvenlyAsATorusDoes) {
  for (const auto& [link, pairs] : AllToAllLoad(TorusOfPairs({4, 4}))) {
    EXPECT_EQ(pairs, 8) << link;
  }
  for (const int n : {4, 8}) {
    ServerSpec ring = TorusServer({n});
    ring.network.torus.clear();
    for (int a = 0; a < n; ++a) {
      ring.network.pairs.push_back({a, (a + 1) % n, 1});
    }
    for (const auto& [link, pairs] : AllToAllLoad(ring)) {
      EXPECT_EQ(pairs, n * n / 8) << n << ", " << link;
    }
  }
}

}  // namespace gridlock
