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
  return Begin({site.value, /*storage=*/true, nics, std::move(done), bytes});
}

TransferId Course::Send(std::int32_t sender, BytesPerSecond nics, Bytes bytes,
                        std::function<void()> done) {
  return Begin({first_sender_ + sender, /*storage=*/false, nics, std::move(done), bytes});
}

TransferId Course::Begin(Way way) {
  const TransferId id{++last_way_};
  ways_.emplace(id, std::move(way));
  NextChunk(id);
  return id;
}

void Course::NextChunk(TransferId id) {
  constexpr Bytes kChunk(0x1.0p53);  // a timeline counts up to twice as many
  Way& way = ways_.at(id);
  way.begin = now();
  way.chunk = std::min(way.left, kChunk);
  way.left -= way.chunk;
  way.transfer = timeline_.Start({way.link}, way.chunk, way.nics, [this, id] {
    EndChunk(id);
  });
}

void Course::EndChunk(TransferId id) {
  Advance();
  const auto found = ways_.find(id);
  Enter(found->second, Bytes(0));
  if (found->second.left > Bytes(0)) {
    NextChunk(id);
    return;
  }
  const std::function<void()> done = std::move(found->second.done);
  ways_.erase(found);
  done();
}

void Course::Enter(Way& way, Bytes left) {
  const Seconds took = now() - way.begin;
  if (way.storage && took > Seconds(0)) {
    ledger_->storage_bytes().Add(way.begin, now(), ((way.chunk - left) / took).si());
  }
  way.begin = now();
  way.chunk = left;
}

void Course::Cancel(TransferId transfer) {
  const auto found = ways_.find(transfer);
  if (found != ways_.end()) {
    Enter(found->second, timeline_.Cancel(found->second.transfer));
    ways_.erase(found);
  }
}

void Course::RunUntil(Seconds time) {
  timeline_.RunUntil(time);
  if (time >= horizon_) {
    for (auto& [id, way] : ways_) {
      Enter(way, timeline_.Left(way.transfer));
    }
  }
}

void Course::SetStorage(SiteIndex site, BytesPerSecond bandwidth) {
  if (bandwidth > BytesPerSecond(0)) {
    timeline_.SetCapacity(site, bandwidth);
  }
}

}  // namespace gridlock
