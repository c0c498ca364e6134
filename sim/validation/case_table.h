#pragma once

// Published training steps: one row of a table is one configuration and its measured step time.
//
// A table is a CSV file (RFC 4180, UTF-8) whose first line names the columns, in any order:
//   id role source stack accelerator accelerators domain nic_gbps model layers hidden heads
//   kv_heads ffn gated vocab seq experts top_k shared_experts expert_ffn dense_layers tp pp vpp dp
//   ep cp zero shard_group sequence_parallel recompute global_batch micro_batch precision
//   step_time_s
// These may be blank, and their columns missing: experts and the four columns behind it (a dense
// model), vpp, shard_group, micro_batch, nic_gbps (see case_scenario.h for what stands in for
// them). These may be blank: domain, zero, sequence_parallel, recompute, precision, stack, gated
// and kv_heads. Odd words in cells that choose among words never refuse a row (table_words.h). More
// columns are read where they are there: measured_gib, kind and capacity_gib of a run whose peak of
// HBM is known, and fits (0: it went out of memory); such rows may leave step_time_s and
// global_batch blank; and what few tables say: head_dim, document_length (tokens of the documents
// that sequences are packed from), adapters (a rank, or the block of a scenario such as
// { rank: 16 base: "nf4" }), optimizer (adamw_8bit, paged_adamw, ...), offload (activations,
// states, optimizer), compile (yes, no),
// dispatcher of experts (alltoall, deepep, hybridep, with the word "overlap" where it runs beside
// compute), framework (what "megatron" was tuned by: NeMo, Megatron-Bridge, Megatron-LM), notes.
// Other columns are left alone.
//
// A row that makes no sense is reported as a row and never refuses the table. A first line that
// does not name the columns does, because it would shift the meaning of every row.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "sim/catalogue/named_stack.h"
#include "sim/schema/problems.h"

namespace gridlock {

/// Of a whole number that may be 0, where the cell is blank or an odd word: what stands for it
/// depends on the row's framework.
constexpr std::int64_t kNotSaid = -1;

/// One row. Whole numbers are 0 where the cell is blank.
struct PublishedCase : FrameworkUse {
  std::string file;
  int line = 0;
  std::string id;       ///< need not be unique: rows are reported one by one
  std::string role;     ///< "calibration" (constants may be fitted on it), "headline", ...
  double nic_gbps = 0;  ///< per accelerator and direction
  std::int64_t layers = 0, heads = 0, kv_heads = 0, ffn = 0;
  std::int64_t gated = 0;  ///< 1: gated feed-forward block (SwiGLU)
  std::int64_t vocab = 0;
  std::int64_t seq = 0;  ///< tokens per sequence
  std::int64_t top_k = 0, shared_experts = 0;
  std::int64_t dense_layers = 0;    ///< leading layers without experts
  bool dense_every_second = false;  ///< `every2`: every second layer is dense
  std::int64_t cp = 0;
  std::int64_t shard_group = 0;        ///< data-parallel ranks that share one sharded copy; 0: all
  std::int64_t sequence_parallel = 0;  ///< 0, 1, or kNotSaid
  std::string recompute;               ///< "none", "selective", "full", "auto"
  std::int64_t global_batch = 0, micro_batch = 0;
  double step_time_s = 0;     ///< published; 0: only what fits, or its peak, is known
  double measured_gib = 0;    ///< peak of HBM; 0: not said
  std::string kind;           ///< of that peak: "allocated", "reserved", "nvidia_smi"; "": reserved
  double capacity_gib = 0;    ///< room for it; 0: that of the accelerator
  std::string offload;        ///< to the host: "activations", "states", "optimizer"
  std::string optimizer;      ///< "adamw_8bit", ...; "": that of the stack
  std::int64_t head_dim = 0;  ///< of one head; 0: as the catalogue's model, or hidden / heads
  std::int64_t document_length = 0;  ///< tokens of packed documents; 0: a sequence is one
  bool out_of_memory = false;  ///< the run did not fit, and measured_gib is less than it needs
  /// What is wrong with the cells of the row, with line and column; "" when nothing is.
  std::string problem;
};

/// The names that a table may use. A slip of one of these stands for it; other names are left to
/// the scenario, which reports the row as unsupported.
struct KnownNames {
  std::vector<std::string> stacks;
  std::vector<std::string> accelerators;
  std::map<std::string, std::string> accelerator_aliases{};  ///< names by other spellings
};

/// Reads the rows of `text`. Mistakes of the first line go to `problems`, those of rows to
/// `of_rows`, both as file:line:column (column: the first character of the cell in its line, from
/// 1).
std::vector<PublishedCase> ReadCases(const std::string& file, std::string_view text,
                                     const KnownNames& known, ProblemList& problems,
                                     ProblemList& of_rows);

/// ReadCases of files. Throws UserError with every problem of their first lines.
std::vector<PublishedCase> LoadCases(const std::vector<std::string>& files,
                                     const KnownNames& known);

/// A table that comes with the program: beside the installed program, else in the source tree.
/// @param name "published.csv"
std::string ShippedTable(const std::string& name);

}  // namespace gridlock
