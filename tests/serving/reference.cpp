#include "tests/serving/reference.h"

#include <algorithm>
#include <deque>

namespace gridlock {

namespace {

struct Held {
  Request request;
  std::int64_t decoded = 0;
  std::int64_t cached = 0;
  double first_token = 0;
};

class Stepped {
 public:
  Stepped(const std::vector<Request>& requests, const std::vector<CostChange>& changes,
          Replica::Limits limits)
      : changes_(changes), limits_(limits) {
    for (const Request& request : requests) {
      queue_.push_back({request});
    }
  }

  ReferenceOutcome Run() {
    while (!queue_.empty() || !batch_.empty()) {
      while (change_ < changes_.size() && changes_[change_].from.si() <= clock_) {
        costs_ = changes_[change_++].costs;
      }
      Boundary();
    }
    return out_;
  }

 private:
  [[nodiscard]] bool Waits() const {
    return !queue_.empty() && queue_.front().request.arrival.si() <= clock_;
  }

  [[nodiscard]] static std::int64_t Whole(const Held& h) {
    return h.request.prompt_tokens + h.request.output_tokens;
  }

  [[nodiscard]] std::int64_t Cached() const {
    std::int64_t sum = 0;
    for (const Held& h : batch_) {
      sum += h.cached;
    }
    return sum;
  }

  void Finish(const Held& h, bool refused) {
    out_.completed.push_back({h.request.group, h.request.prompt_tokens, h.request.output_tokens,
                              h.request.arrival, Seconds(h.first_token), Seconds(clock_), refused});
  }

  void Spend(double seconds, const ServingWork& work) {
    clock_ += seconds;
    out_.work.busy += Seconds(seconds);
    out_.work.flop += work.flop;
    out_.work.arithmetic += work.arithmetic;
    out_.work.hbm += work.hbm;
    out_.work.links += work.links;
  }

  void Boundary() {
    while (Waits() && Whole(queue_.front()) > costs_.cache_tokens) {
      Finish(queue_.front(), true);
      queue_.pop_front();
    }
    if (Prefill()) {
      return;
    }
    while (!batch_.empty() &&
           Cached() + static_cast<std::int64_t>(batch_.size()) > costs_.cache_tokens) {
      queue_.push_front(batch_.back());
      batch_.pop_back();
      ++out_.work.evictions;
    }
    if (Waits() && Whole(queue_.front()) > costs_.cache_tokens) {
      return;  // refused at this same boundary, which may make room
    }
    if (!batch_.empty()) {
      Iterate();
    } else if (!queue_.empty() && !Waits()) {
      clock_ = queue_.front().request.arrival.si();
    }
  }

  bool Prefill() {
    std::vector<Held> taken;
    std::int64_t tokens = 0;
    double pairs = 0;
    while (Waits() && Whole(queue_.front()) <= costs_.cache_tokens) {
      const Held& h = queue_.front();
      const std::int64_t prompt = h.request.prompt_tokens + h.decoded;
      const auto sequences = static_cast<std::int64_t>(batch_.size() + taken.size()) + 1;
      if (sequences > limits_.batch_max ||
          Cached() + tokens + prompt + sequences > costs_.cache_tokens ||
          (!taken.empty() && tokens + prompt > limits_.prefill_tokens_max)) {
        break;
      }
      tokens += prompt;
      for (std::int64_t i = 1; i <= prompt; ++i) {
        pairs += static_cast<double>(i);
      }
      taken.push_back(h);
      queue_.pop_front();
    }
    if (taken.empty()) {
      return false;
    }
    ServingWork work = costs_.per_token * static_cast<double>(tokens);
    work.hbm += costs_.PassBytes(tokens);
    work += costs_.per_output * static_cast<double>(taken.size());
    work += costs_.per_pair * pairs;
    Spend(costs_.PrefillTime(tokens, pairs).si(), work);
    out_.work.prompt_tokens += tokens;
    for (Held& h : taken) {
      h.cached = h.request.prompt_tokens + h.decoded;
      if (h.decoded == 0) {
        h.first_token = clock_;
      }
      Emit(h);
    }
    batch_.insert(batch_.end(), taken.begin(), taken.end());
    Leave();
    return true;
  }

  void Emit(Held& h) {
    ++h.decoded;
    ++out_.work.output_tokens;
  }

  void Iterate() {
    const double cached = static_cast<double>(Cached());
    const auto b = static_cast<std::int64_t>(batch_.size());
    ServingWork work = costs_.per_token * static_cast<double>(b);
    work.hbm += costs_.PassBytes(b);
    work += costs_.per_output * static_cast<double>(b);
    work += costs_.per_cached_read * cached;
    Spend((costs_.DecodeTime(b) + costs_.PerCachedToken(b) * cached).si(), work);
    for (Held& h : batch_) {
      ++h.cached;
      Emit(h);
    }
    Leave();
  }

  void Leave() {
    for (const Held& h : batch_) {
      if (h.decoded == h.request.output_tokens) {
        Finish(h, false);
      }
    }
    std::erase_if(batch_, [](const Held& h) {
      return h.decoded == h.request.output_tokens;
    });
  }

  std::vector<CostChange> changes_;
  std::size_t change_ = 0;
  ServingCosts costs_;
  Replica::Limits limits_;
  double clock_ = 0;
  std::deque<Held> queue_;
  std::vector<Held> batch_;  // by admission
  ReferenceOutcome out_;
};

}  // namespace

ReferenceOutcome ServeTokenByToken(const std::vector<Request>& requests,
                                   const std::vector<CostChange>& changes, Replica::Limits limits) {
  return Stepped(requests, changes, limits).Run();
}

ServingCosts PlainCosts(int batch_max, std::int64_t cache_tokens) {
  ServingCosts costs;
  for (int b = 1; b <= batch_max; ++b) {
    costs.decode_time.push_back(Seconds(10e-3 + 0.1e-3 * b));
  }
  costs.passes = {{1, Seconds(1e-3 + 20e-6), Bytes(1e9)},
                  {1 << 20, Seconds(1e-3 + 20e-6 * (1 << 20)), Bytes(1e9)}};
  costs.per_cached_token = Seconds(1e-6);
  costs.prefill_pair = Seconds(1e-9);
  costs.cache_tokens = cache_tokens;
  costs.per_token = {Flop(2e9), Joules(2e-3), Bytes(3e3), Bytes(5e3)};
  costs.per_output = {Flop(7e7), Joules(1e-4), Bytes(11), Bytes(0)};
  costs.per_cached_read = {Flop(13e3), Joules(1e-8), Bytes(17e3), Bytes(0)};
  costs.per_pair = {Flop(19e3), Joules(2e-8), Bytes(0), Bytes(0)};
  return costs;
}

}  // namespace gridlock
