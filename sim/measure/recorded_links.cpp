#include "sim/measure/recorded_links.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "sim/measure/link_loads.h"

namespace gridlock {

namespace {

// Where routes change, which links are the hottest is only known at the end: so many more than are
// kept have a series.
constexpr std::size_t kMoreWhereRoutesChange = 4;
constexpr std::size_t kFailingKept = 4;

}  // namespace

bool NamesLinks(const std::vector<std::string>& names, const Network& network) {
  return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
    return std::none_of(network.tiers().begin(), network.tiers().end(), [&](const Tier& tier) {
      return tier.name == name;
    });
  });
}

RecordedLinks::RecordedLinks(const std::vector<std::string>& names, const StepProgram& program,
                             const ChangingPlan& laid, const ServerSpec& server,
                             const Network& network)
    : laid_(laid), network_(network), carried_(MostCarried(program, server)) {
  const std::size_t kept = kHottestKept * (laid.epochs.empty() ? 1 : kMoreWhereRoutesChange);
  hottest_ = HottestResources(laid.plan, carried_, kept);
  for (std::size_t i = 0; i < names.size(); ++i) {
    AddNamed(fmt::format("recording.link[{}]", i), names[i]);
  }
  AddFailing();
  recorded_ = hottest_;
  for (const Named& named : named_) {
    recorded_.push_back(named.resource);
  }
  std::sort(recorded_.begin(), recorded_.end());
  recorded_.erase(std::unique(recorded_.begin(), recorded_.end()), recorded_.end());
}

// Of the links that fail those that carry most while they do not.
void RecordedLinks::AddFailing() {
  std::vector<Bytes> carried(carried_.size(), Bytes(0));
  for (const ChangingPlan::Epoch& epoch : laid_.epochs) {
    for (std::size_t r = 0; r < epoch.failed.size(); ++r) {
      if (epoch.failed[r]) {
        carried[r] = carried_[r];
      }
    }
  }
  for (const std::int32_t r : HottestResources(laid_.plan, carried, kFailingKept)) {
    const bool is_known = std::any_of(named_.begin(), named_.end(), [r](const Named& named) {
      return named.resource == r;
    });
    if (!is_known) {
      named_.push_back({r});
    }
  }
}

// What each resource carries, in a plan that changes the most of all epochs.
std::vector<Bytes> RecordedLinks::MostCarried(const StepProgram& program,
                                              const ServerSpec& server) const {
  std::vector<Bytes> most = CarriedByResources(program, laid_.plan, server);
  Plan plan;
  for (std::size_t e = 1; e < laid_.epochs.size(); ++e) {
    if (e == 1) {
      plan = laid_.plan;
    }
    plan.agents = laid_.epochs[e].agents;
    plan.flows = laid_.epochs[e].flows;
    plan.lays = laid_.epochs[e].lays;
    const std::vector<Bytes> carried = CarriedByResources(program, plan, server);
    for (std::size_t r = 0; r < most.size(); ++r) {
      most[r] = std::max(most[r], carried[r]);
    }
  }
  return most;
}

void RecordedLinks::AddNamed(const std::string& path, const std::string& name) {
  std::vector<std::string> names;
  for (const Tier& tier : network_.tiers()) {
    if (tier.name == name) {
      return AddTier(path, name);
    }
    names.push_back(tier.name);
  }
  for (LinkIndex link{0}; link < network_.links(); ++link) {
    std::string known = network_.name(link);
    if (known == name) {
      return AddLink(path, link);
    }
    if (link.value < 100'000) {
      names.push_back(std::move(known));
    }
  }
  throw UserError(path, fmt::format("there is no tier or link {}; expected names such as {} or "
                                    "{}{}",
                                    Quoted(name), Quoted(names.front()),
                                    Quoted(network_.name(LinkIndex{0})), DidYouMean(name, names)));
}

// Of a folded plan one link of each class.
void RecordedLinks::AddTier(const std::string& path, const std::string& name) {
  const Plan& plan = laid_.plan;
  for (std::size_t r = 0; r < plan.resources.size(); ++r) {
    const Plan::Resource& resource = plan.resources[r];
    if (resource.link.value >= 0 && plan.tiers[resource.tier].name == name) {
      AddResource(path, name, {static_cast<std::int32_t>(r)});
    }
  }
}

void RecordedLinks::AddLink(const std::string& path, LinkIndex link) {
  const Plan& plan = laid_.plan;
  for (std::size_t r = 0; r < plan.resources.size(); ++r) {
    if (plan.resources[r].link == link) {
      return AddResource(path, network_.name(link), {static_cast<std::int32_t>(r)});
    }
  }
  for (const auto& [known, resource] : plan.link_classes) {
    if (known == link) {
      return AddResource(path, network_.name(link), {resource, link});
    }
  }
  if (plan.folded && plan.link_classes.empty()) {
    throw UserError(path, fmt::format("a sample keeps some of the links, and {} is another; "
                                      "expected --fidelity folded or full, or a tier such as {}",
                                      Quoted(network_.name(link)),
                                      Quoted(network_.tiers()[network_.tier(link)].name)));
  }
  idle_.push_back(link);
}

void RecordedLinks::AddResource(const std::string& path, const std::string& name, Named named) {
  const bool is_known = std::any_of(named_.begin(), named_.end(), [&](const Named& known) {
    return known.resource == named.resource && known.link == named.link;
  });
  if (!is_known) {
    named_.push_back(named);
  }
  if (named_.size() > kRecordedMost) {
    throw UserError(path, fmt::format("{} has more links than can be recorded one by one; "
                                      "expected at most {} in all, e.g. by name",
                                      Quoted(name), kRecordedMost));
  }
}

void RecordedLinks::AddTo(StepOptions& options) const {
  options.links = recorded_;
  options.counts_links = !laid_.epochs.empty();
}

void RecordedLinks::AddShare(std::int32_t resource, const StepRun& run, Seconds step,
                             LinkUse& use) {
  const std::int32_t series = run.links.series_of[resource];
  if (series >= 0) {
    use.share = run.links.series.Share(series, use.capacity.si(), step);
  }
}

void RecordedLinks::Fill(StepRun& run, StepRecord& record) const {
  std::vector<Bytes> carried = carried_;
  for (std::size_t r = 0; r < run.links.carried.size(); ++r) {
    carried[r] = Bytes(run.links.carried[r]);
  }
  if (!recorded_.empty()) {
    run.links.series.ExtendTo(record.step_time);
  }
  const auto add = [&](std::int32_t resource, std::vector<LinkUse>& uses) {
    uses.push_back(UseOf(laid_.plan, resource, network_, carried[resource], record.step_time));
    AddShare(resource, run, record.step_time, uses.back());
  };
  for (const std::int32_t r : HottestResources(laid_.plan, carried, kHottestKept)) {
    add(r, record.hottest);
  }
  for (const Named& named : named_) {
    add(named.resource, record.links);
    if (named.link >= 0) {
      LinkEnds ends = network_.ends(named.link);
      record.links.back().name = network_.name(named.link);
      record.links.back().from = std::move(ends.from);
      record.links.back().to = std::move(ends.to);
    }
  }
  for (const LinkIndex link : idle_) {
    LinkEnds ends = network_.ends(link);
    record.links.push_back({.name = network_.name(link),
                            .tier = network_.tiers()[network_.tier(link)].name,
                            .capacity = network_.capacity(link),
                            .carried = Bytes(0),
                            .from = std::move(ends.from),
                            .to = std::move(ends.to)});
  }
}

}  // namespace gridlock
