#pragma once

// What nccl-tests and rccl-tests print (github.com/NVIDIA/nccl-tests): a table with one line per
// size, below comments that name the ranks and the columns.
//
//   # Using devices
//   #  Rank  0 Group  0 Pid 1478709 on      gpu23 device  0 [0x31] NVIDIA A40
//   #                                     out-of-place                 in-place
//   #    size   count  type redop root   time algbw busbw #wrong   time algbw busbw #wrong
//   #     (B) (elem.)                    (us) (GB/s) (GB/s)         (us) (GB/s) (GB/s)
//         1024    256 float   sum   -1   34.24  0.03  0.03      0   31.11  0.03  0.03    N/A
//
// Columns differ between versions: redop and root may be missing or blank, the last column is
// called "error" or "#wrong", old versions print one place only. The line that names the columns
// says how many places there are; the numbers of a place stand at the end of a line. Everything
// else, such as the library's own log lines between those of the table, is passed over.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/schema/problems.h"

namespace gridlock {

/// One place of one size: the output goes into a buffer of its own, or into that of the input.
struct NcclTiming {
  std::optional<double> time_us, algbw_gbs, busbw_gbs;  ///< nothing: "N/A"
};

struct NcclRow {
  int line = 0;
  double bytes = 0;
  std::string type;                ///< "float"
  std::vector<NcclTiming> places;  ///< out-of-place, then in-place
};

struct NcclOutput {
  std::string file;
  std::string op;      ///< as gridlock names it: "all_reduce"; "" when the output is silent
  int ranks = 0;       ///< 0: the output names none
  int hosts = 0;       ///< that the ranks run on
  bool even = true;    ///< every host runs as many of them
  std::string device;  ///< of rank 0: "NVIDIA A40"
  std::vector<NcclRow> rows;
};

/// Reads the output. Problems carry the place: line and column. An output without a table is one.
NcclOutput ReadNcclOutput(const std::string& file, std::string_view text, ProblemList& problems);

/// The operation that a program of nccl-tests measures, found in a word such as
/// "./build/all_reduce_perf" or "alltoall.log"; "" when there is none.
std::string NcclOperation(std::string_view word);

}  // namespace gridlock
