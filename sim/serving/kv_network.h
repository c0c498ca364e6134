#pragma once

// Caches on their way from prefill to decode replicas, as fluids that share links max-min fairly:
// a flow crosses the links of the replica that it leaves, the core of the fabric, and the links of
// the one that it enters. Other traffic on the core, for example of a training job, is one more
// flow that never ends and wants no more than its demand: it slows caches, and they slow it.

#include <cstdint>
#include <vector>

#include "sim/base/units.h"

namespace gridlock {

/// Links between pools, bytes/s in one direction.
struct KvLinks {
  std::vector<double> leaving;   ///< by prefill replica
  std::vector<double> entering;  ///< by decode replica
  double core = 0;               ///< of all flows together; 0: it never binds
  double other_demand = 0;       ///< of other traffic on the core; needs `core`
  Seconds latency;               ///< of each transfer
};

/// Of so many replicas on each side, with bytes/s of each; no core, no latency.
KvLinks LinksBetween(int leaving, double leaving_rate, int entering, double entering_rate);

class KvNetwork {
 public:
  struct Ended {
    std::int64_t id = 0;
    Seconds time;
  };

  /// Rates of links must be positive.
  explicit KvNetwork(const KvLinks& links);

  /// A flow begins at `now`, to which the network must have advanced.
  void Start(Seconds now, std::int64_t id, std::size_t from, std::size_t to, Bytes bytes);

  /// When the next flow ends; infinite when none is under way.
  [[nodiscard]] Seconds NextEnd() const;

  /// Moves to `time`, at most NextEnd(). Returns the flows that end then, by rising id.
  std::vector<Ended> AdvanceTo(Seconds time);

  /// From `now` on, to which the network must have advanced, the core carries so much; 0: it never
  /// binds. Without other traffic on it.
  void SetCore(Seconds now, double rate);

  /// Nothing is under way.
  void Clear();

  [[nodiscard]] std::size_t flows() const { return flows_.size(); }

  [[nodiscard]] Bytes moved() const { return Bytes(moved_); }

  /// Time in which at least one flow was under way.
  [[nodiscard]] Seconds busy() const { return busy_; }

  /// Share of its demand that other traffic got until now; 1 without.
  [[nodiscard]] double OtherShare() const;

 private:
  struct Flow {
    std::int64_t id = 0;
    std::size_t from = 0, to = 0;
    double left = 0, rate = 0;
    bool latent = false;  ///< all bytes are there, the latency is not over
    Seconds end;          ///< of the latency
  };

  void Share();

  KvLinks links_;
  std::vector<Flow> flows_;
  std::vector<Ended> ended_;  ///< not handed out yet
  Seconds now_, busy_;
  double moved_ = 0, other_rate_ = 0, other_moved_ = 0;
};

}  // namespace gridlock
