#include "sim/serving/load_source.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "sim/base/check.h"
#include "sim/base/random.h"

namespace gridlock {

namespace {

// Blocks of a conversation are told apart by its number and their place in it.
constexpr std::int64_t kBlocksOfOne = std::int64_t{1} << 32;

Random RandomOf(const ServeLoad& load, std::int64_t conversation, std::int64_t turn) {
  return {load.seed, "load/turn/" + std::to_string(conversation) + "/" + std::to_string(turn)};
}

// Turns with a given mean, each as likely to be the last as any other.
std::int64_t DrawTurns(double mean, Random& random) {
  if (mean <= 1) {
    return 1;
  }
  const double left = std::max(1e-300, 1 - random.Uniform());
  return 1 + static_cast<std::int64_t>(std::log(left) / std::log(1 - 1 / mean));
}

}  // namespace

LoadSource::LoadSource(const ServeLoad& load, double tokens_per_step)
    : load_(load),
      tokens_per_step_(tokens_per_step),
      openings_(RequestsOfLoad(load, tokens_per_step)) {
  CHECK(load.answers >= 1 && load.turns >= 1);
}

std::vector<BatchRequest> LoadSource::Begin() {
  const std::size_t in_flight = load_.kind == LoadKind::kConcurrency
                                    ? static_cast<std::size_t>(std::max(1.0, load_.value))
                                    : openings_.size();
  std::vector<BatchRequest> all;
  all.reserve(std::min(in_flight, openings_.size()));
  requests_.reserve(openings_.size());
  of_.reserve(openings_.size());
  while (opened_ < std::min(in_flight, openings_.size())) {
    Open(Seconds(0), all);
  }
  return all;
}

void LoadSource::HandOut(const BatchRequest& request, std::size_t conversation,
                         std::vector<BatchRequest>& into) {
  BatchRequest& kept = requests_.emplace_back(request);
  kept.id = static_cast<std::int64_t>(requests_.size()) - 1;
  of_.push_back(conversation);
  into.push_back(kept);
}

void LoadSource::Open(Seconds at, std::vector<BatchRequest>& into) {
  BatchRequest first = openings_[opened_++];
  first.arrival = std::max(first.arrival, at);
  if (plain()) {
    HandOut(first, 0, into);
    return;
  }
  Conversation& conversation = conversations_.emplace_back();
  conversation.number = first.id;
  conversation.adapter = first.adapter;
  Random random = RandomOf(load_, first.id, 0);
  conversation.turns = DrawTurns(load_.turns, random);
  Ask(conversations_.size() - 1, first, into);
}

// A turn: all of its answers are asked for at once.
void LoadSource::Ask(std::size_t index, const BatchRequest& first,
                     std::vector<BatchRequest>& into) {
  Conversation& conversation = conversations_[index];
  BatchRequest request = first;
  if (load_.prefixes.use) {
    const std::int64_t blocks = request.prompt_tokens / load_.prefixes.block;
    for (auto b = static_cast<std::int64_t>(conversation.blocks.size()); b < blocks; ++b) {
      conversation.blocks.push_back(conversation.number * kBlocksOfOne + b);
    }
    // Requests keep the blocks of their own turn: those of later ones are another list.
    request.blocks = &kept_.emplace_back(conversation.blocks);
  }
  conversation.open = load_.answers;
  conversation.context = request.prompt_tokens + request.output_tokens;
  HandOut(request, index, into);
  Random random = RandomOf(load_, conversation.number, -1 - conversation.turn);
  for (std::int64_t n = 1; n < load_.answers; ++n) {
    request.output_tokens = PassesOf(DrawTokens(load_.output, random), tokens_per_step_);
    HandOut(request, index, into);
  }
}

std::vector<BatchRequest> LoadSource::After(std::int64_t id, Seconds end) {
  std::vector<BatchRequest> all;
  if (!plain()) {
    const std::size_t index = of_[static_cast<std::size_t>(id)];
    Conversation& conversation = conversations_[index];
    if (--conversation.open > 0) {
      return all;
    }
    if (++conversation.turn < conversation.turns) {
      Random random = RandomOf(load_, conversation.number, conversation.turn);
      BatchRequest next;
      next.adapter = conversation.adapter;
      const double pause = load_.pause.si() > 0 ? random.Exponential(load_.pause.si()) : 0;
      next.arrival = end + Seconds(pause);
      next.prompt_tokens = conversation.context + DrawTokens(load_.prompt, random);
      next.output_tokens = PassesOf(DrawTokens(load_.output, random), tokens_per_step_);
      Ask(index, next, all);
      return all;
    }
  }
  if (load_.kind == LoadKind::kConcurrency && opened_ < openings_.size()) {
    Open(end, all);
  }
  return all;
}

}  // namespace gridlock
