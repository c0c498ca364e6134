#include "tests/serving/stepped_batching.h"

#include <algorithm>
#include <deque>

namespace gridlock {

namespace {

struct Item {
  BatchOutcome outcome;
  std::int64_t to_prefill = 0, prefilled = 0, decoded = 0;
};

class Stepped {
 public:
  explicit Stepped(const IterationCosts& costs)
      : costs_(costs), engine_(costs.engine()), waste_(engine_.page / 2) {}

  std::vector<BatchOutcome> Run(const std::vector<BatchRequest>& requests) {
    ended_.resize(requests.size());
    for (const BatchRequest& request : requests) {
      Item item;
      item.outcome.request = request;
      item.to_prefill = request.prompt_tokens;
      item.prefilled = std::min(request.cached_tokens, request.prompt_tokens - 1);
      queue_.push_back(item);
    }
    while (!queue_.empty() || !prefilling_.empty() || !decoding_.empty()) {
      Iterate();
    }
    return ended_;
  }

  std::int64_t peak = 0;

 private:
  [[nodiscard]] std::int64_t Held() const {
    std::int64_t held = 0;
    for (const Item& item : prefilling_) {
      held += item.to_prefill + waste_;
    }
    for (const Item& item : decoding_) {
      held += item.outcome.request.prompt_tokens + item.decoded - 1 + waste_;
    }
    return held;
  }

  [[nodiscard]] std::int64_t Whole(const Item& item) const {
    return item.outcome.request.prompt_tokens + item.outcome.request.output_tokens + waste_;
  }

  [[nodiscard]] bool Room(const Item& first) const {
    const auto together = static_cast<std::int64_t>(prefilling_.size() + decoding_.size()) + 1;
    if (together > engine_.batch_max) {
      return false;
    }
    if (engine_.reserve_whole) {
      std::int64_t promised = Whole(first);
      for (const std::vector<Item>* items : {&prefilling_, &decoding_}) {
        for (const Item& item : *items) {
          promised += Whole(item);
        }
      }
      if (promised > costs_.cache_tokens()) {
        return false;
      }
    } else if (Held() + together + first.to_prefill + waste_ > costs_.cache_tokens()) {
      return false;
    }
    std::int64_t pending = 0;
    for (const Item& item : prefilling_) {
      pending += item.to_prefill - item.prefilled;
    }
    const bool whole =
        engine_.batching == Batching::kPrompts || engine_.batching == Batching::kFused;
    const std::int64_t more = whole ? first.to_prefill - first.prefilled : 1;
    const auto beside = engine_.batching == Batching::kPrompts
                            ? std::int64_t{0}
                            : static_cast<std::int64_t>(decoding_.size());
    return engine_.batching == Batching::kStatic || pending == 0 ||
           pending + more + beside <= engine_.token_budget;
  }

  void Admit() {
    if (engine_.batching == Batching::kStatic && !decoding_.empty()) {
      return;
    }
    while (!queue_.empty() && (queue_.front().outcome.evictions > 0 ||
                               queue_.front().outcome.request.arrival <= clock_)) {
      Item item = queue_.front();
      if (Whole(item) > costs_.cache_tokens()) {
        item.outcome.refused = true;
        End(item);
      } else if (!Room(item)) {
        return;
      } else if (item.outcome.request.prefilled && item.outcome.evictions == 0) {
        item.outcome.first_token = clock_;
        item.decoded = 1;
        decoding_.push_back(item);
        EndThoseDone();
      } else {
        prefilling_.push_back(item);
      }
      queue_.pop_front();
    }
  }

  void Evict() {
    while (!engine_.reserve_whole &&
           Held() + static_cast<std::int64_t>(decoding_.size()) > costs_.cache_tokens() &&
           (!prefilling_.empty() || decoding_.size() > 1)) {
      std::vector<Item>& from = prefilling_.empty() ? decoding_ : prefilling_;
      Item item = from.back();
      from.pop_back();
      if (item.decoded > 0 && &from == &decoding_) {
        item.to_prefill = item.outcome.request.prompt_tokens + item.decoded;
      }
      item.prefilled = 0;
      ++item.outcome.evictions;
      queue_.push_front(item);
    }
  }

  void Iterate() {
    Admit();
    const bool mixed =
        engine_.batching == Batching::kFused || engine_.batching == Batching::kChunked;
    if (mixed || prefilling_.empty()) {
      Evict();
    }
    const bool prompts = !prefilling_.empty();
    const bool decodes = !decoding_.empty() && (mixed || !prompts);
    if (!prompts && !decodes) {
      if (!queue_.empty()) {
        clock_ = std::max(clock_, queue_.front().outcome.request.arrival);
      }
      return;
    }
    const auto beside = decodes ? static_cast<std::int64_t>(decoding_.size()) : std::int64_t{0};
    std::int64_t room = std::max(engine_.token_budget - beside, engine_.token_budget / 16 + 1);
    std::int64_t rows = beside, outputs = beside, sequences = beside;
    std::int64_t tokens = 0;
    double reads = 0, pairs = 0;
    for (Item& item : prefilling_) {
      const std::int64_t left = item.to_prefill - item.prefilled;
      const std::int64_t taken =
          engine_.batching == Batching::kChunked ? std::min(left, room) : left;
      if (taken == 0) {
        break;
      }
      for (std::int64_t i = 0; i < taken; ++i) {
        pairs += static_cast<double>(item.prefilled + i + 1);
      }
      room -= taken;
      rows += taken;
      tokens += taken;
      outputs += taken == left ? 1 : 0;
      item.prefilled += taken;
      ++sequences;
    }
    for (const Item& item : decoding_) {
      reads += decodes ? static_cast<double>(item.outcome.request.prompt_tokens + item.decoded) : 0;
    }
    clock_ += costs_.Base(rows, outputs, sequences) + costs_.PerPair() * pairs +
              (beside > 0 ? costs_.PerRead(beside) * reads : Seconds(0));
    if (sequences > beside) {
      for (const double more : costs_.UnevenLimits(rows, tokens, pairs, sequences - beside)) {
        clock_ += Seconds(more);
      }
    }
    Settle(decodes);
  }

  void Settle(bool decodes) {
    if (decodes) {
      for (Item& item : decoding_) {
        ++item.decoded;
      }
      peak = std::max(peak, Held());
    }
    EndThoseDone();
    while (!prefilling_.empty() &&
           prefilling_.front().prefilled >= prefilling_.front().to_prefill) {
      Item item = prefilling_.front();
      prefilling_.erase(prefilling_.begin());
      if (item.decoded == 0) {
        item.outcome.first_token = clock_;
      }
      ++item.decoded;
      decoding_.push_back(item);
    }
    EndThoseDone();
  }

  void EndThoseDone() {
    for (std::size_t i = 0; i < decoding_.size();) {
      if (decoding_[i].decoded >= decoding_[i].outcome.request.output_tokens) {
        End(decoding_[i]);
        decoding_.erase(decoding_.begin() + static_cast<std::ptrdiff_t>(i));
      } else {
        ++i;
      }
    }
  }

  void End(Item item) {
    item.outcome.end = clock_;
    ended_[static_cast<std::size_t>(item.outcome.request.id)] = item.outcome;
  }

  const IterationCosts& costs_;
  InferenceEngine engine_;
  std::int64_t waste_;
  Seconds clock_;
  std::deque<Item> queue_;
  std::vector<Item> prefilling_, decoding_;
  std::vector<BatchOutcome> ended_;
};

}  // namespace

std::vector<BatchOutcome> RunStepped(const IterationCosts& costs,
                                     const std::vector<BatchRequest>& requests,
                                     std::int64_t& cache_peak) {
  Stepped stepped(costs);
  std::vector<BatchOutcome> outcomes = stepped.Run(requests);
  cache_peak = stepped.peak;
  return outcomes;
}

InferenceEngine Chunked(std::int64_t token_budget, int batch_max) {
  InferenceEngine engine;
  engine.batching = Batching::kChunked;
  engine.token_budget = token_budget;
  engine.batch_max = batch_max;
  return engine;
}

IterationCosts SmallCosts(InferenceEngine engine, double cache_tokens, double bandwidth) {
  InferenceModel model;
  model.name = "small";
  model.layers = 4;
  model.hidden = 512;
  model.heads = 8;
  model.kv_heads = 2;
  model.head_dim = 64;
  model.ffn = 2048;
  model.vocabulary = 32000;
  InferencePart part;
  part.name = "round";
  part.peak_bf16 = 1e14;
  part.hbm_bandwidth = bandwidth;
  part.link_bandwidth = 1e11;
  part.hbm_capacity = 1e12;
  engine.reserve = 0;
  engine.share_of_free = false;
  engine.memory_share = 1;
  const IterationCosts roomy(model, part, engine, {}, "");
  const double token = roomy.token_bytes().si();
  part.hbm_capacity -= (static_cast<double>(roomy.cache_tokens()) - cache_tokens) * token;
  return {model, part, engine, {}, ""};
}

}  // namespace gridlock
