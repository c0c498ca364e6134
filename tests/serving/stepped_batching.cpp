#include "tests/serving/stepped_batching.h"

#include <algorithm>
#include <deque>
#include <map>
#include <set>

namespace gridlock {

namespace {

struct Item {
  BatchOutcome outcome;
  std::int64_t to_prefill = 0, prefilled = 0, decoded = 0;
};

class Stepped {
 public:
  explicit Stepped(const IterationCosts& costs)
      : costs_(costs), engine_(costs.engine()), waste_(engine_.page / 2) {
    engine_.batch_max *= costs.layout().data;
  }

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
  // Half a page, and the windows of a sequence as long as it will be.
  [[nodiscard]] std::int64_t Waste(const Item& item) const {
    const BatchRequest& request = item.outcome.request;
    return waste_ + costs_.WindowTokens(request.prompt_tokens + request.output_tokens);
  }

  [[nodiscard]] std::int64_t Held() const {
    std::int64_t held = 0;
    for (const Item& item : prefilling_) {
      held += item.to_prefill + Waste(item);
    }
    for (const Item& item : decoding_) {
      held += item.outcome.request.prompt_tokens + item.decoded - 1 + Waste(item);
    }
    return held;
  }

  [[nodiscard]] std::int64_t Whole(const Item& item) const {
    return item.outcome.request.prompt_tokens + item.outcome.request.output_tokens + Waste(item);
  }

  // Of sequences that decode, on the rank that has most of them.
  [[nodiscard]] std::int64_t DecodingOnARank() const {
    const auto ranks = static_cast<std::size_t>(costs_.layout().data);
    return static_cast<std::int64_t>((decoding_.size() + ranks - 1) / ranks);
  }

  // Tokens and pairs of prompts on each rank. The next one goes where the fewest are.
  using Ranks = std::vector<std::pair<std::int64_t, double>>;

  [[nodiscard]] Ranks EmptyRanks() const {
    return Ranks(static_cast<std::size_t>(costs_.layout().data));
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
    } else if (Held() + together + first.to_prefill + Waste(first) > costs_.cache_tokens()) {
      return false;
    }
    Ranks ranks = EmptyRanks();
    for (const Item& item : prefilling_) {
      std::min_element(ranks.begin(), ranks.end())->first += item.to_prefill - item.prefilled;
    }
    const std::int64_t pending = std::min_element(ranks.begin(), ranks.end())->first;
    const bool whole =
        engine_.batching == Batching::kPrompts || engine_.batching == Batching::kFused;
    const std::int64_t more = whole ? first.to_prefill - first.prefilled : 1;
    const auto beside =
        engine_.batching == Batching::kPrompts ? std::int64_t{0} : DecodingOnARank();
    return engine_.batching == Batching::kStatic || pending == 0 ||
           pending + more + beside <= engine_.token_budget;
  }

  [[nodiscard]] std::int64_t UsersOf(std::int32_t adapter) const {
    std::int64_t users = 0;
    for (const std::vector<Item>* items : {&prefilling_, &decoding_}) {
      for (const Item& item : *items) {
        users += item.outcome.request.adapter == adapter ? 1 : 0;
      }
    }
    return users;
  }

  // Resident adapters by when they were last taken or left.
  [[nodiscard]] bool Slot(std::int32_t adapter) const {
    const auto slots = static_cast<std::size_t>(costs_.adapters().slots());
    bool room = adapter < 0 || resident_.count(adapter) > 0 || resident_.size() < slots;
    for (const auto& [each, used] : resident_) {
      room = room || UsersOf(each) == 0;
    }
    return room;
  }

  void TakeSlot(std::int32_t adapter) {
    if (adapter < 0) {
      return;
    }
    if (resident_.count(adapter) == 0) {
      to_load_ += 1;
      if (resident_.size() >= static_cast<std::size_t>(costs_.adapters().slots())) {
        auto oldest = resident_.end();
        for (auto at = resident_.begin(); at != resident_.end(); ++at) {
          if (UsersOf(at->first) == 0 &&
              (oldest == resident_.end() || at->second < oldest->second)) {
            oldest = at;
          }
        }
        resident_.erase(oldest);
      }
    }
    resident_[adapter] = ++uses_;
  }

  void LeaveSlot(std::int32_t adapter) {
    if (adapter >= 0) {
      resident_[adapter] = ++uses_;
    }
  }

  // Of the queue: the first, or where its adapter has no slot the first behind it that has one.
  [[nodiscard]] std::size_t NextInLine() const {
    const auto together = static_cast<std::int64_t>(prefilling_.size() + decoding_.size());
    if (together >= engine_.batch_max) {
      return 0;
    }
    for (std::size_t i = 0; i < queue_.size(); ++i) {
      const BatchOutcome& outcome = queue_[i].outcome;
      if (outcome.evictions == 0 && outcome.request.arrival > clock_) {
        return queue_.size();
      }
      const bool refused = i == 0 && Whole(queue_[0]) > costs_.cache_tokens();
      if (refused || (Slot(outcome.request.adapter) &&
                      (i == 0 || Whole(queue_[i]) <= costs_.cache_tokens()))) {
        return i;
      }
    }
    return queue_.size();
  }

  void Admit() {
    if (engine_.batching == Batching::kStatic && !decoding_.empty()) {
      return;
    }
    while (!queue_.empty() && (queue_.front().outcome.evictions > 0 ||
                               queue_.front().outcome.request.arrival <= clock_)) {
      const std::size_t next = NextInLine();
      if (next >= queue_.size()) {
        return;
      }
      Item item = queue_[next];
      if (Whole(item) > costs_.cache_tokens()) {
        item.outcome.refused = true;
        End(item);
      } else if (!Room(item)) {
        return;
      } else if (item.outcome.request.prefilled && item.outcome.evictions == 0) {
        item.outcome.first_token = clock_;
        item.decoded = 1;
        TakeSlot(item.outcome.request.adapter);
        decoding_.push_back(item);
        EndThoseDone();
      } else {
        TakeSlot(item.outcome.request.adapter);
        prefilling_.push_back(item);
      }
      queue_.erase(queue_.begin() + static_cast<std::ptrdiff_t>(next));
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
      LeaveSlot(item.outcome.request.adapter);
      ++item.outcome.evictions;
      queue_.push_front(item);
    }
  }

  /// What goes through the layers together.
  struct Iteration {
    std::int64_t beside = 0, rows = 0, outputs = 0, sequences = 0, tokens = 0;
    double reads = 0, pairs = 0, adapted = 0;
    std::int64_t rank_tokens = 0;  ///< of the busiest rank
    double rank_pairs = 0;
    std::set<std::int32_t> adapters;

    void Adapt(const Item& item, std::int64_t taken) {
      if (item.outcome.request.adapter >= 0) {
        adapted += static_cast<double>(taken);
        adapters.insert(item.outcome.request.adapter);
      }
    }
  };

  [[nodiscard]] Seconds TimeOf(const Iteration& now) const {
    Seconds more = costs_.PerPair() * now.pairs;
    for (const double each :
         costs_.adapters().Limits(now.adapted, static_cast<double>(now.adapters.size()))) {
      more += Seconds(each);
    }
    if (now.sequences > now.beside) {
      for (const double each :
           costs_.UnevenLimits(now.rows, now.tokens, now.pairs, now.rank_tokens, now.rank_pairs)) {
        more += Seconds(each);
      }
    }
    const CostLines lines = costs_.LinesOf(now.rows, now.outputs, now.sequences, now.beside);
    Seconds time;
    for (int i = 0; i < lines.count; ++i) {
      const CostLine& line = lines.lines[static_cast<std::size_t>(i)];
      const Seconds beside = line.beside ? Seconds(0) : more;
      time = std::max(time, line.base + line.read * now.reads + beside);
    }
    return time;
  }

  void Iterate() {
    Admit();
    if (to_load_ > 0) {
      clock_ += costs_.adapters().LoadTime() * to_load_;
      to_load_ = 0;
      return;
    }
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
    const std::int64_t budget = std::max(engine_.token_budget - (decodes ? DecodingOnARank() : 0),
                                         engine_.token_budget / 16 + 1);
    Ranks ranks = EmptyRanks();
    Iteration now;
    now.beside = now.rows = now.outputs = now.sequences = beside;
    for (Item& item : prefilling_) {
      const std::int64_t left = item.to_prefill - item.prefilled;
      const auto rank = std::min_element(ranks.begin(), ranks.end());
      const std::int64_t taken =
          engine_.batching == Batching::kChunked ? std::min(left, budget - rank->first) : left;
      if (taken == 0) {
        break;
      }
      rank->first += taken;
      for (std::int64_t i = 0; i < taken; ++i) {
        now.pairs += static_cast<double>(item.prefilled + i + 1);
        rank->second += static_cast<double>(item.prefilled + i + 1);
      }
      now.rank_tokens = std::max(now.rank_tokens, rank->first);
      now.rank_pairs = std::max(now.rank_pairs, rank->second);
      now.Adapt(item, taken);
      now.rows += taken;
      now.tokens += taken;
      now.outputs += taken == left ? 1 : 0;
      item.prefilled += taken;
      ++now.sequences;
    }
    for (const Item& item : decoding_) {
      if (decodes) {
        now.reads += static_cast<double>(item.outcome.request.prompt_tokens + item.decoded);
        now.Adapt(item, 1);
      }
    }
    clock_ += TimeOf(now);
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
    for (std::size_t i = 0; i < prefilling_.size();) {
      if (prefilling_[i].prefilled < prefilling_[i].to_prefill) {
        ++i;
        continue;
      }
      Item item = prefilling_[i];
      prefilling_.erase(prefilling_.begin() + static_cast<std::ptrdiff_t>(i));
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
    LeaveSlot(item.outcome.refused ? -1 : item.outcome.request.adapter);
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
  std::map<std::int32_t, std::int64_t> resident_;  ///< adapter, when it was used
  std::int64_t uses_ = 0;
  double to_load_ = 0;
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

InferenceModel SmallModel() {
  InferenceModel model;
  model.name = "small";
  model.layers = 4;
  model.hidden = 512;
  model.heads = 8;
  model.kv_heads = 2;
  model.head_dim = 64;
  model.ffn = 2048;
  model.vocabulary = 32000;
  return model;
}

IterationCosts SmallCosts(InferenceEngine engine, double cache_tokens, double bandwidth,
                          const InferenceLayout& layout, const InferenceModel& model) {
  InferencePart part;
  part.name = "round";
  part.peak_bf16 = 1e14;
  part.hbm_bandwidth = bandwidth;
  part.link_bandwidth = 1e11;
  part.hbm_capacity = 1e12;
  engine.reserve = 0;
  engine.share_of_free = false;
  engine.memory_share = 1;
  const IterationCosts roomy(model, part, engine, layout, "");
  const double token = roomy.token_bytes().si();
  part.hbm_capacity -=
      (static_cast<double>(roomy.cache_tokens()) - cache_tokens) * token / layout.data;
  return {model, part, engine, layout, ""};
}

}  // namespace gridlock
