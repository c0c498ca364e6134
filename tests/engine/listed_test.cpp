// A topology written as GraphML and read back is the same network: the same routes, link by link,
// and the same step time, for every shipped cluster whose routes are shortest paths, and for
// machines drawn by hand.

#include <algorithm>
#include <cstdlib>
#include <sstream>
#include <string>
#include <variant>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim/base/check.h"
#include "sim/catalogue/view.h"
#include "sim/process/worker.h"
#include "sim/scenario/cluster_site.h"
#include "sim/scenario/load_text.h"
#include "sim/study/evaluate.h"
#include "tests/clos_of.h"
#include "tests/cluster_scenario.h"
#include "tests/engine/fold_cases.h"
#include "tests/engine/machines.h"
#include "topologies/listed/topology.h"

namespace gridlock {
namespace {

using ::testing::HasSubstr;

// The site with its network written out and read back.
SiteSpec ReadBack(SiteSpec site) {
  std::ostringstream text;
  WriteGraphMl(MakeTopology(site)->route_graph(), text);
  ListedSpec listed;
  listed.path = "site[0].fabric.listed";
  listed.file = "net.graphml";
  listed.graph = std::make_shared<const RouteGraph>(
      ReadGraphMl(text.str(), listed.file, listed.path + ".file"));
  listed.hash = std::hash<std::string>()(text.str());
  site.server.direct = listed.direct();
  site.fabric = listed;
  return site;
}

// Between planes servers forward, and over split NICs flows are spread: a graph has no such routes.
bool HasPlanes(const SiteSpec& site) {
  const auto* const clos = std::get_if<ClosSpec>(&site.fabric);
  return clos != nullptr && clos->planes > 1;
}

void ExpectSameStep(const StepRecord& as_built, const StepRecord& listed, const std::string& name) {
  const double step = as_built.step_time.si();
  EXPECT_NEAR(listed.step_time.si(), step, 1e-9 * step) << name;
  for (const Attribution& part : listed.attribution) {
    EXPECT_NEAR(part.time.si(), ShareOf(as_built, part.resource), 1e-6 * step)
        << name << " " << part.resource;
  }
}

TEST(AGraphOfAShippedCluster, GivesTheSameStepTime) {
  unsetenv("GRIDLOCK_CATALOG");
  std::vector<std::string> names;
  std::vector<Job> jobs;
  for (const CatalogueEntry& entry : ReadCatalogue().entries) {
    if (entry.kind != "cluster") {
      continue;
    }
    const SiteSpec whole = LoadCluster(entry.name).site;
    if (HasPlanes(whole) || !whole.server.network.plain()) {
      continue;  // a graph has no such links
    }
    if (std::holds_alternative<TorusSpec>(whole.fabric)) {
      continue;  // groups find the axes of a torus, and a graph has none: one ring through all
    }
    const int servers = std::min(whole.servers, 3);
    const Scenario scenario = LoadScenarioText(
        entry.name,
        fmt::format(kStepOnACluster, fmt::arg("cluster", entry.name), fmt::arg("servers", servers),
                    fmt::arg("replicas", servers * whole.server.accelerators / 2)),
        {});
    Scenario listed = scenario;
    listed.sites[0] = ReadBack(scenario.sites[0]);
    names.push_back(entry.name);
    for (const Scenario& each : {scenario, listed}) {
      jobs.emplace_back([each](const std::function<void(double)>& progress) {
        return EvaluateStep(each, Fidelity::kFolded, progress);
      });
    }
  }
  ASSERT_GE(names.size(), 10U);
  const std::vector<JobResult> results = RunJobs(jobs, {});
  for (std::size_t i = 0; i < names.size(); ++i) {
    ASSERT_TRUE(results[2 * i].ok) << names[i] << ": " << results[2 * i].problem;
    ASSERT_TRUE(results[2 * i + 1].ok) << names[i] << ": " << results[2 * i + 1].problem;
    ExpectSameStep(results[2 * i].record, results[2 * i + 1].record, names[i]);
  }
}

class AGraph : public testing::TestWithParam<FoldCase> {};

// Pods, oversubscription, rails, ECMP: full fidelity, so that every hash counts.
TEST_P(AGraph, GivesTheSameStepTimeInFull) {
  const Scenario scenario = GetParam().scenario();
  Scenario listed = scenario;
  listed.sites[0] = ReadBack(scenario.sites[0]);
  const std::vector<StepRecord> records =
      Evaluate({{scenario, Fidelity::kFull}, {listed, Fidelity::kFull}});
  ExpectSameStep(records[0], records[1], GetParam().name);
}

// NICs of every third accelerator are said never to bind: links that are alike in all else. Rings
// then wait for the others alone, which a fold must not mix up with them.
TEST_P(AGraph, FoldsLinksThatBindApartFromThoseThatDoNot) {
  Scenario scenario = GetParam().scenario();
  scenario.sites[0] = ReadBack(scenario.sites[0]);
  auto& listed = std::get<ListedSpec>(scenario.sites[0].fabric);
  RouteGraph graph = *listed.graph;
  int number = 0;
  for (RouteGraph::Edge& edge : graph.edges) {
    edge.can_bind = edge.can_bind && (edge.tier != "nic" || ++number % 3 != 0);
  }
  listed.graph = std::make_shared<const RouteGraph>(graph);
  ++listed.hash;
  const std::vector<StepRecord> records =
      Evaluate({{scenario, Fidelity::kFull}, {scenario, Fidelity::kFolded}});
  ExpectSameStep(records[0], records[1], GetParam().name);
}

INSTANTIATE_TEST_SUITE_P(OfAClos, AGraph, testing::ValuesIn(AllFoldCases()), [](const auto& each) {
  return each.param.name;
});

TEST(AGraphOfAClos, RoutesLinkByLinkAsTheClosDoes) {
  for (const FoldCase& each : AllFoldCases()) {
    const auto clos = MakeTopology(each.site);
    const auto graph = MakeTopology(ReadBack(each.site));
    ASSERT_EQ(graph->links(), clos->links());
    for (int from = 0; from < clos->accelerators(); from += 3) {
      for (int to = 0; to < clos->accelerators(); to += 2) {
        if (from == to) {
          continue;
        }
        std::vector<LinkIndex> as_built, listed;
        const std::uint64_t hash = MixHash(static_cast<std::uint64_t>(from * 1000 + to));
        clos->AppendRoute({from}, {to}, hash, as_built);
        graph->AppendRoute({from}, {to}, hash, listed);
        ASSERT_EQ(listed, as_built) << each.name << " " << from << " " << to;
        ASSERT_NEAR(graph->Latency({from}, {to}).si(), clos->Latency({from}, {to}).si(), 1e-15);
      }
      std::vector<LinkIndex> as_built, listed;
      clos->AppendExit({from}, 7, as_built);
      clos->AppendEntry({from}, 7, as_built);
      graph->AppendExit({from}, 7, listed);
      graph->AppendEntry({from}, 7, listed);
      ASSERT_EQ(listed, as_built);
      ASSERT_NEAR(graph->LatencyToBorder().si(), clos->LatencyToBorder().si(), 1e-15);
    }
    for (LinkIndex link{0}; link.value < clos->links(); ++link.value) {
      ASSERT_EQ(graph->capacity(link), clos->capacity(link));
      ASSERT_EQ(graph->name(link), clos->name(link));
      ASSERT_EQ(graph->can_bind(link), clos->can_bind(link));
    }
  }
}

SiteSpec SmallTorus() {
  SiteSpec site;
  site.server = IdealServer(4, 2);
  site.server.direct = true;
  site.servers = 15;
  TorusSpec torus;
  torus.size = {6, 5, 2};
  torus.block = {2, 1, 2};
  torus.hop_latency = Seconds(0.3e-6);
  site.fabric = torus;
  return site;
}

TEST(AGraphOfATorus, RoutesLinkByLinkAsTheTorusDoes) {
  const SiteSpec site = SmallTorus();
  const auto torus = MakeTopology(site);
  const auto graph = MakeTopology(ReadBack(site));
  for (int from = 0; from < torus->accelerators(); ++from) {
    for (int to = 0; to < torus->accelerators(); ++to) {
      if (from == to) {
        continue;
      }
      std::vector<LinkIndex> as_built, listed;
      torus->AppendRoute({from}, {to}, 0, as_built);
      graph->AppendRoute({from}, {to}, 0, listed);
      ASSERT_EQ(listed, as_built) << from << " " << to;
      ASSERT_NEAR(graph->Latency({from}, {to}).si(), torus->Latency({from}, {to}).si(), 1e-15);
    }
  }
}

// Three servers of one accelerator on a ring of switches, as another program might write it.
constexpr const char* kRingGraph = R"(<graphml>
  <key id="k" for="node" attr.name="kind" attr.type="string"/>
  <key id="s" for="node" attr.name="server" attr.type="int"/>
  <key id="l" for="node" attr.name="latency" attr.type="string"/>
  <key id="b" for="edge" attr.name="bandwidth" attr.type="string"/>
  <key id="colour" for="node" attr.name="colour" attr.type="string"/>
  <graph edgedefault="undirected">
    <node id="a0"><data key="k">accelerator</data><data key="s">0</data></node>
    <node id="s0"><data key="l">500 ns</data><data key="colour">red</data></node>
    <node id="s1"><data key="l">500 ns</data></node>
    <node id="s2"><data key="l">500 ns</data></node>
    <node id="a2"><data key="k">accelerator</data><data key="s">2</data></node>
    <node id="a1"><data key="k">accelerator</data><data key="s">1</data></node>
    <edge source="a0" target="s0"><data key="b">400 Gbps</data></edge>
    <edge source="a1" target="s1"><data key="b">400 Gbps</data></edge>
    <edge source="a2" target="s2"><data key="b">400 Gbps</data></edge>
    <edge source="s0" target="s1"><data key="b">100 Gbps</data></edge>
    <edge source="s1" target="s2"><data key="b">100 Gbps</data></edge>
    <edge source="s2" target="s0"><data key="b">100 Gbps</data></edge>
  </graph>
</graphml>
)";

SiteSpec RingSite(const std::string& text) {
  SiteSpec site;
  site.path = "site[0]";
  site.server = IdealServer(1, 1);
  site.servers = 3;
  ListedSpec listed;
  listed.path = "site[0].fabric.listed";
  listed.file = "ring.graphml";
  listed.graph =
      std::make_shared<const RouteGraph>(ReadGraphMl(text, listed.file, listed.path + ".file"));
  site.fabric = listed;
  site.server.direct = IsDirect(site.fabric);
  return site;
}

TEST(AGraphOfAnotherProgram, IsRoutedOnShortestPaths) {
  const auto ring = MakeTopology(RingSite(kRingGraph));
  EXPECT_EQ(ring->links(), 12);
  for (const auto& [from, to] : {std::pair(0, 2), std::pair(2, 1), std::pair(1, 0)}) {
    std::vector<LinkIndex> route;
    ring->AppendRoute({from}, {to}, 0, route);
    ASSERT_EQ(route.size(), 3U);
    EXPECT_NEAR(ring->capacity(route[1]).si(), 12.5e9, 1);
    EXPECT_NEAR(ring->Latency({from}, {to}).si(), 1e-6, 1e-12);
  }
}

// a1 - a0 - a2: the way to an accelerator at the end begins at the one before it, or goes through.
TEST(AGraphOfAnotherProgram, MayBeALineOfAccelerators) {
  const auto line = MakeTopology(RingSite(R"(<graphml>
  <key id="k" for="node" attr.name="kind" attr.type="string"/>
  <key id="s" for="node" attr.name="server" attr.type="int"/>
  <key id="b" for="edge" attr.name="bandwidth" attr.type="string"/>
  <graph edgedefault="undirected">
    <node id="a0"><data key="k">accelerator</data><data key="s">0</data></node>
    <node id="a1"><data key="k">accelerator</data><data key="s">1</data></node>
    <node id="a2"><data key="k">accelerator</data><data key="s">2</data></node>
    <edge source="a0" target="a1"><data key="b">400 Gbps</data></edge>
    <edge source="a0" target="a2"><data key="b">400 Gbps</data></edge>
  </graph>
</graphml>
)"));
  const auto links_between = [&](int from, int to) {
    std::vector<LinkIndex> route;
    line->AppendRoute({from}, {to}, 0, route);
    return route.size();
  };
  EXPECT_EQ(links_between(0, 1), 1U);
  EXPECT_EQ(links_between(2, 0), 1U);
  EXPECT_EQ(links_between(1, 2), 2U);
}

std::string WrittenAgain(const std::string& text) {
  std::ostringstream out;
  WriteGraphMl(ReadGraphMl(text, "net.graphml", "file"), out);
  return out.str();
}

std::string FirstMistake(const std::string& text) {
  try {
    (void)ReadGraphMl(text, "net.graphml", "file");
  } catch (const UserError& error) {
    return error.problems().front().message;
  }
  return "none";
}

// Long files are parsed in pieces, and those with comments as a whole.
TEST(AGraphOfAMegabyte, IsTheSameReadInPiecesAsInOne) {
  const SiteSpec site = ClosSite(
      IdealServer(8, 8), {.servers = 128, .servers_per_leaf = 4, .leaves_per_pod = 8, .tiers = 3});
  std::ostringstream out;
  WriteGraphMl(MakeTopology(site)->route_graph(), out);
  const std::string text = out.str();
  ASSERT_GT(text.size(), 900'000U);
  const std::string head = text.substr(0, text.find("<node"));
  const std::string elements = text.substr(head.size());
  EXPECT_EQ(WrittenAgain(text), text);
  EXPECT_EQ(WrittenAgain(head + "<!-- <node id=\"none\"/> -->" + elements), text);
  const std::size_t first_edge = text.find("    <edge");
  const std::string nodes = text.substr(head.size(), first_edge - head.size());
  const std::string edges = text.substr(first_edge, text.find("  </graph>") - first_edge);
  EXPECT_EQ(WrittenAgain(head + edges + nodes + text.substr(text.find("  </graph>"))), text);
  std::string wrong = text;
  const std::size_t last = wrong.rfind("source=\"");
  wrong.insert(last + 8, "no_");
  const auto line = 1 + std::count(wrong.begin(), wrong.begin() + static_cast<long>(last), '\n');
  EXPECT_THAT(FirstMistake(wrong),
              HasSubstr(fmt::format("net.graphml:{}: an edge's source", line)));
  EXPECT_EQ(FirstMistake(head + "<!-- -->" + wrong.substr(head.size())), FirstMistake(wrong));
  wrong.erase(wrong.find("</edge>", wrong.size() / 2), 7);
  EXPECT_THAT(FirstMistake(wrong), HasSubstr("this is not XML"));
}

std::string Refusal(std::string text, const std::string& from, const std::string& to) {
  text.replace(text.find(from), from.size(), to);
  try {
    (void)MakeTopology(RingSite(text));
  } catch (const UserError& error) {
    EXPECT_EQ(error.problems().front().path, "site[0].fabric.listed.file");
    return error.problems().front().message;
  }
  return "accepted";
}

TEST(AGraphWithAMistake, IsRefusedWithFileAndLine) {
  EXPECT_THAT(Refusal(kRingGraph, "</graphml>", ""), HasSubstr("this is not XML"));
  EXPECT_EQ(
      Refusal(kRingGraph, "target=\"s2\"><data key=\"b\">100", "target=\"s9\"><data key=\"b\">100"),
      "ring.graphml:18: an edge's target \"s9\" is no node of the graph");
  EXPECT_EQ(
      Refusal(kRingGraph, "100 Gbps", "100"),
      "ring.graphml:17: \"100\" has no unit; expected a bandwidth such as \"400 Gbps\" or \"50 "
      "GB/s\"");
  EXPECT_EQ(Refusal(kRingGraph, "<data key=\"b\">400 Gbps</data>", ""),
            "ring.graphml:14: the edge from \"a0\" to \"s0\" has no bandwidth; expected data "
            "\"bandwidth\" such as \"400 Gbps\"");
  EXPECT_EQ(Refusal(kRingGraph, "<data key=\"s\">0</data>", ""),
            "ring.graphml:8: accelerator \"a0\" does not say its server; expected data \"server\", "
            "counting from 0");
  EXPECT_EQ(Refusal(kRingGraph, "id=\"s1\"", "id=\"s0\""),
            "ring.graphml:10: a second node \"s0\"; expected an id of its own");
  EXPECT_EQ(Refusal(kRingGraph, "key=\"colour\">", "key=\"color\">"),
            "ring.graphml:9: data of key \"color\", which no <key> declares");
  EXPECT_EQ(Refusal(kRingGraph, "<data key=\"s\">2</data>", "<data key=\"s\">3</data>"),
            "ring.graphml: accelerator \"a2\" is of server 3, and the site has 3 servers; expected "
            "servers from 0 to 2");
  EXPECT_EQ(Refusal(kRingGraph, "<data key=\"s\">2</data>", "<data key=\"s\">1</data>"),
            "ring.graphml: server 1 has 2 accelerators, and ideal has 1; expected as many in the "
            "graph");
  EXPECT_EQ(Refusal(kRingGraph,
                    "<edge source=\"a2\" target=\"s2\"><data key=\"b\">400 Gbps</data></edge>", ""),
            "ring.graphml: there is no way from \"a0\" to \"a2\"; expected a graph in which all "
            "accelerators reach each other");
}

}  // namespace
}  // namespace gridlock
