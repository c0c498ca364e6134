#include "sim/validation/case_stack.h"

#include <algorithm>

#include <fmt/format.h>

namespace gridlock {

namespace {

bool IsOfKind(const PublishedCase& row, const CatalogueList& catalogue, const char* kind) {
  const auto found = catalogue.stack_kinds.find(StackOf(row, catalogue));
  return found != catalogue.stack_kinds.end() && found->second == kind;
}

}  // namespace

KnownNames NamesOf(const CatalogueList& catalogue) {
  KnownNames names{catalogue.stacks, catalogue.accelerators, catalogue.accelerator_aliases};
  for (const std::string& name : TableNamesOfStacks()) {
    if (std::find(names.stacks.begin(), names.stacks.end(), name) == names.stacks.end()) {
      names.stacks.push_back(name);
    }
  }
  for (const auto& [alias, name] : catalogue.accelerator_aliases) {
    names.accelerators.push_back(alias);
  }
  return names;
}

std::string WhyStack(const PublishedCase& row, const CatalogueList& catalogue) {
  const std::string stack = StackOf(row, catalogue);
  const bool of_the_past = stack == "megatron_2021" || stack == "megatron_2023";
  if (row.stack != "megatron" || of_the_past) {
    return "";
  }
  const Recipe recipe = RecipeOf(row);
  if (recipe.by != Recipe::By::kSource) {
    return fmt::format("megatron as {}: the {}", stack,
                       recipe.by == Recipe::By::kNotes ? "notes say so" : "framework says so");
  }
  return fmt::format("megatron as {}: the source is {}of NVIDIA's recipes", stack,
                     recipe.of_vendor ? "" : "not ");
}

bool TrainsPredictions(const PublishedCase& row) {
  return (RecipeOf(row).of_vendor || row.stack == "deepseek_dualpipe") &&
         row.notes.find("w/o MTP") == std::string::npos;
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
