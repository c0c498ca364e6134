// What servers draw beside their accelerators, what cables draw, and what machines cost.

#include <cmath>
#include <sstream>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "sim/energy/energy.h"
#include "sim/energy/site_power.h"
#include "sim/record/life_measures.h"
#include "sim/scenario/point.h"
#include "tests/cluster/lives.h"
#include "tests/engine/machines.h"
#include "topologies/topology.h"

namespace gridlock {
namespace {

constexpr double kTransceiver = 10.0 / 50e9;  // 10 W for 400 Gbps

Scenario OfCatalogue(const std::string& server, const std::string& more = "") {
  const std::string text = R"(schema_version: 1
name: "hosts"
horizon: "1 days"
site {
  name: "hall" server: ")" +
                           server + R"(" servers: 4
  fabric {
    clos { tiers: 2 servers_per_leaf: 2 leaves_per_pod: 2 leaf_oversubscription: 1
           leaf_switch: "quantum2_qm9700" spine_switch: "quantum2_qm9700" routing: SPRAY }
  }
)" + more + R"(
}
job {
  pretraining {
    model: "llama_3.1_8b" stack: "megatron_core"
    layout { tensor: 8 pipeline: 1 data: 4 sequence_parallel: true }
    global_batch: 16 sequence_length: 8192 steps: 1000
  }
}
)";
  return ScenarioBase("hosts", text, {}).At({});
}

TEST(Hosts, DrawTheirIdlePowerAndGrowWithTheirAccelerators) {
  ServerSpec server = RealisticServer(8, 8);
  server.overhead_power = Watts(1000);
  server.overhead_per_watt = 0.25;
  const Seconds step(2);
  StepActivity none;
  EXPECT_DOUBLE_EQ(EnergyOfStep(server, 8, step, none).servers.si(), 2000);
  StepActivity work;
  work.arithmetic = Joules(3000);
  work.hbm = Bytes(1e12);
  const StepEnergy energy = EnergyOfStep(server, 4, step, work);
  EXPECT_DOUBLE_EQ(energy.servers.si(), 1000 + 0.25 * (energy.flop + energy.hbm).si());
  EXPECT_GT(energy.hbm.si(), 0);
}

// 8 boards of 700 W, each watt above idle with a quarter in the host, and 1 kW beside them.
TEST(Hosts, HaveOneNameplate) {
  ServerSpec server = RealisticServer(8, 8);
  server.overhead_power = Watts(1000);
  server.overhead_per_watt = 0.25;
  server.accelerator.power.idle = Watts(100);
  server.accelerator.power.limit = Watts(700);
  EXPECT_DOUBLE_EQ(FullPower(server).si(), 8 * (700 + 0.25 * 600) + 1000);
  EXPECT_DOUBLE_EQ(FullPower(server, Watts(400)).si(), 8 * (400 + 0.25 * 300) + 1000);
  EXPECT_DOUBLE_EQ(FullPower(server, Watts(100)).si(), IdlePower(server).si());
}

// Watts of one board over a step of a second.
double BoardWatts(const ServerSpec& server, double arithmetic) {
  StepActivity work;
  work.arithmetic = Joules(arithmetic);
  const StepEnergy energy = EnergyOfStep(server, 1, Seconds(1), work);
  return (energy.total() - energy.servers).si();
}

TEST(Boards, PayForTheClockThatTheyHaveUpToTheirLimit) {
  ServerSpec server = RealisticServer(8, 8);
  PowerSpec& power = server.accelerator.power;
  power.idle = Watts(100);
  power.limit = Watts(700);
  EXPECT_DOUBLE_EQ(BoardWatts(server, 400), 500);
  power.active = Watts(120);
  power.per_flop_at_full_clock = power.per_flop * 1.25;
  EXPECT_DOUBLE_EQ(BoardWatts(server, 0), 120);
  EXPECT_DOUBLE_EQ(BoardWatts(server, 400), 120 + 1.25 * 400);
  EXPECT_DOUBLE_EQ(BoardWatts(server, 500), 700);
  EXPECT_DOUBLE_EQ(BoardWatts(server, 5000), 700);
}

TEST(Boards, KeepTheirLimitWhileKernelsRun) {
  ServerSpec server = RealisticServer(8, 8);
  PowerSpec& power = server.accelerator.power;
  power.idle = Watts(100);
  power.limit = Watts(700);
  StepActivity work;
  work.arithmetic = Joules(590);
  work.busy = Seconds(0.8);
  const StepEnergy energy = EnergyOfStep(server, 1, Seconds(1), work);
  EXPECT_DOUBLE_EQ((energy.total() - energy.servers).si(), 100 + 0.8 * 600);
  work.arithmetic = Joules(400);
  const StepEnergy below = EnergyOfStep(server, 1, Seconds(1), work);
  EXPECT_DOUBLE_EQ((below.total() - below.servers).si(), 500);
}

TEST(Boards, BurnWhatIsMissingToTheirFloor) {
  ServerSpec server = RealisticServer(8, 8);
  PowerSpec& power = server.accelerator.power;
  power.idle = Watts(100);
  power.limit = Watts(700);
  power.floor = Watts(400);
  StepActivity work;
  work.arithmetic = Joules(480);  // 700 W for 0.8 s
  work.busy = Seconds(0.8);
  EXPECT_DOUBLE_EQ(EnergyOfStep(server, 1, Seconds(1), work).burned.si(), 0.2 * 300);
  work.arithmetic = Joules(160);  // 300 W for 0.8 s
  EXPECT_DOUBLE_EQ(EnergyOfStep(server, 1, Seconds(1), work).burned.si(), 0.2 * 300 + 0.8 * 100);
  power.floor = Watts(80);
  EXPECT_DOUBLE_EQ(EnergyOfStep(server, 1, Seconds(1), work).burned.si(), 0);
}

// From 700 to 100 W in 6 s at 100 W/s: in a wait of 0.2 s a board falls by 20 W alone, and over a
// floor of 690 W by what is above it.
TEST(Boards, BurnWhatKeepsThemFromFallingFasterThanTheirRamp) {
  ServerSpec server = RealisticServer(8, 8);
  PowerSpec& power = server.accelerator.power;
  power.idle = Watts(100);
  power.limit = Watts(700);
  power.ramp_down = WattsPerSecond(100);
  StepActivity work;
  work.arithmetic = Joules(480);  // 700 W for 0.8 s
  work.busy = Seconds(0.8);
  EXPECT_NEAR(EnergyOfStep(server, 1, Seconds(1), work).burned.si(), 0.2 * (600 - 10), 1e-9);
  power.floor = Watts(690);
  EXPECT_NEAR(EnergyOfStep(server, 1, Seconds(1), work).burned.si(), 0.2 * 590 + 10 * 0.1 / 2,
              1e-9);
  power.floor = Watts(0);
  power.ramp_down = WattsPerSecond(6e6);  // in a ten-thousandth of a second
  EXPECT_NEAR(EnergyOfStep(server, 1, Seconds(1), work).burned.si(), 600 * 1e-4 / 2, 1e-9);
}

// GEMMs for a share of the time on one H100, in TFLOP/s and watts (PyTorch 2.11).
TEST(Boards, OfH100DrawWhatWasMeasured) {
  const ServerSpec server = OfCatalogue("dgx_h100").sites[0].server;
  const PowerSpec& power = server.accelerator.power;
  const std::pair<double, double> measured[] = {{0, 120},   {79, 211},  {237, 369}, {390, 517},
                                                {539, 687}, {642, 687}, {675, 705}};
  for (const auto& [tera, watts] : measured) {
    EXPECT_NEAR(BoardWatts(server, power.per_flop.si() * tera * 1e12), watts, 0.05 * watts) << tera;
  }
}

TEST(Hosts, OfTheCatalogueReachTheirOverheadAtTheLimitOfTheBoards) {
  for (const char* name : {"dgx_h100", "hgx_h200"}) {
    const ServerSpec server = OfCatalogue(name).sites[0].server;
    const PowerSpec& power = server.accelerator.power;
    const double boards = 8 * (power.limit - power.idle).si();
    EXPECT_NEAR(server.overhead_power.si() + server.overhead_per_watt * boards, 3100, 1e-6);
    // An idle server: 2 to 2.5 kW, and not its nameplate.
    const double idle = 8 * power.idle.si() + server.overhead_power.si();
    EXPECT_GT(idle, 2000) << name;
    EXPECT_LT(idle, 2500) << name;
  }
}

TEST(Cables, HaveATransceiverAtBothEnds) {
  SiteSpec site = OfCatalogue("hgx_h200").sites[0];
  EXPECT_DOUBLE_EQ(site.optics.si(), kTransceiver);
  // 32 NICs of 400 Gbps, a cable of each to its leaf, and as much bandwidth from leaves to spines.
  EXPECT_NEAR(PowerOfOptics(*MakeTopology(site)).si(), 32 * 4 * 10, 1e-6);
  site = OfCatalogue("hgx_h200", R"(optics: "dac_400g")").sites[0];
  EXPECT_NEAR(PowerOfOptics(*MakeTopology(site)).si(), 32 * 4 * 0.1, 1e-6);
}

TEST(Capital, IsThatOfTheSiteOrFollowsFromTheAccelerator) {
  EXPECT_DOUBLE_EQ(OfCatalogue("dgx_h100").sites[0].capital_usd_per_accelerator, 1.5 * 30000);
  const SiteSpec own =
      OfCatalogue("dgx_h100", R"(capital { per_accelerator: 1000 depreciation: "10 days" })")
          .sites[0];
  EXPECT_DOUBLE_EQ(own.capital_usd_per_accelerator, 1000);
  EXPECT_DOUBLE_EQ(own.depreciation.si(), 10 * kDay);
}

TEST(Capital, IsWrittenOffByTheJobsThatHoldItAndByTheRest) {
  Scenario scenario = Week(4, {TrainingJob("a", 1, 1000)}, kDay);
  scenario.sites[0].capital_usd_per_accelerator = 1000;
  scenario.sites[0].depreciation = Seconds(100 * kDay);
  scenario.sites[0].pue = 1.25;
  scenario.epochs = {{Seconds(0), scenario.sites, {}, {}}};
  EXPECT_EQ(Live(scenario, TenSeconds,
                 [](const LifeRecord& record) {
                   const LifeJob& job = record.jobs[0];  // 8 accelerators for 10,000 s
                   return Differ("site", record.sites[0].capital_usd, 32 * 1000 / 100.0) +
                          Differ("job", job.capital_usd, 8 * 1000 * 1e4 / (100 * kDay)) +
                          Differ("with PUE", job.facility_energy.si(), 1.25 * job.energy.si()) +
                          Differ("per million tokens", UsdPerMillionTokens(job),
                                 (job.cost_usd + job.capital_usd) / job.tokens * 1e6);
                 }),
            "");
}

// 30 % below what a site at work draws: it goes on, slower.
TEST(PowerCap, OfThirtyPerCentDoesNotStopASiteOfTheCatalogue) {
  const auto live = [](const std::string& cap, double& peak, double& step, std::int64_t& steps) {
    const Scenario scenario = OfCatalogue("hgx_h200", cap);
    const std::string problem = Live(
        scenario,
        [](const Situation& situation) {
          // A step of 1 s at the boards' limit; the clock goes with the cube root of the power.
          std::vector<StepRate> rates;
          for (const PlacedJob& job : situation.jobs) {
            const ServerSpec& server = (*situation.sites)[0].server;
            const PowerSpec& power = server.accelerator.power;
            const double boards = 8 * (power.limit - power.idle).si();
            StepRate rate;
            rate.step_time = Seconds(std::cbrt(625 / (boards / 8)));
            rate.energy = (power.idle * 8.0 + server.overhead_power +
                           Watts(boards * (1 + server.overhead_per_watt))) *
                          rate.step_time * static_cast<double>(ServersIn(job.placement));
            rates.push_back(rate);
          }
          return rates;
        },
        [&](const LifeRecord& record) {
          const LifeJob& job = record.jobs[0];
          return fmt::format("{} {} {}", record.sites[0].peak_power.si(), MeanStepTime(job).si(),
                             job.steps_done);
        });
    std::istringstream(problem) >> peak >> step >> steps;
  };
  double free = 0, capped = 0, fast = 0, slow = 0;
  std::int64_t all = 0, some = 0;
  live("", free, fast, all);
  live(fmt::format("facility {{ power_cap: \"{:.1f} W\" }}", 0.7 * free), capped, slow, some);
  EXPECT_EQ(all, 1000);
  EXPECT_EQ(some, 1000);
  EXPECT_LE(capped, 0.7 * free);
  EXPECT_GT(capped, 0.6 * free);
  EXPECT_GT(slow, 1.1 * fast);
}

}  // namespace
}  // namespace gridlock
