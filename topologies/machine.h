#pragma once

// What a site is made of: the typed form of the hardware catalogue. Filled by the loader, const
// after.

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/base/units.h"
#include "topologies/fabric_spec.h"
#include "topologies/scale_up/spec.h"
#include "topologies/switch.h"

namespace gridlock {

/// Number formats in which matrix units are rated. Peak rates are dense (no structured sparsity).
enum class Precision { kFp32, kTf32, kBf16, kFp8, kFp4, kInt8 };

inline constexpr int kPrecisions = 6;

/// "bf16" and so on.
const char* PrecisionName(Precision precision);

/// Bytes of one element: 4, 4, 2, 1, 0.5, 1.
double PrecisionBytes(Precision precision);

/// One measured point: a GEMM of `flop` reaches `efficiency` of the dense peak.
struct EfficiencyPoint {
  Flop flop;
  double efficiency = 0.0;  ///< (0, 1]
};

/// Peak and efficiency of one accelerator in one number format.
struct MatrixRate {
  FlopPerSecond peak;                 ///< dense peak; zero when the part does not have the format
  std::vector<EfficiencyPoint> gemm;  ///< by rising FLOP; between points linear in log(FLOP)
  double attention_efficiency = 0.0;  ///< of the peak, fused attention kernels, forward
  double attention_backward_efficiency = 0.0;  ///< the same, backward
};

/// Where the power of one accelerator goes: what it draws without work, and a price for each FLOP,
/// HBM byte and link byte.
struct PowerSpec {
  Watts idle;       ///< no job holds it
  Watts active;     ///< a job holds it and does nothing: its clocks are up
  Watts limit;      ///< board power limit, now
  Watts own_limit;  ///< the board's own (TDP); 0: `limit` is
  Watts floor{};    ///< drawn at least while a step runs; 0: none
  /// How fast what a board draws may rise and fall, W/s; 0: as fast as it does.
  WattsPerSecond ramp_up{}, ramp_down{};
  JoulesPerFlop per_flop;                ///< at the clock that the limit leaves to long GEMMs
  JoulesPerFlop per_flop_at_full_clock;  ///< below the limit
  JoulesPerByte per_hbm_byte;
  JoulesPerByte per_link_byte;
  bool estimate = true;  ///< true when a coefficient is an estimate, which the output repeats

  /// The limit that clocks and rates were measured under.
  [[nodiscard]] Watts rated() const { return std::max(limit, own_limit); }

  /// Of a board that a job holds, and of a FLOP below the limit: what is not given is as idle and
  /// as at the limit.
  [[nodiscard]] Watts held() const { return std::max(idle, active); }

  [[nodiscard]] double FlopAtFullClock() const {
    return per_flop_at_full_clock.si() > 0 ? per_flop_at_full_clock / per_flop : 1.0;
  }
};

/// One accelerator (one package as software sees it).
struct AcceleratorSpec {
  std::string path;  ///< field path of the scenario that chose it
  std::string name;
  std::array<MatrixRate, kPrecisions> rates;
  Bytes hbm_capacity;
  BytesPerSecond hbm_bandwidth;  ///< datasheet peak
  double hbm_efficiency = 0.0;   ///< share of the peak that streaming kernels reach
  double sustained_clock = 1.0;  ///< clock under sustained load over clock of short measurements
  double solo_clock = 1.0;       ///< the same in a job of one accelerator
  /// Of `attention_efficiency`: what kernels reach that were written for an earlier part.
  double portable_attention = 1.0;
  BytesPerSecond scale_up_bandwidth;  ///< per direction, all links of the accelerator together
  /// Copies between HBM and the memory of the host, in each direction: of PCIe 5.0 x16, 0.86 of its
  /// 64 GB/s, where a part says nothing (sim/catalogue/parts.cpp has the measurement).
  BytesPerSecond host_bandwidth{55e9};
  PowerSpec power;
};

/// How fast collectives run over one kind of link. With w the time that the bytes of a rank take at
/// the link's full bandwidth: t = base + step x steps + w / efficiency + 2 sqrt(chunk x w). The
/// last term is the least loss of a pipeline of chunks, over all sizes of a chunk: chunks of b
/// bytes cost w / b times a fixed time, and h b to fill h links. Short messages go by a protocol of
/// their own where one is given; the faster of the two is taken.
struct CollectiveFit {
  double all_reduce_efficiency = 1.0;  ///< bus bandwidth of large all-reduces over link bandwidth
  double all_gather_efficiency = 1.0;  ///< all-gather
  double reduce_scatter_efficiency = 1.0;  ///< reduce-scatter
  double send_efficiency = 1.0;            ///< point to point
  Seconds step_latency;                    ///< per algorithm step
  Seconds base_latency;                    ///< per call
  /// Share of the link that the protocol of short messages reaches; 0: there is only the protocol
  /// of long messages.
  double low_latency_efficiency = 0.0;
  Seconds bulk_step_latency = Seconds(0);  ///< per step of the protocol of long messages
  Seconds chunk_latency = Seconds(0);      ///< of a chunk that is passed on
  /// A gather or scatter copies its own part of the buffer: its bytes count so much of a byte on
  /// the wire.
  double local_copy = 0.0;
  double all_to_all_efficiency = 1.0;  ///< bytes that leave a rank over link bandwidth
  /// The same of the part that a rank keeps in an all-to-all.
  double all_to_all_local_copy = 0.0;
  /// All-reduces that the switch of the domain adds up: bytes of the buffer over time over link
  /// bandwidth; 0: it adds nothing up.
  double in_switch_efficiency = 0.0;
  Seconds in_switch_latency = Seconds(0);  ///< what such an all-reduce adds per call
  /// The longest that the library joins over servers by trees of such switches; 0: any.
  Bytes switch_tree_longest = Bytes(0);
  /// What each rank of a domain beyond the eighth adds to the filling of that pipeline.
  Seconds in_switch_rank_latency = Seconds(0);
  /// in_switch_efficiency where trees join more than two domains; 0: that of one domain.
  double in_switch_tree_efficiency = 0.0;
  int ranks_most = 0;  ///< of a domain that the numbers were measured on; 0: nobody knows
  /// Tokens that go to a server once and are passed on there: share of the link, and the most that
  /// an accelerator passes on (0: as much as its port).
  double forwarded_efficiency = 1.0;
  BytesPerSecond forward_bandwidth = BytesPerSecond(0);
  Seconds expert_latency = Seconds(0);  ///< per exchange of tokens with experts
  Seconds send_latency = Seconds(0);    ///< of a message by itself; 0: that of a call and a step
};

/// A chassis or rack with its NICs. Its accelerators share one scale-up domain, unless the network
/// of the site is direct.
struct ServerSpec {
  std::string path;
  std::string name;
  AcceleratorSpec accelerator;
  int accelerators = 0;          ///< 8 in a server, 72 in a rack
  CollectiveFit scale_up;        ///< inside the domain
  int nics = 0;                  ///< scale-out NICs, shared out evenly
  BytesPerSecond nic_bandwidth;  ///< per NIC and direction
  /// NIC bandwidth that switches and cables are built for, where that is more than nic_bandwidth: a
  /// cap on NICs leaves the fabric as it was built.
  BytesPerSecond fabric_nic_bandwidth;
  CollectiveFit scale_out;  ///< across NICs
  /// Hosts, fans, NICs, scale-up switches, beyond the accelerators, while these are idle; and what
  /// they draw more for each watt that the accelerators draw above idle: fans and power supplies.
  Watts overhead_power;
  double overhead_per_watt = 0;
  Joules power_storage{};  ///< in the power supplies, of each accelerator
  /// True: accelerators are routers of the site's network (a torus), and their scale-up links are
  /// its links. Set by the loader from the site's fabric.
  bool direct = false;
  ScaleUpSpec network;  ///< how the accelerators reach each other and their NICs
  /// By number of members: what each of them can send in a ring of the first accelerators. Empty
  /// where every port carries all that its accelerator sends. See RingBandwidths.
  std::vector<BytesPerSecond> ring_bandwidths;

  /// What each of `members` neighbours in the domain can send in a ring of them.
  [[nodiscard]] BytesPerSecond RingBandwidth(int members) const {
    return ring_bandwidths.empty()
               ? accelerator.scale_up_bandwidth
               : ring_bandwidths[std::min<std::size_t>(members, ring_bandwidths.size() - 1)];
  }

  /// NICs as the network sees them: several of one accelerator act as one.
  [[nodiscard]] int nics_seen() const { return std::min(nics, accelerators); }

  /// NICs that act as one of them; 1.5 where eight accelerators share twelve.
  [[nodiscard]] double nics_each() const { return std::max(1.0, 1.0 * nics / accelerators); }

  /// Accelerators that reach each other through ports alone: the scale-up domain.
  [[nodiscard]] int domain() const { return direct ? 1 : accelerators; }

  /// How fast collectives run between scale-up domains.
  [[nodiscard]] const CollectiveFit& across() const { return direct ? scale_up : scale_out; }

  /// What an accelerator can send at once to other scale-up domains of its site, over all its links
  /// or through one NIC.
  [[nodiscard]] BytesPerSecond across_bandwidth() const {
    return direct ? accelerator.scale_up_bandwidth : nic_bandwidth;
  }
};

/// A server that is nowhere faster than either of two servers of one make, which may differ by
/// overrides or caps. A job across both moves at the pace of the slower one.
ServerSpec SlowerOf(ServerSpec a, const ServerSpec& b);

/// What gives way when a site would draw more power than it may.
enum class PowerPolicy {
  kSlow,   ///< every accelerator gets a lower power limit
  kQueue,  ///< jobs wait, and the last to start are stopped
};

/// Servers that come later.
struct DeliverySpec {
  Seconds at;
  std::int32_t servers = 0;
};

/// Servers that leave for good.
struct RetirementSpec {
  Seconds at;
  std::int32_t servers = 0;
  /// What an accelerator is sold for; not set: for what it has not been written off by.
  std::optional<double> resale_usd = {};
};

/// What a site's profile says from a time on; see Hour in proto/facts.proto.
struct HourSpec {
  Seconds at;
  std::optional<double> electricity, carbon, temperature;
};

/// Hours by rising time, and the time after which they begin anew.
struct ProfileSpec {
  std::vector<HourSpec> hours;
  Seconds repeats;
};

/// PUE at full load at an outside temperature, degrees Celsius.
struct PuePointSpec {
  double temperature = 0, pue = 1;
};

/// See Battery in proto/facts.proto. Its losses are those of what it takes.
struct BatterySpec {
  Joules capacity{};  ///< that it can give; 0: there is none
  Watts power{};
  double efficiency = 1;
  Watts shave_above{};                                  ///< 0: none
  std::optional<double> discharge_above, charge_below;  ///< USD/kWh
  double capital_usd_per_kwh = 0;
  Seconds lifetime = 15 * kYear;  ///< in which it is written off
  double ageing = 0, wear = 0;    ///< of its capacity, lost a year, and by giving all of it once
};

/// What servers stand in, from the inside out: see SiteSpec::ServersOfGroup.
inline constexpr std::array kBuildingGroups = {"rack", "row", "feed"};

/// One datacenter hall: identical servers under one fabric.
struct SiteSpec {
  std::string path;
  std::string name;
  ServerSpec server;
  int servers = 0;
  FabricSpec fabric;
  /// Moves the hashes by which switches choose paths (ECMP).
  std::uint64_t hash_seed = 0;
  /// Queue pairs between two NICs that share what they send evenly; each has a hash of its own.
  int queue_pairs = 1;
  /// Links and switches that are out of service, by name.
  std::vector<std::string> failed;
  double pue = 1.0;
  Watts power_cap;  ///< of the site, PUE included; 0: none
  PowerPolicy power_policy = PowerPolicy::kSlow;
  BytesPerSecond storage_bandwidth;        ///< of checkpoint storage, per direction; 0: none given
  Watts storage_power;                     ///< of that storage, at all times
  double electricity_usd_per_kwh = 0;      ///< 0: not given
  double carbon_g_per_kwh = 0;             ///< 0: not given
  JoulesPerByte optics;                    ///< power of one end of a cable over its bandwidth
  double capital_usd_per_accelerator = 0;  ///< to build all of the site; 0: not given
  Seconds depreciation = 4 * kYear;
  /// Staff, upkeep, repairs, taxes and land of an accelerator; 0: not counted.
  double operation_usd_per_accelerator_year = 0;
  /// How servers stand: so many in a rack, and so on; 0: not said.
  std::int32_t servers_per_rack = 0, racks_per_row = 0, rows_per_feed = 0;
  Watts rack_cap, row_cap;  ///< of its servers, without PUE; 0: none
  /// Of `servers`, the last that come later, in their order.
  std::vector<DeliverySpec> deliveries;
  /// Of `servers`, the first that leave, in their order.
  std::vector<RetirementSpec> retirements;
  std::shared_ptr<const ProfileSpec> profile;  ///< null: prices and PUE hold at all hours
  std::vector<PuePointSpec> pue_points;        ///< by rising temperature; empty: `pue` at any
  double pue_fixed = 0;                        ///< share of the overhead that is there at any load
  double response_price = 0;                   ///< above it response_cap holds
  Watts response_cap;                          ///< 0: none
  BatterySpec battery;

  /// PUE at a temperature and a load, IT power over the most that it can be.
  [[nodiscard]] double PueAt(std::optional<double> temperature, double load) const;

  /// Whether the PUE is not the same at all times.
  [[nodiscard]] bool pue_varies() const { return pue_fixed > 0 || !pue_points.empty(); }

  /// Servers of a "rack", "row" or "feed"; 0: nothing says how many, or another name.
  [[nodiscard]] std::int32_t ServersOfGroup(std::string_view group) const;
};

/// A link between two sites, the same in both directions.
struct WanSpec {
  std::string path;
  SiteIndex from{0}, to{0};
  BytesPerSecond bandwidth;  ///< per direction
  Seconds latency;           ///< one way, of the fibre
  double rent_usd_per_month = 0;
  double usd_per_byte = 0;  ///< of what it carries, either way
};

}  // namespace gridlock
