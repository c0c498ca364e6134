#include "sim/catalogue/named_stack.h"

#include <algorithm>
#include <cctype>
#include <initializer_list>
#include <iterator>
#include <utility>

#include "sim/base/names.h"

namespace gridlock {

namespace {

// What tables call a stack, and the catalogue entry that stands for it. Other names stand for
// themselves when the catalogue has them.
struct StackName {
  const char* table;
  const char* accelerator_prefix;  // the entry is for accelerators that begin so
  std::int64_t zero;               // and for uses that shard at least that much
  const char* catalogue;
  bool (*fits)(const FrameworkUse& use);  // the entry is for uses that this is true of
};

bool Any(const FrameworkUse& /*use*/) {
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

template <std::size_t kCount>
bool HasWord(const std::string& words, const char* const (&any)[kCount]) {
  return std::any_of(std::begin(any), std::end(any), [&](const char* word) {
    return words.find(word) != std::string::npos;
  });
}

bool VendorRecipe(const FrameworkUse& use) {
  return RecipeOf(use).of_vendor;
}

// Experts narrower than the model, many of them per token.
bool FineGrained(const FrameworkUse& use) {
  return use.experts > 0 && use.expert_ffn < use.hidden;
}

bool Interleaved(const FrameworkUse& use) {
  return FineGrained(use) && use.vpp > 1;
}

// Models like DeepSeek-V3 have a dispatcher of their own in any server, and those with fewer
// experts plain all-to-alls, with an overlap where they cross servers in an interleaved schedule.
// Where they cross servers without one, the dispatcher sends a token to each server once (Qwen3 30B
// on 16 H100: moe_flex_dispatcher_backend "hybridep", moe_a2a_overlap off). Inside servers of eight
// they are those of megatron_core (NVIDIA-NeMo/Megatron-Bridge, perf_recipes of DeepSeek-V3 and
// Qwen3 on H100 and B200).
constexpr std::int64_t kManyExperts = 256;

bool ManyExperts(const FrameworkUse& use) {
  return FineGrained(use) && use.experts >= kManyExperts;
}

bool ManyExpertsInterleaved(const FrameworkUse& use) {
  return ManyExperts(use) && use.vpp > 1;
}

bool CrossesServers(const FrameworkUse& use) {
  return FineGrained(use) && use.ep > use.domain;
}

bool ExchangedOverlapped(const FrameworkUse& use) {
  return CrossesServers(use) && use.vpp > 1;
}

bool Notes(const FrameworkUse& use, const char* words) {
  return use.notes.find(words) != std::string::npos;
}

bool Compiled(const FrameworkUse& use) {
  return SaysYes(use.compile) == true;
}

bool NotCompiled(const FrameworkUse& use) {
  return Notes(use, "not compiled") || SaysYes(use.compile) == false;
}

bool BeginsAny(const FrameworkUse& use, std::initializer_list<const char*> names) {
  return std::any_of(names.begin(), names.end(), [model = PlainName(use.model)](const char* name) {
    return model.starts_with(name);
  });
}

bool SaysAny(const FrameworkUse& use, std::initializer_list<const char*> words) {
  return std::any_of(words.begin(), words.end(), [&](const char* word) {
    return (use.notes + "," + use.framework + "," + use.source).find(word) != std::string::npos;
  });
}

// Releases before February 2025, whose loss was not compiled: notes, framework or source say so
// ("benchmarks/llama3_h100_202412_torchtitan.md").
bool Of2024(const FrameworkUse& use) {
  return SaysAny(use, {"2024", "2025-01"});
}

// Releases of Transformers that cast all logits to 32 bits and copied them (before 4.45 of
// September 2024). The first models of Qwen came with code of their own, which did not.
bool CastsLogits(const FrameworkUse& use) {
  return SaysAny(use, {"2023", "2024"}) &&
         !BeginsAny(use, {"qwen_1_8b", "qwen_7b", "qwen_14b", "qwen_72b"});
}

// Megatron-LM of 2019, before its fused kernels.
bool Of2019(const FrameworkUse& use) {
  return use.source.find("2019") != std::string::npos ||
         use.source.find("1909.08053") != std::string::npos;
}

bool Dispatches(const FrameworkUse& use, const char* how) {
  return PlainName(use.dispatcher).find(how) != std::string::npos;
}

// The dispatchers of Megatron-Core (moe_token_dispatcher_type and moe_flex_dispatcher_backend), and
// those whose all-to-alls run beside compute.
bool DeepEp(const FrameworkUse& use) {
  return Dispatches(use, "deepep");
}

bool HybridEp(const FrameworkUse& use) {
  return Dispatches(use, "hybridep") || Dispatches(use, "flex");
}

bool AllToAll(const FrameworkUse& use) {
  return Dispatches(use, "alltoall") || Dispatches(use, "all_to_all");
}

bool DeepEpOverlapped(const FrameworkUse& use) {
  return DeepEp(use) && Dispatches(use, "overlap");
}

bool HybridEpOverlapped(const FrameworkUse& use) {
  return HybridEp(use) && Dispatches(use, "overlap");
}

bool AllToAllOverlapped(const FrameworkUse& use) {
  return AllToAll(use) && Dispatches(use, "overlap");
}

// Who names such a dispatcher has switched Megatron-Core as NVIDIA's recipes do.
bool OnRecipes(const FrameworkUse& use) {
  return VendorRecipe(use) || DeepEp(use) || HybridEp(use) || Dispatches(use, "overlap");
}

// Tensor-parallel runs of torchtitan are not compiled unless they say so, or have to be: products
// in 8 bits are slow without (pytorch/ao, float8/README.md). Frameworks like it have a name for
// those that are not.
bool TensorParallel(const FrameworkUse& use) {
  return use.tp > 1;
}

bool CompiledTensorParallel(const FrameworkUse& use) {
  const bool narrow = use.precision == "fp8" || use.precision == "mxfp8";
  const bool named = PlainName(use.stack) != "torchtitan";
  return use.tp > 1 && !NotCompiled(use) && (named || narrow || Notes(use, "compiled"));
}

// Fine-tuning in 8 bits compiles (pytorch/torchtune pull request 2546, on torchao), and AMD's
// benchmarks of torchtune do (ROCm/MAD, scripts/pytorch_train: compile is on unless turned off).
// Its recipes leave that off.
bool CompiledTuning(const FrameworkUse& use) {
  const bool narrow = use.precision == "fp8" || use.precision == "mxfp8";
  return !NotCompiled(use) && (Compiled(use) || narrow || use.accelerator.starts_with("mi"));
}

bool Chunked(const FrameworkUse& use) {
  return Notes(use, "loss in") && Notes(use, "chunks");
}

// FP8 with a scale for each row, as the table called its precision.
bool Rowwise(const FrameworkUse& use) {
  return std::any_of(use.assumed.begin(), use.assumed.end(), [](const std::string& words) {
    return words.starts_with("precision ") && words.find("rowwise") != std::string::npos;
  });
}

// EleutherAI/gpt-neox has FlashAttention since release 2.0 of March 2023.
bool BeforeFlash(const FrameworkUse& use) {
  return Notes(use, "2021") || Notes(use, "2022") || Notes(use, "unfused attention") ||
         Notes(use, "without FlashAttention");
}

// Transformers with attention in plain PyTorch. That of gpt-oss has sinks, and is so by default
// (huggingface/transformers, models/gpt_oss).
bool UnfusedAttention(const FrameworkUse& use) {
  return Notes(use, "eager attention") || BeginsAny(use, {"gpt_oss"});
}

// Models whose GELU is written out in Transformers, eight kernels each way (activations.py,
// NewGELUActivation).
bool SeparateGelu(const FrameworkUse& use) {
  return BeginsAny(use, {"gpt2", "gpt_2", "gpt_neo_", "gpt_j", "codegen"});
}

// Their loss takes logits as they are, not 32-bit copies of them (loss/loss_utils.py).
bool MaskedLoss(const FrameworkUse& use) {
  return BeginsAny(
      use, {"bert", "roberta", "xlm_roberta", "distilbert", "electra", "modernbert", "deberta"});
}

// Feed-forward blocks in CUDA graphs (NVIDIA-NeMo/Megatron-Bridge, perf_recipes/llama/h100).
bool CapturesFeedForward(const FrameworkUse& use) {
  return use.experts == 0 && use.precision == "fp8" && use.adapters.empty() &&
         SaysAny(use, {"fine-tuning", "finetuning", "SFT"}) && SaysAny(use, {"Megatron-Bridge"});
}

bool Single(const FrameworkUse& use) {
  return use.precision == "fp32" || use.precision == "tf32";
}

// What NVIDIA's recipes run on, under any of its names: they say what "megatron" leaves to the
// source.
constexpr const char* kRecipes = "recipes of NVIDIA";

constexpr StackName kStacks[] = {
    // The published A100 runs are of 2021 to 2023, before Transformer Engine and the overlap of
    // tensor-parallel communication; those that shard the optimizer are later than 2021, when there
    // was no distributed optimizer. Those on Hopper and later are Megatron-Core or NeMo on it.
    // Recipes of fine-grained experts have dispatchers of their own. Volta has no fused attention
    // in Megatron-LM (FlashAttention needs Ampere).
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
    {kRecipes, "", 0, "megatron_core_graphs", CapturesFeedForward},
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
    {"torchtune", "", 0, "torchtune_compiled", CompiledTuning},
    {"fsdp_eager", "", 0, "torchtitan", Compiled},
    {"pytorch_eager", "", 0, "pytorch_compile", Compiled},
    {"hf_eager", "", 0, "hf_compile", Compiled},
    {"hf_eager", "", 0, "hf_eager_unfused", UnfusedAttention},
    {"hf_eager", "", 0, "hf_eager_gelu", SeparateGelu},
    {"hf_eager", "", 0, "hf_eager_masked", MaskedLoss},
    {"hf_eager", "", 0, "hf_eager_2024", CastsLogits},
    {"hf_fsdp", "", 0, "hf_fsdp_2024", CastsLogits},
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
std::string EntryOf(const std::string& stack, const FrameworkUse& use,
                    const CatalogueList& catalogue) {
  std::string name = stack;
  for (const StackName& each : kStacks) {
    if (name == each.table && use.accelerator.starts_with(each.accelerator_prefix) &&
        use.zero >= each.zero && each.fits(use)) {
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
bool SplitsLayers(const FrameworkUse& use) {
  return use.pp > 1 || (use.tp > 1 && use.zero < 3);
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
const CatalogueFamily* Sharded(const FrameworkUse& use, const CatalogueFamily* family,
                               const CatalogueList& catalogue) {
  if (family == nullptr || use.zero < 1 || use.dp < 2) {
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
const CatalogueFamily* UnknownFamily(const FrameworkUse& use, const CatalogueList& catalogue) {
  if (use.accelerator.starts_with("tpu")) {
    return FamilyOfStack(catalogue, "maxtext");
  }
  if (use.accelerator.starts_with("trainium") || use.accelerator.starts_with("inferentia")) {
    return FamilyOfStack(catalogue, "neuron");
  }
  if (SplitsLayers(use)) {
    const auto megatron = std::find_if(catalogue.families.begin(), catalogue.families.end(),
                                       [](const CatalogueFamily& family) {
                                         return family.stands_for == "megatron";
                                       });
    return megatron == catalogue.families.end() ? nullptr : &*megatron;
  }
  return use.accelerators == 1 ? FamilyOfStack(catalogue, "pytorch_eager") : nullptr;
}

// The family whose prefix says most of the framework's name, or null. A name that none
// begins is that of UnknownFamily, or of the family for the rest.
const CatalogueFamily* FamilyOf(const FrameworkUse& use, const CatalogueList& catalogue) {
  const CatalogueFamily* best = nullptr;
  const std::string framework = PlainName(use.stack);
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
    const CatalogueFamily* const unknown = UnknownFamily(use, catalogue);
    return unknown == nullptr ? best : unknown;
  }
  return Sharded(use, best, catalogue);
}

// What tables call a family: NVIDIA's own is looked up like its recipes, and Megatron-LM, where it
// stands for a name that nobody knows, like any row of "megatron".
std::string TableNameOf(const CatalogueFamily& family, const FrameworkUse& use) {
  const bool known = PlainName(use.stack).starts_with(family.stands_for);
  return family.stack == "megatron_core"             ? kRecipes
         : family.stands_for == "megatron" && !known ? "megatron"
                                                     : family.stack;
}

}  // namespace

// Rows of "megatron" do not say how it was switched, and layouts, sizes and formats do not tell.
// Columns for it (`framework`, `notes`) come first, then who published the row: NVIDIA, MLPerf and
// clouds on NVIDIA's recipes have their overlap and 16-bit gradients, and so have those whose own
// scripts say so (swiss-ai/Megatron-LM, submit-llama3-8b.sh: overlap-grad-reduce,
// overlap-param-gather, main-grads-dtype bf16); others have Megatron-LM's defaults.
// sim/validation/README.md says what that is worth. Tables that know better name megatron_core or
// megatron_lm.
Recipe RecipeOf(const FrameworkUse& use) {
  constexpr const char* kRecipesOf[] = {"_nemo_", "_megatron_bridge_", "_mcore_",
                                        "_megatron_core_"};
  constexpr const char* kDefaultsOf[] = {"_megatron_lm_"};
  constexpr const char* kPublishers[] = {"_nvidia_", "_nemotron_", "_gpu_recipes_", "_mlperf_",
                                         "_swiss_ai_"};
  const std::pair<Recipe::By, std::string> told[] = {
      {Recipe::By::kFramework, "_" + PlainName(use.framework) + "_"},
      {Recipe::By::kNotes, "_" + PlainName(use.notes) + "_"}};
  for (const auto& [by, words] : told) {
    const bool recipe = HasWord(words, kRecipesOf);
    if (recipe || HasWord(words, kDefaultsOf)) {
      return {recipe, by};
    }
  }
  const std::string words = SourceWords(use.source);
  return {HasWord(words, kRecipesOf) || HasWord(words, kPublishers), Recipe::By::kSource};
}

std::string PlainName(const std::string& name) {
  std::string out;
  for (const char c : name) {
    const bool word = std::isalnum(static_cast<unsigned char>(c)) != 0;
    out += word ? static_cast<char>(std::tolower(static_cast<unsigned char>(c))) : '_';
  }
  return out;
}

std::vector<std::string> TableNamesOfStacks() {
  std::vector<std::string> names;
  for (const StackName& stack : kStacks) {
    names.emplace_back(stack.table);
  }
  return names;
}

std::string StackOf(const FrameworkUse& use, const CatalogueList& catalogue) {
  const std::string own = EntryOf(use.stack, use, catalogue);
  if (!own.empty()) {
    return own;
  }
  const CatalogueFamily* const family = FamilyOf(use, catalogue);
  return family == nullptr ? "" : EntryOf(TableNameOf(*family, use), use, catalogue);
}

std::string FamilyKindOf(const FrameworkUse& use, const CatalogueList& catalogue) {
  const CatalogueFamily* const family = FamilyOf(use, catalogue);
  return family != nullptr && EntryOf(use.stack, use, catalogue).empty() ? family->kind : "";
}

}  // namespace gridlock
