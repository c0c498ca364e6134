#pragma once

// What requests that were admitted need before the rows of their prompts: adapters come over the
// host's link, one after another, images are encoded one after another, and an encoder in front of
// the decoder reads its inputs, all together. Nothing else goes on at a replica meanwhile.

#include <cstdint>

#include "sim/base/units.h"
#include "sim/serving/batch_work.h"
#include "workloads/inference.h"

namespace gridlock {

class Preparation {
 public:
  void AddAdapter() { ++adapters_; }

  void AddImages(Seconds time) { images_ += time; }

  /// An input of so many tokens, all of which see each other.
  void AddInput(std::int64_t tokens) {
    const auto n = static_cast<double>(tokens);
    inputs_ += tokens;
    pairs_ += n * n;
  }

  [[nodiscard]] bool needed() const { return adapters_ > 0 || images_ > Seconds(0) || inputs_ > 0; }

  /// Does it: enters it into `work` but for its time, and says what that is spent on.
  LimitTimes Do(const IterationCosts& costs, BatchWork& work);

 private:
  std::int64_t adapters_ = 0, inputs_ = 0;
  Seconds images_;
  double pairs_ = 0;  ///< of tokens of inputs
};

}  // namespace gridlock
