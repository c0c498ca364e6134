#include "sim/platform/simgrid_versions.h"

#include <algorithm>
#include <utility>

#include <simgrid/Exception.hpp>
#include <simgrid/kernel/routing/NetZoneImpl.hpp>

#if SIMGRID_VERSION >= 40000
// SimGrid 4.0 takes the rate of a communication between hosts nowhere but here, and installs no
// header that says so.
namespace simgrid::kernel::activity {
class CommImpl {
 public:
  CommImpl& set_rate(double rate);
};
}  // namespace simgrid::kernel::activity
#endif

namespace gridlock {

namespace sg4 = simgrid::s4u;

namespace {

// 3.32 is 33200, 4.0 is 40000.
constexpr bool kFour = SIMGRID_VERSION >= 40000;

}  // namespace

const char* PrecisionOption() {
  return kFour ? "--cfg=precision/timing:" : "--cfg=surf/precision:";
}

simgrid::s4u::NetZone* AddZone(const simgrid::s4u::Engine& engine,
                               simgrid::kernel::routing::NetZoneImpl* zone) {
  // 3.32 makes the first zone the root. 4.0 has a root from the beginning, and a zone gets its
  // network model from its parent.
  if constexpr (kFour) {
    zone->set_parent(engine.get_netzone_root()->get_impl());
  }
  return zone->get_iface();
}

#if SIMGRID_VERSION >= 40000
simgrid::s4u::Link* AddLink(simgrid::s4u::NetZone& zone, const std::string& name,
                            double bandwidth) {
  return zone.add_link(name, bandwidth);
}

simgrid::s4u::Host* AddHost(simgrid::s4u::NetZone& zone, const std::string& name, double speed) {
  return zone.add_host(name, speed);
}
#else
simgrid::s4u::Link* AddLink(simgrid::s4u::NetZone& zone, const std::string& name,
                            double bandwidth) {
  return zone.create_link(name, bandwidth);
}

simgrid::s4u::Host* AddHost(simgrid::s4u::NetZone& zone, const std::string& name, double speed) {
  return zone.create_host(name, speed);
}
#endif

#if SIMGRID_VERSION >= 40000

// From 4.0 on a message is started by who has made it, and not in kernel context, where the route
// is noted. A communication between hosts may be.
Communication::Communication(sg4::Mailbox* /*own*/, std::uint64_t units, double rate,
                             std::function<void()> done)
    : put_(sg4::Comm::sendto_init()),
      done_(std::make_shared<std::function<void()>>(std::move(done))) {
  put_->set_payload_size(std::max<std::uint64_t>(1, units));  // one of nothing never starts
  if (rate > 0) {
    reinterpret_cast<simgrid::kernel::activity::CommImpl*>(put_->get_impl())->set_rate(rate);
  }
  if (*done_) {
    put_->on_this_completion_cb([done = done_](const sg4::Comm& /*comm*/) {
      if (*done) {
        (*done)();
      }
    });
  }
  put_->set_source(sg4::this_actor::get_host());
}

// Here messages are of no actor.
Communication CommunicationMakers::Make(std::uint64_t units, double rate,
                                        std::function<void()> done) {
  return {own_, units, rate, std::move(done)};
}

void Communication::Start() {
  put_->set_destination(put_->get_source());
}

void Communication::Wait() {
  put_->wait();
  put_ = nullptr;
}

void Communication::Cancel() {
  *done_ = nullptr;
  put_->cancel();
  put_ = nullptr;
}

#else

// SimGrid sees a message of the actor to itself. It is copied at its very end, in the kernel.
Communication::Communication(sg4::Mailbox* own, std::uint64_t units, double rate,
                             std::function<void()> done)
    : put_(own->put_init()), get_(own->get_init()) {
  Open(units, rate, std::move(done));
}

void Communication::Open(std::uint64_t units, double rate, std::function<void()> done) {
  done_ = done ? std::make_shared<std::function<void()>>(std::move(done)) : nullptr;
  static int payload = 0;
  put_->set_payload_size(units)->set_src_data(&payload)->set_src_data_size(sizeof(void*));
  if (rate > 0) {
    put_->set_rate(rate);
  }
  static void* received = nullptr;
  get_->set_dst_data(&received, sizeof(void*));
  if (done_) {
    const auto note = [call = done_](simgrid::kernel::activity::CommImpl* /*comm*/,
                                     void* /*buffer*/, std::size_t /*size*/) {
      (*call)();
    };
    put_->set_copy_data_callback(note);
    get_->set_copy_data_callback(note);
  }
}

Communication CommunicationMakers::Make(std::uint64_t units, double rate,
                                        std::function<void()> done) {
  constexpr int kOfAMaker = 512;
  if (made_.empty()) {
    const sg4::SemaphorePtr ready = sg4::Semaphore::create(0);
    sg4::Actor::create("maker", host_, [this, ready] {
      for (int i = 0; i < kOfAMaker; ++i) {
        Communication& both = made_.emplace_back();
        both.put_ = own_->put_init();
        both.get_ = own_->get_init();
      }
      ready->release();
      sg4::Semaphore::create(0)->acquire();  // until nobody else is there: they are its own
    })->daemonize();
    ready->acquire();
  }
  Communication made = std::move(made_.back());
  made_.pop_back();
  made.Open(units, rate, std::move(done));
  return made;
}

void Communication::Start() {
  put_->start();
  get_->start();
}

void Communication::Wait() {
  get_->wait();  // the sender's end is the same message, which is over then
  put_ = nullptr;
  get_ = nullptr;
}

void Communication::Cancel() {
  put_->cancel();
  try {
    get_->wait();  // SimGrid forgets the message once someone has waited for it
  } catch (const simgrid::Exception&) {
    // That it was cancelled is no news.
  }
  put_ = nullptr;
  get_ = nullptr;
}

#endif

}  // namespace gridlock
