// Loads points of one scenario and says what one costs, beside reading the scenario each time:
//   point_bench SCENARIO POINTS

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "sim/scenario/point.h"

namespace {

using Clock = std::chrono::steady_clock;

double MillisecondsSince(Clock::time_point start, int count) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count() / count;
}

std::string Bandwidth(int i) {
  return std::to_string(100 + i % 300) + " Gbps";
}

}  // namespace

int main(int argc, char** argv) {
  constexpr const char* kPath = "site[0].override.nic_bandwidth";
  if (argc != 3 || std::atoi(argv[2]) <= 0) {
    std::fprintf(stderr, "usage: point_bench SCENARIO POINTS\n");
    return 2;
  }
  try {
    const int points = std::atoi(argv[2]);
    auto start = Clock::now();
    const gridlock::ScenarioBase base = gridlock::ScenarioBase::FromFile(argv[1], {});
    double sum = base.At({}).site().server.nic_bandwidth.si();
    const double first = MillisecondsSince(start, 1);
    start = Clock::now();
    for (int i = 0; i < points; ++i) {
      const gridlock::Point point{{gridlock::AssignmentFrom("bench", kPath, Bandwidth(i))}};
      sum += base.At(point).site().server.nic_bandwidth.si();
    }
    const double each = MillisecondsSince(start, points);
    start = Clock::now();
    const int loads = std::min(points, 100);
    for (int i = 0; i < loads; ++i) {
      sum += gridlock::LoadScenario(argv[1], {std::string(kPath) + "=" + Bandwidth(i)})
                 .site()
                 .server.nic_bandwidth.si();
    }
    std::printf("base %.2f ms, %d points %.3f ms each; reading it each time %.2f ms (sum %.6g)\n",
                first, points, each, MillisecondsSince(start, loads), sum);
  } catch (const gridlock::UserError& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 2;
  }
  return 0;
}
