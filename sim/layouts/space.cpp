#include "sim/layouts/space.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "sim/base/numbers.h"
#include "workloads/adapters.h"
#include "workloads/memory.h"
#include "workloads/schedule.h"

namespace gridlock {

namespace {

struct Reason {
  const char* name;
  const char* words;
};

constexpr Reason kReasons[kRefusals] = {
    {"tensor", "tensor ranks do not divide heads, widths, the sequence or the scale-up domain"},
    {"context", "context ranks do not share the sequence"},
    {"layers", "stages and chunks do not share the layers"},
    {"batch", "replicas and micro-batches do not share the batch"},
    {"rounds", "interleaving takes micro-batches in rounds of the stages"},
    {"experts", "ranks do not share the experts"},
    {"memory", "HBM overflows"},
};

// Fewer tokens than this in each of the two halves of a context-parallel rank fill no tile of an
// attention kernel (FlashAttention-2 works on blocks of 128 queries, Dao 2023, arXiv:2307.08691).
constexpr std::int64_t kContextTokensLeast = 128;

std::vector<std::int64_t> DivisorsOf(std::int64_t number, std::int64_t most) {
  std::vector<std::int64_t> divisors;
  for (std::int64_t d = 1; d <= std::min(number, most); ++d) {
    if (number % d == 0) {
      divisors.push_back(d);
    }
  }
  return divisors;
}

bool TensorDivides(const LayoutSpace& space, std::int64_t tensor, std::int32_t domain_ranks) {
  const ModelSpec& model = space.job.model;
  const std::int64_t domain = domain_ranks > 0 ? domain_ranks : space.server.accelerators;
  return model.heads % tensor == 0 && model.ffn % tensor == 0 &&
         (model.kv_heads % tensor == 0 || tensor % model.kv_heads == 0) &&
         (tensor == 1 || space.job.sequence_length % tensor == 0) &&
         (domain % tensor == 0 || (domain_ranks == 0 && tensor % domain == 0));
}

bool ContextDivides(const LayoutSpace& space, std::int64_t tensor, std::int64_t context) {
  if (space.job.layout.context_exchange == ContextExchange::kAllToAll &&
      space.job.model.heads % (tensor * context) != 0) {
    return false;
  }
  return context == 1 || (space.job.sequence_length % (2 * context) == 0 &&
                          space.job.sequence_length / (2 * context) >= kContextTokensLeast);
}

// The sizes that can be fixed, by name.
struct NamedSize {
  const char* name;
  std::int64_t (*of)(const LayoutChoice& choice);
};

constexpr NamedSize kSizes[] = {
    {"tensor",
     [](const LayoutChoice& c) {
       return std::int64_t{c.tensor};
     }},
    {"context",
     [](const LayoutChoice& c) {
       return std::int64_t{c.context};
     }},
    {"pipeline",
     [](const LayoutChoice& c) {
       return std::int64_t{c.pipeline};
     }},
    {"virtual_pipeline",
     [](const LayoutChoice& c) {
       return std::int64_t{c.virtual_pipeline};
     }},
    {"data",
     [](const LayoutChoice& c) {
       return std::int64_t{c.data};
     }},
    {"expert",
     [](const LayoutChoice& c) {
       return std::int64_t{c.expert};
     }},
    {"expert_tensor",
     [](const LayoutChoice& c) {
       return std::int64_t{c.expert_tensor};
     }},
    {"micro_batch",
     [](const LayoutChoice& c) {
       return c.micro_batch;
     }},
    {"zero",
     [](const LayoutChoice& c) {
       return std::int64_t{c.zero};
     }},
    {"recompute",
     [](const LayoutChoice& c) {
       return std::int64_t{c.recompute};
     }},
    {"shard_group",
     [](const LayoutChoice& c) {
       return std::int64_t{c.shard_group};
     }},
};

bool HasFixed(const LayoutSpace& space, const LayoutChoice& choice) {
  return std::all_of(space.fixed.begin(), space.fixed.end(), [&](const FixedSize& fixed) {
    const auto* const size = std::find_if(std::begin(kSizes), std::end(kSizes), [&](const auto& s) {
      return fixed.name == s.name;
    });
    return size->of(choice) == fixed.value;
  });
}

// Whether --fix lets a size have a value: loops leave out early what no layout may have.
bool Allows(const LayoutSpace& space, const char* name, std::int64_t value) {
  return std::all_of(space.fixed.begin(), space.fixed.end(), [&](const FixedSize& fixed) {
    return fixed.name != name || fixed.value == value;
  });
}

// The walk over the sizes of one part, from the outside in: pipeline, chunks, micro-batch, experts,
// and then what divides nothing.
class Walk {
 public:
  Walk(const LayoutSpace& space, const SpacePart& part, RefusedCounts& refused,
       const std::function<void(const LayoutChoice&, const TrainingSpec&)>& visit)
      : space_(space), job_(space.job), refused_(refused), visit_(visit) {
    choice_.tensor = part.tensor;
    choice_.context = part.context;
    const bool heads = space.job.layout.context_exchange == ContextExchange::kAllToAll;
    choice_.exchanges_heads = heads && part.context > 1 ? 1 : 0;
    choice_.domain_ranks = job_.layout.domain_ranks = part.domain_ranks;
    choice_.rank_order = static_cast<std::int32_t>(space.job.layout.rank_order);
  }

  void Run() {
    const Schedule own = space_.job.layout.schedule;
    WithSchedule(own);
    if (space_.zero_bubble && own != Schedule::kZeroBubble) {
      WithSchedule(Schedule::kZeroBubble);
    }
  }

 private:
  void WithSchedule(Schedule schedule) {
    job_.layout.schedule = schedule;
    choice_.schedule = static_cast<std::int32_t>(schedule);
    const std::int64_t rest =
        space_.accelerators / (std::int64_t{choice_.tensor} * choice_.context);
    for (const std::int64_t pipeline : DivisorsOf(rest, job_.model.depth() + 2)) {
      if (pipeline == 1 && schedule != space_.job.layout.schedule) {
        continue;  // all schedules are the same
      }
      if (!Allows(space_, "pipeline", pipeline) || !Allows(space_, "data", rest / pipeline)) {
        continue;
      }
      if (pipeline > 1 && space_.job.stack.without_pipeline && !FixesPipeline()) {
        continue;
      }
      choice_.pipeline = static_cast<std::int32_t>(pipeline);
      choice_.data = static_cast<std::int32_t>(rest / pipeline);
      if (pipeline == 1) {
        choice_.schedule = static_cast<std::int32_t>(Schedule::kOneForwardOneBackward);
      } else {
        choice_.schedule = static_cast<std::int32_t>(schedule);
      }
      const int most = pipeline > 1 ? (job_.model.depth() + 2) / choice_.pipeline : 1;
      for (choice_.virtual_pipeline = 1; choice_.virtual_pipeline <= std::max(most, 1);
           ++choice_.virtual_pipeline) {
        const bool two = !IsVee(schedule) || pipeline == 1 || choice_.virtual_pipeline == 2;
        if (two && Allows(space_, "virtual_pipeline", choice_.virtual_pipeline)) {
          Chunks();
        }
      }
    }
  }

  // Whoever asks for a pipeline gets one, whatever the stack is known for.
  [[nodiscard]] bool FixesPipeline() const {
    return std::any_of(space_.fixed.begin(), space_.fixed.end(), [](const FixedSize& fixed) {
      return fixed.name == "pipeline";
    });
  }

  [[nodiscard]] std::int64_t Round() const {
    Layout layout;
    layout.pipeline = choice_.pipeline;
    layout.virtual_pipeline = choice_.virtual_pipeline;
    layout.schedule = static_cast<Schedule>(choice_.schedule);
    return ScheduleRound(layout);
  }

  void Refuse(Refused reason) { ++refused_[static_cast<std::size_t>(reason)]; }

  // Layers are shared evenly, else with the embedding and the head as a layer each, else unevenly.
  void Chunks() {
    const int layers = job_.model.depth();
    const int chunks = choice_.pipeline * choice_.virtual_pipeline;
    const bool even = layers % chunks == 0;
    const bool as_layer = !even && (layers + 2) % chunks == 0;
    choice_.embedding_as_layer = as_layer ? 1 : 0;
    choice_.uneven_layers = even || as_layer ? 0 : 1;
    if (choice_.uneven_layers != 0 && (choice_.virtual_pipeline > 1 || layers < chunks)) {
      return Refuse(Refused::kLayers);
    }
    if (job_.global_batch % choice_.data != 0) {
      return Refuse(Refused::kBatch);
    }
    const std::int64_t sequences = job_.global_batch / choice_.data;
    for (const std::int64_t micro : DivisorsOf(sequences, space_.micro_batch_most)) {
      if (!Allows(space_, "micro_batch", micro)) {
        continue;
      }
      choice_.micro_batch = micro;
      if (sequences / micro % Round() != 0) {
        Refuse(Refused::kRounds);
        continue;
      }
      Experts();
    }
  }

  void Experts() {
    const MixtureSpec& mixture = job_.model.mixture;
    choice_.expert = 1;
    choice_.expert_tensor = 0;
    if (mixture.experts == 0) {
      return Rest();
    }
    const std::int64_t ranks = std::int64_t{choice_.data} * choice_.context * choice_.tensor;
    for (const std::int64_t width : {std::int64_t{1}, std::int64_t{choice_.tensor}}) {
      choice_.expert_tensor = static_cast<std::int32_t>(width);
      for (const std::int64_t experts : DivisorsOf(mixture.experts, mixture.experts)) {
        if (mixture.expert_ffn % width != 0 || ranks / width % experts != 0) {
          Refuse(Refused::kExperts);
          continue;
        }
        choice_.expert = static_cast<std::int32_t>(experts);
        Rest();
      }
      if (choice_.tensor == 1) {
        break;
      }
    }
  }

  void Rest() {
    if (space_.bases.empty()) {
      return WithBase();
    }
    for (const std::int32_t base : space_.bases) {
      choice_.base = base;
      WithBase();
    }
  }

  void WithBase() {
    // Where nothing is replicated there is nothing to shard.
    const bool shards = choice_.data * choice_.context > 1;
    const int first = shards ? 0 : 1;
    // A stage that keeps its parameters whole shards no more than its states.
    const bool whole = choice_.pipeline > 1 && job_.stack.keeps_whole_stages;
    const int last = !shards || whole ? 1 : 3;
    // Both orders are the same without replicas, and without stages.
    const bool ordered = choice_.pipeline > 1 && choice_.data > 1;
    for (int offload = 0; offload <= (space_.offload ? 1 : 0); ++offload) {
      choice_.offload = offload;
      for (choice_.recompute = 0; choice_.recompute <= 2; ++choice_.recompute) {
        for (choice_.zero = first; choice_.zero <= last; ++choice_.zero) {
          for (int order = 0; order <= (ordered ? 1 : 0); ++order) {
            choice_.rank_order = order;
            choice_.shard_group = 0;
            Visit();
            choice_.shard_group = GroupInDomain();
            if (choice_.shard_group > 0) {
              Visit();
            }
          }
        }
      }
    }
  }

  void Visit() {
    if (HasFixed(space_, choice_)) {
      Apply(choice_, job_);
      visit_(choice_, job_);
    }
  }

  // Replicas that share a sharded copy inside a scale-up domain, as many as there are; 0: none are
  // tried.
  [[nodiscard]] std::int32_t GroupInDomain() const {
    const bool neighbours =
        choice_.pipeline == 1 ||
        choice_.rank_order == static_cast<std::int32_t>(RankOrder::kTensorDataPipeline);
    if (!space_.shard_groups || choice_.zero == 0 || !neighbours) {
      return 0;
    }
    const int group = choice_.tensor * choice_.context;
    const int experts = choice_.expert * std::max(1, choice_.expert_tensor);
    const int most = job_.layout.used_of(space_.server.domain()) / group;
    std::int32_t best = 0;
    for (std::int32_t replicas = 1; replicas <= std::min(most, choice_.data - 1); ++replicas) {
      const bool shares = choice_.data % replicas == 0 && replicas * choice_.context > 1;
      best = shares && replicas * group % experts == 0 ? replicas : best;
    }
    return best;
  }

  const LayoutSpace& space_;
  TrainingSpec job_;
  RefusedCounts& refused_;
  const std::function<void(const LayoutChoice&, const TrainingSpec&)>& visit_;
  LayoutChoice choice_;
};

}  // namespace

const char* RefusedInWords(Refused reason) {
  return kReasons[static_cast<int>(reason)].words;
}

const char* RefusedName(Refused reason) {
  return kReasons[static_cast<int>(reason)].name;
}

std::vector<FixedSize> ParseFixed(const std::string& text) {
  std::vector<std::string> names;
  for (const NamedSize& size : kSizes) {
    names.emplace_back(size.name);
  }
  std::vector<FixedSize> fixed;
  std::size_t at = 0;
  while (!text.empty() && at <= text.size()) {
    const std::size_t end = std::min(text.find(',', at), text.size());
    const std::string part = text.substr(at, end - at);
    const std::size_t sign = std::min(part.find('='), part.size());
    FixedSize one{part.substr(0, sign), -1};
    const std::string value = part.substr(std::min(sign + 1, part.size()));
    one.value = ParseWhole(value).value_or(-1);
    if (std::find(names.begin(), names.end(), one.name) == names.end()) {
      throw UserError("",
                      fmt::format("--fix knows no size {}{}; expected one of {}", Quoted(one.name),
                                  DidYouMean(one.name, names), fmt::join(names, ", ")));
    }
    if (one.value < 0) {
      throw UserError("", fmt::format("--fix has {}; expected a whole number, e.g. {}=1",
                                      Quoted(part), one.name));
    }
    fixed.push_back(std::move(one));
    at = end + 1;
  }
  return fixed;
}

std::vector<std::int32_t> ParseBases(const std::string& text) {
  const std::vector<std::string> names = FrozenFormatNames();
  std::vector<std::int32_t> bases;
  std::size_t at = 0;
  while (!text.empty() && at <= text.size()) {
    const std::size_t end = std::min(text.find(',', at), text.size());
    const std::string name = text.substr(at, end - at);
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) {
      throw UserError("",
                      fmt::format("--bases knows no format {}{}; expected one of {}", Quoted(name),
                                  DidYouMean(name, names), fmt::join(names, ", ")));
    }
    bases.push_back(static_cast<std::int32_t>(found - names.begin()) + 1);
    at = end + 1;
  }
  return bases;
}

Bytes RoomOf(const LayoutSpace& space) {
  return RoomForJob(space.server) * (1 - space.hbm_margin);
}

std::int32_t EvenPartOf(int domain, std::int64_t accelerators) {
  constexpr int kRack = 16;  // smaller domains are servers, which are used whole
  int part = 1;
  while (2 * part <= domain) {
    part *= 2;
  }
  const bool helps =
      domain > kRack && part < domain && accelerators % domain != 0 && accelerators % part == 0;
  return helps ? part : 0;
}

namespace {

// Tensor and context sizes where so many accelerators of each domain are used.
void AddParts(const LayoutSpace& space, std::int32_t domain_ranks, RefusedCounts& refused,
              std::vector<SpacePart>& parts) {
  for (const std::int64_t tensor : DivisorsOf(space.accelerators, space.job.model.heads)) {
    if (!Allows(space, "tensor", tensor)) {
      continue;
    }
    if (!TensorDivides(space, tensor, domain_ranks)) {
      ++refused[static_cast<std::size_t>(Refused::kTensor)];
      continue;
    }
    const std::int64_t most = space.job.sequence_length;
    for (const std::int64_t context : DivisorsOf(space.accelerators / tensor, most)) {
      if (!Allows(space, "context", context)) {
        continue;
      }
      if (ContextDivides(space, tensor, context)) {
        parts.push_back(
            {static_cast<std::int32_t>(tensor), static_cast<std::int32_t>(context), domain_ranks});
      } else {
        ++refused[static_cast<std::size_t>(Refused::kContext)];
      }
    }
  }
}

}  // namespace

std::vector<SpacePart> PartsOf(const LayoutSpace& space, RefusedCounts& refused) {
  std::vector<SpacePart> parts;
  AddParts(space, space.job.layout.domain_ranks, refused, parts);
  if (space.part_of_domain > 0) {
    AddParts(space, space.part_of_domain, refused, parts);
  }
  return parts;
}

void ForEachLayout(const LayoutSpace& space, const SpacePart& part, RefusedCounts& refused,
                   const std::function<void(const LayoutChoice&, const TrainingSpec&)>& visit) {
  CHECK(space.accelerators % (std::int64_t{part.tensor} * part.context) == 0);
  Walk(space, part, refused, visit).Run();
}

}  // namespace gridlock
