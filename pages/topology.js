// Sections that show the machine, HBM over the step, and what ten per cent more would bring.

// A canonical scenario as nested objects; a field that repeats is a list.
function parsedText(text) {
  const root = {}, stack = [root];
  for (const raw of text.split('\n')) {
    const line = raw.trim();
    if (line === '}') { stack.pop(); continue; }
    const found = /^([\w[\].]+)(?:: *|(?= *\{))(.*)$/.exec(line);
    if (!found || line.startsWith('#')) continue;
    const [, name, rest] = found, into = stack.at(-1);
    const value = line.endsWith('{') ? {} : rest.startsWith('[') ? rest.slice(1, -1).split(',').map(Number) : rest.startsWith('"') ? rest.slice(1, -1) : rest === '' || isNaN(rest) ? rest : Number(rest);
    if (name in into) into[name] = [].concat(into[name], [value]);
    else into[name] = value;
    if (line.endsWith('{')) stack.push(value);
  }
  return root;
}

// What a site is made of, from the inside out: [{name, plural, n, columns}], n blocks of the level before it.
function levelsOf(site, perServer, servers) {
  const server = { name: 'accelerator', plural: 'accelerators', block: 'server', n: perServer };
  const fabric = Object.keys(site.fabric || {})[0], of = site.fabric?.[fabric] || {};
  const rest = (levels, name, plural) => {
    const inside = levels.slice(1).reduce((a, level) => a * level.n, 1);
    return [...levels, { name, plural, block: 'site', n: Math.max(1, Math.ceil(servers / inside)) }];
  };
  if (fabric === 'clos') {
    const together = of.rail_optimized ? perServer : 1;  // leaves that the same servers share
    const group = { name: 'server', plural: 'servers', block: of.rail_optimized ? 'group of rails' : 'leaf', n: of.servers_per_leaf || servers };
    if ((of.tiers || 2) < 3) return rest([server, group], group.block, of.rail_optimized ? 'groups of rails' : 'leaves');
    const pod = { name: group.block, plural: of.rail_optimized ? 'groups of rails' : 'leaves', block: 'pod', n: Math.max(1, Math.floor((of.leaves_per_pod || 1) / together)) };
    return rest([server, group, pod], 'pod', 'pods');
  }
  if (of.routers_per_group) {
    return rest([server, { name: 'server', plural: 'servers', block: 'router', n: of.servers_per_router || 1 }, { name: 'router', plural: 'routers', block: 'group', n: of.routers_per_group }], 'group', 'groups');
  }
  if (fabric === 'torus') {
    const size = [].concat(of.size || []), block = [].concat(of.block || []);
    if (size.length >= 2 && size.length === block.length && !of.slice) {
      const along = size.map((n, d) => Math.ceil(n / block[d]));
      return [{ ...server, columns: block[0] }, { name: 'server', plural: 'servers', block: 'row of servers', n: along[0], columns: along[0] },
        { name: 'row', plural: 'rows of servers', block: 'plane', n: along[1], columns: 1 }, { name: 'plane', plural: 'planes', block: 'site', n: along[2] || 1 }];
    }
  }
  if (of.servers_per_router) return rest([server, { name: 'server', plural: 'servers', block: 'router', n: of.servers_per_router }], 'router', 'routers');
  return rest([server], 'server', 'servers');
}
// Columns near `wanted` that fill all rows, where there are such.
function wellDivided(n, wanted) {
  const near = Math.max(1, Math.min(n, Math.round(wanted)));
  for (let off = 0; off <= near * 0.45; ++off) {
    for (const columns of [near + off, near - off]) if (columns >= 1 && columns <= n && n % columns === 0) return columns;
  }
  return near;
}
const GAPS = [0, 1, 2, 4, 6];
// Where accelerators stand, in cells: blocks within blocks, each about as wide as `aspects` says.
function placed(levels, aspects) {
  let width = 1, height = 1;
  const steps = levels.map((level, k) => {
    const gap = k === 0 ? 0 : GAPS[Math.min(k, GAPS.length - 1)] - (k === 1 && level.n > 4000 ? 1 : 0);
    const columns = level.columns || wellDivided(level.n, Math.sqrt(level.n * aspects[k] * (height + gap) / (width + gap)));
    const step = { n: level.n, columns, dx: width + gap, dy: height + gap };
    const rows = Math.ceil(level.n / columns);
    width = columns * step.dx - gap;
    height = rows * step.dy - gap;
    return step;
  });
  const at = (index) => {
    let x = 0, y = 0, left = index;
    for (const step of steps) {
      const i = left % step.n;
      left = Math.floor(left / step.n);
      x += (i % step.columns) * step.dx;
      y += Math.floor(i / step.columns) * step.dy;
    }
    return [x, y];
  };
  return { width, height, at };
}
// Which rank of the job an accelerator runs, and where that stands in the layout; null when idle.
function ranksOf(job, perServer, accelerators) {
  const layout = job?.pretraining?.layout;
  if (!layout) return () => null;
  const tensor = layout.tensor || 1, context = layout.context || 1, data = layout.data || 1, pipeline = layout.pipeline || 1;
  const inDomain = layout.domain_ranks || perServer, ranks = tensor * context * data * pipeline, group = tensor * context;
  return (accelerator) => {
    const place = accelerator % perServer;
    const rank = Math.floor(accelerator / perServer) * inDomain + place;
    if (place >= inDomain || rank >= ranks || accelerator >= accelerators) return null;
    const outer = Math.floor(rank / group);
    const stageFirst = layout.rank_order === 'TENSOR_PIPELINE_DATA';
    return {
      rank, tensor: rank % tensor, stage: stageFirst ? outer % pipeline : Math.floor(outer / data), replica: stageFirst ? Math.floor(outer / pipeline) : outer % data,
      counts: { stage: pipeline, replica: data, tensor }
    };
  };
}
// From dark blue over grey to yellow: ordered, and told apart by all.
function ramp(share, night) {
  const stops = night ? [[38, 84, 158], [126, 130, 140], [246, 222, 88]] : [[0, 42, 106], [124, 123, 120], [240, 205, 40]];
  const k = Math.min(1, Math.floor(2 * share)), part = 2 * share - k;
  return stops[k].map((a, i) => Math.round(a + part * (stops[k + 1][i] - a)));
}

function topologySection(parent, results) {
  const scenario = parsedText(results.attributes.scenario || '');
  const sites = [].concat(scenario.site || []), jobs = [].concat(scenario.job || []);
  const machines = [...(results.attributes.machine || '').matchAll(/([\d,]+) x (\S+), (\d+) x/g)].map((m) => ({ servers: Number(m[1].replaceAll(',', '')), name: m[2], per: Number(m[3]) }));
  const all = machines.reduce((a, m) => a + m.servers * m.per, 0);
  if (!machines.length || machines.length !== sites.length || all > 1.2e6) return;
  let site = 0, by = 'stage';
  const WAYS = [['stage', 'pipeline stage'], ['replica', 'replica'], ['tensor', 'tensor rank']];
  const view = () => {
    const machine = machines[site], count = machine.servers * machine.per;
    const levels = levelsOf(sites[site], machine.per, machine.servers);
    return { machine, count, levels, rankOf: sites.length === 1 ? ranksOf(jobs[0], machine.per, count) : () => null };
  };
  const told = element('p', { class: 'soft', 'aria-live': 'polite' });
  const paint = (box, look) => {
    const { count, levels, rankOf } = view();
    const wide = look.narrow ? 1 : 2.6;
    const outer = levels.findLastIndex((level) => level.n > 1);
    const place = placed(levels, levels.map((_, k) => k === outer ? wide : k === 0 ? 2 : 1.6));
    const room = Math.max(200, box.clientWidth);
    const sharp = Math.max(1, Math.round(window.devicePixelRatio || 1));
    const cell = Math.max(1 / sharp, Math.min(14, Math.floor(sharp * room / place.width) / sharp));
    const canvas = box.querySelector('canvas') || element('canvas');
    canvas.width = Math.ceil(place.width * cell * sharp);
    canvas.height = Math.ceil(place.height * cell * sharp);
    canvas.style.width = `min(100%, ${canvas.width / sharp}px)`;
    box.style.height = 'auto';
    const pen = canvas.getContext('2d', { willReadFrequently: true });
    pen.fillStyle = look.night ? '#1c2027' : '#f6f7f9';  // of a card
    pen.fillRect(0, 0, canvas.width, canvas.height);
    const whole = cell * sharp, size = whole >= 4 ? whole - 1 : whole;
    const where = new Map();
    for (let i = 0; i < count; ++i) {
      const [x, y] = place.at(i), rank = rankOf(i);
      const idle = rank === null && sites.length === 1 && jobs[0]?.pretraining;
      const many = rank?.counts[by] || 1;
      const paint = rank ? ramp(many > 1 ? rank[by] / (many - 1) : 0.15, look.night) : idle ? (look.night ? [70, 76, 86] : [214, 219, 224]) : ramp(0.15, look.night);
      pen.fillStyle = `rgb(${paint.join()})`;
      pen.fillRect(x * whole, y * whole, size, size);
      where.set(y * place.width + x, i);
    }
    canvas.onmousemove = (event) => {
      const scale = place.width * cell / canvas.clientWidth;
      const i = where.get(Math.floor(event.offsetY * scale / cell) * place.width + Math.floor(event.offsetX * scale / cell));
      if (i !== undefined) told.textContent = placeInWords(i, levels, rankOf(i));
    };
    if (!canvas.isConnected) box.append(canvas);
    entry.painted = [count, place.width, place.height];
  };
  const placeInWords = (index, levels, rank) => {
    let left = index;
    const words = levels.map((level) => { const i = left % level.n; left = Math.floor(left / level.n); return `${level.name} ${i}`; }).reverse();
    return `${words.join(', ')}: ${rank ? `rank ${rank.rank.toLocaleString('en')}, stage ${rank.stage}, replica ${rank.replica}, tensor rank ${rank.tensor}` : 'no rank of the job'}`;
  };
  const redraw = () => draw(entry);
  const controls = [];
  if (sites.length > 1) controls.push(choice('Site', sites.map((s) => s.name || 'site'), (i) => { site = i; redraw(); }));
  else if (jobs[0]?.pretraining) controls.push(choice('Colour', WAYS.map((w) => w[1]), (i) => { by = WAYS[i][0]; redraw(); }));
  const inner = () => view().levels.slice(1).map((level, k, list) => {
    const many = Math.ceil(view().machine.servers / list.slice(0, k).reduce((a, l) => a * l.n, 1));
    return `${many.toLocaleString('en')} ${many === 1 ? level.name : level.plural}`;
  });
  const used = results.at('accelerators', 0);
  const planes = sites[0].fabric?.clos?.planes > 1 ? ` The network above the servers is there ${sites[0].fabric.clos.planes} times, as planes.` : '';
  const text = `A square for each of ${all.toLocaleString('en')} accelerators: ${inner().join(', ')}.${planes} ${used && used < all ? `${(all - used).toLocaleString('en')} are idle and pale. ` : ''}${jobs[0]?.pretraining && sites.length === 1 ? 'Colours go from blue, the first, to yellow, the last. Point at one to read what it does.' : ''}`;
  const entry = chartSection(parent, 'The machine', text, null,
    () => ({
      head: [{ name: 'level' }, { name: 'holds' }, { name: 'of them', unit: '1' }],
      rows: view().levels.map((level) => [level.block, level.plural, level.n])
    }), { canvas: true, controls, paint });
  entry.box.after(told);
}

// HBM over the step: what stays, and activations, which follow the passes of the timeline.
function activationsOver(results, spans, activities, stage) {
  const idle = new Set(['pipeline_wait', 'idle']);
  const own = spans.filter((s) => s[0] === stage && (s[4] === 1 || s[4] === 2) && !idle.has(activities[s[3]]));
  const total = [0, 0, 0];
  for (const [, start, end, , pass] of own) total[pass] += end - start;
  if (!total[1] || !total[2]) return [];
  let held = 0, most = 0;
  const points = [[0, 0]];
  for (const [, start, end, , pass] of own) {
    points.push([start, held]);
    held = Math.max(0, held + (pass === 1 ? 1 : -1) * (end - start) / total[pass]);
    most = Math.max(most, held);
    points.push([end, held]);
  }
  return points.map(([t, h]) => [t, most > 0 ? h / most : 0]);
}
function memoryTimeSection(parent, results) {
  if (!results.has('span_stage') || !results.has('memory_weights')) return;
  const activities = results.data('activity'), spans = spansOf(results, 0);
  const stages = results.data('stage').length;
  let stage = 0;
  const points = () => activationsOver(results, spans, activities, stage);
  if (!spans.length || !points().length) return;
  const of = (name) => results.at(`memory_${name}`, 0, stage);
  const lasting = ['weights', 'gradients', 'optimizer', 'buffers'];
  const end = Math.max(...spans.map((span) => span[2]));
  const controls = stages > 1 ? [choice('Stage', results.data('stage').map(String), (i) => { stage = i; draw(entry); })] : [];
  const names = [...lasting, 'activations'], paints = [ORDER[0], ORDER[1], ORDER[2], ORDER[4], ORDER[3]];
  const entry = chartSection(parent, 'HBM over the step', 'Of one accelerator of a stage. Activations grow with forward passes and go with backward passes, in proportion to the work done; their peak is what was counted. All else stays.',
    (look) => ({
      tooltip: { trigger: 'axis', valueFormatter: (x) => withPrefix(x, 'B') },
      xAxis: { type: 'value', min: 0, max: end, axisLabel: { formatter: (x) => duration(x) } },
      yAxis: { type: 'value', max: Math.max(of('capacity'), of('total')) * 1.05, axisLabel: { showMaxLabel: false, formatter: (x) => withPrefix(x, 'B') } },
      series: names.map((name, k) => ({
        name, type: 'line', stack: 'all', showSymbol: false, areaStyle: { opacity: 0.8 }, lineStyle: { width: 0.5 }, itemStyle: { color: paints[k] },
        data: points().map(([t, share]) => [t, name === 'activations' ? share * of(name) : of(name)]),
        markLine: k ? undefined : { silent: true, symbol: 'none', lineStyle: { color: look.ink, type: 'dashed' }, label: { formatter: 'HBM', color: look.ink, position: 'insideEndTop' }, data: [{ yAxis: of('capacity') }] }
      }))
    }),
    () => ({ head: [{ name: 'time', unit: 's' }, ...names.map((name) => ({ name, unit: 'byte' }))], rows: points().map(([t, share]) => [t, ...names.map((name) => name === 'activations' ? share * of(name) : of(name))]) }), { controls });
}

// What was said of ten per cent more, and what a simulation of it gave.
function confirmedSection(parent, results) {
  const confirmed = results.file.confirmed;
  if (!confirmed?.length) return;
  const step = results.at('step_time', 0);
  const rows = confirmed.map((c) => [word(c.wall), c.at_most / step, 1 - c.step_time / step, c.step_time]);
  chartSection(parent, 'Ten per cent more', 'How much less time the step would take: by the parts of the critical path, and simulated anew.',
    () => ({
      tooltip: { trigger: 'axis', axisPointer: { type: 'shadow' }, valueFormatter: percent },
      xAxis: { type: 'value', axisLabel: { formatter: (x) => `${three(100 * x)} %` } },
      yAxis: { type: 'category', inverse: true, data: rows.map((r) => `10 % more: ${r[0]}`) },
      series: [{ name: 'by the critical path', type: 'bar', data: rows.map((r) => r[1]), itemStyle: { color: INK.pale } }, { name: 'simulated', type: 'bar', data: rows.map((r) => r[2]), itemStyle: { color: INK.blue } }]
    }),
    () => ({ head: [{ name: 'wall' }, { name: 'by the critical path', unit: 'share' }, { name: 'simulated', unit: 'share' }, { name: 'step time', unit: 's' }], rows }), { height: 110 + 46 * rows.length });
}
