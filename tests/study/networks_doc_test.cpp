// The fabrics that docs/networks.md shows: each is read, and makes a network in which all machines
// reach each other.

#include <cstdlib>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "sim/scenario/scenario.h"
#include "tests/fixture_files.h"
#include "tests/source_dir.h"
#include "topologies/graph.h"
#include "topologies/topology.h"

namespace gridlock {
namespace {

TEST(TheNetworksOfTheDocumentation, AreWhole) {
  unsetenv("GRIDLOCK_CATALOG");
  const std::string text = FileContents(GRIDLOCK_SOURCE_DIR "/docs/networks.md");
  const std::string fence = "```fabric\n";
  const std::string file = testing::TempDir() + "/networks.textproto";
  int fabrics = 0;
  for (std::size_t at = text.find(fence); at != std::string::npos; at = text.find(fence, at)) {
    at += fence.size();
    const std::string fabric = text.substr(at, text.find("```", at) - at);
    const char* server = fabric.starts_with("torus") ? "tpu_v4_cube" : "dgx_h100";
    std::ofstream(file) << "schema_version: 1\nname: \"networks\"\nsite { server: \"" << server
                        << "\" servers: 64 fabric { " << fabric << " } }\n";
    const Scenario scenario = LoadSites(file, {});
    const std::shared_ptr<const Topology> topology = MakeTopology(scenario.sites[0]);
    EXPECT_TRUE(Connected(FabricGraph(topology->wiring()))) << fabric;
    EXPECT_FALSE(topology->facts().empty()) << fabric;
    ++fabrics;
  }
  EXPECT_EQ(fabrics, 12);
}

}  // namespace
}  // namespace gridlock
