// Logarithmic y axes: whole numbers at their ticks, and as many ticks as have room. By itself Plotly labels
// what lies between powers of ten with one digit ("2 1 5 2"), and over little more than one power all nine of them.
import * as state from './url-state.js';

const MOST = 5;
const FEW = 3;
// From this many powers of ten on, MOST ticks asked for are those of 1, 2 and 5, or of fewer.
const WIDE = 1.5;

const ticksFor = ([low, high]) => (Math.abs(high - low) < WIDE ? FEW : MOST);

// A range in values as powers of ten; undefined where there are none.
const powers = ({ type, range }) => (type === 'log' ? range : range?.[0] > 0 ? range.map(Math.log10) : undefined);

// The y axis of a figure as a logarithmic one; `drawn` is the one that it replaces, if any.
export const logarithmic = (axis, drawn) => ({
  tickformat: '~g',
  ...axis,
  range: powers(axis),
  type: 'log',
  rangemode: 'normal',
  nticks: drawn?.nticks || MOST,
});

// Once the range is known, and whenever it changes.
export async function fitTicks(el) {
  const { type, range, nticks } = el.layout?.yaxis ?? {};
  if (type === 'log' && ticksFor(range) !== nticks) await Plotly.relayout(el, { 'yaxis.nticks': ticksFor(range) });
}

// Charts that the reader has given another scale than their own are in the address: under logy, or under liny where
// they begin logarithmic.
const begins = (chart) => 'log' in chart.el.dataset;
const keyOf = (chart) => (begins(chart) ? 'liny' : 'logy');

export const isLogarithmic = (chart) => state.list(keyOf(chart)).includes(state.inList(chart.id)) !== begins(chart);

export function switchScale(chart) {
  chart.logY = !chart.logY;
  const names = new Set(state.list(keyOf(chart)));
  if (chart.logY === begins(chart)) names.delete(state.inList(chart.id));
  else names.add(state.inList(chart.id));
  state.set(keyOf(chart), [...names].join(','));
}
