#pragma once

namespace gridlock {

/// How requests are given to replicas. Of equals the first gets it.
enum class Router {
  kRoundRobin,
  kLeastLoaded,   ///< with the fewest requests that wait or run
  kPrefixAware,   ///< with the fewest tokens of prompts: of requests that wait or run there, and of
                  ///< this one, what the replica's cache of beginnings lacked when they came
  kAdapterAware,  ///< with room in its batch, that has the request's adapter or will for another
                  ///< request; else one with a slot left for it; of these with the fewest requests
};

}  // namespace gridlock
