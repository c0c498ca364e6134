#include "sim/cluster/failures.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "sim/base/check.h"

namespace gridlock {

namespace {

ServerIndex AnyOf(Random& random, std::int32_t servers) {
  return IndexOf<ServerIndex>(random.Below(static_cast<std::uint64_t>(servers)));
}

// First servers of the groups that fail together; empty where one server does.
std::vector<ServerIndex> GroupsOf(const FailureSpec& spec, const SiteSpec& site,
                                  const Locality& locality) {
  const std::int32_t together =
      spec.neighbours > 0 ? spec.neighbours : site.ServersOfGroup(spec.takes);
  if (together > 0) {
    return Locality::Every(together, locality.servers());
  }
  if (spec.takes == "site") {
    return {ServerIndex{0}};
  }
  for (int level = 0; level < locality.levels(); ++level) {
    if (locality.level(level).name == spec.takes) {
      return locality.level(level).first;
    }
  }
  return {};
}

bool TakesOne(const FailureSpec& spec) {
  return spec.neighbours == 0 && (spec.takes == "server" || spec.takes == "run");
}

}  // namespace

std::vector<Seconds> NewSince(const ReliabilitySpec& spec, const SiteSpec& site) {
  std::vector<Seconds> since(static_cast<std::size_t>(site.servers), Seconds(-spec.age.si()));
  std::size_t end = since.size();
  for (auto delivery = site.deliveries.rbegin(); delivery != site.deliveries.rend(); ++delivery) {
    for (std::int32_t i = 0; i < delivery->servers; ++i) {
      since[--end] = delivery->at;
    }
  }
  return since;
}

double BookValue(const ReliabilitySpec& spec, const SiteSpec& site, const ServerRun& servers,
                 Seconds now) {
  const std::vector<Seconds> since = NewSince(spec, site);
  double left = 0;  // of servers
  for (std::int32_t i = 0; i < servers.count; ++i) {
    const Seconds age = now - since[static_cast<std::size_t>(servers.first.value + i)];
    left += std::max(0.0, 1 - age / site.depreciation);
  }
  return left * site.server.accelerators * site.capital_usd_per_accelerator;
}

LemonServers DrawLemons(const ReliabilitySpec& spec, const SiteSpec& site, std::uint64_t seed) {
  LemonServers lemons;
  // Where all were lemons, none would be; one server is always like the source's average.
  const auto count = static_cast<std::size_t>(
      std::min<long long>(std::llround(spec.lemon_share * site.servers), site.servers - 1));
  if (count == 0) {
    return lemons;
  }
  Random random(seed, "failures/" + site.name + "/which_are_lemons");
  std::set<ServerIndex> drawn;
  while (drawn.size() < count) {
    drawn.insert(AnyOf(random, site.servers));
  }
  lemons.servers.assign(drawn.begin(), drawn.end());
  lemons.failures = spec.lemon_failures;
  return lemons;
}

FailureStream::FailureStream(const FailureSpec& spec, const SiteSpec& site,
                             const Locality& locality, const LemonServers& lemons,
                             const std::vector<Seconds>& since, std::uint64_t seed,
                             const std::string& purpose)
    : spec_(&spec),
      lemons_(&lemons),
      since_(&since),
      servers_(site.servers),
      oldest_(since.empty() ? Seconds(0) : *std::min_element(since.begin(), since.end())),
      times_(seed, purpose + "/times"),
      repairs_(seed, purpose + "/repairs"),
      lemon_draws_(seed, purpose + "/lemons"),
      ages_(seed, purpose + "/ages"),
      flaps_(seed, purpose + "/flaps") {
  if (!TakesOne(spec)) {
    groups_ = GroupsOf(spec, site, locality);
    if (groups_.empty()) {
      return;  // this site has none
    }
  }
  units_ = spec.unit == FailureUnit::kTogether ? static_cast<double>(groups_.size())
                                               : MostUnitsOf(spec, site);
}

// Failures of all units together are one Poisson stream, and the one that fails is any of them.
// Where new or old ones fail more often, the stream is drawn as if all always did, and thinned
// (Lewis and Shedler: "Simulation of nonhomogeneous Poisson processes by thinning", 1979).
FailureStream::Drawn FailureStream::Next(Seconds from, Seconds until) {
  CHECK(happens());
  const double most = MostTimes(*spec_, until - oldest_);
  Drawn drawn{from, ServerIndex{0}, Seconds(0)};
  do {
    drawn.at += Seconds(times_.Exponential(mtbf().si() / most));
    drawn.server = AnyServer();
    if (most <= 1 || drawn.at >= until) {
      break;
    }
    const Seconds age = drawn.at - (*since_)[static_cast<std::size_t>(drawn.server.value)];
    if (age >= Seconds(0) && ages_.Uniform() * most < TimesAt(*spec_, age)) {
      break;
    }
  } while (true);
  drawn.repair_time = Seconds(repairs_.Exponential(spec_->repair_time.si()));
  return drawn;
}

ServerIndex FailureStream::AnyServer() {
  if (spec_->unit == FailureUnit::kTogether) {
    return groups_[times_.Below(groups_.size())];
  }
  const ServerIndex server = AnyOf(times_, servers_);
  return groups_.empty() ? OneServer(server) : server;
}

Seconds FailureStream::NextFlap(bool down) {
  return Seconds(flaps_.Exponential((down ? spec_->flaps.down : spec_->flaps.up).si()));
}

// One of the lemons as often as they fail, else one of the others.
ServerIndex FailureStream::OneServer(ServerIndex drawn) {
  const std::vector<ServerIndex>& lemons = lemons_->servers;
  if (lemons.empty()) {
    return drawn;
  }
  if (lemon_draws_.Uniform() < lemons_->failures) {
    return lemons[lemon_draws_.Below(lemons.size())];
  }
  while (std::binary_search(lemons.begin(), lemons.end(), drawn)) {
    drawn = AnyOf(lemon_draws_, servers_);
  }
  return drawn;
}

FailureStream::Range FailureStream::Around(ServerIndex server) const {
  if (groups_.empty()) {
    return {server, 1};
  }
  const auto next = std::upper_bound(groups_.begin(), groups_.end(), server);
  const ServerIndex first = *std::prev(next);
  const std::int32_t end = next == groups_.end() ? servers_ : next->value;
  return {first, end - first};
}

}  // namespace gridlock
