// The engine against closed forms that fit on a line, to 1e-6.

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include "sim/plan/fold.h"
#include "tests/clos_of.h"
#include "tests/engine/machines.h"
#include "workloads/schedule.h"

namespace gridlock {

namespace {

using ActionKind = Action::Kind;

Layout LayoutOf(int pipeline, int data) {
  Layout layout;
  layout.pipeline = pipeline;
  layout.data = data;
  return layout;
}

// Every replica's first stage sends one message to its second stage.
StepProgram OneMessage(int data, double bytes) {
  StepProgram program;
  program.grid = GridOf(LayoutOf(2, data));
  program.message = Bytes(bytes);
  program.roles = {{{ActionKind::kSend}}, {{ActionKind::kReceive}}};
  return program;
}

PlayResult SimulateOn(const StepProgram& program, const SiteSpec& site) {
  return Simulate({program, Expand(program, site), site.server});
}

// A pipeline of passes alone: tf forward and tb backward per stage and micro-batch, the gradients
// of weights apart or in addition where a pass makes both, shared evenly by the chunks; messages of
// one byte.
StepProgram PipelineOf(Layout layout, int micro_batches, double tf, double tb, double weights = 0) {
  const int pipeline = layout.pipeline, chunks = layout.virtual_pipeline;
  const bool vee = IsVee(layout.schedule);
  StepProgram program;
  program.grid = GridOf(layout);
  program.message_ring = chunks > 1 && !vee;
  program.message = Bytes(1);
  for (const double seconds : {tf, tb, weights, tb + weights}) {
    Pass pass;
    pass.compute_time = Seconds(seconds / chunks);
    program.passes.push_back(pass);
  }
  for (int stage = 0; stage < pipeline; ++stage) {
    Role role;
    for (const ScheduledPass& pass : ScheduleOf(layout, micro_batches, stage)) {
      const bool back = vee && pass.chunk == 1;  // the model comes back to the first stage
      const auto direction = pass.backward != back ? Direction::kBackward : Direction::kForward;
      const int lane = back ? 1 : 0;
      const int position = PositionOf(layout, stage, pass.chunk);
      // In a V the middle of the model needs no message.
      const bool first = position == 0 || (vee && position == pipeline);
      const bool last = position == chunks * pipeline - 1 || (vee && position == pipeline - 1);
      if (pass.gradients == Gradients::kWeights) {
        role.push_back({ActionKind::kPass, direction, 2});
        continue;
      }
      if (pass.backward ? !last : !first) {
        role.push_back({ActionKind::kReceive, direction, lane});
      }
      const bool whole = pass.gradients == Gradients::kAll;
      role.push_back({ActionKind::kPass, direction, !pass.backward ? 0 : whole ? 3 : 1});
      if (pass.backward ? !first : !last) {
        role.push_back({ActionKind::kSend, direction, lane});
      }
    }
    program.roles.push_back(role);
  }
  return program;
}

}  // namespace

TEST(Message, OnAnIdlePathTakesLatencyPlusSizeOverBandwidth) {
  ServerSpec server = IdealServer(1, 1);
  server.scale_out.base_latency = Seconds(3e-6);
  server.scale_out.step_latency = Seconds(2e-6);
  server.scale_out.send_efficiency = 0.8;
  SiteSpec site = OneLeafSite(server, 2);
  ClosOf(site).leaf.latency = Seconds(0.5e-6);
  const double seconds = 3e-6 + 2e-6 + 0.5e-6 + 1e7 / (0.8 * kNic);
  ExpectClose(SimulateOn(OneMessage(1, 1e7), site).end, seconds);
}

TEST(Message, InsideADomainTakesThePortsBandwidthAndNoNic) {
  const SiteSpec site = OneLeafSite(IdealServer(2, 2), 1);
  const PlayResult outcome = SimulateOn(OneMessage(1, 1e8), site);
  ExpectClose(outcome.end, 1e8 / kScaleUp);
  EXPECT_EQ(outcome.bytes[TierTable::kNic.value], 0);
  ExpectClose(outcome.bytes[TierTable::kScaleUp.value], 2 * 1e8);
}

TEST(Message, ArrivesWithItsSlowestFlow) {
  // A tensor-parallel group of two servers of one: the first rank's neighbour is under the same
  // leaf, the second's is not, and pays two more hops.
  SiteSpec site =
      ClosSite(IdealServer(1, 1), {.servers = 4, .servers_per_leaf = 3, .leaves_per_pod = 2});
  ClosOf(site).leaf.latency = ClosOf(site).spine.latency = Seconds(1e-3);
  StepProgram program = OneMessage(1, 1e7);
  program.grid.tensor = 2;
  ExpectClose(SimulateOn(program, site).end, 3e-3 + 1e7 / kNic);
}

TEST(Ring, InsideADomainIsTwiceNMinusOneOverNOfTheBuffer) {
  ServerSpec server = IdealServer(8, 8);
  server.scale_up.base_latency = Seconds(7e-6);
  server.scale_up.step_latency = Seconds(1e-6);
  const double seconds = 7e-6 + 14 * 1e-6 + 2.0 * 7 / 8 * 1e9 / kScaleUp;
  ExpectClose(SimulateOn(OneAllReduce(1, 8, 1e9), OneLeafSite(server, 1)).end, seconds);
}

TEST(Ring, AcrossServersIsTwiceNMinusOneOverNOfTheBuffer) {
  ServerSpec server = IdealServer(1, 1);
  server.scale_out.base_latency = Seconds(5e-6);
  server.scale_out.step_latency = Seconds(2e-6);
  const SiteSpec site = OneLeafSite(server, 16);
  ExpectClose(SimulateOn(OneAllReduce(1, 16, 1e9), site).end,
              5e-6 + 30 * 2e-6 + 2.0 * 15 / 16 * 1e9 / kNic);
  // Of short messages a double tree of depth 4 is faster than 15 steps of a ring, although it sends
  // the buffer twice.
  ExpectClose(SimulateOn(OneAllReduce(1, 16, 1e4), site).end, 5e-6 + 8 * 2e-6 + 2 * 1e4 / kNic);
}

TEST(Ring, WithSeveralMembersPerDomainUsesEveryNic) {
  const SiteSpec site = OneLeafSite(IdealServer(8, 8), 4);
  ExpectClose(SimulateOn(OneAllReduce(1, 32, 1e9), site).end, 2.0 * 31 / 32 * 1e9 / (8 * kNic));
}

TEST(Ring, OfSharedNicsHasTheirBandwidthAndNoMore) {
  const SiteSpec site = OneLeafSite(IdealServer(8, 4), 4);
  ExpectClose(SimulateOn(OneAllReduce(1, 32, 1e9), site).end, 2.0 * 31 / 32 * 1e9 / (4 * kNic));
}

TEST(Ring, OfEachTensorRankHasANicOfItsOwn) {
  const SiteSpec site = OneLeafSite(IdealServer(8, 8), 4);
  ExpectClose(SimulateOn(OneAllReduce(8, 4, 1e9), site).end, 2.0 * 3 / 4 * 1e9 / kNic);
}

Layout PipelineLayout(int pipeline, int chunks, Schedule schedule) {
  Layout layout = LayoutOf(pipeline, 1);
  layout.virtual_pipeline = chunks;
  layout.schedule = schedule;
  return layout;
}

TEST(Bubble, OfOneForwardOneBackwardIsPMinusOnePasses) {
  constexpr double kForward = 0.01;
  constexpr double kBackward = 0.023;
  for (const auto& [p, m] : {std::pair{2, 2}, {4, 8}, {4, 5}, {8, 8}, {5, 3}}) {
    const SiteSpec site = OneLeafSite(IdealServer(1, 1), p);
    for (const Schedule schedule : {Schedule::kOneForwardOneBackward, Schedule::kGPipe}) {
      const Layout layout = PipelineLayout(p, 1, schedule);
      ExpectClose(SimulateOn(PipelineOf(layout, m, kForward, kBackward), site).end,
                  (m + p - 1) * (kForward + kBackward));
    }
  }
}

TEST(Bubble, OfInterleavedChunksIsDividedByTheirNumber) {
  constexpr double kForward = 0.01;
  constexpr double kBackward = 0.023;

  struct Sizes {
    int p, v, m;
  };

  for (const auto& [p, v, m] : {Sizes{2, 2, 2}, {4, 2, 8}, {4, 3, 4}, {8, 2, 16}, {3, 4, 6}}) {
    const SiteSpec site = OneLeafSite(IdealServer(1, 1), p);
    const Layout layout = PipelineLayout(p, v, Schedule::kOneForwardOneBackward);
    ExpectClose(SimulateOn(PipelineOf(layout, m, kForward, kBackward), site).end,
                (m + static_cast<double>(p - 1) / v) * (kForward + kBackward));
  }
}

TEST(Bubble, OfZeroBubbleIsShorterByTwiceTheGradientsOfWeights) {
  // (p-1) (F + B - 2 W), with B the whole backward pass (Qi et al. 2023, table 1).
  constexpr double kForward = 0.01;
  constexpr double kInputs = 0.012;
  constexpr double kWeights = 0.009;
  for (const auto& [p, m] : {std::pair{2, 2}, {4, 8}, {5, 15}, {8, 16}}) {
    const SiteSpec site = OneLeafSite(IdealServer(1, 1), p);
    const Layout layout = PipelineLayout(p, 1, Schedule::kZeroBubble);
    ExpectClose(SimulateOn(PipelineOf(layout, m, kForward, kInputs, kWeights), site).end,
                m * (kForward + kInputs + kWeights) + (p - 1) * (kForward + kInputs - kWeights));
  }
}

TEST(Bubble, InAVIsHalfAForwardPassPerStageWhereAllPassesAreAlike) {
  // Qi et al. 2024 (arXiv:2405.15362): no bubble but the way to the last stage.
  constexpr double kEach = 0.01;
  for (const auto& [p, m] : {std::pair{2, 4}, {4, 8}, {4, 16}, {5, 13}}) {
    const SiteSpec site = OneLeafSite(IdealServer(1, 1), p);
    for (const Schedule schedule : {Schedule::kZeroBubbleV, Schedule::kDualPipeV}) {
      const Layout layout = PipelineLayout(p, 2, schedule);
      ExpectClose(SimulateOn(PipelineOf(layout, m, kEach, kEach, kEach), site).end,
                  3 * m * kEach + (p - 1) * kEach / 2);
    }
  }
}

TEST(Incast, OfKSendersTakesKTimesAsLong) {
  constexpr int kSenders = 7;
  StepProgram program;
  program.grid = GridOf(LayoutOf(kSenders + 1, 1));
  program.message = Bytes(1e9);
  Plan plan;
  const auto nic = [&plan] {
    plan.resources.push_back({TierTable::kNic, BytesPerSecond(kNic), 1, 1, true});
    return static_cast<std::int32_t>(plan.resources.size()) - 1;
  };
  const std::int32_t receiver_nic = nic();
  Role receiver;
  for (int i = 0; i < kSenders; ++i) {
    program.roles.push_back({{ActionKind::kSend}});
    receiver.push_back({ActionKind::kReceive});
    Plan::Flow flow;
    flow.source = {i};
    flow.target = {kSenders};
    flow.route = {static_cast<std::int32_t>(plan.routes.size()),
                  static_cast<std::int32_t>(plan.routes.size()) + 2};
    plan.routes.push_back({nic(), 1});
    plan.routes.push_back({receiver_nic, 1});
    plan.flows.push_back(flow);
    Plan::Agent agent;
    agent.role = i;
    agent.sends[0] = {i, i + 1};
    plan.agents.push_back(agent);
  }
  program.roles.push_back(receiver);
  Plan::Agent agent;
  agent.role = kSenders;
  plan.agents.push_back(agent);
  Plan::Job job;
  job.hbm_capacity = BytesPerSecond(kHbm);
  plan.jobs = {job};
  const PlayResult outcome = Simulate({program, plan, IdealServer(1, 1)});
  ExpectClose(outcome.end, kSenders * 1e9 / kNic);
  ExpectClose(outcome.path[TierTable::kNic.value], kSenders * 1e9 / kNic);
}

TEST(Oversubscription, SlowsAPermutationAcrossLeavesByItsRatio) {
  for (const double ratio : {1.0, 2.0, 4.0}) {
    const SiteSpec site =
        ClosSite(IdealServer(1, 1),
                 {.servers = 16, .servers_per_leaf = 8, .leaves_per_pod = 2, .leaf_over = ratio});
    const StepProgram program = OneMessage(8, 1e9);
    const Plan plan = Expand(program, site);
    for (const PlayResult& outcome :
         Simulate({{program, plan, site.server}, {program, Fold(plan), site.server}})) {
      ExpectClose(outcome.end, ratio * 1e9 / kNic);
    }
  }
}

TEST(Hbm, SharedWithAMessageSlowsAMemoryBoundPassByTheMessagesShare) {
  StepProgram program = OneMessage(1, 1e9);
  Pass pass;
  pass.memory_bytes = Bytes(1e12);
  program.passes = {pass};
  program.roles[0].push_back({ActionKind::kPass});
  const PlayResult outcome = SimulateOn(program, OneLeafSite(IdealServer(1, 1), 2));
  ASSERT_EQ(outcome.agent_ends.size(), 2U);
  ExpectClose(outcome.agent_ends[0], (1e12 + 1e9) / kHbm);
  ExpectClose(outcome.agent_ends[1], 1e9 / kNic);
}

TEST(Hbm, SlowsComputeOnlyWhenItRunsShort) {
  // A pass that needs 2.9 of 3 TB/s for 0.1 s, and a message that takes 50 GB/s of them: both fit.
  // With 2.98 TB/s they do not: while the message is on its way the pass gets 2.95.
  for (const double rate : {2.9e12, 2.98e12}) {
    StepProgram program = OneMessage(1, 1e9);
    Pass pass;
    pass.compute_time = Seconds(0.1);
    pass.compute_bytes = Bytes(0.1 * rate);
    program.passes = {pass};
    program.roles[0].push_back({ActionKind::kPass});
    const PlayResult outcome = SimulateOn(program, OneLeafSite(IdealServer(1, 1), 2));
    const double lost = std::max(0.0, rate - (kHbm - kNic)) * (1e9 / kNic);
    ExpectClose(outcome.agent_ends[0], 0.1 + lost / rate);
  }
}

}  // namespace gridlock
