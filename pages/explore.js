// The page of gridlock explore: sliders that move through the points of a sweep.

const AXIS_WORDS = {
  nic: 'NIC', scale_up: 'scale-up links', hbm: 'HBM', oversubscription: 'oversubscription', accelerators: 'accelerators',
  layout: 'layout', servers: 'servers', power: 'power limit', flops: 'peak', seed: 'seed'
};
const OUTPUT_WORDS = {
  mfu: 'MFU', step_time: 'step time', tokens_per_second: 'tokens per second', tokens_per_second_per_accelerator: 'tokens per second and accelerator',
  mean_power: 'mean power', mean_power_per_accelerator: 'power per accelerator', energy: 'energy of a step', hfu: 'HFU',
  model_flop_rate_per_accelerator: 'model FLOP/s per accelerator', accelerators: 'accelerators', bus_bandwidth: 'bus bandwidth', time: 'time'
};
const FIRST = ['mfu', 'step_time', 'tokens_per_second', 'tokens_per_second_per_accelerator', 'mean_power', 'energy', 'time', 'bus_bandwidth'];

const results = new Results(PAGE.files[0]);
const axes = results.variables.status.dims, shape = results.variables.status.shape;
const isNumeric = (d) => results.data(axes[d]).every((v) => typeof v === 'number' && v > 0);
const axisWord = (d) => AXIS_WORDS[axes[d]] || axes[d].replaceAll('_', ' ');
const labelOf = (d, i) => {
  const label = results.data(`${axes[d]}_label`)[i] ?? results.data(axes[d])[i];
  return /^\d+$/.test(String(label)) ? Number(label).toLocaleString('en') : String(label).replaceAll('_', ' ');
};
const outputs = Object.keys(results.variables).filter((name) => {
  const v = results.variables[name];
  return v.dims.join() === axes.join() && !v.flags && !['point', 'point_fingerprint', 'status'].includes(name) && typeof v.data.find((x) => x !== null) === 'number';
}).sort((a, b) => (FIRST.indexOf(a) + 1 || 99) - (FIRST.indexOf(b) + 1 || 99));
const outputWord = (name) => OUTPUT_WORDS[name] || name.replaceAll('_', ' ');
const unitOf = (name) => /mfu|hfu|share|ettr/.test(name) ? 'share' : results.units(name);

// Where the sliders stand: a position along each axis; what runs along the curve; what it shows.
const state = { at: shape.map((n, d) => isNumeric(d) ? n - 1 : 0), x: shape.indexOf(Math.max(...shape)), output: 0, pinned: [] };
function readState() {
  const words = new URLSearchParams(location.hash.slice(1));
  axes.forEach((name, d) => {
    const i = Number(words.get(name) ?? NaN);
    if (Number.isInteger(i) && i >= 0 && i < shape[d]) state.at[d] = i;
  });
  if (axes.includes(words.get('x'))) state.x = axes.indexOf(words.get('x'));
  if (outputs.includes(words.get('output'))) state.output = outputs.indexOf(words.get('output'));
}
function writeState() {
  const words = axes.map((name, d) => `${encodeURIComponent(name)}=${state.at[d]}`);
  try { history.replaceState(null, '', `#${words.join('&')}&x=${encodeURIComponent(axes[state.x])}&output=${outputs[state.output]}`); } catch { /* a page in a frame may not */ }
}
const positionsAlong = (at, d) => Array.from({ length: shape[d] }, (_, i) => at.map((v, k) => k === d ? i : v));
const curve = (at) => positionsAlong(at, state.x).map((p) => results.at(outputs[state.output], ...p));
const setting = (at, except) => axes.map((_, d) => d).filter((d) => d !== except && shape[d] > 1).map((d) => `${axisWord(d)} ${labelOf(d, at[d])}`).join(', ');

const xAxis = () => ({ type: 'category', name: axisWord(state.x), data: results.data(axes[state.x]).map((_, i) => labelOf(state.x, i)) });
const wallNames = results.has('attribution') ? results.data('attribution_resource') : [];
const wallsAt = (at) => wallNames.map((name, w) => ({ name, seconds: results.at('attribution', ...at, w) || 0 }));

function curveSection(parent) {
  return chartSection(parent, 'The curve', 'Move the sliders; pin a curve to compare others with it. The dashed line stands where the slider of the axis is.',
    (look) => {
      const unit = unitOf(outputs[state.output]), here = state.at[state.x];
      const line = (name, data, i, thick) => ({
        name, type: 'line', data, symbol: ['circle', 'rect', 'triangle', 'diamond'][i % 4], symbolSize: thick ? 9 : 6, itemStyle: { color: ORDER[i % 8] },
        lineStyle: { width: thick ? 3 : 1.5, type: thick ? 'solid' : 'dashed' },
        markLine: thick ? { silent: true, symbol: 'none', lineStyle: { color: look.soft, type: 'dashed' }, label: { formatter: labelOf(state.x, state.at[state.x]), color: look.soft }, data: [{ xAxis: here }] } : undefined
      });
      return {
        tooltip: { trigger: 'axis', valueFormatter: (v) => shown(v, unit) }, xAxis: xAxis(), grid: { top: 60 },
        yAxis: { type: 'value', scale: unit !== 'share', min: unit === 'share' ? 0 : undefined, axisLabel: { formatter: (v) => unit === 'share' ? `${Math.round(100 * v)} %` : shown(v, unit) } },
        series: [line(`now: ${setting(state.at, state.x)}`, curve(state.at), 0, true), ...state.pinned.filter((p) => p.x === state.x).map((p, i) => line(p.name, curve(p.at), i + 1, false))]
      };
    },
    () => ({
      head: [{ name: axes[state.x], unit: results.units(axes[state.x]) }, { name: outputs[state.output], unit: unitOf(outputs[state.output]) }],
      rows: curve(state.at).map((y, i) => [isNumeric(state.x) ? results.data(axes[state.x])[i] : labelOf(state.x, i), y])
    }), { height: 400 });
}
function wallsSection(parent) {
  if (!wallNames.length) return null;
  const used = () => wallNames.map((_, w) => w).filter((w) => positionsAlong(state.at, state.x).some((p) => wallsAt(p)[w].seconds > 1e-9));
  return chartSection(parent, 'What sets the pace', 'Seconds of the critical path, by what would have had to be faster.',
    () => ({
      tooltip: { trigger: 'axis', axisPointer: { type: 'shadow' }, valueFormatter: duration },
      xAxis: xAxis(),
      yAxis: { type: 'value', axisLabel: { formatter: (v) => duration(v) } },
      series: used().map((w, k) => ({
        name: word(wallNames[w]), type: 'bar', stack: 'all', barMaxWidth: 70, itemStyle: { color: colour(wallNames[w], k) },
        data: positionsAlong(state.at, state.x).map((p) => wallsAt(p)[w].seconds)
      }))
    }),
    () => ({ head: [{ name: axes[state.x] }, ...used().map((w) => ({ name: wallNames[w], unit: 's' }))], rows: positionsAlong(state.at, state.x).map((p, i) => [labelOf(state.x, i), ...used().map((w) => wallsAt(p)[w].seconds)]) }));
}
function sentence() {
  const status = results.variables.status.flags?.[results.at('status', ...state.at)];
  if (results.at(outputs[state.output], ...state.at) === null) {
    const why = results.at('message', ...state.at);
    return `This machine was ${String(status || 'refused').replaceAll('_', ' ')}${why ? `: ${why}` : ''}. Move a slider.`;
  }
  const walls = wallsAt(state.at).sort((a, b) => b.seconds - a.seconds), sum = walls.reduce((a, b) => a + b.seconds, 0);
  const time = results.at('step_time', ...state.at);
  let text = time === null ? `${outputWord(outputs[state.output])}: ${shown(results.at(outputs[state.output], ...state.at), unitOf(outputs[state.output]))}` : `A step takes ${duration(time)}`;
  if (results.has('mfu')) text += ` at an MFU of ${percent(results.at('mfu', ...state.at))}`;
  if (sum > 0) text += `; ${word(walls[0].name)} sets the pace of ${percent(walls[0].seconds / sum)} of it, ${word(walls[1].name)} of ${percent(walls[1].seconds / sum)}`;
  return `${text}.`;
}

function sliderFor(d, changed) {
  const shownValue = element('output', {}, labelOf(d, state.at[d]));
  const id = `axis-${d}`;
  const input = element('input', {
    type: 'range', id, min: 0, max: shape[d] - 1, step: 1, value: state.at[d], 'aria-valuetext': labelOf(d, state.at[d]),
    oninput: () => { state.at[d] = Number(input.value); input.setAttribute('aria-valuetext', labelOf(d, state.at[d])); shownValue.textContent = labelOf(d, state.at[d]); changed(); }
  });
  return element('div', { class: 'slider' }, element('label', { for: id }, axisWord(d)), input, shownValue);
}
function startExplore() {
  readState();
  const main = document.getElementById('main');
  main.replaceChildren();
  document.title = `Gridlock: ${results.title}`;
  document.getElementById('head').append(element('h1', {}, results.attributes.description || results.title));
  const told = element('p', { class: 'verdict', 'aria-live': 'polite' });
  const sliders = element('div', { class: 'sliders' }), board = element('div', {}), numbers = element('div', {});
  let entries = [];
  const changed = () => {
    told.textContent = sentence();
    numbers.replaceChildren();
    const list = outputs.slice(0, 12).filter((name) => FIRST.includes(name) || name === 'accelerators').map((name) => [outputWord(name), results.at(name, ...state.at), unitOf(name)]);
    const box = element('div', { class: 'figures' }, ...list.filter(([, x]) => x !== null).map(([name, x, unit]) => element('div', { class: 'figure' }, element('b', {}, shown(x, unit)), element('span', {}, name))));
    numbers.append(box);
    entries.forEach(draw);
    entries.forEach((entry) => entry.box.setAttribute('aria-label', `${entry.title}. ${told.textContent}`));
    writeState();
  };
  sliders.append(...axes.map((_, d) => d).filter((d) => shape[d] > 1).map((d) => sliderFor(d, changed)));
  const many = axes.map((_, d) => d).filter((d) => shape[d] > 1);
  const along = choice('Along the curve', many.map(axisWord), (i) => { state.x = many[i]; changed(); });
  along.querySelector('select').selectedIndex = many.indexOf(state.x);
  const what = choice('Shown', outputs.map(outputWord), (i) => { state.output = i; changed(); });
  what.querySelector('select').selectedIndex = state.output;
  const pin = element('button', { type: 'button', onclick: () => { state.pinned.push({ name: setting(state.at, state.x), at: [...state.at], x: state.x }); changed(); } }, 'Pin this curve');
  const unpin = element('button', { type: 'button', onclick: () => { state.pinned = []; changed(); } }, 'Remove pins');
  main.append(told, element('section', { class: 'card', 'aria-label': 'Sliders' }, sliders, element('div', { class: 'tools' }, along, what, pin, unpin)), numbers, board);
  entries = [curveSection(board), wallsSection(board)].filter(Boolean);
  const about = ['notes', 'estimates', 'scenario', 'sweep', 'command_line'].filter((name) => results.attributes[name]).map((name) => element('div', {}, element('h3', {}, name.replaceAll('_', ' ')), element('pre', {}, results.attributes[name])));
  main.append(element('section', { class: 'card' }, element('details', {}, element('summary', {}, 'Input, notes and estimates'), ...about)));
  const nav = document.getElementById('nav');
  const toggle = element('button', { type: 'button', 'aria-pressed': 'false', onclick: () => { patterns = !patterns; toggle.setAttribute('aria-pressed', patterns); changed(); } }, 'Patterns on colours');
  nav.replaceChildren(toggle);
  const points = results.data('status').length;
  document.getElementById('foot').append(`${points.toLocaleString('en')} simulated points; between them nothing is interpolated. gridlock ${results.attributes.gridlock_version} (${results.attributes.gridlock_commit}), fingerprint ${results.attributes.fingerprint}. Charts: Apache ECharts ${echarts.version}. This page makes no request.`);
  changed();
  let wait = null;
  window.addEventListener('resize', () => { clearTimeout(wait); wait = setTimeout(() => { resizeAll(); changed(); }, 150); });
  dark.addEventListener('change', changed);
  for (const event of ['beforeprint', 'afterprint']) window.addEventListener(event, () => { changed(); resizeAll(); });
}
const checked = location.hash === '#check';
try {
  startExplore();
  if (checked) setTimeout(check, 300);
} catch (error) {
  errors.push(String(error));
  document.getElementById('main').prepend(element('p', { class: 'verdict' }, `This page could not be drawn: ${error}`));
  throw error;
}
