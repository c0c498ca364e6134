#pragma once

// Models and parts that the tables of serving do not have, as the catalogue of training has them.

#include <optional>
#include <string>
#include <vector>

#include "sim/catalogue/serving_catalogue.h"
#include "workloads/inference.h"

namespace gridlock {

/// Adds the models, accelerators and servers of files of the user's own: scenarios, or entries
/// alone. An accelerator that is `like` a part of the tables has what kernels reach there, and
/// where no server holds it, that part's server. Throws UserError with every mistake of the files.
void AddOwnEntries(const std::vector<std::string>& files, ServingCatalogue& catalogue);

/// A model by its name in a table, in the catalogue of training, or at Hugging Face
/// ("meta-llama/Llama-3.1-70B-Instruct"): the organisation, and endings that change no size, are
/// left out. Endings that say a format ("-FP8", "-AWQ", "-NVFP4") are that of the checkpoint.
/// Nothing when no name is known. Throws UserError where the model makes no tokens one by one.
std::optional<InferenceModel> ModelByName(const std::string& name,
                                          const ServingCatalogue& catalogue);

/// A part by its name in a table, or by that of a server or an accelerator of the catalogue, which
/// reaches the shares of the peaks that its entry says of training. Nothing when no name is known.
std::optional<InferencePart> PartByName(const std::string& name, const ServingCatalogue& catalogue);

/// The names that PartByName takes, of the table and of the servers of the catalogue.
std::vector<std::string> PartsOfCatalogues(const ServingCatalogue& catalogue);

/// What engines are called after their name that have constants of their own on such a part:
/// "-rocm" on cards of AMD, "-metal" where llama.cpp goes without CUDA, "" on others.
std::string DriverOf(const std::string& part);

/// FindEngine(name), or the newest of that family on such a part where `name` is that of a family.
const InferenceEngine* EngineOnPart(const std::string& name, const std::string& part,
                                    const ServingCatalogue& catalogue);

}  // namespace gridlock
