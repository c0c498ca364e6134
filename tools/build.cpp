#include "sim/builds/build.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <map>
#include <memory>
#include <sstream>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "sim/base/archive.h"
#include "sim/base/atomic_file.h"
#include "sim/builds/build_table.h"
#include "sim/catalogue/list.h"
#include "sim/cluster/life.h"
#include "sim/layouts/asked_text.h"
#include "sim/layouts/plan.h"
#include "sim/process/pool.h"
#include "workloads/transformer.h"

#include "tools/build_lives.h"
#include "tools/build_options.h"
#include "tools/command.h"
#include "tools/progress.h"
#include "tools/screen.h"

namespace gridlock {

namespace {

std::vector<std::string> WordsOf(const std::string& text) {
  std::vector<std::string> words;
  std::istringstream stream(text);
  for (std::string word; std::getline(stream, word, ',');) {
    words.push_back(word);
  }
  return words;
}

Scenario SiteOf(const BuildAsked& asked, const BuildParts& parts, std::int64_t servers) {
  constexpr std::int64_t kBatch = 4096;
  return ScenarioBase("build", StepText(asked, parts, servers, kBatch), {}).SitesAt({});
}

// The network of a larger site has more switches for each server: the figures are those of the size
// that they lead to.
void SizeSite(const BuildAsked& asked, Draft& draft) {
  Build& build = draft.build;
  std::int64_t servers = 1024;
  for (int round = 0; round < 3; ++round) {
    const Scenario scenario = SiteOf(asked, build.parts, servers);
    const ServerFigures figures = FiguresOf(scenario.sites.front());
    const WithinBudget within = ServersWithin(asked, figures);
    servers = within.servers;
    build.binds = within.binds;
    build.per_server_usd = figures.capital_usd;
    if (servers < 1) {
      throw UserError("", "the budget holds no server of it");
    }
    if (asked.dollars > 0 && figures.capital_usd <= 0) {
      throw UserError("", "the catalogue has no price of the accelerator");
    }
  }
  if (draft.growth > 1) {
    BuildAsked money = asked;
    money.megawatts = 0;
    const auto most =
        asked.dollars > 0
            ? ServersWithin(money, FiguresOf(SiteOf(asked, build.parts, servers).sites.front()))
            : WithinBudget{servers * 4, ""};
    servers = std::min(most.servers, static_cast<std::int64_t>(
                                         std::floor(static_cast<double>(servers) * draft.growth)));
    build.size.capped = true;
  }
  build.size.servers = servers;
}

double GoodShare(const std::string& text) {
  const Scenario scenario = ScenarioBase("probe", text, {}).At({});
  const LifeRecord record = SimulateLife(scenario,
                                         [](const Situation& /*nothing trains*/) {
                                           return std::vector<StepRate>();
                                         },
                                         {});
  const LifeRequests& requests = record.requests.front();
  // What is not answered by the end has not kept its objectives.
  return requests.completed > 0 ? requests.good_share * requests.completed / requests.arrived : 0;
}

// The share of requests that each probe answers within its objectives; 0 where it does not fit.
std::vector<double> GoodShares(const BuildAsked& asked, const BuildParts& parts,
                               const std::vector<FleetProbe>& probes, int parallel) {
  std::vector<double> good(probes.size(), 0);
  PoolOptions pool;
  pool.parallel = parallel;
  RunTasks(
      probes.size(),
      [&](std::size_t i) -> Task {
        return [&, i](const std::function<void(double)>& /*progress*/) {
          ArchiveWriter out;
          out.All(GoodShare(FleetProbeText(asked, parts, probes[i])));
          return std::move(out.bytes);
        };
      },
      [&](std::size_t i, const TaskResult& result) {
        if (result.ok) {
          ArchiveReader in(result.bytes);
          in.All(good[i]);
        }
      },
      pool);
  return good;
}

// Replicas that answer the users at their busiest hour, but no more than four fifths of the site.
void SetFleet(const BuildAsked& asked, Draft& draft, int parallel) {
  Build& build = draft.build;
  if (asked.users <= 0) {
    return;
  }
  BuildAsked serving = asked;
  serving.model = asked.serving_model;
  const Scenario scenario =
      ScenarioBase("build", StepText(serving, build.parts, build.size.servers, 4096), {}).At({});
  const ServerSpec& server = scenario.site().server;
  const std::vector<FleetProbe> probes = FleetProbes(asked, server.accelerator, server.accelerators,
                                                     ModelParameters(scenario.training().model));
  const FleetSize fleet = FleetOf(asked, probes, GoodShares(asked, build.parts, probes, parallel));
  const int per_server = server.accelerators / fleet.tensor;
  const std::int64_t wanted = (fleet.replicas + per_server - 1) / per_server;
  build.size.fleet_tensor = fleet.tensor;
  build.size.fleet = std::clamp<std::int64_t>(build.size.servers * 4 / 5, 1, wanted);
  build.users_served = static_cast<double>(build.size.fleet) / static_cast<double>(wanted);
}

/// The fastest layout of a run of so many accelerators.
struct BestLayout {
  LayoutChoice choice;
  double step_s = 0;       ///< infinite: nothing fits, or nothing is as fast as was asked for
  double step_s_most = 0;  ///< that was asked for; 0: any
};

/// Layouts that were searched, by the text of the step and the accelerators: builds that differ in
/// their spares ask for the same ones.
using LayoutMemory = std::map<std::pair<std::string, std::int64_t>, BestLayout>;

BestLayout SearchLayout(const std::string& text, std::int64_t accelerators, double step_s_most,
                        int parallel) {
  const ScenarioBase base("build", text, {});
  PlanAsked plan;
  plan.accelerators = {accelerators};
  plan.top = 1;
  plan.parallel = parallel;
  plan.simulate = false;
  plan.step_s_most = step_s_most;
  try {
    const LayoutPlan found = MakePlan(base, base.At({}), plan, {});
    const Proposal& proposal = found.proposals.front();
    return {proposal.layout.choice, proposal.step.step_time.si(), step_s_most};
  } catch (const UserError&) {
    return {{}, std::numeric_limits<double>::infinity(), step_s_most};
  }
}

// Of the sizes that a run could have the one that trains the most tokens a second, by closed forms.
LayoutChoice BestRun(const BuildAsked& asked, Draft& draft, std::int64_t accelerators,
                     LayoutMemory& layouts, int parallel) {
  Build& build = draft.build;
  LayoutChoice best;
  double best_rate = 0;
  for (const RunSize& size : RunSizes(asked, accelerators)) {
    const std::string text = StepText(asked, build.parts, build.size.servers, size.batch);
    // What would not be better than the best of another size need not be looked at.
    const double most = best_rate > 0 ? static_cast<double>(size.batch) / best_rate : 0;
    const auto [entry, added] = layouts.try_emplace({text, size.accelerators});
    const BestLayout& known = entry->second;
    const bool open = std::isinf(known.step_s) && known.step_s_most > 0 &&
                      (most <= 0 || most > known.step_s_most);
    if (added || open) {
      entry->second = SearchLayout(text, size.accelerators, most, parallel);
    }
    const double rate = static_cast<double>(size.batch) / entry->second.step_s;
    if (rate > best_rate) {
      best_rate = rate;
      best = entry->second.choice;
      build.accelerators = size.accelerators;
      build.size.batch = size.batch;
    }
  }
  if (best_rate <= 0) {
    throw UserError("", "no layout of the model fits so many of it");
  }
  return best;
}

// Everything that a build is before it lives.
void Complete(const BuildAsked& asked, Draft& draft, LayoutMemory& layouts, int parallel) {
  Build& build = draft.build;
  SizeSite(asked, draft);
  SetFleet(asked, draft, parallel);
  const auto accelerators = static_cast<double>(build.size.servers) * build.parts.per_server;
  build.size.storage_tbps = StorageFor(accelerators);
  build.size.batch = 4096;
  const Scenario first =
      ScenarioBase("build", LifeText(asked, build.parts, build.size, "build"), {}).At({});
  const double mtbf = first.reliability.server_mtbf.si();
  const double left = static_cast<double>(build.size.servers - build.size.fleet);
  build.size.spares = SparesFor(left * asked.repair_hours * kSecondsPerHour / mtbf, draft.quantile);
  build.size.spares = std::min<std::int64_t>(build.size.spares, build.size.servers / 10);
  const std::int64_t servers = build.size.servers - build.size.fleet - build.size.spares;
  if (servers < 1) {
    throw UserError("", fmt::format("{} servers are within the budget, and the fleet and spares "
                                    "leave none for the run; expected a larger budget",
                                    build.size.servers));
  }
  const LayoutChoice choice =
      BestRun(asked, draft, servers * build.parts.per_server, layouts, parallel);
  const auto& run = std::get<PretrainingSpec>(first.jobs[0].kind);
  constexpr double kBytesPerParameter = 14;
  const double write_s =
      kBytesPerParameter * ModelParameters(run.step.model) / (build.size.storage_tbps * 1e12);
  const double job_mtbf = mtbf * build.parts.per_server / static_cast<double>(build.accelerators);
  build.size.checkpoint_s = YoungInterval(write_s, job_mtbf);
  build.layout = ChoiceInWords(choice);
  const std::string name = fmt::format(
      "{}-{}x{}{}{}", build.parts.accelerator, build.size.servers, build.parts.per_server,
      draft.quantile < 0.9 ? "-few-spares" : "", build.size.capped ? "-capped" : "");
  const ScenarioBase life("build", LifeText(asked, build.parts, build.size, name), {});
  draft.text = life.TextAt(PointOf(choice));
}

class Builder {
 public:
  explicit Builder(const BuildOptions& options) : options_(options), progress_(options.quiet) {}

  // Sized and lived with steps by closed forms; then the best live with simulated ones, until those
  // in front are.
  std::vector<Build> All() {
    const CatalogueList catalogue = ListCatalogue();
    std::vector<Draft> all;
    for (const std::string& accelerator : WordsOf(options_.accelerators)) {
      for (const std::string& spines : WordsOf(options_.spines)) {
        Draft draft;
        draft.build.parts = PartsFor(accelerator, std::stoi(spines), catalogue);
        all.push_back(std::move(draft));
      }
    }
    LookAt(all);
    std::vector<Draft> more;
    for (const Draft& draft : all) {
      AddVariants(draft, more);
    }
    LookAt(more);
    std::move(more.begin(), more.end(), std::back_inserter(all));
    SimulateBest(all);
    progress_.Clear();
    return Ranked(std::move(all));
  }

 private:
  // With fewer spares, and as large as the draw of the build allows.
  void AddVariants(const Draft& draft, std::vector<Draft>& more) const {
    if (!draft.build.problem.empty()) {
      return;
    }
    Draft fewer;
    fewer.build.parts = draft.build.parts;
    fewer.quantile = 0.5;
    more.push_back(fewer);
    const double room = options_.asked.megawatts / draft.build.figures.peak_mw;
    if (draft.build.binds == "power" && room > 1.01) {
      Draft larger;
      larger.build.parts = draft.build.parts;
      larger.growth = room;
      more.push_back(larger);
    }
  }

  // Sizes drafts and lives them by closed forms.
  void LookAt(std::vector<Draft>& drafts) {
    std::vector<Draft*> all;
    for (std::size_t i = 0; i < drafts.size(); ++i) {
      Draft& draft = drafts[i];
      Show(fmt::format("sizing {}", draft.build.parts.accelerator),
           static_cast<double>(i) / static_cast<double>(drafts.size()));
      try {
        Complete(options_.asked, draft, layouts_, options_.parallel);
      } catch (const UserError& error) {
        draft.build.problem = error.problems().front().message;
      }
      all.push_back(&draft);
    }
    Live(all, /*simulated=*/false, "first look at lives");
  }

  // A build that was not simulated is not better than it looks. So once those in front are
  // simulated, none of the others can pass them.
  void SimulateBest(std::vector<Draft>& drafts) {
    std::vector<Draft*> order;
    for (Draft& draft : drafts) {
      order.push_back(&draft);
    }
    while (true) {
      std::stable_sort(order.begin(), order.end(), [](const Draft* a, const Draft* b) {
        return IsBetter(a->build, b->build);
      });
      std::vector<Draft*> next;
      for (std::size_t i = 0; i < order.size() && i < static_cast<std::size_t>(options_.simulate);
           ++i) {
        if (order[i]->build.problem.empty() && !order[i]->build.figures.simulated) {
          next.push_back(order[i]);
        }
      }
      if (next.empty()) {
        return;
      }
      Live(next, /*simulated=*/true, "living the best builds");
    }
  }

  void Live(const std::vector<Draft*>& drafts, bool simulated, const std::string& what) {
    LiveDrafts(
        drafts, simulated, options_.parallel,
        [this, &what](double fraction) {
          Show(what, fraction);
        },
        known_);
    ++rounds_done_;
  }

  // Two rounds of sizing and first looks, and about two of the best.
  void Show(const std::string& what, double fraction) {
    constexpr double kRounds = 4;
    progress_.Show(what, std::min(0.99, (rounds_done_ + fraction) / kRounds));
  }

  // Each as a scenario of its own: DIR/1.textproto is the first.
  std::vector<Build> Ranked(std::vector<Draft> drafts) {
    std::vector<Build> builds;
    for (std::size_t i = 0; i < drafts.size(); ++i) {
      drafts[i].build.file = std::to_string(i);  // of its text
      builds.push_back(drafts[i].build);
    }
    Rank(builds);
    int rank = 0;
    for (Build& build : builds) {
      const std::string& text = drafts[static_cast<std::size_t>(std::stoi(build.file))].text;
      build.file.clear();
      if (build.problem.empty()) {
        build.file = fmt::format("{}/{}.textproto", options_.out, ++rank);
        WriteFileAtomically(build.file, text);
      }
    }
    return builds;
  }

  const BuildOptions& options_;
  ProgressLine progress_;
  LayoutMemory layouts_;
  StepMemory known_;
  double rounds_done_ = 0;
};

double MegawattsOf(const std::string& text) {
  const double watts = ParseQuantity(text, Dimension::kPower).si.value_or(0);
  if (watts <= 0) {
    throw UserError(
        "", fmt::format("--power is {}; expected a power such as \"100 MW\"", Quoted(text)));
  }
  return watts / 1e6;
}

int RunBuild(BuildOptions& options) {
  try {
    BuildAsked& asked = options.asked;
    asked.tokens = ParseCount(options.tokens, "--tokens");
    asked.batch_tokens = ParseCount(options.batch, "--batch");
    asked.megawatts = options.power.empty() ? 0 : MegawattsOf(options.power);
    asked.dollars = options.dollars.empty() ? 0 : ParseCount(options.dollars, "--dollars");
    asked.users = options.users.empty() ? 0 : ParseCount(options.users, "--users");
    if (asked.megawatts <= 0 && asked.dollars <= 0) {
      throw UserError("", "there is no budget; expected --power, --dollars or both");
    }
    for (const std::string& spines : WordsOf(options.spines)) {
      if (spines.empty() || spines.find_first_not_of("0123456789") != std::string::npos ||
          spines.size() > 2 || spines == "0") {
        throw UserError("", fmt::format("--spines is {}; expected whole numbers such as 1,2",
                                        Quoted(options.spines)));
      }
    }
    ScenarioOptions folder;
    folder.out = options.out;
    (void)OutputFolder(folder, options.out);
    CheckAsked(asked, PartsFor(WordsOf(options.accelerators).front(), 1, ListCatalogue()));
    const std::vector<Build> builds = Builder(options).All();
    PrintText(options.format == "json" ? BuildsJson(asked, builds) : BuildsText(asked, builds));
    return std::any_of(builds.begin(), builds.end(),
                       [](const Build& build) {
                         return build.problem.empty();
                       })
               ? kSuccess
               : kFailed;
  } catch (const UserError& error) {
    for (const Problem& problem : error.problems()) {
      fmt::print(stderr, "gridlock build: {}\n", problem.message);
    }
    return kBadInput;
  } catch (const IoError& error) {
    fmt::print(stderr, "gridlock: {}\n", error.what());
    return kIoFailed;
  }
}

}  // namespace

void AddBuildCommand(CLI::App& app, int& code) {
  auto options = std::make_shared<BuildOptions>();
  CLI::App* command = app.add_subcommand(
      "build",
      "From a budget, a demand and a horizon to builds that live, the best with simulated steps");
  command->add_option("--power", options->power, "Contracted power, PUE included, e.g. \"100 MW\"");
  command->add_option(
      "--dollars", options->dollars,
      "USD for the capital, and for energy and operation until the horizon, e.g. 4B");
  command->add_option("--days", options->asked.horizon_days, "Horizon")
      ->check(CLI::Range(0.01, 3650.0))
      ->capture_default_str();
  command
      ->add_option("--accelerators,--accelerator", options->accelerators,
                   "Parts to try, of the catalogue")
      ->capture_default_str();
  command->add_option("--spines", options->spines, "Oversubscriptions above the spines to try")
      ->capture_default_str();
  AddDemandOptions(*command, *options);
  AddAssumptionOptions(*command, *options);
  command->add_option("-o,--output", options->out, "Folder for the builds as scenarios to run")
      ->type_name("DIR")
      ->capture_default_str();
  command->add_option("--format", options->format, "text or json")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  command
      ->add_option(
          "--simulate", options->simulate,
          "The best N live with simulated steps, as run has them; the others with steps by "
          "closed forms, which simulated ones do not beat")
      ->type_name("N")
      ->check(CLI::Range(0, 1000))
      ->capture_default_str();
  command->add_option("-j,--jobs", options->parallel, "Children at a time (default: one per core)")
      ->check(CLI::Range(1, 1024));
  AddQuietOption(*command, options->quiet);
  command->footer(
      "Examples:\n"
      "  gridlock build --power '20 MW' --days 90 --tokens 1T --model llama_3.1_70b\n"
      "  gridlock build --power '150 MW' --dollars 6B --days 180 --accelerators "
      "h100_sxm,h200_sxm \\\n"
      "      --experiments 300 --experiment-compute 1.7 --users 5M\n"
      "  gridlock run out/build/1.textproto\n"
      "Each part is built three times: sized by nameplates, with spares for 99 of 100 moments; "
      "with spares for every\n"
      "second moment; and, where power binds, as large as its draw allows, with slower clocks at "
      "the contract.");
  command->callback([options, &code] {
    code = RunBuild(*options);
  });
}

}  // namespace gridlock
