// Sections of lives, collectives, sweeps and comparisons, and the start of the page.

function figures(parent, list) {
  parent.append(element('div', { class: 'figures' }, ...list.filter(([, x]) => x !== null && x !== undefined && x !== '').map(([name, x, unit]) =>
    element('div', { class: 'figure' }, element('b', {}, shown(x, unit)), element('span', {}, name)))));
}
const TICKS = [60, 300, 600, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 86400, 2 * 86400, 7 * 86400, 30 * 86400, 90 * 86400];
const days = (x) => x === 86400 ? '1 day' : x ? `${three(x / 86400)} days` : '0';
function timeAxis(horizon) {
  const interval = TICKS.find((tick) => horizon / tick <= 8) || horizon / 8;
  return { type: 'value', min: 0, max: horizon, interval, axisLabel: { formatter: (x) => interval >= 86400 ? days(x) : duration(x) } };
}
const timeZoom = (look) => [{ type: 'inside' }, { type: 'slider', height: 18, bottom: 6, textStyle: { color: look.soft }, labelFormatter: (_, x) => duration(Number(x)) }];

// Lives.
function seriesSection(parent, results, title, text, lines, unit, stacked = false) {
  const time = results.data('time'), horizon = Number(results.attributes.horizon);
  chartSection(parent, title, text,
    (look) => ({
      tooltip: { trigger: 'axis', valueFormatter: (x) => shown(x, unit) }, grid: { bottom: 64 }, dataZoom: timeZoom(look),
      xAxis: timeAxis(horizon), yAxis: { type: 'value', min: 0, axisLabel: { formatter: (x) => shown(x, unit) } },
      series: lines.map(([name, data, paint, dashed], i) => ({
        name, type: 'line', step: 'end', showSymbol: false, stack: stacked ? 'all' : undefined, areaStyle: stacked ? { opacity: 0.75 } : undefined,
        lineStyle: { width: stacked ? 0.5 : 1.5, type: dashed ? 'dashed' : 'solid' }, itemStyle: { color: paint || ORDER[i % 8] },
        data: time.map((t, k) => [t, data[k]]).filter((p) => p[1] !== null)
      }))
    }),
    () => ({ head: [{ name: 'time', unit: 's' }, ...lines.map(([name]) => ({ name, unit }))], rows: time.map((t, k) => [t, ...lines.map((l) => l[1][k])]) }));
}
function largestJobs(results, most) {
  const held = results.data('job_accelerator_seconds');
  return results.data('job').map((_, j) => j).filter((j) => results.data('job_start')[j] !== null).sort((a, b) => held[b] - held[a]).slice(0, most);
}
function jobsSection(parent, results) {
  const jobs = largestJobs(results, 40).sort((a, b) => results.data('job_start')[a] - results.data('job_start')[b]);
  if (!jobs.length) return;
  const horizon = Number(results.attributes.horizon), kinds = results.data('job_kind');
  const outcomes = results.variables.job_outcome.flags || [];
  const item = (j, k) => [k, results.data('job_start')[j], results.data('job_end')[j] ?? horizon, results.data('kind_of_job')[j], j];
  const bar = (params, api) => {
    const from = api.coord([api.value(1), api.value(0)]), to = api.coord([api.value(2), api.value(0)]);
    const height = api.size([0, 1])[1] * 0.7;
    const shape = echarts.graphic.clipRectByRect({ x: from[0], y: from[1] - height / 2, width: Math.max(1, to[0] - from[0]), height }, params.coordSys);
    return shape && { type: 'rect', shape, style: { fill: colour(kinds[api.value(3)], 0) } };
  };
  const fields = ['job_accelerators', 'job_submit', 'job_start', 'job_end', 'job_ettr', 'job_steps_done', 'job_energy'];
  const units = ['1', 's', 's', 's', 'share', '1', 'J'];
  chartSection(parent, 'Jobs over time', `From start to end, the ${jobs.length} that held most accelerator time of ${results.data('job').length}.`,
    (look) => ({
      tooltip: { formatter: (p) => `${results.data('job')[p.value[4]]}: ${shown(results.data('job_accelerators')[p.value[4]], '1')} accelerators<br>${duration(p.value[1])} to ${duration(p.value[2])}` },
      grid: { bottom: 64 }, dataZoom: timeZoom(look), xAxis: timeAxis(horizon),
      yAxis: { type: 'category', inverse: true, data: jobs.map((j) => results.data('job')[j]), axisLabel: { formatter: (name) => endOf(name, look.narrow ? 11 : 22), interval: 'auto' } },
      series: kinds.map((kind, k) => ({ name: kind, type: 'custom', renderItem: bar, encode: { x: [1, 2], y: 0 }, itemStyle: { color: colour(kind, k) }, data: jobs.map(item).filter((d) => d[3] === k) })).filter((s) => s.data.length)
    }),
    () => ({
      head: [{ name: 'job' }, { name: 'kind' }, { name: 'outcome' }, ...fields.map((name, i) => ({ name: name.slice(4), unit: units[i] }))],
      rows: results.data('job').map((name, j) => [name, kinds[results.data('kind_of_job')[j]], outcomes[results.data('job_outcome')[j]], ...fields.map((f) => results.data(f)[j])])
    }), { height: 130 + 15 * jobs.length });
  timesSection(parent, results, largestJobs(results, 12));
}
function timesSection(parent, results, jobs) {
  const names = ['training', 'serving', 'waiting', 'lost', 'checkpointing', 'restarting', 'stalled'];
  const paints = [INK.blue, INK.green, INK.pale, INK.vermilion, INK.yellow, INK.orange, INK.pink];
  const of = (j) => names.map((name) => results.data(`job_${name}`)[j] || 0);
  const longest = Math.max(...jobs.map((j) => of(j).reduce((a, b) => a + b, 0)));
  chartSection(parent, 'Where the time of jobs goes', 'Training and serving count; all else is what ETTR loses.',
    (look) => ({
      tooltip: { trigger: 'axis', axisPointer: { type: 'shadow' }, valueFormatter: duration },
      xAxis: timeAxis(longest),
      yAxis: { type: 'category', inverse: true, data: jobs.map((j) => results.data('job')[j]), axisLabel: { formatter: (name) => endOf(name, look.narrow ? 11 : 22) } },
      series: names.map((name, i) => ({ name, type: 'bar', stack: 'all', itemStyle: { color: paints[i] }, data: jobs.map((j) => of(j)[i]) })).filter((s) => s.data.some((x) => x > 0))
    }),
    () => ({ head: [{ name: 'job' }, ...names.map((name) => ({ name, unit: 's' }))], rows: jobs.map((j) => [results.data('job')[j], ...of(j)]) }), { height: 120 + 26 * jobs.length });
}
function requestsSection(parent, results) {
  const groups = results.data('request_group_name');
  if (!groups.length) return;
  const parts = ['p50', 'p90', 'p99'];
  const of = (what, p) => results.data(`request_${what}_${p}`);
  chartSection(parent, 'Latencies of requests', 'TTFT: from arrival to the first token. TPOT: from token to token after it.',
    () => ({
      tooltip: { trigger: 'axis', axisPointer: { type: 'shadow' }, valueFormatter: duration },
      xAxis: { type: 'category', data: groups.flatMap((g) => [`${g} TTFT`, `${g} TPOT`]) },
      yAxis: { type: 'log', axisLabel: { formatter: (x) => duration(x) } },
      series: parts.map((p, i) => ({ name: p, type: 'scatter', symbol: ['circle', 'diamond', 'triangle'][i], symbolSize: 16, itemStyle: { color: ORDER[i] }, data: groups.flatMap((_, g) => [of('ttft', p)[g], of('tpot', p)[g]]) }))
    }),
    () => ({
      head: [{ name: 'group' }, { name: 'arrived', unit: '1' }, { name: 'completed', unit: '1' }, { name: 'good', unit: 'share' }, ...['ttft', 'tpot'].flatMap((w) => parts.map((p) => ({ name: `${w} ${p}`, unit: 's' })))],
      rows: groups.map((g, i) => [g, results.data('request_arrived')[i], results.data('request_completed')[i], results.data('request_good_share')[i], ...['ttft', 'tpot'].flatMap((w) => parts.map((p) => of(w, p)[i]))])
    }));
}
function lifeSections(parent, results) {
  const sites = results.data('site'), kinds = results.data('job_kind');
  const sum = (list) => list.reduce((a, b) => a + (b || 0), 0);
  figures(parent, [['horizon', Number(results.attributes.horizon), 's'], ['jobs', results.data('job').length, '1'], ['accelerators', sum(results.data('site_accelerators')), '1'],
    ['energy', sum(results.data('site_energy')), 'J'], ['USD of energy', short(sum(results.data('site_cost'))), ''], ['peak power', Math.max(...results.data('site_peak_power')), 'W']]);
  sites.forEach((site, s) => {
    const lines = kinds.map((kind, k) => [kind, results.row('busy', s, k), colour(kind, k)]);
    lines.push(['idle', results.row('idle', s), INK.pale], ['down', results.row('down', s), INK.vermilion]);
    seriesSection(parent, results, `Accelerators of ${site}`, 'Who holds them, mean over each interval.', lines, '1', true);
    const cap = results.row('power_cap', s);
    const power = [['power', results.row('power', s), INK.blue]];
    if (cap.some((x) => x !== null)) power.push(['cap', cap, INK.vermilion, true]);
    seriesSection(parent, results, `Power of ${site}`, 'With PUE.', power, 'W');
  });
  jobsSection(parent, results);
  requestsSection(parent, results);
  seriesSection(parent, results, 'Queue', 'Jobs that wait.', [['jobs', results.data('queue_jobs'), INK.orange]], '1', true);
}

// Collectives.
function collectiveSections(parent, results) {
  const rows = results.data('row').map((_, i) => i);
  const algorithms = [...new Set(results.data('algorithm'))];
  const names = ['collective', 'algorithm', 'size', 'time', 'latency', 'algorithm_bandwidth', 'bus_bandwidth', 'wall', 'busiest'];
  const table = () => ({ head: names.map((name) => ({ name, unit: ['size', 'time', 'latency'].includes(name) || name.endsWith('bandwidth') ? results.units(name) : '' })), rows: rows.map((i) => names.map((name) => results.data(name)[i])) });
  const sizes = [...new Set(results.data('size'))].sort((a, b) => a - b);
  const lines = (title, text, variable, unit, extra) => chartSection(parent, title, text,
    () => ({
      tooltip: { trigger: 'axis', valueFormatter: (x) => shown(x, unit) },
      xAxis: { type: 'log', logBase: 2, name: 'buffer of one rank', min: 'dataMin', max: 'dataMax', ...labelled(sizes, bytesLike(sizes)) },
      yAxis: { type: variable === 'time' ? 'log' : 'value', axisLabel: { formatter: (x) => shown(x, unit) } },
      series: algorithms.map((name, k) => ({
        name, type: 'line', symbol: ['circle', 'rect', 'triangle', 'diamond'][k % 4], symbolSize: 7, itemStyle: { color: ORDER[k % 8] }, lineStyle: { type: k > 3 ? 'dashed' : 'solid' },
        data: rows.filter((i) => results.data('algorithm')[i] === name).map((i) => [results.data('size')[i], results.data(variable)[i]])
      })).concat(extra || [])
    }), table);
  const chosen = rows.filter((i) => results.data('chosen')[i] === 1);
  figures(parent, [['ranks', results.data('ranks')[0], '1'], ['groups', results.data('groups')[0], '1'], ['best bus bandwidth', Math.max(...results.data('bus_bandwidth')), 'byte/s'], ['least time', Math.min(...results.data('time')), 's']]);
  lines('Bus bandwidth over size', 'What every link would carry if ranks sent as in a ring. Grey rings mark what a library takes.', 'bus_bandwidth', 'byte/s',
    [{ name: 'taken by the library', type: 'scatter', symbol: 'circle', symbolSize: 14, itemStyle: { color: 'transparent', borderColor: INK.grey, borderWidth: 2 }, data: chosen.map((i) => [results.data('size')[i], results.data('bus_bandwidth')[i]]) }]);
  lines('Time over size', 'Flat where latency sets the pace, rising where bandwidth does.', 'time', 's');
  // Rows run one after another, each as often as the test says.
  const times = Number(results.attributes.scenario?.match(/iterations: (\d+)/)?.[1] ?? 1);
  const starts = [];
  let end = 0;
  for (const i of rows) { starts.push(end); end += times * results.data('time')[i]; }
  linksOverTimeSection(parent, results, starts, end, () => results.data('sample_start'));
}

// Sweeps: one output over the axis with most values, a line per value of a second axis.
function sweepSections(parent, results) {
  const axes = results.variables.status.dims;
  const shape = results.variables.status.shape;
  const outputs = Object.keys(results.variables).filter((name) => {
    const v = results.variables[name];
    return v.dims.join() === axes.join() && typeof v.data.find((x) => x !== null) === 'number' && !v.flags && !['point', 'point_fingerprint'].includes(name);
  });
  const first = ['step_time', 'mfu', 'time', 'bus_bandwidth'].find((name) => outputs.includes(name)) || outputs[0];
  if (!first) { parent.append(element('p', {}, 'No point of this sweep has a result.')); return; }
  let output = results.attributes.sweep?.match(/show: "(\w+)"/)?.[1];
  if (!outputs.includes(output)) output = first;
  const x = shape.indexOf(Math.max(...shape));
  const rest = axes.map((_, d) => d).filter((d) => d !== x);
  const by = rest.length ? rest.reduce((a, d) => shape[d] > shape[a] ? d : a, rest[0]) : -1;
  const fixed = axes.map(() => 0);
  const label = (d, i) => results.data(`${axes[d]}_label`)[i] ?? String(results.data(axes[d])[i]);
  const value = (at) => results.at(output, ...at);
  const numeric = typeof results.data(axes[x])[0] === 'number' && results.data(axes[x]).every((v) => v > 0);
  const unit = () => /mfu|hfu|share|ettr/.test(output) ? 'share' : results.units(output);
  const lines = () => (by < 0 ? [0] : results.data(axes[by]).map((_, i) => i)).map((b) => results.data(axes[x]).map((v, i) => {
    const at = [...fixed]; at[x] = i; if (by >= 0) at[by] = b;
    return [numeric ? v : i, value(at)];
  }));
  const knee = (points) => {  // the last point before which the output has moved by a twentieth
    const known = points.filter((p) => p[1] !== null);
    const best = known.at(-1)?.[1];
    return known.filter((p) => Math.abs(p[1] / best - 1) > 0.05).at(-1);
  };
  const pinned = numeric && shape[x] > 3;
  const axisName = `${axes[x]}${results.units(axes[x]) && results.units(axes[x]) !== '1' ? ` (${results.units(axes[x])})` : ''}`;
  const controls = [choice('Output', outputs, (i) => { output = outputs[i]; draw(entry); })];
  controls[0].querySelector('select').selectedIndex = outputs.indexOf(output);
  rest.filter((d) => d !== by && shape[d] > 1).forEach((d) => controls.push(choice(axes[d], results.data(axes[d]).map((_, i) => label(d, i)), (i) => { fixed[d] = i; draw(entry); })));
  const entry = chartSection(parent, 'Curves of the sweep', `Over ${axes[x]}${by >= 0 ? `, a ${numeric ? 'line' : 'bar'} for each ${axes[by]}` : ''}.${pinned ? ' A pin marks the knee: behind it the output is within a twentieth of its last value.' : ''}`,
    (look) => ({
      tooltip: { trigger: 'axis', valueFormatter: (v) => shown(v, unit()) },
      xAxis: numeric ? { type: 'log', name: axisName, min: 'dataMin', max: 'dataMax', ...labelled([...results.data(axes[x])].sort((a, b) => a - b), (v) => shown(v, results.units(axes[x]))) } : { type: 'category', data: results.data(axes[x]).map((_, i) => label(x, i)), name: axes[x] },
      yAxis: { type: 'value', scale: numeric, name: '', axisLabel: { formatter: (v) => shown(v, unit()) } },
      series: lines().map((points, b) => {
        const at = pinned && knee(points);
        return {
          name: by < 0 ? output.replaceAll('_', ' ') : `${axes[by]} ${label(by, b)}`, type: numeric ? 'line' : 'bar', barMaxWidth: 46, symbol: ['circle', 'rect', 'triangle', 'diamond'][b % 4], symbolSize: 7, itemStyle: { color: ORDER[b % 8] },
          lineStyle: { type: b > 7 ? 'dashed' : 'solid' }, data: points,
          markPoint: at ? { symbol: 'pin', symbolSize: 26, label: { show: false }, itemStyle: { color: ORDER[b % 8] }, data: [{ coord: at }] } : undefined
        };
      })
    }),
    () => ({ head: [{ name: axes[x], unit: results.units(axes[x]) }, ...lines().map((_, b) => ({ name: by < 0 ? output : `${output} at ${axes[by]} ${label(by, b)}`, unit: unit() }))], rows: results.data(axes[x]).map((v, i) => [numeric ? v : label(x, i), ...lines().map((l) => l[i][1])]) }), { controls, height: 420 });
  verdictSection(parent, results.file.summary);
}
function verdictSection(parent, summary) {
  if (!summary?.verdicts?.length) return;
  const list = summary.verdicts.map((v) => element('li', {}, v.claim, ' ', element('b', {}, (v.results || [v]).map((r) => r.ruling || '').filter((r, i, all) => all.indexOf(r) === i).join(', '))));
  parent.append(element('section', { class: 'card' }, element('h3', {}, 'Claims that this sweep decides'), element('ul', {}, ...list)));
}

// Two files.
function comparisonSection(parent, comparison) {
  parent.append(element('h2', { id: 'comparison' }, 'Where they differ'), element('p', { class: 'verdict' }, comparison.verdict));
  const inputs = comparison.inputs.map((i) => element('tr', {}, element('td', { class: 'text wide' }, i.path), element('td', { class: 'text wide' }, i.a || '(not written)'), element('td', { class: 'text wide' }, i.b || '(not written)')));
  parent.append(element('section', { class: 'card' }, element('h3', {}, 'Input'), element('div', { class: 'scroll', tabindex: '0' },
    element('table', {}, element('thead', {}, element('tr', {}, ...['field', 'A', 'B'].map((h) => element('th', { scope: 'col', class: 'text' }, h)))), element('tbody', {}, ...inputs)))));
  const table = () => ({ head: [{ name: 'group' }, { name: 'output' }, { name: 'unit' }, { name: 'A', unit: '1' }, { name: 'B', unit: '1' }], rows: comparison.outputs.map((o) => [o.group, o.name, o.unit, o.a, o.b]) });
  const parts = comparison.outputs.filter((o) => o.unit === 's' && o.group !== 'figures' && Math.abs(o.b - o.a) > 1e-3 * Math.max(Math.abs(o.a), Math.abs(o.b)) && Math.abs(o.b - o.a) > 1e-6);
  if (!parts.length) { parent.append(element('section', { class: 'card' }, tableNode(table()))); return; }
  chartSection(parent, 'Difference in time', 'B less A, part by part: to the right B takes longer.',
    (look) => ({
      legend: null, tooltip: { trigger: 'axis', axisPointer: { type: 'shadow' }, valueFormatter: (x) => (x < 0 ? '-' : '') + duration(Math.abs(x)) },
      xAxis: { type: 'value', axisLabel: { formatter: (x) => (x < 0 ? '-' : '') + duration(Math.abs(x)) } },
      yAxis: { type: 'category', inverse: true, data: parts.map((o) => `${o.group}: ${word(o.name)}`), axisLabel: { width: look.narrow ? 110 : 400, overflow: 'truncate' } },
      series: [{ name: 'B less A', type: 'bar', data: parts.map((o) => ({ value: o.b - o.a, itemStyle: { color: o.b > o.a ? INK.vermilion : INK.green } })) }]
    }), table, { height: 90 + 26 * parts.length });
}

// The page.
function explanationSection(parent, file) {
  const pieces = file.explanation.flatMap((part) => [element('h3', {}, part.title), ...part.lines.map((line) => line.startsWith('  ') || /^ *[\d.]+ %/.test(line) ? element('pre', {}, line.trimStart()) : element('p', {}, line))]);
  parent.append(element('section', { class: 'card' }, element('details', {}, element('summary', {}, 'Why: the formulas with the numbers put in'), ...pieces)));
}
function inputSection(parent, results) {
  const rows = ['setup', 'notes', 'estimates', 'given_without_source'].filter((name) => results.attributes[name]).map((name) => element('div', {}, element('h3', {}, name.replaceAll('_', ' ')), element('pre', {}, results.attributes[name])));
  const scenario = results.attributes.scenario || '';
  parent.append(element('section', { class: 'card' }, element('details', {}, element('summary', {}, 'Input, notes and estimates'), ...rows,
    element('h3', {}, 'command'), element('pre', {}, results.attributes.command_line || ''), element('h3', {}, 'scenario'), element('pre', {}, scenario),
    element('button', { type: 'button', onclick: () => save('scenario.textproto', 'text/plain', scenario) }, 'Save the scenario'))));
}
function start() {
  const all = PAGE.files.map((file) => file.listing ? new Listed(file) : new Results(file));
  const main = document.getElementById('main');
  main.replaceChildren();
  const titles = [...new Set(all.map((r) => r.title))].join(' and ');
  document.title = `Gridlock: ${titles}`;
  document.getElementById('head').append(element('h1', {}, titles));
  if (PAGE.comparison) comparisonSection(main, PAGE.comparison);
  const sections = { step: stepSections, life: lifeSections, collective_test: collectiveSections, sweep: sweepSections };
  all.forEach((results, i) => {
    prefix = all.length > 1 ? `${'ABCDEFGH'[i] || i + 1}: ` : '';
    const part = element('div', {});
    main.append(part);
    if (all.length > 1) part.append(element('h2', {}, `${prefix}${results.title}`));
    part.append(element('p', { class: 'soft' }, [results.attributes.description, results.attributes.machine].filter(Boolean).join(': ')));
    part.append(element('p', { class: 'verdict' }, results.file.verdict));
    if (results.file.listing) {
      LISTINGS[results.kind](part, results.file.listing);
      explanationSection(part, results.file);
      return;
    }
    sections[results.kind](part, results);
    explanationSection(part, results.file);
    inputSection(part, results);
    if (results.file.data.left_out.length) part.append(element('p', { class: 'soft' }, `Too long for this page, and in ${results.file.data.file}: ${results.file.data.left_out.join(', ')}.`));
  });
  const toggle = element('button', { type: 'button', 'aria-pressed': 'false', onclick: () => { patterns = !patterns; toggle.setAttribute('aria-pressed', patterns); drawAll(); } }, 'Patterns on colours');
  document.getElementById('nav').append(toggle);
  const traces = all.filter((r) => !r.file.listing);
  const made = traces.length ? `gridlock ${traces[0].attributes.gridlock_version} (${traces[0].attributes.gridlock_commit}), fingerprint ${traces.map((r) => r.attributes.fingerprint).join(', ')}.` : `Made of ${all.map((r) => r.file.file).join(', ')}.`;
  document.getElementById('foot').append(`${made} Charts: Apache ECharts ${echarts.version}. This page makes no request.`);
  drawAll();
  let wait = null;
  window.addEventListener('resize', () => { clearTimeout(wait); wait = setTimeout(() => { resizeAll(); drawAll(); }, 150); });
  dark.addEventListener('change', drawAll);
  const paper = (on) => { onPaper = on; renewAll(on ? `${PAPER}px` : ''); };
  window.addEventListener('beforeprint', () => paper(true));
  window.addEventListener('afterprint', () => paper(false));
}

try {
  start();
  if (location.hash === '#check') setTimeout(check, 300);
} catch (error) {
  errors.push(String(error));
  document.getElementById('main').prepend(element('p', { class: 'verdict' }, `This page could not be drawn: ${error}`));
  throw error;
}
