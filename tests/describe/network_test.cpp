// What a network is made of, in closed form.

#include <cmath>
#include <memory>

#include <gtest/gtest.h>

#include "sim/describe/network_figures.h"
#include "tests/topologies/sites.h"

namespace gridlock {
namespace {

NetworkParts Parts() {
  NetworkParts parts;
  parts.optics = {{"slow", BytesPerSecond(25e9), Watts(5), 100, 10, true},
                  {"fast", BytesPerSecond(kNic400), Watts(10), 500, 80, false}};
  return parts;
}

const NetworkFigure& FigureOf(const std::vector<NetworkFigure>& figures, const std::string& key) {
  for (const NetworkFigure& figure : figures) {
    if (figure.key == key) {
      return figure;
    }
  }
  ADD_FAILURE() << key;
  return figures.front();
}

// k^3/4 hosts, 5 k^2/4 switches, and as many cables in each of three tiers as there are hosts.
TEST(NetworkFigures, OfAFatTree) {
  constexpr int k = 4;
  SiteSpec site = KAryFatTree(k);
  const ClosTopology clos(site);
  const FabricGraph graph = MakeGraph(clos);
  NetworkParts parts = Parts();
  for (const Equipment& each : clos.equipment()) {
    parts.switches[each.model] = {k, 1000, false};
  }
  const NetworkBuild build = BuildOf(clos, graph, parts);
  const double hosts = k * k * k / 4.0;
  const double switches = 5 * k * k / 4.0;
  EXPECT_EQ(build.switch_count(), switches);
  EXPECT_EQ(build.radix(), k);
  EXPECT_EQ(build.cables, 3 * hosts);
  EXPECT_EQ(build.optics_count(), 2 * 3 * hosts);
  ASSERT_EQ(build.optics.size(), 1U);
  EXPECT_EQ(build.optics.front().name, "fast");
  EXPECT_DOUBLE_EQ(build.usd(), switches * 1000 + 3 * hosts * (2 * 500 + 80));
  EXPECT_DOUBLE_EQ(build.optics_power.si(), 2 * 3 * hosts * 10);
  EXPECT_DOUBLE_EQ(build.switch_power.si(), PowerOfSwitches(clos).si());
  EXPECT_TRUE(build.unpriced.empty());
  EXPECT_TRUE(build.estimated.empty()) << "the slow ones are not used";
  const std::vector<NetworkFigure> figures =
      FiguresOf(clos, build, PathsBetweenServers(clos, graph), BytesPerSecond(0));
  EXPECT_EQ(FigureOf(figures, "diameter_links").value, 6);
  EXPECT_EQ(FigureOf(figures, "diameter_machines").value, 5);
  EXPECT_TRUE(std::isnan(FigureOf(figures, "bisection_at_most_bytes_per_s").value));
  EXPECT_EQ(FigureOf(figures, "bisection_at_most_bytes_per_s").text, "-");
  EXPECT_DOUBLE_EQ(FigureOf(figures, "network_usd_per_accelerator").value, build.usd() / hosts);
}

TEST(NetworkFigures, NameWhatHasNoPrice) {
  const ClosTopology clos(KAryFatTree(4));
  const NetworkBuild build = BuildOf(clos, MakeGraph(clos), {});
  EXPECT_EQ(build.usd(), 0);
  ASSERT_FALSE(build.unpriced.empty());
  EXPECT_EQ(build.unpriced.back(), "transceivers");
}

TEST(NetworkParts, TakesTheSlowestThatIsFastEnough) {
  const NetworkParts parts = Parts();
  EXPECT_EQ(parts.OpticsFor(BytesPerSecond(10e9))->part.name, "slow");
  EXPECT_EQ(parts.OpticsFor(BytesPerSecond(25e9))->part.name, "slow");
  EXPECT_EQ(parts.OpticsFor(BytesPerSecond(26e9))->part.name, "fast");
  EXPECT_EQ(parts.OpticsFor(BytesPerSecond(26e9))->per_end, 1);
  EXPECT_EQ(parts.OpticsFor(BytesPerSecond(120e9))->per_end, 3) << "several side by side";
  EXPECT_FALSE(NetworkParts().OpticsFor(BytesPerSecond(1)).has_value());
}

}  // namespace
}  // namespace gridlock
