#pragma once

// Which catalogue entry stands for the training framework that somebody names.

#include <cstdint>
#include <string>
#include <vector>

#include "sim/catalogue/list.h"

namespace gridlock {

/// A framework as somebody names it, and how a job uses it. Whole numbers are 0, and texts "",
/// where nobody said.
struct FrameworkUse {
  std::string stack;              ///< the framework: "megatron", "torchtitan"
  std::string framework;          ///< what it was built on or tuned by: "NeMo 25.09"
  std::string source;             ///< publication
  std::string notes;              ///< how it was set up: "not compiled", "loss in 8 chunks"
  std::string compile;            ///< "yes", "no"; "": as the stack does
  std::string dispatcher;         ///< of experts: "alltoall", "deepep", "hybridep overlap", ...
  std::string accelerator;        ///< catalogue name
  std::int64_t accelerators = 0;  ///< of the job
  std::int64_t domain = 0;        ///< accelerators per scale-up domain
  std::string model;              ///< title
  std::int64_t hidden = 0;
  std::int64_t experts = 0;  ///< routed experts of a layer; 0: a dense model
  std::int64_t expert_ffn = 0;
  std::int64_t tp = 0, pp = 0, vpp = 0, dp = 0, ep = 0;
  std::int64_t zero = 0;             ///< 0 to 3; below 0: not said
  std::string precision;             ///< "bf16", "fp8", ...
  std::string adapters;              ///< LoRA: a rank, or the block of a scenario; "": none
  std::vector<std::string> assumed;  ///< what odd words were taken for, in words
};

/// How "megatron" was switched, and what says so.
struct Recipe {
  enum class By { kFramework, kNotes, kSource };

  bool of_vendor = false;  ///< as NVIDIA's recipes do
  By by = By::kSource;
};

Recipe RecipeOf(const FrameworkUse& use);

/// The name in lower case, with an underscore for whatever is neither letter nor digit: "GPT-NeoX"
/// is "gpt_neox".
std::string PlainName(const std::string& name);

/// Names by which tables call stacks, beside those of the catalogue.
std::vector<std::string> TableNamesOfStacks();

/// Catalogue stack that stands for the framework: its own, or that of the nearest kind; "" when the
/// catalogue has neither.
std::string StackOf(const FrameworkUse& use, const CatalogueList& catalogue);

/// The kind of framework, in words, where the framework has no entry and another stands for it;
/// else "".
std::string FamilyKindOf(const FrameworkUse& use, const CatalogueList& catalogue);

}  // namespace gridlock
