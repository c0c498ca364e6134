#include "sim/serving/replica.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "sim/base/check.h"

namespace gridlock {

namespace {

// Each token of a prompt attends to itself and to those before.
double PairsOf(std::int64_t tokens) {
  const double n = static_cast<double>(tokens);
  return 0.5 * n * (n + 1);
}

}  // namespace

Replica::Replica(const ServingCosts& costs, Limits limits) : costs_(costs), limits_(limits) {
  CHECK(limits.batch_max >= 1 && limits.prefill_tokens_max >= 1);
  CHECK(limits.batch_max <= static_cast<std::int64_t>(costs.decode_time.size()));
}

void Replica::Submit(const Request& request) {
  CHECK(request.prompt_tokens >= 1 && request.output_tokens >= 1);
  const Seconds visible = std::max(request.arrival, now_);
  const auto behind = [](Seconds at, const Progress& other) {
    return at < other.visible;
  };
  const auto place = queue_.empty() || !behind(visible, queue_.back())
                         ? queue_.end()
                         : std::upper_bound(queue_.begin(), queue_.end(), visible, behind);
  queue_.insert(place, {request, visible, 0, Seconds(0)});
}

void Replica::AdvanceTo(Seconds until, const Completed& completed) {
  CHECK(until >= now_);
  while (clock_ < until && under_way_to_ <= until && Step(until, completed)) {
  }
  now_ = until;
}

void Replica::SetCosts(const ServingCosts& costs) {
  CHECK(limits_.batch_max <= static_cast<std::int64_t>(costs.decode_time.size()));
  next_costs_ = costs;
  next_costs_from_ = now_;
}

std::vector<Request> Replica::TakeAll() {
  std::vector<Request> all;
  for (const auto& [admission, sequence] : active_) {
    all.push_back(sequence.progress.request);
  }
  for (const Progress& progress : queue_) {
    all.push_back(progress.request);
  }
  std::stable_sort(all.begin(), all.end(), [](const Request& a, const Request& b) {
    return a.arrival < b.arrival;
  });
  // An idle replica's clock is at `now`.
  work_.busy += now_ - clock_;
  active_.clear();
  finishing_.clear();
  queue_.clear();
  cached_ = 0;
  clock_ = under_way_to_ = now_;
  return all;
}

ReplicaWork Replica::TakeWork() {
  AddToWork();
  return std::exchange(work_, ReplicaWork());
}

std::int64_t Replica::waiting() const {
  const auto come =
      std::upper_bound(queue_.begin(), queue_.end(), now_, [](Seconds at, const Progress& other) {
        return at < other.visible;
      });
  return come - queue_.begin();
}

// Does what begins at the clock, if it ends by `until`; else notes when it will. False when nothing
// more ends by then.
bool Replica::Step(Seconds until, const Completed& completed) {
  if (next_costs_ && clock_ >= next_costs_from_) {
    AddToWork();
    costs_ = *std::exchange(next_costs_, std::nullopt);
  }
  while (FirstHasCome() && !CanEverFit(queue_.front())) {
    Refuse(completed);
  }
  if (const Admission admission = NextAdmission(); admission.requests > 0) {
    under_way_to_ = clock_ + costs_.PrefillTime(admission.tokens, admission.pairs);
    if (under_way_to_ > until) {
      return false;
    }
    Prefill(admission, completed);
    return true;
  }
  EvictUntilOneIterationFits();
  if (FirstHasCome() && !CanEverFit(queue_.front())) {
    return true;  // one that was evicted makes room for others
  }
  if (active_.empty()) {
    clock_ = queue_.empty() ? until : std::min(until, queue_.front().visible);
    return true;
  }
  const std::int64_t event = IterationsUntilEvent();
  std::int64_t n = IterationsReaching(until, event);
  if (clock_ + TimeOf(n) > until) {
    under_way_to_ = n == 1 ? clock_ + TimeOf(1) : clock_;
    --n;
  }
  if (n == 0) {
    return false;
  }
  Decode(n, completed);
  return true;
}

void Replica::Refuse(const Completed& completed) {
  const Request& request = queue_.front().request;
  completed({request.group, request.prompt_tokens, request.output_tokens, request.arrival,
             queue_.front().first_token, clock_, /*refused=*/true});
  queue_.pop_front();
}

bool Replica::CanEverFit(const Progress& progress) const {
  return progress.request.prompt_tokens + progress.request.output_tokens <= costs_.cache_tokens;
}

bool Replica::FirstHasCome() const {
  return !queue_.empty() && queue_.front().visible <= clock_;
}

Replica::Admission Replica::NextAdmission() const {
  Admission admission;
  for (const Progress& first : queue_) {
    const std::int64_t tokens = first.request.prompt_tokens + first.decoded;
    const std::int64_t together = batch() + admission.requests + 1;
    const bool fits =
        together <= limits_.batch_max &&
        cached_ + admission.tokens + tokens + together <= costs_.cache_tokens &&
        first.request.prompt_tokens + first.request.output_tokens <= costs_.cache_tokens &&
        (admission.requests == 0 || admission.tokens + tokens <= limits_.prefill_tokens_max);
    if (first.visible > clock_ || !fits) {
      break;
    }
    ++admission.requests;
    admission.tokens += tokens;
    admission.pairs += PairsOf(tokens);
  }
  return admission;
}

void Replica::Prefill(const Admission& admission, const Completed& completed) {
  work_.busy += under_way_to_ - clock_;
  work_.prompt_tokens += admission.tokens;
  work_.output_tokens += admission.requests;
  pass_bytes_ += costs_.PassBytes(admission.tokens).si();
  tokens_ += static_cast<double>(admission.tokens);
  outputs_ += static_cast<double>(admission.requests);
  pairs_ += admission.pairs;
  clock_ = under_way_to_;
  for (std::int64_t i = 0; i < admission.requests; ++i) {
    Progress progress = queue_.front();
    queue_.pop_front();
    cached_ += progress.request.prompt_tokens + progress.decoded;
    if (progress.decoded == 0) {
      progress.first_token = clock_;
    }
    ++progress.decoded;
    const std::int64_t last = iteration_ + progress.request.output_tokens - progress.decoded;
    finishing_.emplace(last, admissions_);
    active_.emplace_hint(active_.end(), admissions_, Sequence{progress, iteration_});
    ++admissions_;
  }
  CompleteFinished(completed);
}

void Replica::EvictUntilOneIterationFits() {
  while (!active_.empty() && cached_ + batch() > costs_.cache_tokens) {
    const auto latest = std::prev(active_.end());
    Progress progress = latest->second.progress;
    const std::int64_t last =
        latest->second.admitted_at + progress.request.output_tokens - progress.decoded;
    progress.decoded += iteration_ - latest->second.admitted_at;
    cached_ -= progress.request.prompt_tokens + progress.decoded - 1;
    finishing_.erase({last, latest->first});
    active_.erase(latest);
    queue_.push_front(progress);
    ++work_.evictions;
  }
}

// The sum of an arithmetic series: each iteration finds `batch` tokens more in the cache.
Seconds Replica::TimeOf(std::int64_t iterations) const {
  const double n = static_cast<double>(iterations);
  const double b = static_cast<double>(batch());
  const double reads = n * static_cast<double>(cached_) + b * (0.5 * n * (n - 1));
  return costs_.DecodeTime(batch()) * n + costs_.PerCachedToken(batch()) * reads;
}

// The positive n of TimeOf(n) = time, as if iterations could be divided.
double Replica::IterationsIn(Seconds time) const {
  const double b = static_cast<double>(batch());
  const double c = costs_.PerCachedToken(batch()).si();
  const double square = 0.5 * c * b;
  const double linear =
      costs_.DecodeTime(batch()).si() + c * (static_cast<double>(cached_) - 0.5 * b);
  return 2 * time.si() / (linear + std::sqrt(linear * linear + 4 * square * time.si()));
}

// The fewest iterations, from 1, that end at or after `time`; `at_most` when there are not as many.
std::int64_t Replica::IterationsReaching(Seconds time, std::int64_t at_most) const {
  if (clock_ + TimeOf(at_most) < time) {
    return at_most;
  }
  const double n = std::ceil(IterationsIn(time - clock_));
  std::int64_t iterations =
      static_cast<std::int64_t>(std::clamp(n, 1.0, static_cast<double>(at_most)));
  // Rounding may be off by one.
  while (iterations > 1 && clock_ + TimeOf(iterations - 1) >= time) {
    --iterations;
  }
  while (iterations < at_most && clock_ + TimeOf(iterations) < time) {
    ++iterations;
  }
  return iterations;
}

std::int64_t Replica::IterationsUntilEvent() const {
  std::int64_t n =
      std::min(finishing_.begin()->first - iteration_, (costs_.cache_tokens - cached_) / batch());
  // Who waits already does not fit before something completes; who is yet to come might, or is
  // refused.
  if (!queue_.empty() && !FirstHasCome()) {
    n = IterationsReaching(queue_.front().visible, n);
  }
  if (next_costs_) {
    n = IterationsReaching(next_costs_from_, n);
  }
  return n;
}

void Replica::Decode(std::int64_t iterations, const Completed& completed) {
  const Seconds time = TimeOf(iterations);
  const double n = static_cast<double>(iterations);
  const double b = static_cast<double>(batch());
  work_.busy += time;
  work_.output_tokens += iterations * batch();
  pass_bytes_ += n * costs_.PassBytes(batch()).si();
  tokens_ += n * b;
  outputs_ += n * b;
  cached_reads_ += n * static_cast<double>(cached_) + b * (0.5 * n * (n - 1));
  clock_ += time;
  iteration_ += iterations;
  cached_ += iterations * batch();
  CompleteFinished(completed);
}

void Replica::CompleteFinished(const Completed& completed) {
  while (!finishing_.empty() && finishing_.begin()->first == iteration_) {
    const auto sequence = active_.find(finishing_.begin()->second);
    const Progress& progress = sequence->second.progress;
    const Request& request = progress.request;
    cached_ -= request.prompt_tokens + request.output_tokens - 1;
    completed({request.group, request.prompt_tokens, request.output_tokens, request.arrival,
               progress.first_token, clock_, /*refused=*/false});
    active_.erase(sequence);
    finishing_.erase(finishing_.begin());
  }
}

void Replica::AddToWork() {
  ServingWork sum = costs_.per_token * tokens_;
  sum.hbm += Bytes(pass_bytes_);
  sum += costs_.per_output * outputs_;
  sum += costs_.per_cached_read * cached_reads_;
  sum += costs_.per_pair * pairs_;
  work_.flop += sum.flop;
  work_.arithmetic += sum.arithmetic;
  work_.hbm += sum.hbm;
  work_.links += sum.links;
  pass_bytes_ = tokens_ = outputs_ = cached_reads_ = pairs_ = 0;
}

}  // namespace gridlock
