// Sections of a training step and of a cap.

// Stacked bars of one table along a row: breakdown, attribution.
function stackedRows(results, variable, axis, rows) {
  const names = results.data(axis);
  const of = (row, i) => results.at(variable, row, i) || 0;
  const used = names.map((_, i) => i).filter((i) => rows.some((row) => of(row, i) > 1e-9));
  const labels = rows.map((row) => rows.length === 1 ? 'this step' : results.data('cap')[row]);
  return {
    make: () => ({
      tooltip: { trigger: 'axis', axisPointer: { type: 'shadow' }, valueFormatter: duration },
      xAxis: { type: 'value', name: 'seconds', axisLabel: { formatter: (x) => duration(x) } },
      yAxis: { type: 'category', data: labels, inverse: true, name: '' },
      series: used.map((i, k) => ({
        name: word(names[i]), type: 'bar', stack: 'all', barMaxWidth: 46, data: rows.map((row) => of(row, i)),
        itemStyle: { color: colour(names[i], k) }
      }))
    }),
    table: () => ({
      head: [{ name: 'row' }, ...used.map((i) => ({ name: names[i], unit: 's' }))],
      rows: rows.map((row, r) => [labels[r], ...used.map((i) => of(row, i))])
    }),
    height: 120 + 42 * rows.length
  };
}

// The spans of a row of the trace: [stage, start, end, activity, pass].
function spansOf(results, row) {
  const [stage, start, end, activity, pass] = ['stage', 'start', 'end', 'activity', 'pass'].map((name) => results.row(`span_${name}`, row));
  const spans = [];
  stage.forEach((s, i) => { if (s !== null) spans.push([s, start[i], end[i], activity[i], pass[i]]); });
  return spans;
}
// Which part of a backward pass computes again what the forward pass did: from the FLOP of the row.
function recomputeShare(results, row) {
  const model = results.at('model_flop', row), hardware = results.at('hardware_flop', row);
  return hardware > model * 1.000001 ? (hardware - model) / (2 / 3 * model + hardware - model) : 0;
}
const KINDS = ['forward', 'backward', 'recomputation', 'HBM-bound kernels', 'exposed communication', 'bubble and waits', 'other'];
const KIND_COLOURS = [INK.sky, INK.blue, INK.pink, '#7fc8a9', INK.orange, '#dde1e6', INK.grey];
const kindColour = (kind, look) => kind === 5 && look.night ? '#4a515c' : KIND_COLOURS[kind];
function kindOf(activity, pass) {
  switch (activity) {
    case 'compute': return pass === 2 ? 1 : pass === 1 ? 0 : 6;
    case 'memory_bound': return 3;
    case 'tensor_comm': case 'data_comm': case 'expert_comm': return 4;
    case 'pipeline_wait': case 'idle': return 5;
    default: return 6;
  }
}
// Where slices stand that are narrower than two pixels: those that follow each other in a stage lie upon each other,
// each as high as its share of their time, so that every kind keeps its area. A function of pixels a second gives
// [start, end, top, bottom] of such slices; all others fill their line.
function stackedPlaces(items) {
  const stages = new Map();
  for (const item of items) (stages.get(item[1]) || stages.set(item[1], []).get(item[1])).push(item);
  for (const list of stages.values()) list.sort((a, b) => a[2] - b[2]);
  let scale = null, places = new Map();
  const close = (run) => {
    if (run.length < 2) return;
    const start = run[0][2], end = run.at(-1)[3], all = run.reduce((sum, item) => sum + item[3] - item[2], 0);
    let low = 0;
    for (const item of [...run].sort((a, b) => a[0] - b[0])) {
      const high = low + (item[3] - item[2]) / all;
      places.set(item, [start, end, low, high]);
      low = high;
    }
  };
  return (pixels) => {
    if (pixels === scale) return places;
    [scale, places] = [pixels, new Map()];
    for (const list of stages.values()) {
      let run = [];
      for (const item of list) {
        if ((item[3] - item[2]) * pixels >= 2) { close(run); run = []; continue; }
        run.push(item);
        if ((item[3] - run[0][2]) * pixels >= 3) { close(run); run = []; }
      }
      close(run);
    }
    return places;
  };
}
function timelineSection(parent, results) {
  if (!results.has('span_stage')) return;
  const activities = results.data('activity');
  const spans = spansOf(results, 0);
  if (!spans.length) return;
  const again = recomputeShare(results, 0);
  const items = [];
  for (const [stage, start, end, activity, pass] of spans) {
    const kind = kindOf(activities[activity], pass);
    const split = kind === 1 ? start + again * (end - start) : start;
    if (split > start) items.push([2, stage, start, split, activity, pass]);
    items.push([kind, stage, split, end, activity, pass]);
  }
  const stages = Math.max(...spans.map((span) => span[0])) + 1;
  const end = Math.max(...spans.map((span) => span[2]));
  const used = KINDS.map((_, k) => k).filter((k) => items.some((item) => item[0] === k));
  const ofKind = used.map((k) => items.filter((item) => item[0] === k));
  const places = stackedPlaces(items);
  const bar = (look, i) => (params, api) => {
    const item = ofKind[i][params.dataIndex];
    const [start, stop, low, high] = places(api.size([1, 0])[0]).get(item) || [item[2], item[3], 0, 1];
    const from = api.coord([start, item[1]]), to = api.coord([stop, item[1]]);
    const height = api.size([0, 1])[1] * 0.78;
    const shape = echarts.graphic.clipRectByRect({ x: from[0], y: from[1] + height * (low - 0.5), width: to[0] - from[0], height: height * (high - low) },
      { x: params.coordSys.x, y: params.coordSys.y, width: params.coordSys.width, height: params.coordSys.height });
    return shape && { type: 'rect', shape, style: { fill: kindColour(item[0], look) } };
  };
  const step = results.at('step_time', 0);
  const note = end < step * 0.999 ? ` The step is long and repeats itself: the ${duration(end)} that were simulated stand for ${duration(step)}.` : '';
  chartSection(parent, 'Pipeline over time', `One line per stage. Grey is the bubble; orange is communication that nothing hides; slices that are narrower than two pixels lie upon each other, as high as their shares of the time.${again ? ' The pink part of each backward pass is recomputation, in proportion to its FLOP.' : ''}${note} Zoom with the wheel or the slider.`,
    (look) => ({
      legend: { data: used.map((k) => KINDS[k]) },
      tooltip: { formatter: (p) => `stage ${p.value[1]}: ${KINDS[p.value[0]]} (${word(activities[p.value[4]])})<br>${duration(p.value[2])} to ${duration(p.value[3])}, ${duration(p.value[3] - p.value[2])}` },
      grid: { bottom: 64 },
      dataZoom: [{ type: 'inside', filterMode: 'weakFilter' }, { type: 'slider', filterMode: 'weakFilter', height: 18, bottom: 6, textStyle: { color: look.soft }, labelFormatter: (x) => duration(x) }],
      xAxis: { type: 'value', min: 0, max: end, axisLabel: { formatter: (x) => duration(x) }, splitLine: { show: false } },
      yAxis: { type: 'category', data: Array.from({ length: stages }, (_, s) => `stage ${s}`), inverse: true },
      series: used.map((k, i) => ({
        name: KINDS[k], type: 'custom', renderItem: bar(look, i), encode: { x: [2, 3], y: 1 }, color: kindColour(k, look),
        itemStyle: { color: kindColour(k, look) }, data: ofKind[i], progressive: look.progressive
      }))
    }),
    () => ({
      head: [{ name: 'stage', unit: '1' }, { name: 'start', unit: 's' }, { name: 'end', unit: 's' }, { name: 'activity' }, { name: 'pass' }],
      rows: spans.map(([s, a, b, activity, pass]) => [s, a, b, activities[activity], ['', 'forward', 'backward', 'optimizer'][pass]])
    }), { canvas: true, height: Math.min(760, 150 + 26 * stages) });
  stageSection(parent, results, spans, activities, stages);
}
function stageSection(parent, results, spans, activities, stages) {
  if (stages < 2) return;
  const sums = activities.map(() => new Array(stages).fill(0));
  for (const [stage, start, end, activity] of spans) sums[activity][stage] += end - start;
  const used = activities.map((_, i) => i).filter((i) => sums[i].some((x) => x > 1e-9));
  chartSection(parent, 'Time of each stage', 'What an accelerator of each pipeline stage did, summed over the timeline.',
    () => ({
      tooltip: { trigger: 'axis', axisPointer: { type: 'shadow' }, valueFormatter: duration },
      xAxis: { type: 'category', data: Array.from({ length: stages }, (_, s) => s), name: 'stage' },
      yAxis: { type: 'value', axisLabel: { formatter: (x) => duration(x) } },
      series: used.map((i, k) => ({ name: word(activities[i]), type: 'bar', stack: 'all', data: sums[i], itemStyle: { color: colour(activities[i], k) } }))
    }),
    () => ({ head: [{ name: 'stage', unit: '1' }, ...used.map((i) => ({ name: activities[i], unit: 's' }))], rows: Array.from({ length: stages }, (_, s) => [s, ...used.map((i) => sums[i][s])]) }));
}

function utilisationSection(parent, results) {
  let row = 0;
  const names = results.data('resource');
  const time = () => results.row('time', row);
  const series = () => names.map((_, r) => results.row('utilisation', row, r));
  const controls = results.data('cap').length > 1 ? [choice('Step', results.data('cap'), (i) => { row = i; draw(entry); })] : [];
  const entry = chartSection(parent, 'Utilisation over the step', 'Share of each class of resources in use, mean over all members of the class.',
    (look) => ({
      tooltip: { trigger: 'axis', valueFormatter: percent },
      grid: { bottom: 64 },
      dataZoom: [{ type: 'inside' }, { type: 'slider', height: 18, bottom: 6, textStyle: { color: look.soft }, labelFormatter: (_, x) => duration(Number(x)) }],
      xAxis: { type: 'value', max: results.at('step_time', row), axisLabel: { formatter: (x) => duration(x) } },
      yAxis: { type: 'value', min: 0, axisLabel: { formatter: (x) => `${Math.round(100 * x)} %` } },
      series: series().map((share, r) => ({
        name: word(names[r]), type: 'line', step: 'end', showSymbol: false, lineStyle: { width: 1.5, type: ['solid', 'dashed', 'dotted'][Math.floor(r / 3) % 3] },
        itemStyle: { color: colour(names[r], r) }, data: time().map((t, i) => [t, share[i]]).filter((point) => point[1] !== null && point[0] !== null)
      }))
    }),
    () => ({ head: [{ name: 'time', unit: 's' }, ...names.map((name) => ({ name, unit: 'share' }))], rows: time().map((t, i) => [t, ...series().map((share) => share[i])]).filter((r) => r[0] !== null) }),
    { controls });
}

function rooflineSection(parent, results) {
  if (!results.has('operation')) return;
  const names = results.data('operation');
  const resource = results.data('resource');
  const peak = results.at('resource_capacity', 0, resource.indexOf('compute')), hbm = results.at('resource_capacity', 0, resource.indexOf('hbm'));
  const step = results.at('step_time', 0);
  const rows = names.map((name, i) => {
    const [flop, bytes, calls, time] = ['flop', 'hbm', 'calls', 'time'].map((v) => results.at(`operation_${v}`, 0, i));
    return { name, flop, bytes, calls, time, intensity: flop / bytes, rate: flop / time, share: calls * time / step };
  });
  const points = rows.filter((r) => r.flop > 0 && r.bytes > 0 && r.time > 0);
  if (!points.length) return;
  const least = Math.min(...points.map((p) => p.intensity), peak / hbm / 10), most = Math.max(...points.map((p) => p.intensity), peak / hbm * 10);
  const left = 10 ** Math.floor(Math.log10(least)), right = 10 ** Math.ceil(Math.log10(most));
  const group = (pass, name, i) => ({
    name, type: 'scatter', itemStyle: { color: [INK.sky, INK.blue][i], opacity: 0.85 },
    symbol: ['circle', 'diamond'][i], symbolSize: (v) => 8 + 60 * Math.sqrt(v[2]),
    data: points.filter((p) => p.name.startsWith(pass)).map((p) => ({ name: p.name, value: [p.intensity, p.rate, p.share] }))
  });
  chartSection(parent, 'Roofline', `The kernels of the step: rate over FLOP per byte of HBM, sized by their share of the step. Left of ${Math.round(peak / hbm)} FLOP/byte HBM is the roof, right of it the matrix units.`,
    (look) => ({
      tooltip: { formatter: (p) => p.seriesType === 'line' ? 'roof' : `${p.name}<br>${three(p.value[0])} FLOP/byte, ${withPrefix(p.value[1], 'FLOP/s')}<br>${percent(p.value[2])} of the step` },
      xAxis: { type: 'log', min: left, max: right, name: 'FLOP per byte of HBM', axisLabel: { formatter: (x) => Number(x.toPrecision(2)) } },
      yAxis: { type: 'log', min: 10 ** Math.floor(Math.log10(Math.min(hbm * left, ...points.map((p) => p.rate)))), max: 10 ** Math.ceil(Math.log10(peak)), axisLabel: { formatter: (x) => withPrefix(x, 'FLOP/s') } },
      series: [
        { name: 'roof', type: 'line', symbol: 'none', lineStyle: { color: look.ink, width: 2 }, itemStyle: { color: look.ink }, data: [[left, hbm * left], [peak / hbm, peak], [right, peak]] },
        group('forward', 'forward', 0), group('backward', 'backward', 1)
      ]
    }),
    () => ({
      head: [{ name: 'operation' }, { name: 'FLOP of a call', unit: 'FLOP' }, { name: 'HBM of a call', unit: 'byte' }, { name: 'FLOP/byte', unit: '1' }, { name: 'time of a call', unit: 's' }, { name: 'calls', unit: '1' }, { name: 'share of the step', unit: 'share' }],
      rows: rows.map((r) => [r.name, r.flop, r.bytes, r.intensity, r.time, r.calls, r.share])
    }));
}

function memorySection(parent, results) {
  const stages = results.data('stage');
  if (!stages.length || !results.has('memory_weights')) return;
  const classes = ['weights', 'gradients', 'optimizer', 'activations', 'buffers'];
  const of = (name) => results.row(`memory_${name}`, 0);
  const capacity = results.at('memory_capacity', 0, 0);
  chartSection(parent, 'HBM by class', `Of one accelerator of each stage, at its fullest; it has ${withPrefix(capacity, 'B')}.`,
    (look) => ({
      tooltip: { trigger: 'axis', axisPointer: { type: 'shadow' }, valueFormatter: (x) => withPrefix(x, 'B') },
      xAxis: { type: 'category', data: stages, name: 'stage' },
      yAxis: { type: 'value', max: capacity * 1.05, axisLabel: { showMaxLabel: false, formatter: (x) => withPrefix(x, 'B') } },
      series: classes.map((name, i) => ({
        name, type: 'bar', stack: 'all', barMaxWidth: 60, data: of(name), itemStyle: { color: ORDER[i] },
        markLine: i ? undefined : { silent: true, symbol: 'none', lineStyle: { color: look.ink, type: 'dashed' }, label: { formatter: 'HBM', color: look.ink, position: 'insideEndTop' }, data: [{ yAxis: capacity }] }
      }))
    }),
    () => ({ head: [{ name: 'stage' }, ...classes.map((name) => ({ name, unit: 'byte' })), { name: 'total', unit: 'byte' }], rows: stages.map((s, i) => [String(s), ...classes.map((name) => of(name)[i]), of('total')[i]]) }));
}

function linksSection(parent, results) {
  const names = results.data('resource');
  const rows = names.map((name, r) => {
    const series = results.row('utilisation', 0, r).filter((x) => x !== null);
    return [name, results.at('utilisation_mean', 0, r), Math.max(0, ...series), results.at('resource_members', 0, r), results.at('resource_capacity', 0, r)];
  }).sort((a, b) => b[2] - a[2]);
  chartSection(parent, 'Hottest resources', 'Mean over the step, and in the busiest interval. The classes of links are means over their links.',
    () => ({
      tooltip: { trigger: 'axis', axisPointer: { type: 'shadow' }, valueFormatter: percent },
      xAxis: { type: 'value', min: 0, axisLabel: { formatter: (x) => `${Math.round(100 * x)} %` } },
      yAxis: { type: 'category', inverse: true, data: rows.map((r) => word(r[0])) },
      series: [{ name: 'mean', type: 'bar', data: rows.map((r) => r[1]), itemStyle: { color: INK.blue } }, { name: 'busiest interval', type: 'bar', data: rows.map((r) => r[2]), itemStyle: { color: INK.orange } }]
    }),
    () => ({ head: [{ name: 'class' }, { name: 'mean', unit: 'share' }, { name: 'busiest interval', unit: 'share' }, { name: 'members', unit: '1' }, { name: 'capacity of one', unit: '1' }], rows }), { height: 110 + 44 * rows.length });
}

// When links failed and came back, as the scenario says: seconds from the beginning of each of `starts`.
function outages(results, starts, end) {
  const blocks = [...(results.attributes.scenario || '').matchAll(/^change \{([^}]*)\}/gm)].map((m) => m[1]);
  const field = (block, name) => block.match(new RegExp(`${name}: "([^"]*)"`))?.[1];
  return blocks.filter((block) => /failed$/.test(field(block, 'path') || '') && field(block, 'value')).flatMap((block) => {
    const at = parseFloat(field(block, 'at')), until = field(block, 'until') ? parseFloat(field(block, 'until')) : Infinity;
    return starts.map((start, i) => [start + at, Math.min(start + until, starts[i + 1] ?? end), field(block, 'value')]);
  }).filter(([from, until]) => from < until);
}

// The links with the highest use in any interval, of those with a series: the hottest ones and those that were asked for.
const MOST_LINES = 12, SHOWN_LINES = 3;

function linksOverTimeSection(parent, results, starts, end, time) {
  if (!results.has('link_share') || !results.data('link').length) return;
  let row = 0;
  const ofStep = results.variables.link_share.dims[0] === 'cap';
  const names = results.data('link');
  const share = (i) => ofStep ? results.row('link_share', row, i) : results.row('link_share', i);
  const known = (x) => x !== null && x !== undefined;
  const lines = () => names.map((name, i) => ({ name, share: share(i), alike: ofStep ? results.at('link_alike', row, i) : results.at('link_alike', i) }))
    .filter((line) => line.share.some(known))
    .map((line) => ({ ...line, most: Math.max(...line.share.filter(known)) }))
    .sort((a, b) => b.most - a.most).slice(0, MOST_LINES);
  if (!lines().length) return;
  const label = (line) => line.alike > 1 ? `${line.name} (${line.alike.toLocaleString('en')} alike)` : line.name;
  const failed = outages(results, starts, end);
  const rows = ofStep ? results.data('cap') : [];
  const controls = rows.length > 1 ? [choice('Step', rows, (i) => { row = i; draw(entry); })] : [];
  const entry = chartSection(parent, 'Links over time', `Share of its capacity that each of the hottest links, and of those that were asked for, has in use.${failed.length ? ' Grey: out of service.' : lines().length > SHOWN_LINES ? ' Three lines are drawn; the legend shows and hides the others.' : ''}`,
    (look) => ({
      legend: { selected: Object.fromEntries(lines().map((line, i) => [label(line), failed.length > 0 || i < SHOWN_LINES])) },
      tooltip: { trigger: 'axis', valueFormatter: percent },
      grid: { bottom: 64 },
      dataZoom: [{ type: 'inside' }, { type: 'slider', height: 18, bottom: 6, textStyle: { color: look.soft }, labelFormatter: (_, x) => duration(Number(x)) }],
      xAxis: { type: 'value', max: end, axisLabel: { formatter: (x) => duration(x) } },
      yAxis: { type: 'value', min: 0, axisLabel: { formatter: (x) => `${Math.round(100 * x)} %` } },
      series: lines().map((line, i) => ({
        name: label(line), type: 'line', step: 'end', showSymbol: false, lineStyle: { width: 1.5, type: ['solid', 'dashed'][Math.floor(i / ORDER.length) % 2] },
        itemStyle: { color: ORDER[i % ORDER.length] }, data: time().map((t, k) => [t, line.share[k]]).filter((point) => known(point[0]) && known(point[1])),
        markArea: i || !failed.length ? undefined : { silent: true, itemStyle: { color: look.soft, opacity: 0.18 }, label: { color: look.ink, position: 'insideTop' }, data: failed.map(([from, until, what]) => [{ name: what, xAxis: from }, { xAxis: until }]) }
      }))
    }),
    () => ({ head: [{ name: 'time', unit: 's' }, ...lines().map((line) => ({ name: label(line), unit: 'share' }))], rows: time().map((t, k) => [t, ...lines().map((line) => line.share[k])]).filter((r) => known(r[0])) }),
    { controls });
}

// The share in use between a and b, of a row of shares that hold from starts[i] on.
function meanBetween(starts, shares, end, a, b) {
  let sum = 0, length = 0;
  for (let i = 0; i < starts.length; ++i) {
    if (starts[i] === null || shares[i] === null || shares[i] === undefined) continue;
    const to = starts[i + 1] ?? end, part = Math.min(b, to) - Math.max(a, starts[i]);
    if (part > 0) { sum += part * shares[i]; length += part; }
  }
  return length > 0 ? sum / length : null;
}
const HEAT = { day: ['#eef1f5', '#ffe08a', '#f0a030', '#d55e00', '#5c1a00'], night: ['#232830', '#6b4a10', '#c47a00', '#ffb733', '#fff4c2'] };

// Tiers of links, and the links of each that the trace has, over time.
function heatSection(parent, results, starts, end) {
  const ofStep = results.variables.link_share?.dims[0] === 'cap';
  const names = results.data('link'), resources = results.data('resource');
  const tierOf = (name) => resources.find((r) => name.startsWith(r)) || name.replace(/[[.].*$/, '');
  const share = (i) => ofStep ? results.row('link_share', 0, i) : results.row('link_share', i);
  const alike = (i) => (ofStep ? results.at('link_alike', 0, i) : results.at('link_alike', i)) || 1;
  const tiers = resources.map((name, r) => ({ name, r })).filter(({ name }) => !['compute', 'hbm'].includes(name));
  const links = names.map((name, i) => ({ name, i, tier: tierOf(name), share: share(i) })).filter((l) => l.share.some((x) => x !== null));
  const rows = tiers.flatMap(({ name, r }) => [
    { name: `${word(name)}: mean of ${fourDigits(results.at('resource_members', 0, r))}`, share: results.row('utilisation', 0, r) },
    ...links.filter((l) => l.tier === name).map((l) => ({ name: alike(l.i) > 1 ? `${l.name} (${alike(l.i).toLocaleString('en')} alike)` : l.name, share: l.share }))]);
  rows.push(...links.filter((l) => !tiers.some((t) => t.name === l.tier)).map((l) => ({ name: l.name, share: l.share })));
  if (!rows.length) return;
  const kept = rows.slice(0, 1000), columns = kept.length > 120 ? 40 : 120, width = end / columns;
  const cells = kept.map((row) => Array.from({ length: columns }, (_, k) => meanBetween(starts, row.share, end, k * width, (k + 1) * width)));
  const points = cells.flatMap((row, y) => row.map((x, k) => x === null ? null : [k, y, x])).filter(Boolean);
  chartSection(parent, 'Heat of the links', `How much of their bandwidth links have in use: each tier, and below it the hottest of its links.${kept.length < rows.length ? ` The first ${kept.length} of ${rows.length} rows.` : ''} With --set 'recording={ link: "nic" link: "leaf" }' the trace has every link of a tier.`,
    (look) => ({
      legend: null, grid: { top: 12, bottom: 60, left: 24 },
      tooltip: { formatter: (p) => `${kept[p.value[1]].name}<br>${duration(p.value[0] * width)} to ${duration((p.value[0] + 1) * width)}: ${percent(p.value[2])}` },
      xAxis: { type: 'category', data: Array.from({ length: columns }, (_, k) => duration(k * width)), axisLabel: { interval: columns / (look.narrow ? 4 : 8) - 1 }, splitLine: { show: false } },
      yAxis: { type: 'category', inverse: true, data: kept.map((row) => row.name), axisLabel: { width: look.narrow ? 110 : 230, overflow: 'truncate', fontSize: kept.length > 40 ? 9 : 12 }, splitLine: { show: false } },
      visualMap: { min: 0, max: 1, calculable: false, orient: 'horizontal', left: 'center', bottom: 0, itemHeight: 150, itemWidth: 12, text: ['100 %', '0 %'], textStyle: { color: look.ink }, inRange: { color: look.night ? HEAT.night : HEAT.day } },
      series: [{ name: 'share in use', type: 'heatmap', data: points, progressive: look.progressive }]
    }),
    () => ({ head: [{ name: 'links' }, ...Array.from({ length: columns }, (_, k) => ({ name: duration(k * width), unit: 'share' }))], rows: kept.map((row, y) => [row.name, ...cells[y]]) }),
    { canvas: points.length > 6000, height: Math.min(1600, 130 + (kept.length > 60 ? 6 : 22) * kept.length) });
}

function powerSection(parent, results) {
  const rows = results.data('cap').map((label, row, list) => {
    const board = results.at('accelerator_mean_power', row), all = results.at('mean_power_per_accelerator', row);
    return [list.length === 1 ? 'this step' : label, board, all - board, results.at('accelerator_power_limit', row)];
  });
  chartSection(parent, 'Power', `Mean of one accelerator and its share of the server, without PUE${results.at('energy_is_estimate', 0) ? ' (estimate)' : ''}.`,
    (look) => ({
      tooltip: { trigger: 'axis', axisPointer: { type: 'shadow' }, valueFormatter: (x) => withPrefix(x, 'W') },
      xAxis: { type: 'value', axisLabel: { formatter: (x) => withPrefix(x, 'W') } },
      yAxis: { type: 'category', inverse: true, data: rows.map((r) => r[0]) },
      series: ['board', 'share of the server'].map((name, i) => ({
        name, type: 'bar', stack: 'all', barMaxWidth: 46, itemStyle: { color: [INK.blue, INK.pale][i] }, data: rows.map((r) => r[i + 1]),
        markLine: i || !(rows[0][3] > 0) ? undefined : { silent: true, symbol: 'none', lineStyle: { color: look.ink, type: 'dashed' }, label: { formatter: 'limit of the board', color: look.ink, position: 'start' }, data: [{ xAxis: rows[0][3] }] }
      }))
    }),
    () => ({ head: [{ name: 'row' }, { name: 'board', unit: 'W' }, { name: 'share of the server', unit: 'W' }, { name: 'limit of the board', unit: 'W' }], rows }), { height: 120 + 42 * rows.length });
}

// What all servers of the job draw over the step, and its mean.
function powerOverSection(parent, results) {
  let row = 0;
  const points = () => results.row('time', row).map((t, i) => [t, results.row('power', row)[i]]).filter(([t, w]) => t !== null && w !== null && w !== undefined);
  if (!results.has('power') || !points().length) return;
  const mean = () => results.at('mean_power', row);
  const controls = results.data('cap').length > 1 ? [choice('Step', results.data('cap'), (i) => { row = i; draw(entry); })] : [];
  const entry = chartSection(parent, 'Power over the step', `Of all servers of the job, without PUE: it moves between ${withPrefix(results.at('power_min', 0), 'W')} and ${withPrefix(results.at('power_max', 0), 'W')}, at most ${withPrefix(results.at('power_ramp', 0), 'W')} in a second.`,
    (look) => ({
      legend: null, tooltip: { trigger: 'axis', valueFormatter: (x) => withPrefix(x, 'W') }, grid: { top: 16 },
      xAxis: { type: 'value', min: 0, max: results.at('step_time', row), axisLabel: { formatter: (x) => duration(x) } },
      yAxis: { type: 'value', min: 0, axisLabel: { formatter: (x) => withPrefix(x, 'W') } },
      series: [{
        name: 'power', type: 'line', step: 'end', showSymbol: false, lineStyle: { width: 1.5 }, itemStyle: { color: INK.vermilion }, areaStyle: { opacity: 0.15 }, data: points(),
        markLine: { silent: true, symbol: 'none', lineStyle: { color: look.ink, type: 'dashed' }, label: { formatter: `mean ${withPrefix(mean(), 'W')}`, color: look.ink, position: 'insideStartTop' }, data: [{ yAxis: mean() }] }
      }]
    }),
    () => ({ head: [{ name: 'time', unit: 's' }, { name: 'power', unit: 'W' }], rows: points() }), { controls });
}

function capSection(parent, results) {
  const labels = results.data('cap');
  if (labels.length < 2) return;
  const base = results.at('step_time', 0);
  const rows = labels.map((label, row) => [label, results.at('cap_value', row), results.at('step_time', row), results.at('step_time', row) / base, results.at('mfu', row), results.at('binding_wall', row)]);
  const points = rows.slice(1).sort((a, b) => a[1] - b[1]);
  const knee = [...points].reverse().find((r) => r[3] > 1.05);
  const units = results.units('cap_value');
  chartSection(parent, 'Step time over the cap', knee ? `The knee: ${knee[0]} is the first value that costs more than a twentieth.` : 'No value costs more than a twentieth.',
    (look) => ({
      tooltip: { trigger: 'axis', valueFormatter: (x) => `${three(x)} x` },
      xAxis: { type: 'log', name: results.attributes.cap_quantity, min: points[0][1], max: points.at(-1)[1], ...labelled(points.map((r) => r[1]), (x) => shown(x, units)) },
      yAxis: { type: 'value', scale: true, axisLabel: { formatter: (x) => `${three(x)} x` } },
      legend: null,
      series: [{
        name: 'step time over that without a cap', type: 'line', symbolSize: 9, itemStyle: { color: INK.blue }, data: points.map((r) => [r[1], r[3]]),
        markPoint: knee && { symbol: 'pin', symbolSize: 44, itemStyle: { color: INK.vermilion }, label: { formatter: 'knee', color: '#fff', fontSize: 10 }, data: [{ coord: [knee[1], knee[3]] }] },
        markLine: { silent: true, symbol: 'none', lineStyle: { color: look.soft, type: 'dashed' }, label: { formatter: 'no cap', position: 'insideStartTop', color: look.soft }, data: [{ yAxis: 1 }] }
      }]
    }),
    () => ({ head: [{ name: 'cap' }, { name: 'value', unit: units }, { name: 'step time', unit: 's' }, { name: 'slowdown', unit: '1' }, { name: 'MFU', unit: 'share' }, { name: 'wall' }], rows }));
}

function stepSections(parent, results) {
  figures(parent, [
    ['step time', results.at('step_time', 0), 's'], ['MFU', results.at('mfu', 0), 'share'], ['HFU', results.at('hfu', 0), 'share'],
    ['tokens/s', results.at('tokens_per_second', 0), '1'], ['accelerators', results.at('accelerators', 0), '1'],
    ['tokens a step', results.at('tokens', 0), '1'], ['board power', results.at('accelerator_mean_power', 0), 'W'], ['energy of a step', results.at('energy', 0), 'J']]);
  const rows = results.data('cap').map((_, i) => i);
  capSection(parent, results);
  const pair = element('div', { class: 'pair' });
  parent.append(pair);
  const time = stackedRows(results, 'breakdown', 'activity', rows), walls = stackedRows(results, 'attribution', 'attribution_resource', rows);
  chartSection(pair, 'Where the time goes', 'Mean of an accelerator.', time.make, time.table, { height: Math.max(240, time.height) });
  chartSection(pair, 'What sets the pace', 'The critical path, by what paced each part of it.', walls.make, walls.table, { height: Math.max(240, walls.height) });
  confirmedSection(parent, results);
  timelineSection(parent, results);
  memoryTimeSection(parent, results);
  topologySection(parent, results);
  utilisationSection(parent, results);
  heatSection(parent, results, results.row('time', 0), results.at('step_time', 0));
  linksOverTimeSection(parent, results, [0], results.at('step_time', 0), () => results.row('time', 0));
  const second = element('div', { class: 'pair' });
  parent.append(second);
  rooflineSection(second, results);
  memorySection(second, results);
  const third = element('div', { class: 'pair' });
  parent.append(third);
  linksSection(third, results);
  powerSection(third, results);
  powerOverSection(parent, results);
}
