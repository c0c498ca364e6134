#include "sim/cluster/ledger.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "sim/base/check.h"

namespace gridlock {

namespace {

// A fleet books the energy of an iteration when it ends, which may be in a stretch that is shorter
// than the iteration. Over a minute, as meters of a site report, that evens out.
constexpr Seconds kPeakWindow(60);

constexpr double kGramsPerKilogram = 1000;

// Mean power of a window of which so much has passed, and that goes on at `rest`.
Watts FullWindow(Joules energy, Seconds passed, Watts rest) {
  return (energy + rest * (kPeakWindow - passed)) / kPeakWindow;
}

}  // namespace

IntervalSums::IntervalSums(Seconds horizon, Seconds interval)
    : horizon_(horizon), interval_(interval) {
  CHECK(interval > Seconds(0) && horizon > Seconds(0));
  sums_.assign(static_cast<std::size_t>(std::ceil(horizon / interval * (1 - 1e-12))), 0.0);
}

void IntervalSums::Add(Seconds from, Seconds to, double rate) {
  const auto last = sums_.size() - 1;
  auto bin = std::min(last, static_cast<std::size_t>(from / interval_));
  while (from < to) {
    const Seconds end = bin == last ? to : std::min(to, interval_ * static_cast<double>(bin + 1));
    if (end > from) {
      sums_[bin] += rate * (end - from).si();
      from = end;
    }
    ++bin;
  }
}

void IntervalSums::AddRamp(Seconds from, Seconds to, double begin, double end) {
  const Seconds length = to - from;
  Seconds at = from;
  while (at < to) {
    const Seconds next = interval_ * (std::floor(at / interval_ * (1 + 1e-12)) + 1);
    const Seconds until = next > at ? std::min(to, next) : to;
    const double middle = ((at + until) / 2 - from) / length;
    Add(at, until, begin + (end - begin) * middle);
    at = until;
  }
}

std::vector<double> IntervalSums::Means() const {
  std::vector<double> means = sums_;
  for (std::size_t i = 0; i < means.size(); ++i) {
    const Seconds begin = interval_ * static_cast<double>(i);
    means[i] /= std::min(interval_, horizon_ - begin).si();
  }
  return means;
}

Ledger::Site::Site(Seconds horizon, Seconds interval)
    : power(horizon, interval),
      cap(horizon, interval),
      capped_time(horizon, interval),
      idle(horizon, interval),
      down(horizon, interval),
      limit(horizon, interval),
      stored(horizon, interval),
      busy(kJobKinds, IntervalSums(horizon, interval)) {}

Ledger::Ledger(Seconds horizon, Seconds interval, std::size_t jobs, std::size_t sites)
    : interval_(interval),
      now_(sites, nullptr),
      sites_(sites, Site(horizon, interval)),
      jobs_(jobs),
      queue_jobs_(horizon, interval),
      queue_accelerators_(horizon, interval),
      training_flops_(horizon, interval),
      decoded_tokens_(horizon, interval),
      storage_bytes_(horizon, interval),
      wan_bytes_(horizon, interval) {}

void Ledger::Pay(const SiteSpec& spec, Joules energy, Site& books, Account& account) {
  const double kilowatt_hours = energy.si() / kJoulesPerKilowattHour;
  const double usd = kilowatt_hours * spec.electricity_usd_per_kwh;
  const double carbon = kilowatt_hours * spec.carbon_g_per_kwh / kGramsPerKilogram;
  books.cost_usd += usd;
  books.carbon_kg += carbon;
  account.cost_usd += usd;
  account.carbon_kg += carbon;
}

void Ledger::Charge(const Stretch& stretch, SiteIndex site, Watts power, Account& account) {
  Site& books = sites_[site];
  const Joules it = power * stretch.length();
  books.it_energy += it;
  books.energy += it * books.pue;
  books.present += power * books.pue;
  books.power.Add(stretch.from, stretch.to, power.si() * books.pue);
  account.energy += it;
  account.facility_energy += it * books.pue;
  Pay(*now_[site], it * books.pue, books, account);
}

void Ledger::WriteOff(const Stretch& stretch, SiteIndex site, double accelerators,
                      Account& account) {
  const SiteSpec& spec = *now_[site];
  const double usd =
      spec.capital_usd_per_accelerator * accelerators * (stretch.length() / spec.depreciation);
  account.capital_usd += usd;
  sites_[site].capital_usd += usd;
  const double running =
      spec.operation_usd_per_accelerator_year * accelerators * (stretch.length() / kYear);
  account.operation_usd += running;
  sites_[site].operation_usd += running;
}

void Ledger::ChargeJob(const Stretch& stretch, JobIndex job, JobKind kind, SiteIndex site,
                       Watts power, std::int64_t accelerators) {
  Charge(stretch, site, power, jobs_[job]);
  const auto count = static_cast<double>(accelerators);
  jobs_[job].accelerator_seconds += count * stretch.length().si();
  WriteOff(stretch, site, count, jobs_[job]);
  sites_[site].busy[static_cast<std::size_t>(kind)].Add(stretch.from, stretch.to, count);
}

void Ledger::ChargeRest(const Stretch& stretch, SiteIndex site, Watts power, std::int64_t idle,
                        std::int64_t down, std::int64_t absent) {
  Charge(stretch, site, power, sites_[site].rest);
  WriteOff(stretch, site, static_cast<double>(idle + down - absent), sites_[site].rest);
  sites_[site].idle.Add(stretch.from, stretch.to, static_cast<double>(idle));
  sites_[site].down.Add(stretch.from, stretch.to, static_cast<double>(down));
}

void Ledger::ChargeBattery(const Stretch& stretch, SiteIndex site, const BatteryPart& part) {
  const SiteSpec& spec = *now_[site];
  Site& books = sites_[site];
  const Joules taken = part.taken * part.stretch.length();
  (taken > Joules(0) ? books.charged : books.discharged) += std::max(taken, Joules(0) - taken);
  books.stored_least = std::min(books.stored_least, part.after);
  books.faded = part.faded;
  const double written_off = spec.battery.capital_usd_per_kwh *
                             (spec.battery.capacity.si() / kJoulesPerKilowattHour) *
                             (part.stretch.length() / spec.battery.lifetime);
  books.battery_usd += written_off;
  books.capital_usd += written_off;
  books.rest.capital_usd += written_off;
  books.energy += taken;
  books.present += part.taken * (part.stretch.length() / stretch.length());
  books.power.Add(part.stretch.from, part.stretch.to, part.taken.si());
  books.stored.AddRamp(part.stretch.from, part.stretch.to, part.before.si(), part.after.si());
  books.rest.facility_energy += taken;
  Pay(spec, taken, books, books.rest);
}

void Ledger::ChargeRent(SiteIndex site, double usd) {
  sites_[site].wan_usd += usd;
  sites_[site].operation_usd += usd;
  sites_[site].rest.operation_usd += usd;
}

void Ledger::ChargeTraffic(SiteIndex from, SiteIndex to, JobIndex job, double usd) {
  for (const SiteIndex end : {from, to}) {
    sites_[end].traffic_usd += usd / 2;
    sites_[end].operation_usd += usd / 2;
  }
  jobs_[job].operation_usd += usd;
}

void Ledger::ChargeSale(SiteIndex site, double usd) {
  sites_[site].sales_usd += usd;
  sites_[site].capital_usd += usd;
  sites_[site].rest.capital_usd += usd;
}

void Ledger::ChargeRamp(const Stretch& stretch, JobIndex job, SiteIndex site, Watts power) {
  Site& books = sites_[site];
  const Joules it = power * stretch.length();
  books.ramps += it;
  books.it_energy += it;
  books.energy += it * books.pue;
  books.power.Add(stretch.from, stretch.to, power.si() * books.pue);
  jobs_[job].energy += it;
  jobs_[job].facility_energy += it * books.pue;
  Pay(*now_[site], it * books.pue, books, jobs_[job]);
}

void Ledger::CloseSite(const Stretch& stretch, SiteIndex site, Watts limit) {
  Site& books = sites_[site];
  const Watts present = books.present;
  if (stretch.length() >= kPeakWindow) {  // a window of its own, behind one that it fills up
    books.peak =
        std::max({books.peak, present, FullWindow(books.window_energy, books.window, present)});
    books.window_energy = Joules(0);
    books.window = Seconds(0);
    books.before = present;
  } else {
    books.window_energy += present * stretch.length();
    books.window += stretch.length();
  }
  if (books.window >= kPeakWindow) {
    books.before = books.window_energy / books.window;
    books.peak = std::max(books.peak, books.before);
    books.window_energy = Joules(0);
    books.window = Seconds(0);
  }
  books.present = Watts(0);
  books.limit.Add(stretch.from, stretch.to, limit.si());
  if (now_[site]->power_cap > Watts(0)) {
    books.cap.Add(stretch.from, stretch.to, now_[site]->power_cap.si());
    books.capped_time.Add(stretch.from, stretch.to, 1.0);
  }
}

void Ledger::Describe(LifeRecord& record) const {
  for (std::size_t i = 0; i < sites_.size(); ++i) {
    const Site& books = sites_[i];
    LifeSite& site = record.sites[i];
    site.it_energy = books.it_energy;
    site.energy = books.energy;
    site.rest_energy = books.rest.energy;
    if (now_[i]->pue_varies() && books.it_energy > Joules(0)) {
      const Joules drawn = books.energy - books.charged + books.discharged;
      site.pue = drawn / books.it_energy;  // its mean over energy
    }
    const bool short_life = books.peak == Watts(0) && books.window > Seconds(0);
    site.peak_power =
        short_life
            ? books.window_energy / books.window
            : std::max(books.peak, FullWindow(books.window_energy, books.window, books.before));
    site.cost_usd = books.cost_usd;
    site.carbon_kg = books.carbon_kg;
    site.capital_usd = books.capital_usd;
    site.operation_usd = books.operation_usd;
    site.battery_charged = books.charged;
    site.battery_discharged = books.discharged;
    site.battery_capacity = now_[i]->battery.capacity;
    site.battery_faded = books.faded;
    site.battery_capital_usd = books.battery_usd;
    site.wan_rent_usd = books.wan_usd;
    site.wan_traffic_usd = books.traffic_usd;
    site.sales_usd = books.sales_usd;
    site.ramp_energy = books.ramps;
    site.battery_least = std::min(books.stored_least, site.battery_capacity);
    site.battery_stored = books.stored.Means();
    site.power = books.power.Means();
    site.power_cap = books.cap.Means();
    const std::vector<double> capped = books.capped_time.Means();
    for (std::size_t t = 0; t < capped.size(); ++t) {
      // Mean of the cap over the part of the interval that it held in.
      site.power_cap[t] =
          capped[t] > 0 ? site.power_cap[t] / capped[t] : std::numeric_limits<double>::quiet_NaN();
    }
    site.idle = books.idle.Means();
    site.down = books.down.Means();
    site.power_limit = books.limit.Means();
    for (std::size_t kind = 0; kind < books.busy.size(); ++kind) {
      site.busy[kind] = books.busy[kind].Means();
    }
  }
  for (std::size_t i = 0; i < jobs_.size(); ++i) {
    LifeJob& job = record.jobs[i];
    job.energy = jobs_[i].energy;
    job.cost_usd = jobs_[i].cost_usd;
    job.carbon_kg = jobs_[i].carbon_kg;
    job.facility_energy = jobs_[i].facility_energy;
    job.capital_usd = jobs_[i].capital_usd;
    job.operation_usd = jobs_[i].operation_usd;
    job.accelerator_seconds = jobs_[i].accelerator_seconds;
  }
  record.interval = interval_;
  record.series = {queue_jobs_.Means(),     queue_accelerators_.Means(), training_flops_.Means(),
                   decoded_tokens_.Means(), storage_bytes_.Means(),      wan_bytes_.Means()};
}

}  // namespace gridlock
