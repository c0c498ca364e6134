#pragma once

// Encoders of images in a pool of their own, in front of prefill: each image goes to the encoder
// that is free first, in the order of requests; embeddings then move to the replica.

#include <algorithm>
#include <functional>
#include <queue>
#include <vector>

#include "sim/base/units.h"
#include "sim/serving/serve_run.h"

namespace gridlock {

class EncodePool {
 public:
  explicit EncodePool(const EncodeSpec& spec) : spec_(spec) {
    for (int i = 0; i < spec.encoders; ++i) {
      free_.push(Seconds(0));
    }
  }

  /// Whether requests pass through it.
  [[nodiscard]] bool used() const { return spec_.encoders > 0 && spec_.images > 0; }

  /// When the embeddings of a request that comes now are at their replica. By rising `now`.
  Seconds Encode(Seconds now) {
    Seconds done = now;
    for (int i = 0; i < spec_.images; ++i) {
      const Seconds end = std::max(now, free_.top()) + spec_.time;
      free_.pop();
      free_.push(end);
      done = std::max(done, end);
    }
    busy_ += spec_.time * spec_.images;
    done += spec_.transfer * spec_.images;
    spans_.push_back(done - now);
    return done;
  }

  /// Of all encoders together.
  [[nodiscard]] Seconds busy() const { return busy_; }

  /// From arrival to the embeddings, by request.
  [[nodiscard]] const std::vector<Seconds>& spans() const { return spans_; }

 private:
  EncodeSpec spec_;
  std::priority_queue<Seconds, std::vector<Seconds>, std::greater<>> free_;
  Seconds busy_;
  std::vector<Seconds> spans_;
};

}  // namespace gridlock
