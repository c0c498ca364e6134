#pragma once

#include <span>

#include "sim/record/link_use.h"
#include "topologies/network.h"

namespace gridlock {

/// Names the machines at the two ends of links, as `gridlock topo --graphml` calls them. On a
/// network of several sites, or of more than a million links, they stay empty.
void NameEnds(const Network& network, std::span<LinkUse> links);

}  // namespace gridlock
