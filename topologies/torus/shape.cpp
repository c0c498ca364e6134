#include "topologies/torus/shape.h"

#include <algorithm>
#include <limits>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "sim/base/check.h"

namespace gridlock {

namespace {

constexpr std::size_t kMostDimensions = 3;

// Links are numbered with 31 bits, six of them for each router.
constexpr std::int64_t kRoutersMax = std::numeric_limits<int>::max() / 16;

// Two lengths, one twice the other.
bool CanBeTwisted(const std::vector<int>& sizes) {
  const auto [least, most] = std::minmax_element(sizes.begin(), sizes.end());
  return *most == 2 * *least && std::all_of(sizes.begin(), sizes.end(), [&](int size) {
    return size == *least || size == *most;
  });
}

// Slices are made of whole blocks and are no larger than the pod.
void CheckSlice(const TorusSpec& torus) {
  for (std::size_t d = 0; d < torus.slice.size(); ++d) {
    if (torus.slice.size() != torus.size.size() || torus.slice[d] < 2 ||
        torus.slice[d] % torus.block[d] != 0 || Product(torus.slice) > Product(torus.size)) {
      throw UserError(torus.path + ".slice",
                      fmt::format("a slice of {} cannot be made of blocks of {} of a pod of {}; "
                                  "expected sizes of at least 2 that blocks divide, and no more "
                                  "than the pod holds",
                                  Times(torus.slice), Times(torus.block), Times(torus.size)));
    }
  }
  if (torus.twisted && !CanBeTwisted(SliceOf(torus))) {
    throw UserError(torus.path + ".twisted",
                    fmt::format("a torus of {} cannot be twisted; expected n x 2n, n x n x 2n or "
                                "n x 2n x 2n, in any order",
                                Times(SliceOf(torus))));
  }
}

}  // namespace

std::int64_t Product(const std::vector<int>& sizes) {
  std::int64_t product = 1;
  for (const int size : sizes) {
    product = std::min(product * size, kRoutersMax + 1);
  }
  return product;
}

std::string Times(const std::vector<int>& sizes) {
  return fmt::format("{}", fmt::join(sizes, " x "));
}

const std::vector<int>& SliceOf(const TorusSpec& torus) {
  return torus.slice.empty() ? torus.size : torus.slice;
}

const SiteSpec& CheckedTorus(const SiteSpec& site) {
  const auto& torus = std::get<TorusSpec>(site.fabric);
  std::vector<Problem> problems;
  const auto complain = [&](const char* field, std::string message) {
    problems.push_back({torus.path + field, std::move(message)});
  };
  const std::size_t dimensions = torus.size.size();
  if (dimensions < 2 || dimensions > kMostDimensions) {
    throw UserError(
        torus.path + ".size",
        fmt::format("{} sizes given; expected 2 or 3, one for each dimension", dimensions));
  }
  if (torus.block.size() != dimensions) {
    throw UserError(torus.path + ".block",
                    fmt::format("{} sizes given; expected {}, one for each dimension of the torus",
                                torus.block.size(), dimensions));
  }
  for (std::size_t d = 0; d < dimensions; ++d) {
    if (torus.size[d] < 2 || torus.block[d] < 1 || torus.size[d] % torus.block[d] != 0) {
      complain(".block", fmt::format("blocks of {} do not tile a torus of {}; expected sizes of at "
                                     "least 2 and blocks that divide them",
                                     Times(torus.block), Times(torus.size)));
      break;
    }
  }
  if (problems.empty()) {
    CheckSlice(torus);
  }
  const std::int64_t routers = Product(torus.size);
  const std::int64_t accelerators =
      std::int64_t{site.servers} * std::int64_t{site.server.accelerators};
  if (Product(torus.block) != site.server.accelerators) {
    complain(".block", fmt::format("a block of {} holds {} accelerators and a server has {}; "
                                   "expected blocks of {}",
                                   Times(torus.block), Product(torus.block),
                                   site.server.accelerators, site.server.accelerators));
  }
  if (routers > kRoutersMax) {
    complain(".size", fmt::format("a torus of {} has more routers than can be numbered; expected "
                                  "at most {}",
                                  Times(torus.size), kRoutersMax));
  } else if (!torus.slice.empty() &&
             accelerators > routers / Product(torus.slice) * Product(torus.slice)) {
    const std::int64_t slices = routers / Product(torus.slice);
    problems.push_back(
        {site.path + ".servers",
         fmt::format(
             "{} servers of {} are {} accelerators, and {} whole slices of {} have room for "
             "{}; expected at most {} servers",
             site.servers, site.server.accelerators, accelerators, slices, Times(torus.slice),
             slices * Product(torus.slice),
             slices * Product(torus.slice) / std::max(1, site.server.accelerators))});
  } else if (accelerators > routers) {
    problems.push_back(
        {site.path + ".servers",
         fmt::format("{} servers of {} are {} accelerators, and a torus of {} has room for {}; "
                     "expected at most {} servers, or a larger torus",
                     site.servers, site.server.accelerators, accelerators, Times(torus.size),
                     routers, routers / std::max(1, site.server.accelerators))});
  }
  if (!(site.server.accelerator.scale_up_bandwidth > BytesPerSecond(0))) {
    problems.push_back({site.server.accelerator.path + ".scale_up_bandwidth",
                        "a torus is made of scale-up links, and the accelerator has none"});
  }
  if (!problems.empty()) {
    throw UserError(std::move(problems));
  }
  CHECK(site.server.direct);
  return site;
}

}  // namespace gridlock
