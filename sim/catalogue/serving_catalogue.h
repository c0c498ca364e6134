#pragma once

// What serves models: parts, engines and models by name, from tables that say where each number
// comes from (serving_parts.csv, serving_engines.csv and serving_models.csv in workloads/catalog:
// entry, field, value, estimate, source). An entry may start as another one: its first field is
// then `like`, and what is an estimate there is one here. A part's machine is a `server` of the
// catalogue, whose rates, memory, links and power it has unless a later line says otherwise.
// link_gbs and nic_gbs: GB/s in one direction.

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sim/schema/problems.h"
#include "workloads/inference.h"

namespace gridlock {

/// An engine, and the releases that it stands for.
struct ServingEngineEntry {
  InferenceEngine engine;
  std::vector<std::string> names;  ///< of engines in tables: "vllm"
  double from_version = 0;         ///< 100 major + minor
  double from_year = 0;
};

/// Entries of files of the user's own, beside the shipped catalogue (serving_names.h).
struct OwnServingEntries;

struct ServingCatalogue {
  std::vector<InferencePart> parts;            ///< in the order of the table
  std::vector<ServingEngineEntry> engines;     ///< the same
  std::vector<InferenceModel> models;          ///< the same
  std::map<std::string, std::string> aliases;  ///< of parts
  std::map<std::string, std::string> model_aliases;
  /// Fields that are estimates, by "PART.FIELD" or "ENGINE.FIELD".
  std::map<std::string, std::string> estimates;
  std::shared_ptr<const OwnServingEntries> own;  ///< nullptr: there are none

  /// By name, alias or as people write either (PlainKey); nullptr when there is none. A family of
  /// engines without a release ("vllm") is its newest.
  [[nodiscard]] const InferencePart* FindPart(const std::string& name) const;
  [[nodiscard]] const InferenceModel* FindModel(const std::string& name) const;
  [[nodiscard]] const InferenceEngine* FindEngine(const std::string& name) const;

  /// The family that a release of an engine belongs to: the newest that is not newer than it;
  /// nullptr when no family has that name. @param version "0.11.0", "2025-05" or anything
  [[nodiscard]] const InferenceEngine* EngineOf(const std::string& name,
                                                const std::string& version) const;

  [[nodiscard]] std::vector<std::string> PartNames() const;
  [[nodiscard]] std::vector<std::string> EngineNames() const;
  [[nodiscard]] std::vector<std::string> ModelNames() const;
};

/// Reads the tables. Throws UserError with every mistake, FILE:LINE:COLUMN first.
ServingCatalogue ReadServingCatalogue(const std::string& parts_file,
                                      const std::string& engines_file,
                                      const std::string& models_file);

/// The tables that are shipped.
ServingCatalogue ShippedServingCatalogue();

}  // namespace gridlock
