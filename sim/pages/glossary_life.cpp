// Words of the life of a cluster: failures, queues, power, money, several sites.

#include "sim/pages/glossary_words.h"

namespace gridlock {
namespace {

constexpr Term kLifeWords[] = {
    {"campaign", "experiments, ladder, successive halving, halving, rung, research campaign",
     "Experiments that prepare a final run: many small ones and few large ones, some of which "
     "fail. "
     "With halving all start short, and the best share of each round goes on.",
     "round 1  # # # # # # # #\n"
     "round 2  ##  ##  ##  ##\n"
     "round 3  ####    ####",
     "chance of a rung ~ accelerators^-tail      USD each = (energy + capital + operation) / "
     "started",
     "gridlock schema Campaign"},
    {"demand response", "curtailment, power_above, price_above, grid event",
     "A site draws less while electricity is dear or the grid asks for it: clocks go down, runs "
     "wait, or a battery gives what is missing.",
     "USD/kWh ___/^^^\\___\n"
     "MW      ^^^\\___/^^^",
     "", "gridlock schema DemandResponse"},
    {"detection time", "hang, silent failure, silent data corruption, SDC, noticed, health check",
     "From a failure until somebody notices. A run hangs meanwhile and holds its servers; with a "
     "slowdown it goes on as a straggler. A health check makes this time short.",
     "|train|hangs, unseen|restart|train|",
     "time lost per failure = detection + interval / 2 + restart", "gridlock schema Failure"},
    {"fair share and quota", "fair share, quota, tenant, half-life, share of a tenant",
     "Whose jobs come first. Under FAIR_SHARE those of the tenant that has used the least of its "
     "share. A quota is the most servers that the runs of a tenant hold, under any policy.",
     "research |########..|  2/3 asked for, 8 servers of a quota of 10\n"
     "product  |###.......|",
     "order by accelerator-seconds used / share; a half-life ago counts half",
     "gridlock schema TenantShare"},
    {"flapping", "link flap, flaps, patience",
     "A link that goes down and up by turns until somebody replaces it. Runs on it stand still, "
     "and restart when it is down for longer than their patience.",
     "up   |--|  |-----|  |--|\n"
     "down    |__|     |__|",
     "", "gridlock schema Flaps"},
    {"infant mortality", "early failures, burn-in, wear-out, ageing parts, bathtub curve",
     "New parts fail more often for a while, old ones again after years: the two ends of a "
     "bathtub.",
     "rate |\\             /\n"
     "     | \\___________/   age",
     "rate = usual x (1 + (times - 1) e^(-age / decay))", "gridlock schema Early"},
    {"lemon", "lemons, lemon servers, bad servers",
     "One of the few servers that cause many of the failures. A large job nearly always holds "
     "some, "
     "a small one seldom: one rate for all misses one of the two.",
     "servers   . . . . . L . . . . . . . L\n"
     "failures            ###             ##",
     "1.2 % of the servers cause 13 % of the failures (arXiv:2410.21680)",
     "gridlock schema Lemons"},
    {"migration", "defragmentation, moves, moving jobs, MIGRATE, fragmentation",
     "Running jobs are saved, stop and go on elsewhere, so that a job that needs a whole group of "
     "servers finds one.",
     "leaf 1 |A . B .|   ->   |G G G G|\n"
     "leaf 2 |C . . .|        |C A B .|",
     "worth it where the job that waits gains more server-hours than those that move lose",
     "gridlock schema SchedulerPolicy"},
    {"outer steps", "DiLoCo, low-communication training, local SGD, outer optimizer, meets rarely",
     "Sites or groups of replicas train by themselves and exchange their changes once in hundreds "
     "of "
     "steps (arXiv:2311.08105), either while all wait or beside training (arXiv:2501.18512).",
     "site a |s s s s|X|s s s s|X|\n"
     "site b |s s s s|X|s s s s|X|",
     "bytes of a step = parameters x bytes each x 2 (n - 1) / n / steps",
     "gridlock schema OuterSteps"},
    {"power cap", "cap of a site, rack cap, row cap, oversubscribed power, throttling by site",
     "The most that a site, a row or a rack may draw. Boards of all keep one lower limit (SLOW), "
     "or "
     "the last runs stop (QUEUE).",
     "MW |____cap______\n"
     "   |/\\/\\#####\\/\\/",
     "clock ~ power^(1/4) above idle, down to a floor of voltage", "gridlock schema Facility"},
    {"placement within",
     "within, rack, row, feed, power feed, power domain, leaf, pod, gang in one group",
     "A job that lies in one group of servers, and waits until one has room: a leaf or a pod of "
     "the network, or a rack, a row or a power feed of the building. A rail is a leaf where "
     "networks "
     "have rails.",
     "feed 1 |A A A . |  feed 2 |. . . . |    a job of 4 goes to feed 2",
     "servers of a feed = servers_per_rack x racks_per_row x rows_per_feed", "gridlock schema Job"},
    {"preemption", "preempt, priority, victims",
     "A job of higher priority stops running ones of lower priority where it needs their servers. "
     "They are saved as their checkpoints say, wait and start again.",
     "low  |####|         |####|\n"
     "high      |#########|",
     "", "gridlock schema SchedulerPolicy"},
    {"retirement",
     "retire, retired, decommission, end of life of servers, resale, sales, book value, "
     "generations",
     "Servers of a site leave for good: the oldest first. They draw and cost nothing from then on; "
     "what they have not been written off by, less what they are sold for, is written off at once.",
     "servers |########____   old site\n"
     "        |____########   new site, delivered",
     "book value = capital x (1 - age / depreciation)", "gridlock schema Retirement"},
    {"seeds", "confidence interval, Monte Carlo, several seeds, spread over seeds",
     "One life is one draw of failures, experiments and requests. Several seeds say what the mean "
     "is worth and how far single lives lie apart.",
     "ETTR  |--x-|    mean +- half width, n lives",
     "half width of 95 % = t(n - 1) x deviation / sqrt(n)      (Student)", "gridlock run --help"},
    {"spares", "spare, hot spare, cold spare, spare servers, standby",
     "Servers that only replace others. Hot ones are on and idle; cold ones are off and take some "
     "minutes.",
     "| run: 12,288 servers | hot: 47 | cold: 32, off |",
     "needed on average = servers x repair time / MTBF; more for 99 of 100 moments (Poisson)",
     "gridlock schema Spares"},
    {"total cost", "depreciation, write-off, operation, rent, traffic, USD per experiment",
     "What a site costs over a time: energy with PUE, what parts, building, network and battery "
     "are "
     "written off by, staff, repairs and taxes, and the rent of links and the price of bytes over "
     "them. A job pays for what it holds and sends.",
     "USD |####### capital ######|# energy|operation|",
     "capital / years of depreciation x time + kWh x price + operation", "gridlock schema Capital"},
    {"WAN",
     "wide-area link, wide area network, wide area, links between sites, inter-site, fibre, DCI, "
     "site, sites, multi-datacentre, wan_rent, wan_traffic, egress",
     "A link between two sites: a bandwidth for each direction, a length at 4.9 us/km, a rent and "
     "a price for each gigabyte.",
     "site a ====100 km, 10 Tbps==== site b",
     "a sum over two sites takes its bytes / bandwidth + 2 x latency", "gridlock schema WanLink"},
};

}  // namespace

std::span<const Term> LifeWords() {
  return kLifeWords;
}

}  // namespace gridlock
