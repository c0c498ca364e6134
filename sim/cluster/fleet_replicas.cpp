#include "sim/cluster/fleet_replicas.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "sim/base/check.h"
#include "workloads/requests.h"

namespace gridlock {

namespace {

// The highest arrival rate of a stretch is looked for at this many places.
constexpr int kLooks = 8;

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

double QuantileOf(const LatencyHistogram& latencies, double q) {
  return latencies.count() > 0 ? latencies.Quantile(q).si() : kNone;
}

// Links of a unit's pools: the NICs of their accelerators, or the scale-up links of a server that
// holds both.
KvLinks LinksOf(const ServingSpec& spec, const ServerSpec& server) {
  if (!spec.pools()) {
    return {};
  }
  const InferencePart part = InferencePartOf(server, spec.parts);
  const bool one_server = spec.unit_accelerators() <= server.accelerators;
  const double port = one_server ? part.link_bandwidth : part.nic_bandwidth;
  return LinksBetween(spec.prefill_replicas, port * spec.prefill_accelerators(),
                      spec.decode_replicas, port * spec.accelerators());
}

std::int64_t Scaled(std::int64_t count, double scale) {
  return std::llround(static_cast<double>(count) * scale);
}

}  // namespace

FleetReplicas::FleetReplicas(const ServingSpec& spec, const ServerSpec& server,
                             RequestSource requests, Seconds start)
    : spec_(&spec),
      costs_(std::make_unique<FleetCosts>(CostsOf(spec, server))),
      source_(std::move(requests)),
      scale_(static_cast<double>(spec.replicas) / spec.replicas_simulated),
      start_(start.si()),
      end_(spec.days_simulated > 0 ? start.si() + kSecondsPerDay * spec.days_simulated
                                   : std::numeric_limits<double>::infinity()),
      arrived_(spec.groups.size()),
      latency_(spec) {
  for (int i = 0; i < spec.replicas_simulated; ++i) {
    units_.emplace_back(spec, *costs_, LinksOf(spec, server));
  }
  has_upcoming_ = source_(upcoming_);
}

BytesPerSecond FleetReplicas::CachesWanted(Seconds at) const {
  // In steps of a tenth of the highest rate and at least one, so that a day has few situations.
  const double peak = spec_->arrivals.requests_per_second * (1 + spec_->arrivals.swing);
  const double tenths = std::ceil(RequestStream::RateAt(spec_->arrivals, at) / peak * 10 - 1e-9);
  const double rate = std::max(1.0, tenths) / 10 * peak;
  return BytesPerSecond(rate * CacheOfPrompt().si());
}

Bytes FleetReplicas::CacheOfPrompt() const {
  double tokens = 0;
  for (const RequestGroupSpec& group : spec_->groups) {
    tokens +=
        group.share * (MeanOf(group.prompt) + static_cast<double>(group.images.prompt_tokens()));
  }
  return costs_->decode.CacheBytesOf(std::llround(tokens));
}

std::int32_t FleetReplicas::Wanted(Seconds at, Seconds until) const {
  double rate = 0;
  for (int i = 0; i <= kLooks; ++i) {
    const Seconds look = at + (until - at) * (static_cast<double>(i) / kLooks);
    rate = std::max(rate, RequestStream::RateAt(spec_->arrivals, look));
  }
  const double peak = spec_->arrivals.requests_per_second * (1 + spec_->arrivals.swing);
  const double wanted = std::ceil(spec_->replicas * rate / peak - 1e-9);
  return std::clamp(static_cast<std::int32_t>(wanted), spec_->replicas_min, spec_->replicas);
}

// Of pools the replicas that decode hold as much on each accelerator, or more.
Seconds FleetReplicas::StartTime(const ServerSpec& server, BytesPerSecond storage,
                                 std::int64_t replicas) const {
  return StartTimeOf(spec_->start, InferencePartOf(server, spec_->parts),
                     costs_->decode.weight_bytes(), storage, replicas * spec_->unit_accelerators());
}

Bytes FleetReplicas::Weights(std::int64_t replicas) const {
  return costs_->decode.weight_bytes() * static_cast<double>(replicas * spec_->unit_accelerators());
}

BytesPerSecond FleetReplicas::Nics(const ServerSpec& server, std::int64_t replicas) const {
  return BytesPerSecond(InferencePartOf(server, spec_->parts).nic_bandwidth *
                        static_cast<double>(replicas * spec_->unit_accelerators()));
}

void FleetReplicas::SetPlaces(std::vector<std::int32_t> replicas) {
  if (replicas == places_) {
    return;
  }
  places_ = std::move(replicas);
  std::vector<std::size_t> sites;
  first_.clear();
  double count = 0;
  for (std::size_t s = 0; s < places_.size(); ++s) {
    first_.push_back(count);
    count += places_[s];
    if (places_[s] > 0) {
      sites.push_back(s);
    }
  }
  nearest_.assign(spec_->groups.size(), sites);
  for (std::size_t g = 0; g < nearest_.size(); ++g) {
    const std::vector<Seconds>& latency = spec_->groups[g].latency;
    std::stable_sort(nearest_[g].begin(), nearest_[g].end(), [&](std::size_t a, std::size_t b) {
      return !latency.empty() && latency[a] < latency[b];
    });
  }
}

void FleetReplicas::SetInService(std::int32_t replicas, bool in_order) {
  in_service_ = replicas;
  simulated_ = replicas / scale_;
  const auto routed = static_cast<std::size_t>(std::ceil(simulated_ - 1e-9));
  if (!in_order) {
    for (std::size_t i = routed; i < units_.size(); ++i) {
      const std::vector<Request> left = units_[i].TakeAll();
      homeless_.insert(homeless_.end(), left.begin(), left.end());
    }
  }
  if (replicas > 0) {
    for (const Request& request : std::exchange(homeless_, {})) {
      Route(request);
    }
  }
}

bool FleetReplicas::draining() const {
  const auto routed = static_cast<std::size_t>(std::ceil(simulated_ - 1e-9));
  for (std::size_t i = routed; i < units_.size(); ++i) {
    if (units_[i].requests() > 0) {
      return true;
    }
  }
  return false;
}

void FleetReplicas::SetCosts(const ServerSpec& server) {
  auto costs = std::make_unique<FleetCosts>(CostsOf(*spec_, server));
  for (ServingUnit& unit : units_) {
    unit.SetCosts(*costs);
  }
  costs_ = std::move(costs);
}

void FleetReplicas::SetCacheRate(BytesPerSecond rate) {
  for (ServingUnit& unit : units_) {
    unit.SetCacheRate(rate);
  }
}

// The simulated unit that stands for a replica of the fleet.
std::size_t FleetReplicas::UnitAt(double replica) const {
  const auto last = static_cast<std::size_t>(std::ceil(simulated_ - 1e-9)) - 1;
  return std::min(static_cast<std::size_t>(replica / scale_), last);
}

SiteIndex FleetReplicas::SiteOfReplica(double replica) const {
  std::int32_t up_to = 0;
  SiteIndex site{0};
  for (std::size_t s = 0; s < places_.size(); ++s) {
    up_to += places_[s];
    site = places_[s] > 0 ? IndexOf<SiteIndex>(s) : site;
    if (replica < up_to) {
      break;
    }
  }
  return site;
}

// One of the replicas of the nearest site, if it has room in its batch, else of the next; where
// none has, that of the nearest.
std::size_t FleetReplicas::Nearest(const Request& request, SiteIndex& site) const {
  const std::vector<std::size_t>& sites = nearest_[static_cast<std::size_t>(request.group)];
  const std::int64_t room = costs_->decode.batch_most() * spec_->decode_replicas;
  const auto unit = [&](std::size_t s) {
    return UnitAt(first_[s] + request.route * places_[s]);
  };
  for (const std::size_t s : sites) {
    if (units_[unit(s)].requests() < room) {
      site = IndexOf<SiteIndex>(s);
      return unit(s);
    }
  }
  site = IndexOf<SiteIndex>(sites.front());
  return unit(sites.front());
}

void FleetReplicas::Route(Request request) {
  std::size_t number = UnitAt(request.route * in_service_);
  if (!places_.empty()) {
    SiteIndex site = SiteOfReplica(request.route * in_service_);
    if (spec_->site_router == SiteRouter::kNearest) {
      number = Nearest(request, site);
    }
    const std::vector<Seconds>& latency =
        spec_->groups[static_cast<std::size_t>(request.group)].latency;
    request.network = latency.empty() ? Seconds(0) : latency[static_cast<std::size_t>(site)];
  }
  units_[number].Submit(request);
}

void FleetReplicas::AdvanceTo(Seconds until) {
  const bool over = now_ >= end_;
  now_ = until.si();
  if (over) {
    return;
  }
  const Seconds now(std::min(now_, end_));
  while (has_upcoming_ && upcoming_.arrival <= now) {
    ++requests_;
    ++arrived_[upcoming_.group];
    if (in_service_ > 0) {
      Route(upcoming_);
    } else {
      homeless_.push_back(upcoming_);
    }
    has_upcoming_ = source_(upcoming_);
  }
  const auto completed = [this](const CompletedRequest& request) {
    latency_.Add(request);
  };
  for (ServingUnit& unit : units_) {
    unit.AdvanceTo(now, completed);
  }
  if (now_ >= end_) {
    has_upcoming_ = false;
    homeless_.clear();
    for (ServingUnit& unit : units_) {
      (void)unit.TakeAll();
    }
  }
}

UnitWork FleetReplicas::TakeWork() {
  UnitWork sum = TakeSimulatedWork();
  const double from = std::exchange(taken_, now_);
  if (std::isfinite(end_)) {
    NoteDay(sum, from, std::min(now_, end_));
    AddRepeated(sum, std::max(from, end_), now_);
  }
  return sum;
}

// Of the last day that is simulated.
void FleetReplicas::NoteDay(const UnitWork& work, double from, double to) {
  if (to <= from || to <= end_ - kSecondsPerDay) {
    return;
  }
  constexpr double kPart = kSecondsPerDay / kDayParts;
  double at = std::max(from, end_ - kSecondsPerDay);
  while (at < to) {
    const double next = std::min(to, (std::floor(at / kPart + 1e-9) + 1) * kPart);
    const double share = (next - at) / (to - from);
    DayPart& part = day_[static_cast<std::size_t>(std::floor(at / kPart + 1e-9)) % kDayParts];
    part.busy += share * work.busy.si();
    part.prompt_tokens += share * static_cast<double>(work.prompt_tokens);
    part.output_tokens += share * static_cast<double>(work.output_tokens);
    part.flop += share * work.flop.si();
    part.arithmetic += share * work.arithmetic.si();
    part.hbm += share * work.hbm.si();
    part.links += share * work.links.si();
    at = next;
  }
}

void FleetReplicas::AddRepeated(UnitWork& sum, double from, double to) const {
  constexpr double kPart = kSecondsPerDay / kDayParts;
  DayPart all;
  for (double at = from; at < to;) {
    const double next = std::min(to, (std::floor(at / kPart + 1e-9) + 1) * kPart);
    const double share = (next - at) / kPart;
    const DayPart& part = day_[static_cast<std::size_t>(std::floor(at / kPart + 1e-9)) % kDayParts];
    all.busy += share * part.busy;
    all.prompt_tokens += share * part.prompt_tokens;
    all.output_tokens += share * part.output_tokens;
    all.flop += share * part.flop;
    all.arithmetic += share * part.arithmetic;
    all.hbm += share * part.hbm;
    all.links += share * part.links;
    at = next;
  }
  sum.busy += Seconds(all.busy);
  sum.prompt_tokens += std::llround(all.prompt_tokens);
  sum.output_tokens += std::llround(all.output_tokens);
  sum.flop += Flop(all.flop);
  sum.arithmetic += Joules(all.arithmetic);
  sum.hbm += Bytes(all.hbm);
  sum.links += Bytes(all.links);
}

double FleetReplicas::Repeats() const {
  return now_ > end_ ? (now_ - start_) / (end_ - start_) : 1;
}

UnitWork FleetReplicas::TakeSimulatedWork() {
  UnitWork sum;
  for (ServingUnit& unit : units_) {
    const UnitWork work = unit.TakeWork();
    sum.busy += work.busy * scale_;
    sum.prompt_tokens += Scaled(work.prompt_tokens, scale_);
    sum.output_tokens += Scaled(work.output_tokens, scale_);
    sum.evictions += Scaled(work.evictions, scale_);
    sum.flop += work.flop * scale_;
    sum.arithmetic += work.arithmetic * scale_;
    sum.hbm += work.hbm * scale_;
    sum.links += work.links * scale_;
    decode_ += work.decode;
    prefill_ += work.prefill;
    moved_ += work.moved;
  }
  return sum;
}

// Of the pool whose requests wait more.
void FleetReplicas::DescribeBinding(LifeRequests& group) const {
  const std::int64_t batch = costs_->decode.batch_most();

  struct Pool {
    const char* name;
    Bindings bindings;
  };

  const Pool pools[] = {{spec_->pools() ? " (pool that decodes)" : "", BindingsOf(decode_, batch)},
                        {" (pool that prefills)", BindingsOf(prefill_, batch)}};
  const auto waiting = [](const Bindings& bindings) {
    double share = 0;
    for (const Binding& each : bindings.waits) {
      share += each.limit == "load" ? 0 : each.share;
    }
    return bindings.waits.empty() ? -1 : share;
  };
  const Pool& most = waiting(pools[1].bindings) > waiting(pools[0].bindings) ? pools[1] : pools[0];
  if (most.bindings.waits.empty()) {
    return;
  }
  const Binding& wait = most.bindings.waits.front();
  const Binding& time = most.bindings.times.front();
  group.waits_for = wait.limit + most.name;
  group.waits_share = wait.share;
  group.waits_remedy = wait.remedy;
  group.time_for = time.limit + most.name;
  group.time_share = time.share;
  group.time_remedy = time.remedy;
}

void FleetReplicas::Describe(const std::string& name, std::vector<LifeRequests>& into) const {
  const double all = scale_ * Repeats();
  const bool judged = spec_->ttft_objective > Seconds(0) || spec_->tpot_objective > Seconds(0);
  for (std::size_t g = 0; g < spec_->groups.size(); ++g) {
    const GroupLatency& seen = latency_.groups()[g];
    LifeRequests group;
    group.fleet = name;
    group.group = spec_->groups[g].name;
    group.scale = scale_;
    group.arrived = static_cast<double>(arrived_[g]) * all;
    group.completed = static_cast<double>(seen.completed) * all;
    group.prompt_tokens = static_cast<double>(seen.prompt_tokens) * all;
    group.output_tokens = static_cast<double>(seen.output_tokens) * all;
    group.ttft_p50 = QuantileOf(seen.ttft, 0.5);
    group.ttft_p90 = QuantileOf(seen.ttft, 0.9);
    group.ttft_p99 = QuantileOf(seen.ttft, 0.99);
    group.tpot_p50 = QuantileOf(seen.tpot, 0.5);
    group.tpot_p90 = QuantileOf(seen.tpot, 0.9);
    group.tpot_p99 = QuantileOf(seen.tpot, 0.99);
    group.network = seen.network / std::max(1.0, static_cast<double>(seen.completed));
    group.good_share = judged ? seen.ShareWithinObjectives() : kNone;
    DescribeBinding(group);
    group.moved = moved_ * all;
    into.push_back(std::move(group));
  }
}

}  // namespace gridlock
