#pragma once

// The requests of a load as they come: by themselves, or because others have ended. A conversation
// has turns, each of which begins with all that was said before; a turn may ask for several answers
// at once, of which the first goes on (best of n, self-consistency; with turns, a search of a
// tree).
//
// Invariants, which tests name:
//   INV-9  order: a turn comes after all answers of the one before it have ended

#include <cstdint>
#include <deque>
#include <vector>

#include "sim/serving/serve_run.h"

namespace gridlock {

class LoadSource {
 public:
  /// @param tokens_per_step of the engine, see RequestsOfLoad. The load outlives the source.
  LoadSource(const ServeLoad& load, double tokens_per_step);

  /// Those that come whatever happens to others.
  std::vector<BatchRequest> Begin();

  /// Those that follow from the end of request `id`.
  std::vector<BatchRequest> After(std::int64_t id, Seconds end);

  /// A request that was handed out.
  [[nodiscard]] const BatchRequest& at(std::int64_t id) const {
    return requests_[static_cast<std::size_t>(id)];
  }

 private:
  struct Conversation {
    std::int64_t number = 0;
    std::int32_t adapter = -1;
    std::int64_t turn = 0, turns = 1;
    std::int64_t open = 0;     ///< answers of this turn that have not ended
    std::int64_t context = 0;  ///< tokens of this turn's prompt and of its first answer
    std::vector<std::int64_t> blocks;
  };

  [[nodiscard]] bool plain() const { return load_.answers <= 1 && load_.turns <= 1; }

  void Open(Seconds at, std::vector<BatchRequest>& into);
  void Ask(std::size_t conversation, const BatchRequest& first, std::vector<BatchRequest>& into);
  void HandOut(const BatchRequest& request, std::size_t conversation,
               std::vector<BatchRequest>& into);

  const ServeLoad& load_;
  double tokens_per_step_;
  std::vector<BatchRequest> openings_;
  std::size_t opened_ = 0;
  std::vector<BatchRequest> requests_;  ///< by id
  std::vector<std::size_t> of_;         ///< conversation, by id
  std::deque<Conversation> conversations_;
  std::deque<std::vector<std::int64_t>> kept_;  ///< blocks that requests point to
};

}  // namespace gridlock
