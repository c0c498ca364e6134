#pragma once

#include <vector>

#include "sim/plan/plan.h"

namespace gridlock {

/// Which accelerator is which rank of a job. On one site ranks follow each other through the
/// servers of the placement, in the grid's order; where the grid uses only part of a scale-up
/// domain, they take the first accelerators of each server. Over several sites the replicas are
/// shared out evenly, in blocks: each site holds its replicas as if it were alone.
class RankMap {
 public:
  RankMap(const RankGrid& grid, const Placement& placement, const Network& network)
      : grid_(grid), network_(network), sites_(SitesOf(placement)) {
    replicas_ = grid.data / static_cast<int>(sites_.size());
    for (const SiteIndex site : sites_) {
      std::vector<ServerIndex>& servers = servers_.emplace_back();
      for (const ServerRun& run : placement) {
        for (int i = 0; run.site == site && i < run.count; ++i) {
          servers.push_back({run.first + i});
        }
      }
    }
  }

  /// `local` counts tensor-parallel ranks first, then context-parallel ones.
  [[nodiscard]] AcceleratorIndex At(int local, int data, int stage) const {
    const int block = data / replicas_;
    const int replica = data % replicas_;
    const int group = grid_.order == RankOrder::kTensorDataPipeline
                          ? stage * replicas_ + replica
                          : replica * grid_.pipeline + stage;
    const int rank = group * grid_.width() + local;
    const int size = network_.fabric(sites_[block]).server_size();
    if (!grid_.chosen.empty()) {
      const int place = grid_.chosen[static_cast<std::size_t>(rank)];
      return network_.accelerator(sites_[block],
                                  servers_[block][place / size] * size + place % size);
    }
    const int used = grid_.used_of(size);
    return network_.accelerator(sites_[block], servers_[block][rank / used] * size + rank % used);
  }

  [[nodiscard]] AcceleratorIndex At(RankIndex rank) const {
    const int agent = grid_.agent_of(rank);
    return At(rank.value % grid_.width(), agent % grid_.data, agent / grid_.data);
  }

  [[nodiscard]] const std::vector<SiteIndex>& sites() const { return sites_; }

 private:
  const RankGrid& grid_;
  const Network& network_;
  std::vector<SiteIndex> sites_;
  std::vector<std::vector<ServerIndex>> servers_;  ///< by position in sites_
  int replicas_ = 1;                               ///< of one site
};

}  // namespace gridlock
