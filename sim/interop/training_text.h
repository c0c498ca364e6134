#pragma once

// A training job that another framework's file describes, and the scenario that it becomes.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/schema/problems.h"

namespace gridlock {

/// The machine that a job is to run on, in the text of the schema.
struct ImportedMachine {
  std::string catalog;            ///< entries for `catalog { ... }`; "" for none
  std::string site;               ///< the whole of `site { ... }`
  std::int64_t accelerators = 0;  ///< that the job has
};

struct ImportedTraining {
  std::string model;    ///< name of the model
  std::string entries;  ///< its entry and its stack's; "" where the catalogue has them
  std::string stack;
  int tensor = 1, context = 1, pipeline = 1, virtual_pipeline = 1, data = 1;
  int expert = 1;
  int expert_tensor = 0;  ///< 0: not said
  int shard_group = 0;    ///< 0: all replicas
  bool sequence_parallel = false, embedding_as_layer = false, uneven_layers = false;
  bool pipeline_before_data = false;  ///< order of the ranks
  bool optimizer_on_host = false;
  std::string optimizer;         ///< "": AdamW
  std::string schedule;          ///< of the pipeline; "": 1F1B
  bool exchanges_heads = false;  ///< context ranks, as Ulysses
  std::string expert_capacity;   ///< tokens of an expert over the mean at most; "": no limit
  bool expert_padding = false;   ///< filled up to it
  int offload_layers = 0;        ///< layers of a stage whose activations go to the host
  std::int64_t global_batch = 1, micro_batch = 1, sequence_length = 1;
  std::string precision = "BF16", recompute = "NONE";
  int zero = 0;
  std::optional<bool> overlap_gradients, overlap_parameters;
  std::vector<std::string> notes;     ///< what was assumed or is approximated; in the text, too
  std::vector<std::string> unmapped;  ///< arguments that nothing was made of, one line each
};

/// The scenario of one training step. @param source what it was made from
std::string TrainingScenario(const ImportedTraining& training, const ImportedMachine& machine,
                             const std::string& name, const std::string& source);

/// What is left of the accelerators for replicas. Adds a problem where they do not divide.
void SetReplicas(std::int64_t accelerators, const std::string& file, ImportedTraining& training,
                 ProblemList& problems);

/// How layers are shared out where they do not divide: said in a note, refused where a chunk would
/// stay empty. `layers` counts what Megatron's flags add to them.
void ShareLayers(int layers, const Position& where, ImportedTraining& training,
                 ProblemList& problems);

/// Arguments of Megatron-LM (github.com/NVIDIA/Megatron-LM, megatron/training/arguments.py).
/// @param accelerators of the job; 0: those that the script starts with torchrun
/// @param vocabulary where the file says nothing of it; 0: not known
ImportedTraining ReadMegatron(const std::string& file, std::string_view text,
                              std::int64_t accelerators, int vocabulary, ProblemList& problems);

/// Accelerators that a script starts: nodes times processes of each; 0 where it does not say.
std::int64_t LaunchedRanks(const std::string& file, std::string_view text);

/// Configuration of torchtitan (github.com/pytorch/torchtitan, TOML). @param model name in the
/// catalogue; "": by the file's model and flavor
ImportedTraining ReadTorchtitan(const std::string& file, std::string_view text,
                                std::int64_t accelerators, const std::string& model,
                                ProblemList& problems);

}  // namespace gridlock
