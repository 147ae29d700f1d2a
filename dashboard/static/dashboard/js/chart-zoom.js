// The zooms of charts in the page's address, in units of its axis: zoom=train/loss:120:480.5,accuracy:3:8
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

// What the address says of a chart: {first, last}, or undefined where it shows everything.
export const kept = (id) => entries().get(nameOf(id));

// Keeps the zoom of one chart in the address; null drops it.
export function keep(id, range) {
  const all = entries();
  if (range) all.set(nameOf(id), range);
  else if (!all.delete(nameOf(id))) return;
  state.set('zoom', [...all].map(([name, one]) => [name, ...short(one)].join(':')).join(','));
}

export const dropAll = () => state.set('zoom', '');
