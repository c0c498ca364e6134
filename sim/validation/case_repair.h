#pragma once

// Published rows as frameworks run them. Heads that tensor-parallel ranks do not share evenly are
// padded, key-value heads repeated, a part that the catalogue does not have is the nearest one that
// it has, and so on: a run that took place is no reason for a refusal.

#include <string>
#include <vector>

#include "sim/catalogue/list.h"
#include "sim/validation/case_table.h"

namespace gridlock {

struct RepairedCase {
  PublishedCase row;
  std::int64_t head_dim = 0;  ///< of one head; 0: hidden / heads
  bool tied_embeddings = false;
  bool query_key_norms = false;
  bool relu = false;
  CatalogueMixture like;          ///< the model with experts that the row's is a part of, if any
  std::vector<std::string> said;  ///< what was changed, in words
};

/// Never throws. What cannot be mended stays as it is.
RepairedCase Repaired(const PublishedCase& row, const CatalogueList& catalogue);

/// The part of the catalogue whose name or alias begins with the same letters and has most in
/// common with `name`, in any spelling, one with the same number before others; "" when there is
/// none.
std::string NearestPart(const std::string& name, const CatalogueList& catalogue);

/// Experts as narrow as these are not split over tensor-parallel ranks (expert tensor parallelism
/// of 1 in published recipes of such models, NVIDIA-NeMo/Megatron-Bridge); others are split like
/// all other weights, which is Megatron-Core's default.
bool WholeExperts(const PublishedCase& row);

}  // namespace gridlock
