#include "sim/serving/batching.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numeric>

#include "sim/base/check.h"

namespace gridlock {

namespace {

// `tokens` of a prompt, `before` of which came earlier: each attends to itself and those before.
double PairsOf(std::int64_t before, std::int64_t tokens) {
  const double n = static_cast<double>(tokens);
  return n * static_cast<double>(before) + 0.5 * n * (n + 1);
}

}  // namespace

BatchingReplica::BatchingReplica(const IterationCosts& costs, std::int64_t batch_max)
    : costs_(&costs),
      batching_(costs.engine().batching),
      batch_max_((batch_max > 0 ? batch_max : costs.batch_most())),
      token_budget_(costs.engine().token_budget),
      capacity_(costs.cache_tokens()),
      page_waste_(costs.engine().page / 2),
      reserve_whole_(costs.engine().reserve_whole),
      pending_(costs.layout().data),
      taken_(costs.layout().data),
      adapters_(costs.adapters().slots()) {
  CHECK(batch_max_ >= 1 && token_budget_ >= 1);
}

void BatchingReplica::SetCosts(const IterationCosts& costs) {
  costs_ = &costs;
  capacity_ = costs.cache_tokens();
  of_batch_.batch = -1;
  FitPrefixes();
}

std::vector<BatchRequest> BatchingReplica::TakeAll() {
  std::vector<BatchRequest> all;
  const auto take = [&](Sequence& sequence) {
    LeavePrefix(sequence);
    all.push_back(sequence.outcome.request);
  };
  for (auto& [number, sequence] : active_) {
    take(sequence);
  }
  adapters_ = AdapterSlots(costs_->adapters().slots());
  preparation_ = Preparation();
  for (std::deque<Sequence>* list : {&prefilling_, &loading_, &queue_}) {
    for (Sequence& sequence : *list) {
      take(sequence);
    }
    list->clear();
  }
  active_.clear();
  finishing_.clear();
  held_ = reserved_ = reads_ = 0;
  wait_ = Wait::kNothing;
  return all;
}

void BatchingReplica::Submit(const BatchRequest& request) {
  CHECK(request.prompt_tokens >= 1 && request.output_tokens >= 1);
  Sequence sequence;
  sequence.outcome.request = request;
  sequence.to_prefill = Prompt(request);
  sequence.prefilled = Known(request);
  // Those that were evicted stand in front, whenever they came.
  auto place = queue_.end();
  while (place != queue_.begin() && std::prev(place)->outcome.evictions == 0 &&
         std::prev(place)->outcome.request.arrival > request.arrival) {
    --place;
  }
  queue_.insert(place, sequence);
}

// Does what begins at the clock. False when nothing is left to be done.
bool BatchingReplica::Step(Seconds until, const Completed& completed) {
  EndLoads();
  Admit(completed);
  if (preparation_.needed()) {
    Prepare();
    return true;
  }
  if (DecodesBeside() || prefilling_.empty()) {
    EvictUntilOneIterationFits();
  }
  if (!prefilling_.empty()) {
    const Chunk chunk = NextChunk();
    if (chunk.tokens > 0) {
      Prefill(chunk, completed);
      return true;
    }
  }
  if (active_.empty()) {
    // Who waits for the batch or for room waits for the loads: nothing else is under way.
    Seconds next(HUGE_VAL);
    if (!queue_.empty() && !HasCome()) {
      next = queue_.front().outcome.request.arrival;
    }
    if (!loading_.empty()) {
      next = std::min(next, loading_.front().loaded);
    }
    if (std::isinf(next.si())) {
      return false;
    }
    clock_ = std::max(clock_, std::min(until, next));
    return true;
  }
  Decode(IterationsUntilEvent(until), completed);
  return true;
}

Wait BatchingReplica::WhyNot(const Sequence& first) const {
  const auto together = in_batch() + 1;
  if (together > batch_max_) {
    return Wait::kBatch;
  }
  if (!adapters_.HasRoom(first.outcome.request.adapter)) {
    return Wait::kAdapter;
  }
  const std::int64_t room = capacity_ - (reserve_whole_ ? reserved_ : held_ + together);
  if ((reserve_whole_ ? Reserved(first) : Held(first)) > room) {
    return Wait::kCache;
  }
  if (EncoderIsFull(first.outcome.request)) {
    return Wait::kPrefill;
  }
  // What is being prefilled fills the budget of this iteration, on all ranks.
  const std::int64_t pending = pending_.least();
  const bool whole = batching_ == Batching::kPrompts || batching_ == Batching::kFused;
  const std::int64_t beside = batching_ == Batching::kPrompts ? 0 : OnRank(batch());
  const std::int64_t more = whole ? first.to_prefill - first.prefilled : 1;
  if (batching_ != Batching::kStatic && pending > 0 && pending + more + beside > token_budget_) {
    return Wait::kPrefill;
  }
  return Wait::kNothing;
}

void BatchingReplica::CountPending() {
  pending_.Clear();
  for (const std::deque<Sequence>* list : {&prefilling_, &loading_}) {
    for (const Sequence& each : *list) {
      pending_.Add(each.to_prefill - each.prefilled, 0);
    }
  }
}

void BatchingReplica::Admit(const Completed& completed) {
  wait_ = Wait::kNothing;
  if (batching_ == Batching::kStatic && !active_.empty()) {
    wait_ = HasCome() ? Wait::kBatch : Wait::kNothing;
    return;
  }
  if (HasCome()) {
    CountPending();
  }
  while (HasCome()) {
    Sequence& first = queue_.front();
    if (Reserved(first) > capacity_) {
      first.outcome.refused = true;
      first.outcome.end = clock_;
      const BatchOutcome outcome = first.outcome;
      queue_.pop_front();
      completed(outcome);
      continue;
    }
    wait_ = WhyNot(first);
    auto place = queue_.begin();
    if (wait_ == Wait::kAdapter) {
      place = NextWithSlot();
      if (place == queue_.end() || WhyNot(*place) != Wait::kNothing) {
        return;
      }
    } else if (wait_ != Wait::kNothing) {
      return;
    }
    Enter(place, completed);
  }
}

// The first of those that have come whose adapter has a slot; the end where there is none.
std::deque<BatchingReplica::Sequence>::iterator BatchingReplica::NextWithSlot() {
  const auto yet_to_come = FirstToCome();
  const auto found = std::find_if(queue_.begin(), yet_to_come, [this](const Sequence& each) {
    return adapters_.HasRoom(each.outcome.request.adapter) && Reserved(each) <= capacity_;
  });
  return found == yet_to_come ? queue_.end() : found;
}

// It takes its place in batch and cache.
void BatchingReplica::Enter(std::deque<Sequence>::iterator place, const Completed& completed) {
  Sequence first = std::move(*place);
  queue_.erase(place);
  if (adapters_.Take(first.outcome.request.adapter)) {
    preparation_.AddAdapter();
  }
  if (first.outcome.evictions == 0) {
    preparation_.AddImages(first.outcome.request.encode);
    first.outcome.admitted = clock_;
  }
  held_ += Held(first);
  reserved_ += Reserved(first);
  work_.cache_peak = std::max(work_.cache_peak, held_);
  if (first.outcome.request.prefilled && first.outcome.evictions == 0) {
    first.decoded = 1;
    first.outcome.first_token = clock_;
    ++work_.output_tokens;
    Start(std::move(first));
    EndFinished(completed);  // an answer of one token is out already
    return;
  }
  if (costs_->encodes()) {
    preparation_.AddInput(first.outcome.request.prompt_tokens);
  }
  TakePrefix(first);
  pending_.Add(first.to_prefill - first.prefilled, 0);
  (first.loaded > clock_ ? loading_ : prefilling_).push_back(std::move(first));
}

void BatchingReplica::Prepare() {
  const LimitTimes limits = preparation_.Do(*costs_, work_);
  const Seconds time(std::accumulate(limits.begin(), limits.end(), 0.0));
  work_.SpendBeside(limits, HasCome() ? wait_ : Wait::kNothing);
  CountHeld(time);
  clock_ += time;
}

// Its prompt is in the cache and its next token out: from now on it decodes.
void BatchingReplica::Start(Sequence sequence) {
  sequence.admitted_at = iteration_;
  const BatchRequest& request = sequence.outcome.request;
  reads_ += Prompt(request) + sequence.decoded;
  adapters_.BeginDecode(request.adapter);
  finishing_.emplace(iteration_ + request.output_tokens - sequence.decoded, admissions_);
  active_.emplace_hint(active_.end(), admissions_, std::move(sequence));
  ++admissions_;
  work_.batch_peak = std::max(work_.batch_peak, batch());
}

bool BatchingReplica::DecodesBeside() const {
  return batching_ == Batching::kFused || batching_ == Batching::kChunked;
}

BatchingReplica::Chunk BatchingReplica::NextChunk() {
  Chunk chunk;
  chunks_.clear();
  taken_.Clear();
  const std::int64_t beside = DecodesBeside() ? OnRank(batch()) : 0;
  // Decoding alone may fill the budget; a sixteenth is left to prompts, or they would never end.
  const std::int64_t budget = std::max(token_budget_ - beside, token_budget_ / 16 + 1);
  for (const Sequence& each : prefilling_) {
    const std::int64_t left = each.to_prefill - each.prefilled;
    const std::int64_t room = budget - taken_.least();
    const std::int64_t taken = batching_ == Batching::kChunked ? std::min(left, room) : left;
    if (taken == 0) {
      break;
    }
    const double pairs = PairsOf(each.prefilled, taken);
    taken_.Add(taken, pairs);
    chunks_.push_back(taken);
    chunk.tokens += taken;
    chunk.pairs += pairs;
    chunk.outputs += taken == left ? 1 : 0;
    if (each.outcome.request.adapter >= 0) {
      chunk.adapted += taken;
      chunk.adapters.push_back(each.outcome.request.adapter);
    }
  }
  chunk.busiest = taken_.busiest();
  return chunk;
}

void BatchingReplica::Prefill(const Chunk& chunk, const Completed& completed) {
  const std::int64_t beside = DecodesBeside() ? batch() : 0;
  const std::int64_t sequences = beside + static_cast<std::int64_t>(chunks_.size());
  const std::int64_t rows = beside + chunk.tokens, outputs = beside + chunk.outputs;
  const double reads = beside > 0 ? static_cast<double>(reads_) : 0;
  CostLines lines = costs_->LinesOf(rows, outputs, sequences, beside);
  LimitTimes more = costs_->UnevenLimits(rows, chunk.tokens, chunk.pairs, chunk.busiest.tokens,
                                         chunk.busiest.pairs);
  more[static_cast<std::size_t>(Limit::kCompute)] += (costs_->PerPair() * chunk.pairs).si();
  lines.Add(more);
  const std::int64_t adapted = chunk.adapted + (beside > 0 ? adapters_.decoding() : 0);
  const std::int64_t different = adapters_.Different(chunk.adapters, beside > 0);
  lines.Add(
      costs_->adapters().Limits(static_cast<double>(adapted), static_cast<double>(different)));
  const CostLine& line = lines.At(reads);
  const Seconds time = line.base + line.read * reads;
  Count(time, 1, line.limits);
  work_.AddAdapters(costs_->adapters(), time, 1, static_cast<double>(adapted),
                    static_cast<double>(different));
  work_.flop +=
      costs_->FlopOf(static_cast<double>(rows), static_cast<double>(outputs), reads, chunk.pairs);
  work_.bytes += costs_->BytesOf(static_cast<double>(rows), reads);
  work_.rows += static_cast<double>(rows);
  work_.reads += reads;
  work_.pairs += chunk.pairs;
  work_.prompt_tokens += chunk.tokens;
  work_.output_tokens += outputs;
  clock_ += time;
  if (beside > 0) {
    ++iteration_;
    reads_ += beside;
    held_ += beside;
    work_.cache_peak = std::max(work_.cache_peak, held_);
    FitPrefixes();
  }
  EndFinished(completed);
  std::ptrdiff_t unfinished = 0;  // one on each rank at most
  for (const std::int64_t taken : chunks_) {
    const auto place = prefilling_.begin() + unfinished;
    place->prefilled += taken;
    if (place->prefilled < place->to_prefill) {
      ++unfinished;
      continue;
    }
    Sequence sequence = std::move(*place);
    prefilling_.erase(place);
    if (prefixes_ != nullptr && sequence.outcome.request.blocks != nullptr) {
      prefixes_->Fill(*sequence.outcome.request.blocks, sequence.blocks_used);
      sequence.blocks_used = static_cast<std::int64_t>(sequence.outcome.request.blocks->size());
    }
    if (sequence.decoded == 0) {
      sequence.outcome.first_token = clock_;
    }
    ++sequence.decoded;
    Start(std::move(sequence));
  }
  EndFinished(completed);
}

// Gives up those that came last until the cache holds one more token of each that decodes.
void BatchingReplica::EvictUntilOneIterationFits() {
  while (!reserve_whole_ && held_ + batch() > capacity_ &&
         (!prefilling_.empty() || !loading_.empty() || batch() > 1)) {
    Sequence sequence;
    if (!prefilling_.empty() || !loading_.empty()) {
      std::deque<Sequence>& latest = loading_.empty() ? prefilling_ : loading_;
      sequence = std::move(latest.back());
      latest.pop_back();
      held_ -= Held(sequence);
    } else {
      const auto latest = std::prev(active_.end());
      sequence = std::move(latest->second);
      const std::int64_t output = sequence.outcome.request.output_tokens;
      finishing_.erase({sequence.admitted_at + output - sequence.decoded, latest->first});
      sequence.decoded += iteration_ - sequence.admitted_at;
      const std::int64_t prompt = Prompt(sequence.outcome.request);
      reads_ -= prompt + sequence.decoded;
      adapters_.EndDecode(sequence.outcome.request.adapter);
      held_ -= prompt + sequence.decoded - 1 + Beside(sequence.outcome.request);
      sequence.to_prefill = prompt + sequence.decoded;
      active_.erase(latest);
    }
    reserved_ -= Reserved(sequence);
    LeavePrefix(sequence);
    adapters_.Release(sequence.outcome.request.adapter);
    sequence.prefilled = costs_->encodes() ? Known(sequence.outcome.request) : 0;
    sequence.loaded = Seconds(0);
    ++sequence.outcome.evictions;
    ++work_.evictions;
    queue_.push_front(std::move(sequence));
  }
}

// Of the sequences that decode now.
DecodePace BatchingReplica::Pace() const {
  DecodeCosts& now = of_batch_;
  if (now.batch != batch() || now.adapted != adapters_.decoding() ||
      now.adapters != adapters_.different()) {
    now = {batch(), adapters_.decoding(), adapters_.different(),
           costs_->LinesOf(batch(), batch(), batch(), batch())};
    if (now.adapted > 0) {
      now.lines.Add(costs_->adapters().Limits(static_cast<double>(now.adapted),
                                              static_cast<double>(now.adapters)));
    }
  }
  return {now.lines, batch(), reads_};
}

// The first that is yet to come; those that were evicted stand in front.
std::deque<BatchingReplica::Sequence>::iterator BatchingReplica::FirstToCome() {
  return std::partition_point(queue_.begin(), queue_.end(), [this](const Sequence& each) {
    return each.outcome.evictions > 0 || each.outcome.request.arrival <= clock_;
  });
}

std::int64_t BatchingReplica::IterationsUntilEvent(Seconds until) {
  std::int64_t n = finishing_.begin()->first - iteration_;
  if (!reserve_whole_) {
    n = std::max<std::int64_t>(1, std::min(n, (capacity_ - held_) / batch()));
  }
  const DecodePace pace = Pace();
  // Who waits does not fit before something ends; who is yet to come might. Who waits for a slot
  // lets others pass.
  if (!queue_.empty() && (!HasCome() || wait_ == Wait::kAdapter) &&
      batching_ != Batching::kStatic) {
    const auto next = HasCome() ? FirstToCome() : queue_.begin();
    n = next == queue_.end() ? n : pace.Reaching(clock_, next->outcome.request.arrival, n);
  }
  if (!loading_.empty()) {
    n = pace.Reaching(clock_, loading_.front().loaded, n);
  }
  return std::isinf(until.si()) ? n : pace.Reaching(clock_, until, n);
}

void BatchingReplica::Decode(std::int64_t iterations, const Completed& completed) {
  const double n = static_cast<double>(iterations), b = static_cast<double>(batch());
  const DecodePace pace = Pace();
  double reads = 0;
  Seconds time;
  for (std::int64_t done = 0; done < iterations;) {
    const DecodePace::Stretch stretch = pace.After(done, iterations - done);
    Count(stretch.time(), static_cast<double>(stretch.iterations), stretch.line->limits);
    time += stretch.time();
    reads += stretch.reads;
    done += stretch.iterations;
  }
  work_.AddAdapters(costs_->adapters(), time, n, static_cast<double>(adapters_.decoding()),
                    static_cast<double>(adapters_.different()));
  work_.flop += n * costs_->FlopOf(b, b, 0, 0) + costs_->FlopOf(0, 0, reads, 0);
  work_.bytes += (n - 1) * costs_->BytesOf(b, 0) + costs_->BytesOf(b, reads);
  work_.rows += n * b;
  work_.reads += reads;
  work_.output_tokens += iterations * batch();
  clock_ += time;
  iteration_ += iterations;
  held_ += iterations * batch();
  reads_ += iterations * batch();
  work_.cache_peak = std::max(work_.cache_peak, held_);
  FitPrefixes();
  EndFinished(completed);
}

void BatchingReplica::EndFinished(const Completed& completed) {
  while (!finishing_.empty() && finishing_.begin()->first <= iteration_) {
    const auto found = active_.find(finishing_.begin()->second);
    Sequence sequence = std::move(found->second);
    const BatchRequest& request = sequence.outcome.request;
    const std::int64_t tokens = Prompt(request) + request.output_tokens;
    reads_ -= tokens;
    held_ -= tokens - 1 + Beside(request);
    reserved_ -= Reserved(sequence);
    LeavePrefix(sequence);
    adapters_.EndDecode(request.adapter);
    adapters_.Release(request.adapter);
    active_.erase(found);
    finishing_.erase(finishing_.begin());
    sequence.outcome.end = clock_;
    completed(sequence.outcome);
  }
}

void BatchingReplica::Count(Seconds time, double iterations, const LimitTimes& base) {
  work_.Spend(time, iterations, base, HasCome() ? wait_ : Wait::kNothing);
  CountHeld(time);
}

// What an earlier prompt begins with as well is not prefilled again.
void BatchingReplica::TakePrefix(Sequence& sequence) {
  const std::vector<std::int64_t>* blocks = sequence.outcome.request.blocks;
  if (prefixes_ == nullptr || blocks == nullptr) {
    return;
  }
  const std::int64_t block = prefixes_->spec().block;
  prefixes_->Fit(capacity_ - held_ + Held(sequence));
  const PrefixCache::Found found =
      prefixes_->Take(*blocks, (sequence.outcome.request.prompt_tokens - 1) / block);
  sequence.blocks_used = found.all();
  sequence.prefilled = sequence.blocks_used * block;
  FitPrefixes();
  if (found.host + found.store > 0) {
    sequence.loaded = prefixes_->Load(clock_, costs_->CacheBytesOf(found.host * block),
                                      costs_->CacheBytesOf(found.store * block));
  }
}

void BatchingReplica::EndLoads() {
  while (!loading_.empty() && loading_.front().loaded <= clock_) {
    prefilling_.push_back(std::move(loading_.front()));
    loading_.pop_front();
  }
}

}  // namespace gridlock
