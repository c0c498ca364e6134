#include "sim/validation/case_stack.h"

#include <algorithm>
#include <cctype>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "sim/validation/table_words.h"

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

// The source in plain words, "_nvidia_nemo_docs_". A word behind a slash that ends no address of a
// host is a folder of someone else: nobody at NVIDIA published "FlagOpen/FlagPerf training/nvidia".
std::string SourceWords(const std::string& source) {
  std::string words = "_";
  std::size_t from = 0;
  while (from < source.size()) {
    const std::size_t end = std::min(source.find_first_of(" /", from), source.size());
    const std::size_t back = source.rfind(' ', from);
    const std::size_t begin = back == std::string::npos ? 0 : back + 1;
    const bool behind_slash = from > begin;
    const bool of_host = source.substr(begin, from - begin).find('.') != std::string::npos;
    if (!behind_slash || of_host || PlainName(source.substr(from, end - from)) != "nvidia") {
      words += PlainName(source.substr(from, end - from)) + "_";
    }
    from = end + 1;
  }
  return words;
}

// What says how a row of "megatron" was switched.
enum class Told { kByFramework, kByNotes, kBySource };

struct Recipe {
  bool of_vendor = false;
  Told by = Told::kBySource;
};

template <std::size_t kCount>
bool HasWord(const std::string& words, const char* const (&any)[kCount]) {
  return std::any_of(std::begin(any), std::end(any), [&](const char* word) {
    return words.find(word) != std::string::npos;
  });
}

// Rows of "megatron" do not say how it was switched: layouts, sizes and formats of both kinds
// overlap. Columns for it (`framework`, `notes`) come first. Where they say nothing, who published
// the row does: runs that NVIDIA publishes, of MLPerf, and of clouds on NVIDIA's recipes have the
// overlap and the 16-bit gradients of those, and so do those whose own scripts say so
// (swiss-ai/Megatron-LM, submit-llama3-8b.sh: overlap-grad-reduce, overlap-param-gather,
// main-grads-dtype bf16); others have Megatron-LM's defaults. WhyStack tells of it beside the row,
// and README.md what it is worth. Tables that know better name megatron_core, or what is built on
// it, or megatron_lm.
Recipe RecipeOf(const PublishedCase& row) {
  constexpr const char* kRecipesOf[] = {"_nemo_", "_megatron_bridge_", "_mcore_",
                                        "_megatron_core_"};
  constexpr const char* kDefaultsOf[] = {"_megatron_lm_"};
  constexpr const char* kPublishers[] = {"_nvidia_", "_nemotron_", "_gpu_recipes_", "_mlperf_",
                                         "_swiss_ai_"};
  const std::pair<Told, std::string> told[] = {
      {Told::kByFramework, "_" + PlainName(row.framework) + "_"},
      {Told::kByNotes, "_" + PlainName(row.notes) + "_"}};
  for (const auto& [by, words] : told) {
    const bool recipe = HasWord(words, kRecipesOf);
    if (recipe || HasWord(words, kDefaultsOf)) {
      return {recipe, by};
    }
  }
  const std::string words = SourceWords(row.source);
  return {HasWord(words, kRecipesOf) || HasWord(words, kPublishers), Told::kBySource};
}

bool VendorRecipe(const PublishedCase& row) {
  return RecipeOf(row).of_vendor;
}

// Experts narrower than the model, many of them per token.
bool FineGrained(const PublishedCase& row) {
  return row.experts > 0 && row.expert_ffn < row.hidden;
}

bool Interleaved(const PublishedCase& row) {
  return FineGrained(row) && row.vpp > 1;
}

// Models like DeepSeek-V3 have a dispatcher of their own in any server, and those with fewer
// experts plain all-to-alls, with an overlap where they cross servers in an interleaved schedule.
// Where they cross servers without one, the dispatcher sends a token to each server once (Qwen3 30B
// on 16 H100: moe_flex_dispatcher_backend "hybridep", moe_a2a_overlap off). Inside servers of eight
// they are those of megatron_core (NVIDIA-NeMo/Megatron-Bridge, perf_recipes of DeepSeek-V3 and
// Qwen3 on H100 and B200).
constexpr std::int64_t kManyExperts = 256;

bool ManyExperts(const PublishedCase& row) {
  return FineGrained(row) && row.experts >= kManyExperts;
}

bool ManyExpertsInterleaved(const PublishedCase& row) {
  return ManyExperts(row) && row.vpp > 1;
}

bool CrossesServers(const PublishedCase& row) {
  return FineGrained(row) && row.ep > row.domain;
}

bool ExchangedOverlapped(const PublishedCase& row) {
  return CrossesServers(row) && row.vpp > 1;
}

bool Notes(const PublishedCase& row, const char* words) {
  return row.notes.find(words) != std::string::npos;
}

bool Compiled(const PublishedCase& row) {
  return MeantYes(row.compile) == 1;
}

bool NotCompiled(const PublishedCase& row) {
  return Notes(row, "not compiled") || MeantYes(row.compile) == 0;
}

// Releases of 2024, whose loss was not compiled: notes, framework or source say so
// ("benchmarks/llama3_h100_202412_torchtitan.md").
bool Of2024(const PublishedCase& row) {
  const auto says = [](const std::string& text) {
    return text.find("2024") != std::string::npos;
  };
  return says(row.notes) || says(row.framework) || says(row.source);
}

// Megatron-LM of 2019, before its fused kernels.
bool Of2019(const PublishedCase& row) {
  return row.source.find("2019") != std::string::npos ||
         row.source.find("1909.08053") != std::string::npos;
}

bool Dispatches(const PublishedCase& row, const char* how) {
  return PlainName(row.dispatcher).find(how) != std::string::npos;
}

// The dispatchers of Megatron-Core (moe_token_dispatcher_type and moe_flex_dispatcher_backend), and
// those whose all-to-alls run beside compute.
bool DeepEp(const PublishedCase& row) {
  return Dispatches(row, "deepep");
}

bool HybridEp(const PublishedCase& row) {
  return Dispatches(row, "hybridep") || Dispatches(row, "flex");
}

bool AllToAll(const PublishedCase& row) {
  return Dispatches(row, "alltoall") || Dispatches(row, "all_to_all");
}

bool DeepEpOverlapped(const PublishedCase& row) {
  return DeepEp(row) && Dispatches(row, "overlap");
}

bool HybridEpOverlapped(const PublishedCase& row) {
  return HybridEp(row) && Dispatches(row, "overlap");
}

bool AllToAllOverlapped(const PublishedCase& row) {
  return AllToAll(row) && Dispatches(row, "overlap");
}

// Who names such a dispatcher has switched Megatron-Core as NVIDIA's recipes do.
bool OnRecipes(const PublishedCase& row) {
  return VendorRecipe(row) || DeepEp(row) || HybridEp(row) || Dispatches(row, "overlap");
}

// Tensor-parallel runs of torchtitan are not compiled unless they say so, or have to be: products
// in 8 bits are slow without (pytorch/ao, float8/README.md). Frameworks like it have a name for
// those that are not.
bool TensorParallel(const PublishedCase& row) {
  return row.tp > 1;
}

bool CompiledTensorParallel(const PublishedCase& row) {
  const bool narrow = row.precision == "fp8" || row.precision == "mxfp8";
  const bool named = PlainName(row.stack) != "torchtitan";
  return row.tp > 1 && !NotCompiled(row) && (named || narrow || Notes(row, "compiled"));
}

bool Chunked(const PublishedCase& row) {
  return Notes(row, "loss in") && Notes(row, "chunks");
}

// FP8 with a scale for each row, as the table called its precision.
bool Rowwise(const PublishedCase& row) {
  return std::any_of(row.assumed.begin(), row.assumed.end(), [](const std::string& words) {
    return words.starts_with("precision ") && words.find("rowwise") != std::string::npos;
  });
}

// EleutherAI/gpt-neox has FlashAttention since release 2.0 of March 2023; notes that name an older
// one, or unfused attention, say so.
bool BeforeFlash(const PublishedCase& row) {
  return Notes(row, "2021") || Notes(row, "2022") || Notes(row, "unfused attention") ||
         Notes(row, "without FlashAttention");
}

bool ModelBegins(const PublishedCase& row, const char* name) {
  return PlainName(row.model).starts_with(name);
}

// Transformers with attention in plain PyTorch. That of gpt-oss has sinks, and is so by default
// (huggingface/transformers, models/gpt_oss).
bool UnfusedAttention(const PublishedCase& row) {
  return Notes(row, "eager attention") || ModelBegins(row, "gpt_oss");
}

// Models whose GELU is written out in Transformers, eight kernels each way (activations.py,
// NewGELUActivation).
bool SeparateGelu(const PublishedCase& row) {
  return ModelBegins(row, "gpt2") || ModelBegins(row, "gpt_2") || ModelBegins(row, "gpt_neo_") ||
         ModelBegins(row, "gpt_j") || ModelBegins(row, "codegen");
}

// Their loss takes logits as they are, where that of decoders makes 32-bit copies of them first
// (loss/loss_utils.py).
bool MaskedLoss(const PublishedCase& row) {
  return ModelBegins(row, "bert") || ModelBegins(row, "roberta") ||
         ModelBegins(row, "xlm_roberta") || ModelBegins(row, "distilbert") ||
         ModelBegins(row, "electra") || ModelBegins(row, "modernbert") ||
         ModelBegins(row, "deberta");
}

bool Single(const PublishedCase& row) {
  return row.precision == "fp32" || row.precision == "tf32";
}

// What NVIDIA's recipes run on, under any of its names: they say what "megatron" leaves to the
// source.
constexpr const char* kRecipes = "recipes of NVIDIA";

constexpr StackName kStacks[] = {
    // The published A100 runs are of 2021 to 2023, before Transformer Engine and the overlap of
    // tensor-parallel communication; those that shard the optimizer are later than 2021, when there
    // was no distributed optimizer. Those on Hopper and later are Megatron-Core or NeMo on it.
    // Recipes of fine-grained experts have dispatchers of their own, whose overlap asks for an
    // interleaved schedule (NVIDIA-NeMo/Megatron-Bridge).
    // Volta has no fused attention in Megatron-LM (FlashAttention needs Ampere).
    {"megatron", "v100", 0, "megatron_2019", Of2019},
    {"megatron", "v100", 0, "megatron_2021", Any},
    {"megatron", "a100", 1, "megatron_2023", Any},
    {"megatron", "a800", 1, "megatron_2023", Any},
    {"megatron", "a100", 0, "megatron_2021", Any},
    {"megatron", "a800", 0, "megatron_2021", Any},
    {"megatron", "", 0, kRecipes, OnRecipes},
    {"megatron", "", 0, "megatron_lm", Any},
    {kRecipes, "", 0, "megatron_core_overlap", HybridEpOverlapped},
    {kRecipes, "", 0, "megatron_core_flex", HybridEp},
    {kRecipes, "", 0, "megatron_deepep_overlap", DeepEpOverlapped},
    {kRecipes, "", 0, "megatron_deepep", DeepEp},
    {kRecipes, "", 0, "megatron_exchange_overlap", AllToAllOverlapped},
    {kRecipes, "", 0, "megatron_core", AllToAll},
    // HybridEP in racks of 72 runs in CUDA graphs; other dispatchers wait for the host.
    {kRecipes, "gb", 0, "megatron_core_overlap", Interleaved},
    {kRecipes, "gb", 0, "megatron_core_flex", FineGrained},
    {kRecipes, "", 0, "megatron_deepep_overlap", ManyExpertsInterleaved},
    {kRecipes, "", 0, "megatron_deepep", ManyExperts},
    {kRecipes, "", 0, "megatron_exchange_overlap", ExchangedOverlapped},
    {kRecipes, "", 0, "megatron_core_flex", CrossesServers},
    {kRecipes, "", 0, "megatron_core", Any},
    {"gpt_neox", "", 0, "gpt_neox_2022", BeforeFlash},
    {"megatron_deepspeed", "a800", 0, "megatron_deepspeed_flash", Any},
    {"megatron_deepspeed", "h", 0, "megatron_deepspeed_flash", Any},
    {"megatron_deepspeed", "gaudi", 0, "megatron_deepspeed_flash", Any},
    {"maxtext", "tpu_v6e", 0, "maxtext_offload", Any},
    {"maxtext", "h", 0, "maxtext_gpu", Any},
    {"maxtext", "a1", 0, "maxtext_gpu", Any},
    {"maxtext", "b", 0, "maxtext_gpu", Any},
    {"maxtext", "gb", 0, "maxtext_gpu", Any},
    {"torchtitan", "", 0, "torchtitan_rowwise", Rowwise},
    {"torchtitan", "", 0, "torchtitan_chunked", Chunked},
    {"torchtitan", "", 0, "torchtitan_tensor_compiled", CompiledTensorParallel},
    {"torchtitan", "", 0, "torchtitan_tensor", TensorParallel},
    {"torchtitan_eager", "", 0, "torchtitan_tensor", TensorParallel},
    // Many narrow experts are not compiled; a few as wide as the model are, like dense blocks
    // (Llama 4).
    {"torchtitan", "", 0, "torchtitan_moe", FineGrained},
    {"torchtitan", "", 0, "torchtitan_eager", NotCompiled},
    {"torchtitan", "", 0, "torchtitan_2024", Of2024},
    {"torchtitan", "", 0, "torchtitan", Any},
    {"fsdp_eager", "", 0, "torchtitan", Compiled},
    {"pytorch_eager", "", 0, "pytorch_compile", Compiled},
    {"hf_eager", "", 0, "hf_compile", Compiled},
    {"hf_eager", "", 0, "hf_eager_unfused", UnfusedAttention},
    {"hf_eager", "", 0, "hf_eager_gelu", SeparateGelu},
    {"hf_eager", "", 0, "hf_eager_masked", MaskedLoss},
    // Products in 32 bits: there is no autocast.
    {"pytorch", "", 0, "pytorch_eager", Single},
    {"hf_autocast", "", 0, "hf_autocast_gelu", SeparateGelu},
    // TensorFlow on Volta ran graphs kernel by kernel, in both formats of AMP.
    {"tensorflow", "v100", 0, "pytorch_autocast", Any},
    {"composer_fsdp", "", 0, "composer_fsdp", Any},
    {"internevo", "", 0, "internevo", Any},
    {"deepseek_dualpipe", "", 0, "deepseek_dualpipe", Any},
};

// The catalogue's entry for what a table calls a stack; "" when there is none. A row of kStacks may
// name another one.
std::string EntryOf(const std::string& stack, const PublishedCase& row,
                    const CatalogueList& catalogue) {
  std::string name = stack;
  for (const StackName& each : kStacks) {
    if (name == each.table && row.accelerator.starts_with(each.accelerator_prefix) &&
        row.zero >= each.zero && each.fits(row)) {
      name = each.catalogue;
      if (name != kRecipes) {
        break;
      }
    }
  }
  const bool known =
      std::find(catalogue.stacks.begin(), catalogue.stacks.end(), name) != catalogue.stacks.end();
  return known ? name : "";
}

// A framework that nobody knows and that splits layers over ranks, which plain FSDP seldom does.
// With sharded parameters it is FSDP beside tensor-parallel ranks (metaseq, fairscale).
bool SplitsLayers(const PublishedCase& row) {
  return row.pp > 1 || (row.tp > 1 && row.zero < 3);
}

const CatalogueFamily* FamilyOfStack(const CatalogueList& catalogue, const std::string& stack) {
  const auto found = std::find_if(catalogue.families.begin(), catalogue.families.end(),
                                  [&stack](const CatalogueFamily& each) {
                                    return each.stack == stack;
                                  });
  return found == catalogue.families.end() ? nullptr : &*found;
}

// The family that a loop for one accelerator becomes where its states are sharded: FSDP, eager or
// compiled.
const CatalogueFamily* Sharded(const PublishedCase& row, const CatalogueFamily* family,
                               const CatalogueList& catalogue) {
  if (family == nullptr || row.zero < 1 || row.dp < 2) {
    return family;
  }
  const bool compiled = family->kind == "compiled, one accelerator";
  if (!compiled && family->kind != "eager, one accelerator") {
    return family;
  }
  const std::string stack = compiled                          ? "torchtitan"
                            : family->stack.starts_with("hf") ? "hf_fsdp"
                                                              : "fsdp_eager";
  const CatalogueFamily* const sharded = FamilyOfStack(catalogue, stack);
  return sharded == nullptr ? family : sharded;
}

// What stands for a framework that nobody knows, but for that of any: only XLA runs on TPUs and
// only Neuron on Trainium, layers are split by what is like Megatron-LM, and a loop on one
// accelerator shards nothing.
const CatalogueFamily* UnknownFamily(const PublishedCase& row, const CatalogueList& catalogue) {
  if (row.accelerator.starts_with("tpu")) {
    return FamilyOfStack(catalogue, "maxtext");
  }
  if (row.accelerator.starts_with("trainium") || row.accelerator.starts_with("inferentia")) {
    return FamilyOfStack(catalogue, "neuron");
  }
  if (SplitsLayers(row)) {
    const auto megatron = std::find_if(catalogue.families.begin(), catalogue.families.end(),
                                       [](const CatalogueFamily& family) {
                                         return family.stands_for == "megatron";
                                       });
    return megatron == catalogue.families.end() ? nullptr : &*megatron;
  }
  return row.accelerators == 1 ? FamilyOfStack(catalogue, "pytorch_eager") : nullptr;
}

// The family whose prefix says most of the name of the row's stack, or null. A name that none
// begins is that of UnknownFamily, or of the family for the rest.
const CatalogueFamily* FamilyOf(const PublishedCase& row, const CatalogueList& catalogue) {
  const CatalogueFamily* best = nullptr;
  const std::string framework = PlainName(row.stack);
  const auto said = [](const CatalogueFamily& family) {
    return family.stands_for == "*" ? 0 : family.stands_for.size();
  };
  for (const CatalogueFamily& family : catalogue.families) {
    const bool fits = family.stands_for == "*" || framework.starts_with(family.stands_for);
    if (fits && (best == nullptr || said(family) > said(*best))) {
      best = &family;
    }
  }
  if (best != nullptr && best->stands_for == "*") {
    const CatalogueFamily* const unknown = UnknownFamily(row, catalogue);
    return unknown == nullptr ? best : unknown;
  }
  return Sharded(row, best, catalogue);
}

// What tables call a family: NVIDIA's own is looked up like its recipes, and Megatron-LM, where it
// stands for a name that nobody knows, like any row of "megatron".
std::string TableNameOf(const CatalogueFamily& family, const PublishedCase& row) {
  const bool known = PlainName(row.stack).starts_with(family.stands_for);
  return family.stack == "megatron_core"             ? kRecipes
         : family.stands_for == "megatron" && !known ? "megatron"
                                                     : family.stack;
}

bool IsOfKind(const PublishedCase& row, const CatalogueList& catalogue, const char* kind) {
  const auto found = catalogue.stack_kinds.find(StackOf(row, catalogue));
  return found != catalogue.stack_kinds.end() && found->second == kind;
}

}  // namespace

std::string PlainName(const std::string& name) {
  std::string out;
  for (const char c : name) {
    const bool word = std::isalnum(static_cast<unsigned char>(c)) != 0;
    out += word ? static_cast<char>(std::tolower(static_cast<unsigned char>(c))) : '_';
  }
  return out;
}

KnownNames NamesOf(const CatalogueList& catalogue) {
  KnownNames names{catalogue.stacks, catalogue.accelerators, catalogue.accelerator_aliases};
  for (const StackName& stack : kStacks) {
    if (std::find(names.stacks.begin(), names.stacks.end(), stack.table) == names.stacks.end()) {
      names.stacks.emplace_back(stack.table);
    }
  }
  for (const auto& [alias, name] : catalogue.accelerator_aliases) {
    names.accelerators.push_back(alias);
  }
  return names;
}

std::string StackOf(const PublishedCase& row, const CatalogueList& catalogue) {
  const std::string own = EntryOf(row.stack, row, catalogue);
  if (!own.empty()) {
    return own;
  }
  const CatalogueFamily* const family = FamilyOf(row, catalogue);
  return family == nullptr ? "" : EntryOf(TableNameOf(*family, row), row, catalogue);
}

std::string WhyStack(const PublishedCase& row, const CatalogueList& catalogue) {
  const std::string stack = StackOf(row, catalogue);
  const bool of_the_past = stack == "megatron_2021" || stack == "megatron_2023";
  if (row.stack != "megatron" || of_the_past) {
    return "";
  }
  const Recipe recipe = RecipeOf(row);
  if (recipe.by != Told::kBySource) {
    return fmt::format("megatron as {}: the {}", stack,
                       recipe.by == Told::kByNotes ? "notes say so" : "framework says so");
  }
  return fmt::format("megatron as {}: the source is {}of NVIDIA's recipes", stack,
                     recipe.of_vendor ? "" : "not ");
}

bool TrainsPredictions(const PublishedCase& row) {
  return (VendorRecipe(row) || row.stack == "deepseek_dualpipe") && !Notes(row, "w/o MTP");
}

std::string FamilyKindOf(const PublishedCase& row, const CatalogueList& catalogue) {
  const CatalogueFamily* const family = FamilyOf(row, catalogue);
  return family != nullptr && EntryOf(row.stack, row, catalogue).empty() ? family->kind : "";
}

bool Recomputes(const PublishedCase& row, const CatalogueList& catalogue) {
  return IsOfKind(row, catalogue, "XLA-like");
}

bool OffloadsFirst(const PublishedCase& row) {
  return row.source.find("Megatron-Bridge") != std::string::npos;
}

bool RepeatsAttention(const PublishedCase& row, const CatalogueList& catalogue) {
  return row.experts == 0 && !OffloadsFirst(row) && IsOfKind(row, catalogue, "Megatron-like");
}

}  // namespace gridlock
