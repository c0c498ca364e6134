#pragma once

namespace gridlock {

/// How requests are given to replicas. Of equals the first gets it.
enum class Router {
  kRoundRobin,
  kLeastLoaded,  ///< with the fewest requests that wait or run
  kPrefixAware,  ///< with the fewest tokens of prompts: of requests that wait or run there, and of
                 ///< this one, what the replica's cache of beginnings lacked when they came
};

}  // namespace gridlock
