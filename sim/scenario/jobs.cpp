#include <cmath>

#include "sim/base/check.h"
#include "sim/catalogue/serving_catalogue.h"
#include "sim/scenario/convert.h"
#include "sim/schema/quantity_text.h"
#include "sim/schema/rules.h"
#include "workloads/adapters.h"
#include "workloads/image_encoders.h"

namespace gridlock {
namespace {

// Of fleets that name none: the family that most people run today.
constexpr const char* kDefaultEngine = "vllm_2";

/// `value`, or `otherwise` when the field was left out: the rules refuse a written zero.
int Or(int value, int otherwise) {
  return value == 0 ? otherwise : value;
}

PretrainingSpec PretrainingOf(const proto::Pretraining& run, const std::string& path,
                              const Catalogue& catalogue) {
  PretrainingSpec spec;
  spec.step = MakeTraining(run, path, catalogue);
  spec.steps = run.steps();
  if (run.tokens() > 0.0) {
    const double per_step =
        static_cast<double>(run.global_batch()) * static_cast<double>(run.sequence_length());
    spec.steps = static_cast<std::int64_t>(
        std::ceil(run.tokens() * (1 + run.outer().more_tokens()) / per_step));
  }
  spec.checkpoint_interval = TimeOf(run.checkpoint_interval());
  if (run.has_checkpoint()) {
    const proto::Checkpoint& checkpoint = run.checkpoint();
    spec.checkpoint.asynchronous = checkpoint.mode() == proto::ASYNCHRONOUS;
    if (!checkpoint.copy_bandwidth().empty()) {
      spec.checkpoint.copy_bandwidth =
          BytesPerSecond(SiOf(checkpoint.copy_bandwidth(), Dimension::kBandwidth));
    }
    spec.checkpoint.memory_interval = TimeOf(checkpoint.memory_interval());
    spec.checkpoint.neighbours = checkpoint.neighbours();
  }
  if (run.has_elastic()) {
    spec.elastic.replicas_min = run.elastic().replicas_min();
    spec.elastic.reconfiguration_time = TimeOf(run.elastic().reconfiguration_time());
  }
  spec.fails_at_step = run.fails_at_step();
  return spec;
}

// A job of a log is a run of one step that takes as long as the job took. It has no model.
PretrainingSpec RecordedOf(const proto::RecordedJob& job, const std::string& path) {
  PretrainingSpec spec;
  spec.step.path = path;
  spec.step.layout.path = path;
  spec.step.layout.data = job.accelerators();
  spec.steps = 1;
  spec.recorded = TimeOf(job.duration());
  if (!job.waited().empty()) {
    spec.waited = TimeOf(job.waited());
  }
  spec.fails_at_step = job.failed() ? 1 : 0;
  return spec;
}

CampaignSpec CampaignOf(const proto::Campaign& campaign, const std::string& path,
                        const Catalogue& catalogue) {
  CampaignSpec spec;
  spec.experiments = campaign.experiments();
  spec.over = TimeOf(campaign.over());
  for (int i = 0; i < campaign.rung_size(); ++i) {
    spec.rungs.push_back(PretrainingOf(
        campaign.rung(i), ElementPath(path + ".rung", static_cast<std::size_t>(i)), catalogue));
  }
  spec.tail = campaign.has_tail() ? campaign.tail() : 1.0;
  spec.length_sigma = campaign.length_sigma();
  if (campaign.has_halving()) {
    spec.halving = {campaign.halving().rounds(), campaign.halving().keep(),
                    campaign.halving().growth()};
  }
  spec.failing_share = campaign.failing_share();
  spec.final_run = campaign.final_run();
  spec.compute = campaign.compute();
  return spec;
}

LengthSpec LengthsOf(const proto::Lengths& lengths) {
  return {lengths.median(), lengths.p90(), lengths.max()};
}

// What a fleet takes from the tables of serving: its engine, measured parts, and the sliding
// windows of its model. CheckJobNames has seen its names.
void AddServingTables(const proto::Serving& serving, const ServingCatalogue& tables,
                      ServingSpec& spec) {
  const std::string engine = serving.engine().empty() ? kDefaultEngine : serving.engine();
  spec.engine = *tables.FindEngine(engine);
  for (const InferencePart& part : tables.parts) {
    spec.parts[part.name] = part;
  }
  for (const auto& [alias, name] : tables.aliases) {
    if (const InferencePart* const part = tables.FindPart(name); part != nullptr) {
      spec.parts.emplace(alias, *part);
    }
  }
  if (const InferenceModel* const known = tables.FindModel(spec.model.name); known != nullptr) {
    spec.context = known->context;
    spec.window = known->window;
    spec.windowed_share = known->windowed_share;
  }
  std::string fields;
  for (auto at = tables.estimates.lower_bound(engine + ".");
       at != tables.estimates.end() && at->first.starts_with(engine + "."); ++at) {
    fields += (fields.empty() ? "" : ", ") + at->first.substr(engine.size() + 1);
  }
  spec.engine_estimates = "engine " + engine + (fields.empty() ? "" : ": " + fields);
}

int TargetsOf(const proto::ServedAdapters& adapters) {
  int targets = adapters.target_size() == 0 ? AdapterTargetByName("all-linear") : 0;
  for (const std::string& target : adapters.target()) {
    targets |= ServedTargetByName(target);
  }
  return targets;
}

// By site of the scenario; empty when none is given. CheckJobNames has seen its names.
std::vector<Seconds> LatenciesOf(const proto::RequestGroup& group,
                                 const proto::Scenario& scenario) {
  std::vector<Seconds> latency;
  for (const proto::SiteLatency& each : group.latency()) {
    latency.resize(static_cast<std::size_t>(scenario.site_size()));
    latency[static_cast<std::size_t>(SiteByName(scenario, each.site()))] =
        TimeOf(each.round_trip());
  }
  return latency;
}

ImagesSpec ImagesOf(const proto::RequestGroup& group) {
  if (!group.has_images()) {
    return {};
  }
  const proto::Images& images = group.images();
  return {images.count(), Or(images.tokens(), kImageTokens),
          images.encoder().empty() ? ImageEncoderNames().front() : images.encoder()};
}

ServingSpec ServingOf(const proto::Serving& serving, const std::string& path,
                      const proto::Scenario& scenario, const Catalogue& catalogue) {
  ServingSpec spec;
  spec.path = path;
  spec.model = MakeModel(serving.model(), path + ".model", catalogue);
  spec.replicas = serving.replicas();
  spec.replicas_min = Or(serving.replicas_min(), spec.replicas);
  spec.tensor = serving.tensor();
  spec.pipeline = Or(serving.pipeline(), 1);
  spec.data = Or(serving.data(), 1);
  AddServingTables(serving, ShippedServingCatalogue(), spec);
  if (WeightFormat weights{}; WeightFormatByName(serving.weights(), weights)) {
    spec.weights = weights;
  }
  spec.cache_bytes = serving.kv_cache().empty() ? 0 : serving.kv_cache() == "fp8" ? 1 : 2;
  spec.precision = MakePrecision(serving.precision());
  spec.arrivals.requests_per_second = serving.arrivals().requests_per_second();
  spec.arrivals.swing = serving.arrivals().swing();
  spec.arrivals.peak = TimeOf(serving.arrivals().peak());
  double shares = 0.0;
  for (const proto::RequestGroup& group : serving.group()) {
    shares += group.share();
  }
  for (const proto::RequestGroup& group : serving.group()) {
    spec.groups.push_back({group.name(), group.share() / shares, LengthsOf(group.prompt()),
                           LengthsOf(group.output()), group.cached_share(),
                           LatenciesOf(group, scenario), ImagesOf(group)});
  }
  spec.batch_max = Or(serving.batch_max(), spec.batch_max);
  spec.prefill_tokens_max = Or(serving.prefill_tokens_max(), spec.prefill_tokens_max);
  if (serving.has_pools()) {
    spec.prefill_replicas = serving.pools().prefill();
    spec.decode_replicas = serving.pools().decode();
    spec.prefill_tensor = serving.pools().prefill_tensor();
  }
  spec.draft_tokens = serving.draft_tokens();
  spec.accepted = serving.accepted();
  if (serving.has_adapters()) {
    spec.adapters = {Or(serving.adapters().rank(), 16), TargetsOf(serving.adapters()),
                     serving.adapters().slots()};
    spec.asked_adapters = {serving.adapters().count(), serving.adapters().skew()};
  }
  if (serving.has_start()) {
    spec.start.from = static_cast<WeightsFrom>(serving.start().weights());
    spec.start.engine =
        serving.start().engine().empty() ? kEngineStart : TimeOf(serving.start().engine());
  }
  spec.site_order = static_cast<SiteOrder>(std::max(0, serving.site_order() - 1));
  spec.site_router = static_cast<SiteRouter>(std::max(0, serving.router() - 1));
  spec.expert_ranks = serving.experts_apart().ranks();
  spec.micro_batches = Or(serving.experts_apart().micro_batches(), spec.micro_batches);
  spec.replicas_simulated = Or(serving.replicas_simulated(), spec.replicas);
  spec.days_simulated = serving.days_simulated();
  spec.ttft_objective = TimeOf(serving.ttft_objective());
  spec.tpot_objective = TimeOf(serving.tpot_objective());
  return spec;
}

CollectiveTestSpec CollectiveTestOf(const proto::CollectiveTest& test, const std::string& path) {
  CollectiveTestSpec spec;
  spec.path = path;
  spec.uneven = test.collective() == CollectiveTestSpec::kUnevenName;
  spec.kind = spec.uneven ? CollectiveKind::kAllToAll : *CollectiveByName(test.collective());
  for (const std::string& size : test.size()) {
    spec.sizes.emplace_back(SiOf(size, Dimension::kData));
  }
  spec.algorithm = AlgorithmByName(test.algorithm());  // nullptr for "automatic" and ""
  for (const std::string& word : test.exclude()) {
    for (const Algorithm* algorithm : AlgorithmsMeant(word)) {
      spec.excluded.push_back(algorithm);
    }
  }
  spec.ranks = test.ranks();
  spec.group_size = test.group_size();
  spec.group_stride = Or(test.group_stride(), 1);
  spec.iterations = Or(test.iterations(), 1);
  spec.domain_ranks = test.ranks_per_server();
  spec.accelerators.assign(test.accelerator().begin(), test.accelerator().end());
  std::sort(spec.accelerators.begin(), spec.accelerators.end());
  spec.protocol = *ProtocolByName(test.protocol());
  spec.imbalance = test.imbalance();
  spec.parts.assign(test.part().begin(), test.part().end());
  spec.tokens.copies = Or(test.experts_per_token(), spec.tokens.copies);
  spec.tokens.domains_most = Or(test.servers_per_token(), spec.tokens.domains_most);
  return spec;
}

/// Where the job says that it may run; without a horizon on the first site when it says nothing.
std::vector<SiteIndex> SitesOf(const proto::Job& job, const proto::Scenario& scenario) {
  std::vector<SiteIndex> sites;
  if (!job.site().empty()) {
    sites.push_back(SiteByName(scenario, job.site()));
  } else if (job.span_size() > 0) {
    for (const std::string& name : job.span()) {
      sites.push_back(SiteByName(scenario, name));
    }
  } else if (scenario.horizon().empty()) {
    sites.push_back({0});
  }
  return sites;
}

}  // namespace

JobSpec MakeJob(const JobMessage& job, const proto::Scenario& scenario,
                const Catalogue& catalogue) {
  const proto::Job& message = job.message;
  JobSpec spec;
  spec.path = job.path;
  spec.name = message.name().empty() ? job.path : message.name();
  spec.tenant = message.tenant();
  spec.priority = message.priority();
  spec.start = TimeOf(message.start());
  spec.sites = SitesOf(message, scenario);
  spec.spans = message.span_size() > 0;
  spec.within = message.within();
  spec.cohort = message.cohort();
  spec.after_cohort = message.after_cohort();
  switch (message.kind_case()) {
    case proto::Job::kPretraining:
      spec.kind = PretrainingOf(message.pretraining(), job.path + ".pretraining", catalogue);
      break;
    case proto::Job::kCampaign:
      spec.kind = CampaignOf(message.campaign(), job.path + ".campaign", catalogue);
      break;
    case proto::Job::kServing:
      spec.kind = ServingOf(message.serving(), job.path + ".serving", scenario, catalogue);
      break;
    case proto::Job::kCollectiveTest:
      spec.kind = CollectiveTestOf(message.collective_test(), job.path + ".collective_test");
      break;
    case proto::Job::kRecorded:
      spec.kind = RecordedOf(message.recorded(), job.path + ".recorded");
      spec.origin.campaign = message.recorded().log().empty() ? "log" : message.recorded().log();
      break;
    default:
      CHECK(!"a kind of job that the rules let through");
  }
  return spec;
}

std::vector<WanSpec> MakeWans(const proto::Scenario& scenario) {
  // Light in standard single-mode fibre: a group index of 1.468 at 1550 nm (Corning SMF-28 Ultra,
  // product information PI-1424) over 299792.458 km/s.
  constexpr Seconds kPerMetre(4.9e-9);
  std::vector<WanSpec> wans;
  for (int i = 0; i < scenario.wan_size(); ++i) {
    const proto::WanLink& wan = scenario.wan(i);
    WanSpec& spec = wans.emplace_back();
    spec.path = ElementPath("wan", static_cast<std::size_t>(i));
    spec.from = SiteByName(scenario, wan.from());
    spec.to = SiteByName(scenario, wan.to());
    spec.bandwidth = BytesPerSecond(SiOf(wan.bandwidth(), Dimension::kBandwidth));
    spec.latency = kPerMetre * SiOf(wan.distance(), Dimension::kLength);
    spec.rent_usd_per_month = wan.rent();
    constexpr double kGigabyte = 1e9;
    spec.usd_per_byte = wan.price_per_gigabyte() / kGigabyte;
  }
  return wans;
}

}  // namespace gridlock
