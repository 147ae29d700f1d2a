// Charts of a few curves: a box beside the pointer, or beside the place that keys have chosen, tells the value of every
// line there; the others of the page that are in sight tell of the same place. Plotly's own labels are hidden.
import { format, placeShown } from './chart-lines.js';
import { placeOf, scaleOf } from './line-geometry.js';

const FAR = 4; // px: a point that is not quite at the place says where it is
const MOST_LETTERS = 34;
let at = null; // the place told of: { axis, x, key, from }, by the chart `from`
let asked = 0;

const isFew = ({ drawn, layer, body }) => drawn && !layer && body.figure?.layout?.meta?.many === false;

// "maml-omniglot-5w1s-seed0" as "maml-omnig…-seed0": names often differ at both ends.
export function shortened(name, most = MOST_LETTERS) {
  if (name.length <= most) return name;
  const tail = Math.floor((most - 1) / 2);
  return `${name.slice(0, most - 1 - tail)}…${name.slice(-tail)}`;
}

const AXES = { step: 'step ', relative: '', time: '' };

function placeText(axis, x) {
  if (axis === 'time') return new Date(x).toISOString().slice(0, 19).replace('T', ' ');
  if (axis === 'step') return Math.round(x).toLocaleString('en');
  return axis === 'relative' ? `${format(x)} min` : format(x);
}

const headOf = (axis, x) => `${AXES[axis] ?? `${shortened(axis.replace(/^metric:/, ''))} `}${placeText(axis, x)}`;

// The point of a line that is nearest to x, if its column ascends.
function pointAt({ x: column, y }, scales, x) {
  if (!column?.length) return null;
  const after = Math.min(placeOf(column, x), column.length - 1);
  const before = Math.max(0, after - 1);
  const i = Math.abs(column[before] - x) <= Math.abs(column[after] - x) ? before : after;
  return { i, x: column[i], y: y[i], across: scales.across(column[i]) };
}

const keyOf = (trace) => trace.meta ?? trace.name;

const isLine = (trace) => trace.name && trace.yaxis !== 'y2' && trace.name !== 'comments';

function element(name, className, text = '') {
  return Object.assign(document.createElement(name), { className, textContent: text });
}

// Beside the pointer by name, in the other panels by the letter of the run.
const nameOf = (trace, el) => (at.from === el || !trace.meta ? shortened(trace.name) : trace.meta);

// One line of the box; what is far from the place says where it was logged.
function row(trace, found, across, { axis, el }) {
  const isThere = found && Number.isFinite(found.y);
  const made = element('div', 'told');
  const mark = element('i', '');
  mark.style.setProperty('--c', trace.line?.color ?? 'currentColor');
  const more = isThere && trace.customdata ? ` ${trace.customdata[found.i]}` : '';
  const where = isThere && Math.abs(found.across - across) > FAR ? ` at ${placeText(axis, found.x)}` : '';
  made.append(mark, element('span', '', nameOf(trace, el)), element('b', '', isThere ? format(found.y) : '–'), element('small', '', more + where));
  return made;
}

// Crosses and rings near the place.
function marksAt(data, scales, across) {
  const near = data.filter((trace) => !isLine(trace) && trace.name && trace.x?.length);
  return near.flatMap((trace) =>
    [...trace.x].flatMap((x, i) => {
      if (Math.abs(scales.across(typeof x === 'string' ? Date.parse(`${x}Z`) : x) - across) > 2 * FAR) return [];
      const text = trace.name === 'comments' ? new DOMParser().parseFromString(trace.text[i], 'text/html').body.textContent : trace.name;
      return [element('p', 'mark', text)];
    }),
  );
}

function partsOf(chart) {
  if (chart.tip?.isConnected) return chart;
  chart.tip = element('div', 'chart-values');
  chart.rule = element('div', 'chart-rule');
  chart.el.append(chart.rule, chart.tip);
  return chart;
}

function hush(chart) {
  if (chart.tip) chart.tip.hidden = chart.rule.hidden = true;
}

// Beside the rule, over what is beside the chart if need be, but in the window.
function put({ tip, rule, el }, across, { _offset: left, _length: width }, { _offset: top, _length: height }) {
  Object.assign(rule.style, { left: `${left + across}px`, top: `${top}px`, height: `${height}px` });
  tip.hidden = rule.hidden = false;
  const { left: start } = el.getBoundingClientRect();
  const room = document.documentElement.clientWidth - 8 - start - tip.offsetWidth;
  const wanted = across > width / 2 ? left + across - 12 - tip.offsetWidth : left + across + 12;
  tip.style.translate = `${Math.max(8 - start, Math.min(room, wanted))}px ${top}px`;
}

function tell(chart, { x, key }) {
  const { xaxis, yaxis } = chart.el._fullLayout;
  const scales = scaleOf(xaxis, yaxis);
  const across = scales.across(x);
  if (!(across >= 0 && across <= xaxis._length)) return hush(chart);
  const { tip } = partsOf(chart);
  tip.classList.toggle('own', at.from === chart.el);
  const lines = chart.figure.data.filter(isLine);
  const found = lines.map((trace) => pointAt(trace, scales, x));
  const rows = lines.map((trace, i) => row(trace, found[i], across, chart));
  lines.forEach((trace, i) => rows[i].classList.toggle('nearest', lines.length > 1 && keyOf(trace) === key));
  tip.replaceChildren(element('div', 'place', headOf(chart.axis, x)), ...rows, ...marksAt(chart.figure.data, scales, across));
  return put(chart, across, xaxis, yaxis);
}

// The place of the point nearest to x, so that the box says where a value was logged.
function snapped(chart, scales, x) {
  const points = chart.figure.data.filter(isLine).map((trace) => pointAt(trace, scales, x));
  const best = points.filter(Boolean).sort((a, b) => Math.abs(a.x - x) - Math.abs(b.x - x))[0];
  return best ? best.x : x;
}

// The line that passes nearest to a height.
function nearestLine(chart, scales, x, down) {
  let best = null;
  for (const trace of chart.figure.data.filter(isLine)) {
    const found = pointAt(trace, scales, x);
    const distance = found ? Math.abs(scales.down(found.y) - down) : NaN;
    if (Number.isFinite(distance) && !(best?.distance <= distance)) best = { distance, trace };
  }
  return best && keyOf(best.trace);
}

const sameAxis = (charts, axis) => [...charts.values()].filter((one) => one.near && one.zooms && one.axis === axis && isFew(one));

function everywhere(charts, axis, act) {
  cancelAnimationFrame(asked);
  asked = requestAnimationFrame(() => sameAxis(charts, axis).forEach(act));
}

export function hushAll(charts) {
  at = null;
  cancelAnimationFrame(asked);
  charts.forEach(hush);
}

// After a drawing: the same place again, unless it was one of another axis.
export function retell(chart) {
  chart.el.classList.toggle('few', isFew(chart) && chart.zooms);
  if (at && at.axis === chart.axis && isFew(chart)) tell(chart, at);
  else hush(chart);
}

function point(charts, chart, place) {
  at = { axis: chart.axis, from: chart.el, ...place };
  everywhere(charts, chart.axis, (one) => at && tell(one, at));
}

function follow(charts, chart, { clientX, clientY, buttons }) {
  const { xaxis, yaxis } = chart.el._fullLayout;
  const box = chart.el.getBoundingClientRect();
  const [across, down] = [clientX - box.left - xaxis._offset, clientY - box.top - yaxis._offset];
  const isOutside = across < 0 || down < 0 || across > xaxis._length || down > yaxis._length;
  if (isOutside || buttons) return hushAll(charts);
  const scales = scaleOf(xaxis, yaxis);
  const x = snapped(chart, scales, scales.place(across));
  return point(charts, chart, { x, key: nearestLine(chart, scales, x, down) });
}

// By keys: the next or previous point of the first line, `by` points on; from the middle at first.
export function step(charts, chart, by) {
  if (!isFew(chart)) return;
  const { xaxis, yaxis } = chart.el._fullLayout;
  const line = chart.figure.data.find((trace) => isLine(trace) && trace.x?.length);
  if (!line) return;
  const scales = scaleOf(xaxis, yaxis);
  const isHere = at?.axis === chart.axis;
  const from = pointAt(line, scales, isHere ? at.x : scales.place(xaxis._length / 2)).i;
  const x = line.x[Math.max(0, Math.min(line.x.length - 1, isHere ? from + by : from))];
  point(charts, chart, { x, key: null });
  partsOf(chart).tip.setAttribute('aria-live', 'polite');
}

// Where the crosshair of a chart is, as a part of its width.
export function crosshair(chart) {
  const { xaxis, yaxis } = chart.el._fullLayout;
  const here = at?.axis === chart.axis ? at.x : null;
  const x = chart.layer ? placeShown(chart) : here;
  const part = x === null ? 0.5 : scaleOf(xaxis, yaxis).across(x) / xaxis._length;
  return part >= 0 && part <= 1 ? part : 0.5;
}

export function sync(charts, chart) {
  if (!chart.zooms || chart.hovered) return;
  chart.hovered = true;
  chart.el.addEventListener('pointermove', (event) => isFew(chart) && event.pointerType !== 'touch' && follow(charts, chart, event));
  chart.el.addEventListener('pointerdown', () => hushAll(charts));
  chart.el.addEventListener('pointerleave', () => hushAll(charts));
  chart.el.addEventListener('blur', () => hushAll(charts));
}
