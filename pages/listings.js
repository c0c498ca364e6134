// Sections of what plan, build, serve, serve-plan, flows and topo print as JSON.

const sizesOf = (l) => [['TP', l.tensor], ['CP', l.context], ['PP', l.pipeline], ['DP', l.data], ['EP', l.expert]]
  .filter(([, n]) => n > 1).map(([name, n]) => `${name} ${n}${name === 'PP' && l.virtual_pipeline > 1 ? ` x ${l.virtual_pipeline}` : ''}`).join(', ') || 'one accelerator';
const finite = (x) => typeof x === 'number' && isFinite(x);
const short = (x) => withPrefix(x, '').trim().replace(/ (\w)$/, '$1').replace(/G$/, 'B');
const dollars = (x) => finite(x) ? `${short(x)} USD` : 'n/a';

// Horizontal bars, one row an entry, stacked where there are several parts: [[name, unit of the axis], ...].
function barsOf(labels, parts, format, { stack = true, line = null, height = null } = {}) {
  return {
    make: (look) => ({
      legend: parts.length > 1 ? undefined : null, grid: { top: (parts.length > 1 ? 44 : 8) + (line ? 18 : 0), bottom: 8 },
      tooltip: { trigger: 'axis', axisPointer: { type: 'shadow' }, valueFormatter: format },
      xAxis: { type: 'value', axisLabel: { formatter: format } },
      yAxis: { type: 'category', inverse: true, data: labels, axisLabel: { width: look.narrow ? 120 : 260, overflow: look.narrow ? 'break' : 'truncate', fontSize: look.narrow ? 11 : 12, lineHeight: 13 } },
      series: parts.map(([name, data, paint], i) => ({
        name, type: 'bar', stack: stack ? 'all' : undefined, barMaxWidth: 34, data, itemStyle: { color: paint || ORDER[i % 8] },
        markLine: i || !line ? undefined : { silent: true, symbol: 'none', lineStyle: { color: look.ink, type: 'dashed' }, label: { formatter: line[1], color: look.ink, position: 'start', rotate: 0 }, data: [{ xAxis: line[0] }] }
      }))
    }),
    height: height || 80 + 34 * labels.length
  };
}
// Points with names; the legend tells groups apart.
function scatterOf(groups, x, y) {
  return (look) => ({
    legend: groups.length > 1 ? undefined : null,
    tooltip: { formatter: (p) => `${p.name}<br>${x.name}: ${x.format(p.value[0])}<br>${y.name}: ${y.format(p.value[1])}` },
    xAxis: { type: 'value', scale: true, name: x.name, axisLabel: { formatter: x.format } },
    yAxis: { type: 'value', scale: true, name: y.name, nameLocation: 'end', nameGap: 10, axisLabel: { formatter: y.format } },
    series: groups.map(([name, points], i) => ({
      name, type: 'scatter', symbol: ['circle', 'diamond', 'triangle', 'rect'][i % 4], symbolSize: 13, itemStyle: { color: ORDER[i % 8], opacity: 0.85 },
      data: points.map((p) => ({ name: p.name, value: [p.x, p.y], itemStyle: p.first ? { borderColor: look.ink, borderWidth: 3 } : undefined }))
    }))
  });
}

function planSections(parent, plan) {
  const all = plan.proposals, first = all[0];
  const sizes = [...new Set(all.map((p) => p.accelerators))];
  const label = (p, i) => `${i + 1}: ${sizes.length > 1 ? `${p.accelerators.toLocaleString('en')}: ` : ''}${sizesOf(p.layout)}`;
  figures(parent, [['step time', first.step_time_s, 's'], ['MFU', first.mfu, 'share'], ['tokens/s', first.tokens_per_s, '1'], ['accelerators', first.accelerators, '1'],
    ['HBM at its peak', first.peak_hbm_bytes, 'byte'], ['power', first.mean_power_w, 'W'], ['days', finite(first.days) ? three(first.days) : null, '1'], ['USD', finite(first.usd) ? short(first.usd) : null, '']]);
  const walls = [...new Set(all.flatMap((p) => Object.keys(p.attribution_s)))].filter((wall) => all.some((p) => p.attribution_s[wall] > 1e-9));
  const rows = () => ({
    head: [{ name: 'rank', unit: '1' }, { name: 'accelerators', unit: '1' }, { name: 'layout' }, { name: 'micro-batch', unit: '1' }, { name: 'ZeRO', unit: '1' }, { name: 'recompute' }, { name: 'order' }, { name: 'step time', unit: 's' }, { name: 'MFU', unit: 'share' }, { name: 'HBM', unit: 'byte' }, { name: 'binds' }, { name: 'power', unit: 'W' }, { name: 'days', unit: '1' }, { name: 'USD', unit: '1' }, { name: 'times' }],
    rows: all.map((p, i) => [i + 1, p.accelerators, sizesOf(p.layout), p.layout.micro_batch, p.layout.zero, p.layout.recompute, p.layout.rank_order, p.step_time_s, p.mfu, p.peak_hbm_bytes, p.binding_wall, p.mean_power_w, p.days ?? null, p.usd ?? null, p.fidelity])
  });
  const pace = barsOf(all.map(label), walls.map((wall, k) => [word(wall), all.map((p) => p.attribution_s[wall] || 0), colour(wall, k)]), duration);
  chartSection(parent, 'Layouts, fastest first', 'Time of a step, by what sets the pace of each part of it.', pace.make, rows, { height: pace.height });
  const pair = element('div', { class: 'pair' });
  parent.append(pair);
  const hbm = barsOf(all.map(label), [['at its peak', all.map((p) => p.peak_hbm_bytes), INK.blue]], (x) => withPrefix(x, 'B'), { line: [first.hbm_bytes, 'HBM'] });
  const made = (look) => { const option = hbm.make(look); option.xAxis.max = first.hbm_bytes * 1.05; option.xAxis.axisLabel.showMaxLabel = false; return option; };
  chartSection(pair, 'HBM of each', `At the fullest stage; an accelerator has ${withPrefix(first.hbm_bytes, 'B')}.`, made,
    () => ({ head: [{ name: 'layout' }, { name: 'peak', unit: 'byte' }, { name: 'HBM', unit: 'byte' }], rows: all.map((p, i) => [label(p, i), p.peak_hbm_bytes, p.hbm_bytes]) }), { height: hbm.height });
  const costs = finite(first.days) && all.some((p) => finite(p.usd));
  const y = costs ? { name: 'cost', format: dollars, of: (p) => p.usd } : { name: 'power', format: (x) => withPrefix(x, 'W'), of: (p) => p.mean_power_w };
  const x = finite(first.days) ? { name: 'days', format: (d) => `${three(d)} days`, of: (p) => p.days } : { name: 'step time', format: duration, of: (p) => p.step_time_s };
  const points = (size) => all.map((p, i) => ({ p, i })).filter(({ p }) => p.accelerators === size).map(({ p, i }) => ({ name: label(p, i), x: x.of(p), y: y.of(p), first: p.on_front }));
  chartSection(pair, costs ? 'Time and cost' : 'Time and power', 'Points with a rim are on the front: nothing beats them in both time and cost.',
    scatterOf(sizes.map((size) => [`${size.toLocaleString('en')} accelerators`, points(size)]), x, y),
    () => ({ head: [{ name: 'layout' }, { name: x.name, unit: '1' }, { name: y.name, unit: '1' }, { name: 'on the front' }], rows: all.map((p, i) => [label(p, i), x.of(p), y.of(p), p.on_front ? 'yes' : '']) }), { height: Math.max(320, hbm.height) });
  const words = { memory: 'HBM overflows', tensor: 'tensor ranks do not divide', context: 'context ranks do not divide', layers: 'stages do not share the layers', batch: 'the batch is not shared out', rounds: 'no rounds of micro-batches', experts: 'experts are not shared out' };
  const why = Object.entries(plan.refused || {}).filter(([, n]) => n > 0).sort((a, b) => b[1] - a[1]);
  if (!why.length) return;
  const counts = barsOf(why.map(([name]) => words[name] || name), [['layouts', why.map(([, n]) => n), INK.grey]], (n) => short(n));
  chartSection(parent, 'Layouts that were left out', `Of ${(plan.layouts_checked + why.filter(([n]) => n !== 'memory').reduce((a, [, n]) => a + n, 0)).toLocaleString('en')} tried ${plan.layouts_fitting.toLocaleString('en')} fit, and ${plan.layouts_evaluated.toLocaleString('en')} had to be evaluated whole: the others cannot be faster.`,
    counts.make, () => ({ head: [{ name: 'reason' }, { name: 'layouts', unit: '1' }], rows: why.map(([name, n]) => [words[name] || name, n]) }), { height: counts.height });
}

function buildSections(parent, asked) {
  const all = asked.builds.filter((b) => !b.problem), first = all[0];
  const label = (b, i) => `${i + 1}: ${b.accelerators.toLocaleString('en')} ${b.accelerator}, ${b.spare_servers} spares`;
  if (!first) { parent.append(tableNode({ head: [{ name: 'part' }, { name: 'problem' }], rows: asked.builds.map((b) => [b.accelerator, b.problem]) })); return; }
  figures(parent, [['accelerators', first.accelerators, '1'], ['days of the run', finite(first.days) ? three(first.days) : null, '1'], ['ETTR', first.ettr, 'share'], ['MFU', first.holding_mfu, 'share'],
    ['mean power', first.mean_mw * 1e6, 'W'], ['USD of capital', short(first.capital_usd), ''], ['USD a million tokens', finite(first.run_usd_per_million_tokens) ? three(first.run_usd_per_million_tokens) : null, '1']]);
  const names = ['capital_usd', 'operation_usd', 'energy_usd'];
  const rows = () => ({
    head: [{ name: 'rank', unit: '1' }, { name: 'part' }, { name: 'servers', unit: '1' }, { name: 'spares', unit: '1' }, { name: 'layout' }, { name: 'days', unit: '1' }, { name: 'tokens', unit: '1' }, { name: 'ETTR', unit: 'share' }, { name: 'MFU', unit: 'share' }, { name: 'mean MW', unit: '1' }, { name: 'peak MW', unit: '1' }, ...names.map((n) => ({ name: n.replace('_', ' '), unit: '1' })), { name: 'USD per M tokens', unit: '1' }, { name: 'binds' }],
    rows: all.map((b, i) => [i + 1, b.accelerator, b.servers, b.spare_servers, b.layout, b.days, b.tokens, b.ettr, b.holding_mfu, b.mean_mw, b.peak_mw, ...names.map((n) => b[n]), b.run_usd_per_million_tokens, b.binds])
  });
  const done = all.every((b) => finite(b.days));
  const time = barsOf(all.map(label), [[done ? 'days' : 'tokens', all.map((b) => done ? b.days : b.tokens), INK.blue]], (x) => done ? `${three(x)} days` : short(x));
  chartSection(parent, done ? 'Days until the run is done' : 'Tokens by the horizon', `Contract: ${withPrefix(asked.megawatts * 1e6, 'W')}, ${dollars(asked.dollars)}, ${asked.horizon_days} days.`, time.make, rows, { height: time.height });
  const pair = element('div', { class: 'pair' });
  parent.append(pair);
  const power = barsOf(all.map(label), [['mean', all.map((b) => b.mean_mw * 1e6), INK.blue], ['peak', all.map((b) => b.peak_mw * 1e6), INK.orange]], (x) => withPrefix(x, 'W'), { stack: false, line: [asked.megawatts * 1e6, 'contract'], height: 130 + 46 * all.length });
  const powered = (look) => { const option = power.make(look); option.xAxis.max = Math.max(asked.megawatts * 1.05e6, ...all.map((b) => b.peak_mw * 1.05e6)); option.xAxis.axisLabel.showMaxLabel = false; return option; };
  chartSection(pair, 'Power', 'With PUE.', powered, rows, { height: power.height });
  const paid = barsOf(all.map(label), names.map((n, i) => [n.replace('_usd', ''), all.map((b) => b[n]), [INK.blue, INK.orange, INK.green][i]]), dollars, { line: [asked.dollars, 'budget'], height: power.height });
  const budgeted = (look) => { const option = paid.make(look); option.xAxis.max = Math.max(asked.dollars, ...all.map((b) => b.capital_usd)) * 1.05; option.xAxis.axisLabel.showMaxLabel = false; return option; };
  chartSection(pair, 'Dollars', 'Capital of the site; operation and energy until the horizon.', budgeted, rows, { height: power.height });
}

function serveSections(parent, serve) {
  figures(parent, [['tokens/s of answers', serve.output_tokens_per_s, '1'], ['tokens/s an accelerator', serve.output_tokens_per_s_per_accelerator, '1'], ['tokens/s a user', serve.output_tokens_per_s_per_user, '1'],
    ['within the objectives', serve.within_objectives, 'share'], ['joules a token', serve.joules_per_output_token, '1'], ['accelerators', serve.accelerators, '1']]);
  const kinds = [['TTFT', serve.ttft_s], ['TPOT', serve.tpot_s], ['end to end', serve.e2e_s]].filter(([, t]) => t);
  const parts = ['median', 'p90', 'p99'];
  chartSection(parent, 'Latencies of requests', 'TTFT: from arrival to the first token. TPOT: from token to token after it.',
    () => ({
      tooltip: { trigger: 'axis', axisPointer: { type: 'shadow' }, valueFormatter: duration },
      xAxis: { type: 'category', data: kinds.map(([name]) => name) }, yAxis: { type: 'log', axisLabel: { formatter: (x) => duration(x) } },
      series: parts.map((p, i) => ({ name: p, type: 'scatter', symbol: ['circle', 'diamond', 'triangle'][i], symbolSize: 16, itemStyle: { color: ORDER[i] }, data: kinds.map(([, t]) => t[p]) }))
    }),
    () => ({ head: [{ name: 'latency' }, ...parts.map((name) => ({ name, unit: 's' }))], rows: kinds.map(([name, t]) => [name, ...parts.map((p) => t[p])]) }));
  const pair = element('div', { class: 'pair' });
  parent.append(pair);
  for (const [name, title, text] of [['times', 'What iterations spend their time on', 'Shares of the time of iterations, with what would make them shorter in the table.'], ['waits', 'What requests wait for', 'Shares of the busy time, before a request starts.']]) {
    const rows = (serve[name] || []).filter((r) => r.share > 0);
    if (!rows.length) continue;
    const bars = barsOf(rows.map((r) => r.limit), [['share', rows.map((r) => r.share), name === 'times' ? INK.blue : INK.orange]], percent);
    chartSection(pair, title, text, bars.make, () => ({ head: [{ name: 'limit' }, { name: 'share', unit: 'share' }, { name: 'what would help' }], rows: rows.map((r) => [r.limit, r.share, r.remedy]) }), { height: Math.max(240, bars.height) });
  }
}

function servePlanSections(parent, plans) {
  const all = plans.plans, first = all[0], priced = first.usd_per_hour > 0;
  const label = (p, i) => `${i + 1}: ${p.replicas} x TP ${p.tensor}${p.pipeline > 1 ? ` x PP ${p.pipeline}` : ''}${p.data > 1 ? ` x DP ${p.data}` : ''}, ${p.weights}, batch ${p.batch_max}`;
  figures(parent, [['accelerators', first.accelerators, '1'], ['replicas', first.replicas, '1'], ['within the objectives', first.within_objectives, 'share'], ['tokens/s a user', first.output_tokens_per_s_per_user, '1'],
    ...(priced ? [['USD an hour', first.usd_per_hour, '1'], ['USD a million tokens', first.usd_per_million_output_tokens, '1']] : [])]);
  const table = () => ({
    head: [{ name: 'deployment' }, { name: 'part' }, { name: 'accelerators', unit: '1' }, { name: 'cache bytes', unit: '1' }, { name: 'within', unit: 'share' }, { name: 'tokens/s a user', unit: '1' }, { name: 'tokens/s an accelerator', unit: '1' }, { name: 'most requests/s a replica', unit: '1' }, { name: 'USD/h', unit: '1' }, { name: 'USD/M tokens', unit: '1' }, { name: 'command' }],
    rows: all.map((p, i) => [label(p, i), p.part, p.accelerators, p.kv_bytes, p.within_objectives, p.output_tokens_per_s_per_user, p.output_tokens_per_s_per_accelerator, p.requests_per_s_per_replica_most, p.usd_per_hour, p.usd_per_million_output_tokens, p.command.trim()])
  });
  const best = all.slice(0, 15);
  const bars = barsOf(best.map(label), [[priced ? 'USD an hour' : 'accelerators', best.map((p) => priced ? p.usd_per_hour : p.accelerators), INK.blue]], (x) => String(three(x)));
  chartSection(parent, 'Deployments, cheapest first', `${all.length} of ${plans.tried} tried keep the objectives${all.length > best.length ? `; the first ${best.length}` : ''}: ${priced ? 'USD an hour' : 'accelerators'}.`, bars.make, table, { height: bars.height });
  const groups = [...new Set(all.map((p) => p.part))];
  chartSection(parent, 'Speed for a user, and of an accelerator', 'Up and to the right is better; the first has a rim.',
    scatterOf(groups.map((part) => [part, all.map((p, i) => ({ p, i })).filter(({ p }) => p.part === part).map(({ p, i }) => ({ name: label(p, i), x: p.output_tokens_per_s_per_user, y: p.output_tokens_per_s_per_accelerator, first: i === 0 }))]),
      { name: 'tokens/s a user', format: (x) => String(three(x)) }, { name: 'tokens/s an accelerator', format: (x) => String(three(x)) }), table);
}

function flowsSections(parent, flows) {
  const most = 40, all = [...flows.messages].filter((m) => finite(m.end_s)).sort((a, b) => b.end_s - a.end_s);
  const shownNow = all.slice(0, most);
  figures(parent, [['messages', flows.messages.length, '1'], ['last arrival', flows.last_end_s, 's'], ['accelerators', flows.accelerators, '1'], ['not reachable', flows.unreachable || null, '1']]);
  const table = () => ({ head: [{ name: 'from' }, { name: 'to' }, { name: 'size', unit: 'byte' }, { name: 'start', unit: 's' }, { name: 'end', unit: 's' }, { name: 'mean rate', unit: 'byte/s' }, { name: 'bound by' }, { name: 'its use', unit: 'share' }], rows: all.map((m) => [String(m.from), String(m.to), m.bytes, m.start_s, m.end_s, m.mean_rate_bytes_per_second, m.bound_by, m.bound_by_utilisation]) });
  const tiers = [...new Set(all.map((m) => m.bound_by_tier || 'no link'))];
  chartSection(parent, 'Messages over time', `From start to arrival, coloured by the links that bind them${all.length > most ? `; the ${most} that arrive last of ${all.length.toLocaleString('en')}` : ''}.`,
    (look) => ({
      tooltip: { trigger: 'item', formatter: (p) => { const m = shownNow[p.dataIndex]; return `${m.from} to ${m.to}: ${withPrefix(m.bytes, 'B')}<br>${duration(m.start_s)} to ${duration(m.end_s)}, ${withPrefix(m.mean_rate_bytes_per_second, 'B/s')}<br>${m.bound_by}`; } },
      xAxis: { type: 'value', axisLabel: { formatter: (x) => duration(x) } },
      yAxis: { type: 'category', inverse: true, data: shownNow.map((m) => `${m.from} to ${m.to}`), axisLabel: { width: look.narrow ? 70 : 140, overflow: 'truncate' } },
      series: [{ name: 'start', type: 'bar', stack: 'all', silent: true, itemStyle: { color: 'transparent' }, data: shownNow.map((m) => m.start_s) },
        ...tiers.map((tier, i) => ({ name: word(tier), type: 'bar', stack: 'all', itemStyle: { color: colour(tier, i) }, data: shownNow.map((m) => (m.bound_by_tier || 'no link') === tier ? m.end_s - m.start_s : '-') }))],
      legend: { data: tiers.map(word) }
    }), table, { height: 110 + 16 * shownNow.length });
  const rows = flows.tiers || [];
  const use = barsOf(rows.map((t) => word(t.tier)), [['mean', rows.map((t) => t.mean_utilisation), INK.blue], ['busiest link', rows.map((t) => t.highest_utilisation), INK.orange]], percent, { stack: false, height: 130 + 46 * rows.length });
  chartSection(parent, 'Links in use', 'From the start to the last byte sent: mean over the links of a tier, and its busiest link.', use.make,
    () => ({ head: [{ name: 'tier' }, { name: 'links', unit: '1' }, { name: 'carried', unit: 'byte' }, { name: 'mean', unit: 'share' }, { name: 'busiest', unit: 'share' }], rows: rows.map((t) => [t.tier, t.links, t.carried_bytes, t.mean_utilisation, t.highest_utilisation]) }), { height: use.height });
}

function topoSections(parent, sites) {
  const labels = sites.map((s) => s.site || s.cluster);
  if (sites.length === 1) figures(parent, [['accelerators', sites[0].accelerators, '1'], ['switches', sites[0].switches, '1'], ['transceivers', sites[0].transceivers, '1'], ['network', sites[0].network_w, 'W'], ['USD', finite(sites[0].network_usd) ? short(sites[0].network_usd) : null, '']]);
  const bars = (title, text, parts, format) => {
    const made = barsOf(labels, parts, format, { height: 90 + 40 * labels.length });
    chartSection(parent, title, text, made.make, () => ({ head: [{ name: 'network' }, ...parts.map(([name]) => ({ name, unit: '1' }))], rows: labels.map((label, i) => [label, ...parts.map(([, data]) => data[i])]) }), { height: made.height });
  };
  const per = (name) => sites.map((s) => finite(s[name]) ? s[name] / s.accelerators : 0);
  const kinds = [...new Set(sites.flatMap((s) => Object.keys(s.cables || {})))];
  bars('Cables', 'By the tiers that they join.', kinds.map((kind, i) => [kind, sites.map((s) => s.cables[kind] || 0), ORDER[i % 8]]), short);
  bars('Watts of an accelerator', 'Its share of switches and transceivers.', [['switches', per('switch_w'), INK.blue], ['transceivers', per('transceiver_w'), INK.orange]], (x) => withPrefix(x, 'W'));
  if (sites.some((s) => finite(s.network_usd))) bars('Dollars of an accelerator', 'Its share of switches, transceivers and fibre.', [['switches', per('switch_usd'), INK.blue], ['transceivers', per('transceiver_usd'), INK.orange], ['fibre', per('fibre_usd'), INK.green]], dollars);
  if (sites.some((s) => finite(s.bisection_per_accelerator_bytes_per_s))) bars('Bandwidth through the middle', 'Of an accelerator, at most: the least of the halvings tried.', [['bandwidth', sites.map((s) => s.bisection_per_accelerator_bytes_per_s), INK.blue]], (x) => withPrefix(x, 'B/s'));
  const rows = ['accelerators', 'servers', 'switches', 'radix', 'transceivers', 'diameter_links', 'mean_links', 'ways_least', 'ways_mean', 'network_w', 'network_usd'];
  parent.append(element('section', { class: 'card' }, element('h3', {}, 'Side by side'), tableNode({ head: [{ name: 'figure' }, ...labels.map((name) => ({ name, unit: '1' }))], rows: rows.map((name) => [name.replaceAll('_', ' '), ...sites.map((s) => s[name])]) })));
}
const LISTINGS = { plan: planSections, build: buildSections, serve: serveSections, serve_plan: servePlanSections, flows: flowsSections, topo: topoSections };
