#pragma once

// Chakra execution traces (MLCommons, github.com/mlcommons/chakra): one file a rank, a message
// GlobalMetadata and then messages Node, each behind its length as a varint.
//
//   GlobalMetadata   version 1 (text), attr 2
//   Node             id 1, name 2, type 3, ctrl_deps 4, data_deps 5, start_time_micros 6,
//                    duration_micros 7, inputs 8, outputs 9, attr 10
//   attr             name 1, then one value: double 3, float 5, integers 7 9 11 13 15 17 19 21 23
//                    25, bool 27, list of bool 28, text 29
//   types            METADATA 1, MEM_LOAD 2, MEM_STORE 3, COMP 4, COMM_SEND 5, COMM_RECV 6,
//                    COMM_COLL 7
//
// Schema 0.0.3 and older have other fields in the same places, and are refused.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sim/schema/problems.h"
#include "workloads/program/rank_trace.h"

namespace gridlock {

/// Reads one file's contents. Throws UserError with the place in bytes.
RankTrace ReadChakra(const std::string& file, std::string_view bytes);

/// The traces of all ranks. Ranks whose files hold the same share one.
struct ChakraTraces {
  std::vector<std::unique_ptr<const RankTrace>> traces;
  std::vector<std::int32_t> trace_of_rank;
};

/// Reads the traces at `path`: a folder, a file, a pattern with * and ?, or the beginning of names
/// that end in .RANK.et. The rank is the last number in a file's name; a single file stands for
/// `ranks` ranks, or when that is 0 for `all`. Throws UserError when files cannot be read or ranks
/// are missing.
ChakraTraces LoadChakra(const std::string& path, int ranks, int all);

/// Groups of ranks by name: {"1": [0, 1, 2], ...}, as ASTRA-sim's comm_group files.
std::map<std::string, std::vector<int>> ReadGroupFile(const std::string& file);

}  // namespace gridlock
