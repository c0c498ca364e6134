#pragma once

// The links of a step whose use is written down over time: the hottest ones, those that the
// scenario names, and the busiest of those that fail.

#include <cstdint>
#include <string>
#include <vector>

#include "sim/measure/summarise.h"
#include "sim/plan/changing_plan.h"

namespace gridlock {

/// Links that may have a series of their own.
inline constexpr std::size_t kRecordedMost = 4096;

/// Whether some of the names are of links, and not of tiers.
bool NamesLinks(const std::vector<std::string>& names, const Network& network);

class RecordedLinks {
 public:
  /// Which link is hottest follows from what each carries. Throws UserError (path recording.link)
  /// for a name that is neither a tier nor a link, and for a link of a folded plan that does not
  /// keep them (Plan::link_classes).
  /// @param names of tiers and links @param laid must live on, as must the others
  RecordedLinks(const std::vector<std::string>& names, const StepProgram& program,
                const ChangingPlan& laid, const ServerSpec& server, const Network& network);

  void AddTo(StepOptions& options) const;

  /// Fills StepRecord::hottest and links, once all else is there.
  void Fill(StepRun& run, StepRecord& record) const;

 private:
  /// A resource, and which of the links that it stands for is meant; -1: the one that is kept.
  struct Named {
    std::int32_t resource = 0;
    LinkIndex link{-1};
  };

  void AddTier(const std::string& path, const std::string& name);
  void AddLink(const std::string& path, LinkIndex link);
  void AddResource(const std::string& path, const std::string& name, Named named);
  void AddNamed(const std::string& path, const std::string& name);
  void AddFailing();
  [[nodiscard]] std::vector<Bytes> MostCarried(const StepProgram& program,
                                               const ServerSpec& server) const;
  static void AddShare(std::int32_t resource, const StepRun& run, Seconds step, LinkUse& use);

  const ChangingPlan& laid_;
  const Network& network_;
  std::vector<Bytes> carried_;          ///< by resource, where nothing changes
  std::vector<std::int32_t> hottest_;   ///< resources that may be the hottest, hottest first
  std::vector<Named> named_;            ///< what the scenario names, and what fails
  std::vector<LinkIndex> idle_;         ///< links that it names and that nothing crosses
  std::vector<std::int32_t> recorded_;  ///< all resources with a series
};

}  // namespace gridlock
