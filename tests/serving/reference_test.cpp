// The event-exact replica against one that is stepped token by token, on drawn costs, limits,
// requests and changes.

#include "tests/serving/reference.h"

#include <cmath>
#include <cstdlib>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "sim/base/random.h"

namespace gridlock {
namespace {

// The properties draw the same values in every run; RC_PARAMS from outside wins.
[[maybe_unused]] const int kSeeded = setenv("RC_PARAMS", "seed=20240601 max_success=1000", 0);

struct Case {
  std::vector<CostChange> changes;
  Replica::Limits limits;
  std::vector<Request> requests;
};

ServingCosts DrawCosts(Random& random, int batch_max) {
  ServingCosts costs = PlainCosts(batch_max, 0);
  Seconds time(random.Uniform() * 20e-3 + 1e-4);
  for (Seconds& decode : costs.decode_time) {
    time += Seconds(random.Uniform() * 1e-3);
    decode = time;
  }
  const double token = random.Uniform() * 1e-4;
  costs.passes = {{1, Seconds(2e-3), Bytes(1e8)},
                  {100, Seconds(2e-3 + 50 * token), Bytes(5e8)},
                  {1000, Seconds(2e-3 + 1000 * token), Bytes(9e8)}};
  costs.pipeline = 1 + static_cast<std::int64_t>(random.Below(3));
  costs.per_cached_token = Seconds(random.Below(4) == 0 ? 0 : random.Uniform() * 1e-5);
  costs.prefill_pair = Seconds(random.Uniform() * 1e-8);
  // From a cache that refuses some, over one that evicts, to one that never fills.
  costs.cache_tokens = static_cast<std::int64_t>(std::exp(4 + 8 * random.Uniform()));
  return costs;
}

Case DrawCase(std::uint64_t seed) {
  Random random(seed, "case");
  Case drawn;
  drawn.limits.batch_max = 1 + static_cast<int>(random.Below(20));
  drawn.limits.prefill_tokens_max = 1 + static_cast<int>(random.Below(1000));
  const double gap = 0.02 * std::exp(3 * random.Uniform());
  double clock = 0;
  const std::uint64_t requests = 1 + random.Below(150);
  for (std::uint64_t i = 0; i < requests; ++i) {
    // Sometimes many come at once.
    clock += random.Below(3) == 0 ? 0 : random.Exponential(gap);
    Request request;
    request.arrival = Seconds(clock);
    request.group = static_cast<std::int32_t>(i);
    request.prompt_tokens = 1 + static_cast<std::int64_t>(random.LogNormal(3, 1));
    request.output_tokens = 1 + static_cast<std::int64_t>(random.LogNormal(3, 1.3));
    drawn.requests.push_back(request);
  }
  drawn.changes.push_back({Seconds(0), DrawCosts(random, drawn.limits.batch_max)});
  double at = 0;
  for (std::uint64_t i = random.Below(4); i > 0; --i) {
    at += random.Exponential(0.3 * clock + 0.01);
    drawn.changes.push_back({Seconds(at), DrawCosts(random, drawn.limits.batch_max)});
  }
  return drawn;
}

// Drives the replica as a router would: to times of its own and to each change; requests come a
// while before they are due.
ReferenceOutcome ServeByEvents(const Case& drawn, std::uint64_t seed) {
  Random random(seed, "router");
  ReferenceOutcome out;
  const auto note = [&](const CompletedRequest& r) {
    out.completed.push_back(r);
  };
  Replica replica(drawn.changes[0].costs, drawn.limits);
  const double stride = std::exp(-5 + 8 * random.Uniform());
  std::size_t change = 1, next = 0;
  while (next < drawn.requests.size() || change < drawn.changes.size()) {
    Seconds until = replica.now() + Seconds(random.Exponential(stride));
    if (change < drawn.changes.size()) {
      until = std::min(until, drawn.changes[change].from);
    }
    const Seconds ahead = until + Seconds(random.Exponential(stride));
    while (next < drawn.requests.size() && drawn.requests[next].arrival <= ahead) {
      replica.Submit(drawn.requests[next++]);
    }
    replica.AdvanceTo(until, note);
    if (change < drawn.changes.size() && until == drawn.changes[change].from) {
      replica.SetCosts(drawn.changes[change++].costs);
    }
  }
  replica.AdvanceTo(Seconds(1e9), note);
  out.work = replica.TakeWork();
  return out;
}

void ExpectNear(double actual, double expected, double scale) {
  RC_ASSERT(std::abs(actual - expected) <= 1e-9 * std::max(scale, std::abs(expected)));
}

RC_GTEST_PROP(EventExactReplica, DoesWhatTheTokenSteppedOneDoes, ()) {
  const auto seed = *rc::gen::inRange<std::uint64_t>(0, 1U << 30);
  const Case drawn = DrawCase(seed);
  const ReferenceOutcome expected = ServeTokenByToken(drawn.requests, drawn.changes, drawn.limits);
  const ReferenceOutcome actual = ServeByEvents(drawn, seed);
  RC_ASSERT(actual.completed.size() == drawn.requests.size());
  RC_ASSERT(expected.completed.size() == drawn.requests.size());
  for (std::size_t i = 0; i < expected.completed.size(); ++i) {
    const CompletedRequest& e = expected.completed[i];
    const CompletedRequest& a = actual.completed[i];
    RC_ASSERT(a.group == e.group);
    RC_ASSERT(a.refused == e.refused);
    ExpectNear(a.first_token.si(), e.first_token.si(), 1);
    ExpectNear(a.end.si(), e.end.si(), 1);
  }
  RC_ASSERT(actual.work.prompt_tokens == expected.work.prompt_tokens);
  RC_ASSERT(actual.work.output_tokens == expected.work.output_tokens);
  RC_ASSERT(actual.work.evictions == expected.work.evictions);
  ExpectNear(actual.work.busy.si(), expected.work.busy.si(), 1e-3);
  ExpectNear(actual.work.flop.si(), expected.work.flop.si(), 1);
  ExpectNear(actual.work.arithmetic.si(), expected.work.arithmetic.si(), 1e-6);
  ExpectNear(actual.work.hbm.si(), expected.work.hbm.si(), 1);
  ExpectNear(actual.work.links.si(), expected.work.links.si(), 1);
  RC_TAG(std::string(expected.work.evictions > 0 ? "evictions" : "none"));
}

RC_GTEST_PROP(HandedOverRequests, EndOnceWhereverReplicasFail, ()) {
  // Three replicas, one of which fails now and then; its requests go to the next.
  const auto seed = *rc::gen::inRange<std::uint64_t>(0, 1U << 30);
  Random random(seed, "failures");
  Case drawn = DrawCase(seed);
  drawn.changes[0].costs.cache_tokens = 100000;
  std::vector<Replica> replicas(3, Replica(drawn.changes[0].costs, drawn.limits));
  std::vector<CompletedRequest> done;
  const auto note = [&](const CompletedRequest& r) {
    done.push_back(r);
  };
  std::int64_t decoded = 0;
  for (const Request& request : drawn.requests) {
    for (Replica& replica : replicas) {
      replica.AdvanceTo(request.arrival, note);
    }
    if (random.Below(10) == 0) {
      const std::size_t failed = random.Below(3);
      for (const Request& moved : replicas[failed].TakeAll()) {
        replicas[(failed + 1) % 3].Submit(moved);
      }
    }
    replicas[random.Below(3)].Submit(request);
  }
  for (Replica& replica : replicas) {
    replica.AdvanceTo(Seconds(1e9), note);
    decoded += replica.TakeWork().output_tokens;
    RC_ASSERT(replica.waiting() + replica.active() == 0);
  }
  RC_ASSERT(done.size() == drawn.requests.size());
  std::vector<int> ends(drawn.requests.size());
  std::int64_t wanted = 0;
  for (const CompletedRequest& r : done) {
    const Request& request = drawn.requests.at(static_cast<std::size_t>(r.group));
    RC_ASSERT(++ends[static_cast<std::size_t>(r.group)] == 1);
    RC_ASSERT(!r.refused);
    RC_ASSERT(r.arrival == request.arrival);
    RC_ASSERT(r.output_tokens == request.output_tokens);
    RC_ASSERT(r.arrival < r.first_token);
    RC_ASSERT(r.first_token <= r.end);
    wanted += request.output_tokens;
  }
  RC_ASSERT(decoded >= wanted);
}

TEST(DrawnCases, EvictRefuseAndChange) {
  // The property above is worth what its cases reach.
  int evict = 0, refuse = 0, change = 0;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    const Case drawn = DrawCase(seed);
    const ReferenceOutcome outcome = ServeTokenByToken(drawn.requests, drawn.changes, drawn.limits);
    evict += outcome.work.evictions > 0 ? 1 : 0;
    change += drawn.changes.size() > 1 ? 1 : 0;
    bool refused = false;
    for (const CompletedRequest& request : outcome.completed) {
      refused = refused || request.refused;
    }
    refuse += refused ? 1 : 0;
  }
  EXPECT_GE(evict, 20);
  EXPECT_GE(refuse, 20);
  EXPECT_GE(change, 50);
}

}  // namespace
}  // namespace gridlock
