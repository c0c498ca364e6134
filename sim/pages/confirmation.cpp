#include "sim/pages/confirmation.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "sim/report/layout.h"

namespace gridlock {

std::string LinkOfWall(const std::string& wall) {
  static constexpr std::pair<const char*, const char*> kLinks[] = {{"compute", "flops"},
                                                                   {"hbm", "hbm"},
                                                                   {"scale_up", "scale_up"},
                                                                   {"nic", "nic"},
                                                                   {"wan", "wan"}};
  const auto* const found =
      std::find_if(std::begin(kLinks), std::end(kLinks), [&](const auto& each) {
        return wall == each.first;
      });
  return found == std::end(kLinks) ? "" : found->second;
}

std::vector<MovableWall> MovableWalls(const Dataset& step, std::size_t row) {
  std::vector<MovableWall> walls;
  const std::size_t count = step.kind == "step" ? step.Length("attribution_resource") : 0;
  for (std::size_t i = 0; i < count; ++i) {
    MovableWall wall{step.TextAt("attribution_resource", i), "", 0};
    wall.link = LinkOfWall(wall.name);
    wall.saved_at_most = step.At("attribution", row * count + i) * (1 - 1 / 1.1);
    if (!wall.link.empty() && wall.saved_at_most > 0) {
      walls.push_back(wall);
    }
  }
  std::stable_sort(walls.begin(), walls.end(), [](const MovableWall& a, const MovableWall& b) {
    return a.saved_at_most > b.saved_at_most;
  });
  walls.resize(std::min<std::size_t>(walls.size(), 3));
  return walls;
}

Explanation ConfirmedPart(const Dataset& step, std::size_t row,
                          const std::vector<Confirmation>& confirmed) {
  const double time = step.At("step_time", row);
  Explanation part{"Ten per cent more, simulated", {}};
  for (const Confirmation& each : confirmed) {
    if (!each.problem.empty()) {
      part.lines.push_back(fmt::format("Ten per cent more of {} cannot be simulated: {}",
                                       ResourceInWords(each.wall.name), each.problem));
      continue;
    }
    const double saved = time - each.step_time;
    part.lines.push_back(fmt::format("  {:<22} {} -> {}: {} less; the critical path said {}",
                                     ResourceInWords(each.wall.name), InSeconds(time),
                                     InSeconds(each.step_time), Percent(saved / time),
                                     Percent(each.wall.saved_at_most / time)));
  }
  if (confirmed.empty()) {
    part.lines.emplace_back("Nothing that a cap moves paces this step.");
  }
  return part;
}

}  // namespace gridlock
