#include <algorithm>
#include <cctype>
#include <string_view>
#include <vector>

#include "sim/pages/glossary.h"
#include "sim/pages/glossary_words.h"

namespace gridlock {
namespace {

constexpr Term kTerms[] = {
    {"adapter", "LoRA, adapters, low-rank adapter, adapter slots",
     "Two narrow matrices beside a product of the model, which make it another model at little "
     "cost. Requests to one replica may ask for different ones; so many slots of HBM hold them, "
     "and the others come from the host.",
     "x --[W, n x k]--+--> y\n"
     "  \\-[A]--[B]----/      rank of A and B: 8 to 64",
     "parameters = rank x (n + k) of each product",
     "gridlock serve --model llama-3.1-8b --engine sglang --rate 5 --adapters 200"},
    {"algbw and busbw", "algbw, busbw, bus bandwidth, algorithm bandwidth",
     "Two bandwidths of a collective, as nccl-tests prints them. algbw is the size of the "
     "buffer over the time. busbw is what every link would carry if the ranks sent as in "
     "a ring, so that it can be compared with the link.",
     "  1 GiB in 6.48 ms, 512 ranks, all-reduce\n"
     "  algbw   1 GiB / 6.48 ms       = 166 GB/s\n"
     "  busbw   166 x 2 (511) / 512   = 331 GB/s",
     "algbw = S / time\n"
     "busbw = algbw x 2 (n - 1) / n for an all-reduce, x (n - 1) / n for gathers, "
     "scatters, all-to-alls",
     "gridlock collective examples/08-all-reduce/scenario.textproto --op all_reduce "
     "--size 1GiB"},
    {"all-gather", "allgather",
     "A collective after which every rank has the parts of all ranks. ZeRO gathers "
     "parameters so before a layer uses them.",
     "before   A...  .B..  ..C.  ...D\n"
     "after    ABCD  ABCD  ABCD  ABCD",
     "bytes on the wire of a rank = (n - 1) / n S        S: the whole result, n: ranks\n"
     "busbw = S / time x (n - 1) / n",
     "gridlock collective examples/01-two-servers/scenario.textproto --op all_gather "
     "--size 64MiB --explain"},
    {"all-reduce", "allreduce",
     "A collective that adds up one buffer over all ranks and gives every rank the sum. "
     "Data parallelism sums gradients so; tensor parallelism sums the parts of a layer.",
     "before   a  b  c  d        ring of 4:  a -> b -> c -> d -> (a)\n"
     "after    s  s  s  s        each part goes round twice: once to be added,\n"
     "s = a + b + c + d          once to be handed out",
     "time of a ring = 2 (n - 1) (latency + S / (n B))   S: buffer, n: ranks, B: "
     "bandwidth of a rank\n"
     "busbw = S / time x 2 (n - 1) / n",
     "gridlock collective examples/08-all-reduce/scenario.textproto --op all_reduce "
     "--size 1MiB:1GiB:x32"},
    {"all-to-all", "alltoall",
     "A collective in which every rank sends another part to each other rank. Mixtures of "
     "experts send tokens to their experts so.",
     "before   a1a2a3  b1b2b3  c1c2c3\n"
     "after    a1b1c1  a2b2c2  a3b3c3",
     "bytes on the wire of a rank = (n - 1) / n S",
     "gridlock collective examples/01-two-servers/scenario.textproto --op all_to_all "
     "--size 64MiB --explain"},
    {"arithmetic intensity", "intensity",
     "FLOP of a kernel over the bytes that it moves to and from HBM. It decides on which "
     "side of the ridge of the roofline the kernel lies.",
     "  GEMM of m x n x k in 16 bits:  2 m n k FLOP,  2 (m k + k n + m n) bytes",
     "intensity = FLOP / HBM bytes      ridge = peak FLOP/s / HBM bandwidth",
     "gridlock run examples/01-two-servers/scenario.textproto -q -o out/two && gridlock "
     "explain out/two"},
    {"asynchronous checkpoint", "background checkpoint, copy in memory, neighbours",
     "Training stops only until the memory of the hosts has what is saved; the storage gets "
     "it while training goes on. Copies that stay in memory, and with neighbours, are taken "
     "more often: a run goes back to them unless the servers that hold them failed.",
     "synchronous   |train|write......|train|\n"
     "asynchronous  |train|copy|train......|\n"
     "                         |write......|",
     "time lost per failure = interval / 2 + time to write + restart",
     "gridlock schema Checkpoint"},
    {"autoscaling", "autoscaler, replicas started, replica start",
     "A fleet that has as many replicas as its requests ask for. One that is started serves when "
     "its weights have come and its engine is up; until then the others are full.",
     "requests   ___/^^^^\\____\n"
     "replicas   ______/^^^^^^\\_   late by the start, kept for a while",
     "start = weights of an accelerator / rate of its link + engine",
     "gridlock serve --tensor 8 --replicas 8 --replicas-min 2 --rate 5 --surge 600:600:4"},
    {"battery",
     "batteries, UPS, BESS, peak shaving, state of charge, SoC, shave_above, ride through",
     "What stands between the grid and a site: it gives what the site draws above its cap or above "
     "a "
     "line that is to be kept, or in dear hours, until it is empty, and takes what the grid has "
     "left.",
     "MW |   __\n"
     "   |__/##\\_____   ## from the battery\n"
     "   |. . . . .+++   ++ into it",
     "it lasts capacity / (load - cap); to fill it takes capacity / efficiency",
     "gridlock explain 'power swing'"},
    {"bisection bandwidth", "bisection, cut",
     "The bandwidth between the two halves of a network, for the worst way to halve it. "
     "Traffic that everybody has with everybody cannot exceed it.",
     "  o o o o | o o o o\n"
     "  +-+-+-+-|-+-+-+-+    <- links that the cut crosses, one direction",
     "bisection = bandwidth of the links that the smallest halving cuts",
     "gridlock topo examples/02-llama-405b-16k/scenario.textproto"},
    {"bubble", "pipeline bubble",
     "Time in which a stage of a pipeline waits because the first micro-batch has not yet "
     "come, or the last one has gone. More micro-batches, or more chunks per stage, make "
     "its share smaller.",
     "stage 0  F1 F2 F3 F4 .  .  .  .  B1 B2 B3 B4\n"
     "stage 1  .  F1 F2 F3 F4 .  .  B1 B2 B3 B4 .     . is the bubble\n"
     "stage 2  .  .  F1 F2 F3 F4 B1 B2 B3 B4 .  .",
     "bubble / work = (p - 1) / (v m)     p: stages, v: chunks of a stage, m: "
     "micro-batches",
     "gridlock run examples/02-llama-405b-16k/scenario.textproto -q -o out/405b && "
     "gridlock explain out/405b"},
    {"capped time", "at the cap",
     "Of a site with a power cap: the share of the time under a cap in which the power "
     "was at it. 0 % means that the cap never bound.",
     "power |  ____        cap ------------\n"
     "      | /    \\____\n"
     "      |/              at the cap: where the two touch",
     "", "gridlock run examples/06-power-cap-at-noon/scenario.textproto -q"},
    {"checkpoint interval", "checkpoint, checkpoints, Young, Daly, Young's interval",
     "Time from one saved state of a run to the next. Each saving stops the run for a while; each "
     "failure throws away what was done since the last one, half an interval on average.",
     "|train|ckpt|train|ckpt|tra x lost |restart|train|\n"
     "       <--- interval -->",
     "best interval = sqrt(2 x time to save x mean time between failures)      (Young 1974, where "
     "saving takes far less)",
     "gridlock run examples/33-failures-by-scale/scenario.textproto -q -o out/f && gridlock "
     "explain "
     "out/f"},
    {"chunked prefill", "chunk, mixed iteration, continuous batching",
     "Prompts are cut into chunks that go through the layers together with the sequences "
     "that decode, so that weights are read once for both and nobody waits for a whole prompt.",
     "iteration 1: [chunk of A][b][c][d]\n"
     "iteration 2: [rest of A ][b][c][d]\n"
     "iteration 3: [a][b][c][d]",
     "rows of an iteration = sequences that decode + tokens of chunks <= token budget",
     "gridlock serve --model llama-3.1-8b --part h100_sxm --rate 10"},
    {"class", "classes, folded",
     "Accelerators that behave alike because what they compute and whom they share links "
     "with is alike. The folded simulation runs one of each class and counts it with its "
     "weight; the times are the same.",
     "  16,384 accelerators -> 16 classes, one per pipeline stage", "",
     "gridlock run examples/02-llama-405b-16k/scenario.textproto -q"},
    {"context parallelism", "cp, ring attention, Ulysses",
     "One sequence split over several ranks, for long contexts: each has a part of the tokens in "
     "every layer, and keys and values travel between the ranks so that attention sees them all.",
     "tokens  1..4k -> rank 0    4k..8k -> rank 1    keys and values go round",
     "activations per rank = those of the sequence / context ranks", "gridlock schema Layout"},
    {"critical path", "what sets the pace, attribution, wall, wall that binds, bottleneck, binds",
     "The chain of work and messages that ends last: each link of it waited for the one "
     "before. What paced a part of it would shorten the step if it were faster; all other "
     "work has slack.",
     "stage 0  [compute]--message--.\n"
     "stage 1      [wait          ][compute]   <- ends last\n"
     "path      compute, nic, compute",
     "share of a resource = time on the path that it paced / step time",
     "gridlock run examples/01-two-servers/scenario.textproto -q"},
    {"data parallelism", "dp, replica, DDP",
     "Copies of the model that each take another part of the batch and sum their "
     "gradients after it.",
     "  batch -> copy 0, copy 1, copy 2, copy 3\n"
     "              \\ all-reduce of gradients /",
     "accelerators = tensor x pipeline x context x data", "gridlock schema Layout"},
    {"decode and prefill", "decode, decoding, decode iteration, prefill, prefilled",
     "The two halves of answering. Prefill reads all tokens of the prompt at once and is paced by "
     "arithmetic. Decoding makes one token of each sequence per iteration and reads all weights "
     "and "
     "caches for it: HBM paces it until the batch is large.",
     "prompt |prefill: 1 pass, n tokens|  decode: t1|t2|t3|...  one pass each",
     "least time of a decode iteration = (weights + caches of the batch) / HBM bandwidth\n"
     "batch from which arithmetic paces it = ridge of the roofline, about 300 on an H100 in 16 "
     "bits",
     "gridlock serve --model llama-3.1-8b --part h100_sxm --concurrency 1 --input 100 "
     "--output-tokens 100 --requests 20"},
    {"direction", "directions",
     "One way of a link. A link carries its bandwidth in each direction at the same time; "
     "Gridlock counts the two apart. Vendors add them up: 900 GB/s of NVLink are 450 GB/s "
     "per direction.",
     "  GPU  == 450 GB/s ==>  switch\n"
     "       <= 450 GB/s ==",
     "",
     "gridlock cap examples/01-two-servers/scenario.textproto --link scale_up --values "
     "900,400GBps -q"},
    {"ETTR", "effective training time ratio",
     "Effective training time ratio: the share of the time since its submission in which "
     "a job made steps that count. Waiting, restarts, checkpoints and work lost to "
     "failures lower it.",
     "|train|ckpt|train| x lost |restart|train|\n"
     " ^^^^^       ^^^^^                  ^^^^^  counts",
     "ETTR = time in steps that count / wall time      (Kokolis et al. 2024, "
     "arXiv:2410.21680)",
     "gridlock run examples/04-a-week-of-a-fleet/scenario.textproto -q --set 'horizon=2 "
     "days'"},
    {"ECMP and spraying",
     "ECMP, SPRAY, spraying, sprayed, packet spraying, packets, hashed flows, hashed",
     "Two ways to use several equal ways through a network. ECMP picks one for each flow by a "
     "hash, "
     "so that two flows may meet on one link while another is idle. Spraying spreads the packets "
     "of "
     "each flow over all of them.",
     "ECMP    a -> way 1    b -> way 1    way 2 idle\n"
     "SPRAY   a -> ways 1, 2    b -> ways 1, 2",
     "flows on the fullest of n ways, n flows hashed: about ln n / ln ln n",
     "gridlock flows examples/17-hashed-or-sprayed/scenario.textproto --incast 4:1"},
    {"elastic training", "elastic, fewer replicas, fault-tolerant data parallelism",
     "A run that goes on with the replicas that it has servers for, and takes the others back "
     "with a checkpoint. Fault-tolerant: replicas that lost no server keep their state and "
     "only connect anew.",
     "replicas 32 |xx failure| 24 | 24 | 24 |repaired| 32",
     "tokens of a step = tokens of all x replicas there / replicas of the layout",
     "gridlock schema Elastic"},
    {"expert parallelism", "ep, MoE, mixture of experts, experts",
     "Each rank holds some experts of a layer. Tokens go to the ranks of their experts in an "
     "all-to-all, and their results come back in another.",
     "tokens -> router -> all-to-all -> experts -> all-to-all -> tokens",
     "bytes a rank sends = tokens x experts per token x width x bytes, less what stays",
     "gridlock catalog show deepseek_v3"},
    {"experts apart", "attention and experts apart, AFD, disaggregated experts, micro-batches",
     "Attention and experts on accelerators of their own. The tokens of each layer go there and "
     "back, and parts of the batch take turns so that neither side waits.",
     "attention  [1][2][3][1][2][3]\n"
     "experts       [1][2][3][1][2]",
     "A + E + 2 C + max(A, E) (m L - 1)      (arXiv:2504.02263)",
     "gridlock serve --model deepseek-r1 --part h200_sxm --weights fp8 --data 8 --expert-ranks 16"},
    {"exposed communication", "exposed, tensor_comm, data_comm, expert_comm, collective time",
     "Communication that nothing runs beside, so that the step becomes longer by it. What "
     "runs beside compute is hidden and costs nothing until it outlasts the compute.",
     "compute  [##########]\n"
     "messages [====hidden====|exposed]",
     "exposed = max(0, communication - what runs beside it)",
     "gridlock run examples/03-bandwidth-cap/scenario.textproto -q"},
    {"fingerprint", "",
     "A hash of every completion time of a simulation. Two runs with the same fingerprint "
     "did the same; scenario and seed decide it.",
     "  fingerprint fb2ae98d09e69a64", "",
     "gridlock run examples/01-two-servers/scenario.textproto -q"},
    {"goodput", "",
     "Of the life of a cluster: the share of all its accelerator-time that went into steps that "
     "count, or into serving. ETTR is the same of one job over the time since its submission.",
     "accelerators x time   |##### counts #####|lost|restart|idle|down|",
     "goodput = accelerator-time in steps that count and serving / (accelerators x horizon)",
     "gridlock run examples/04-a-week-of-a-fleet/scenario.textproto -q --set 'horizon=2 days'"},
    {"KV cache", "KV, kv cache, paged KV cache, caches",
     "Keys and values of all tokens of a sequence, kept in HBM so that decoding does not compute "
     "them again. Its room bounds how many sequences are served at once.",
     "HBM | weights | KV cache: seq 1 | seq 2 | seq 3 | free | reserve |",
     "bytes of a token = 2 x layers x KV heads x width of a head x bytes      (131 kB: Llama 3.1 "
     "8B "
     "in 16 bits)",
     "gridlock serve --model llama-3.1-8b --part h100_sxm --concurrency 8 --requests 50"},
    {"LL, LL128 and Simple", "LL, LL128, Simple, protocol, protocols",
     "Protocols of NCCL: how a receiver knows that bytes are there. LL puts a flag beside every "
     "4 bytes, LL128 one into every 128; Simple sends data alone and closes a chunk with a fence. "
     "Short messages want little delay, long ones the whole wire.",
     "LL      dddd ffff dddd ffff      LL128  dddddddd...ddd f      Simple  dddddd...d | fence",
     "share of data = 1/2, 120/128, 1",
     "gridlock collective examples/01-two-servers/scenario.textproto --op all_reduce "
     "--size 1MiB --protocol ll128"},
    {"micro-batch", "micro batch, global batch, gradient accumulation",
     "The sequences that a replica computes at once. Gradients of several micro-batches are added "
     "up before a step ends, and pipelines overlap them.",
     "step   |mb 1|mb 2|mb 3|mb 4| sum of gradients | update |",
     "micro-batches of a step = global batch / (replicas x micro-batch)",
     "gridlock schema Pretraining"},
    {"MFU and HFU", "MFU, HFU, model FLOP utilisation",
     "Model FLOP utilisation: the FLOP that the model needs, forward and backward, over "
     "what the matrix units could do in the time. Hardware FLOP utilisation counts "
     "recomputed FLOP too, and so is the larger one.",
     "peak  |####################|\n"
     "HFU   |###########         |   with recomputation\n"
     "MFU   |#########           |   what the model needs",
     "MFU = model FLOP / (peak FLOP/s x step time)      (PaLM, Chowdhery et al. 2022, "
     "appendix B)",
     "gridlock run examples/01-two-servers/scenario.textproto -q"},
    {"NVLS", "NVLink SHARP, NVLS tree, NVLSTree, in_switch, in_switch_tree, multimem",
     "NCCL's name for an all-reduce that the NVSwitch chips add up; here it is called in_switch, "
     "and in_switch_tree (NVLS tree) where trees join several domains. NVIDIA has it from "
     "NVSwitch 3 on. NCCL_NVLS_ENABLE=0 switches both off, as --exclude nvls does.",
     "  rank 0  rank 1 ... rank n-1\n"
     "     \\      |      /\n"
     "      [ switch: sum ]   each rank reads its nth of the sum, and the switch hands it to all",
     "through a port go (1 + 1/n) S each way, up to 8 ranks; a ring sends 2 (n - 1) / n S",
     "gridlock collective examples/01-two-servers/scenario.textproto --op all_reduce "
     "--exclude nvls"},
    {"oversubscription", "",
     "Bandwidth below a switch over that above it. 7:1 means that all servers of a pod "
     "together can send out a seventh of what they can send inside.",
     "        ||          1 up\n"
     "      switch\n"
     "  | | | | | | |      7 down   -> 7:1",
     "oversubscription = bandwidth to servers / bandwidth to the next tier",
     "gridlock topo examples/02-llama-405b-16k/scenario.textproto"},
    {"PAT", "aggregated trees",
     "NCCL's parallel aggregated trees, from 2.23 on: an all-gather or a reduce-scatter of one "
     "rank "
     "of each server in about log2 n rounds instead of the n - 1 steps of a ring. --algorithm pat "
     "asks for it.",
     "round 1: to the rank n/2 behind, 1 part\n"
     "round 2: to the rank n/4 behind, 2 parts\n"
     "last:    to the next rank, n/2 parts",
     "bytes of a rank = (n - 1) / n S, as in a ring; NCCL counts 0.75 of the bandwidth of rings "
     "and "
     "2.8 us for each rank",
     "gridlock collective examples/01-two-servers/scenario.textproto --op all_gather --per-server "
     "1 "
     "--algorithm pat"},
    {"pipeline parallelism", "pp, pipeline, stage, 1F1B, virtual pipeline, chunks, interleaving",
     "Layers dealt out over stages, each on its own accelerators; micro-batches go "
     "through them one behind another. 1F1B: after the filling each stage does one "
     "forward and one backward pass in turn.",
     "layers 1-8 -> stage 0 -> layers 9-16 -> stage 1 -> ...", "bubble / work = (p - 1) / (v m)",
     "gridlock explain bubble"},
    {"power swing",
     "smoothing, ramp, within a step, step-synchronous, power smoothing, power floor, power_floor, "
     "power_storage, burned, power_ramp_up, power_ramp_down, ramps, "
     "ramp_energy, ramp rate",
     "A synchronous run is one consumer: all accelerators compute at the same time and wait at "
     "the same time. By how much power falls and rises in each step, how fast, and what it takes "
     "to keep it even: boards that burn power while they wait (power_floor) or when work stops "
     "(power_ramp_down), that rise slowly (power_ramp_up), energy in their power supplies "
     "(power_storage), a lower limit of boards, or a battery of the site.",
     "W |####__####__####__   busy, waiting\n"
     "  |------------------   t",
     "swing = (busy - idle power) x accelerators; smoothing = (busy - mean power) x accelerators",
     "gridlock run examples/02-llama-405b-16k/scenario.textproto -q "
     "--set 'site[0].override.power_floor=500 W'"},
    {"prefix cache", "prefix, prefixes, prefix caching, KV reuse, host cache",
     "Keys and values of the beginnings of prompts that stay after a request has ended, in "
     "the HBM that running sequences leave and behind it in the host, so that a prompt "
     "that begins alike is not prefilled again.",
     "HBM  [weights][running sequences][beginnings]\n"
     "                                     |   ^ over the host's link\n"
     "host                             [beginnings]",
     "bytes of a token = 2 x KV heads x head size x layers x bytes of an element",
     "gridlock serve --help"},
    {"PUE", "power usage effectiveness, facility power",
     "Power of a site over that of its servers and network: cooling and conversion come on top.",
     "grid -> | cooling, conversion | servers, switches |", "PUE = facility power / IT power",
     "gridlock catalog list building"},
    {"PXN", "",
     "NCCL's way across rails: a rank hands what it sends to the neighbour in its server that has "
     "the right NIC, over NVLink, so that no message leaves its rail. Networks of rails alone need "
     "it; all-to-alls there take it here, too.",
     "g0 --NVLink--> g3 ==NIC 3== leaf 3 ==NIC 3== g3 of the other server", "",
     "gridlock collective examples/15-rails-only/scenario.textproto --op all_to_all "
     "--size 64MiB"},
    {"rail", "rails",
     "NIC number i of every server goes to leaf number i. Traffic between accelerators of "
     "one number crosses a single leaf; all other traffic first goes through the scale-up "
     "links.",
     "server A: g0 g1 g2        g0 of all servers -> leaf 0\n"
     "server B: g0 g1 g2        g1 of all servers -> leaf 1",
     "", "gridlock topo examples/15-rails-only/scenario.textproto --no-cut"},
    {"recomputation", "recompute, activation checkpointing, activation recomputation",
     "Activations are not kept for the backward pass but computed once more: less HBM, more "
     "arithmetic.",
     "forward: keep the inputs of layers alone    backward: forward again, then gradients",
     "FULL_LAYER costs one more forward pass: about 4/3 of the arithmetic",
     "gridlock schema Pretraining"},
    {"RDMA", "GPUDirect, GPUDirect RDMA, InfiniBand, RoCE, verbs",
     "A NIC reads and writes the memory of another machine without its processors. InfiniBand is "
     "built for it; RoCE is the same over Ethernet; GPUDirect lets the NIC reach the memory of an "
     "accelerator. Without GPUDirect every byte goes through the memory of the host. What each "
     "reaches stands in the transports: infiniband, roce, roce_staged, efa, ethernet.",
     "HBM -> NIC === fabric === NIC -> HBM      without GPUDirect: HBM -> host -> NIC === ...", "",
     "gridlock collective examples/01-two-servers/scenario.textproto --op all_reduce "
     "--size 64KiB --set site.override.transport=roce"},
    {"rollout", "rollouts, reinforcement learning, weight sync, lag",
     "Answers of a fleet that a trainer learns from; its weights then go back to the fleet. With "
     "a lag of one step the fleet answers while the trainer learns from the step before.",
     "lag 0  [answers][train][weights][answers]...\n"
     "lag 1  [answers 2][answers 3]\n"
     "       [train 1  ][train 2  ]",
     "step = answers + training + weights; with a lag max(answers + weights, training)",
     "gridlock rollout examples/01-two-servers/scenario.textproto --model llama-3.1-8b"},
    {"roofline", "ridge, memory bound, compute bound, bandwidth bound",
     "The rate that a kernel can reach, drawn over its arithmetic intensity: HBM "
     "bandwidth times intensity up to the ridge, the peak of the matrix units beyond it.",
     "FLOP/s |        ________  peak\n"
     "       |      /|\n"
     "       |    /  |  ridge\n"
     "       |  /    |\n"
     "       +---------------- FLOP/byte",
     "rate <= min(peak, HBM bandwidth x intensity)      (Williams et al. 2009)",
     "gridlock run examples/01-two-servers/scenario.textproto -q -o out/two && gridlock "
     "explain out/two"},
    {"scale-up and scale-out", "scale-up, scale-out, NVLink domain",
     "Scale-up links join the accelerators of a server or rack, at hundreds of gigabytes "
     "per second. Scale-out is the network between servers, through NICs, some ten times "
     "slower.",
     "[g g g g]  scale-up   \n"
     "    | NICs\n"
     " ===leaf=== scale-out",
     "", "gridlock catalog show dgx_h100"},
    {"SHARP", "collnet, CollNet, in-network reduction",
     "Switches of an InfiniBand fabric that add up all-reduces on their way (NCCL: CollNet). It is "
     "not modelled. Inside a scale-up domain NVLink SHARP is: NVLS.",
     "leaf: a + b -> spine: (a + b) + (c + d) -> back to all", "", "gridlock explain NVLS"},
    {"situation", "situations",
     "Of a life: which jobs run on which servers under which caps. The step times of one "
     "situation are simulated once and remembered.",
     "day 1: job a alone -> situation 1;  b starts -> situation 2", "",
     "gridlock run examples/05-two-sites/scenario.textproto -q"},
    {"tensor parallelism", "tp, sequence parallelism",
     "Each layer split over accelerators, which exchange activations twice in every layer "
     "and pass. It needs the scale-up links.",
     "   x -> [W1] -.\n"
     "   x -> [W2] --+-> sum -> next layer\n"
     "   x -> [W3] -'",
     "bytes of a layer and pass = 2 x (2 (t - 1) / t) x tokens x hidden x bytes of an "
     "element",
     "gridlock cap examples/03-bandwidth-cap/scenario.textproto --link scale_up --values "
     "900,400,100GBps -q"},
    {"TTFT and TPOT", "TTFT, TPOT, time to first token, time per output token",
     "Latencies of a request to a served model. TTFT: from its arrival to its first "
     "token, which is waiting and prefill. TPOT: from token to token after that.",
     "arrive |wait|prefill|t1|t2|t3|...|end\n"
     "       <---TTFT---->   <->TPOT",
     "TPOT = (end to end - TTFT) / (output tokens - 1)",
     "gridlock run examples/07-hbm-cap/scenario.textproto -q"},
    {"ZeRO", "FSDP, zero stage",
     "Optimizer states (stage 1), gradients (2) and weights (3) split over the replicas "
     "instead of copied, paid for with gathers of what is needed.",
     "          replica 0   replica 1\n"
     "stage 0   all         all\n"
     "stage 1   states/2    states/2",
     "bytes of states per rank = 12 x parameters / (tensor x pipeline x data)      (Adam "
     "in 32 bits)",
     "gridlock schema Pretraining"},
};

}  // namespace

std::span<const Term> Terms() {
  static const std::vector<Term> all = [] {
    std::vector<Term> terms(std::begin(kTerms), std::end(kTerms));
    for (const std::span<const Term> words : {Words(), OutputWords(), LifeWords()}) {
      terms.insert(terms.end(), words.begin(), words.end());
    }
    const auto before = [](char a, char b) {
      return std::tolower(static_cast<unsigned char>(a)) <
             std::tolower(static_cast<unsigned char>(b));
    };
    std::sort(terms.begin(), terms.end(), [&](const Term& a, const Term& b) {
      const std::string_view one = a.name, other = b.name;
      return std::lexicographical_compare(one.begin(), one.end(), other.begin(), other.end(),
                                          before);
    });
    return terms;
  }();
  return all;
}

}  // namespace gridlock
