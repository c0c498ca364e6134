// Words of models, machines and operations that people ask for beside those of the outputs.

#include "sim/pages/glossary_words.h"

namespace gridlock {
namespace {

constexpr Term kWords[] = {
    {"backfill", "backfilling, EASY, conservative backfill, reservation",
     "A scheduler that lets a later job start before the first one that waits, where it does not "
     "make that one later. BACKFILL keeps a place for the first job alone, CONSERVATIVE for every "
     "job.",
     "servers |A A A A|. .|B B B B B B|      B waits for 6 servers\n"
     "                |C C|                 C fits before it: backfilled",
     "a job starts early when now + its time <= the start kept for the first one, or it needs none "
     "of its servers",
     "gridlock schema SchedulerPolicy"},
    {"distillation", "teacher, student, knowledge distillation, logits of a teacher",
     "A small model learns from the outputs of a large one. Each step the teacher's forward pass "
     "comes first; its weights are frozen, and its logits stay until the loss.",
     "tokens -> teacher, forward ---logits--+\n"
     "tokens -> student, forward ---logits--+--> loss -> backward through the student",
     "FLOP of a token = 2 x teacher + 6 x student parameters      (70B teaches 8B: 188 GFLOP)",
     "gridlock schema FrozenCopy"},
    {"DPO",
     "direct preference optimisation, preference tuning, reference model, chosen and rejected",
     "Training on pairs of answers, one chosen and one rejected. Both go through the model in one "
     "batch, and through a frozen reference without a backward pass (Rafailov et al. 2023, "
     "arXiv:2305.18290). A pair counts as two sequences.",
     "chosen, rejected -> reference, forward --+\n"
     "chosen, rejected -> model, forward ------+--> loss -> backward",
     "weights = 2 x 2 bytes a parameter; FLOP of a token = 2 + 6 = 8 a parameter",
     "gridlock schema FrozenCopy"},
    {"DualPipe", "zero bubble, ZB-H1, ZB-V, DualPipeV, bidirectional pipeline",
     "A pipeline schedule that feeds micro-batches from both ends and fills waiting with gradients "
     "of weights (DeepSeek-V3, arXiv:2412.19437). Each rank holds two copies of its stage. "
     "DualPipeV, its successor with one copy, lays the model out as a V: DUAL_PIPE_V, and "
     "ZERO_BUBBLE_V for the order of ZB-V (arXiv:2405.15362). The first stage has both ends of the "
     "model.",
     "1F1B      F F F F . . B B B B      waits at both ends\n"
     "ZB        F F F F i i w w i w      i: gradients of inputs, w: of weights\n"
     "V         stage 0 layers 1, 8; stage 1 layers 2, 7; stage 2 layers 3, 6; stage 3 layers 4, 5",
     "bubble of 1F1B = (p - 1) (F + B)      ZB-H1: (p - 1) (F + Bi - Bw)      V: (p - 1) F / 2 "
     "where F = Bi = Bw",
     "gridlock schema Schedule"},
    {"FP8 and NVFP4", "FP8, NVFP4, MXFP8, FP4, E4M3, E5M2, BF16, narrow formats, precision",
     "Formats of 8 and 4 bits for the inputs of matrix products. Blocks of values share a scale: "
     "MXFP8 has one byte for 32 values, NVFP4 one for 16. Norms, the LM head and attention stay in "
     "16 bits.",
     "BF16   16 bits\n"
     "MXFP8   8 bits + 8 / 32 = 8.25\n"
     "NVFP4   4 bits + 8 / 16 = 4.5",
     "peak of one H100 SXM: 989 TFLOP/s in BF16, 1,979 in FP8", "gridlock catalog show h100_sxm"},
    {"GQA, MQA and MLA",
     "GQA, MQA, MHA, MLA, grouped queries, multi-query attention, multi-head attention, latent "
     "attention",
     "Ways to keep fewer keys and values. With grouped queries several query heads share one head "
     "of keys and values, in MQA all of them do. Latent attention keeps one narrow vector of which "
     "all heads are made (DeepSeek-V2, arXiv:2405.04434).",
     "MHA   q q q q q q q q      GQA   q q q q q q q q      MQA   q q q q q q q q\n"
     "      k k k k k k k k            k   k   k   k              k",
     "bytes of a token = 2 x layers x KV heads x width x bytes; MLA: layers x (rank + rotary) x "
     "bytes\n"
     "Llama 3.1 8B in 16 bits: 131 kB (MHA: 524, MQA: 16); DeepSeek-V3: 70 kB",
     "gridlock catalog show deepseek_v3"},
    {"GRPO, PPO and RLHF", "GRPO, PPO, RLHF, RLVR, critic, reward model, policy gradient, actor",
     "Reinforcement learning of a language model: a fleet answers prompts, answers are scored, and "
     "a trainer learns from them, held to a frozen reference. PPO trains a critic besides, a "
     "second "
     "model with states of its own; GRPO compares the answers to one prompt with each other "
     "(Shao et al. 2024, arXiv:2402.03300).",
     "prompts -> fleet -> answers -> scores -+-> trainer -> weights -> fleet\n"
     "                      reference --------+",
     "PPO    model, critic (trained), reference, reward (frozen)\n"
     "GRPO   model (trained), reference (frozen)",
     "gridlock rollout examples/01-two-servers/scenario.textproto --model llama-3.1-8b"},
    {"HBM", "high bandwidth memory, HBM3, HBM3e, device memory, GPU memory",
     "The memory of an accelerator, stacks of DRAM beside the chip. Its capacity decides what "
     "fits, "
     "its bandwidth how fast decoding is: every token reads all weights.",
     "|HBM|HBM| chip |HBM|HBM|      H100 SXM: 80 GB, 3.35 TB/s",
     "time of a decoded token >= bytes of weights / bandwidth      (8B in 16 bits: 16.1 GB / 3.35 "
     "TB/s = 4.8 ms)",
     "gridlock catalog show h100_sxm"},
    {"HSDP", "hybrid sharding, hybrid sharded data parallelism, shard group, shard_group",
     "Parameters are sharded within a group of replicas and copied over the groups. Gathers stay "
     "in "
     "the group, for example in one server; only gradients of a shard cross between groups.",
     "group 0   [1/8][1/8]...[1/8]     gathers within\n"
     "group 1   [1/8][1/8]...[1/8]     all-reduce of each eighth across",
     "weights of a rank = parameters / shard_group", "gridlock schema Layout"},
    {"incast", "many to one, fan-in",
     "Many senders to one receiver at once: the receiver's port is shared by all of them, however "
     "wide the network is.",
     "a --\\\n"
     "b ----> port of r      each gets 1/3 of it\n"
     "c --/",
     "time = senders x bytes / bandwidth of the receiver's port",
     "gridlock flows examples/17-hashed-or-sprayed/scenario.textproto --incast 4:1"},
    {"Mamba", "state space model, SSM, Mamba-2, recurrence, state, linear attention, gated delta",
     "A layer that carries a state of fixed size from token to token instead of keys and values of "
     "all tokens (Gu and Dao 2023, arXiv:2312.00752). Its cost grows with the tokens, not with "
     "their square, and a long context takes no more memory.",
     "attention   token n looks at 1 ... n      cache grows\n"
     "Mamba       state -> state -> state       cache stays",
     "bytes of a sequence = layers x heads x state x width x bytes",
     "gridlock catalog show nemotron_h_8b"},
    {"MTBF and MTTR",
     "MTBF, MTTR, MTTF, mean time between failures, mean time to repair, availability",
     "How long a thing runs until it fails, and how long until it is repaired, both on average. A "
     "job that needs n things fails n times as often as one of them.",
     "|----- up -----|down|-------- up --------|down|\n"
     " <--- MTBF ----> <-> MTTR",
     "MTBF of n = MTBF of one / n      availability = MTBF / (MTBF + MTTR)\n"
     "50,000 h each: 16,384 accelerators fail every 3.1 h",
     "gridlock run examples/33-failures-by-scale/scenario.textproto -q -o out/f && gridlock "
     "explain "
     "out/f"},
    {"NVLink and PCIe", "NVLink, NVSwitch, PCIe, PCI Express, C2C, XGMI, Infinity Fabric",
     "Links inside a server. NVLink joins accelerators with each other, PCIe joins them with the "
     "host and with NICs. Makers add both directions up; here bandwidth is per direction.",
     "GPU ==NVLink== NVSwitch ==NVLink== GPU\n"
     " |PCIe          \n"
     "host, NIC",
     "H100 SXM: NVLink 900 GB/s both ways = 450 GB/s per direction; PCIe 5.0 x16: 64 GB/s",
     "gridlock catalog show hgx_h100"},
    {"percentile", "p50, p90, p95, p99, median, quantile, tail, tail latency",
     "The value that so many of a hundred do not exceed: p99 of the latency is what 99 of 100 "
     "requests stay within. Means hide the few that wait long.",
     "requests by latency   |###########################|##|.|\n"
     "                                    p50          p90 p99",
     "of n sorted values the one at place q n",
     "gridlock serve --model llama-3.1-8b --part h100_sxm --rate 4 --requests 200"},
    {"QLoRA", "quantised LoRA, NF4, 4-bit fine-tuning",
     "Low-rank adapters beside a frozen base in 4 bits, which is written out in 16 bits before "
     "each product (Dettmers et al. 2023, arXiv:2305.14314). 65B fits one card of 48 GB.",
     "x --[W in NF4 -> 16 bits]--+--> y\n"
     "  \\--[A]--[B]--------------/      trained: A and B alone",
     "bytes of the base = 0.5625 a parameter, 0.516 with double quantisation",
     "gridlock run examples/20-fine-tuning-70b/scenario.textproto -q"},
    {"SLO", "service level objective, SLA, objectives, attainment, good",
     "What a service promises, for example the first token within 500 ms and 50 ms for each more. "
     "What counts is the share of requests that keep both.",
     "TTFT within --ttft-ms and TPOT within --tpot-ms: counted as good",
     "share within = requests that keep all objectives / requests",
     "gridlock serve --model llama-3.1-8b --part h100_sxm --rate 4 --requests 200 --ttft-ms 500 "
     "--tpot-ms 50"},
    {"speculative decoding", "speculation, drafts, draft model, EAGLE, MTP, accepted tokens",
     "A small model or module guesses several tokens, and one pass of the large one checks them "
     "all. Decoding reads the weights once for several tokens.",
     "draft   a b c d\n"
     "check   a b c x      3 kept and one made: 4 tokens in one pass",
     "tokens of a pass = (1 - a^(k + 1)) / (1 - a)      k drafts, a: share accepted (Leviathan et "
     "al. 2023,\n"
     "arXiv:2211.17192); k = 4, a = 0.8: 3.36",
     "gridlock serve --model llama-3.1-8b --part h100_sxm --concurrency 8 --requests 50 --drafts 4 "
     "--accepted 0.8"},
    {"straggler", "stragglers, slow server, slow node, fail-slow",
     "A server that is slower than the others. In synchronous training all wait for it, so that "
     "one "
     "slow server of 2,048 slows all of them.",
     "a |####|  b |####|  c |########|  d |####|      all end with c",
     "time of a step = that of the slowest", "gridlock schema Failure"},
    {"TCO", "total cost of ownership, cost, price, capital and operating cost",
     "What a cluster costs over its life: servers and network, shared out over their years, the "
     "building, and energy at its price. Divided by tokens it is a price of a token.",
     "| servers | network | building | energy |  -> per hour of an accelerator",
     "energy = power x PUE x hours x price of a kWh", "gridlock schema Prices"},
    {"TDP", "thermal design power, board power, power limit, rated power",
     "The power that a board may draw for long. Products of large matrices reach it, and the clock "
     "falls until the board stays within.",
     "power  |########### 700 W ###|      clock falls where the line would be crossed",
     "P = idle + FLOP/s x energy of a FLOP + HBM bytes/s x energy of a byte <= limit",
     "gridlock catalog show h100_sxm"},
    {"torus", "2D torus, 3D torus, ICI, mesh, hypercube",
     "A network without switches: each accelerator has links to its neighbours in two or three "
     "dimensions, and each row closes to a ring. TPUs are joined so.",
     "(a)-b-c-d-(a)\n"
     " |  | | |      rows and columns are rings\n"
     "(e)-f-g-h-(e)",
     "bisection of n^3 = 2 n^2 links; mean distance of n a side = n / 4 in each dimension",
     "gridlock schema Torus"},
};

}  // namespace

std::span<const Term> Words() {
  return kWords;
}

}  // namespace gridlock
