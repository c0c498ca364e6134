#pragma once

// From a published row to the scenario that stands for it.
//
// The scenario brings its own model (from the row's columns) and a generic non-blocking three-tier
// fabric at the row's NIC rate; accelerator, server, links and stack come from the catalogue. What
// the row leaves blank or does not say is filled in the same way for every row:
//   vpp           1
//   stack         one that the catalogue does not have stands for the nearest kind: Megatron-like,
//                 XLA-like or pipeline-less FSDP; the row says so
//   domain        a server of the catalogue with another number of accelerators, where none has the
//                 row's; a part without a server gets one of its own
//   nic_gbps      that of the server
//   micro_batch   1 with a pipeline; else the largest of 4, 2 and 1 that divides global_batch / dp
//                 and keeps hidden / tp x micro_batch at 8192 or below
//   shard_group   all data-parallel ranks
//   recompute     `auto` is the least of none, selective and full that fits HBM; of XLA's, what
//   does
//                 not fit as the row says is computed again or goes to the host
//   capacity_gib  that of the accelerator
//   global_batch  two rounds of the pipeline, of rows that have no step time
//   attention     causal; positions are learned where the feed-forward block is not gated (the GPT
//                 family), rotary otherwise; heads are as wide, and embeddings tied, as in the
//                 dense model of the catalogue whose widths are the row's, else hidden / heads and
//                 not
//   odd numbers   as frameworks run them (case_repair.h)
//   rank order    tensor, data, pipeline; accelerators in consecutive order
//   experts       sequence parallelism as the row says; experts narrower than the hidden width are
//                 whole on a rank, others split over the tensor-parallel ranks. A model with
//                 experts whose sizes are all those of a catalogue model is that model: it takes
//                 over the width of heads and latent attention
//   schedule      1F1B or interleaved; zero bubble for DualPipe, whose bubble is about as long
//   embedding     the embedding and the LM head count as one layer each where the number of chunks
//                 divides the layers plus two, but not the layers; where the chunks divide
//                 neither, the first chunks hold one layer more

#include <cstdint>
#include <optional>
#include <string>

#include "sim/catalogue/list.h"
#include "sim/scenario/point.h"
#include "sim/validation/case_repair.h"
#include "sim/validation/case_stack.h"
#include "sim/validation/case_table.h"
#include "workloads/memory.h"

namespace gridlock {

enum class CaseStatus {
  kSimulated,
  kUnsupported,  ///< needs something that is not simulated yet, or not in the catalogue
  kRefused,      ///< the loader or the memory model refuses the configuration
  kFailed,       ///< the simulation did not finish
  kInput,        ///< a number that a scenario states; nothing predicts it
};

/// "simulated", "unsupported", "refused", "failed", "input".
const char* CaseStatusName(CaseStatus status);

/// A row ready to run, or why it is not.
struct PreparedCase {
  CaseStatus status = CaseStatus::kSimulated;
  std::string reason;                 ///< "" when ready
  std::string assumed;                ///< what the row does not say, when ready
  std::string text;                   ///< the scenario; "" when unsupported
  std::optional<Scenario> scenario;   ///< of `text`, checked, when ready
  std::optional<Bytes> peak;          ///< of HBM, of the kind that the row means; also when refused
  std::optional<MemoryNeed> fullest;  ///< of the stages; also when refused
};

/// The row's number format as the schema calls it; "" for an unknown one.
std::string SchemaFormat(const std::string& precision);

/// The row's micro-batch, or what stands in for a blank one.
std::int64_t MicroBatchOf(const PublishedCase& row);

/// What the row needs and the simulator does not do, separated by commas; "" when nothing.
std::string MissingFeatures(const PublishedCase& row, const CatalogueList& catalogue);

/// What the row leaves to us, in words; "" when nothing.
std::string AssumedOf(const RepairedCase& repaired, const CatalogueList& catalogue);

/// Name of the file that the row's scenario would stand in.
std::string ScenarioFile(const PublishedCase& row);

/// The scenario that stands for a row: what all rows have in common, and what this one says.
struct CaseScenario {
  ScenarioBase base;
  Point point;
};

/// Requires that MissingFeatures is "". @param recompute "none", "selective" or "full".
/// @param stack catalogue name.
CaseScenario ScenarioOf(const RepairedCase& repaired, const std::string& recompute,
                        const std::string& stack, const CatalogueList& catalogue);

/// Builds, loads and checks the row's scenario. Never throws for what is wrong with a row.
PreparedCase Prepare(const PublishedCase& published, const CatalogueList& catalogue);

}  // namespace gridlock
