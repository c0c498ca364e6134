// Messages over fabrics: closed forms of how links are shared, and a packet-level simulator.

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim/base/random.h"
#include "sim/process/pool.h"
#include "sim/scenario/message_file.h"
#include "sim/scenario/scenario.h"
#include "sim/study/flow_study.h"
#include "tests/fixture_files.h"
#include "tests/source_dir.h"

namespace gridlock {

namespace {

constexpr double kMiB = 1024 * 1024;
constexpr double kLink = 12.5e9;  // byte/s, 100 Gbps
constexpr PacketFormat kTcpOverPpp{"ns-3", Bytes(8948), Bytes(20 + 32 + 2)};

/// 4 leaves of 4 hosts and 2 spines, or what overrides make of it.
Network LeafSpineNetwork(const std::vector<std::string>& overrides = {}) {
  const Scenario scenario =
      LoadSites(GRIDLOCK_SOURCE_DIR "/tests/fixtures/right/leaf_spine.textproto", overrides);
  return {scenario.sites, scenario.wans};
}

/// Ends of all messages, simulated in a child: a process has one clock.
std::vector<double> Ends(const Network& network, const std::vector<NetworkMessage>& messages,
                         const FlowOptions& options = {}) {
  const std::string bytes =
      RunInChild([&](const auto& /*progress*/) {
        std::string out;
        for (const FlowResult& flow : RunFlowStudy(network, messages, options).flows) {
          const double end = flow.end.si();
          out.append(reinterpret_cast<const char*>(&end), sizeof end);
        }
        return out;
      }).Take();
  std::vector<double> ends(bytes.size() / sizeof(double));
  std::memcpy(ends.data(), bytes.data(), bytes.size());
  return ends;
}

double Last(const std::vector<double>& ends) {
  return *std::max_element(ends.begin(), ends.end());
}

NetworkMessage Send(int from, int to, double bytes, double start = 0) {
  return {{from}, {to}, Bytes(bytes), Seconds(start)};
}

std::vector<NetworkMessage> Shifted(int hosts, int by, double bytes) {
  std::vector<NetworkMessage> messages;
  for (int i = 0; i < hosts; ++i) {
    messages.push_back(Send(i, (i + by) % hosts, bytes));
  }
  return messages;
}

/// What the reader says of a table.
std::string ReadingOf(const Network& network, const std::string& table) {
  return RefusalsOf([&] {
    (void)ReadMessages("m.csv", table, network);
  });
}

}  // namespace

// ns-3 3.37, MTU 9000, TCP over point-to-point links: incast, dumbbell and ring within 2 %, the
// permutation within 5 %. An all-to-all over a window of 128 KiB leaves gaps on the uplinks that a
// fluid does not: it is 10 % slower there.
TEST(PacketLevel, IsMetByTheFluidWithHeaders) {
  FlowOptions options;
  options.packets = kTcpOverPpp;
  const Network fabric = LeafSpineNetwork();
  const double incast = Last(Ends(fabric, IncastMessages(15, Bytes(4 * kMiB)), options));
  EXPECT_NEAR(incast, 5.066e-3, 0.02 * 5.066e-3);
  const double permutation = Last(Ends(fabric, Shifted(16, 4, 4 * kMiB), options));
  EXPECT_NEAR(permutation, 0.687e-3, 0.05 * 0.687e-3);
  const double step = Last(Ends(fabric, Shifted(16, 1, kMiB), options));
  EXPECT_NEAR(30 * step, 2.662e-3, 0.02 * 2.662e-3);  // a ring all-reduce of 16 MiB
  const double all_to_all = Last(Ends(fabric, AllToAllMessages(16, Bytes(kMiB)), options));
  EXPECT_NEAR(all_to_all, 2.013e-3 * 9002 / 8948 + 4e-6, 1e-3 * all_to_all);
  EXPECT_NEAR(all_to_all, 2.224e-3, 0.10 * 2.224e-3);
  const Network dumbbell = LeafSpineNetwork({"site.servers=8", "site.fabric.clos.leaves_per_pod=2",
                                             "site.fabric.clos.leaf_oversubscription=4"});
  std::vector<NetworkMessage> across = Shifted(8, 4, 16 * kMiB);
  across.resize(4);
  const double dumb = Last(Ends(dumbbell, across, options));
  EXPECT_NEAR(dumb, 5.407e-3, 0.02 * 5.407e-3);
}

// One direction of a link takes nothing from the other: acknowledgements are headers, not traffic.
TEST(TwoMessagesAgainstEachOther, GetTheWholeLinkEach) {
  const Network fabric = LeafSpineNetwork({"site.override.nic_bandwidth=1 Gbps"});
  FlowOptions options;
  const std::vector<double> plain = Ends(fabric, {Send(0, 1, 125e6), Send(1, 0, 125e6)}, options);
  EXPECT_NEAR(plain[0], 1 + 2e-6, 1e-9);
  EXPECT_EQ(plain[0], plain[1]);
  options.packets = {"97 %", Bytes(97), Bytes(3)};
  const std::vector<double> packets =
      Ends(fabric, {Send(0, 1, 121.25e6), Send(1, 0, 121.25e6)}, options);
  EXPECT_NEAR(packets[1], 1 + 2e-6, 1e-9);
}

// However many send to one, the phase takes its bytes over the link of the receiver.
TEST(AnIncast, TakesTheBytesOfAllOverTheReceiversLink) {
  const Network fabric = LeafSpineNetwork();
  for (const int senders : {2, 8, 15}) {
    for (const double bytes : {64 * 1024.0, kMiB}) {
      const double last = Last(Ends(fabric, IncastMessages(senders, Bytes(bytes))));
      const double latency = senders > 3 ? 4e-6 : 2e-6;  // three of them share its leaf
      EXPECT_NEAR(last, senders * bytes / kLink + latency, 1e-9) << senders;
    }
  }
}

// What a message cannot use because it is bound elsewhere goes to the others on its link.
TEST(TheUnusedShareOfALink, GoesToTheOthers) {
  const Network fabric = LeafSpineNetwork();
  // Three messages share the link into 2; the other one from 0 gets two thirds of the link out.
  FlowOptions options;
  options.shares = true;
  const FlowRecord record = RunFlowStudy(
      fabric, {Send(0, 3, kMiB), Send(0, 2, kMiB), Send(1, 2, kMiB), Send(3, 2, kMiB)}, options);
  EXPECT_NEAR(record.flows[0].end.si(), 1.5 * kMiB / kLink + 2e-6, 1e-9);
  for (const int m : {1, 2, 3}) {
    EXPECT_NEAR(record.flows[m].end.si(), 3 * kMiB / kLink + 2e-6, 1e-9);
    EXPECT_EQ(record.links[record.flows[m].link].name, "nic_down[2]");
  }
  EXPECT_EQ(record.links[record.flows[0].link].name, "nic_up[0]");
  EXPECT_EQ(record.links[0].name, "nic_down[2]");
  EXPECT_NEAR(record.links[0].use, 1.0, 1e-6);
  std::vector<double> moved(4);
  for (const FlowRate& rate : record.rates) {
    moved[rate.message] += (rate.until - rate.from) * rate.rate / Bytes(1);
  }
  for (const double bytes : moved) {
    EXPECT_NEAR(bytes, kMiB, 1e-4 * kMiB);
  }
  EXPECT_NEAR(record.rates[0].rate.si(), kLink * 2 / 3, 1e-4 * kLink);
}

// nccl-tests counts all bytes of a rank; only (N - 1) / N of them leave their server.
TEST(TheBusBandwidthOfAnAllToAll, FallsTowardsTheNicAsServersAreAdded) {
  constexpr double kNicRate = 50e9;
  for (const int servers : {2, 4, 8, 16}) {
    const Scenario scenario =
        LoadSites(GRIDLOCK_SOURCE_DIR "/examples/02-llama-405b-16k/scenario.textproto",
                  {"site.servers=" + std::to_string(servers)});
    const Network network(scenario.sites, scenario.wans);
    const int n = 8 * servers;
    const double each = 32 * kMiB;
    const double seconds = Last(Ends(network, AllToAllMessages(n, Bytes(each))));
    const double bus = n * each / seconds * (n - 1) / n;
    const double expected = kNicRate * servers / (servers - 1) * (n - 1) / n;
    EXPECT_NEAR(bus, expected, 1e-3 * expected) << servers;
  }
}

TEST(AMessageWithoutBytes, ArrivesAfterTheLatency) {
  const std::vector<double> ends =
      Ends(LeafSpineNetwork(), {Send(0, 1, 0, 1e-3), Send(0, 4, 0), Send(0, 4, kMiB)});
  EXPECT_NEAR(ends[0], 1e-3 + 2e-6, 1e-12);
  EXPECT_NEAR(ends[1], 4e-6, 1e-12);
  EXPECT_NEAR(ends[2], 4e-6 + kMiB / kLink, 1e-9);
}

TEST(TwoMessagesOfOnePair, HaveHalfTheLinkEachWhileBothAreUnderWay) {
  const double half = kMiB / kLink / 2;
  const std::vector<double> ends =
      Ends(LeafSpineNetwork(), {Send(0, 1, kMiB), Send(0, 1, kMiB, half), Send(2, 3, kMiB, half)});
  EXPECT_NEAR(ends[0], 3 * half + 2e-6, 1e-9);
  EXPECT_NEAR(ends[1], 4 * half + 2e-6, 1e-9);
  EXPECT_NEAR(ends[2], 3 * half + 2e-6, 1e-9);
}

TEST(FoldedMessages, ArriveWhenAllWouldOneByOne) {
  Random draw(1, "flows_test");
  for (int round = 0; round < 12; ++round) {
    const char* const routing = std::array{"SPRAY", "ECMP", "DESTINATION"}[round % 3];
    const Network fabric = LeafSpineNetwork({std::string("site.fabric.clos.routing=") + routing,
                                             "site.servers=" + std::to_string(9 + round % 8),
                                             "seed=" + std::to_string(round)});
    std::vector<NetworkMessage> messages = AllToAllMessages(7 + round % 3, Bytes(kMiB));
    for (int extra = 0; extra < 3 * (round % 4); ++extra) {
      const int from = static_cast<int>(draw.Below(9));
      messages.push_back(Send(from, (from + 1 + static_cast<int>(draw.Below(8))) % 9,
                              kMiB * draw.Uniform(), 1e-4 * draw.Uniform()));
    }
    const std::vector<double> folded = Ends(fabric, messages);
    FlowOptions full;
    full.fidelity = Fidelity::kFull;
    const std::vector<double> one_by_one = Ends(fabric, messages, full);
    for (std::size_t m = 0; m < messages.size(); ++m) {
      EXPECT_NEAR(folded[m], one_by_one[m], 1e-6 * one_by_one[m]) << round << " " << m;
    }
  }
}

// All-to-alls fold into few classes, whatever their number.
TEST(AMillionMessages, AreFewClasses) {
  const Scenario scenario =
      LoadSites(GRIDLOCK_SOURCE_DIR "/examples/02-llama-405b-16k/scenario.textproto", {});
  const Network network(scenario.sites, scenario.wans);
  const FlowRecord record = RunFlowStudy(network, AllToAllMessages(1024, Bytes(kMiB)), {});
  EXPECT_EQ(record.flows.size(), 1024U * 1023);
  EXPECT_LE(record.classes, 4);
  EXPECT_NEAR(record.last_sent.si(), 1016 * kMiB / 50e9, 1e-9);
}

TEST(ATableOfMessages, IsReadAsItIsWritten) {
  const std::vector<NetworkMessage> messages = ReadMessages(
      "m.csv", "start,to,from,bytes\n10 us,1/0,0,4 MiB\n0,15,2/0,7\n", LeafSpineNetwork());
  ASSERT_EQ(messages.size(), 2U);
  EXPECT_EQ(messages[0].from.value, 0);
  EXPECT_EQ(messages[0].to.value, 1);
  EXPECT_EQ(messages[0].bytes, Bytes(4 * kMiB));
  EXPECT_NEAR(messages[0].start.si(), 10e-6, 1e-18);
  EXPECT_EQ(messages[1].from.value, 2);
  EXPECT_EQ(messages[1].bytes, Bytes(7));
}

TEST(AWrongTableOfMessages, IsRefusedWithLineAndColumn) {
  const Network fabric = LeafSpineNetwork();
  const auto reading = [&fabric](const std::string& lines) {
    return ReadingOf(fabric, "from,to,bytes,start\n" + lines);
  };
  EXPECT_EQ(reading("0,16,1,0\n"),
            "m.csv:2:3: there is no accelerator 16; expected a whole number from 0 to 15\n");
  EXPECT_EQ(reading("0,1,1,0\n3,3,1,0\n"),
            "m.csv:3:3: accelerator 3 sends to itself; expected two different accelerators\n");
  EXPECT_EQ(reading("0,5/1,1,0\n"),
            "m.csv:2:3: there is no accelerator 1; expected a whole number from 0 to 0\n");
  EXPECT_EQ(reading("0,1,-1,0\n"), "m.csv:2:5: -1 is out of range; expected 0 to 1 PB\n");
  EXPECT_THAT(reading("0,1,1,5\n"), testing::HasSubstr("m.csv:2:7: "));
  EXPECT_EQ(reading("0,1,1\n"),
            "m.csv:2:1: this line has 3 cells; expected 4, as the first line has\n");
  EXPECT_EQ(ReadingOf(fabric, "from,too,bytes\n0,1,1\n"),
            "m.csv:1:1: the column to is missing; expected a first line such as "
            "from,to,bytes,start\n"
            "m.csv:1:6: there is no column \"too\"; expected from, to, bytes and start; did you "
            "mean \"to\"?\n");
  EXPECT_EQ(ReadingOf(fabric, ""),
            "m.csv: there is no message; expected from,to,bytes,start and one line for each\n");
}

}  // namespace gridlock
