#pragma once

// Events of a life, as its record holds them; when they happen the cluster says.

#include <string>
#include <utility>

#include "sim/record/life_record.h"
#include "topologies/placement.h"

namespace gridlock {

/// What happens to a job and to servers that it takes or gives back.
inline LifeEvent JobEvent(EventKind kind, JobIndex job, const Placement& placement) {
  return {.kind = kind,
          .job = job,
          .site = placement[0].site,
          .server = placement[0].first,
          .servers = static_cast<std::int32_t>(ServersIn(placement))};
}

/// What happens to servers, and why.
inline LifeEvent ServerEvent(EventKind kind, const ServerRun& servers, std::string why = "") {
  return {.kind = kind,
          .site = servers.site,
          .server = servers.first,
          .servers = servers.count,
          .detail = std::move(why)};
}

}  // namespace gridlock
