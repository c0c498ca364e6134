#pragma once

// Who uses the cluster: tenants, what share of it each should have, and what each has used.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "sim/scenario/scenario.h"

namespace gridlock {

class Tenants {
 public:
  explicit Tenants(const FairShareSpec& spec) : spec_(&spec) {}

  /// The number of a tenant, from 0 in the order of their first mention.
  std::int32_t NumberOf(const std::string& name);

  /// Time passes: what was used before counts half after each half-life.
  void Forget(Seconds length);

  /// A tenant has used so many accelerators for so long.
  void Charge(std::int32_t tenant, double accelerators, Seconds length);

  /// Servers that the runs of a tenant may hold; 0: no limit.
  [[nodiscard]] std::int64_t quota(std::int32_t tenant) const {
    return quota_[static_cast<std::size_t>(tenant)];
  }

  [[nodiscard]] bool any_quota() const { return !spec_->quota.empty(); }

  /// By tenant: accelerator-seconds over the share, as far as they still count.
  [[nodiscard]] const std::vector<double>& used() const { return used_; }

 private:
  const FairShareSpec* spec_;
  std::map<std::string, std::int32_t> numbers_;
  std::vector<double> used_, share_;
  std::vector<std::int64_t> quota_;
};

}  // namespace gridlock
