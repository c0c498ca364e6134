#!/usr/bin/env python3
"""Measures one accelerator in about five minutes: what tools/calibrate.py accelerator makes an entry of.

Needs PyTorch with CUDA or ROCm; power and clocks come from NVML (package nvidia-ml-py) where it is
there. Every section stands alone: one that fails leaves a row that says so, and the others go on.

Sections, in this order: idle (watts before a program, then with a context), gemm (by m, n, k in BF16 and
FP8), power (seconds of one kernel each: watts, clock, rate), training (steps of cut-down models, eager and
compiled: time, peak bytes, watts), decode (an 8B model in a CUDA graph), attention, hbm.

Examples:
  tools/measure_accelerator.py -o card.jsonl
  tools/measure_accelerator.py --sections gemm,power --format csv -o card.csv
  tools/calibrate.py accelerator --measured card.jsonl --like h100_sxm --name my_card
"""

import argparse
import csv
import json
import statistics
import sys
import threading
import time

BF16_BYTES = 2


class Rows:
    """Rows as they come: JSON lines at once, CSV with one header at the end."""

    def __init__(self, path, form):
        self.form, self.rows = form, []
        self.file = open(path, "w", encoding="utf-8", newline="") if path else sys.stdout

    def add(self, section, **cells):
        row = {"section": section,
               **{k: round(v, 7) if isinstance(v, float) else v for k, v in cells.items()}}
        self.rows.append(row)
        if self.form == "jsonl":
            self.file.write(json.dumps(row) + "\n")
            self.file.flush()

    def close(self):
        if self.form == "csv":
            names = list(dict.fromkeys(name for row in self.rows for name in row))
            writer = csv.DictWriter(self.file, names, restval="")
            writer.writeheader()
            writer.writerows(self.rows)
        self.file.flush()


class Board:
    """Watts and clocks of the board, or nothing where NVML is missing."""

    def __init__(self, index):
        self.handle = None
        try:
            import pynvml as nvml
            nvml.nvmlInit()
            self.nvml, self.handle = nvml, nvml.nvmlDeviceGetHandleByIndex(index)
            self.joules()
        except Exception as error:  # no package, driver or counter: the table goes without watts
            self.handle = None
            print(f"power: not measured ({error!r})", file=sys.stderr)

    def facts(self):
        if self.handle is None:
            return {}
        nvml = self.nvml
        return {"limit_w": nvml.nvmlDeviceGetEnforcedPowerLimit(self.handle) / 1e3,
                "max_sm_mhz": nvml.nvmlDeviceGetMaxClockInfo(self.handle, nvml.NVML_CLOCK_SM),
                "mem_mhz": nvml.nvmlDeviceGetMaxClockInfo(self.handle, nvml.NVML_CLOCK_MEM),
                "driver": str(nvml.nvmlSystemGetDriverVersion())}

    def joules(self):
        return self.nvml.nvmlDeviceGetTotalEnergyConsumption(self.handle) / 1e3


class Watched:
    """with Watched(board, wait) as w: ...; then w.figures has seconds, watts, clock_mhz. `wait` lets
    queued work end."""

    def __init__(self, board, wait):
        self.board, self.wait, self.figures = board, wait, {}

    def __enter__(self):
        self.wait()
        self.samples, self.over = [], False
        if self.board.handle is not None:
            self.thread = threading.Thread(target=self._poll)
            self.thread.start()
            self.joules = self.board.joules()
        self.begin = time.time()
        return self

    def _poll(self):
        while not self.over:
            nvml, handle = self.board.nvml, self.board.handle
            self.samples.append((nvml.nvmlDeviceGetPowerUsage(handle) / 1e3,
                                 nvml.nvmlDeviceGetClockInfo(handle, nvml.NVML_CLOCK_SM)))
            time.sleep(0.05)

    def __exit__(self, *_):
        self.wait()
        self.figures["seconds"] = time.time() - self.begin
        if self.board.handle is not None:
            joules = self.board.joules() - self.joules
            self.over = True
            self.thread.join()
            late = self.samples[len(self.samples) // 2:]
            self.figures.update(
                joules=joules, watts=joules / self.figures["seconds"],
                watts_late=statistics.mean(watts for watts, _ in late),
                clock_mhz=statistics.mean(clock for _, clock in late))


class Bench:
    """What the sections share: the device, the rows, the board, and how things are timed."""

    def __init__(self, options, rows, board):
        import torch
        self.torch, self.rows, self.board = torch, rows, board
        self.device = torch.device("cuda", options.device)
        torch.cuda.set_device(self.device)
        torch.manual_seed(0)
        self.ends = time.time() + options.seconds
        self.one, self.wait = torch.ones((), device=self.device), torch.cuda.synchronize

    def left(self):
        return self.ends - time.time()

    def random(self, *shape, scale=1.0, grad=False):
        made = self.torch.randn(*shape, device=self.device, dtype=self.torch.bfloat16) * scale
        return made.requires_grad_() if grad else made

    def product(self, x, weight):
        """x times weight transposed, in the format of both."""
        if x.dtype == self.torch.bfloat16:
            return x @ weight.t()
        return self.torch._scaled_mm(x, weight.t(), scale_a=self.one, scale_b=self.one,
                                     out_dtype=self.torch.bfloat16, use_fast_accum=True)

    def timed(self, call, budget=0.015, graph=True):
        """Median seconds of a call; launches are hidden in a graph where that works."""
        torch = self.torch
        begin, end = torch.cuda.Event(True), torch.cuda.Event(True)
        call()
        self.wait()
        begin.record(), call(), end.record(), self.wait()
        count = max(1, min(200, int(budget / max(begin.elapsed_time(end) / 1e3, 2e-6))))

        def many():
            for _ in range(count):
                call()
        if graph:
            try:
                recorded = torch.cuda.CUDAGraph()
                with torch.cuda.graph(recorded):
                    many()
                many = recorded.replay
            except Exception:
                self.wait()
        many()
        self.wait()
        found = []
        for _ in range(3):
            begin.record(), many(), end.record(), self.wait()
            found.append(begin.elapsed_time(end) / 1e3 / count)
        return statistics.median(found)

    def sustained(self, name, call, seconds, flop=0, moved=0, **cells):
        """A row of the section power: the call over and over for so many seconds."""
        one = max(self.timed(call, graph=False), 1e-5)
        count, chunk = 0, max(1, int(0.1 / one))
        with Watched(self.board, self.wait) as watched:
            until = time.time() + seconds
            while time.time() < until:
                for _ in range(chunk):
                    call()
                count += chunk
                self.wait()
        each = watched.figures["seconds"] / count
        self.rows.add("power", name=name, time_s=each, calls=count, tflops=flop / each / 1e12,
                      gbs=moved / each / 1e9, **watched.figures, **cells)


def idle(options, rows, board):
    """Before a context exists; then with one."""
    def watch(name):
        time.sleep(1)
        with Watched(board, lambda: None) as watched:
            time.sleep(2)
        if "watts" in watched.figures:
            rows.add("power", name=name, **watched.figures)
    watch("idle_bare")
    bench = Bench(options, rows, board)
    (bench.random(1024, 1024) @ bench.random(1024, 1024)).sum().item()
    properties = bench.torch.cuda.get_device_properties(bench.device)
    rows.add("info", name=properties.name, sms=properties.multi_processor_count,
             memory=properties.total_memory, torch=bench.torch.__version__,
             date=time.strftime("%Y-%m-%d"), **board.facts())
    watch("idle_context")


# Projections of models of 8B to 405B, as (n, k); and small ones, where launches and tiles show.
PROJECTIONS = [(6144, 4096), (4096, 4096), (28672, 4096), (4096, 14336), (10240, 8192), (8192, 8192),
               (57344, 8192), (8192, 28672), (2048, 7168), (7168, 2048), (1024, 1024), (2048, 2048)]
TOKENS = (1, 16, 64, 256, 512, 1024, 2048, 4096, 8192, 16384)


def eight_bits(tensor):
    import torch
    return tensor.clamp(-200, 200).to(torch.float8_e4m3fn)


def gemm(bench):
    for precision in ("bf16", "fp8"):
        width = 2 if precision == "bf16" else 1
        for n, k in PROJECTIONS:
            copies = max(1, min(8, -(-160_000_000 // (n * k * width))))  # beyond what caches hold
            weights = [bench.random(n, k, scale=0.02) for _ in range(copies)]
            weights = weights if precision == "bf16" else [eight_bits(w * 50) for w in weights]
            for m in TOKENS:
                if m * n > 5e8 or (precision == "fp8" and m < 16):
                    continue
                x = bench.random(m, k)
                x = x if precision == "bf16" else eight_bits(x)
                turn = [0]
                def call():
                    turn[0] = (turn[0] + 1) % copies
                    return bench.product(x, weights[turn[0]])
                seconds = bench.timed(call, budget=0.01)
                bench.rows.add("gemm", precision=precision, m=m, n=n, k=k, time_us=seconds * 1e6,
                               tflops=2 * m * n * k / seconds / 1e12,
                               weight_gbs=n * k * width / seconds / 1e9)


def power(bench):
    attend = bench.torch.nn.functional.scaled_dot_product_attention
    for precision in ("bf16", "fp8"):
        for m, n, k in ((8192, 8192, 8192), (4096, 28672, 8192)):
            x, weight = bench.random(m, k), bench.random(n, k, scale=0.02)
            if precision == "fp8":
                x, weight = eight_bits(x), eight_bits(weight * 50)
            bench.sustained(f"gemm_{precision}_{m}x{n}x{k}", lambda: bench.product(x, weight), 4,
                            flop=2 * m * n * k, m=m, n=n, k=k, precision=precision)
    source = bench.random(1 << 30)
    target = bench.torch.empty_like(source)
    size = source.numel() * BF16_BYTES
    bench.sustained("copy_2gib", lambda: target.copy_(source), 3, moved=2 * size)
    bench.sustained("read_reduce_2gib", lambda: source.view(bench.torch.float32).sum(), 3, moved=size)
    bench.sustained("write_fill_2gib", lambda: target.fill_(1.0), 3, moved=size)
    del source, target
    q, kv = (bench.random(1, 32, 8192, 128) for _ in range(2))
    bench.sustained("attention_causal_8192_forward", lambda: attend(q, kv, kv, is_causal=True), 3,
                    flop=4 * 32 * 8192 * 8192 * 128 / 2)


def attention(bench):
    attend = bench.torch.nn.functional.scaled_dot_product_attention
    for heads, kv_heads, width in ((32, 8, 128), (128, 128, 128), (16, 16, 64)):
        for length in (512, 1024, 2048, 4096, 8192, 16384):
            batch = max(1, 16384 // length // (heads // 32 or 1))
            q = bench.random(batch, heads, length, width, grad=True)
            k, v = (bench.random(batch, kv_heads, length, width, grad=True) for _ in range(2))
            gradient = bench.random(batch, heads, length, width)
            def forward():
                return attend(q, k, v, is_causal=True, enable_gqa=heads != kv_heads)
            def both():
                forward().backward(gradient)
                q.grad = k.grad = v.grad = None
            with bench.torch.no_grad():
                once = bench.timed(forward, budget=0.03)
            twice = bench.timed(both, budget=0.05, graph=False)
            flop = 4 * batch * heads * length * length * width / 2
            bench.rows.add("attention", heads=heads, kv_heads=kv_heads, head_dim=width, seq=length,
                           batch=batch, causal=True, forward_us=once * 1e6, both_us=twice * 1e6,
                           forward_tflops=flop / once / 1e12,
                           backward_tflops=2.5 * flop / max(twice - once, 1e-9) / 1e12)


def hbm(bench):
    for mib in (64, 256, 1024, 4096):  # beyond what caches hold
        a, b, c = (bench.random(mib * (1 << 20) // BF16_BYTES) for _ in range(3))
        for kind, call, passes in (("copy", lambda: c.copy_(a), 2),
                                   ("add", lambda: bench.torch.add(a, b, out=c), 3)):
            seconds = bench.timed(call, budget=0.03)
            bench.rows.add("hbm", kind=kind, mib=mib, time_us=seconds * 1e6,
                           gbs=passes * mib * (1 << 20) / seconds / 1e9)
        del a, b, c


# name, hidden, layers, heads, kv_heads, ffn, vocabulary, length, micro-batch
MODELS = [("1.3b", 2048, 24, 16, 16, 5504, 32000, 2048, 1), ("1.3b", 2048, 24, 16, 16, 5504, 32000, 2048, 8),
          ("8b-8l", 4096, 8, 32, 8, 14336, 32000, 4096, 1), ("8b-8l", 4096, 8, 32, 8, 14336, 32000, 4096, 4),
          ("8b-8l-128k", 4096, 8, 32, 8, 14336, 128256, 8192, 1),
          ("70b-2l", 8192, 2, 64, 8, 28672, 32000, 4096, 4), ("8b-8l-long", 4096, 8, 32, 8, 14336, 32000, 16384, 1)]
COMPILED = ("1.3b", "8b-8l", "70b-2l")


def layer_weights(bench, hidden, heads, kv_heads, ffn):
    """Scales of two norms; projections of queries, keys and values, of attention's output, up, down."""
    width = hidden // heads
    shapes = (((heads + 2 * kv_heads) * width, hidden), (hidden, hidden), (2 * ffn, hidden), (hidden, ffn))
    return [bench.random(hidden), bench.random(hidden), *(bench.random(*s, scale=0.02) for s in shapes)]


def layer(functional, x, weights, heads, kv_heads, attend):
    """A layer of a Llama: x is (batch, length, hidden); attend takes (batch, heads, length, width)."""
    before, between, qkv, out, up, down = weights
    batch, length, hidden = x.shape
    joint = functional.linear(functional.rms_norm(x, (hidden,), before), qkv)
    joint = joint.view(batch, length, -1, hidden // heads)
    seen = attend(*(t.transpose(1, 2) for t in joint.split([heads, kv_heads, kv_heads], 2)))
    x = x + functional.linear(seen.transpose(1, 2).reshape(batch, length, hidden), out)
    gate, inner = functional.linear(functional.rms_norm(x, (hidden,), between), up).chunk(2, -1)
    return x + functional.linear(functional.silu(gate) * inner, down)


def make_model(bench, hidden, layers, heads, kv_heads, ffn, vocabulary, recompute, compiled):
    """(weights, forward) of a Llama-like model in BF16, with rotary positions."""
    functional = bench.torch.nn.functional
    from torch.utils.checkpoint import checkpoint
    every = [[w.requires_grad_() for w in layer_weights(bench, hidden, heads, kv_heads, ffn)]
             for _ in range(layers)]
    ends = [bench.random(vocabulary, hidden, scale=0.02, grad=True), bench.random(hidden, grad=True),
            bench.random(vocabulary, hidden, scale=0.02, grad=True)]
    def rotated(x, cos, sin):
        a, b = x.chunk(2, -1)
        return bench.torch.cat((a * cos - b * sin, b * cos + a * sin), -1)
    def one(x, weights, cos, sin):
        def attend(q, k, v):
            return functional.scaled_dot_product_attention(
                rotated(q, cos, sin), rotated(k, cos, sin), v, is_causal=True, enable_gqa=heads != kv_heads)
        return layer(functional, x, weights, heads, kv_heads, attend)

    each = bench.torch.compile(one, dynamic=False) if compiled else one
    def forward(tokens, cos, sin):
        x = functional.embedding(tokens, ends[0])
        for weights in every:
            x = (checkpoint(each, x, weights, cos, sin, use_reentrant=False) if recompute
                 else each(x, weights, cos, sin))
        return functional.linear(functional.rms_norm(x, (hidden,), ends[1]), ends[2])

    return [*ends, *(w for weights in every for w in weights)], forward


def train(bench, name, hidden, layers, heads, kv_heads, ffn, vocabulary, length, batch, recompute=False,
          compiled=False):
    torch = bench.torch
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    weights, model = make_model(bench, hidden, layers, heads, kv_heads, ffn, vocabulary, recompute,
                                compiled)
    optimizer = torch.optim.AdamW(weights, fused=True, lr=1e-5)
    tokens = torch.randint(0, vocabulary, (batch, length), device=bench.device)
    angle = torch.rand(1, 1, length, hidden // heads // 2, device=bench.device)
    cos, sin = angle.cos().bfloat16(), angle.sin().bfloat16()
    events = [[torch.cuda.Event(True) for _ in range(3)] for _ in range(8)]

    def step(begin, middle, end):
        begin.record()
        logits = model(tokens, cos, sin)
        loss = torch.nn.functional.cross_entropy(logits.view(-1, vocabulary).float(), tokens.view(-1))
        middle.record()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        end.record()
    for _ in range(3):
        step(*events[0])
    with Watched(bench.board, bench.wait) as watched:
        for each in events:
            step(*each)
    bench.rows.add(
        "training", name=name, hidden=hidden, layers=layers, heads=heads, kv_heads=kv_heads, ffn=ffn, gated=1,
        vocab=vocabulary, seq=length, micro_batch=batch, parameters_dtype="bf16", recompute=recompute,
        compiled=compiled, parameters=sum(w.numel() for w in weights),
        step_s=statistics.median(a.elapsed_time(c) for a, _, c in events) / 1e3,
        forward_s=statistics.median(a.elapsed_time(b) for a, b, _ in events) / 1e3,
        peak_bytes=torch.cuda.max_memory_allocated(), **watched.figures)


def training(bench):
    plain = [(model, {}) for model in MODELS] + [(MODELS[3], {"recompute": True})]
    compiled = [(model, {"compiled": True}) for model in MODELS if model[0] in COMPILED and model[-1] > 1]
    for model, how in plain + compiled:
        try:
            if bench.left() > (60 if how.get("compiled") else 10):
                train(bench, *model, **how)
        except bench.torch.OutOfMemoryError as error:
            bench.rows.add("failed", name=f"training {model[0]}", error=repr(error)[:400])


def decode(bench):
    """32 layers of an 8B shape: one token for each sequence of a batch."""
    torch = bench.torch
    attend = torch.nn.functional.scaled_dot_product_attention
    hidden, layers, heads, kv_heads, ffn, vocabulary, width = 4096, 32, 32, 8, 14336, 128256, 128
    weights = [layer_weights(bench, hidden, heads, kv_heads, ffn) for _ in range(layers)]
    head, scale = bench.random(vocabulary, hidden, scale=0.02), bench.random(hidden)
    def cached(keys, values):
        def attended(q, k, v):
            keys[:, :, -1:], values[:, :, -1:] = k, v
            return attend(q, keys, values, enable_gqa=True)
        return attended
    def iteration(x, caches):
        for index, each in enumerate(weights):
            x = layer(torch.nn.functional, x, each, heads, kv_heads, cached(*caches[index]))
        x = torch.nn.functional.rms_norm(x[:, -1], (hidden,), scale)
        return torch.nn.functional.linear(x, head)

    free = torch.cuda.mem_get_info()[0]
    with torch.no_grad():
        for batch in (1, 16, 64, 256):
            for context in (1024, 4096, 16384):
                size = batch * context * layers * 2 * kv_heads * width * BF16_BYTES
                if size > min(45e9, 0.8 * free) or bench.left() < 30:
                    continue
                caches = [(bench.random(batch, kv_heads, context, width),
                           bench.random(batch, kv_heads, context, width)) for _ in range(layers)]
                x = bench.random(batch, 1, hidden)
                iteration(x, caches)
                bench.wait()
                graph = torch.cuda.CUDAGraph()
                with torch.cuda.graph(graph):
                    iteration(x, caches)
                bench.rows.add("decode", model="llama-8b shape", batch=batch, context=context,
                               graph_ms=1e3 * bench.timed(graph.replay, budget=0.05, graph=False))
                if context == 1024 and batch in (1, 64, 256):
                    bench.sustained(f"decode_b{batch}_c{context}", graph.replay, 2)
                del caches, graph
            torch.cuda.empty_cache()


SECTIONS = {each.__name__: each for each in (gemm, power, training, decode, attention, hbm)}


def measure(options, rows):
    board = Board(options.device)
    if "idle" in options.sections:
        idle(options, rows, board)
    bench = Bench(options, rows, board)
    for name, section in SECTIONS.items():
        if name not in options.sections:
            continue
        begin = time.time()
        try:
            if bench.left() < 10:
                raise TimeoutError("no time left; see --seconds")
            section(bench)
            print(f"{name}: {time.time() - begin:.0f} s", file=sys.stderr)
        except Exception as error:
            rows.add("failed", name=name, error=repr(error)[:400])
            print(f"{name}: failed after {time.time() - begin:.0f} s: {error!r}", file=sys.stderr)
        bench.torch.cuda.empty_cache()


def parsed(arguments):
    parser = argparse.ArgumentParser(description=__doc__, prog="measure_accelerator.py",
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", metavar="FILE", help="file to write (default: the screen)")
    parser.add_argument("--format", choices=["jsonl", "csv"], default="jsonl",
                        help="a JSON object a line, or one CSV table with a header (default jsonl)")
    parser.add_argument("--sections", metavar="A,B", default=f"idle,{','.join(SECTIONS)}",
                        help="only these (default: all)")
    parser.add_argument("--device", type=int, default=0, metavar="N", help="index of the card (default 0)")
    parser.add_argument("--seconds", type=float, default=400, metavar="S",
                        help="no section begins after this long (default 400)")
    options = parser.parse_args(arguments)
    options.sections = [name.strip() for name in options.sections.split(",") if name.strip()]
    unknown = [name for name in options.sections if name != "idle" and name not in SECTIONS]
    if unknown:
        parser.error(f"--sections: {unknown[0]!r}; expected some of idle, {', '.join(SECTIONS)}")
    return options


def refuse(message):
    print(f"measure_accelerator.py: {message}", file=sys.stderr)
    return 2


def main(arguments=None):
    options = parsed(arguments)
    try:
        import torch
    except ImportError:
        return refuse("PyTorch is not installed; see https://pytorch.org")
    if not torch.cuda.is_available():
        return refuse("PyTorch sees no accelerator; expected a CUDA or ROCm device")
    rows = Rows(options.output, options.format)
    try:
        measure(options, rows)
    finally:
        rows.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
