// Steps on a torus: rings along a dimension in closed form, and folded = full.

#include <algorithm>

#include <gtest/gtest.h>

#include "tests/engine/folded_is_full.h"
#include "tests/engine/machines.h"
#include "topologies/network.h"

namespace gridlock {

namespace {

constexpr double kLink = 100e9;  // byte/s of one link in one direction

SiteSpec TorusSite(ServerSpec server, const std::vector<int>& size, const std::vector<int>& block) {
  SiteSpec site;
  site.path = "site";
  site.name = "test";
  server.direct = true;
  server.accelerators = 1;
  site.servers = 1;
  for (std::size_t d = 0; d < size.size(); ++d) {
    server.accelerators *= block[d];
    site.servers *= size[d] / block[d];
  }
  server.nics = 1;
  server.accelerator.scale_up_bandwidth =
      BytesPerSecond(2.0 * static_cast<double>(size.size()) * kLink);
  site.server = server;
  TorusSpec torus;
  torus.path = "site.fabric.torus";
  torus.size = size;
  torus.block = block;
  torus.hop_latency = Seconds(0.3e-6);
  site.fabric = torus;
  return site;
}

struct Torus {
  std::vector<int> size, block;
};

class FoldedTorus : public testing::TestWithParam<Torus> {};

}  // namespace

// Every member sends half to either neighbour, and the last one home round the wrap: each link is
// crossed once, so a ring runs at the pace of two links, along x and along y.
TEST(ARingAlongADimension, TakesTwiceNMinusOneOverNOfTheBufferOverTwoLinks) {
  constexpr double kBytes = 1e9;
  for (const auto& [tensor, data, n] : {std::tuple{1, 6, 6}, std::tuple{6, 5, 5}}) {
    // With a tensor-parallel group along x, replicas lie along y: six rings beside each other.
    const SiteSpec site = TorusSite(IdealServer(1, 1), {6, 5}, {1, 1});
    const StepProgram program = OneAllReduce(tensor, data, kBytes);
    const Plan plan = Expand(program, site);
    const double seconds = 2.0 * (n - 1) / n * kBytes / (2 * kLink);
    const PlayResult result = Simulate({program, plan, site.server});
    EXPECT_NEAR(result.end, seconds, 1e-6 * seconds);
    const TierIndex along = plan.tiers.Named(tensor == 1 ? "ring_x" : "ring_y");
    EXPECT_NEAR(result.path[along.value], seconds, 1e-6 * seconds);
    EXPECT_NEAR(result.bytes[along.value], tensor * data * 2.0 * (n - 1) / n * kBytes,
                1e-6 * kBytes);
  }
}

// A row of a block is no ring: the way home takes the links back, which nobody else uses.
TEST(ARingAlongARowOfABlock, RunsAtThePaceOfOneLinkToo) {
  constexpr double kBytes = 1e9;
  const SiteSpec site = TorusSite(IdealServer(1, 1), {8, 4}, {4, 2});
  const StepProgram program = OneAllReduce(1, 4, kBytes);
  const double seconds = 2.0 * 3 / 4 * kBytes / kLink;
  EXPECT_NEAR(Simulate({program, Expand(program, site), site.server}).end, seconds, 1e-6 * seconds);
}

// Boxes of a torus that they fill in no dimension: lines, at half the pace of rings.
TEST(ABoxOfATorus, RunsOverAllItsDimensionsAtHalfThePaceOfASliceOfItsSize) {
  constexpr double kBytes = 1e9;
  const StepProgram program = OneAllReduce(1, 8, kBytes);
  const auto seconds = [&](const std::vector<int>& size) {
    const SiteSpec site = TorusSite(IdealServer(1, 1), size, {2, 2, 2});
    return Simulate({program, Expand(program, site), site.server}).end;
  };
  const double slice = 2.0 * 7 / 8 * kBytes / (6 * kLink);
  EXPECT_NEAR(seconds({2, 2, 2}), slice, 1e-6 * slice);
  EXPECT_NEAR(seconds({4, 4, 4}), 2 * slice, 1e-6 * slice);
}

// Replicas two hops apart: both groups of a row send half of their bytes over each of its links.
TEST(RingsOfStride, ShareTheLinksBetweenTheirMembers) {
  constexpr double kBytes = 1e9;
  const SiteSpec site = TorusSite(IdealServer(1, 1), {8, 3}, {2, 1});
  const StepProgram program = OneAllReduce(2, 4, kBytes);
  const double seconds = 2.0 * 3 / 4 * kBytes / kLink;
  EXPECT_NEAR(Simulate({program, Expand(program, site), site.server}).end, seconds, 1e-6 * seconds);
}

// Rows of four in blocks of 4 x 2, and their columns: every second place along both axes.
TEST(GroupsAcrossBlocks, RunOverBothAxesOfTheirGrid) {
  constexpr double kBytes = 1e9;
  const SiteSpec site = TorusSite(IdealServer(1, 1), {4, 8}, {4, 2});
  const auto seconds = [&](int tensor, int data) {
    const StepProgram program = OneAllReduce(tensor, data, kBytes);
    return Simulate({program, Expand(program, site), site.server}).end;
  };
  const double columns = 2.0 * 7 / 8 * kBytes / (2 * kLink);
  EXPECT_NEAR(seconds(4, 8), columns, 1e-6 * columns);
  const double every_second = 2.0 * 3 / 4 * kBytes / kLink;  // two groups in each column
  EXPECT_NEAR(seconds(8, 4), every_second, 1e-6 * every_second);
}

TEST_P(FoldedTorus, TakesTheStepOfTheFullOne) {
  const SiteSpec site = TorusSite(RealisticServer(1, 1), GetParam().size, GetParam().block);
  const int block = site.server.accelerators;
  const std::vector<int> tensors =
      16 % block == 0 ? std::vector{1, block} : std::vector{1};  // 16 heads
  const std::vector<FullAndFolded> pairs = ExpectFoldedIsFull({site}, tensors);
  for (const Attribution& part : pairs.at(0).full.attribution) {
    EXPECT_FALSE(part.words.empty()) << part.resource << " is told to people by its name";
  }
  for (const FullAndFolded& pair : pairs) {
    EXPECT_GT(TotalOf(pair.full, "ring_x") + TotalOf(pair.full, "ring_y"), 0);
  }
}

INSTANTIATE_TEST_SUITE_P(Sizes, FoldedTorus,
                         testing::Values(Torus{{4, 4}, {2, 1}}, Torus{{8, 2}, {2, 2}},
                                         Torus{{5, 3}, {1, 1}}, Torus{{3, 6}, {1, 2}},
                                         Torus{{4, 2, 4}, {2, 2, 1}}, Torus{{3, 3, 2}, {1, 1, 2}}));

}  // namespace gridlock
