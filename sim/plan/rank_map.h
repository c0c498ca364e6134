#pragma once

#include <vector>

#include "sim/plan/plan.h"

namespace gridlock {

/// Which accelerator is which rank of a job. On one site ranks follow each other through the
/// servers of the placement, in the layout's order; where the layout uses only part of a scale-up
/// domain, they take the first accelerators of each server. Over several sites the replicas are
/// shared out evenly, in blocks: each site holds its replicas as if it were alone.
class RankMap {
 public:
  RankMap(const Layout& layout, const Placement& placement, const Network& network)
      : layout_(layout), network_(network), sites_(SitesOf(placement)) {
    replicas_ = layout.data / static_cast<int>(sites_.size());
    for (const int site : sites_) {
      std::vector<int>& servers = servers_.emplace_back();
      for (const ServerRun& run : placement) {
        for (int i = 0; run.site == site && i < run.count; ++i) {
          servers.push_back(run.first + i);
        }
      }
    }
  }

  /// `local` counts tensor-parallel ranks first, then context-parallel ones.
  [[nodiscard]] AcceleratorIndex At(int local, int data, int stage) const {
    const int block = data / replicas_;
    const int replica = data % replicas_;
    const int group = layout_.rank_order == RankOrder::kTensorDataPipeline
                          ? stage * replicas_ + replica
                          : replica * layout_.pipeline + stage;
    const int rank = group * layout_.group() + local;
    const int domain = network_.fabric(sites_[block]).domain_size();
    const int used = layout_.used_of(domain);
    return network_.accelerator(sites_[block], servers_[block][rank / used] * domain + rank % used);
  }

  [[nodiscard]] const std::vector<int>& sites() const { return sites_; }

 private:
  const Layout& layout_;
  const Network& network_;
  std::vector<int> sites_;
  std::vector<std::vector<int>> servers_;  ///< by position in sites_
  int replicas_ = 1;                       ///< of one site
};

}  // namespace gridlock
