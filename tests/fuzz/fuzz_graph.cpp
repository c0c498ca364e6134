// Graphs from GraphML. What is read is the same after being written and read again.

#include <cstddef>
#include <cstdint>
#include <sstream>
#include <string>

#include "tests/fuzz/fuzz.h"
#include "topologies/listed/route_graph.h"

namespace {

std::string Written(const gridlock::RouteGraph& graph) {
  std::ostringstream out;
  gridlock::WriteGraphMl(graph, out);
  return out.str();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(gridlock::TextOf(data, size));
  gridlock::ReadOrRefuse([&] {
    const std::string once = Written(gridlock::ReadGraphMl(text, "net.graphml", "fabric"));
    CHECK(Written(gridlock::ReadGraphMl(once, "again.graphml", "fabric")) == once);
  });
  return 0;
}
