#include "sim/describe/setup.h"

#include <algorithm>
#include <variant>

#include <fmt/format.h>

#include "sim/report/layout.h"

namespace gridlock {

namespace {

/// Jobs that are named one by one; workload files may bring thousands.
constexpr std::size_t kJobsNamed = 12;

std::string LayoutText(const Layout& layout) {
  std::string text = fmt::format("tensor {}", layout.tensor);
  if (layout.context > 1) {
    text += fmt::format(", context {}", layout.context);
  }
  text += fmt::format(", pipeline {}", layout.pipeline);
  if (layout.virtual_pipeline > 1) {
    text += fmt::format(" x {} chunks", layout.virtual_pipeline);
  }
  text += fmt::format(", data {}", layout.data);
  if (layout.expert > 1) {
    text += fmt::format(", experts over {}", layout.expert);
  }
  if (layout.shard_group > 0) {
    text += fmt::format(" (sharded over {})", layout.shard_group);
  }
  return text + (layout.sequence_parallel ? ", sequence parallel" : "");
}

std::string SiteText(const SiteSpec& site) {
  std::string text = TitleOf(site.fabric);
  if (site.power_cap > Watts(0.0)) {
    text += fmt::format(
        "; at most {}, then {}", FormatWatts(site.power_cap),
        site.power_policy == PowerPolicy::kSlow ? "accelerators slow down" : "jobs queue");
  }
  if (site.battery.capacity > Joules(0.0)) {
    constexpr double kJoulesPerMegawattHour = 3.6e9;
    text += fmt::format("; a battery of {:.3g} MWh and {}",
                        site.battery.capacity.si() / kJoulesPerMegawattHour,
                        FormatWatts(site.battery.power));
  }
  for (const auto& [cap, group] :
       {std::pair(site.rack_cap, "rack"), std::pair(site.row_cap, "row")}) {
    if (cap > Watts(0.0)) {
      text += fmt::format("; a {} at most {}", group, FormatWatts(cap));
    }
  }
  for (const DeliverySpec& delivery : site.deliveries) {
    text += fmt::format("; {} of the servers from {} on", Grouped(delivery.servers),
                        FormatSeconds(delivery.at));
  }
  for (const RetirementSpec& each : site.retirements) {
    text += fmt::format("; {} of the servers leave after {}", Grouped(each.servers),
                        FormatSeconds(each.at));
  }
  if (site.storage_bandwidth > BytesPerSecond(0.0)) {
    text += "; checkpoints at " + FormatBandwidth(site.storage_bandwidth);
  }
  return text;
}

std::string Plural(double count, const std::string& what) {
  return Grouped(count) + " " + what + (count == 1.0 ? "" : "s");
}

std::string KindText(const PretrainingSpec& run) {
  if (run.recorded > Seconds(0.0)) {
    return "job of a log on " +
           Plural(static_cast<double>(run.step.layout.accelerators()), "accelerator") + " for " +
           FormatSeconds(run.recorded);
  }
  std::string text = fmt::format("pretraining of {}, {}, {}", run.step.model.name,
                                 LayoutText(run.step.layout), run.step.format);
  if (run.steps > 0) {
    text += ", " + Plural(static_cast<double>(run.steps), "step");
  }
  if (run.checkpoint_interval > Seconds(0.0)) {
    text += fmt::format(", {} checkpoint every {}",
                        run.checkpoint.asynchronous ? "an asynchronous" : "a",
                        FormatSeconds(run.checkpoint_interval));
  }
  if (run.checkpoint.memory_interval > Seconds(0.0)) {
    text += fmt::format(
        ", a copy in memory every {}{}", FormatSeconds(run.checkpoint.memory_interval),
        run.checkpoint.neighbours > 0
            ? fmt::format(" and with {}", Plural(run.checkpoint.neighbours, "neighbour"))
            : "");
  }
  if (run.elastic.replicas_min > 0) {
    text += fmt::format(", goes on with {} replicas or more", run.elastic.replicas_min);
  }
  return text;
}

std::string KindText(const CampaignSpec& campaign) {
  std::string text = fmt::format(
      "campaign of {} on {} within {}", Plural(campaign.experiments, "experiment"),
      Plural(static_cast<double>(campaign.rungs.size()), "rung"), FormatSeconds(campaign.over));
  if (!campaign.final_run.empty()) {
    text += " for " + campaign.final_run;
  }
  return text;
}

std::string KindText(const ServingSpec& fleet) {
  const std::string more =
      (fleet.pipeline > 1 ? fmt::format(", pipeline {}", fleet.pipeline) : "") +
      (fleet.data > 1 ? fmt::format(", data {}", fleet.data) : "");
  const std::string units =
      fleet.pools()
          ? fmt::format("{} of {} prefilling and {} decoding", Plural(fleet.replicas, "unit"),
                        fleet.prefill_replicas, Plural(fleet.decode_replicas, "replica"))
          : Plural(fleet.replicas, "replica");
  return fmt::format("{} of {}, tensor {}{}, {}; {:.4g} requests/s on average", units,
                     fleet.model.name, fleet.tensor, more, PrecisionName(fleet.precision),
                     fleet.arrivals.requests_per_second);
}

std::string KindText(const CollectiveTestSpec& test) {
  return "test of " + test.Name();
}

/// What the parts of an uneven all-to-all are.
std::string PartsText(const CollectiveTestSpec& test) {
  return test.parts.empty()
             ? fmt::format("the first rank of a group gets {:g} times the mean", test.imbalance)
             : fmt::format("{} parts as given", Grouped(static_cast<double>(test.parts.size())));
}

std::vector<SetupItem> SetupOf(const Scenario& scenario, const CollectiveTestSpec& test) {
  const Algorithm* const algorithm = test.algorithm;
  std::vector<SetupItem> items = {
      {"fabric", TitleOf(scenario.site().fabric)},
      {"collective", test.Name()},
      {"algorithm", algorithm == nullptr
                        ? "automatic: of each size the one that a library takes"
                        : fmt::format("{}: {}", algorithm->name, algorithm->words)}};
  if (test.uneven) {
    items.push_back({"parts", PartsText(test)});
  }
  if (test.protocol != Protocol::kAutomatic) {
    items.push_back({"protocol", ProtocolName(test.protocol)});
  }
  return items;
}

std::string JobText(const Scenario& scenario, const JobSpec& job) {
  std::string text = std::visit(
      [](const auto& kind) {
        return KindText(kind);
      },
      job.kind);
  for (std::size_t i = 0; i < job.sites.size(); ++i) {
    text += (i == 0      ? "; on "
             : job.spans ? " and "
                         : " or ") +
            scenario.sites[static_cast<std::size_t>(job.sites[i])].name;
  }
  return text + (job.start > Seconds(0.0) ? "; from " + FormatSeconds(job.start) : "");
}

}  // namespace

namespace {

std::string UnitText(const FailureSpec& failure) {
  const std::string together = failure.neighbours > 0
                                   ? fmt::format("{} servers", failure.neighbours)
                                   : fmt::format("a {}", failure.takes);
  switch (failure.unit) {
    case FailureUnit::kServer:
      return "a server";
    case FailureUnit::kAccelerator:
      return "an accelerator";
    case FailureUnit::kNic:
      return "a NIC";
    case FailureUnit::kTogether:
      return together;
  }
  return "";
}

std::string FailureText(const FailureSpec& failure) {
  std::string text = fmt::format("of {} every {}", UnitText(failure), FormatSeconds(failure.mtbf));
  if (failure.neighbours > 0 && failure.unit != FailureUnit::kTogether) {
    text += fmt::format(", takes {} servers", failure.neighbours);
  } else if (failure.unit != FailureUnit::kTogether && failure.takes != "server") {
    text += fmt::format(", takes its {}", failure.takes);
  }
  if (failure.detection_time > Seconds(0)) {
    text += fmt::format(
        ", noticed after {}{}", FormatSeconds(failure.detection_time),
        failure.slowdown > 0
            ? fmt::format(", steps take {:.3g} times as long until then", failure.slowdown)
        : failure.flaps.flaps()
            ? fmt::format(", down for {} and up for {} by turns until then",
                          FormatSeconds(failure.flaps.down), FormatSeconds(failure.flaps.up))
            : "");
  }
  if (failure.early.times > 1) {
    text += fmt::format(", {:.3g} times as often when new, 1/e of the excess after {}",
                        failure.early.times, FormatSeconds(failure.early.decay));
  }
  if (failure.late.times > 1) {
    text += fmt::format(", {:.3g} times as often when worn out, 63 % of the excess after {}",
                        failure.late.times, FormatSeconds(failure.late.after));
  }
  if (failure.takes != "run") {
    text += fmt::format(", repaired in {}", FormatSeconds(failure.repair_time));
  }
  return text;
}

void AddFailures(const ReliabilitySpec& reliability, std::vector<SetupItem>& setup) {
  for (const FailureSpec& failure : reliability.failures) {
    setup.push_back({"failure " + failure.name, FailureText(failure)});
  }
  if (reliability.lemon_share > 0) {
    setup.push_back(
        {"lemons", fmt::format("{:.3g} % of the servers cause {:.3g} % of the failures of servers",
                               reliability.lemon_share * 100, reliability.lemon_failures * 100)});
  }
  if (reliability.hot_spares + reliability.cold_spares > 0) {
    setup.push_back({"spares", fmt::format("{} hot and {} cold servers of each site; cold ones "
                                           "come on in {}",
                                           reliability.hot_spares, reliability.cold_spares,
                                           FormatSeconds(reliability.cold_start))});
  }
}

}  // namespace

std::string MachineText(const SiteSpec& site) {
  return fmt::format("{} x {}, {} x {} each", Grouped(site.servers), site.server.name,
                     site.server.accelerators, site.server.accelerator.name);
}

std::vector<SetupItem> SetupOf(const Scenario& scenario) {
  if (const auto* test = std::get_if<CollectiveTestSpec>(&scenario.jobs[0].kind)) {
    return SetupOf(scenario, *test);
  }
  const TrainingSpec& job = scenario.training();
  const char* const recompute = job.recompute == Recompute::kNone        ? "no"
                                : job.recompute == Recompute::kSelective ? "selective"
                                                                         : "full";
  return {
      {"fabric", TitleOf(scenario.site().fabric)},
      {"model", fmt::format("{}: {} layers of width {}", job.model.name, job.model.layers,
                            Grouped(job.model.hidden))},
      {"layout", LayoutText(job.layout)},
      {"batch", fmt::format("{} {} of {} tokens, {} per micro-batch",
                            Grouped(static_cast<double>(job.global_batch)),
                            job.global_batch == 1 ? "sequence" : "sequences",
                            Grouped(static_cast<double>(job.sequence_length)), job.micro_batch)},
      {"precision", job.format},
      {"memory", fmt::format("ZeRO stage {}, {} recomputation{}", job.zero, recompute,
                             job.offloads() ? ", activations in the memory of the host" : "")},
      {"stack", job.stack.name}};
}

std::vector<std::pair<std::string, std::int64_t>> SizesOf(const Scenario& scenario) {
  if (const auto* test = std::get_if<CollectiveTestSpec>(&scenario.jobs[0].kind)) {
    const SiteSpec& site = scenario.site();
    const CollectiveTestSpec placed = OnSite(*test, site);
    return {{"ranks", placed.ranks},
            {"group_size", placed.group_size},
            {"group_stride", placed.group_stride},
            {"iterations", placed.iterations}};
  }
  const TrainingSpec& job = scenario.training();
  const Layout& layout = job.layout;
  return {{"tensor", layout.tensor},
          {"context", layout.context},
          {"pipeline", layout.pipeline},
          {"virtual_pipeline", layout.virtual_pipeline},
          {"data", layout.data},
          {"shard_group", layout.sharing_replicas()},
          {"global_batch", job.global_batch},
          {"micro_batch", job.micro_batch},
          {"sequence_length", job.sequence_length},
          {"zero", job.zero},
          {"layers", job.model.layers},
          {"hidden", job.model.hidden}};
}

std::string SitesText(const Scenario& scenario) {
  std::string text;
  for (const SiteSpec& site : scenario.sites) {
    text += (text.empty() ? "" : "; ") + site.name + ": " + MachineText(site);
  }
  return text;
}

std::vector<SetupItem> LifeSetupOf(const Scenario& scenario) {
  std::vector<SetupItem> setup;
  for (const SiteSpec& site : scenario.sites) {
    setup.push_back({"site " + site.name, SiteText(site)});
  }
  for (const WanSpec& wan : scenario.wans) {
    const auto name = [&](SiteIndex site) {
      return scenario.sites[static_cast<std::size_t>(site)].name;
    };
    setup.push_back(
        {fmt::format("link {}-{}", name(wan.from), name(wan.to)),
         fmt::format(
             "{} in each direction, {}{}{}", FormatGbps(wan.bandwidth), FormatSeconds(wan.latency),
             wan.rent_usd_per_month > 0
                 ? fmt::format(", {:.0f} USD a month", wan.rent_usd_per_month)
                 : "",
             wan.usd_per_byte > 0 ? fmt::format(", {:.4g} USD/GB", wan.usd_per_byte * 1e9) : "")});
  }
  const std::size_t named = std::min(scenario.jobs.size(), kJobsNamed);
  for (std::size_t i = 0; i < named; ++i) {
    setup.push_back({"job " + scenario.jobs[i].name, JobText(scenario, scenario.jobs[i])});
  }
  if (named < scenario.jobs.size()) {
    setup.push_back({"more jobs", Grouped(static_cast<double>(scenario.jobs.size() - named))});
  }
  setup.push_back({"scheduler", std::string(scenario.scheduler->words)});
  const ReliabilitySpec& failures = scenario.reliability;
  if (failures.server_mtbf > Seconds(0.0)) {
    setup.push_back({"failures", fmt::format("of a server every {}, repaired in {} (means); jobs "
                                             "restart in {}",
                                             FormatSeconds(failures.server_mtbf),
                                             FormatSeconds(failures.repair_time),
                                             FormatSeconds(failures.restart_time))});
  }
  if (failures.restart_time_per_accelerator > Seconds(0.0)) {
    setup.push_back(
        {"restarts", fmt::format("take {} longer for each accelerator of the run",
                                 FormatSeconds(failures.restart_time_per_accelerator))});
  }
  AddFailures(failures, setup);
  if (scenario.epochs.size() > 1) {
    setup.push_back(
        {"changes",
         fmt::format("at {}", Plural(static_cast<double>(scenario.epochs.size() - 1), "moment"))});
  }
  if (!scenario.outages.empty()) {
    setup.push_back({"outages", Grouped(static_cast<double>(scenario.outages.size()))});
  }
  return setup;
}

std::vector<std::pair<std::string, std::int64_t>> LifeSizesOf(const Scenario& scenario) {
  std::int64_t servers = 0;
  std::int64_t accelerators = 0;
  for (const SiteSpec& site : scenario.sites) {
    servers += site.servers;
    accelerators += std::int64_t{site.servers} * site.server.accelerators;
  }
  return {{"sites", static_cast<std::int64_t>(scenario.sites.size())},
          {"servers", servers},
          {"accelerators", accelerators},
          {"jobs", static_cast<std::int64_t>(scenario.jobs.size())}};
}

}  // namespace gridlock
