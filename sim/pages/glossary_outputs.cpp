// Words that stand at the left of the lines of outputs, and those that these lines are made of.

#include "sim/pages/glossary_words.h"

namespace gridlock {
namespace {

constexpr const char* kTwo = "gridlock run examples/01-two-servers/scenario.textproto -q";

constexpr Term kLabels[] = {
    {"accelerator", "GPU, TPU, chip, part, machine, server, accelerators, accelerator-hours",
     "What computes: a GPU, a TPU, or another chip with matrix units and HBM of its own. Servers "
     "hold some of them; a machine is all servers of a job.",
     "server |GPU|GPU|GPU|GPU|GPU|GPU|GPU|GPU|  host, NICs",
     "accelerator-hours = accelerators x "
     "hours that a job held them",
     "gridlock catalog list accelerator"},
    {"activation", "activations, saved activations",
     "What a layer computes forward and needs again backward. Every micro-batch on its way through "
     "the pipeline keeps its own, so that the first stage keeps most.",
     "forward   x -> [layer] -> y      x stays in HBM\n"
     "backward  dy -> [layer] -> dx    x is used, and goes",
     "bytes = tokens of a micro-batch x bytes of a token and layer x layers x micro-batches under "
     "way",
     kTwo},
    {"activities", "activity of the engine, simulated in",
     "Of the last lines of a run: transfers and computations that the engine simulated. They say "
     "how much work a simulation was, not what the machine did.",
     "one class of accelerators, 505 activities -> 6 ms of real time", "", kTwo},
    {"algorithm", "algorithms, ring, tree, halving and doubling, next best",
     "The way in which a collective sends: a ring passes parts round, a tree goes up and down, "
     "halving and doubling talks to partners ever farther away. Libraries choose one by size.",
     "ring   a -> b -> c -> d -> a        n - 1 short steps, all links busy\n"
     "tree   a, b -> c;  c, d -> e        log2 n steps",
     "",
     "gridlock collective examples/01-two-servers/scenario.textproto --op all_reduce --size 64MiB "
     "--explain"},
    {"attention", "causal attention, causal, FlashAttention, softmax attention",
     "The part of a layer in which tokens look at each other. With a causal mask a token sees "
     "those "
     "before it alone, and half of the scores are counted.",
     "token 1   x . . .\n"
     "token 2   x x . .      x: computed, .: masked\n"
     "token 3   x x x .",
     "FLOP of a layer and sequence, forward = 2 x 2 x tokens^2 x heads x width / 2", kTwo},
    {"batch of an engine",
     "batch_max, max-num-seqs, sequences in a batch, token budget, batch on average",
     "How many requests an engine decodes at once. A larger batch reads the weights once for more "
     "tokens, and makes each of them wait longer.",
     "weights -> |a|b|c|d|   four tokens for one reading\n"
     "            batch 4",
     "tokens/s = batch / time of an iteration",
     "gridlock serve --model llama-3.1-8b --part h100_sxm --rate 4 --requests 200"},
    {"board and server",
     "board, its own board, share of the server, per accelerator, mean power, host power",
     "Watts of an accelerator in two parts: its own board, which its limit holds down, and its "
     "share of all else in the server: processors, memory, fans, NICs, losses of power supplies.",
     "|board: at most 700 W|share of the server: 300 to 400 W|      (H100 in an 8-way server)",
     "board = idle + FLOP/s x energy of a FLOP + HBM bytes/s x energy of a byte + link bytes/s x "
     "energy of a byte",
     kTwo},
    {"buffers", "buffer, communication buffers, workspace",
     "HBM that is neither weights, gradients, states nor activations: what libraries and the "
     "framework keep, logits, and what collectives gather into.",
     "|weights|gradients|optimizer|activations|buffers|free|", "", kTwo},
    {"cap", "caps, no cap, slowdown, knee, bandwidth cap, capped",
     "A limit on one resource: no more than this bandwidth, rate or power. The knee is the first "
     "value that costs more than a twentieth of the time.",
     "time |*\n"
     "     | *\n"
     "     |   *  knee\n"
     "     |      *  *  *\n"
     "     +---------------- value of the cap",
     "slowdown = step time with the cap / step time without it",
     "gridlock cap examples/01-two-servers/scenario.textproto --link nic --values 400,100,50Gbps "
     "-q"},
    {"capital", "capex, capital cost, opex, operating cost, USD/M, cost per million tokens",
     "What was paid for servers, network and building, written off over some years. Energy and "
     "operation come on top.",
     "cost of a day = |capital / days of its life|energy|operation|",
     "USD per million tokens = (capital of the time + energy + operation) / million tokens",
     "gridlock schema Prices"},
    {"collective", "collectives, collective operation, NCCL, ranks",
     "An operation in which all ranks of a group take part, each with a buffer of its own: "
     "all-reduce, all-gather, reduce-scatter, all-to-all, broadcast, reduce.",
     "rank 0  rank 1  rank 2  rank 3\n"
     "   \\______\\______/______/        one operation of four ranks",
     "time = latency + bytes on the busiest link / its bandwidth",
     "gridlock collective examples/01-two-servers/scenario.textproto --op all_reduce --size 64MiB "
     "--explain"},
    {"dragonfly", "dragonfly+, HyperX, Jellyfish, slim fly, router, routers, group of routers",
     "Networks whose switches are all joined to servers, with few hops between any two. A "
     "dragonfly "
     "joins routers within groups and every group with every other; HyperX joins all routers of a "
     "row; Jellyfish is drawn at random; slim fly follows a field of numbers.",
     "group 0 [r-r-r]====[r-r-r] group 1\n"
     "           \\\\        //\n"
     "            [r-r-r] group 2      = one global link or several",
     "groups at most = routers of a group x global links of a router + 1",
     "gridlock topo examples/13-six-fabrics/dragonfly.textproto --no-cut"},
    {"encoder", "encoders, image, images, vision encoder, speech encoder",
     "The part of a model that turns a picture or a sound into tokens before the decoder reads "
     "them.",
     "picture -> encoder -> 576 tokens -> decoder -> answer", "", "gridlock serve --help"},
    {"energy", "joules, per step, kWh, MWh, carbon, CO2, power, watts",
     "Power over time. It is counted from FLOP, bytes of HBM and bytes on links, and what a board "
     "and a server draw anyhow. With PUE where a line says so.",
     "power |  ____      ____\n"
     "      | /    \\____/    \\      the area is energy\n"
     "      +------------------ time",
     "energy = mean power x time; 1 kWh = 3.6 MJ", kTwo},
    {"estimate", "estimates, estimated, (estimate), estimates among the inputs, source, sources",
     "A number that nobody published a measurement of. Every output lists those among its inputs, "
     "and `gridlock catalog show` marks them beside their source.",
     "rate[BF16].attention_backward_efficiency  0.45  [4] estimate", "",
     "gridlock catalog show h100_sxm"},
    {"fabric", "network, cables, transceivers, optics, switches, topology",
     "What joins servers: switches, cables, and transceivers at the ends of optical ones. Its "
     "shape "
     "says how much can pass between any two halves.",
     "server ==cable== switch ==fibre with two transceivers== switch", "",
     "gridlock topo examples/02-llama-405b-16k/scenario.textproto --no-cut"},
    {"fidelity", "full, sampled, analytic, folded simulation, simulation, evaluator",
     "How much of the machine is simulated. Folded: one accelerator of each class of those that do "
     "the same, with the times of all. Full: all of them. Sampled: some replicas. Analytic: a "
     "closed form without contention, a lower bound.",
     "full     16,384 accelerators\n"
     "folded       16 classes, the same times",
     "", "gridlock run examples/01-two-servers/scenario.textproto --fidelity full -q"},
    {"FLOP", "FLOPs, TFLOP/s, TFLOPS, PFLOP/s, EFLOPS, model FLOP, model FLOP rate, peak",
     "A floating point operation; a multiplication and an addition are two. Model FLOP are those "
     "that the model needs, without recomputation. Peaks are dense ones.",
     "989 TFLOP/s = 989 million million in a second      (H100 SXM, BF16)",
     "training: about 6 x parameters for each token      (2 forward, 4 backward)", kTwo},
    {"front", "Pareto front, on the front",
     "Of several proposals those that nothing beats in both time and cost.",
     "cost | a\n"
     "     |    b   x      x costs more than b and is slower\n"
     "     |        c\n"
     "     +----------- time      front: a, b, c",
     "",
     "gridlock plan --model llama_3.1_8b --accelerator h100_sxm --accelerators 8,16 "
     "--global-batch 64 --tokens 1T --price 2 --analytic -q"},
    {"gradient", "gradients",
     "How the loss changes with each weight. Each replica has those of its part of the batch, and "
     "they are summed over all replicas before the optimizer uses them.",
     "replica 0   g0 --\\\n"
     "replica 1   g1 ----> sum -> optimizer -> weights\n"
     "replica 2   g2 --/",
     "bytes = parameters of the accelerator x 2 or 4", kTwo},
    {"HBM margin", "free, free HBM, headroom, memory margin",
     "The share of HBM that must stay free, because counted peaks are some per cent off.",
     "|what was counted                  |margin|\n"
     " <--------------- HBM ------------------->",
     "free = 1 - peak / HBM",
     "gridlock plan --model llama_3.1_8b --accelerator h100_sxm --accelerators 8 --global-batch 64 "
     "--hbm-margin 5% --analytic -q"},
    {"horizon", "interval, intervals, life, simulated days",
     "How long the life of a cluster is that is simulated. Without one, a scenario is one step.",
     "|-- 500 intervals of 20 min --|  7 days", "", "gridlock schema Scenario"},
    {"idle", "done, waits for the slowest, waiting for the slowest",
     "Of a step: time of an accelerator that has done its part while others still work. Of a site: "
     "accelerators that no job holds.",
     "stage 0  |work     |idle|\n"
     "stage 1  |work          |      the step ends with the slowest",
     "", kTwo},
    {"job", "jobs, pretraining, experiment, fleet, fleets, serving",
     "What holds servers: a pretraining run, an experiment of a campaign, or a fleet of replicas "
     "that answer requests.",
     "site |pretraining########|experiments++++|fleet ooooo|idle|", "", "gridlock schema Job"},
    {"latency", "latencies, latency of messages, base latency",
     "Time until the first byte of a message arrives, however small it is: the way of light, "
     "switches, and what libraries do before they send. Many small messages wait for little else.",
     "send |--latency--|bytes / bandwidth|  arrived",
     "time of a message = latency + bytes / bandwidth",
     "gridlock collective examples/01-two-servers/scenario.textproto --op all_reduce --size "
     "8KiB:64MiB:x32"},
    {"launch", "launches, kernel launch, launch floor, launch_floor_forward, small kernels, host",
     "A processor of the server starts each kernel. Kernels that take less time than that leave "
     "the "
     "accelerator waiting.",
     "host         start start start start\n"
     "accelerator  |k|   |k|   |k|   |k|       gaps: the launch floor",
     "", "gridlock schema Stack"},
    {"layout", "parallelism, rank order, rank_order, rank, mapping",
     "How a training job is shared out over accelerators: TP x PP x DP, and CP and EP where they "
     "are. The rank order says which of them are neighbours in a server.",
     "405B on 16,384: tensor 8 x pipeline 16 x data 128\n"
     "server 0: the 8 tensor ranks of one stage of one replica",
     "accelerators = tensor x context x pipeline x data", "gridlock schema Layout"},
    {"leaf, spine and core",
     "leaf, leaves, ToR, top of rack, spine, spines, core, cores, pod, pods, Clos, fat tree, tiers",
     "Three tiers of switches. Servers plug into leaves, leaves into the spines of their pod, pods "
     "are joined by cores.",
     "core         c     c\n"
     "           /   \\ /   \\\n"
     "spine     s  s    s  s\n"
     "          |\\/|    |\\/|\n"
     "leaf      l  l    l  l     two pods",
     "servers of two tiers at most = ports^2 / 2 / NICs of a server",
     "gridlock topo examples/02-llama-405b-16k/scenario.textproto --no-cut"},
    {"message", "messages, mean rate, last arrival, unreachable, flow, flows",
     "Bytes from one accelerator to another. It has the rate that its tightest link leaves it, "
     "shared evenly with what crosses the same link.",
     "a --4 MB--> link --4 MB--> b", "time = latency + bytes / rate",
     "gridlock flows examples/01-two-servers/scenario.textproto --incast 15:1"},
    {"model", "layers, width, memory, transformer",
     "The network that is trained or served: layers of a width, with attention and feed-forward "
     "blocks, or others.",
     "tokens -> |embedding|layer|layer|...|layer|head| -> next token",
     "parameters of a layer = "
     "about 12 x width^2",
     "gridlock catalog show llama_3.1_8b"},
    {"NIC", "NICs, network card, HCA, network interface, port",
     "What joins a server to the network, often one for each accelerator. Its bandwidth is sold in "
     "gigabits per second and counts per direction.",
     "GPU -PCIe- NIC ==400 Gbps== leaf      50 GB/s each way", "1 GB/s = 8 Gbps",
     "gridlock cap examples/01-two-servers/scenario.textproto --link nic --values 400,100Gbps -q"},
    {"offload", "offloading, CPU offload, host memory, paged",
     "Activations or states of the optimizer in the memory of the host, to save HBM, at the price "
     "of PCIe traffic.",
     "HBM  <==PCIe==>  memory of the host", "time = bytes / bandwidth to the host",
     "gridlock schema Pretraining"},
    {"optimizer", "optimizer states, Adam, AdamW, Muon, master weights",
     "What turns gradients into new weights. Adam keeps two moments and a copy of the weights in "
     "32 "
     "bits, more bytes than the weights themselves.",
     "|weight 2 B|gradient 2-4 B|copy 4 B|moment 4 B|moment 4 B|",
     "12 bytes a parameter, over the replicas with ZeRO", "gridlock schema Pretraining"},
    {"overhead", "fixed overhead, fixed time of the training framework",
     "Time of each step that does not shrink with faster parts: reading data, logging, "
     "bookkeeping. Fitted to published steps of a training framework.",
     "|step                                |overhead|", "", kTwo},
    {"pipeline wait", "pipeline_wait, waiting for another stage, p2p",
     "Time in which a stage has nothing to do: the bubble, and messages between stages that come "
     "late.",
     "stage 1  .  F1 F2 .  F3      . waits for stage 0", "bubble / work = (p - 1) / (v m)",
     "gridlock explain bubble"},
    {"plane", "planes",
     "One of several networks side by side that share no switch. Each NIC of a server, or each "
     "port "
     "of it, goes to another plane.",
     "         plane 0   plane 1\n"
     "NIC 0 ----/         /\n"
     "NIC 1 -------------/",
     "", "gridlock topo examples/13-six-fabrics/planes.textproto --no-cut"},
    {"queue", "waiting, scheduler, FIFO, first come, first served",
     "Jobs that are submitted and have no servers yet. The scheduler says who is next.",
     "submitted -> |c|b|a| -> servers",
     "jobs in the queue = jobs per hour x hours of waiting "
     "(Little's law)",
     "gridlock schema SchedulerPolicy"},
    {"radix", "ports of a switch, switch",
     "How many ports a switch has. With more of them fewer tiers and fewer cables join the same "
     "servers.",
     "[switch of 64 ports]  32 down, 32 up", "two tiers carry ports^2 / 2 NICs, three ports^3 / 4",
     "gridlock catalog show quantum2_qm9700"},
    {"replay",
     "replaying, execution trace, Chakra, streams, its transfers, all its nodes, "
     "first start to last end, total time",
     "An execution trace that was recorded elsewhere, run on a network of a scenario: computing "
     "takes as long as it did, messages as long as the network lets them.",
     "recorded:  |compute|send|compute|\n"
     "replayed:  |compute|send        |compute|      on a narrower network",
     "", "gridlock replay --help"},
    {"request", "requests, group, request group, served, load, arrivals",
     "A prompt that comes to a served model and is answered. Groups differ in their lengths and in "
     "what is promised to them.",
     "arrives -> waits -> prefill -> tokens -> done",
     "requests under way = arrivals per second x "
     "seconds of an answer      (Little's law)",
     "gridlock serve --model llama-3.1-8b --part h100_sxm --rate 4 --requests 200"},
    {"seed", "random",
     "The number that all that is drawn follows from: failures, requests, hashes of flows. The "
     "same "
     "seed gives the same result.",
     "seed 1 -> server 17 fails after 3 h\n"
     "seed 2 -> server 4 fails after 11 h",
     "", "gridlock schema Scenario"},
    {"stack", "training framework, framework, training stack, megatron_core",
     "The software that trains, with its constants: which kernels are fused, what overlaps, what "
     "stays in HBM, how long it takes beside the model. Fitted to its published steps.",
     "model + layout + stack -> kernels, collectives, HBM", "",
     "gridlock catalog show megatron_core"},
    {"step", "step time, iteration, iteration time, seconds per step",
     "One update of the model: forward and backward passes over a batch, sums of gradients, the "
     "optimizer.",
     "|forward|backward|sum of gradients|optimizer|  and again",
     "tokens/s = tokens of a step / "
     "step time",
     kTwo},
    {"sweep", "points, point, axis, axes, claim, verdict, study",
     "One scenario at all combinations of some axes. A verdict says whether a claim holds on the "
     "results.",
     "          50 Gbps  100 Gbps  400 Gbps\n"
     "8           .        .         .\n"
     "64          .        .         .        six points",
     "points = product of the lengths of axes", "gridlock sweep examples/01-two-servers -q"},
    {"time of a job",
     "training, lost, restarting, checkpointing, stalled, stopped by, interruptions, preemptions, "
     "restart",
     "Of a life: what a job did with its time. Training counts. Lost is what a failure threw away "
     "since the last checkpoint; restarting is the time until it trains again; stalled is waiting "
     "for another site.",
     "|training|lost|restarting|training|checkpointing|training|", "training / all = ETTR",
     "gridlock explain ETTR"},
    {"storage", "storage bandwidth, checkpoints at, file system, storage_power, storage power",
     "Where checkpoints go and weights come from. All that is written at once shares its "
     "bandwidth.",
     "HBM -> host -> network -> storage",
     "time to save = bytes of states / bandwidth of the storage", "gridlock schema Site"},
    {"tokens", "token, tokens per step, tokens/s, batch, sequence length",
     "Pieces of text, about four letters of English each. A step reads a batch of sequences of the "
     "same length.",
     "|sequence 1: 8,192 tokens|sequence 2|...|sequence 128|",
     "tokens per step = global batch x sequence length", kTwo},
    {"transport", "InfiniBand or RoCE, EFA, fit of a transport, libfabric",
     "What carries messages between servers: InfiniBand, RoCE or EFA, each with its latency and "
     "the "
     "share of the bandwidth that its messages reach.",
     "rank -> library -> transport -> NIC -> network",
     "time = latency + bytes / (bandwidth x "
     "efficiency)",
     "gridlock catalog show infiniband"},
    {"uncertainty", "error, errors, median error, nine in ten, how far off",
     "How far published runs like this one were off in the simulator. Half of them were closer "
     "than "
     "the median, nine in ten closer than the second figure.",
     "published 6.60 s, simulated 6.48 s: 1.8 % off", "error = |simulated / published - 1|", kTwo},
    {"utilisation", "utilization, in use, busy, mean use, hottest link, hottest links",
     "The share of its capacity that a resource uses, mean over the step. A resource that sets the "
     "pace of a short part only has a low one.",
     "link  |##..##......|      a third of the time in full use: 33 %",
     "bytes carried / (bandwidth x time)", kTwo},
    {"weights", "weight, parameters, parameter",
     "The numbers of a model that training changes. Tensor and pipeline ranks share them out; "
     "replicas each have them all, unless ZeRO 3 shards them.",
     "70B in 16 bits: 140 GB / (tensor 8 x pipeline 4) = 4.4 GB an accelerator",
     "bytes = parameters x bytes of one / (tensor x pipeline)", kTwo},
    {"where the time goes",
     "breakdown, activity, compute, HBM-bound kernels, kernels that HBM paces",
     "What accelerators did, on average: kernels that the matrix units pace, kernels that HBM "
     "paces, communication that nothing hides, waiting. What sets the pace is another list: what "
     "would have to be faster.",
     "|compute          |memory_bound|tensor_comm|pipeline_wait|", "", kTwo},
};

}  // namespace

std::span<const Term> OutputWords() {
  return kLabels;
}

}  // namespace gridlock
