#include "workloads/program/protocol.h"

#include <algorithm>
#include <array>

#include "sim/base/names.h"

namespace gridlock {

namespace {

constexpr std::array kAll = {Protocol::kAutomatic, Protocol::kLl, Protocol::kLl128,
                             Protocol::kSimple};

// What a step of a ring takes longer than one of LL: over NVLink 0.6, 1.9 and 3.4 us, over a
// network 2.7, 4.0 and 14 us (NCCL 2.19 and later, src/graph/tuning.cc, hwLatencies).
Seconds MoreThanLl(Protocol protocol, bool inside) {
  switch (protocol) {
    case Protocol::kLl128:
      return Seconds(1.3e-6);
    case Protocol::kSimple:
      return Seconds(inside ? 2.8e-6 : 11.3e-6);
    case Protocol::kAutomatic:
    case Protocol::kLl:
      break;
  }
  return Seconds(0);
}

CollectiveFit FitAt(CollectiveFit fit, Protocol protocol, bool inside) {
  const bool quick = protocol == Protocol::kLl;
  for (double* const share :
       {&fit.all_reduce_efficiency, &fit.all_gather_efficiency, &fit.reduce_scatter_efficiency,
        &fit.send_efficiency, &fit.all_to_all_efficiency, &fit.forwarded_efficiency}) {
    *share *= DataShare(protocol);
  }
  const Seconds more =
      !inside && protocol == Protocol::kSimple && fit.bulk_step_latency > Seconds(0)
          ? std::max(Seconds(0), fit.bulk_step_latency - fit.step_latency)
          : MoreThanLl(protocol, inside);
  fit.step_latency += more;
  if (fit.send_latency > Seconds(0)) {
    fit.send_latency += more;
  }
  fit.low_latency_efficiency = 0;
  fit.bulk_step_latency = Seconds(0);
  if (quick) {
    fit.chunk_latency = Seconds(0);  // each word carries its flag: nothing waits for a chunk
  }
  if (protocol != Protocol::kSimple) {
    fit.in_switch_efficiency = 0;
  }
  return fit;
}

}  // namespace

const char* ProtocolName(Protocol protocol) {
  switch (protocol) {
    case Protocol::kAutomatic:
      return "automatic";
    case Protocol::kLl:
      return "ll";
    case Protocol::kLl128:
      return "ll128";
    case Protocol::kSimple:
      return "simple";
  }
  return "";
}

std::optional<Protocol> ProtocolByName(const std::string& name) {
  const std::string plain = PlainKey(name, NameKind::kOther);
  for (const Protocol protocol : kAll) {
    if (plain == ProtocolName(protocol)) {
      return protocol;
    }
  }
  return plain.empty() || plain == "auto" ? std::optional(Protocol::kAutomatic) : std::nullopt;
}

double DataShare(Protocol protocol) {
  switch (protocol) {
    case Protocol::kLl:
      return 0.5;
    case Protocol::kLl128:
      return 120.0 / 128.0;
    case Protocol::kAutomatic:
    case Protocol::kSimple:
      break;
  }
  return 1;
}

ServerSpec AtProtocol(ServerSpec server, Protocol protocol) {
  if (protocol != Protocol::kAutomatic) {
    server.scale_up = FitAt(server.scale_up, protocol, /*inside=*/true);
    server.scale_out = FitAt(server.scale_out, protocol, /*inside=*/false);
  }
  return server;
}

}  // namespace gridlock
