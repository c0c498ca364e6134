#!/usr/bin/env node
// Writes every chart of a page of gridlock report as SVG, without a browser.
//
//   node tools/page_svg.mjs PAGE.html FOLDER [--dark] [--width 960] [--only TEXT]
//
// The scripts of the page run here over a document that holds nothing; Apache ECharts, which lies in the
// page, renders to text. Files are called as the page's own buttons call them. Needs node 16 or later.
import fs from 'node:fs';
import path from 'node:path';
import vm from 'node:vm';

const words = process.argv.slice(2);
const options = { width: 960, only: '', dark: false };
const places = [];
while (words.length) {
  const word = words.shift();
  if (word === '--dark') options.dark = true;
  else if (word === '--width') options.width = Number(words.shift());
  else if (word === '--only') options.only = words.shift() ?? '';
  else places.push(word);
}
if (places.length !== 2 || !(options.width >= 200)) {
  console.error('usage: page_svg.mjs PAGE.html FOLDER [--dark] [--width 960] [--only TEXT]');
  process.exit(2);
}
const [page, folder] = places;
const text = fs.readFileSync(page, 'utf8');
const scripts = [...text.matchAll(/<script>([\s\S]*?)<\/script>/g)].map((found) => found[1]);
const data = text.match(/<script type="application\/json" id="data">([\s\S]*?)<\/script>/)?.[1];
if (scripts.length !== 2 || data === undefined) {
  console.error(`${page}: this is no page of gridlock report`);
  process.exit(2);
}

// What a canvas was asked to fill, as SVG.
class Pen {
  constructor(canvas) { this.canvas = canvas; this.rectangles = []; this.fillStyle = '#000'; }
  fillRect(x, y, width, height) { this.rectangles.push([this.fillStyle, x, y, width, height]); }
  svg() {
    const { width, height } = this.canvas;
    const drawn = this.rectangles.map(([fill, x, y, w, h]) => `<rect x="${x}" y="${y}" width="${w}" height="${h}" fill="${fill}"/>`);
    return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" shape-rendering="crispEdges">${drawn.join('')}</svg>`;
  }
}
// An element that keeps its children and nothing else.
class Node {
  constructor(tag) { this.tag = tag; this.children = []; this.style = {}; this.attributes = {}; this.isConnected = false; }
  append(...nodes) {
    for (const node of nodes) {
      if (node instanceof Node) node.isConnected = true;
      this.children.push(node);
    }
  }
  prepend(...nodes) { this.children.unshift(...nodes); }
  after() {}
  replaceChildren(...nodes) { this.children = nodes; }
  setAttribute(name, value) { this.attributes[name] = value; }
  addEventListener() {}
  click() {}
  querySelector(tag) { return this.children.find((node) => node.tag === tag) ?? null; }
  querySelectorAll() { return []; }
  getContext() { return (this.pen = new Pen(this)); }
  get clientWidth() { return options.width; }
}

// ECharts first, in a place without a document: it then knows that there is no browser.
const alone = vm.createContext({ console, setTimeout, clearTimeout });
vm.runInContext(scripts[0], alone);
const known = { data: { textContent: data } };
const globals = {
  echarts: alone.echarts, console, innerWidth: 1280, devicePixelRatio: 1, location: { hash: '' },
  setTimeout() {}, clearTimeout() {}, addEventListener() {},
  matchMedia: (query) => ({ matches: options.dark && query.includes('dark'), addEventListener() {} }),
  document: {
    createElement: (tag) => new Node(tag),
    getElementById: (id) => (known[id] ??= new Node(id)),
    body: new Node('body')
  }
};
globals.window = globals;
const context = vm.createContext(globals);
const rendered = `
  draw = (entry) => {
    if (!entry.id.includes(${JSON.stringify(options.only)})) return;
    const look = theme();
    if (entry.paint) return entry.paint(entry.box, look);
    const height = parseInt(entry.box.style.height || '380', 10);
    entry.chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width: ${options.width}, height });
    const option = dressed(entry.make(look), look, 0.8 * ${options.width});
    if (option.legend) option.legend.itemGap = 22;  // nothing measures texts here
    option.grid.right = Math.max(option.grid.right, 44);  // room for words at the last point
    option.dataZoom = undefined;  // a picture has no sliders
    entry.chart.setOption({ ...option, backgroundColor: look.back, textStyle: { color: look.ink, fontFamily: 'sans-serif' } }, true);
  };
`;
const start = scripts[1].lastIndexOf('\ntry {');
vm.runInContext(`${scripts[1].slice(0, start)}\n${rendered}\nstart();\nthis.drawn = charts;`, context);

fs.mkdirSync(folder, { recursive: true });
for (const entry of context.drawn) {
  if (!entry.id.includes(options.only)) continue;
  const file = path.join(folder, `${entry.id}.svg`);
  fs.writeFileSync(file, entry.paint ? entry.box.querySelector('canvas').pen.svg() : entry.chart.renderToSVGString());
  console.log(file);
}
process.exit(0);  // ECharts goes on waiting for frames
