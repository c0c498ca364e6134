// What is laid out once for ranks that are alike folds to the same plan as what is laid out for
// each.

#include "sim/plan/alike.h"

#include <algorithm>
#include <memory>
#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "sim/plan/fold.h"
#include "tests/clos_of.h"
#include "tests/engine/fold_cases.h"
#include "tests/engine/machines.h"
#include "topologies/listed/topology.h"

namespace gridlock {

namespace {

std::string Text(Span span) {
  return fmt::format("{}-{}", span.begin, span.end);
}

// Everything that evaluators see of a plan.
std::string Text(const Plan& plan) {
  std::string text;
  for (const Plan::Resource& r : plan.resources) {
    text += fmt::format("resource tier {} {} x{} unit {} {}\n", r.tier.value, r.capacity.si(),
                        r.members, r.unit, r.can_bind);
  }
  for (const RouteEntry& entry : plan.routes) {
    text += fmt::format("entry {} {}\n", entry.resource, entry.weight);
  }
  for (const Plan::Agent& a : plan.agents) {
    text += fmt::format("agent {} {} x{} {} {} {} {} {} {}\n", a.job.value, a.role, a.members,
                        Text(a.hbm), Text(a.tensor), Text(a.context), Text(a.sends[0]),
                        Text(a.sends[1]), Text(a.groups));
  }
  for (const Plan::Flow& f : plan.flows) {
    text += fmt::format("flow {} {} x{} {} {} {}\n", f.source.value, f.target.value, f.members,
                        Text(f.route), f.efficiency, f.latency);
  }
  for (const Plan::Group& g : plan.groups) {
    text += fmt::format("group {} x{} {} in {} {} {}\n", g.family.value, g.members, g.shape.ranks,
                        g.shape.domains, Text(g.agents), Text(g.lays));
  }
  for (const Plan::Lay& lay : plan.lays) {
    text += fmt::format("lay {} {} x{} {} x{}\n", lay.algorithm->name, Text(lay.domain),
                        lay.domain_unit, Text(lay.nic), lay.nic_unit);
  }
  for (std::size_t i = 0; i < plan.agent_groups.size(); ++i) {
    text += fmt::format("of agent {}\n", plan.agent_groups[i]);
  }
  for (const AgentIndex agent : plan.group_agents) {
    text += fmt::format("of group {}\n", agent.value);
  }
  return text;
}

struct Laid {
  StepProgram program;
  Network network;

  Laid(const SiteSpec& site, const TrainingSpec& job)
      : program(BuildStepProgram(job, site.server)), network(site) {}

  [[nodiscard]] std::vector<PlacedProgram> placed() const {
    return {{&program, WholeSite(network, 0)}};
  }

  [[nodiscard]] int alike() const { return AlikeTensorRanks(placed(), network); }
};

TrainingSpec JobOf(int tensor, int pipeline, int data) {
  Layout layout;
  layout.tensor = tensor;
  layout.pipeline = pipeline;
  layout.data = data;
  return SmallJob(layout, pipeline);
}

TrainingSpec DrawJob() {
  Layout layout;
  layout.tensor = *rc::gen::element(1, 2, 4, 8);
  layout.pipeline = *rc::gen::inRange(1, 5);
  layout.data = *rc::gen::inRange(1, 13);
  layout.context = *rc::gen::element(1, 1, 2);
  layout.rank_order =
      *rc::gen::element(RankOrder::kTensorDataPipeline, RankOrder::kTensorPipelineData);
  TrainingSpec job = SmallJob(layout, layout.pipeline);
  job.zero = *rc::gen::element(0, 1, 3);
  if (layout.data % 2 == 0) {
    job.layout.shard_group = job.zero > 0 ? *rc::gen::element(0, 2) : 0;
    if (layout.context == 1 && *rc::gen::arbitrary<bool>()) {
      job.model.mixture.experts = 48;
      job.model.mixture.experts_per_token = 2;
      job.model.mixture.expert_ffn = 2048;
      job.layout.expert = 2;
      job.layout.expert_tensor = *rc::gen::element(0, 1);
    }
  }
  job.model.tied_embeddings = *rc::gen::arbitrary<bool>();
  return job;
}

SiteSpec DrawSite(int accelerators) {
  const ServerSpec server = RealisticServer(8, *rc::gen::element(8, 8, 4, 3, 1));
  const int servers = (accelerators + 7) / 8 + *rc::gen::inRange(0, 3);
  if (servers > 1 && *rc::gen::inRange(0, 4) == 0) {
    SiteSpec site = OneLeafSite(server, servers);
    HyperXSpec hyperx;
    hyperx.size = {servers};
    hyperx.router.ports = 4096;
    hyperx.router.port_bandwidth = BytesPerSecond(kNic);
    hyperx.servers_per_router = 1;
    site.fabric = hyperx;
    return site;
  }
  ClosSizes sizes;
  sizes.servers = servers;
  sizes.servers_per_leaf = *rc::gen::inRange(1, 4);
  sizes.tiers = *rc::gen::element(2, 3);
  sizes.rails = *rc::gen::arbitrary<bool>();
  const int groups = (servers + sizes.servers_per_leaf - 1) / sizes.servers_per_leaf;
  sizes.leaves_per_pod =
      (sizes.rails ? server.nics : 1) * (sizes.tiers == 2 ? groups : *rc::gen::inRange(1, 4));
  sizes.leaf_over = *rc::gen::element(1, 4);
  sizes.spine_over = *rc::gen::element(1, 3);
  sizes.routing = *rc::gen::element(Routing::kSpray, Routing::kSpray, Routing::kEcmp);
  return ClosSite(server, sizes);
}

// The same network, given as a graph.
SiteSpec AsGraph(SiteSpec site) {
  ListedSpec listed;
  listed.file = "net.graphml";
  listed.graph = std::make_shared<const RouteGraph>(MakeTopology(site)->route_graph());
  site.fabric = listed;
  return site;
}

}  // namespace

RC_GTEST_PROP(RanksThatAreAlike, FoldToTheSamePlanInAGraph, ()) {
  const TrainingSpec job = DrawJob();
  const Laid laid(AsGraph(DrawSite(job.layout.accelerators())), job);
  RC_TAG(laid.alike());
  RC_ASSERT(Text(FoldedPlan(laid.placed(), laid.network)) ==
            Text(Fold(Expand(laid.placed(), laid.network))));
}

RC_GTEST_PROP(RanksThatAreAlike, FoldToTheSamePlanWhenOneOfThemIsLaidOut, ()) {
  const TrainingSpec job = DrawJob();
  const Laid laid(DrawSite(job.layout.accelerators()), job);
  RC_TAG(laid.alike());
  RC_ASSERT(Text(FoldedPlan(laid.placed(), laid.network)) ==
            Text(Fold(Expand(laid.placed(), laid.network))));
}

TEST(RanksThatAreAlike, AreThoseOfEachUnitOfTheServer) {
  ClosSizes sizes{.servers = 4, .servers_per_leaf = 2, .leaves_per_pod = 2};
  const TrainingSpec job = JobOf(8, 1, 4);
  EXPECT_EQ(Laid(ClosSite(IdealServer(8, 8), sizes), job).alike(), 8);
  EXPECT_EQ(Laid(ClosSite(IdealServer(8, 4), sizes), job).alike(), 4);
  EXPECT_EQ(Laid(ClosSite(IdealServer(8, 1), sizes), job).alike(), 1);
  EXPECT_EQ(Laid(ClosSite(IdealServer(8, 8), sizes), JobOf(2, 4, 4)).alike(), 2);
  EXPECT_EQ(Laid(ClosSite(IdealServer(8, 4), sizes), JobOf(2, 4, 4)).alike(), 1);
  sizes.rails = true;
  sizes.leaves_per_pod = 16;
  EXPECT_EQ(Laid(ClosSite(IdealServer(8, 8), sizes), job).alike(), 8);
}

TEST(RanksThatAreAlike, AreFoundInAGraphWhereAServerHangsOnOneSwitch) {
  ClosSizes sizes{.servers = 4, .servers_per_leaf = 2, .leaves_per_pod = 2};
  const TrainingSpec job = JobOf(8, 1, 4);
  const SiteSpec site = AsGraph(ClosSite(IdealServer(8, 8), sizes));
  EXPECT_EQ(Laid(site, job).alike(), 8);
  RouteGraph uneven = *std::get<ListedSpec>(site.fabric).graph;
  const auto nic = std::find_if(uneven.edges.begin(), uneven.edges.end(), [](const auto& edge) {
    return edge.tier == "nic";
  });
  ASSERT_NE(nic, uneven.edges.end());
  nic->capacity = nic->capacity * 0.5;
  SiteSpec one_slower = site;
  std::get<ListedSpec>(one_slower.fabric).graph = std::make_shared<const RouteGraph>(uneven);
  EXPECT_EQ(Laid(one_slower, job).alike(), 1);
  sizes.rails = true;
  sizes.leaves_per_pod = 16;
  EXPECT_EQ(Laid(AsGraph(ClosSite(IdealServer(8, 8), sizes)), job).alike(), 1);
}

TEST(RanksThatAreAlike, AreNoneUnderHashedRoutesOrAcrossServersOrWhereExpertsMixThem) {
  ClosSizes sizes{.servers = 4, .servers_per_leaf = 2, .leaves_per_pod = 2};
  const ServerSpec server = IdealServer(8, 8);
  EXPECT_EQ(Laid(ClosSite(server, sizes), JobOf(16, 1, 2)).alike(), 1);
  TrainingSpec experts = JobOf(4, 1, 8);
  experts.model.mixture.experts = 48;
  experts.model.mixture.experts_per_token = 2;
  experts.model.mixture.expert_ffn = 2048;
  experts.layout.expert = 8;
  experts.layout.expert_tensor = 1;
  EXPECT_EQ(Laid(ClosSite(server, sizes), experts).alike(), 1);
  experts.layout.expert_tensor = 0;  // as wide as the tensor-parallel group
  EXPECT_EQ(Laid(ClosSite(server, sizes), experts).alike(), 4);
  sizes.routing = Routing::kEcmp;
  EXPECT_EQ(Laid(ClosSite(server, sizes), JobOf(8, 1, 4)).alike(), 1);
}

TEST(RanksThatAreAlike, MakeThePlanSmallerByTheirNumber) {
  const Laid laid(
      ClosSite(IdealServer(8, 8), {.servers = 8, .servers_per_leaf = 2, .leaves_per_pod = 4}),
      JobOf(8, 2, 4));
  const Plan all = Expand(laid.placed(), laid.network);
  const Plan unlike = ExpandUnlike(laid.placed(), laid.network);
  EXPECT_EQ(unlike.flows.size() * 8, all.flows.size());
  EXPECT_EQ(unlike.groups.size() * 8, all.groups.size());
  EXPECT_LT(unlike.routes.size() * 7, all.routes.size());
  EXPECT_EQ(unlike.accelerators(), all.accelerators());
}

}  // namespace gridlock
