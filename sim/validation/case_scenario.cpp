#include "sim/validation/case_scenario.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <vector>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "sim/scenario/load_text.h"
#include "sim/study/evaluate.h"

namespace gridlock {

namespace {

// What tables call a stack, and the catalogue entry that stands for it. Other names stand for
// themselves when the catalogue has them.
struct StackName {
  const char* table;
  const char* accelerator_prefix;  // the entry is for accelerators that begin so
  std::int64_t zero;               // and for rows that shard at least that much
  const char* catalogue;
  bool (*fits)(const PublishedCase& row);  // the entry is for rows that this is true of
};

bool Any(const PublishedCase& /*row*/) {
  return true;
}

// Experts narrower than the model, many of them per token.
bool FineGrained(const PublishedCase& row) {
  return row.experts > 0 && row.expert_ffn < row.hidden;
}

bool FineGrainedInterleaved(const PublishedCase& row) {
  return FineGrained(row) && row.vpp > 1;
}

constexpr StackName kStacks[] = {
    // The published A100 runs are of 2021 to 2023, before Transformer Engine and the overlap of
    // tensor-parallel communication; those that shard the optimizer are later than 2021, when there
    // was no distributed optimizer. Those on Hopper and later are Megatron-Core or NeMo on it.
    // Models with fine-grained experts came with dispatchers of their own, whose overlap asks for
    // an
    // interleaved schedule (published recipes, NVIDIA-NeMo/Megatron-Bridge).
    {"megatron", "a100", 1, "megatron_2023", Any},
    {"megatron", "a800", 1, "megatron_2023", Any},
    {"megatron", "a100", 0, "megatron_2021", Any},
    {"megatron", "a800", 0, "megatron_2021", Any},
    {"megatron", "", 0, "megatron_core_overlap", FineGrainedInterleaved},
    {"megatron", "", 0, "megatron_core_flex", FineGrained},
    {"megatron", "", 0, "megatron_core", Any},
    {"composer_fsdp", "", 0, "composer_fsdp", Any},
    {"internevo", "", 0, "internevo", Any},
    {"deepseek_dualpipe", "", 0, "deepseek_dualpipe", Any},
};

// Columns that ask for what is not simulated yet. A feature that comes in is one line less here,
// and a field more in ScenarioText.
struct Feature {
  const char* name;
  bool (*needed)(const PublishedCase& row);
};

constexpr Feature kNotSimulated[] = {
    {"expert parallelism",
     [](const PublishedCase& row) {
       return row.experts == 0 && row.ep > 1;
     }},
};

struct FormatName {
  const char* table;
  const char* schema;
};

// Formats as the schema calls them. FP16 runs at the rates of BF16; micro-scaled FP8 at those of
// FP8 (its block scales are part of the GEMM).
constexpr FormatName kFormats[] = {
    {"bf16", "BF16"}, {"fp16", "BF16"}, {"fp8", "FP8"},   {"mxfp8", "FP8"},
    {"nvfp4", "FP4"}, {"fp4", "FP4"},   {"fp32", "FP32"}, {"tf32", "TF32"},
};

struct RecomputeName {
  const char* table;
  const char* schema;
};

constexpr RecomputeName kRecomputes[] = {
    {"none", "NONE"}, {"selective", "SELECTIVE"}, {"full", "FULL_LAYER"}};

template <typename Names>
std::string SchemaName(const Names& names, const std::string& table) {
  const auto* const found = std::find_if(std::begin(names), std::end(names), [&](const auto& each) {
    return table == each.table;
  });
  CHECK(found != std::end(names));
  return found->schema;
}

// The server whose accelerator and scale-up domain are those of the row, or null.
const CatalogueServer* ServerOf(const PublishedCase& row, const CatalogueList& catalogue) {
  const auto found = std::find_if(
      catalogue.servers.begin(), catalogue.servers.end(), [&](const CatalogueServer& server) {
        return server.accelerator == row.accelerator && server.accelerators == row.domain;
      });
  return found == catalogue.servers.end() ? nullptr : &*found;
}

std::int64_t ChunksOf(const PublishedCase& row) {
  return row.pp * std::max<std::int64_t>(1, row.vpp);
}

bool EmbeddingAsLayer(const PublishedCase& row) {
  return row.layers % ChunksOf(row) != 0 && (row.layers + 2) % ChunksOf(row) == 0;
}

std::string Escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
    }
    out += c;
  }
  return out;
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
// tables have no columns for.
const CatalogueMixture* MixtureOf(const PublishedCase& row, const CatalogueList& catalogue) {
  const auto found = std::find_if(
      catalogue.mixtures.begin(), catalogue.mixtures.end(), [&](const CatalogueMixture& model) {
        return model.layers == row.layers && model.hidden == row.hidden &&
               model.heads == row.heads && model.vocabulary == row.vocab &&
               model.experts == row.experts && model.experts_per_token == row.top_k &&
               model.expert_ffn == row.expert_ffn;
      });
  return found == catalogue.mixtures.end() ? nullptr : &*found;
}

std::string MixtureText(const PublishedCase& row) {
  return row.experts == 0
             ? ""
             : fmt::format(
                   "    mixture {{ experts: {} experts_per_token: {} expert_ffn: {} "
                   "shared_experts: {} {} }}\n",
                   row.experts, row.top_k, row.expert_ffn, row.shared_experts,
                   row.dense_every_second ? "dense_every_second: true"
                                          : fmt::format("dense_layers: {}", row.dense_layers));
}

std::string ModelText(const PublishedCase& row, const std::string& source) {
  const bool learned = row.gated == 0;
  return fmt::format(
      "  model {{\n    name: \"published\"\n    title: \"{}\"\n    layers: {}\n    hidden: {}\n"
      "    heads: {}\n    kv_heads: {}\n    ffn: {}\n    gated: {}\n    vocabulary: {}\n"
      "    max_positions: {}\n    attention: CAUSAL\n{}    source {{ text: \"{}\" }}\n  }}\n",
      Escaped(row.model), row.layers, row.hidden, row.heads, row.kv_heads, row.ffn, row.gated == 1,
      row.vocab, learned ? row.seq : 0, MixtureText(row), source);
}

// Experts as narrow as these are not split over tensor-parallel ranks (expert tensor parallelism of
// 1 in published recipes of such models, NVIDIA-NeMo/Megatron-Bridge); others are split like all
// other weights, which is Megatron-Core's default.
bool WholeExperts(const PublishedCase& row) {
  return row.expert_ffn < row.hidden;
}

// Accelerators of a scale-up domain that the row's ranks fill: whole groups that share experts, as
// jobs on racks are placed (64 of 72 accelerators). Dense rows use all of them.
std::int64_t DomainRanks(const PublishedCase& row) {
  const std::int64_t group = row.ep * (WholeExperts(row) ? 1 : row.tp);
  return row.experts > 0 && group <= row.domain ? row.domain / group * group : row.domain;
}

// One non-blocking fabric for all rows: publications seldom say theirs, and the large ones are fat
// trees. The radix is far beyond real switches so that three tiers hold any cluster; pods are small
// enough that large jobs cross all tiers.
std::string SwitchText(const PublishedCase& row) {
  return fmt::format(
      "  switch {{\n    name: \"generic\"\n    title: \"Generic switch\"\n    ports: 4096\n"
      "    port_bandwidth: \"{} Gbps\"\n    latency: \"600 ns\"\n    power: \"1 W\"\n"
      "    source {{ text: \"Assumed: any non-blocking fabric at the NIC rate\" estimate: true }}\n"
      "  }}\n",
      row.nic_gbps);
}

std::string SiteText(const PublishedCase& row, const CatalogueServer& server) {
  const double per_nic = row.nic_gbps * server.accelerators / server.nics;  // Gbit/s
  std::string override_text;
  if (std::abs(per_nic * 1e9 / 8 - server.nic_bandwidth.si()) > 1e-6 * server.nic_bandwidth.si()) {
    override_text = fmt::format("  override {{ nic_bandwidth: \"{} Gbps\" }}\n", per_nic);
  }
  const std::int64_t used = DomainRanks(row);
  const std::int64_t servers = (row.accelerators + used - 1) / used;
  return fmt::format(
      "site {{\n  name: \"site\"\n  server: \"{}\"\n  servers: {}\n  fabric {{\n    clos {{\n"
      "      tiers: 3\n      servers_per_leaf: 2\n      leaves_per_pod: 16\n"
      "      leaf_oversubscription: 1\n      spine_oversubscription: 1\n"
      "      leaf_switch: \"generic\"\n      spine_switch: \"generic\"\n"
      "      core_switch: \"generic\"\n      routing: SPRAY\n    }}\n  }}\n{}}}\n",
      server.name, servers, override_text);
}

std::string ExpertsText(const PublishedCase& row) {
  if (row.experts == 0) {
    return "";
  }
  const std::string uneven = row.layers % ChunksOf(row) != 0 && !EmbeddingAsLayer(row)
                                 ? "      uneven_layers: true\n"
                                 : "";
  const std::string used = DomainRanks(row) < row.domain
                               ? fmt::format("      domain_ranks: {}\n", DomainRanks(row))
                               : "";
  // DualPipe itself is not simulated: the zero-bubble schedule idles nearly as long, (p-1)(F + B -
  // 2 W) against (p/2-1)(F&B + B - 3 W), which are 15 and 14 forward passes of 16 stages with B = 2
  // F and W = F (DeepSeek-V3, arXiv:2412.19437, table 2).
  const std::string schedule =
      row.stack == "deepseek_dualpipe" && row.pp > 1 ? "      schedule: ZERO_BUBBLE\n" : "";
  return fmt::format("      expert: {}\n      expert_tensor: {}\n{}{}{}", row.ep,
                     WholeExperts(row) ? 1 : row.tp, uneven, used, schedule);
}

std::string LayoutText(const PublishedCase& row) {
  const std::string shards =
      row.shard_group > 0 ? fmt::format("      shard_group: {}\n", row.shard_group) : "";
  return fmt::format(
      "    layout {{\n      tensor: {}\n      context: {}\n      pipeline: {}\n      "
      "virtual_pipeline: {}\n"
      "      data: {}\n{}{}      sequence_parallel: {}\n      embedding_as_layer: {}\n"
      "      rank_order: TENSOR_DATA_PIPELINE\n    }}\n",
      row.tp, std::max<std::int64_t>(1, row.cp), row.pp, std::max<std::int64_t>(1, row.vpp), row.dp,
      shards, ExpertsText(row), row.sequence_parallel == 1 && row.tp > 1, EmbeddingAsLayer(row));
}

// What stands for the row, by name.
struct Named {
  std::string model, stack;
};

std::string JobText(const PublishedCase& row, const Named& named, const std::string& recompute) {
  return fmt::format(
      "job {{\n  name: \"published step\"\n  pretraining {{\n    model: \"{}\"\n"
      "    stack: \"{}\"\n{}    global_batch: {}\n    micro_batch: {}\n    sequence_length: {}\n"
      "    precision: {}\n    zero: {}\n    recompute: {}\n  }}\n}}\n",
      named.model, named.stack, LayoutText(row), row.global_batch, MicroBatchOf(row), row.seq,
      SchemaName(kFormats, row.precision), row.zero, SchemaName(kRecomputes, recompute));
}

// The first problem of a refusal, without the place in a text that nobody wrote.
std::string ReasonOf(const UserError& error, const std::string& file) {
  CHECK(!error.problems().empty());
  std::string reason = error.problems().front().message;
  if (reason.starts_with(file + ":")) {
    reason.erase(0, reason.find(": ") + 2);
  }
  // Advice is for people who write the scenario; a published one is as it is.
  reason = reason.substr(
      0, std::min(reason.find("; what would fit"), reason.find("; no single change")));
  if (error.problems().size() > 1) {
    reason += fmt::format(" (and {} more)", error.problems().size() - 1);
  }
  return reason;
}

// Ranks that the site would leave idle, or not have, are a mistake of the row.
std::string WhyRanksDiffer(const PublishedCase& row) {
  const std::int64_t ranks = row.tp * row.pp * row.cp * row.dp;
  return ranks == row.accelerators
             ? ""
             : fmt::format("tp x pp x cp x dp = {} accelerators, and the row has {}", ranks,
                           row.accelerators);
}

}  // namespace

const char* CaseStatusName(CaseStatus status) {
  switch (status) {
    case CaseStatus::kSimulated:
      return "simulated";
    case CaseStatus::kUnsupported:
      return "unsupported";
    case CaseStatus::kRefused:
      return "refused";
    case CaseStatus::kFailed:
      return "failed";
  }
  return "";
}

KnownNames NamesOf(const CatalogueList& catalogue) {
  KnownNames names{catalogue.stacks, catalogue.accelerators};
  for (const StackName& stack : kStacks) {
    if (std::find(names.stacks.begin(), names.stacks.end(), stack.table) == names.stacks.end()) {
      names.stacks.emplace_back(stack.table);
    }
  }
  return names;
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

std::string StackOf(const PublishedCase& row, const CatalogueList& catalogue) {
  std::string name = row.stack;
  for (const StackName& stack : kStacks) {
    if (row.stack == stack.table && row.accelerator.starts_with(stack.accelerator_prefix) &&
        row.zero >= stack.zero && stack.fits(row)) {
      name = stack.catalogue;
      break;
    }
  }
  const bool known =
      std::find(catalogue.stacks.begin(), catalogue.stacks.end(), name) != catalogue.stacks.end();
  return known ? name : "";
}

std::string MissingFeatures(const PublishedCase& row, const CatalogueList& catalogue) {
  std::vector<std::string> missing;
  for (const Feature& feature : kNotSimulated) {
    if (feature.needed(row)) {
      missing.emplace_back(feature.name);
    }
  }
  if (StackOf(row, catalogue).empty()) {
    missing.push_back(fmt::format("no stack \"{}\" in the catalogue", row.stack));
  }
  if (ServerOf(row, catalogue) == nullptr) {
    missing.push_back(fmt::format("no server of {} in domains of {} in the catalogue",
                                  row.accelerator, row.domain));
  }
  if (row.layers % ChunksOf(row) != 0 && !EmbeddingAsLayer(row) && row.experts == 0) {
    missing.push_back(
        fmt::format("uneven pipeline split ({} layers over {} chunks)", row.layers, ChunksOf(row)));
  }
  return fmt::format("{}", fmt::join(missing, ", "));
}

std::string ScenarioText(const PublishedCase& row, const std::string& recompute,
                         const CatalogueList& catalogue) {
  const CatalogueServer* const server = ServerOf(row, catalogue);
  CHECK(server != nullptr);
  const std::string source = Escaped(row.source);
  const CatalogueMixture* const model = MixtureOf(row, catalogue);
  return fmt::format(
      "# A published training step: {} s.\nschema_version: 1\nname: \"{}\"\n"
      "description: \"{}\"\nseed: 1\ncatalog {{\n{}{}}}\n{}{}",
      row.step_time_s, FileName(row.id), source, model == nullptr ? ModelText(row, source) : "",
      SwitchText(row), SiteText(row, *server),
      JobText(row, {model == nullptr ? "published" : model->name, StackOf(row, catalogue)},
              recompute));
}

PreparedCase Prepare(const PublishedCase& row, const CatalogueList& catalogue) {
  PreparedCase out;
  out.reason = MissingFeatures(row, catalogue);
  if (!out.reason.empty()) {
    out.status = CaseStatus::kUnsupported;
    return out;
  }
  std::vector<std::string> recomputes = {row.recompute};
  if (row.recompute == "auto") {
    recomputes = {"none", "selective", "full"};
  }
  const std::string file = FileName(row.id) + ".textproto";
  // The first that fits HBM; when none does, the reason is that of the last.
  for (const std::string& recompute : recomputes) {
    out.text = ScenarioText(row, recompute, catalogue);
    try {
      out.scenario = LoadScenarioText(file, out.text, {});
      CheckScenario(*out.scenario, Fidelity::kFolded);
      out.reason = WhyRanksDiffer(row);
      break;
    } catch (const UserError& error) {
      out.reason = ReasonOf(error, file);
    }
  }
  if (!out.reason.empty()) {
    out.status = CaseStatus::kRefused;
    out.scenario.reset();
  }
  return out;
}

}  // namespace gridlock
