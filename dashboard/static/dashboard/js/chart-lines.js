// Charts of many lines: Plotly draws axes, crosses and zooms, a canvas above it the lines, another the run that is
// nearest to the pointer, in every such chart of the page. A hundred SVG paths a chart are too slow to hover over.
import { nearest, scaleOf, strokes } from './line-geometry.js';
import { $$ } from './dom.js';

const layers = new Set();
const HIGHLIGHT_WIDTH = 2.5;

export const isMany = (figure) => Boolean(figure?.layout?.meta?.many);

const isLine = (trace) => trace.yaxis !== 'y2' && Boolean(trace.name);

// What Plotly needs to find its ranges: the ends of all lines, of which nothing is seen.
function ends(lines) {
  let [left, right, bottom, top, above] = [Infinity, -Infinity, Infinity, -Infinity, Infinity];
  for (const { x, y } of lines) {
    for (let i = 0; i < x.length; i += 1) {
      if (!Number.isFinite(y[i])) continue;
      left = Math.min(left, x[i]);
      right = Math.max(right, x[i]);
      bottom = Math.min(bottom, y[i]);
      top = Math.max(top, y[i]);
      if (y[i] > 0) above = Math.min(above, y[i]);
    }
  }
  const corners = [[left, bottom], [right, top], [right, above]].filter((corner) => corner.every(Number.isFinite));
  const look = { type: 'scatter', mode: 'lines', line: { width: 0, color: 'rgba(0,0,0,0)' }, hoverinfo: 'skip' };
  return { ...look, x: corners.map(([x]) => x), y: corners.map(([, y]) => y) };
}

// The figure that Plotly gets in place of the whole one; the lines stay with the chart.
export function withoutLines(chart, { data, layout }) {
  chart.lines = data.filter(isLine);
  const rest = data.filter((trace) => !isLine(trace));
  return { data: [ends(chart.lines), ...rest], layout: { ...layout, hovermode: rest.length ? 'closest' : false } };
}

function canvas(name) {
  const made = document.createElement('canvas');
  made.className = name;
  made.setAttribute('aria-hidden', 'true');
  return made;
}

function fit(element, { _offset: left, _length: width }, { _offset: top, _length: height }) {
  const scale = devicePixelRatio || 1;
  element.width = Math.round(width * scale);
  element.height = Math.round(height * scale);
  Object.assign(element.style, { left: `${left}px`, top: `${top}px`, width: `${width}px`, height: `${height}px` });
  const pen = element.getContext('2d');
  pen.scale(scale, scale);
  return pen;
}

function stroke(pen, { x, y, line, mode }, scales, width) {
  pen.strokeStyle = pen.fillStyle = line.color;
  pen.lineWidth = width;
  pen.setLineDash(strokes(line.dash));
  pen.beginPath();
  let isDown = false;
  for (let i = 0; i < x.length; i += 1) {
    const down = scales.down(y[i]);
    if (!Number.isFinite(down)) {
      isDown = false;
      continue;
    }
    const across = scales.across(x[i]);
    if (isDown) pen.lineTo(across, down);
    else pen.moveTo(across, down);
    isDown = true;
  }
  pen.stroke();
  if (mode === 'markers' && x.length) mark(pen, scales.across(x[0]), scales.down(y[0]));
}

function mark(pen, across, down) {
  pen.beginPath();
  pen.arc(across, down, 3.5, 0, 2 * Math.PI);
  pen.fill();
}

// All lines anew: after every drawing of Plotly, and while an axis is dragged.
function paint(layer) {
  const { chart } = layer;
  const { xaxis, yaxis } = chart.el._fullLayout ?? {};
  if (!xaxis || !chart.lines) return;
  layer.scales = scaleOf(xaxis, yaxis);
  layer.range = rangesOf(chart);
  Object.assign(layer, { left: xaxis._offset, top: yaxis._offset, width: xaxis._length });
  const pen = fit(layer.all, xaxis, yaxis);
  for (const line of chart.lines) stroke(pen, line, layer.scales, line.line.width);
  layer.pen = fit(layer.one, xaxis, yaxis);
  const { shown } = layer;
  layer.shown = null; // its canvas is empty now
  if (shown) highlight(layer, shown.letter, shown.x);
}

const rangesOf = ({ el: { _fullLayout: { xaxis, yaxis } } }) => [...xaxis.range, ...yaxis.range].join();

// While an axis is dragged; a box that is drawn over the plot changes nothing yet.
function followAxes(layer) {
  if (rangesOf(layer.chart) !== layer.range) paint(layer);
}

export const format = (value) => Number(value.toPrecision(4)).toLocaleString('en', { maximumSignificantDigits: 4 });

function clear(layer) {
  layer.shown = null;
  layer.all.classList.remove('faded');
  layer.pen?.clearRect(0, 0, layer.one.width, layer.one.height);
  layer.tip.hidden = layer.dot.hidden = true;
}

// One run before the others, which fade; its point nearest to `x` has a dot and its value. While the pointer stays with a
// run, its line is not drawn again: dot and value move above it.
function highlight(layer, letter, x) {
  const line = layer.chart.lines.find(({ meta }) => meta === letter);
  if (layer.shown?.letter !== letter || !line) clear(layer);
  if (!line) return null;
  if (!layer.shown) {
    layer.all.classList.add('faded');
    stroke(layer.pen, line, layer.scales, HIGHLIGHT_WIDTH);
  }
  layer.shown = { letter, x };
  const found = x === null ? null : nearest([line], layer.scales, x, null);
  if (!found) return null;
  place(layer, layer.dot, found);
  layer.dot.style.background = line.line.color;
  say(layer, found, `${format(line.y[found.i])}`);
  return found;
}

function place(layer, element, { across, down }) {
  element.hidden = false;
  element.style.translate = `${layer.left + across}px ${layer.top + down}px`;
}

function say(layer, found, ...lines) {
  const text = lines.join('\n');
  if (layer.tip.textContent !== text) layer.tip.textContent = text;
  layer.tip.classList.toggle('before', found.across > layer.width / 2);
  place(layer, layer.tip, found);
}

const toldOf = (letter) => $$('[data-run-params]').find((one) => one.dataset.runParams === letter)?.textContent ?? '';

function follow(layer) {
  layer.frame = 0;
  if (!layer.at || !layer.scales) return;
  const x = layer.scales.place(layer.at.across);
  const found = nearest(layer.chart.lines, layer.scales, x, layer.at.down);
  if (found) tell(layer, found, x);
}

// The run of `found` before the others in every chart near; here its name, params and value, too.
function tell(layer, found, x) {
  const { meta, name } = found.line;
  for (const other of layers) if (other.chart.near) highlight(other, meta, x);
  const where = layer.chart.axis === 'time' ? new Date(found.line.x[found.i]).toISOString().slice(0, 19) : format(found.line.x[found.i]);
  // A mean over runs tells of how many it is; a run of its params.
  const told = found.line.customdata ? found.line.customdata[found.i] : toldOf(meta);
  const texts = [name, told, `${where}: ${format(found.line.y[found.i])}`];
  say(layer, found, ...texts.filter(Boolean));
}

// Where keys are: at the run and place that are shown, else at the first run in the middle.
function here({ chart, scales, shown, width }) {
  const drawn = chart.lines.filter(({ x }) => x.length);
  const line = drawn.find(({ meta }) => meta === shown?.letter) ?? drawn[0];
  const x = shown?.x ?? scales.place(width / 2);
  const found = line && nearest([line], scales, x, null);
  return found && { line, x, i: found.i, isNew: shown?.x == null };
}

function tellByKeys(layer, line, x) {
  const found = nearest([line], layer.scales, x, null);
  if (!found || !(found.across >= 0 && found.across <= layer.width)) return; // past the zoom
  layer.tip.setAttribute('aria-live', 'polite');
  tell(layer, found, x);
}

// By keys: the next or previous point of the run, `by` points on.
export function stepAlong({ layer }, by) {
  const at = here(layer);
  if (!at) return;
  const { line, i, isNew } = at;
  tellByKeys(layer, line, line.x[Math.max(0, Math.min(line.x.length - 1, isNew ? i : i + by))]);
}

// By keys: the run that is next above (`by` -1) or below at the same place.
export function stepAcross({ layer }, by) {
  const at = here(layer);
  if (!at) return;
  const { scales, chart } = layer;
  const there = chart.lines.map((line) => nearest([line], scales, at.x, null)).filter(Boolean);
  there.sort((a, b) => a.down - b.down);
  const place = there.findIndex(({ line }) => line === at.line);
  const next = there[Math.max(0, Math.min(there.length - 1, at.isNew ? place : place + by))];
  if (next) tellByKeys(layer, next.line, at.x);
}

// Which place a highlighted run is told of; null without one.
export const placeShown = ({ layer }) => layer.shown?.x ?? null;

function move(layer, { clientX, clientY, buttons }) {
  const box = layer.all.getBoundingClientRect();
  const at = { across: clientX - box.left, down: clientY - box.top };
  const isOutside = at.across < 0 || at.down < 0 || at.across > box.width || at.down > box.height;
  layer.at = isOutside || buttons ? null : at;
  if (!layer.at) layers.forEach(clear);
  else if (!layer.frame) layer.frame = requestAnimationFrame(() => follow(layer));
}

// Lays the canvases over a chart that Plotly has drawn; once.
export function layOver(chart) {
  if (chart.layer?.all.isConnected) return paint(chart.layer);
  if (chart.layer) layers.delete(chart.layer);
  const [tip, dot] = ['chart-tip', 'chart-dot'].map((className) => Object.assign(document.createElement('div'), { className, hidden: true }));
  const layer = { chart, all: canvas('lines'), one: canvas('lines'), tip, dot, at: null, frame: 0, shown: null };
  chart.layer = layer;
  layers.add(layer);
  chart.el.append(layer.all, layer.one, dot, tip);
  chart.el.on('plotly_afterplot', () => paint(layer));
  chart.el.on('plotly_relayouting', () => followAxes(layer));
  if (!chart.followed) {
    chart.followed = true;
    chart.el.addEventListener('pointermove', (event) => chart.layer && move(chart.layer, event));
    for (const type of ['pointerleave', 'blur']) chart.el.addEventListener(type, () => layers.forEach(clear));
  }
  return paint(layer);
}

// The chart is drawn without lines of its own, or not at all.
export function takeOff(chart) {
  if (!chart.layer) return;
  layers.delete(chart.layer);
  for (const part of [chart.layer.all, chart.layer.one, chart.layer.dot, chart.layer.tip]) part.remove();
  chart.layer = chart.lines = null;
}

// A run's key or line of the legend stands for its curves.
for (const type of ['pointerover', 'focusin']) {
  document.addEventListener(type, ({ target }) => {
    const letter = target.closest?.('[data-run-key]')?.dataset.runKey;
    if (letter) for (const layer of layers) if (layer.chart.near && layer.pen) highlight(layer, letter, null);
  });
}
for (const type of ['pointerout', 'focusout']) {
  document.addEventListener(type, ({ target }) => target.closest?.('[data-run-key]') && layers.forEach(clear));
}
