// Relations beside the run table: a drag selects the runs within, and can become the filter; what is not selected is faint.
import { chartOf, draw } from './charts.js';
import { $, $$ } from './dom.js';
import { boxRanges, brushed, brushRanges, narrowed, passes } from './pick-geometry.js';
import { pick, selected } from './run-selection.js';
import * as state from './url-state.js';

const FAINT = 0.12;
const bound = new WeakSet();
let marks = 0;
let brushes = new Map(); // of the parallel axes, by place
let ranges = []; // what the last drag said in values; empty for a lasso

const isOfTable = (chart) => chart?.el.closest('[data-relations]') && chart.body?.figure?.layout.meta;
const isParallel = (chart) => Boolean(chart.body.figure.layout.meta.axes);
const runOf = (trace, at) => [].concat(trace.customdata)[at];

// Gives the figure the look of what is selected, and of what a drag does; it is drawn with it.
function mark(chart) {
  if (!isOfTable(chart)) return;
  const { data, layout } = chart.body.figure;
  layout.selectionrevision = marks += 1; // Plotly would keep the points of the last drag, too
  layout.dragmode = !isParallel(chart) && $('[data-lasso]')?.checked ? 'lasso' : 'select';
  const lookOf = (id) => (!selected.size || selected.has(id) ? 1 : FAINT);
  for (const trace of data) {
    if (isParallel(chart)) trace.opacity = lookOf(runOf(trace, 0));
    else trace.marker.opacity = trace.customdata.map(lookOf);
  }
  if (!isParallel(chart)) return;
  layout.shapes = layout.shapes.filter(({ type }) => type !== 'rect');
  for (const [place, [y0, y1]] of brushes) layout.shapes.push(brush(place, y0, y1));
}

const brush = (place, y0, y1) => ({
  type: 'rect', x0: place - 0.06, x1: place + 0.06, y0, y1, line: { width: 1, color: 'var(--accent)' }, fillcolor: 'var(--accent/0.2)',
});

const charts = () => $$('[data-relations] .chart').map(chartOf).filter(isOfTable);

async function show() {
  const shown = charts();
  shown.forEach(mark);
  await Promise.all(shown.filter(({ drawn }) => drawn).map(draw));
  const said = $('[data-picked]');
  if (said) said.textContent = selected.size ? `${selected.size} ${selected.size === 1 ? 'run' : 'runs'} selected.` : 'Drag in a chart to select runs.';
  const button = $('[data-filter-picked]');
  if (button) button.hidden = !ranges.length;
}

function picked(chart, event) {
  if (!event || !(event.range || event.lassoPoints)) return;
  const { data, layout } = chart.body.figure;
  const [trace] = data;
  if (isParallel(chart)) {
    brushes = brushed(brushes, event.range, layout.meta.axes.length);
    ranges = brushRanges(brushes, layout.meta.axes);
    pick(data.filter(({ y }) => passes(y, brushes)).map((line) => runOf(line, 0)));
    return;
  }
  brushes = new Map();
  const kinds = trace.x.length && typeof trace.x[0] === 'string' ? [...new Set(trace.x)] : null;
  ranges = event.range ? boxRanges(event.range, layout.meta, kinds) : [];
  pick(event.points.map(({ pointNumber }) => trace.customdata[pointNumber]));
}

function dropped() {
  brushes = new Map();
  ranges = [];
  pick([]);
}

// Plotly gives its elements `on` when it first draws: a pointer that goes down comes later.
document.addEventListener(
  'pointerdown',
  ({ target }) => {
    const el = target.closest?.('[data-relations] .chart');
    const chart = el && chartOf(el);
    if (!el?.on || bound.has(el) || !isOfTable(chart)) return;
    bound.add(el);
    el.on('plotly_selected', (event) => picked(chart, event));
    el.on('plotly_deselect', dropped);
  },
  true,
);

document.addEventListener('click', ({ target }) => {
  if (!target.closest('[data-filter-picked]')) return;
  const input = $('#q');
  input.value = narrowed(input.value, ranges);
  brushes = new Map();
  ranges = [];
  input.dispatchEvent(new Event('input', { bubbles: true }));
});
document.addEventListener('change', ({ target }) => target.matches('[data-lasso]') && show());
document.addEventListener('chartbody', ({ detail }) => mark(detail));
document.addEventListener(
  'toggle',
  ({ target }) => target.matches('[data-relations]') && state.set('rel', target.open ? '1' : ''),
  true,
);
addEventListener('selectionchange:runs', show);
