// Caches between pools, against SimGrid: the same flows over the same links end at the same times.

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <simgrid/s4u.hpp>

#include "sim/base/random.h"
#include "sim/platform/engine_options.h"
#include "sim/serving/kv_network.h"

namespace gridlock {
namespace {

namespace sg4 = simgrid::s4u;

struct Transfer {
  double start = 0, bytes = 0;
  std::size_t from = 0, to = 0;
};

std::vector<Transfer> DrawnTransfers(Random& random, std::size_t leaving, std::size_t entering) {
  std::vector<Transfer> transfers;
  double clock = 0;
  for (int i = 0; i < 60; ++i) {
    clock += random.Exponential(0.2);
    transfers.push_back({clock, std::round(1e9 * random.LogNormal(0, 1)), random.Below(leaving),
                         random.Below(entering)});
  }
  return transfers;
}

std::vector<double> EndsOfNetwork(const KvLinks& links, const std::vector<Transfer>& transfers) {
  KvNetwork network(links);
  std::vector<double> ends(transfers.size());
  const auto advance = [&](Seconds until) {
    while (network.NextEnd() <= until) {
      for (const KvNetwork::Ended& each : network.AdvanceTo(network.NextEnd())) {
        ends[static_cast<std::size_t>(each.id)] = each.time.si();
      }
    }
  };
  for (std::size_t i = 0; i < transfers.size(); ++i) {
    const Transfer& one = transfers[i];
    advance(Seconds(one.start));
    network.Start(Seconds(one.start), static_cast<std::int64_t>(i), one.from, one.to,
                  Bytes(one.bytes));
  }
  while (network.flows() > 0) {
    advance(network.NextEnd());
  }
  return ends;
}

// Links of 1 to 8 GB/s, and a core that carries less than all of them.
KvLinks DrawnLinks(Random& random) {
  KvLinks links;
  for (int i = 0; i < 3; ++i) {
    links.leaving.push_back(1e9 * static_cast<double>(1 + random.Below(8)));
  }
  for (int i = 0; i < 4; ++i) {
    links.entering.push_back(1e9 * static_cast<double>(1 + random.Below(8)));
  }
  links.core = 7e9;
  links.other_demand = 3e9;
  return links;
}

std::vector<double> EndsOfSimGrid(const KvLinks& links, const std::vector<Transfer>& transfers) {
  const auto engine = MakeEngine({});
  sg4::NetZone* zone = sg4::create_full_zone("fabric");
  const auto link = [&](const std::string& name, double rate) {
    sg4::Link* made = zone->create_link(name, rate * kUnitsPerByte);
    made->seal();
    return made;
  };
  sg4::Link* core = link("core", links.core);
  std::vector<sg4::Host*> from, to;
  std::vector<sg4::Link*> out, in;
  for (std::size_t i = 0; i < links.leaving.size(); ++i) {
    from.push_back(zone->create_host("from" + std::to_string(i), 1e9));
    out.push_back(link("out" + std::to_string(i), links.leaving[i]));
  }
  for (std::size_t i = 0; i < links.entering.size(); ++i) {
    to.push_back(zone->create_host("to" + std::to_string(i), 1e9));
    in.push_back(link("in" + std::to_string(i), links.entering[i]));
  }
  for (std::size_t i = 0; i < from.size(); ++i) {
    for (std::size_t j = 0; j < to.size(); ++j) {
      zone->add_route(from[i]->get_netpoint(), to[j]->get_netpoint(), nullptr, nullptr,
                      {sg4::LinkInRoute(out[i]), sg4::LinkInRoute(core), sg4::LinkInRoute(in[j])},
                      false);
    }
  }
  // Other traffic wants no more than its own link lets through.
  sg4::Host* one = zone->create_host("one", 1e9);
  sg4::Host* other = zone->create_host("other", 1e9);
  sg4::Link* demand = link("demand", links.other_demand);
  zone->add_route(one->get_netpoint(), other->get_netpoint(), nullptr, nullptr,
                  {sg4::LinkInRoute(demand), sg4::LinkInRoute(core)}, false);
  zone->seal();
  std::vector<double> ends(transfers.size());
  for (std::size_t i = 0; i < transfers.size(); ++i) {
    const Transfer& each = transfers[i];
    sg4::Actor::create("t" + std::to_string(i), from[each.from], [&, i, each] {
      sg4::this_actor::sleep_until(each.start);
      sg4::Comm::sendto(from[each.from], to[each.to],
                        static_cast<std::uint64_t>(each.bytes * kUnitsPerByte));
      ends[i] = sg4::Engine::get_clock();
    });
  }
  sg4::Actor::create("other", one, [&] {
    sg4::Comm::sendto(one, other, static_cast<std::uint64_t>(1e16));
  })->daemonize();
  engine->run();
  return ends;
}

// SimGrid keeps one clock per process: one draw in each test.
class KvNetworkAgainstSimGrid : public ::testing::TestWithParam<int> {};

TEST_P(KvNetworkAgainstSimGrid, EndsTheSameTransfersAtTheSameTimes) {
  Random random(static_cast<std::uint64_t>(GetParam()), "kv");
  const KvLinks links = DrawnLinks(random);
  const std::vector<Transfer> transfers =
      DrawnTransfers(random, links.leaving.size(), links.entering.size());
  const std::vector<double> ours = EndsOfNetwork(links, transfers);
  const std::vector<double> theirs = EndsOfSimGrid(links, transfers);
  double longest = 0;
  for (std::size_t i = 0; i < transfers.size(); ++i) {
    EXPECT_NEAR(ours[i], theirs[i], 1e-6) << "transfer " << i;
    longest = std::max(longest, ours[i] - transfers[i].start);
  }
  EXPECT_GT(longest, 1);  // flows do wait for each other
}

INSTANTIATE_TEST_SUITE_P(Draws, KvNetworkAgainstSimGrid, ::testing::Range(1, 7));

}  // namespace
}  // namespace gridlock
