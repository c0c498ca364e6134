// Links, switches, NICs and planes that fail and come back within a collective or a training step.

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "sim/base/check.h"
#include "sim/base/random.h"
#include "sim/study/changing_network.h"
#include "sim/study/collective_study.h"
#include "sim/study/flow_study.h"
#include "tests/clos_of.h"
#include "tests/engine/machines.h"
#include "topologies/torus/spec.h"

namespace gridlock {

namespace {

SiteSpec PlanesOfSplitNics(int planes, int servers) {
  SiteSpec site = ClosSite(IdealServer(1, 1), {.servers = servers, .servers_per_leaf = servers});
  ClosOf(site).planes = planes;
  ClosOf(site).split_nics = true;
  return site;
}

SiteSpec TorusOf(int side) {
  SiteSpec site;
  site.path = "site";
  site.name = "test";
  site.server = IdealServer(1, 1);
  site.server.direct = true;
  site.servers = side * side;
  TorusSpec torus;
  torus.path = "site.fabric.torus";
  torus.size = {side, side};
  torus.block = {1, 1};
  site.fabric = torus;
  return site;
}

/// A test of all-reduces by rings.
Scenario RingsOn(const SiteSpec& site, const std::vector<double>& sizes) {
  Scenario scenario = ScenarioOf(site, SmallJob({}, 1));
  CollectiveTestSpec test;
  test.path = "job[0].collective_test";
  test.kind = CollectiveKind::kAllReduce;
  test.algorithm = &kRing;
  for (const double size : sizes) {
    test.sizes.emplace_back(size);
  }
  scenario.jobs[0].kind = test;
  return scenario;
}

/// From `from` on the names have failed; none: nothing has.
void Fail(Scenario& scenario, double from, const std::vector<std::string>& names,
          double failover = 0) {
  if (scenario.epochs.empty()) {
    scenario.epochs.push_back({Seconds(0), scenario.sites, scenario.wans, {}});
  }
  Epoch epoch = scenario.epochs.front();
  epoch.from = Seconds(from);
  epoch.sites[0].failed = names;
  epoch.failover = Seconds(failover);
  scenario.epochs.push_back(epoch);
}

double TimeOf(const Scenario& scenario, std::size_t row = 0) {
  return Evaluate(scenario, Fidelity::kFull).tested[row].time.si();
}

/// The seconds of a ring all-reduce over n NICs.
double Ring(int n, double bytes) {
  return 2.0 * (n - 1) / n * bytes / kNic;
}

std::string MessageOf(const Scenario& scenario, Fidelity fidelity) {
  try {
    CheckScenario(scenario, fidelity);
  } catch (const UserError& error) {
    return error.problems().front().path + ": " + error.problems().front().message;
  }
  return "";
}

}  // namespace

TEST(APlaneLost, LeavesSevenEighthsOfTheRest) {
  const SiteSpec site = PlanesOfSplitNics(8, 4);
  const double whole = Ring(4, 1e9);
  Scenario scenario = RingsOn(site, {1e9});
  EXPECT_NEAR(TimeOf(scenario), whole, kTolerance * whole);
  Fail(scenario, whole / 2, {"plane3"});
  EXPECT_NEAR(TimeOf(scenario), whole * (0.5 + 0.5 * 8 / 7), kTolerance * whole);
  // It is back when half of what was left has been sent.
  Fail(scenario, whole / 2 + whole / 4 * 8 / 7, {});
  EXPECT_NEAR(TimeOf(scenario), whole * (0.75 + 0.25 * 8 / 7), kTolerance * whole);
}

TEST(APlaneLost, StopsARingUntilItFailsOver) {
  const double whole = Ring(4, 1e9);
  Scenario scenario = RingsOn(PlanesOfSplitNics(8, 4), {1e9});
  Fail(scenario, whole / 2, {"plane3"}, whole / 10);
  EXPECT_NEAR(TimeOf(scenario), whole * (0.5 + 0.1 + 0.5 * 8 / 7), kTolerance * whole);
}

// Each row of a test is hit in the same way, and so is each iteration.
TEST(APlaneLost, IsCountedFromTheBeginningOfEachCollective) {
  const double at = Ring(4, 1e9) / 2;
  Scenario scenario = RingsOn(PlanesOfSplitNics(8, 4), {1e9, 2e9});
  std::get<CollectiveTestSpec>(scenario.jobs[0].kind).iterations = 3;
  Fail(scenario, at, {"plane3"});
  const StepRecord record = Evaluate(scenario, Fidelity::kFolded);
  EXPECT_EQ(record.fidelity, "folded");
  EXPECT_EQ(record.classes, 1) << "all ranks of the ring fare alike, before the plane and without";
  for (const int i : {0, 1}) {
    const double whole = Ring(4, (1 + i) * 1e9);
    const double seconds = at + (whole - at) * 8 / 7;
    EXPECT_NEAR(record.tested[static_cast<std::size_t>(i)].time.si(), seconds,
                kTolerance * seconds);
  }
}

TEST(ANicThatIsOutForAWhile, StopsTheRingForThatWhile) {
  const double whole = Ring(4, 1e9);
  Scenario scenario =
      RingsOn(ClosSite(IdealServer(1, 1), {.servers = 4, .servers_per_leaf = 4}), {1e9});
  Fail(scenario, whole / 4, {"nic_up[2]"});
  Fail(scenario, whole, {});
  EXPECT_NEAR(TimeOf(scenario), whole * 1.75, kTolerance * whole);
}

TEST(ANicThatStaysOut, IsRefusedWithTheTime) {
  Scenario scenario =
      RingsOn(ClosSite(IdealServer(1, 1), {.servers = 4, .servers_per_leaf = 4}), {1e9});
  Fail(scenario, 1e-3, {"nic_up[2]"});
  EXPECT_EQ(MessageOf(scenario, Fidelity::kFull),
            "site.failed: from 1 ms on no way is left from accelerator 1 to 2; expected failures "
            "that leave one");
  EXPECT_EQ(MessageOf(scenario, Fidelity::kAnalytic),
            "change: links that fail within a step have no closed form: analytic times know no "
            "other traffic; expected --fidelity full");
}

// Rings go over all links at once. What crossed the link goes round over three others, which carry
// as much already.
TEST(ALinkOfATorus, IsGoneRoundOverTheOthers) {
  const SiteSpec site = TorusOf(4);
  const double whole = TimeOf(RingsOn(site, {1e9}));
  Scenario scenario = RingsOn(site, {1e9});
  const std::string link = Network(site).name(LinkIndex{0});
  scenario.sites[0].failed = {link};
  EXPECT_NEAR(TimeOf(scenario), 2 * whole, kTolerance * whole) << link;
  scenario.sites[0].failed = {};
  Fail(scenario, whole / 2, {link});
  EXPECT_NEAR(TimeOf(scenario), 1.5 * whole, kTolerance * whole) << link;
}

TEST(AnUnevenAllToAll, GoesRoundAPlaneThatFailsWithinIt) {
  Scenario scenario = RingsOn(PlanesOfSplitNics(8, 4), {1e9});
  auto& test = std::get<CollectiveTestSpec>(scenario.jobs[0].kind);
  test.kind = CollectiveKind::kAllToAll;
  test.algorithm = nullptr;
  test.uneven = true;
  test.imbalance = 2;
  const double whole = 2 * 1e9 * 3 / 4 / kNic;
  Fail(scenario, whole / 2, {"plane3"});
  EXPECT_NEAR(TimeOf(scenario), whole * (0.5 + 0.5 * 8 / 7), kTolerance * whole);
  test.sizes.emplace_back(2e9);
  EXPECT_EQ(MessageOf(scenario, Fidelity::kFull),
            "job[0].collective_test.size: 2 sizes of all_to_allv are asked for, and links fail at "
            "a time within it; expected one size");
}

TEST(AMessage, GoesRoundAPlaneThatFailsWhileItIsUnderWay) {
  Scenario scenario = RingsOn(PlanesOfSplitNics(8, 4), {1e9});
  const double whole = 1e9 / kNic;
  Fail(scenario, whole / 2, {"plane3"});
  // In a child of its own, as an all-to-all of two ranks.
  auto& test = std::get<CollectiveTestSpec>(scenario.jobs[0].kind);
  test.kind = CollectiveKind::kAllToAll;
  test.algorithm = nullptr;
  test.uneven = true;
  test.ranks = 2;
  test.parts = {0, 2, 0, 0};
  test.sizes = {Bytes(5e8)};
  EXPECT_NEAR(TimeOf(scenario), whole * (0.5 + 0.5 * 8 / 7), kTolerance * whole);
}

// Two stages and four replicas; a step between that without a failure and that with the failure
// throughout, and equal to either where the failure comes after or before everything.
TEST(ATrainingStep, LosesWhatAPlaneThatFailsWithinItCosts) {
  Layout layout;
  layout.pipeline = 2;
  layout.data = 4;
  Scenario whole = ScenarioOf(PlanesOfSplitNics(4, 8), SmallJob(layout, 4));
  const double before = Evaluate(whole, Fidelity::kFull).step_time.si();
  Scenario lost = whole;
  lost.sites[0].failed = {"plane1"};
  const double after = Evaluate(lost, Fidelity::kFull).step_time.si();
  ASSERT_GT(after, before * 1.001);
  double last = after;
  for (const double at : {1e-9, before / 4, before / 2, 0.9 * before, 1.1 * after}) {
    Scenario scenario = whole;
    Fail(scenario, at, {"plane1"});
    const double now = Evaluate(scenario, Fidelity::kFolded).step_time.si();
    EXPECT_LE(now, last * (1 + kTolerance)) << at;
    last = now;
    if (at == 1e-9) {
      EXPECT_NEAR(now, after, kTolerance * after);
    }
  }
  EXPECT_NEAR(last, before, kTolerance * before);
}

// Sixteen replicas of two stages; the NIC of one fails and comes back. What shares no link with it
// stays alike.
TEST(ATrainingStep, FoldsWhatANicThatFailsWithinItLeavesAlike) {
  Layout layout;
  layout.pipeline = 2;
  layout.data = 16;
  int changed = 0;
  for (const Routing routing : {Routing::kSpray, Routing::kEcmp}) {
    const SiteSpec site = ClosSite(IdealServer(2, 2), {.servers = 16,
                                                       .servers_per_leaf = 4,
                                                       .leaves_per_pod = 4,
                                                       .leaf_over = 2,
                                                       .routing = routing});
    Scenario scenario = ScenarioOf(site, SmallJob(layout, 4));
    const double whole = Evaluate(scenario, Fidelity::kFull).step_time.si();
    Fail(scenario, 0.2 * whole, {"nic_up[5]", "nic_up[6]"}, 0.01 * whole);
    Fail(scenario, 3 * whole, {});
    const StepRecord full = Evaluate(scenario, Fidelity::kFull);
    const StepRecord folded = Evaluate(scenario, Fidelity::kFolded);
    changed += std::abs(full.step_time.si() / whole - 1) > 1e-4 ? 1 : 0;
    EXPECT_NEAR(folded.step_time.si(), full.step_time.si(), kTolerance * full.step_time.si());
    EXPECT_NEAR(folded.energy.si(), full.energy.si(), kTolerance * full.energy.si());
    if (routing == Routing::kSpray) {
      EXPECT_LT(folded.classes, 32) << "as many as there are accelerators";
    }
  }
  EXPECT_GT(changed, 0) << "the failure makes a difference";
}

namespace {

/// The share of a link in use between two times.
double UseBetween(const LinkUse& link, const StepRecord& record, double from, double until) {
  double sum = 0;
  for (std::size_t i = 0; i < link.share.size(); ++i) {
    const double begin = static_cast<double>(i) * record.interval.si();
    if (begin >= from && begin + record.interval.si() <= until) {
      sum += link.share[i];
    }
  }
  return sum;
}

SiteSpec DrawnSite(Random& draw) {
  switch (draw.Below(3)) {
    case 0:
      return PlanesOfSplitNics(4, 6);
    case 1:
      return ClosSite(
          IdealServer(2, 2),
          {.servers = 8, .servers_per_leaf = 2, .leaves_per_pod = 4, .routing = Routing::kEcmp});
    default:
      return ClosSite(IdealServer(2, 2),
                      {.servers = 8, .servers_per_leaf = 2, .leaves_per_pod = 4});
  }
}

}  // namespace

// Whatever fails when: nothing crosses it while it is out, what NICs send arrives at NICs, no link
// is above its capacity, and nothing is lost.
TEST(Failures, WithinACollectiveLoseAndCreateNoByte) {
  Random draw(11, "failing_within_test");
  int with_failures = 0;
  for (int round = 0; round < 12; ++round) {
    const SiteSpec site = DrawnSite(draw);
    const Network network(site);
    Scenario scenario = RingsOn(site, {1e9});
    scenario.recording.links = {"nic", network.tiers()[TierTable::kFirstOwn].name};
    const StepRecord whole = Evaluate(scenario, Fidelity::kFull);
    std::vector<std::string> names;
    for (int i = 0; i < 1 + static_cast<int>(draw.Below(2)); ++i) {
      const auto first = static_cast<std::uint64_t>(2 * network.accelerators());
      const auto links = static_cast<std::uint64_t>(network.links());
      names.push_back(
          network.name(LinkIndex{static_cast<std::int32_t>(first + draw.Below(links - first))}));
    }
    const double at = whole.tested[0].time.si() * 0.4, back = whole.tested[0].time.si() * 0.8;
    SiteSpec failed = site;
    failed.failed = names;
    try {
      (void)Network(failed);
    } catch (const UserError&) {
      continue;  // nothing of a bundle is left
    }
    Fail(scenario, at, names, 1e-4);
    Fail(scenario, back, {});
    const StepRecord record = Evaluate(scenario, Fidelity::kFull);
    EXPECT_GE(record.tested[0].time.si(), whole.tested[0].time.si() * (1 - kTolerance));
    Scenario folded = scenario;
    folded.recording.links.clear();
    EXPECT_NEAR(Evaluate(folded, Fidelity::kFolded).tested[0].time.si(), record.tested[0].time.si(),
                kTolerance * record.tested[0].time.si());
    const Network without(failed);
    double up = 0, down = 0, before = 0;
    for (const LinkUse& link : whole.links) {
      before += link.tier == "nic" ? link.carried.si() / 2 : 0;
    }
    for (const LinkUse& link : record.links) {
      const bool nic = link.tier == "nic";
      up += nic && link.name.find("up") != std::string::npos ? link.carried.si() : 0;
      down += nic && link.name.find("down") != std::string::npos ? link.carried.si() : 0;
      for (const double share : link.share) {
        EXPECT_LE(share, 1 + 1e-4) << link.name;
      }
      for (LinkIndex l{0}; l < without.links(); ++l) {
        if (without.failed(l) && without.name(l) == link.name) {
          EXPECT_EQ(UseBetween(link, record, at, back), 0) << link.name;
          EXPECT_GT(link.carried.si(), 0);
          ++with_failures;
        }
      }
    }
    EXPECT_NEAR(up, down, kTolerance * up);
    EXPECT_NEAR(up, before, kTolerance * up);
  }
  EXPECT_GT(with_failures, 3);
}

TEST(RecordedLinks, AreRefusedByTheNamesThatThereAre) {
  Scenario scenario =
      RingsOn(ClosSite(IdealServer(1, 1), {.servers = 4, .servers_per_leaf = 4}), {1e9});
  scenario.recording.links = {"nic_up[9]"};
  EXPECT_EQ(MessageOf(scenario, Fidelity::kFull)
                .find("recording.link[0]: there is no tier or link \"nic_up[9]\""),
            0U);
  scenario.recording.links = {"nic_up[3]"};
  EXPECT_EQ(MessageOf(scenario, Fidelity::kFull), "");
  EXPECT_EQ(MessageOf(scenario, Fidelity::kFolded), "");
}

// A folded run writes down one of links alike, under the name that is asked for.
TEST(RecordedLinks, OfAFoldedRunCarryWhatTheyDoInFull) {
  Scenario scenario = RingsOn(
      ClosSite(IdealServer(8, 8), {.servers = 12, .servers_per_leaf = 2, .leaves_per_pod = 6}),
      {1e9});
  const Network network(scenario.sites[0]);
  for (int i = 3; i < network.links(); i += 17) {
    scenario.recording.links.push_back(network.name(LinkIndex{i}));
  }
  for (const bool fails : {false, true}) {
    if (fails) {
      const double whole = TimeOf(scenario);
      Fail(scenario, whole * 0.4, {"nic_up[5]"}, whole * 0.01);
      Fail(scenario, whole * 0.8, {});
      scenario.recording.links.emplace_back("nic_up[5]");
    }
    const StepRecord full = Evaluate(scenario, Fidelity::kFull);
    const StepRecord folded = Evaluate(scenario, Fidelity::kFolded);
    EXPECT_EQ(folded.fidelity, "folded");
    ASSERT_GE(folded.links.size(), scenario.recording.links.size());
    for (std::size_t i = 0; i < scenario.recording.links.size(); ++i) {
      const LinkUse& link = folded.links[i];
      const auto same = std::find_if(full.links.begin(), full.links.end(), [&](const auto& other) {
        return other.name == link.name;
      });
      ASSERT_NE(same, full.links.end()) << link.name;
      EXPECT_EQ(link.from, same->from);
      EXPECT_EQ(link.to, same->to);
      EXPECT_NEAR(link.carried.si(), same->carried.si(), kTolerance * 1e9) << link.name;
      ASSERT_EQ(link.share.size(), same->share.size()) << link.name;
      for (std::size_t s = 0; s < link.share.size(); ++s) {
        EXPECT_NEAR(link.share[s], same->share[s], 1e-5) << link.name << " " << s;
      }
    }
  }
}

}  // namespace gridlock
