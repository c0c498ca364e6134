#include "tools/build_lives.h"

#include <cmath>
#include <utility>

#include "sim/base/archive.h"
#include "sim/layouts/packed_rates.h"
#include "sim/process/pool.h"
#include "sim/record/life_measures.h"
#include "sim/report/life_figures.h"
#include "sim/scenario/point.h"

namespace gridlock {

namespace {

using NewSteps = std::vector<std::pair<std::string, std::vector<StepRate>>>;

double MedianWait(const LifeRecord& record, double& finished) {
  finished = 0;
  for (const CampaignFigures& campaign : CampaignsOf(record)) {
    finished = static_cast<double>(campaign.outcomes[static_cast<int>(Outcome::kFinished)]);
    return campaign.waiting_median.si() / kSecondsPerHour;
  }
  return std::nan("");
}

BuildFigures BuildFiguresOf(const Scenario& scenario, const LifeRecord& record, bool simulated) {
  BuildFigures figures;
  const LifeJob& run = record.jobs.front();
  figures.simulated = simulated;
  figures.days = run.end.si() >= 0 ? run.end.si() / kSecondsPerDay : -1;
  figures.tokens = run.tokens;
  figures.ettr = Ettr(run, record);
  figures.mfu = HoldingMfu(run);
  figures.waiting_h = MedianWait(record, figures.experiments_done);
  figures.good_share = record.requests.empty() ? std::nan("") : record.requests[0].good_share;
  const LifeSite& site = record.sites.front();
  figures.mean_mw = MeanPower(site, record).si() / 1e6;
  figures.peak_mw = site.peak_power.si() / 1e6;
  figures.energy_usd = site.cost_usd;
  figures.operation_usd = site.operation_usd;
  figures.run_usd_per_million = UsdPerMillionTokens(run);
  figures.capital_usd =
      scenario.sites[0].capital_usd_per_accelerator * static_cast<double>(site.accelerators);
  figures.fingerprint = simulated ? LifeFingerprintText(record) : "";
  return figures;
}

// Figures in the one order in which they are written and read.
template <typename Archive, typename Figures>
void EachFigure(Archive& archive, Figures& of) {
  archive.All(of.simulated, of.days, of.tokens, of.ettr, of.mfu, of.waiting_h, of.experiments_done,
              of.good_share, of.mean_mw, of.peak_mw, of.energy_usd, of.capital_usd,
              of.operation_usd, of.run_usd_per_million, of.fingerprint);
}

// What a child hands over: figures, and steps that were not known.
std::string LiveText(const std::string& text, bool simulated, const StepMemory& known,
                     const LivesProgress& progress) {
  const Scenario scenario = ScenarioBase("build", text, {}).At({});
  StepOracle oracle;
  oracle.Remember(known);
  PackedRates packed;
  const LifeRecord record = SimulateLife(
      scenario,
      [&](const Situation& situation) {
        return simulated ? oracle.RatesOf(situation) : packed.RatesOf(situation);
      },
      progress);
  NewSteps steps;
  for (const auto& [key, rates] : oracle.memory()) {
    if (known.count(key) == 0) {
      steps.emplace_back(key, rates);
    }
  }
  const BuildFigures figures = BuildFiguresOf(scenario, record, simulated);
  ArchiveWriter out;
  EachFigure(out, figures);
  out.All(steps);
  return std::move(out.bytes);
}

void TakeFigures(const TaskResult& result, Build& build, StepMemory& known) {
  if (!result.ok) {
    build.problem = result.problems.empty() ? result.failure : result.problems.front().message;
    return;
  }
  ArchiveReader in(result.bytes);
  EachFigure(in, build.figures);
  NewSteps steps;
  in.All(steps);
  for (auto& [key, rates] : steps) {
    known.emplace(std::move(key), std::move(rates));
  }
}

}  // namespace

void LiveDrafts(const std::vector<Draft*>& drafts, bool simulated, int parallel,
                const LivesProgress& progress, StepMemory& known) {
  std::vector<Draft*> alive;
  for (Draft* draft : drafts) {
    if (draft->build.problem.empty()) {
      alive.push_back(draft);
    }
  }
  PoolOptions pool;
  pool.parallel = parallel;
  pool.progress = [&progress](std::size_t /*done*/, double fraction) {
    progress(fraction);
  };
  RunTasks(
      alive.size(),
      [&](std::size_t i) -> Task {
        return [&, i](const std::function<void(double)>& report) {
          return LiveText(alive[i]->text, simulated, known, report);
        };
      },
      [&](std::size_t i, const TaskResult& result) {
        TakeFigures(result, alive[i]->build, known);
      },
      pool);
}

}  // namespace gridlock
