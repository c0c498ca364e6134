#include "sim/describe/header.h"

#include <algorithm>
#include <cctype>
#include <variant>

#include <fmt/format.h>

#include "sim/catalogue/folders.h"
#include "sim/describe/setup.h"
#include "sim/describe/uncertainty.h"
#include "sim/record/fingerprint.h"
#include "sim/scenario/reads.h"
#include "sim/schema/files.h"
#include "sim/schema/problems.h"
#include "workloads/transformer.h"

namespace gridlock {

namespace {

/// The text on one line.
std::string OneLine(std::string text) {
  std::replace_if(
      text.begin(), text.end(),
      [](unsigned char c) {
        return std::iscntrl(c) != 0;
      },
      ' ');
  return text;
}

void AddEstimates(const Scenario& scenario, TraceHeader& header) {
  for (const Estimate& estimate : EstimatesReadBy(scenario)) {
    (estimate.from_user ? header.unsourced : header.estimates)
        .push_back({estimate.kind + " " + estimate.entry, estimate.field});
  }
}

void AddServingEstimates(const Scenario& scenario, TraceHeader& header) {
  for (const JobSpec& job : scenario.jobs) {
    const auto* const fleet = std::get_if<ServingSpec>(&job.kind);
    if (fleet != nullptr && !fleet->engine_estimates.empty()) {
      header.estimates.push_back({"serving " + job.name, fleet->engine_estimates});
    }
  }
}

// The models of each kind of job.

void AddModels(const PretrainingSpec& run, std::vector<const ModelSpec*>& models) {
  models.push_back(&run.step.model);
}

void AddModels(const CampaignSpec& campaign, std::vector<const ModelSpec*>& models) {
  for (const PretrainingSpec& rung : campaign.rungs) {
    models.push_back(&rung.step.model);
  }
}

void AddModels(const ServingSpec& fleet, std::vector<const ModelSpec*>& models) {
  models.push_back(&fleet.model);
}

/// What a fine-tuning leaves alone.
void AddTuningNote(const TrainingSpec& job, TraceHeader& header) {
  if (job.trains_all()) {
    return;
  }
  double trained = 0;
  TrainingSpec whole = job;
  whole.layout = {};
  const ModelSpec& model = job.model;
  const ModelPart all{model.LayersIn(0, model.depth()), true, true,
                      model.LayersIn(0, job.frozen.layers)};
  trained = TrainedPerRank(whole, all).total();
  header.notes.push_back(fmt::format("{:.4g} M of {:.4g} M parameters are trained; {}",
                                     trained / 1e6, ModelParameters(model) / 1e6,
                                     job.trains_base()
                                         ? std::string("the others are frozen")
                                         : fmt::format("adapters of rank {} in {} bits",
                                                       job.adapters.rank, 8 * job.adapters.bytes)));
}

void AddModels(const CollectiveTestSpec& /*test*/, std::vector<const ModelSpec*>& /*models*/) {}

/// What kinds of layers add to counts and rates.
void AddLayerNotes(const std::vector<const ModelSpec*>& models, TraceHeader& header) {
  bool window = false, chunked = false, scan = false;
  for (const ModelSpec* model : models) {
    const Layers layers = model->LayersIn(0, model->depth());
    const bool recurrent = layers.with(Block::kRecurrent) > 0;
    window = window || layers.with(Block::kWindow) > 0;
    scan = scan || (recurrent && model->recurrent.kind == Recurrence::kMamba);
    chunked = chunked || (recurrent && model->recurrent.kind != Recurrence::kMamba);
  }
  if (window) {
    header.notes.emplace_back("FLOP of local attention: the scores of its window are counted");
  }
  if (chunked) {
    header.notes.emplace_back(
        "rates of recurrent kernels are estimates: 0.12 forward and 0.09 backward of the matrix "
        "units' rate in 16 bits, from retention on one A100");
  }
  if (scan) {
    header.notes.emplace_back(
        "the rate of Mamba's scan is an estimate: 0.05 of the rate in 32 bits, from steps of one "
        "model on one H100");
  }
}

/// Says where a collective has more ranks in a domain than its constants were measured on, and
/// where some of its pairs stand for all.
void AddReachNotes(const CollectiveTestSpec& given, const SiteSpec& site, TraceHeader& header) {
  const CollectiveTestSpec test = OnSite(given, site);
  if (const int step = SampledPairs(test); step > 1) {
    header.notes.push_back(fmt::format(
        "one pair between servers in {} stands for all: what they put on each link is added up, "
        "and "
        "the busiest link sets the pace; links picked by hash come out fuller than they are",
        step));
  }
  const int domain = site.server.domain();
  const int used = test.domain_ranks > 0 ? std::min(test.domain_ranks, domain) : domain;
  const int most = site.server.scale_up.ranks_most;
  if (const int ranks = std::min(used, test.group_size);
      most > 0 && ranks > most && test.group_stride == 1) {
    header.notes.push_back(fmt::format(
        "a group has {} ranks in a domain, and the constants there were measured on up to {}",
        ranks, most));
  }
}

/// How FLOP are counted depends on which attention scores are.
void AddCountingNotes(const Scenario& scenario, TraceHeader& header) {
  std::vector<const ModelSpec*> models;
  for (const JobSpec& job : scenario.jobs) {
    std::visit(
        [&](const auto& kind) {
          AddModels(kind, models);
        },
        job.kind);
  }
  const auto any = [&](Attention attention) {
    return std::any_of(models.begin(), models.end(), [&](const ModelSpec* model) {
      return model->attention == attention;
    });
  };
  if (any(Attention::kCausal)) {
    header.notes.emplace_back("FLOP of causal attention: half of the scores are counted");
  }
  if (any(Attention::kFull)) {
    header.notes.emplace_back("FLOP of full attention: all scores are counted, also masked ones");
  }
  AddLayerNotes(models, header);
}

}  // namespace

TraceHeader HeaderOf(const Scenario& scenario) {
  const bool life = scenario.horizon > Seconds(0.0);
  TraceHeader header;
  header.scenario_name = scenario.name;
  header.scenario_text = scenario.text;
  header.description = OneLine(scenario.description);
  header.machine = life ? SitesText(scenario) : MachineText(scenario.site());
  header.setup = life ? LifeSetupOf(scenario) : SetupOf(scenario);
  header.sizes = life ? LifeSizesOf(scenario) : SizesOf(scenario);
  header.seed = scenario.seed;
  const CatalogueUse use = CatalogueUsedBy(scenario.text);
  Fingerprint entries;
  entries.Add(use.entries);
  header.catalogue = use.origin;
  header.catalogue_fingerprint = FingerprintText(entries.value());
  header.notes = scenario.notes;
  AddEstimates(scenario, header);
  AddServingEstimates(scenario, header);
  AddCountingNotes(scenario, header);
  for (const JobSpec& job : scenario.jobs) {
    if (const auto* const run = std::get_if<PretrainingSpec>(&job.kind);
        run != nullptr && run->recorded <= Seconds(0)) {
      AddTuningNote(run->step, header);
    }
    if (const auto* const test = std::get_if<CollectiveTestSpec>(&job.kind); test != nullptr) {
      AddReachNotes(*test, scenario.site(), header);
      if (scenario.sites.size() > 1) {
        header.notes.push_back(fmt::format("the collective runs on {} alone, the first of {} sites",
                                           scenario.site().name, scenario.sites.size()));
      }
    }
  }
  if (!life && scenario.jobs.size() == 1 &&
      std::holds_alternative<PretrainingSpec>(scenario.jobs.front().kind)) {
    header.expected_error =
        ExpectedErrorOf(scenario.training().stack.name, scenario.site().server.accelerator.name);
  }
  return header;
}

std::string CatalogueHash() {
  ProblemList problems;
  Fingerprint hash;
  for (const std::string& file : CatalogueFiles(problems)) {
    std::string text;
    (void)ReadFile(file, {file, 0, 0}, text, problems);
    hash.Add(text);
  }
  return FingerprintText(hash.value());
}

}  // namespace gridlock
