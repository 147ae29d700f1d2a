// The zooms of charts in the page's address, in units of its axis: zoom=train/loss:120:480.5,accuracy:3:8
import { rangeOf } from './chart-axis.js';
import * as state from './url-state.js';

const ENTRY = /^(.+):(-?[\d.]+(?:e[-+]?\d+)?):(-?[\d.]+(?:e[-+]?\d+)?)$/;
// Of a range's width: ends are as near as this to where the reader let go.
const FINENESS = 1e4;

// A comma parts entries, so one in a metric's name is escaped.
const nameOf = (id) => id.replace(/[%,]/g, encodeURIComponent);

function entries() {
  const found = new Map();
  for (const entry of (state.get('zoom') ?? '').split(',')) {
    const [, name, ...ends] = ENTRY.exec(entry) ?? [];
    const [first, last] = ends.map(Number);
    if (Number.isFinite(first) && Number.isFinite(last) && first < last) found.set(name, { first, last });
  }
  return found;
}

function short({ first, last }) {
  const digits = Math.max(0, Math.min(15, Math.ceil(Math.log10(FINENESS / (last - first)))));
  return [first, last].map((end) => Number(end.toFixed(digits)));
}

// The zoom that the address asks for on the page's axis, null where a chart shows everything.
export function kept(chart, axis) {
  const found = chart.zooms && entries().get(nameOf(chart.id));
  const range = found ? { axis, ...found } : null;
  return range && rangeOf(range) ? range : null;
}

// Zooms a chart. One on an axis that the page has left behind is not for the address.
export function keep(chart, range, axis) {
  chart.range = range;
  if (!chart.zooms) return;
  const all = entries();
  const name = nameOf(chart.id);
  if (range?.axis === axis) all.set(name, range);
  else if (!all.delete(name)) return;
  state.set('zoom', [...all].map(([one, ends]) => [one, ...short(ends)].join(':')).join(','));
}

export function dropAll(charts) {
  charts.forEach((chart) => (chart.range = null));
  state.set('zoom', '');
}
