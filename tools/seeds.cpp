#include "tools/seeds.h"

#include <utility>
#include <vector>

#include <fmt/format.h>

#include "sim/base/archive.h"
#include "sim/base/atomic_file.h"
#include "sim/cluster/life.h"
#include "sim/process/pool.h"
#include "sim/report/csv_of_json.h"
#include "sim/report/seeds.h"

#include "tools/progress.h"
#include "tools/screen.h"

namespace gridlock {

namespace {

using Steps = std::vector<std::pair<std::string, std::vector<StepRate>>>;

/// What a child sends home: its key figures, and the steps that were new to it.
struct SeedResult {
  std::vector<std::string> names, units;
  std::vector<double> values;
  Steps steps;
};

Scenario WithSeed(Scenario scenario, std::uint64_t seed) {
  scenario.seed = seed;
  for (SiteSpec& site : scenario.sites) {
    site.hash_seed = seed;
  }
  for (Epoch& epoch : scenario.epochs) {
    for (SiteSpec& site : epoch.sites) {
      site.hash_seed = seed;
    }
  }
  return scenario;
}

std::string LiveOne(const Scenario& scenario, const StepMemory& known,
                    const std::function<void(double)>& progress) {
  StepOracle oracle;
  oracle.Remember(known);
  const LifeRecord record = SimulateLife(
      scenario,
      [&](const Situation& situation) {
        return oracle.RatesOf(situation);
      },
      progress);
  SeedResult result;
  for (const KeyFigure& figure : KeyFiguresOf(record)) {
    result.names.push_back(figure.name);
    result.units.push_back(figure.unit);
    result.values.push_back(figure.value);
  }
  for (const auto& [key, rates] : oracle.memory()) {
    if (known.count(key) == 0) {
      result.steps.emplace_back(key, rates);
    }
  }
  ArchiveWriter out;
  out.All(result.names, result.units, result.values, result.steps);
  return std::move(out.bytes);
}

std::vector<KeyFigure> TakeHome(const std::string& bytes, StepMemory& known) {
  SeedResult result;
  ArchiveReader in(bytes);
  in.All(result.names, result.units, result.values, result.steps);
  for (auto& [key, rates] : result.steps) {
    known.emplace(std::move(key), std::move(rates));
  }
  std::vector<KeyFigure> figures;
  for (std::size_t i = 0; i < result.names.size(); ++i) {
    figures.push_back({result.names[i], result.units[i], result.values[i]});
  }
  return figures;
}

}  // namespace

int RunSeeds(const ScenarioOptions& options, const Scenario& scenario, int seeds) {
  const std::string folder = OutputFolder(options, "out/" + scenario.name + "-seeds");
  ProgressLine progress(options.quiet);
  StepMemory known;
  std::vector<std::vector<KeyFigure>> lives;
  PoolOptions pool;
  pool.progress = [&](std::size_t done, double fraction) {
    progress.Show(fmt::format("{} of {} lives", done, seeds), fraction);
  };
  // The first life alone finds most steps, so that all others know them.
  const auto live = [&](std::uint64_t first, std::size_t count) {
    RunTasks(
        count,
        [&, first](std::size_t i) {
          const std::uint64_t seed = scenario.seed + first + i;
          return [&scenario, &known, seed](const std::function<void(double)>& report) {
            return LiveOne(WithSeed(scenario, seed), known, report);
          };
        },
        [&](std::size_t /*i*/, TaskResult result) {
          lives.push_back(TakeHome(std::move(result).Take(), known));
        },
        pool);
  };
  live(0, 1);
  live(1, static_cast<std::size_t>(seeds) - 1);
  progress.Clear();
  const std::vector<FigureSpread> figures = SpreadOf(lives);
  const std::string json = SeedsJson(scenario.name, figures, seeds, scenario.seed);
  WriteFileAtomically(folder + "/seeds.json", json);
  WriteFileAtomically(folder + "/seeds.csv", CsvOfJson(json, "figures"));
  PrintText(options.format == "json" ? json
                                     : SeedsText(scenario.name, figures, seeds, scenario.seed));
  return kSuccess;
}

}  // namespace gridlock
