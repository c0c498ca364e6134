#pragma once

// Measured collectives: a row is one operation of one size on some servers.
//
// Columns: id, role, server, accelerator, servers, ranks_per_server, nics_per_server, nic_gbps,
// scale_up_bidirectional_gbs, fabric, routing, op, algorithm, bytes, metric (busbw_gbs, algbw_gbs,
// time_us), value, notes. What a row leaves blank or does not say:
//   server      the catalogue's server of that name, else one with the row's accelerator
//   servers     of rack-scale parts: trays or hosts are joined to domains; a torus slice has sides
//               of its own
//   nics        those of the server
//   fabric      one non-blocking switch; "two_tier": every server under a leaf of its own. Rails
//               where RoCE, or notes that say "rail", have more servers than a leaf holds. All NICs
//               of a server under one leaf of 32 or 64 ports where notes say ECMP or hash
//   routing     sprayed; "ecmp", and such notes: by hash, the median over nine seeds, with as many
//               queue pairs as the notes say, else one
//   transport   InfiniBand, RoCE or EFA where `notes` name it, else that of the server
//   release     of NCCL where `notes` name 2.18 or 2.4 ("2.4." takes a tree over two servers)
//   caller      rows of stas00/ml-engineering inside one server were called from PyTorch, which
//   takes
//               20 us more
//   in flight   many messages where `ref` names ib_write_bw, else one
//   experts     8 of each token, in at most 4 servers, as in DeepEP's tests; a bandwidth
//   (algbw_gbs)
//               is of forwarded tokens and counts each of them once for every rank (one server) or
//               every server that it goes to, its own included; a time (time_us) is of the
//               low-latency kernels, and `bytes` counts every copy

#include <functional>
#include <string>
#include <vector>

#include "sim/catalogue/list.h"
#include "sim/validation/measured.h"

namespace gridlock {

/// The scenario that stands for a row; "" after setting status and reason of the result.
std::string CollectiveScenarioOf(const CatalogueList& catalogue, MeasuredResult& result);

struct CollectiveValidation {
  std::string role, id;  ///< only such rows; `id` with * and ?
  int parallel = 0;      ///< processes at a time; 0: one per core
  std::function<void(std::size_t done, std::size_t all, double fraction)> progress;
};

/// Simulates the rows, folded, each in a process of its own.
MeasuredReport ValidateCollectives(const std::vector<std::string>& tables,
                                   const CatalogueList& catalogue,
                                   const CollectiveValidation& options);

}  // namespace gridlock
