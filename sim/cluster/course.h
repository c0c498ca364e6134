#pragma once

// The course of a life: the clock, what has happened, and what goes through the storages of sites
// and the NICs of fleets.
// Whatever happens keeps to three steps:
//
//   Advance     brings everything to now, before anything changes
//   Note        enters what happens into the record
//   LookAgain   has the cluster considered anew, once in this instant, after all that happens in it

#include <cstdint>
#include <functional>
#include <map>
#include <utility>
#include <vector>

#include "sim/cluster/ledger.h"
#include "sim/engine/timeline.h"
#include "sim/record/life_record.h"
#include "sim/scenario/scenario.h"

namespace gridlock {

class Course {
 public:
  /// The ledger gets what storages carry. It must outlive the course.
  /// @param senders  fleets whose replicas send weights, numbered from 0
  Course(const Scenario& scenario, std::int32_t senders, Ledger& ledger);

  /// Sets who lives through a stretch of time in which nothing changes, and who considers the
  /// cluster anew. Before the first event.
  void Follow(std::function<void(const Stretch&)> pass, std::function<void()> consider);

  [[nodiscard]] Seconds now() const { return timeline_.now(); }

  [[nodiscard]] Seconds horizon() const { return horizon_; }

  /// Of the series of a record; fleets are looked at once in each. A 500th of the horizon where the
  /// scenario says nothing.
  [[nodiscard]] Seconds interval() const { return interval_; }

  static Seconds IntervalOf(const Scenario& scenario);

  /// As Timeline has them.
  TimerId At(Seconds when, std::function<void()> due);

  void Cancel(TimerId timer) { timeline_.Cancel(timer); }

  /// Does nothing when it has ended.
  void Cancel(TransferId transfer);

  void AdvanceTo(Seconds now);

  void Advance() { AdvanceTo(now()); }

  void Note(LifeEvent event);

  void LookAgain();

  /// At a later time.
  void LookAgainAt(Seconds time);

  /// Bytes go through the storage of a site, beside all else that is on it and at most as fast as
  /// `nics`. Calls `done` at the end, when everything has been brought to that time.
  TransferId Carry(SiteIndex site, BytesPerSecond nics, Bytes bytes, std::function<void()> done);

  /// The same from the replicas of a fleet that serve, over their NICs together.
  TransferId Send(std::int32_t sender, BytesPerSecond nics, Bytes bytes,
                  std::function<void()> done);

  /// What these NICs carry from now on; above 0.
  void SetSending(std::int32_t sender, BytesPerSecond nics) {
    timeline_.SetCapacity(first_sender_ + sender, nics);
  }

  /// A site without storage keeps the bandwidth that it had.
  void SetStorage(SiteIndex site, BytesPerSecond bandwidth);

  /// Runs until then, or on from where it stood.
  void RunUntil(Seconds time);

  /// All that was noted, in its order.
  std::vector<LifeEvent> TakeEvents() { return std::move(events_); }

 private:
  /// What goes through a storage, or over the NICs of a fleet: in chunks, one after another.
  struct Way {
    std::int32_t link = 0;
    bool storage = false;
    BytesPerSecond nics;
    std::function<void()> done;
    Bytes left;  ///< behind the chunk that is on its way
    Bytes chunk{};
    Seconds begin{};  ///< of the chunk, or of what has not been entered of it
    TransferId transfer{};
  };

  TransferId Begin(Way way);
  void NextChunk(TransferId id);
  void EndChunk(TransferId id);
  /// Enters what storage has carried of a chunk. @param left  of it
  void Enter(Way& way, Bytes left);

  Seconds horizon_, interval_;
  std::int32_t first_sender_;  ///< link of it; those of storages come before
  Ledger* ledger_;
  Timeline timeline_;
  std::map<TransferId, Way> ways_;
  std::uint64_t last_way_ = 0;
  std::function<void(const Stretch&)> pass_;
  std::function<void()> consider_;
  Seconds advanced_;  ///< to here
  bool looks_again_ = false;
  std::vector<LifeEvent> events_;
};

}  // namespace gridlock
