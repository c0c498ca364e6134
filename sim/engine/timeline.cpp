#include "sim/engine/timeline.h"

#include <algorithm>
#include <cmath>
#include <exception>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>

#include <simgrid/kernel/Timer.hpp>
#include <simgrid/kernel/routing/NetPoint.hpp>
#include <simgrid/kernel/routing/NetZoneImpl.hpp>
#include <simgrid/s4u.hpp>

#include "sim/base/check.h"
#include "sim/platform/engine_options.h"
#include "sim/platform/simgrid_versions.h"

namespace gridlock {

namespace {

namespace sg4 = simgrid::s4u;
using simgrid::kernel::routing::NetPoint;
using simgrid::kernel::routing::Route;

// Callbacks run on the stack of one actor: as large as that of a main program.
constexpr int kStackKib = 8192;

// Faster than anything, for transfers that only their own rate bounds.
constexpr double kUnbounded = 1e24;

using Links = std::vector<sg4::Link*>;

// Hands out the route of the transfer that starts, noted just before.
class TransferZone : public simgrid::kernel::routing::NetZoneImpl {
 public:
  explicit TransferZone(const std::string& name) : NetZoneImpl(name) {}

  const Links* next = nullptr;

  void get_local_route(const NetPoint* /*source*/, const NetPoint* /*target*/, Route* into,
                       double* /*latency*/) override {
    for (const sg4::Link* link : *next) {
      into->link_list_.push_back(link->get_impl());
    }
  }
};

// Orders what is due at one instant: by time, then by creation.
using Due = std::pair<double, std::uint64_t>;

template <class Id>
std::uint64_t NumberOf(Id id) {
  return static_cast<std::uint64_t>(id);
}

struct Flow {
  std::vector<std::int32_t> links;
  Links route;
  double bytes = 0;  ///< left when it was last paused; all while it has not started
  double rate = 0;   ///< byte/s; 0: unbounded
  std::function<void()> done;
  Communication communication;  ///< not open while paused
};

}  // namespace

struct Timeline::State {
  State(const std::vector<BytesPerSecond>& links_in, Seconds precision);

  static double Now() { return sg4::Engine::get_clock(); }

  void Live(double horizon);
  void CallDue();
  std::function<void()> TakeFirst(bool timer);
  void SetAlarm(double when);
  void Wake();
  void Resume(TransferId id, Flow& flow);
  double Pause(TransferId id, Flow& flow);

  std::unique_ptr<sg4::Engine> engine;
  TransferZone* zone = nullptr;
  sg4::Host* host = nullptr;
  sg4::Mailbox* mailbox = nullptr;
  std::unique_ptr<CommunicationMakers> makers;  ///< where many transfers are under way
  sg4::Link* unbounded = nullptr;
  Links links;
  std::vector<double> capacities;
  sg4::SemaphorePtr wake;
  bool woken = false;    ///< the semaphore was released and not yet acquired
  bool running = false;  ///< transfers are under way
  std::exception_ptr failure;

  std::uint64_t last = 0;  ///< timers and transfers are numbered together
  std::map<Due, std::function<void()>> timers;
  std::unordered_map<TimerId, double> when;  ///< of those in `timers`; only looked up
  std::set<double> alarms;                   ///< dates at which the actor will be woken
  std::map<TransferId, Flow> flows;
  std::set<TransferId> ended;  ///< of those in `flows`
};

Timeline::State::State(const std::vector<BytesPerSecond>& links_in, Seconds precision)
    : engine(MakeEngine({precision, kStackKib})) {
  zone = new TransferZone("transfers");  // NOLINT: the engine owns it
  sg4::NetZone* net = AddZone(*engine, zone);
  for (const BytesPerSecond capacity : links_in) {
    CHECK(capacity >= BytesPerSecond(0));
    capacities.push_back(capacity.si());
    // A link that is cut off carries nothing; SimGrid wants a bandwidth all the same.
    const double bandwidth = capacity > BytesPerSecond(0) ? capacity.si() : 1;
    links.push_back(
        AddLink(*net, "link" + std::to_string(links.size()), bandwidth * kUnitsPerByte));
    links.back()->seal();
  }
  unbounded = AddLink(*net, "unbounded", kUnbounded);
  unbounded->set_sharing_policy(sg4::Link::SharingPolicy::FATPIPE);
  unbounded->seal();
  host = AddHost(*net, "clock", 1e9);
  host->seal();
  engine->seal_platform();
  mailbox = sg4::Mailbox::by_name("clock");
  makers = std::make_unique<CommunicationMakers>(host, mailbox);
  wake = sg4::Semaphore::create(0);
}

void Timeline::State::Live(double horizon) {
  running = true;
  for (auto& [id, flow] : flows) {
    Resume(id, flow);
  }
  CallDue();
  while (!failure && Now() < horizon) {
    SetAlarm(timers.empty() ? horizon : std::min(horizon, timers.begin()->first.first));
    wake->acquire();
    woken = false;
    CallDue();
  }
  for (auto& [id, flow] : flows) {
    flow.bytes = Pause(id, flow);
  }
  running = false;
}

void Timeline::State::CallDue() {
  while (!failure) {
    const bool timer_due = !timers.empty() && timers.begin()->first.first <= Now();
    if (!timer_due && ended.empty()) {
      return;
    }
    const bool timer_first =
        timer_due &&
        (ended.empty() || timers.begin()->first < Due(Now(), NumberOf(*ended.begin())));
    try {
      TakeFirst(timer_first)();
    } catch (...) {
      failure = std::current_exception();
    }
  }
}

std::function<void()> Timeline::State::TakeFirst(bool timer) {
  if (timer) {
    auto first = timers.extract(timers.begin());
    when.erase(TimerId{first.key().second});
    return std::move(first.mapped());
  }
  auto flow = flows.extract(*ended.begin());
  ended.erase(ended.begin());
  if (flow.mapped().communication.is_open()) {  // it has ended: this returns at once
    flow.mapped().communication.Wait();
  }
  return std::move(flow.mapped().done);
}

// Alarms are never taken back: one that comes for nothing costs a microsecond, and none lies behind
// the horizon.
void Timeline::State::SetAlarm(double date) {
  if (!alarms.empty() && *alarms.begin() <= date) {
    return;
  }
  alarms.insert(date);
  simgrid::kernel::actor::simcall_answered([this, date] {
    simgrid::kernel::timer::Timer::set(date, [this, date] {
      alarms.erase(date);
      Wake();
    });
  });
}

void Timeline::State::Wake() {
  if (!woken) {
    woken = true;
    wake->release();
  }
}

void Timeline::State::Resume(TransferId id, Flow& flow) {
  const auto units = static_cast<std::uint64_t>(std::llround(flow.bytes * kUnitsPerByte));
  if (units == 0 || flow.route.empty()) {
    ended.insert(id);
    return;
  }
  if (std::any_of(flow.links.begin(), flow.links.end(), [this](std::int32_t link) {
        return capacities[link] == 0;
      })) {
    return;
  }
  constexpr std::size_t kOwnMost = 512;
  const auto note = [this, id] {
    ended.insert(id);
    Wake();
  };
  const double rate = flow.rate * kUnitsPerByte;
  flow.communication = flows.size() > kOwnMost ? makers->Make(units, rate, note)
                                               : Communication(mailbox, units, rate, note);
  simgrid::kernel::actor::simcall_answered([this, &flow] {
    zone->next = &flow.route;
    flow.communication.Start();
  });
}

// Takes a transfer off its links; returns the bytes that it has left.
double Timeline::State::Pause(TransferId id, Flow& flow) {
  if (ended.contains(id)) {
    return 0;
  }
  if (!flow.communication.is_open()) {
    return flow.bytes;
  }
  const double left = flow.communication.remaining() / kUnitsPerByte;
  flow.communication.Cancel();
  return left;
}

Timeline::Timeline(const std::vector<BytesPerSecond>& links, Seconds precision)
    : state_(std::make_unique<State>(links, precision)) {}

Timeline::~Timeline() = default;

Seconds Timeline::now() const {
  return Seconds(State::Now());
}

TimerId Timeline::At(Seconds when, std::function<void()> due) {
  CHECK(std::isfinite(when.si()));
  const double date = std::max(when.si(), State::Now());
  const TimerId id{++state_->last};
  state_->timers.emplace(Due(date, NumberOf(id)), std::move(due));
  state_->when.emplace(id, date);
  return id;
}

void Timeline::Cancel(TimerId timer) {
  const auto found = state_->when.find(timer);
  if (found != state_->when.end()) {
    state_->timers.erase(Due(found->second, NumberOf(timer)));
    state_->when.erase(found);
  }
}

TransferId Timeline::Start(const std::vector<std::int32_t>& links, Bytes bytes, BytesPerSecond rate,
                           std::function<void()> done) {
  constexpr double kBytesMax = 0x1.0p54;  // what SimGrid can count in its units
  CHECK(bytes >= Bytes(0) && bytes.si() < kBytesMax);
  CHECK(rate >= BytesPerSecond(0));
  const TransferId id{++state_->last};
  Flow& flow = state_->flows[id];
  flow.links = links;
  flow.bytes = bytes.si();
  flow.rate = rate.si();
  flow.done = std::move(done);
  for (const std::int32_t link : links) {
    flow.route.push_back(state_->links.at(link));
  }
  if (links.empty() && rate > BytesPerSecond(0)) {
    flow.route.push_back(state_->unbounded);
  }
  if (state_->running) {
    state_->Resume(id, flow);
  }
  return id;
}

Bytes Timeline::Cancel(TransferId transfer) {
  const auto found = state_->flows.find(transfer);
  if (found == state_->flows.end()) {
    return Bytes(0);
  }
  const double left = state_->Pause(transfer, found->second);
  if (state_->ended.erase(transfer) > 0 && found->second.communication.is_open()) {
    found->second.communication.Wait();
  }
  state_->flows.erase(found);
  return Bytes(left);
}

Bytes Timeline::Left(TransferId transfer) const {
  const auto found = state_->flows.find(transfer);
  if (found == state_->flows.end() || state_->ended.contains(transfer)) {
    return Bytes(0);
  }
  const Flow& flow = found->second;
  return Bytes(flow.communication.is_open() ? flow.communication.remaining() / kUnitsPerByte
                                            : flow.bytes);
}

// SimGrid does not speed up what is under way when a link gets faster: whatever uses the link
// starts anew with what it has left.
void Timeline::SetCapacity(std::int32_t link, BytesPerSecond capacity) {
  CHECK(capacity >= BytesPerSecond(0));
  State& state = *state_;
  if (state.capacities.at(link) == capacity.si()) {
    return;
  }
  std::vector<TransferId> paused;
  for (auto& [id, flow] : state.flows) {
    if (std::find(flow.links.begin(), flow.links.end(), link) != flow.links.end()) {
      flow.bytes = state.Pause(id, flow);
      paused.push_back(id);
    }
  }
  state.capacities.at(link) = capacity.si();
  if (capacity > BytesPerSecond(0)) {
    state.links[link]->set_bandwidth(capacity.si() * kUnitsPerByte);
  }
  for (const TransferId id : paused) {
    if (state.running && !state.ended.contains(id)) {
      state.Resume(id, state.flows.at(id));
    }
  }
}

void Timeline::RunUntil(Seconds horizon) {
  CHECK(horizon >= now() && !state_->running);
  sg4::Actor::create("clock", state_->host, [state = state_.get(), horizon] {
    state->Live(horizon.si());
  });
  state_->engine->run();
  state_->makers->Forget();
  if (state_->failure) {
    std::rethrow_exception(std::exchange(state_->failure, nullptr));
  }
}

}  // namespace gridlock
