#include "sim/scenario/fit_checks.h"

#include <limits>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "sim/scenario/convert.h"
#include "sim/schema/rules.h"
#include "workloads/adapters.h"
#include "workloads/schedule.h"
#include "workloads/transformer.h"

namespace gridlock {
namespace {

/// The product, or the largest number when it does not fit.
std::int64_t Product(std::int64_t a, std::int64_t b) {
  constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
  return a != 0 && b > kMax / a ? kMax : a * b;
}

class FitChecks {
 public:
  FitChecks(const Written& job, const TrainingSpec& spec, const FitPlace& place,
            ProblemList& problems)
      : job_(job), spec_(spec), place_(place), site_(place.site), problems_(problems) {}

  void CheckAll(proto::Precision precision) {
    CheckPrecision(precision);
    CheckTensor();
    CheckPipeline();
    CheckBatch();
    CheckShards();
    CheckExperts();
    CheckRanks();
    CheckPositions();
    CheckFrozen();
    CheckAdapters();
  }

 private:
  void AtJob(const std::string& field, const std::string& what, const std::string& expectation) {
    problems_.Add(job_.At(field).value, spec_.path + "." + field, Refusal(what, expectation));
  }

  void AtLayout(const std::string& field, const std::string& what, const std::string& expectation) {
    problems_.Add(job_.At("layout").At(field).value, spec_.layout.path + "." + field,
                  Refusal(what, expectation));
  }

  void CheckPrecision(proto::Precision written) {
    const AcceleratorSpec& accelerator = site_.server.accelerator;
    if (accelerator.rates[static_cast<int>(spec_.precision)].peak > FlopPerSecond(0.0)) {
      return;
    }
    std::vector<std::string> names;
    for (int i = 0; i < kPrecisions; ++i) {
      if (accelerator.rates[i].peak > FlopPerSecond(0.0)) {
        for (const proto::Precision format : FormatsAt(static_cast<Precision>(i))) {
          names.push_back(proto::Precision_Name(format));
        }
      }
    }
    const proto::Precision asked = written == proto::PRECISION_UNSPECIFIED ? proto::BF16 : written;
    AtJob("precision", accelerator.name + " does not compute in " + proto::Precision_Name(asked),
          OneOf(names));
  }

  // Where there are more ranks than key-value heads, ranks repeat them.
  bool SharesKeyValueHeads() {
    const int tensor = spec_.layout.tensor;
    const int heads = spec_.model.kv_heads;
    if (heads % tensor == 0 || tensor % heads == 0) {
      return true;
    }
    AtLayout("tensor",
             "\"tensor\" is " + std::to_string(tensor) +
                 ", which neither divides the key-value heads of " + spec_.model.name + ", " +
                 std::to_string(heads) + ", nor is a multiple of them",
             "a divisor or a multiple of " + std::to_string(heads));
    return false;
  }

  void CheckTensor() {
    const int tensor = spec_.layout.tensor;
    const auto divides = [&](const std::string& noun, std::int64_t number) {
      if (number % tensor == 0) {
        return true;
      }
      AtLayout("tensor",
               "\"tensor\" is " + std::to_string(tensor) + ", which does not divide " + noun +
                   ", " + std::to_string(number),
               "a divisor of " + std::to_string(number));
      return false;
    };
    const std::string model = " of " + spec_.model.name;
    // One is enough: the later ones are seldom news.
    if (divides("the heads" + model, spec_.model.heads) && SharesKeyValueHeads() &&
        divides("the ffn width" + model, spec_.model.ffn) && spec_.layout.sequence_parallel) {
      (void)divides("the sequence_length, with sequence_parallel", spec_.sequence_length);
    }
    CheckContext();
  }

  void CheckContext() {
    const int context = spec_.layout.context;
    if (spec_.layout.exchanges_heads()) {
      const int ranks = spec_.layout.head_ranks();
      if (spec_.model.heads % ranks != 0) {
        AtLayout("context",
                 fmt::format("ALL_TO_ALL splits the heads over tensor x context = {} ranks, which "
                             "do not divide the {} heads of {}",
                             ranks, spec_.model.heads, spec_.model.name),
                 fmt::format("tensor x context to divide {}, or context_exchange: RING",
                             spec_.model.heads));
      }
      if (spec_.sequence_length % context != 0) {
        AtLayout("context",
                 fmt::format("\"context\" is {}, which does not divide {} tokens", context,
                             spec_.sequence_length),
                 fmt::format("a divisor of {}", spec_.sequence_length));
      }
      return;
    }
    if (spec_.sequence_length % (2 * std::int64_t{context}) != 0 && context > 1) {
      AtLayout("context",
               "\"context\" is " + std::to_string(context) +
                   ", and two halves per rank (to balance the mask) do not share " +
                   std::to_string(spec_.sequence_length) + " tokens evenly",
               "half of a divisor of " + std::to_string(spec_.sequence_length));
    }
  }

  void CheckPipeline() {
    const Layout& layout = spec_.layout;
    if (layout.virtual_pipeline > 1 && layout.pipeline == 1) {
      AtLayout("virtual_pipeline",
               "\"virtual_pipeline\" is " + std::to_string(layout.virtual_pipeline) +
                   ", and there is one pipeline stage to interleave",
               "1, or more pipeline stages");
      return;
    }
    if (IsVee(layout.schedule) && layout.virtual_pipeline != 2) {
      AtLayout("schedule",
               fmt::format("{} has two chunks per stage, one on the way there and one on the way "
                           "back, and \"virtual_pipeline\" is {}",
                           NamesOf(layout.schedule).field, layout.virtual_pipeline),
               "virtual_pipeline: 2, or another schedule");
      return;
    }
    const std::int64_t extra = layout.embedding_as_layer ? 2 : 0;
    const std::int64_t layers = spec_.model.depth() + extra;
    const std::int64_t chunks = Product(layout.pipeline, layout.virtual_pipeline);
    CHECK(chunks > 0);
    const std::int64_t with = layers + spec_.model.prediction_modules;
    if (layers % chunks == 0 || with % chunks == 0 || (layout.uneven_layers && layers >= chunks)) {
      return;
    }
    std::string stages = std::to_string(layout.pipeline) + " pipeline stages";
    if (layout.virtual_pipeline > 1) {
      stages += " of " + std::to_string(layout.virtual_pipeline) + " chunks";
    }
    std::string what = stages + " do not share " + std::to_string(layers) + " layers of " +
                       spec_.model.name + " evenly";
    if (extra > 0) {
      what += " (" + std::to_string(spec_.model.depth()) + " and 2 of embedding_as_layer)";
    }
    const bool enough = layers >= chunks && !layout.uneven_layers;
    AtLayout("pipeline", what,
             "pipeline x virtual_pipeline to divide " + std::to_string(layers) +
                 (enough ? ", or uneven_layers: true" : ""));
  }

  void CheckBatch() {
    const Layout& layout = spec_.layout;
    const std::int64_t at_a_time = Product(layout.data, spec_.micro_batch);
    CHECK(at_a_time > 0);
    if (spec_.global_batch % at_a_time != 0) {
      AtJob("global_batch",
            "\"global_batch\" is " + std::to_string(spec_.global_batch) + ", which " +
                std::to_string(layout.data) + " replicas with micro-batches of " +
                std::to_string(spec_.micro_batch) + " do not share evenly",
            "a multiple of " + std::to_string(at_a_time));
      return;
    }
    const std::int64_t micro_batches = spec_.global_batch / at_a_time;
    if (micro_batches % ScheduleRound(layout) != 0) {
      AtLayout("virtual_pipeline",
               "the interleaved schedule takes micro-batches in groups of " +
                   std::to_string(layout.pipeline) + " (one per stage), and a replica has " +
                   std::to_string(micro_batches),
               "a multiple of " + std::to_string(layout.pipeline) + ", or virtual_pipeline: 1");
    }
  }

  void CheckShards() {
    const Layout& layout = spec_.layout;
    const std::string is = "\"shard_group\" is " + std::to_string(layout.shard_group);
    if (layout.shard_group > 0 && layout.data % layout.shard_group != 0) {
      AtLayout("shard_group",
               is + ", which does not divide the " + std::to_string(layout.data) + " replicas",
               "a divisor of " + std::to_string(layout.data));
    } else if (layout.sharing_replicas() < layout.data && spec_.zero == 0) {
      AtLayout("shard_group", is + ", and \"zero\" is 0: nothing is sharded",
               "zero: 1, 2 or 3, or no shard_group");
    }
  }

  void CheckExperts() {
    const Layout& layout = spec_.layout;
    const std::string is = "\"expert\" is " + std::to_string(layout.expert);
    if (!spec_.model.has_experts()) {
      if (layout.expert > 1 || layout.expert_tensor > 0) {
        AtLayout(layout.expert > 1 ? "expert" : "expert_tensor",
                 spec_.model.name + " has no experts",
                 "a model with a mixture, or a layout without");
      }
      return;
    }
    const MixtureSpec& mixture = spec_.model.mixture;
    const std::int64_t ranks =
        Product(Product(layout.sharing_replicas(), layout.context), layout.tensor) /
        layout.expert_width();
    const std::string which =
        layout.shard_group > 0 ? " ranks of a shard group" : " ranks of a stage";
    const std::string replicas = layout.shard_group > 0 ? "(shard_group" : "(data";
    if (mixture.experts % layout.expert != 0) {
      AtLayout("expert",
               is + ", which does not divide the " + std::to_string(mixture.experts) +
                   " experts of " + spec_.model.name,
               "a divisor of " + std::to_string(mixture.experts));
    } else if (ranks % layout.expert != 0) {
      AtLayout("expert",
               is + ", which does not divide the " + std::to_string(ranks) + which +
                   " that can share experts " + replicas + " x context x tensor / expert_tensor)",
               "a divisor of " + std::to_string(ranks));
    } else if (layout.tensor > 1 && !layout.sequence_parallel) {
      AtLayout("sequence_parallel",
               "experts with tensor-parallel ranks are not simulated without \"sequence_parallel\"",
               "sequence_parallel: true, or tensor: 1");
    } else if (mixture.expert_ffn % layout.expert_width() != 0) {
      AtLayout("expert_tensor",
               std::to_string(layout.expert_width()) + " tensor-parallel ranks do not share the " +
                   std::to_string(mixture.expert_ffn) + " columns of an expert evenly",
               "a divisor of " + std::to_string(mixture.expert_ffn));
    }
  }

  void CheckRanks() {
    const Layout& layout = spec_.layout;
    const std::int64_t ranks =
        Product(Product(Product(layout.tensor, layout.context), layout.pipeline), layout.data);
    const int domain = site_.server.accelerators;
    const int used = layout.used_of(domain);
    if (used > domain || (layout.domain_ranks > 0 && used % layout.tensor != 0)) {
      AtLayout("domain_ranks",
               "\"domain_ranks\" is " + std::to_string(used) + ", and domains hold " +
                   std::to_string(domain) + " accelerators and tensor-parallel groups " +
                   std::to_string(layout.tensor),
               "a multiple of the groups, at most " + std::to_string(domain));
      return;
    }
    const std::int64_t accelerators = Product(site_.servers, used);
    if (ranks / place_.share > accelerators) {
      const std::string here =
          place_.share == 1 ? ""
                            : ", " + std::to_string(ranks / place_.share) + " of them at each site";
      problems_.Add(
          job_.At("layout").name, spec_.layout.path,
          Refusal("the layout needs " + std::to_string(layout.tensor) + " x " +
                      std::to_string(layout.pipeline) + " x " + std::to_string(layout.data) +
                      (layout.context > 1 ? " x " + std::to_string(layout.context) : "") + " = " +
                      std::to_string(ranks) + " accelerators" + here + ", and " + place_.name +
                      " has " + std::to_string(site_.servers) + " x " + std::to_string(used) +
                      " = " + std::to_string(accelerators),
                  "at most " + std::to_string(Product(accelerators, place_.share))));
    }
  }

  void CheckPositions() {
    if (spec_.document_length > spec_.sequence_length) {
      AtJob("document_length",
            "\"document_length\" is " + std::to_string(spec_.document_length) +
                ", and a sequence has " + std::to_string(spec_.sequence_length) + " tokens",
            "at most " + std::to_string(spec_.sequence_length));
    }
    if (spec_.model.max_positions > 0 && spec_.sequence_length > spec_.model.max_positions) {
      AtJob("sequence_length",
            "\"sequence_length\" is " + std::to_string(spec_.sequence_length) + ", and " +
                spec_.model.name + " has learned " + std::to_string(spec_.model.max_positions) +
                " positions",
            "at most " + std::to_string(spec_.model.max_positions));
    }
  }

  void CheckFrozen() {
    if (spec_.frozen.layers >= spec_.model.depth()) {
      problems_.Add(job_.At("frozen").At("layers").value, spec_.path + ".frozen.layers",
                    Refusal("\"layers\" is " + std::to_string(spec_.frozen.layers) + ", and " +
                                spec_.model.name + " has " + std::to_string(spec_.model.depth()) +
                                ", so that nothing would be trained",
                            "at most " + std::to_string(spec_.model.depth() - 1)));
    }
  }

  // Products of the model that an adapter may sit beside, of PEFT's names.
  [[nodiscard]] std::vector<std::string> TargetsThere() const {
    std::vector<std::string> there;
    for (const char* const name :
         {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}) {
      TrainingSpec with = spec_;
      with.adapters.targets = AdapterTargetByName(name);
      if (TrainedPerRank(with, {spec_.model.LayersIn(0, spec_.model.depth())}).total() > 0) {
        there.emplace_back(name);
      }
    }
    return there;
  }

  void CheckAdapters() {
    const ModelPart layers{spec_.model.LayersIn(0, spec_.model.depth())};
    if (spec_.trains_base() || TrainedPerRank(spec_, layers).total() > 0) {
      return;
    }
    const std::vector<std::string> there = TargetsThere();
    const Written& adapters = job_.At("adapters");
    problems_.Add(
        adapters.Has("target") ? adapters.At("target", 0).value : job_.At("adapters").name,
        spec_.path + ".adapters",
        Refusal(spec_.model.name + " has none of these products, so that nothing would be trained",
                there.empty() ? "a model with attention or feed-forward blocks: adapters beside "
                                "recurrences are not simulated"
                              : OneOf(there)));
  }

  const Written& job_;
  const TrainingSpec& spec_;
  const FitPlace& place_;
  const SiteSpec& site_;
  ProblemList& problems_;
};

}  // namespace

void CheckTrainingFit(const proto::Pretraining& run, const Written& written,
                      const TrainingSpec& spec, const FitPlace& place, ProblemList& problems) {
  FitChecks(written, spec, place, problems).CheckAll(run.precision());
}

}  // namespace gridlock
