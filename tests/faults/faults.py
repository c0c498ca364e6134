"""One-line faults that the default tests must catch: a swapped unit, a dropped link, halved bytes, a rank
too many, a latency that is lost. Each says where it goes, what stands there and what takes its place,
and which tests are to catch it.
"""

from typing import NamedTuple


class Fault(NamedTuple):
    name: str
    file: str
    old: str      # stands in the file exactly once
    new: str
    tests: tuple  # entries of ctest


FAULTS = [
    # Units.
    Fault("a gigabit is a gigabyte", "sim/base/units.cpp",
          '{"Gbps", 125e6},', '{"Gbps", 1e9},', ("test_units",)),
    Fault("a mebibyte is a megabyte", "sim/base/units.cpp",
          '{"MiB", kMebi}', '{"MiB", 1e6}', ("test_units",)),
    Fault("a microsecond is a millisecond", "sim/base/units.cpp",
          '{"ns", 1e-9},\n    {"us", 1e-6},', '{"ns", 1e-9},\n    {"us", 1e-3},', ("test_units",)),
    Fault("energy of a bit as of a byte", "sim/base/units.cpp",
          '{"pJ/bit", 8e-12}', '{"pJ/bit", 1e-12}', ("test_units",)),
    Fault("joules of a kilowatt-hour are kilojoules", "sim/base/units.h",
          "kJoulesPerKilowattHour = 1000 *", "kJoulesPerKilowattHour = 1 *", ("life_test", "power_test")),
    Fault("grams of carbon are kilograms", "sim/cluster/ledger.cpp",
          "kGramsPerKilogram = 1000", "kGramsPerKilogram = 1", ("life_test", "power_test")),
    Fault("a day of requests has an hour", "workloads/requests.cpp",
          ".si() / kSecondsPerDay;", ".si() / 3600;", ("workloads_test",)),
    # Bytes and FLOP.
    Fault("a transfer has half its bytes", "sim/engine/transfer.cpp",
          "(bytes_ * kUnitsPerByte + 0.5)", "(bytes_ * kUnitsPerByte * 0.5 + 0.5)", ("closed_form_test",)),
    Fault("a message ignores its efficiency", "sim/engine/agent.cpp",
          "const double wire = payload / world_.plan.flows[f].efficiency;", "const double wire = payload;",
          ("closed_form_test", "algorithms_test")),
    Fault("a product has half its FLOP", "workloads/matrix_products.cpp",
          "Flop(2.0 * m * n * k)", "Flop(1.0 * m * n * k)", ("workloads_test",)),
    Fault("the cache has keys and no values", "workloads/decode.cpp",
          "iteration.token_bytes() * copies;", "iteration.token_bytes() * copies / 2.0;",
          ("workloads_test",)),
    Fault("optimizer states are sharded a ZeRO stage late", "workloads/memory.cpp",
          "OptimizerStates(job, kept(parameters, 1),", "OptimizerStates(job, kept(parameters, 2),",
          ("workloads_test",)),
    Fault("energy without what servers add", "sim/energy/energy.cpp",
          "          server.overhead_per_watt;", "          0.0;", ("host_power_test",)),
    Fault("performance counts half the bits", "sim/policy/export_rules.cpp",
          "rate.peak.si() / kTera * rate.bits);", "rate.peak.si() / kTera * rate.bits / 2);",
          ("policy_test",)),
    Fault("input and output without the host", "sim/policy/export_rules.cpp",
          "return part.links + part.host;", "return part.links;", ("policy_test",)),
    # Ranks.
    Fault("a ring sends a share too many", "workloads/program/ring.cpp",
          "(RoundsOf(call.kind) * (n - 1) / n)", "(RoundsOf(call.kind) * n / n)", ("workloads_test",)),
    Fault("a ring leaves out every second node", "workloads/program/ring.cpp",
          "sink(node, (node + 1) % nodes);", "sink(node, (node + 2) % nodes);",
          ("algorithms_test", "closed_form_test")),
    Fault("a pipeline warms up a pass too long", "workloads/schedule.cpp",
          "v == 1 ? p - stage - 1 :", "v == 1 ? p - stage :", ("workloads_test",)),
    Fault("micro-batches forget the replicas", "workloads/schedule.cpp",
          "return job.global_batch / (job.micro_batch * job.layout.data);",
          "return job.global_batch / job.micro_batch;", ("workloads_test",)),
    Fault("the time of a token counts the first", "sim/serving/latency.cpp",
          "static_cast<double>(request.output_tokens - 1);", "static_cast<double>(request.output_tokens);",
          ("latency_test",)),
    Fault("a finished answer leaves a token in the cache", "sim/serving/batching.cpp",
          "held_ -= tokens - 1 + Beside(request);", "held_ -= tokens - 2 + Beside(request);", ("batching_test",)),
    # Links.
    Fault("all ranks of a server have its NICs", "workloads/program/collective.cpp",
          "return server.nic_bandwidth * (nics / members);", "return server.nic_bandwidth * nics;",
          ("workloads_test", "closed_form_test")),
    Fault("a route drops the way down from the core", "topologies/clos/topology.cpp",
          "    route.push_back(links_.At(kSpineDown, to_pod));\n", "", ("topologies_test",)),
    Fault("a kept flow comes down in the pod it left", "topologies/clos/topology.cpp",
          "const int to_spine = to_pod * layout_.spines_per_pod + plane;",
          "const int to_spine = from_pod * layout_.spines_per_pod + plane;", ("topologies_test",)),
    Fault("a link of a torus carries both directions", "topologies/torus/topology.cpp",
          "scale_up_bandwidth / (2.0 * dimensions());", "scale_up_bandwidth / (1.0 * dimensions());",
          ("topologies_test", "torus_test")),
    Fault("a global link of a dragonfly ends at the wrong router", "topologies/dragonfly/topology.cpp",
          "router(j, others - 1 - ahead + n * others)}", "router(j, ahead + n * others)}",
          ("topologies_test",)),
    # Latency.
    Fault("a ring across domains starts at once", "workloads/program/ring.cpp",
          "cost.latency += out.base_latency + in.step_latency * (rounds * StepsOfAllDomains(call)) +",
          "cost.latency += in.step_latency * (rounds * StepsOfAllDomains(call)) +",
          ("workloads_test", "closed_form_test")),
    Fault("a tree goes up and not down", "workloads/program/tree.cpp",
          "const double depth = 2 * DepthOf(group.domains);", "const double depth = DepthOf(group.domains);",
          ("workloads_test", "algorithms_test")),
    Fault("chunks wait half as long", "workloads/program/collective.cpp",
          "return Seconds(2 * std::sqrt(", "return Seconds(1 * std::sqrt(", ("workloads_test",)),
    Fault("a message has no latency", "sim/engine/agent.cpp",
          "const double arrival = World::Now() + flow.latency;", "const double arrival = World::Now();",
          ("closed_form_test",)),
    Fault("a collective has no latency", "sim/engine/communicator.cpp",
          "  if (record.latency > 0) {", "  if (record.latency > 1e9) {", ("closed_form_test",)),
    Fault("a cache arrives without latency", "sim/serving/kv_network.cpp",
          "flow.end = time + links_.latency;", "flow.end = time;", ("pools_test",)),
    Fault("latency is charged to the link", "sim/measure/critical_path.cpp",
          "ChargeTransfer(message.cause, message.posted, message.latency);",
          "ChargeTransfer(message.cause, message.posted, 0);", ("attribution_test", "examples")),
    # Time and order.
    Fault("a failure loses nothing", "sim/cluster/training_run.cpp",
          "  done_ = saved_;\n", "", ("life_test", "life_failures_test")),
    Fault("checkpoints come half as often", "sim/cluster/training_run.cpp",
          "std::max(now_, last + interval);", "std::max(now_, last + interval * 2);",
          ("life_test", "life_failures_test")),
    Fault("backfill takes jobs that end too late", "sim/scheduler/backfill.cpp",
          "end <= reserved_[site]->shadow) ||", "end >= reserved_[site]->shadow) ||", ("scheduler_test",)),
    Fault("a reservation waits for a server less", "sim/scheduler/round.cpp",
          "end != ends.end() && free < job.servers; ++end)", "end != ends.end() && free + 1 < job.servers; ++end)",
          ("scheduler_test",)),
]
