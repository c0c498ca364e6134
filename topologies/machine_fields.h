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
inline constexpr auto kFields<PowerSpec> = std::tuple_cat(
    Aside(&PowerSpec::ramp_up),
    Bearing(&PowerSpec::idle, &PowerSpec::active, &PowerSpec::limit, &PowerSpec::own_limit,
            &PowerSpec::floor, &PowerSpec::ramp_down, &PowerSpec::per_flop,
            &PowerSpec::per_flop_at_full_clock, &PowerSpec::per_hbm_byte, &PowerSpec::per_link_byte,
            &PowerSpec::estimate));

template <>
inline constexpr auto kFields<AcceleratorSpec> = std::tuple_cat(
    Aside(&AcceleratorSpec::path, &AcceleratorSpec::name),
    Bearing(&AcceleratorSpec::rates, &AcceleratorSpec::hbm_capacity,
            &AcceleratorSpec::hbm_bandwidth, &AcceleratorSpec::hbm_efficiency,
            &AcceleratorSpec::sustained_clock, &AcceleratorSpec::solo_clock,
            &AcceleratorSpec::portable_attention, &AcceleratorSpec::scale_up_bandwidth,
            &AcceleratorSpec::host_bandwidth, &AcceleratorSpec::power));

template <>
inline constexpr auto kFields<CollectiveFit> = std::tuple_cat(
    Aside(&CollectiveFit::ranks_most),
    Bearing(&CollectiveFit::all_reduce_efficiency, &CollectiveFit::all_gather_efficiency,
            &CollectiveFit::reduce_scatter_efficiency, &CollectiveFit::send_efficiency,
            &CollectiveFit::step_latency, &CollectiveFit::base_latency,
            &CollectiveFit::low_latency_efficiency, &CollectiveFit::bulk_step_latency,
            &CollectiveFit::chunk_latency, &CollectiveFit::local_copy,
            &CollectiveFit::all_to_all_efficiency, &CollectiveFit::all_to_all_local_copy,
            &CollectiveFit::in_switch_efficiency, &CollectiveFit::in_switch_latency,
            &CollectiveFit::switch_tree_longest, &CollectiveFit::in_switch_rank_latency,
            &CollectiveFit::in_switch_tree_efficiency, &CollectiveFit::forwarded_efficiency,
            &CollectiveFit::forward_bandwidth, &CollectiveFit::expert_latency,
            &CollectiveFit::send_latency));

template <>
inline constexpr auto kFields<MeshPair> = Bearing(&MeshPair::a, &MeshPair::b, &MeshPair::links,
                                                  &MeshPair::speed);

template <>
inline constexpr auto kFields<PcieSpec> = Bearing(&PcieSpec::given, &PcieSpec::sockets,
                                                  &PcieSpec::switches, &PcieSpec::link,
                                                  &PcieSpec::uplink, &PcieSpec::socket_link,
                                                  &PcieSpec::nic_link, &PcieSpec::through_host,
                                                  &PcieSpec::host_memory,
                                                  &PcieSpec::accelerators_at, &PcieSpec::nics_at);

template <>
inline constexpr auto kFields<ScaleUpSpec> = std::tuple_cat(
    Aside(&ScaleUpSpec::path),
    Bearing(&ScaleUpSpec::links, &ScaleUpSpec::chips, &ScaleUpSpec::lost, &ScaleUpSpec::group,
            &ScaleUpSpec::oversubscription, &ScaleUpSpec::links_each, &ScaleUpSpec::between,
            &ScaleUpSpec::mesh_group, &ScaleUpSpec::between_groups, &ScaleUpSpec::pairs,
            &ScaleUpSpec::torus, &ScaleUpSpec::open, &ScaleUpSpec::cores, &ScaleUpSpec::core_link,
            &ScaleUpSpec::pcie));

template <>
inline constexpr auto kFields<ServerSpec> = std::tuple_cat(
    Aside(&ServerSpec::path, &ServerSpec::name, &ServerSpec::power_storage),
    Bearing(&ServerSpec::accelerator, &ServerSpec::accelerators, &ServerSpec::scale_up,
            &ServerSpec::nics, &ServerSpec::nic_bandwidth, &ServerSpec::fabric_nic_bandwidth,
            &ServerSpec::scale_out, &ServerSpec::overhead_power, &ServerSpec::overhead_per_watt,
            &ServerSpec::direct, &ServerSpec::network, &ServerSpec::ring_bandwidths));

template <>
inline constexpr auto kFields<SwitchSpec> =
    std::tuple_cat(Aside(&SwitchSpec::name, &SwitchSpec::power),
                   Bearing(&SwitchSpec::ports, &SwitchSpec::port_bandwidth, &SwitchSpec::latency));

template <>
inline constexpr auto kFields<ClosSpec> = std::tuple_cat(
    Aside(&ClosSpec::path),
    Bearing(&ClosSpec::rail_optimized, &ClosSpec::servers_per_leaf, &ClosSpec::leaves_per_pod,
            &ClosSpec::leaf_oversubscription, &ClosSpec::spine_oversubscription, &ClosSpec::tiers,
            &ClosSpec::leaf, &ClosSpec::spine, &ClosSpec::core, &ClosSpec::routing,
            &ClosSpec::planes, &ClosSpec::split_nics, &ClosSpec::rail_forwarding));

template <>
inline constexpr auto kFields<TorusSpec> = std::tuple_cat(
    Aside(&TorusSpec::path, &TorusSpec::optical_switches, &TorusSpec::optical_switch),
    Bearing(&TorusSpec::size, &TorusSpec::block, &TorusSpec::slice, &TorusSpec::twisted,
            &TorusSpec::hop_latency));

template <>
inline constexpr auto kFields<RouterRouting> = Bearing(&RouterRouting::paths,
                                                       &RouterRouting::spread);

template <>
inline constexpr auto kFields<DragonflySpec> =
    std::tuple_cat(Aside(&DragonflySpec::path),
                   Bearing(&DragonflySpec::groups, &DragonflySpec::routers_per_group,
                           &DragonflySpec::spines_per_group, &DragonflySpec::servers_per_router,
                           &DragonflySpec::global_links, &DragonflySpec::local_links,
                           &DragonflySpec::router, &DragonflySpec::spine, &DragonflySpec::routing));

template <>
inline constexpr auto kFields<JellyfishSpec> = std::tuple_cat(
    Aside(&JellyfishSpec::path), Bearing(&JellyfishSpec::routers, &JellyfishSpec::router_links,
                                         &JellyfishSpec::servers_per_router, &JellyfishSpec::seed,
                                         &JellyfishSpec::router, &JellyfishSpec::routing));

template <>
inline constexpr auto kFields<SlimFlySpec> = std::tuple_cat(
    Aside(&SlimFlySpec::path), Bearing(&SlimFlySpec::q, &SlimFlySpec::servers_per_router,
                                       &SlimFlySpec::router, &SlimFlySpec::routing));

template <>
inline constexpr auto kFields<HyperXSpec> =
    std::tuple_cat(Aside(&HyperXSpec::path),
                   Bearing(&HyperXSpec::size, &HyperXSpec::servers_per_router,
                           &HyperXSpec::links_between, &HyperXSpec::router, &HyperXSpec::routing));

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
                                                    &RouteGraph::hashed, &RouteGraph::sprayed,
                                                    &RouteGraph::by_destination);

// The hash stands for the graph.
template <>
inline constexpr auto kFields<ListedSpec> = std::tuple_cat(
    Aside(&ListedSpec::path, &ListedSpec::file, &ListedSpec::graph), Bearing(&ListedSpec::hash));

template <>
inline constexpr auto kFields<DeliverySpec> = Aside(&DeliverySpec::at, &DeliverySpec::servers);

template <>
inline constexpr auto kFields<RetirementSpec> = Aside(&RetirementSpec::at, &RetirementSpec::servers,
                                                      &RetirementSpec::resale_usd);

template <>
inline constexpr auto kFields<HourSpec> = Aside(&HourSpec::at, &HourSpec::electricity,
                                                &HourSpec::carbon, &HourSpec::temperature);

template <>
inline constexpr auto kFields<ProfileSpec> = Aside(&ProfileSpec::hours, &ProfileSpec::repeats);

template <>
inline constexpr auto kFields<PuePointSpec> = Aside(&PuePointSpec::temperature, &PuePointSpec::pue);

template <>
inline constexpr auto kFields<BatterySpec> =
    Aside(&BatterySpec::capacity, &BatterySpec::power, &BatterySpec::efficiency,
          &BatterySpec::shave_above, &BatterySpec::discharge_above, &BatterySpec::charge_below,
          &BatterySpec::capital_usd_per_kwh, &BatterySpec::lifetime, &BatterySpec::ageing,
          &BatterySpec::wear);

template <>
inline constexpr auto kFields<SiteSpec> = std::tuple_cat(
    Aside(&SiteSpec::path, &SiteSpec::name, &SiteSpec::pue, &SiteSpec::power_cap,
          &SiteSpec::power_policy, &SiteSpec::storage_bandwidth, &SiteSpec::storage_power,
          &SiteSpec::retirements, &SiteSpec::electricity_usd_per_kwh, &SiteSpec::carbon_g_per_kwh,
          &SiteSpec::optics, &SiteSpec::capital_usd_per_accelerator, &SiteSpec::depreciation,
          &SiteSpec::operation_usd_per_accelerator_year, &SiteSpec::servers_per_rack,
          &SiteSpec::racks_per_row, &SiteSpec::rows_per_feed, &SiteSpec::rack_cap,
          &SiteSpec::row_cap, &SiteSpec::deliveries, &SiteSpec::profile, &SiteSpec::pue_points,
          &SiteSpec::pue_fixed, &SiteSpec::response_price, &SiteSpec::response_cap,
          &SiteSpec::battery),
    Bearing(&SiteSpec::server, &SiteSpec::servers, &SiteSpec::fabric, &SiteSpec::hash_seed,
            &SiteSpec::queue_pairs, &SiteSpec::failed));

template <>
inline constexpr auto kFields<WanSpec> =
    std::tuple_cat(Aside(&WanSpec::path, &WanSpec::rent_usd_per_month, &WanSpec::usd_per_byte),
                   Bearing(&WanSpec::from, &WanSpec::to, &WanSpec::bandwidth, &WanSpec::latency));

template <>
inline constexpr auto kFields<ServerRun> = Bearing(&ServerRun::site, &ServerRun::first,
                                                   &ServerRun::count);

}  // namespace gridlock
