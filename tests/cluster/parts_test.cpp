// Parts of a cluster by themselves: tenants, spares, levels of power limits, servers of fleets.

#include <algorithm>
#include <cmath>
#include <set>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "sim/cluster/afflictions.h"
#include "sim/cluster/course.h"
#include "sim/cluster/fleet_servers.h"
#include "sim/cluster/ledger.h"
#include "sim/cluster/power_draw.h"
#include "sim/cluster/rates.h"
#include "sim/cluster/relocation.h"
#include "sim/cluster/servers.h"
#include "sim/cluster/spares.h"
#include "sim/cluster/tenants.h"
#include "sim/process/pool.h"
#include "tests/cluster/lives.h"

namespace gridlock {
namespace {

TEST(TenantsUse, CountsHalfAfterAHalfLifeAndByItsShare) {
  const FairShareSpec spec{{{"big", 4}}, Seconds(3600)};
  Tenants tenants(spec);
  const std::int32_t big = tenants.NumberOf("big"), other = tenants.NumberOf("other");
  EXPECT_EQ(tenants.NumberOf("big"), big);
  tenants.Charge(big, 8, Seconds(100));
  tenants.Charge(other, 8, Seconds(100));
  EXPECT_DOUBLE_EQ(tenants.used()[0], 8 * 100 / 4.0);
  tenants.Forget(Seconds(2 * 3600));
  EXPECT_DOUBLE_EQ(tenants.used()[0], 8 * 100 / 4.0 / 4);
  EXPECT_DOUBLE_EQ(tenants.used()[1], 8 * 100 / 4.0);
}

// Of 100 servers some fail and some are repaired, in any order. A cold spare is on for each server
// that is out, as far as there are cold ones; hot ones stand in for the others.
RC_GTEST_PROP(SpareServers, StandInForThoseThatAreOut, ()) {
  ReliabilitySpec spec;
  spec.hot_spares = *rc::gen::inRange(0, 5);
  spec.cold_spares = *rc::gen::inRange(0, 5);
  Spares spares(spec, {100});
  const SiteIndex site{0};
  std::set<std::int32_t> off;
  for (const ServerIndex server : spares.off(site)) {
    off.insert(server.value);
  }
  RC_ASSERT(static_cast<int>(off.size()) == spec.cold_spares);
  std::vector<std::int32_t> out;
  for (int step = 0; step < 30; ++step) {
    if (out.empty() || *rc::gen::inRange(0, 2) == 0) {
      std::int32_t server = *rc::gen::inRange(0, 100);
      while (off.count(server) > 0 || std::count(out.begin(), out.end(), server) > 0) {
        server = (server + 1) % 100;
      }
      out.push_back(server);
      for (const ServerIndex on : spares.TakeOut(site, 1)) {
        spares.SwitchedOn(site);
        RC_ASSERT(off.erase(on.value) == 1U);
      }
    } else {
      const std::int32_t server = out.back();
      out.pop_back();
      if (spares.Repair({site, {server}, 1}).empty()) {
        off.insert(server);
      }
    }
    const auto missing = static_cast<int>(out.size());
    const int cold_on = std::min(spec.cold_spares, missing);
    RC_ASSERT(static_cast<int>(off.size()) == spec.cold_spares - cold_on);
    RC_ASSERT(spares.off(site).size() == off.size());
    RC_ASSERT(spares.kept_free(site) == std::max(0, spec.hot_spares - (missing - cold_on)));
  }
}

TEST(PowerLimits, FallInEqualStepsAndStayAboveIdle) {
  PowerSpec power;
  power.idle = Watts(70);
  power.limit = Watts(700);
  EXPECT_EQ(LimitAt(power, 0), Watts(700));
  for (int level = 1; level < kPowerLevels; ++level) {
    EXPECT_NEAR((LimitAt(power, level - 1) - LimitAt(power, level)).si(), 17.5, 1e-9);
    EXPECT_GT(LimitAt(power, level), power.idle);
  }
  power.idle = Watts(690);
  EXPECT_GT(LimitAt(power, kPowerLevels - 1), power.idle);
}

// A step takes 7 kJ of each board at its limit. What was asked at one limit
// limit is no answer at another.
TEST(RatesOfRuns, AloneAreThoseOfTheLimitsThatAreAskedFor) {
  const Scenario scenario = Week(1, {TrainingJob("run", 1, 100)});
  const TaskResult result = RunInChild([&](const auto& /*progress*/) {
    Ledger ledger(scenario.horizon, Seconds(3600), 1, 1);
    const Course course(scenario, 0, ledger);
    const MachineNow machine(scenario);
    const Servers servers(scenario.sites);
    const std::vector<Member> members = MembersOf(scenario, {});
    const std::vector<JobIndex> active = {JobIndex{0}};
    const Afflictions afflictions;
    const Relocation relocation;
    const ClusterView view{scenario, machine,     servers,    members,
                           active,   afflictions, relocation, course};
    const JobRates rates(
        [](const Situation& situation) {
          const Watts limit = (*situation.sites)[0].server.accelerator.power.limit;
          return std::vector<StepRate>{{Seconds(7000 / limit.si()), Joules(1)}};
        },
        machine);
    std::string says;
    for (const int level : {0, 8, 0, 28}) {
      const Watts limit = LimitAt(scenario.sites[0].server.accelerator.power, level);
      says += Differ("step", rates.StepAlone(view, JobIndex{0}, {level}).si(), 7000 / limit.si());
    }
    return says;
  });
  EXPECT_TRUE(result.ok) << result.failure;
  EXPECT_EQ(result.bytes, "");
}

// 2^55 bytes over 10^12 bytes/s, more than the clock counts at once, and a transfer that is
// cancelled after 100 s: the series has what each carried.
TEST(Storages, CarryMoreThanTheClockCountsAtOnce) {
  const Scenario scenario = Week(1, {}, kDay);
  const TaskResult result = RunInChild([&](const auto& /*progress*/) {
    Ledger ledger(scenario.horizon, Seconds(3600), 0, 1);
    Course course(scenario, 0, ledger);
    Seconds end;
    course.Follow([](const Stretch& /*stretch*/) {}, [] {});
    (void)course.Carry(SiteIndex{0}, BytesPerSecond(1e12), Bytes(0x1.0p55), [&] {
      end = course.now();
      const TransferId second =
          course.Carry(SiteIndex{0}, BytesPerSecond(1e9), Bytes(0x1.0p54), [] {});
      course.At(course.now() + Seconds(100), [&course, second] {
        course.Advance();
        course.Cancel(second);
      });
    });
    course.RunUntil(scenario.horizon);
    double carried = 0;
    for (const double rate : ledger.storage_bytes().Means()) {
      carried += rate * 3600;
    }
    return Differ("end", end.si(), 0x1.0p55 / 1e12) +
           Differ("carried", carried, 0x1.0p55 + 100 * 1e9, 1e-9);
  });
  EXPECT_TRUE(result.ok) << result.failure;
  EXPECT_EQ(result.bytes, "");
}

// A server drawn from the middle leaves both ends, in two runs where it was: the last go first.
TEST(ServersOfAFleet, AreTakenFromTheEndOrOneByOne) {
  Placement placement = {{SiteIndex{0}, ServerIndex{4}, 3}, {SiteIndex{1}, ServerIndex{0}, 2}};
  EXPECT_FALSE(TakeServer(placement, SiteIndex{1}, ServerIndex{5}));
  EXPECT_TRUE(TakeServer(placement, SiteIndex{0}, ServerIndex{5}));
  EXPECT_EQ(placement, (Placement{{SiteIndex{0}, ServerIndex{4}, 1},
                                  {SiteIndex{0}, ServerIndex{6}, 1},
                                  {SiteIndex{1}, ServerIndex{0}, 2}}));
  EXPECT_EQ(TakeLast(placement, 8), (ServerRun{SiteIndex{1}, ServerIndex{0}, 2}));
  EXPECT_EQ(ServersIn(placement), 2);
}

}  // namespace
}  // namespace gridlock
