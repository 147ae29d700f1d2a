// The zooms of charts in the page's address: along x in units of its axis, along y in values.
// zoom=train/loss:120:480.5,accuracy:3:8&zoomy=train/loss:0.01:0.4
import { heightsOf, rangeOf, zoomedHeights, zoomOf } from './chart-axis.js';
import { $ } from './dom.js';
import * as state from './url-state.js';

const ENTRY = /^(.+):(-?[\d.]+(?:e[-+]?\d+)?):(-?[\d.]+(?:e[-+]?\d+)?)$/;
// Of a range's width: ends are as near as this to where the reader let go.
const FINENESS = 1e4;
const MOST_DIGITS = 100; // that toFixed takes

function entries(key) {
  const found = new Map();
  for (const entry of state.list(key)) {
    const [, name, ...ends] = ENTRY.exec(entry) ?? [];
    const [first, last] = ends.map(Number);
    if (Number.isFinite(first) && Number.isFinite(last) && first < last) found.set(name, { first, last });
  }
  return found;
}

function short({ first, last }) {
  const digits = Math.max(0, Math.min(MOST_DIGITS, Math.ceil(Math.log10(FINENESS / (last - first)))));
  return [first, last].map((end) => Number(end.toFixed(digits)));
}

// Where the page says so, a zoom along x is one for all charts.
const ALL = '*';
export const isShared = () => $('[data-shared-zoom]')?.checked ?? false;
const nameIn = (key, chart) => (key === 'zoom' && isShared() ? ALL : state.inList(chart.id));

// Keeps the ends of a chart under one key of the address; null: they leave it.
function put(key, chart, ends) {
  if (!chart.zooms) return;
  const all = entries(key);
  const name = nameIn(key, chart);
  if (ends) all.set(name, ends);
  else if (!all.delete(name)) return;
  state.set(key, [...all].map(([one, kept]) => [one, ...short(kept)].join(':')).join(','));
}

const asked = (key, chart) => (chart.zooms && entries(key).get(nameIn(key, chart))) || null;

// The zoom that the address asks for; null where a chart shows everything.
export function restore(chart, axis) {
  const found = asked('zoom', chart);
  const range = found && { axis, ...found };
  chart.range = range && rangeOf(range) ? range : null;
  chart.heights = asked('zoomy', chart);
}

// Zooms a chart. One on an axis that the page has left behind is not for the address.
export function keep(chart, range, axis) {
  chart.range = range;
  put('zoom', chart, range?.axis === axis ? range : null);
}

export function keepHeights(chart, heights) {
  chart.heights = heights;
  put('zoomy', chart, heights);
}

// What the reader has done to a chart, as plotly_relayout tells it. True where other points are needed.
export function follow(chart, change, axis) {
  const heights = zoomedHeights(chart.el.layout.yaxis, change);
  if (heights !== undefined) keepHeights(chart, heights);
  const range = zoomOf(chart.axis, change, chart.el.layout.xaxis);
  if (range !== undefined) keep(chart, range, axis);
  return range !== undefined;
}

// Gives a figure the ranges that the chart is zoomed to. Heights that a logarithmic axis has no place for are let go.
export function apply(chart, layout) {
  const across = chart.range && rangeOf(chart.range, layout.xaxis);
  if (across) layout.xaxis = { ...layout.xaxis, range: across };
  const range = chart.heights && heightsOf(layout.yaxis, chart.heights);
  if (range) layout.yaxis = { ...layout.yaxis, range };
  else if (chart.heights) keepHeights(chart, null);
}

export function dropAll(charts) {
  charts.forEach((chart) => Object.assign(chart, { range: null, heights: null }));
  for (const key of ['zoom', 'zoomy']) state.set(key, '');
}
