#include "sim/validation/case_scenario.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <vector>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "sim/catalogue/assumed_fabric.h"
#include "sim/validation/case_server.h"
#include "sim/validation/case_stack.h"
#include "sim/validation/table_words.h"

namespace gridlock {

namespace {

struct FormatName {
  const char* table;
  const char* schema;
};

// Formats as the schema calls them.
constexpr FormatName kFormats[] = {
    {"bf16", "BF16"}, {"fp16", "FP16"}, {"fp8", "FP8"},   {"mxfp8", "MXFP8"}, {"nvfp4", "NVFP4"},
    {"fp4", "FP4"},   {"fp32", "FP32"}, {"tf32", "TF32"}, {"int8", "INT8"},
};

struct RecomputeName {
  const char* table;
  const char* schema;
};

constexpr RecomputeName kRecomputes[] = {
    {"none", "NONE"}, {"selective", "SELECTIVE"}, {"full", "FULL_LAYER"}};

// "" for a name that is not in the list.
template <typename Names>
std::string SchemaName(const Names& names, const std::string& table) {
  const auto* const found = std::find_if(std::begin(names), std::end(names), [&](const auto& each) {
    return table == each.table;
  });
  return found != std::end(names) ? found->schema : "";
}

bool IsKnownAccelerator(const PublishedCase& row, const CatalogueList& catalogue) {
  return std::find(catalogue.accelerators.begin(), catalogue.accelerators.end(), row.accelerator) !=
         catalogue.accelerators.end();
}

std::int64_t ChunksOf(const PublishedCase& row) {
  return row.pp * std::max<std::int64_t>(1, row.vpp);
}

bool EmbeddingAsLayer(const PublishedCase& row) {
  return row.layers % ChunksOf(row) != 0 && (row.layers + 2) % ChunksOf(row) == 0;
}

bool Uneven(const PublishedCase& row) {
  return row.layers % ChunksOf(row) != 0 && !EmbeddingAsLayer(row);
}

// A text of a table as the value of an assignment.
std::string QuotedText(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
    }
    out += c;
  }
  return out + "\"";
}

// A name that files can have.
std::string FileName(const std::string& id) {
  constexpr std::size_t kLongest = 100;
  std::string name = id.substr(0, kLongest);
  for (char& c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '-' && c != '_' && c != '.') {
      c = '_';
    }
  }
  if (name.front() == '.') {
    name.front() = '_';
  }
  return name;
}

// The catalogue's model with experts whose sizes are those of the row, or null: it also says what
// tables have no columns for. Of two that differ in what predicts further tokens, the row's own.
const CatalogueMixture* MixtureOf(const PublishedCase& row, const CatalogueList& catalogue) {
  const auto as_the_row = [&](const CatalogueMixture& model) {
    return (model.prediction_modules > 0) == TrainsPredictions(row);
  };
  const CatalogueMixture* found = nullptr;
  for (const CatalogueMixture& model : catalogue.mixtures) {
    const bool same = model.layers == row.layers && model.hidden == row.hidden &&
                      model.heads == row.heads && model.vocabulary == row.vocab &&
                      model.experts == row.experts && model.experts_per_token == row.top_k &&
                      model.expert_ffn == row.expert_ffn;
    if (same && (found == nullptr || (as_the_row(model) && !as_the_row(*found)))) {
      found = &model;
    }
  }
  return found;
}

// Two rounds of the pipeline where the row does not say.
std::int64_t GlobalBatchOf(const PublishedCase& row) {
  return row.global_batch > 0 ? row.global_batch : row.dp * MicroBatchOf(row) * 2 * row.pp;
}

// Accelerators of a scale-up domain that the row's ranks fill: whole groups that share experts, as
// jobs on racks are placed (64 of 72 accelerators). Dense rows use all of them.
std::int64_t DomainRanks(const PublishedCase& row) {
  const std::int64_t group = row.ep * (WholeExperts(row) ? 1 : row.tp);
  return row.experts > 0 && group <= row.domain ? row.domain / group * group : row.domain;
}

// What all rows have in common. One non-blocking fabric: publications seldom say theirs, and the
// large ones are fat trees. The radix is far beyond real switches so that three tiers hold any
// cluster; pods are small enough that large jobs cross all tiers.
constexpr const char* kBaseText = R"(schema_version: 1
name: "published"
seed: 1
catalog {{
{}{}}}
site {{
  name: "site"
{}}}
job {{
  name: "published step"
  pretraining {{ layout {{ rank_order: TENSOR_DATA_PIPELINE }} }}
}}
)";

// The row's own model, for those that the catalogue does not have.
constexpr const char* kModelText = R"(  model {
    name: "published"
    source { text: "the row" }
  }
)";

// Gathers what a row says differently from the base.
class RowPoint {
 public:
  explicit RowPoint(std::string place) : place_(std::move(place)) {}

  // For the fields below `block` from here on: "site[0]".
  void Within(const std::string& block) { block_ = block + "."; }

  template <typename T>
  void Set(const char* field, const T& value) {
    point_.assignments.push_back(AssignmentFrom(place_, block_ + field, fmt::format("{}", value)));
  }

  [[nodiscard]] const Point& point() const { return point_; }

 private:
  std::string place_, block_;
  Point point_;
};

void SetModel(const RepairedCase& repaired, RowPoint& point) {
  const PublishedCase& row = repaired.row;
  const bool learned = row.gated == 0;  // positions
  point.Within("catalog.model[0]");
  point.Set("title", QuotedText(row.model));
  point.Set("layers", row.layers);
  point.Set("hidden", row.hidden);
  point.Set("heads", row.heads);
  point.Set("kv_heads", row.kv_heads);
  if (repaired.head_dim > 0) {
    point.Set("head_dim", repaired.head_dim);
  }
  point.Set("tied_embeddings", repaired.tied_embeddings);
  point.Set("query_key_norms", repaired.query_key_norms);
  point.Set("ffn", row.ffn);
  point.Set("gated", row.gated == 1);
  point.Set("relu", repaired.relu);
  point.Set("attention", IsEncoder(row.model) ? "FULL" : "CAUSAL");
  point.Set("vocabulary", row.vocab);
  point.Set("max_positions", learned ? row.seq : 0);
  point.Set("source[0].text", QuotedText(row.source));
  if (row.experts == 0) {
    return;
  }
  point.Within("catalog.model[0].mixture");
  point.Set("experts", row.experts);
  point.Set("experts_per_token", row.top_k);
  point.Set("expert_ffn", row.expert_ffn);
  point.Set("shared_experts", row.shared_experts);
  if (row.dense_every_second) {
    point.Set("every", 2);
  } else {
    point.Set("dense_layers", row.dense_layers);
  }
  if (const CatalogueMixture& like = repaired.like; like.key_value_rank > 0) {
    point.Within("catalog.model[0].latent_attention");
    if (like.query_rank > 0) {
      point.Set("query_rank", like.query_rank);
    }
    point.Set("key_value_rank", like.key_value_rank);
    point.Set("plain_head_dim", like.plain_head_dim);
    point.Set("rotary_head_dim", like.rotary_head_dim);
    point.Set("value_head_dim", like.value_head_dim);
  }
}

void SetSite(const PublishedCase& row, const RowServer& server, RowPoint& point) {
  const std::int64_t used = DomainRanks(row);
  point.Within("site[0]");
  point.Set("server", server.name);
  point.Set("servers", (row.accelerators + used - 1) / used);
  if (row.capacity_gib > 0) {
    point.Set("override.hbm_capacity", fmt::format("{} GiB", row.capacity_gib));
  }
  if (row.nic_gbps > 0) {
    const double per_nic = row.nic_gbps * static_cast<double>(row.domain) / server.nics;  // Gbit/s
    if (std::abs(per_nic * 1e9 / 8 - server.nic_bandwidth) > 1e-6 * server.nic_bandwidth) {
      point.Set("override.nic_bandwidth", fmt::format("{} Gbps", per_nic));
    }
    point.Within("catalog.switch[0]");
    point.Set("port_bandwidth", fmt::format("{} Gbps", row.nic_gbps));
  }
}

void SetExperts(const PublishedCase& row, RowPoint& point) {
  if (row.experts == 0) {
    return;
  }
  point.Set("expert", row.ep);
  point.Set("expert_tensor", WholeExperts(row) ? 1 : row.tp);
  if (DomainRanks(row) < row.domain) {
    point.Set("domain_ranks", DomainRanks(row));
  }
  // DualPipe itself is not simulated: the zero-bubble schedule idles nearly as long, (p-1)(F + B -
  // 2 W) against (p/2-1)(F&B + B - 3 W), which are 15 and 14 forward passes of 16 stages with B = 2
  // F and W = F (DeepSeek-V3, arXiv:2412.19437, table 2).
  if (row.stack == "deepseek_dualpipe" && row.pp > 1) {
    point.Set("schedule", "ZERO_BUBBLE");
  }
}

void SetLayout(const PublishedCase& row, RowPoint& point) {
  point.Within("job[0].pretraining.layout");
  point.Set("tensor", row.tp);
  point.Set("context", std::max<std::int64_t>(1, row.cp));
  point.Set("pipeline", row.pp);
  point.Set("virtual_pipeline", std::max<std::int64_t>(1, row.vpp));
  point.Set("data", row.dp);
  if (row.shard_group > 0) {
    point.Set("shard_group", row.shard_group);
  }
  if (Uneven(row)) {
    point.Set("uneven_layers", true);
  }
  SetExperts(row, point);
  point.Set("sequence_parallel", row.sequence_parallel == 1 && row.tp > 1);
  point.Set("embedding_as_layer", EmbeddingAsLayer(row));
}

// Where frameworks put adapters of a row that tells their rank alone; "" for beside all products.
// NVIDIA's recipes of LoRA have them beside queries, keys and values (NVIDIA-NeMo/Megatron-Bridge,
// perf_recipes: peft.target_modules is linear_qkv); those of torchtune beside all but the keys
// (recipes/configs/llama3/8B_lora_single_device.yaml).
std::string UsualTargets(const PublishedCase& row) {
  const std::string stack = PlainName(row.stack);
  if (row.source.find("Megatron-Bridge") != std::string::npos) {
    return R"( target: ["linear_qkv"])";
  }
  return stack.starts_with("torchtune") ? R"( target: ["q_proj", "v_proj", "o_proj", "ffn"])" : "";
}

// Share of the tokens of a masked language model whose logits are computed: NVIDIA's scripts gather
// the masked ones first, 20 of 128 tokens or 80 of 512 (DeepLearningExamples, PyTorch and
// TensorFlow, LanguageModeling/BERT: max_predictions_per_seq); others compute all.
double PredictedShare(const PublishedCase& row) {
  constexpr double kOfShort = 20.0 / 128, kOfLong = 80.0 / 512;
  constexpr std::int64_t kShort = 128;
  if (!PlainName(row.model).starts_with("bert") ||
      row.source.find("DeepLearningExamples") == std::string::npos) {
    return 1;
  }
  return row.seq <= kShort ? kOfShort : kOfLong;
}

// What few tables have columns for.
void SetRare(const PublishedCase& row, RowPoint& point) {
  if (row.document_length > 0) {
    point.Set("document_length", std::min(row.document_length, row.seq));
  }
  if (!row.adapters.empty() && row.adapters != "0") {
    point.Set("adapters", row.adapters.starts_with("{")
                              ? row.adapters
                              : fmt::format("{{ rank: {}{} }}", row.adapters, UsualTargets(row)));
  }
  if (const double share = PredictedShare(row); share < 1) {
    point.Set("predicted_share", share);
  }
  if (!row.optimizer.empty()) {
    point.Set("optimizer", row.optimizer);
  }
  const auto offloads = [&row](const char* what) {
    return row.offload.find(what) != std::string::npos;
  };
  if (offloads("activation")) {
    point.Set("offload_activations", true);
  }
  if (offloads("state") || offloads("param")) {
    point.Set("offload_states", true);
  } else if (offloads("optimizer")) {
    point.Set("optimizer_place", "ON_HOST");
  }
}

void SetJob(const PublishedCase& row, const std::string& model, const std::string& stack,
            const std::string& recompute, RowPoint& point) {
  point.Within("job[0].pretraining");
  point.Set("model", model);
  point.Set("stack", stack);
  point.Set("global_batch", GlobalBatchOf(row));
  point.Set("micro_batch", MicroBatchOf(row));
  point.Set("sequence_length", row.seq);
  point.Set("precision", SchemaName(kFormats, row.precision));
  point.Set("zero", row.zero);
  point.Set("recompute", SchemaName(kRecomputes, recompute));
  SetRare(row, point);
}

}  // namespace

std::string SchemaFormat(const std::string& precision) {
  return SchemaName(kFormats, precision);
}

std::int64_t MicroBatchOf(const PublishedCase& row) {
  constexpr double kWidest = 8192;  // of hidden / tp x micro-batch: beyond it GEMMs gain nothing
  if (row.micro_batch > 0) {
    return row.micro_batch;
  }
  if (row.pp == 1 && row.global_batch % row.dp == 0) {
    const std::int64_t per_replica = row.global_batch / row.dp;
    for (const std::int64_t sequences : {4, 2}) {
      const double width = static_cast<double>(row.hidden) / static_cast<double>(row.tp) *
                           static_cast<double>(sequences);
      if (per_replica % sequences == 0 && width <= kWidest) {
        return sequences;
      }
    }
  }
  return 1;
}

std::string AssumedOf(const RepairedCase& repaired, const CatalogueList& catalogue) {
  const PublishedCase& row = repaired.row;
  std::vector<std::string> assumed = repaired.said;
  if (const std::string kind = FamilyKindOf(row, catalogue); !kind.empty()) {
    assumed.push_back(
        fmt::format("stack {} is {}: as {}", row.stack, kind, StackOf(row, catalogue)));
  }
  if (const std::string why = WhyStack(row, catalogue); !why.empty()) {
    assumed.push_back(why);
  }
  if (const std::string server = AssumedServer(row, catalogue); !server.empty()) {
    assumed.push_back(server);
  }
  const CatalogueMixture* const model = MixtureOf(row, catalogue);
  const int modules = model == nullptr ? 0 : model->prediction_modules;
  if (modules > 0) {
    assumed.push_back(fmt::format("model {}: it trains what predicts further tokens", model->name));
  }
  if (Uneven(row)) {
    assumed.push_back(fmt::format("{} layers over {} chunks: the {}", row.layers, ChunksOf(row),
                                  modules > 0 ? "last holds fewer" : "first ones hold one more"));
  }
  if (!row.adapters.empty() && row.adapters.front() != '{' && !UsualTargets(row).empty()) {
    assumed.push_back(fmt::format("adapters as recipes have them,{}", UsualTargets(row)));
  }
  if (row.global_batch == 0) {
    assumed.push_back(fmt::format("global_batch {}", GlobalBatchOf(row)));
  }
  return fmt::format("{}", fmt::join(assumed, "; "));
}

std::string MissingFeatures(const PublishedCase& row, const CatalogueList& catalogue) {
  std::vector<std::string> missing;
  if (StackOf(row, catalogue).empty()) {
    missing.push_back(fmt::format("no stack \"{}\" in the catalogue", row.stack));
  }
  if (!IsKnownAccelerator(row, catalogue)) {
    missing.push_back(fmt::format("no accelerator {} in the catalogue{}", Quoted(row.accelerator),
                                  DidYouMean(row.accelerator, catalogue.accelerators)));
  }
  return fmt::format("{}", fmt::join(missing, ", "));
}

std::string ScenarioFile(const PublishedCase& row) {
  return FileName(row.id) + ".textproto";
}

CaseScenario ScenarioOf(const RepairedCase& repaired, const std::string& recompute,
                        const std::string& stack, const CatalogueList& catalogue) {
  const PublishedCase& row = repaired.row;
  const RowServer server = RowServerOf(row, catalogue);
  const CatalogueMixture* const model = MixtureOf(row, catalogue);
  const std::string file = ScenarioFile(row);
  RowPoint point(file);
  point.Set("name", FileName(row.id));
  point.Set("description", QuotedText(row.source));
  if (model == nullptr) {
    SetModel(repaired, point);
  }
  SetSite(row, server, point);
  SetLayout(row, point);
  SetJob(row, model == nullptr ? "published" : model->name, stack, recompute, point);
  return {ScenarioBase(
              file,
              fmt::format(kBaseText, AssumedSwitchText(BytesPerSecond(50e9), "1 W"),
                          (model == nullptr ? kModelText : "") + server.entry, AssumedFabricText()),
              {}),
          point.point()};
}

}  // namespace gridlock
