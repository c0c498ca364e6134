#include "sim/serving/kv_network.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "sim/base/check.h"

namespace gridlock {

namespace {

// Ends that differ by less than this share of the time to them are one.
constexpr double kTogether = 1e-12;

}  // namespace

KvLinks LinksBetween(int leaving, double leaving_rate, int entering, double entering_rate) {
  KvLinks links;
  links.leaving.assign(static_cast<std::size_t>(leaving), leaving_rate);
  links.entering.assign(static_cast<std::size_t>(entering), entering_rate);
  return links;
}

KvNetwork::KvNetwork(const KvLinks& links) : links_(links) {
  for (const std::vector<double>* rates : {&links.leaving, &links.entering}) {
    for (const double rate : *rates) {
      CHECK(rate > 0);
    }
  }
  CHECK(links.other_demand <= 0 || links.core > 0);
  Share();
}

void KvNetwork::Start(Seconds now, std::int64_t id, std::size_t from, std::size_t to, Bytes bytes) {
  CHECK(from < links_.leaving.size() && to < links_.entering.size() && bytes > Bytes(0));
  CHECK(now >= now_);
  // What ends now, up to rounding, is handed out with the next call of AdvanceTo.
  ended_ = AdvanceTo(now);
  Flow& flow = flows_.emplace_back();
  flow.id = id;
  flow.from = from;
  flow.to = to;
  flow.left = bytes.si();
  Share();
}

void KvNetwork::SetCore(Seconds now, double rate) {
  CHECK(links_.other_demand <= 0 && rate >= 0);
  ended_ = AdvanceTo(now);
  links_.core = rate;
  Share();
}

void KvNetwork::Clear() {
  flows_.clear();
  ended_.clear();
}

Seconds KvNetwork::NextEnd() const {
  Seconds next = ended_.empty() ? Seconds(HUGE_VAL) : now_;
  for (const Flow& flow : flows_) {
    next = std::min(next, flow.latent ? flow.end : now_ + Seconds(flow.left / flow.rate));
  }
  return next;
}

std::vector<KvNetwork::Ended> KvNetwork::AdvanceTo(Seconds time) {
  std::vector<Ended> ended = std::move(ended_);
  ended_.clear();
  const double span = std::max(0.0, (time - now_).si());
  bool changed = false;
  busy_ += flows_.empty() ? Seconds(0) : Seconds(span);
  other_moved_ += other_rate_ * span;
  for (Flow& flow : flows_) {
    if (flow.latent) {
      continue;
    }
    const double bytes = std::min(flow.left, flow.rate * span);
    moved_ += bytes;
    flow.left -= bytes;
    if (flow.left <= flow.rate * kTogether * std::max(1.0, time.si())) {
      flow.latent = changed = true;
      flow.end = time + links_.latency;
    }
  }
  now_ = std::max(now_, time);
  for (const Flow& flow : flows_) {
    if (flow.latent && flow.end <= now_) {
      ended.push_back({flow.id, now_});
    }
  }
  std::erase_if(flows_, [this](const Flow& flow) {
    return flow.latent && flow.end <= now_;
  });
  std::sort(ended.begin(), ended.end(), [](const Ended& a, const Ended& b) {
    return a.id < b.id;
  });
  if (changed) {
    Share();
  }
  return ended;
}

double KvNetwork::OtherShare() const {
  const double wanted = links_.other_demand * now_.si();
  return wanted > 0 ? other_moved_ / wanted : 1;
}

// Progressive filling: the link with the least per flow fixes the rates of its flows, and so on.
void KvNetwork::Share() {
  const std::size_t out = links_.leaving.size(), in = links_.entering.size();
  std::vector<double> room(links_.leaving);
  room.insert(room.end(), links_.entering.begin(), links_.entering.end());
  room.push_back(links_.core > 0 ? links_.core : HUGE_VAL);
  std::vector<double> users(room.size(), 0.0);
  const std::size_t core = out + in;
  std::vector<Flow*> open;
  for (Flow& flow : flows_) {
    if (!flow.latent) {
      open.push_back(&flow);
      users[flow.from] += 1;
      users[out + flow.to] += 1;
      users[core] += 1;
    }
  }
  bool other = links_.other_demand > 0;
  users[core] += other ? 1 : 0;
  while (!open.empty() || other) {
    double least = other ? links_.other_demand : HUGE_VAL;
    std::size_t tight = room.size();
    for (std::size_t i = 0; i < room.size(); ++i) {
      if (users[i] > 0 && room[i] / users[i] < least) {
        least = room[i] / users[i];
        tight = i;
      }
    }
    const auto fix = [&](Flow* flow) {
      flow->rate = least;
      for (const std::size_t link : {flow->from, out + flow->to, core}) {
        room[link] = std::max(0.0, room[link] - least);
        users[link] -= 1;
      }
    };
    if (other && (tight == room.size() || tight == core)) {
      other_rate_ = least;
      room[core] = std::max(0.0, room[core] - least);
      users[core] -= 1;
      other = false;
    }
    std::erase_if(open, [&](Flow* flow) {
      const bool here = flow->from == tight || out + flow->to == tight || core == tight;
      if (here) {
        fix(flow);
      }
      return here;
    });
  }
}

}  // namespace gridlock
