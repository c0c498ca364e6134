#pragma once

// The fields of everything that a machine is made of: which of them bear on a simulated step. Their
// meanings stand in machine.h, placement.h.

#include "sim/base/fields.h"
#include "topologies/machine.h"
#include "topologies/placement.h"

namespace gridlock {

template <>
inline constexpr auto kFields<EfficiencyPoint> = Bearing(&EfficiencyPoint::flop,
                                                         &EfficiencyPoint::efficiency);

template <>
inline constexpr auto kFields<MatrixRate> = Bearing(&MatrixRate::peak, &MatrixRate::gemm,
                                                    &MatrixRate::attention_efficiency,
                                                    &MatrixRate::attention_backward_efficiency);

template <>
inline constexpr auto kFields<PowerSpec> = Bearing(&PowerSpec::idle, &PowerSpec::limit,
                                                   &PowerSpec::per_flop, &PowerSpec::per_hbm_byte,
                                                   &PowerSpec::per_link_byte, &PowerSpec::estimate);

template <>
inline constexpr auto kFields<AcceleratorSpec> =
    std::tuple_cat(Aside(&AcceleratorSpec::path, &AcceleratorSpec::name),
                   Bearing(&AcceleratorSpec::rates, &AcceleratorSpec::hbm_capacity,
                           &AcceleratorSpec::hbm_bandwidth, &AcceleratorSpec::hbm_efficiency,
                           &AcceleratorSpec::sustained_clock, &AcceleratorSpec::scale_up_bandwidth,
                           &AcceleratorSpec::power));

template <>
inline constexpr auto kFields<CollectiveFit> =
    Bearing(&CollectiveFit::all_reduce_efficiency, &CollectiveFit::all_gather_efficiency,
            &CollectiveFit::reduce_scatter_efficiency, &CollectiveFit::send_efficiency,
            &CollectiveFit::step_latency, &CollectiveFit::base_latency,
            &CollectiveFit::low_latency_efficiency, &CollectiveFit::bulk_latency,
            &CollectiveFit::local_copy, &CollectiveFit::all_to_all_efficiency,
            &CollectiveFit::reduces_in_switch);

template <>
inline constexpr auto kFields<ServerSpec> = std::tuple_cat(
    Aside(&ServerSpec::path, &ServerSpec::name),
    Bearing(&ServerSpec::accelerator, &ServerSpec::accelerators, &ServerSpec::scale_up,
            &ServerSpec::nics, &ServerSpec::nic_bandwidth, &ServerSpec::fabric_nic_bandwidth,
            &ServerSpec::scale_out, &ServerSpec::overhead_power, &ServerSpec::direct));

template <>
inline constexpr auto kFields<SwitchSpec> =
    std::tuple_cat(Aside(&SwitchSpec::name, &SwitchSpec::power),
                   Bearing(&SwitchSpec::ports, &SwitchSpec::port_bandwidth, &SwitchSpec::latency));

template <>
inline constexpr auto kFields<ClosSpec> = std::tuple_cat(
    Aside(&ClosSpec::path),
    Bearing(&ClosSpec::rail_optimized, &ClosSpec::servers_per_leaf, &ClosSpec::leaves_per_pod,
            &ClosSpec::leaf_oversubscription, &ClosSpec::spine_oversubscription, &ClosSpec::tiers,
            &ClosSpec::leaf, &ClosSpec::spine, &ClosSpec::core, &ClosSpec::routing));

template <>
inline constexpr auto kFields<TorusSpec> = std::tuple_cat(
    Aside(&TorusSpec::path, &TorusSpec::optical_switches, &TorusSpec::optical_switch),
    Bearing(&TorusSpec::size, &TorusSpec::block, &TorusSpec::hop_latency));

template <>
inline constexpr auto kFields<HyperXSpec> = std::tuple_cat(
    Aside(&HyperXSpec::path), Bearing(&HyperXSpec::size, &HyperXSpec::servers_per_router,
                                      &HyperXSpec::links_between, &HyperXSpec::router));

template <>
inline constexpr auto kFields<RouteGraph::Node> = Bearing(&RouteGraph::Node::id,
                                                          &RouteGraph::Node::kind,
                                                          &RouteGraph::Node::server,
                                                          &RouteGraph::Node::latency,
                                                          &RouteGraph::Node::border);

template <>
inline constexpr auto kFields<RouteGraph::Edge> =
    Bearing(&RouteGraph::Edge::id, &RouteGraph::Edge::from, &RouteGraph::Edge::to,
            &RouteGraph::Edge::tier, &RouteGraph::Edge::capacity, &RouteGraph::Edge::can_bind,
            &RouteGraph::Edge::preference, &RouteGraph::Edge::stream);

template <>
inline constexpr auto kFields<RouteGraph> = Bearing(&RouteGraph::nodes, &RouteGraph::edges,
                                                    &RouteGraph::hashed,
                                                    &RouteGraph::by_destination);

// The hash stands for the graph.
template <>
inline constexpr auto kFields<ListedSpec> = std::tuple_cat(
    Aside(&ListedSpec::path, &ListedSpec::file, &ListedSpec::graph), Bearing(&ListedSpec::hash));

template <>
inline constexpr auto kFields<SiteSpec> =
    std::tuple_cat(Aside(&SiteSpec::path, &SiteSpec::name, &SiteSpec::pue, &SiteSpec::power_cap,
                         &SiteSpec::power_policy, &SiteSpec::storage_bandwidth,
                         &SiteSpec::electricity_usd_per_kwh, &SiteSpec::carbon_g_per_kwh),
                   Bearing(&SiteSpec::server, &SiteSpec::servers, &SiteSpec::fabric,
                           &SiteSpec::hash_seed, &SiteSpec::queue_pairs, &SiteSpec::failed));

template <>
inline constexpr auto kFields<WanSpec> =
    std::tuple_cat(Aside(&WanSpec::path),
                   Bearing(&WanSpec::from, &WanSpec::to, &WanSpec::bandwidth, &WanSpec::latency));

template <>
inline constexpr auto kFields<ServerRun> = Bearing(&ServerRun::site, &ServerRun::first,
                                                   &ServerRun::count);

}  // namespace gridlock
