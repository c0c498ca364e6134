#include "sim/cluster/course.h"

#include <algorithm>
#include <utility>

namespace gridlock {

namespace {

// Intervals that a horizon has when nobody says otherwise.
constexpr double kIntervals = 500;

std::vector<BytesPerSecond> LinksOf(const std::vector<SiteSpec>& sites, std::int32_t senders) {
  std::vector<BytesPerSecond> links;
  for (const SiteSpec& site : sites) {
    // A site without storage has no checkpoints either; the link is never used.
    const bool given = site.storage_bandwidth > BytesPerSecond(0);
    links.push_back(given ? site.storage_bandwidth : BytesPerSecond(1));
  }
  links.resize(links.size() + static_cast<std::size_t>(senders), BytesPerSecond(1));
  return links;
}

}  // namespace

Seconds Course::IntervalOf(const Scenario& scenario) {
  const Seconds chosen = scenario.recording.interval;
  return chosen > Seconds(0) ? std::min(chosen, scenario.horizon) : scenario.horizon / kIntervals;
}

Course::Course(const Scenario& scenario, std::int32_t senders, Ledger& ledger)
    : horizon_(scenario.horizon),
      interval_(IntervalOf(scenario)),
      first_sender_(static_cast<std::int32_t>(scenario.sites.size())),
      ledger_(&ledger),
      timeline_(LinksOf(scenario.sites, senders)) {}

void Course::Follow(std::function<void(const Stretch&)> pass, std::function<void()> consider) {
  pass_ = std::move(pass);
  consider_ = std::move(consider);
}

TimerId Course::At(Seconds when, std::function<void()> due) {
  return timeline_.At(when, std::move(due));
}

void Course::AdvanceTo(Seconds now) {
  const Stretch stretch{advanced_, now};
  if (stretch.length() > Seconds(0)) {
    pass_(stretch);
    advanced_ = now;
  }
}

void Course::Note(LifeEvent event) {
  event.at = now();
  events_.push_back(std::move(event));
}

void Course::LookAgain() {
  if (looks_again_) {
    return;
  }
  looks_again_ = true;
  timeline_.At(now(), [this] {
    looks_again_ = false;
    Advance();
    consider_();
  });
}

void Course::LookAgainAt(Seconds time) {
  timeline_.At(time, [this] {
    LookAgain();
  });
}

TransferId Course::Carry(SiteIndex site, BytesPerSecond nics, Bytes bytes,
                         std::function<void()> done) {
  const Seconds begin = now();
  return timeline_.Start({site}, bytes, nics, [this, begin, bytes, done = std::move(done)] {
    Advance();
    const Seconds took = now() - begin;
    if (took > Seconds(0)) {
      ledger_->storage_bytes().Add(begin, now(), (bytes / took).si());
    }
    done();
  });
}

TransferId Course::Send(std::int32_t sender, BytesPerSecond nics, Bytes bytes,
                        std::function<void()> done) {
  return timeline_.Start({first_sender_ + sender}, bytes, nics, [this, done = std::move(done)] {
    Advance();
    done();
  });
}

void Course::SetStorage(SiteIndex site, BytesPerSecond bandwidth) {
  if (bandwidth > BytesPerSecond(0)) {
    timeline_.SetCapacity(site, bandwidth);
  }
}

}  // namespace gridlock
