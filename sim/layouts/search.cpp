#include "sim/layouts/search.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <limits>
#include <map>
#include <tuple>
#include <type_traits>
#include <utility>

#include <fmt/format.h>
#include <unistd.h>

#include "sim/base/check.h"
#include "sim/layouts/bound.h"
#include "sim/layouts/score.h"
#include "sim/process/pool.h"
#include "workloads/memory.h"

namespace gridlock {

namespace {

using Clock = std::chrono::steady_clock;

double Since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

// Plain values between a child and its parent, which are the same program.
template <typename T>
void Append(const std::vector<T>& values, std::string& bytes) {
  static_assert(std::is_trivially_copyable_v<T>);
  const std::size_t at = bytes.size();
  bytes.resize(at + values.size() * sizeof(T));
  if (!values.empty()) {
    std::memcpy(bytes.data() + at, values.data(), values.size() * sizeof(T));
  }
}

template <typename T>
std::vector<T> Values(const std::string& bytes, std::size_t from) {
  CHECK(from <= bytes.size() && (bytes.size() - from) % sizeof(T) == 0);
  std::vector<T> values((bytes.size() - from) / sizeof(T));
  if (!values.empty()) {
    std::memcpy(values.data(), bytes.data() + from, values.size() * sizeof(T));
  }
  return values;
}

int Cores() {
  return static_cast<int>(std::max(1L, sysconf(_SC_NPROCESSORS_ONLN)));
}

// What a child finds in some parts of the space.
struct Found {
  RefusedCounts refused{};
  std::vector<ScoredLayout> fitting;

  [[nodiscard]] std::string Bytes() const {
    std::string bytes;
    Append(std::vector<std::int64_t>(refused.begin(), refused.end()), bytes);
    Append(fitting, bytes);
    return bytes;
  }
};

// Sizes of stages, by what they depend on.
class KnownSizes {
 public:
  const std::vector<StageSizes>& Of(const LayoutChoice& c, const TrainingSpec& job) {
    const auto [entry, fresh] =
        known_.try_emplace({c.tensor, c.context, c.pipeline, c.virtual_pipeline, c.expert,
                            c.expert_tensor, c.embedding_as_layer, c.uneven_layers, c.base,
                            IsVee(static_cast<Schedule>(c.schedule)) ? 1 : 0});
    if (fresh) {
      entry->second = SizesOfDistinctStages(job);
    }
    return entry->second;
  }

 private:
  std::map<std::array<std::int32_t, 10>, std::vector<StageSizes>> known_;
};

Found Check(const LayoutSpace& space, const std::vector<SpacePart>& parts) {
  Found found;
  StepBound bound(space.server);
  KnownSizes sizes;
  const gridlock::Bytes room = RoomOf(space);
  // Of two rank orders, one after the other, HBM is the same.
  LayoutChoice last;
  last.tensor = 0;  // none yet
  bool fits = false;
  for (const SpacePart& part : parts) {
    ForEachLayout(space, part, found.refused,
                  [&](const LayoutChoice& choice, const TrainingSpec& job) {
                    LayoutChoice same = choice;
                    same.rank_order = 0;
                    if (same != last) {
                      fits = FitsIn(job, sizes.Of(choice, job), room);
                      last = same;
                    }
                    if (fits) {
                      found.fitting.push_back({choice, bound.Of(job), -1});
                    } else {
                      ++found.refused[static_cast<std::size_t>(Refused::kMemory)];
                    }
                  });
  }
  return found;
}

// Deals parts out, so that neighbours, which take about as long, go to different children.
std::vector<std::vector<SpacePart>> Dealt(const std::vector<SpacePart>& parts, int hands) {
  std::vector<std::vector<SpacePart>> dealt(
      std::min(static_cast<std::size_t>(hands), std::max<std::size_t>(parts.size(), 1)));
  for (std::size_t i = 0; i < parts.size(); ++i) {
    dealt[i % dealt.size()].push_back(parts[i]);
  }
  return dealt;
}

// Layouts that share a plan have equal keys.
auto SplitKey(const LayoutChoice& c) {
  return std::make_tuple(c.tensor, c.context, c.pipeline, c.data, c.expert, c.expert_tensor,
                         c.rank_order, c.virtual_pipeline > 1, c.shard_group, c.schedule,
                         c.domain_ranks);
}

class Search {
 public:
  Search(const LayoutSpace& space, const SiteSpec& site, const SearchOptions& options)
      : space_(space),
        site_(site),
        options_(options),
        parallel_(options.parallel > 0 ? options.parallel : Cores()) {}

  SearchResult Run() && {
    const Clock::time_point begin = Clock::now();
    CheckAll();
    result_.counts.checking_s = Since(begin);
    const Clock::time_point checked = Clock::now();
    EvaluateInOrder();
    result_.counts.evaluating_s = Since(checked);
    return std::move(result_);
  }

 private:
  void Say(const std::string& what, double fraction) const {
    if (options_.progress) {
      options_.progress(what, fraction);
    }
  }

  [[nodiscard]] PoolOptions Pool(std::function<void(std::size_t, double)> progress) const {
    PoolOptions pool;
    pool.parallel = parallel_;
    pool.progress = std::move(progress);
    return pool;
  }

  void CheckAll() {
    SearchCounts& counts = result_.counts;
    const std::vector<std::vector<SpacePart>> dealt =
        Dealt(PartsOf(space_, counts.refused), 8 * parallel_);
    RunTasks(
        dealt.size(),
        [&](std::size_t i) {
          return Task([this, &dealt, i](const auto& /*progress*/) {
            return Check(space_, dealt[i]).Bytes();
          });
        },
        [&](std::size_t /*i*/, TaskResult result) {
          const std::string bytes = std::move(result).Take();
          constexpr std::size_t kHead = kRefusals * sizeof(std::int64_t);
          const auto refused = Values<std::int64_t>(bytes.substr(0, kHead), 0);
          for (int r = 0; r < kRefusals; ++r) {
            counts.refused[r] += refused[r];
          }
          counts.checked += refused[static_cast<int>(Refused::kMemory)];
          const auto fitting = Values<ScoredLayout>(bytes, kHead);
          waiting_.insert(waiting_.end(), fitting.begin(), fitting.end());
        },
        Pool([&](std::size_t /*done*/, double fraction) {
          Say("checking the memory of all layouts", fraction);
        }));
    counts.fitting = static_cast<std::int64_t>(waiting_.size());
    counts.checked += counts.fitting;
    std::sort(waiting_.begin(), waiting_.end(), [](const ScoredLayout& a, const ScoredLayout& b) {
      return a.bound != b.bound ? a.bound < b.bound : a.choice < b.choice;
    });
  }

  // The time that a layout must beat to be of use.
  [[nodiscard]] double ToBeat(const LayoutChoice& choice) const {
    const std::vector<ScoredLayout>& best = result_.best;
    double beat = options_.most_s > 0 ? options_.most_s : std::numeric_limits<double>::infinity();
    if (static_cast<int>(best.size()) >= options_.top) {
      beat = std::min(beat, best.back().analytic);
    }
    for (const ScoredLayout& one : best) {
      if (!options_.variants && one.choice.SplitsAs(choice)) {
        beat = std::min(beat, one.analytic);
      }
    }
    return beat;
  }

  void EvaluateInOrder() {
    std::size_t next = 0;
    std::size_t batch = static_cast<std::size_t>(parallel_) * 4;
    while (next < waiting_.size()) {
      std::vector<ScoredLayout> tried;
      for (; next < waiting_.size() && tried.size() < batch; ++next) {
        const ScoredLayout& layout = waiting_[next];
        if (!options_.prune || layout.bound <= ToBeat(layout.choice)) {
          tried.push_back(layout);
        } else if (static_cast<int>(result_.best.size()) >= options_.top &&
                   layout.bound > result_.best.back().analytic) {
          next = waiting_.size();
        }
      }
      Evaluate(tried);
      batch = std::min<std::size_t>(2 * batch, static_cast<std::size_t>(parallel_) * 64);
      const double last = waiting_.empty() ? 0 : waiting_.back().bound;
      const double reached = next < waiting_.size() ? waiting_[next].bound : last;
      const double until = static_cast<int>(result_.best.size()) >= options_.top
                               ? result_.best.back().analytic
                               : last;
      Say(fmt::format("{} layouts evaluated", result_.counts.evaluated),
          until > 0 ? std::min(1.0, reached / until) : 1.0);
    }
  }

  // In children, those of one plan one after another.
  void Evaluate(std::vector<ScoredLayout> tried) {
    std::sort(tried.begin(), tried.end(), [](const ScoredLayout& a, const ScoredLayout& b) {
      return std::make_pair(a.choice, a.bound) < std::make_pair(b.choice, b.bound);
    });
    std::stable_sort(tried.begin(), tried.end(), [](const ScoredLayout& a, const ScoredLayout& b) {
      return SplitKey(a.choice) < SplitKey(b.choice);
    });
    const std::size_t hands = std::min(tried.size(), static_cast<std::size_t>(parallel_) * 2);
    const auto begin_of = [&](std::size_t hand) {
      return tried.size() * hand / hands;
    };
    RunTasks(
        hands,
        [&](std::size_t hand) {
          return Task([this, &tried, begin_of, hand](const auto& /*progress*/) {
            return TimesOf({tried.begin() + static_cast<std::ptrdiff_t>(begin_of(hand)),
                            tried.begin() + static_cast<std::ptrdiff_t>(begin_of(hand + 1))});
          });
        },
        [&](std::size_t hand, TaskResult result) {
          const auto times = Values<double>(std::move(result).Take(), 0);
          for (std::size_t i = 0; i < times.size(); ++i) {
            tried[begin_of(hand) + i].analytic = times[i];
          }
        },
        Pool({}));
    result_.counts.evaluated += static_cast<std::int64_t>(tried.size());
    for (const ScoredLayout& layout : tried) {
      Keep(layout);
    }
    if (options_.improved && !tried.empty()) {
      options_.improved(result_.best);
    }
  }

  [[nodiscard]] std::string TimesOf(const std::vector<ScoredLayout>& layouts) const {
    Scorer scorer(site_);
    TrainingSpec job = space_.job;
    std::vector<double> times;
    for (const ScoredLayout& layout : layouts) {
      Apply(layout.choice, job);
      times.push_back(scorer.StepTime(job).si());
    }
    std::string bytes;
    Append(times, bytes);
    return bytes;
  }

  void Keep(const ScoredLayout& layout) {
    std::vector<ScoredLayout>& best = result_.best;
    if (options_.most_s > 0 && layout.analytic > options_.most_s) {
      return;
    }
    const auto same = std::find_if(best.begin(), best.end(), [&](const ScoredLayout& one) {
      return !options_.variants && one.choice.SplitsAs(layout.choice);
    });
    if (same != best.end()) {
      if (!layout.Before(*same)) {
        return;
      }
      best.erase(same);
    }
    best.insert(std::upper_bound(best.begin(), best.end(), layout,
                                 [](const ScoredLayout& a, const ScoredLayout& b) {
                                   return a.Before(b);
                                 }),
                layout);
    if (static_cast<int>(best.size()) > options_.top) {
      best.pop_back();
    }
  }

  const LayoutSpace& space_;
  const SiteSpec& site_;
  const SearchOptions& options_;
  int parallel_;
  std::vector<ScoredLayout> waiting_;
  SearchResult result_;
};

}  // namespace

SearchResult SearchLayouts(const LayoutSpace& space, const SiteSpec& site,
                           const SearchOptions& options) {
  return Search(space, site, options).Run();
}

}  // namespace gridlock
