// The page of gridlock report: what the sections are made of. No request is ever made.
'use strict';

const errors = [];
window.addEventListener('error', (event) => errors.push(String(event.message)));
const PAGE = JSON.parse(document.getElementById('data').textContent);
const charts = [];  // {id, title, chart, make, table}

// Okabe and Ito's colours, which colour-blind people tell apart, and greys.
const INK = {
  blue: '#0072b2', orange: '#e69f00', green: '#009e73', pink: '#cc79a7', sky: '#56b4e9',
  vermilion: '#d55e00', yellow: '#c9b500', grey: '#8c959f', pale: '#c3c9d0'
};
const ORDER = [INK.blue, INK.orange, INK.green, INK.pink, INK.sky, INK.vermilion, INK.yellow, INK.grey];
const COLOUR_OF = {
  compute: INK.blue, memory_bound: INK.sky, hbm: INK.sky, tensor_comm: INK.orange, scale_up: INK.orange,
  pipeline_wait: INK.pale, idle: '#9aa2ab', data_comm: INK.green, nic: INK.green, expert_comm: INK.pink,
  leaf: INK.pink, spine: INK.vermilion, wan: '#7a5195', latency: INK.yellow, launch: INK.vermilion,
  overhead: INK.grey, pretraining: INK.blue, experiment: INK.orange, serving: INK.green, down: INK.vermilion
};
const WORDS = {
  compute: 'compute', memory_bound: 'HBM-bound kernels', tensor_comm: 'tensor communication',
  pipeline_wait: 'bubble and pipeline messages', data_comm: 'data-parallel collectives',
  expert_comm: 'expert all-to-alls', launch: 'kernel launches', overhead: 'fixed overhead', idle: 'done, waits for the slowest',
  hbm: 'HBM', scale_up: 'scale-up links', nic: 'NICs', leaf: 'links above leaves', spine: 'links above spines',
  wan: 'links between sites', latency: 'latency'
};
const word = (name) => WORDS[name] || String(name).replaceAll('_', ' ');
const colour = (name, i) => COLOUR_OF[name] || ORDER[i % ORDER.length];

// Numbers.
const three = (x) => Number(x.toPrecision(3));
const fourDigits = (x) => (Number.isInteger(x) || Math.abs(x) < 1000 ? Number.isInteger(x) ? x : Number(x.toPrecision(4)) : Math.round(x)).toLocaleString('en', { maximumFractionDigits: 20 });
// Sizes of buffers as they were asked for: 64 MiB or 64 MB.
function bytesLike(sizes) {
  const binary = sizes.every((x) => x < 1024 || x % 1024 === 0) && sizes.some((x) => x >= 1024);
  return (x) => withPrefix(x, 'B', binary ? 1024 : 1000).replace(/([kMGTPE])B$/, (_, k) => binary ? `${k.toUpperCase()}iB` : `${k}B`);
}
// Labels and ticks where the points of a curve are; every second or third of many.
function labelled(values, formatter) {
  const every = Math.ceil(values.length / 10), customValues = values.filter((_, i) => i % every === 0);
  return { axisTick: { customValues }, axisLabel: { customValues, formatter } };
}
// The end of a name tells jobs apart: scaling/experiment-17.
const endOf = (name, most) => name.length > most ? `…${name.slice(1 - most)}` : name;
function withPrefix(x, unit, base = 1000) {
  if (x === null || !isFinite(x)) return 'n/a';
  if (x === 0) return `0 ${unit}`;
  const names = ['n', 'µ', 'm', '', 'k', 'M', 'G', 'T', 'P', 'E', 'Z', 'Y'];
  const least = unit === 's' ? 0 : 3;
  let step = Math.floor(Math.log(Math.abs(x)) / Math.log(base) + 1e-9);
  const most = unit === 's' ? 0 : 8;
  step = Math.max(least - 3, Math.min(most, step));
  const value = three(x / base ** step);
  return `${value >= 1000 ? value.toLocaleString('en') : value} ${names[step + 3]}${unit}`;
}
function duration(x) {
  if (x === null || !isFinite(x)) return 'n/a';
  if (x < 300) return withPrefix(x, 's');
  for (const [name, length] of [['days', 86400], ['h', 3600], ['min', 60]]) {
    if (x >= 2 * length || name === 'min') return `${three(x / length)} ${name}`;
  }
}
const percent = (x) => x === null || !isFinite(x) ? 'n/a' : `${(100 * x).toFixed(1)} %`;
function shown(x, unit) {
  if (x === null || x === undefined || (typeof x === 'number' && !isFinite(x))) return 'n/a';
  if (typeof x !== 'number') return String(x);
  switch (unit) {
    case 's': return duration(x);
    case 'share': return percent(x);
    case 'byte': return withPrefix(x, 'B');
    case 'byte/s': return withPrefix(x, 'B/s');
    case 'FLOP/s': return withPrefix(x, 'FLOP/s');
    case 'FLOP': return withPrefix(x, 'FLOP');
    case 'W': return withPrefix(x, 'W');
    case 'J': return Math.abs(x) >= 3.6e9 ? withPrefix(x / 3600, 'Wh') : withPrefix(x, 'J');
    case 'token/s': return `${withPrefix(x, '')} token/s`.replace('  ', ' ');
    case '1': case '': return fourDigits(x);
    default: return `${fourDigits(x)} ${unit}`;
  }
}

// A file as it lies in the page; `at` takes a position along each dimension.
class Results {
  constructor(file) {
    this.kind = file.data.kind;
    this.attributes = file.data.attributes;
    this.variables = file.data.variables;
    this.file = file;
  }
  has(name) { return name in this.variables; }
  data(name) { return this.has(name) ? this.variables[name].data : []; }
  units(name) { return this.has(name) ? this.variables[name].units : ''; }
  row(name, ...at) {
    const variable = this.variables[name];
    if (!variable) return [];
    const length = variable.shape.slice(at.length).reduce((a, b) => a * b, 1);
    let start = 0;
    at.forEach((index, d) => { start = start * variable.shape[d] + index; });
    return variable.data.slice(start * length, (start + 1) * length);
  }
  at(name, ...at) { return this.row(name, ...at)[0] ?? null; }
  get title() { return this.attributes.scenario_name || this.file.data.file; }
}

// What a command printed as JSON.
class Listed {
  constructor(file) {
    this.kind = file.kind;
    this.attributes = {};
    this.file = file;
  }
  get title() { return this.file.name; }
}

// Pieces of the document.
function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}
function save(name, type, text) {
  const url = URL.createObjectURL(new Blob([text], { type }));
  element('a', { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
const csvCell = (x) => x === null || x === undefined ? '' : /[",\n]/.test(String(x)) ? `"${String(x).replaceAll('"', '""')}"` : String(x);
const csvOf = (table) => [table.head.map((h) => h.unit ? `${h.name} (${h.unit})` : h.name), ...table.rows]
  .map((row) => row.map(csvCell).join(',')).join('\n') + '\n';

// A table of numbers: head is [{name, unit}], rows are plain values.
function tableNode(table, most = 500) {
  const head = element('tr', {}, ...table.head.map((h) => element('th', { scope: 'col' }, h.name)));
  const body = table.rows.slice(0, most).map((row) => element('tr', {}, ...row.map((x, i) =>
    element('td', { class: typeof x === 'string' ? (x.length > 40 ? 'text wide' : 'text') : null }, shown(x, table.head[i].unit)))));
  const node = element('table', {}, element('thead', {}, head), element('tbody', {}, ...body));
  const more = table.rows.length > most ? element('p', { class: 'soft' }, `${table.rows.length - most} more rows are in the CSV.`) : '';
  return element('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'table' }, node, more);
}

let number = 0;
let prefix = '';  // of the names of charts, where a page has two files
const slug = (text) => text.toLowerCase().replace(/[^a-z0-9]+/g, '-').replace(/^-|-$/g, '');

// A section with a chart, its table, and buttons. make(theme) returns an option of ECharts.
function chartSection(parent, title, text, make, table, { height = null, canvas = false, controls = [], paint = null } = {}) {
  const id = `${slug(title)}-${++number}`;
  const box = element('div', { class: 'chart', role: 'img', 'aria-label': `${title}. ${text}` });
  if (height) box.style.height = `${height}px`;
  // paint(box, theme) draws without ECharts.
  const entry = { id, title, make, table, box, canvas, paint, chart: null };
  const details = element('details', {}, element('summary', {}, 'Numbers'));
  details.addEventListener('toggle', () => {
    if (details.open && details.children.length === 1) details.append(tableNode(entry.table()));
  });
  const tools = element('div', { class: 'tools' }, ...controls,
    element('button', { type: 'button', onclick: () => save(`${id}.csv`, 'text/csv', csvOf(entry.table())) }, 'CSV'),
    element('button', { type: 'button', onclick: () => save(`${id}.${canvas ? 'png' : 'svg'}`, canvas ? 'image/png' : 'image/svg+xml', pictureOf(entry)) }, canvas ? 'PNG' : 'SVG'));
  parent.append(element('section', { class: 'card', id }, element('h3', {}, title), element('p', { class: 'soft' }, text), box, tools, details));
  document.getElementById('nav').append(element('a', { href: `#${id}` }, prefix + title));
  charts.push(entry);
  return entry;
}
function pictureOf(entry) {
  if (!entry.canvas) return entry.chart.renderToSVGString();
  const url = entry.paint ? entry.box.querySelector('canvas').toDataURL('image/png') : entry.chart.getDataURL({ type: 'png', pixelRatio: 2 });
  const bytes = atob(url.split(',')[1]);
  return Uint8Array.from(bytes, (c) => c.charCodeAt(0));
}
function choice(label, names, onchange) {
  const select = element('select', { 'aria-label': label, onchange: () => onchange(select.selectedIndex) },
    ...names.map((name) => element('option', {}, name)));
  return element('label', {}, `${label} `, select);
}

// Drawing.
const dark = window.matchMedia('(prefers-color-scheme: dark)');
const printing = window.matchMedia('print');
const PAPER = 640;  // pixels that a chart may be wide on A4 or Letter, upright
let onPaper = false;
function theme() {
  const paper = onPaper || printing.matches, night = dark.matches && !paper;
  return {
    night, ink: night ? '#e6e8eb' : '#1b1f24', soft: night ? '#a0a8b3' : '#57606a', line: night ? '#363c46' : '#d0d7de',
    back: night ? '#1c2027' : '#ffffff', narrow: window.innerWidth < 700,
    paper, progressive: paper ? 0 : 6000  // what is drawn piece by piece would be printed in part
  };
}
// Lines that the words of a legend take, at seven pixels a letter: nothing measures them before they are drawn.
function legendLines(words, width) {
  let lines = 1, end = 0;
  for (const word of words) {
    const wide = 45 + 7 * word.length;
    [lines, end] = end > 0 && end + wide > width ? [lines + 1, wide] : [lines, end + wide];
  }
  return lines;
}
function dressed(option, look, width = 1000) {
  const words = new Set((option.legend?.data ?? option.series.map((each) => each.name)).map((each) => String(each?.name ?? each ?? '')));
  const lines = option.legend === null ? 1 : legendLines(words, width - 20);
  const room = lines > 5 ? 0 : 20 * (lines - 1);  // of more lines one is shown, with buttons for the others
  const axis = (each) => ({
    axisLine: { lineStyle: { color: look.soft } }, axisLabel: { color: look.soft, hideOverlap: true, ...each.axisLabel },
    splitLine: { lineStyle: { color: look.line } }, nameTextStyle: { color: look.soft }, nameLocation: 'middle', nameGap: 30,
    ...Object.fromEntries(Object.entries(each).filter(([key]) => key !== 'axisLabel'))
  });
  const axes = (given) => given && (Array.isArray(given) ? given.map(axis) : axis(given));
  return {
    animation: false, color: ORDER, textStyle: { color: look.ink, fontFamily: 'inherit' },
    aria: { enabled: true, decal: { show: patterns } },
    ...option, dataZoom: look.paper ? undefined : option.dataZoom,
    grid: { left: 12, right: 34, bottom: 40, containLabel: true, ...option.grid, top: (option.grid?.top ?? 44) + room },
    legend: option.legend === null ? undefined : { type: lines > 5 ? 'scroll' : 'plain', top: 4, textStyle: { color: look.ink }, pageTextStyle: { color: look.ink }, pageIconColor: look.ink, ...option.legend },
    tooltip: { confine: true, backgroundColor: look.back, borderColor: look.line, textStyle: { color: look.ink }, ...option.tooltip },
    xAxis: axes(option.xAxis), yAxis: axes(option.yAxis),
    series: option.series.map((each) => look.night && each.itemStyle?.color === INK.blue ? { ...each, itemStyle: { ...each.itemStyle, color: '#3d9be0' } } : each)
  };
}
let patterns = false;
function draw(entry) {
  const look = theme();
  if (entry.paint) {
    entry.paint(entry.box, look);
    return;
  }
  if (!entry.chart) {
    entry.chart = echarts.init(entry.box, null, { renderer: entry.canvas ? 'canvas' : 'svg' });
  }
  entry.chart.setOption(dressed(entry.make(look), look, entry.box.clientWidth), true);
}
const drawAll = () => charts.forEach(draw);
// All charts anew, so wide: what is printed must be there at once, and canvases that are resized come back later.
function renewAll(width) {
  for (const entry of charts) {
    entry.box.style.width = entry.paint ? '' : width;
    entry.chart?.dispose();
    entry.chart = null;
  }
  drawAll();
  charts.forEach((entry) => entry.chart?.getZr().refreshImmediately());
}
const resizeAll = () => charts.forEach((entry) => entry.chart?.resize());

// For tests: PAGE.html#check writes what the charts hold into the page.
function check() {
  const held = charts.map((entry) => {
    const option = entry.chart?.getOption() || { series: [{ name: entry.title, data: entry.painted || [] }] };
    const canvas = entry.box.querySelector('canvas');
    let painted = entry.box.querySelectorAll('svg path').length;
    if (entry.paint) {
      painted = entry.painted[0];
    } else if (canvas) {
      const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
      painted = new Set(Array.from({ length: Math.floor(pixels.length / 44) }, (_, i) => pixels.slice(44 * i, 44 * i + 3).join())).size;
    }
    return { id: entry.id, title: entry.title, painted, table: entry.table(), series: option.series.map((s) => ({ name: s.name, data: s.data })) };
  });
  document.body.append(element('script', { type: 'application/json', id: 'check' }, JSON.stringify({ errors, charts: held })));
}
