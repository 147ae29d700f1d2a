// Which runs of the table are selected: click, shift-click, j k x X, the bulk bar and the charts that follow.
// The selection lives here by run id, so swaps and pages do not lose it, and in the address, so reloads do not.
import { chartOf, load } from './charts.js';
import { $, $$, data } from './dom.js';
import * as state from './url-state.js';

const MOST_COMPARED = 100;
const MOST_UNASKED = 10; // drawn where none is selected
const MOST_LINKED = 50; // dashboard/table_state.py reads no more
export const selected = new Map(data('selected-runs').map(({ id, name, slot }) => [id, { name, css: `c${slot}` }]));
let current = null;
let anchor = null;

export const rows = () => $$('#run-rows tr[data-run]');

function choose(row, on) {
  if (on) selected.set(row.dataset.run, { name: row.dataset.name, css: row.className });
  else selected.delete(row.dataset.run);
}

function drawCharts() {
  const ids = selected.size ? [...selected.keys()].slice(0, MOST_COMPARED) : rows().slice(0, MOST_UNASKED).map((row) => row.dataset.run);
  const note = $('[data-charts-note]');
  const some = selected.size === 1 ? 'The selected run.' : `The ${Math.min(selected.size, MOST_COMPARED)} selected runs.`;
  if (note) note.textContent = selected.size ? some : 'The first 10 runs of the table; select rows to draw those instead.';
  for (const el of $$('.panel .chart')) {
    const url = new URL(el.dataset.chart, location.origin);
    if (url.searchParams.get('runs') === ids.join(',')) continue;
    url.searchParams.set('runs', ids.join(','));
    el.dataset.chart = url.pathname + url.search;
    const chart = chartOf(el);
    if (chart?.seen) load(chart);
  }
}

// After a swap the address is the server's, without the selection.
function remember() {
  const linked = [...selected.keys()].slice(0, MOST_LINKED).join(',');
  if (linked !== state.get('selected', '')) state.set('selected', linked);
}

function hint() {
  if (selected.size > MOST_COMPARED) return `compare takes ${MOST_COMPARED} at most, the page’s address keeps ${MOST_LINKED}`;
  if (selected.size > MOST_LINKED) return `the page’s address keeps ${MOST_LINKED}`;
  return selected.size === 1 ? 'pick one more to compare' : '';
}

export function paint() {
  for (const row of rows()) {
    const on = selected.has(row.dataset.run);
    row.setAttribute('aria-selected', String(on));
    $('input', row).checked = on;
    row.classList.toggle('current', row.dataset.run === current);
  }
  const all = $('[data-select-all]');
  if (all) {
    const here = rows().filter((row) => selected.has(row.dataset.run)).length;
    all.checked = here > 0 && here === rows().length;
    all.indeterminate = here > 0 && !all.checked;
  }
  const bar = $('#bulk');
  bar.hidden = selected.size === 0;
  $('[data-bulk-count]', bar).textContent = `${selected.size} selected`;
  const compare = $('[data-bulk-compare]', bar);
  $('[data-bulk-hint]', bar).textContent = hint();
  compare.href = `/compare/?runs=${[...selected.keys()].slice(0, MOST_COMPARED).join(',')}`;
  $('[data-bulk-dots]', bar).replaceChildren(
    ...[...selected.values()].slice(0, 8).map(({ css }) => {
      const dot = document.createElement('span');
      dot.className = `dot ${css.split(' ').find((name) => /^c\d+$/.test(name)) ?? ''}`;
      return dot;
    }),
  );
  remember();
  drawCharts();
}

// Changes one row, or with `range` all rows from the last one that was changed.
function chooseTo(row, on, range) {
  const all = rows();
  const from = all.findIndex((r) => r.dataset.run === anchor);
  const to = all.indexOf(row);
  const changed = range && from >= 0 ? all.slice(Math.min(from, to), Math.max(from, to) + 1) : [row];
  changed.forEach((r) => choose(r, on));
  anchor = current = row.dataset.run;
  paint();
}

document.addEventListener('click', (event) => {
  const box = event.target.closest('#run-rows .sel input');
  if (box) {
    chooseTo(box.closest('tr'), box.checked, event.shiftKey);
  }
  const all = event.target.closest('[data-select-all]');
  if (all) {
    rows().forEach((row) => choose(row, all.checked));
    paint();
  }
  if (event.target.closest('[data-bulk-clear]')) {
    selected.clear();
    paint();
  }
});

function move(by) {
  const all = rows();
  const at = all.findIndex((row) => row.dataset.run === current);
  const row = all[Math.max(0, Math.min(all.length - 1, at < 0 ? 0 : at + by))];
  if (!row) return;
  current = row.dataset.run;
  paint();
  row.scrollIntoView({ block: 'nearest' });
  $('a', row).focus({ preventScroll: true });
}

addEventListener('key', ({ detail }) => {
  const row = rows().find((r) => r.dataset.run === current);
  if (detail === 'j') move(1);
  if (detail === 'k') move(-1);
  if (detail === 'x' && row) chooseTo(row, !selected.has(row.dataset.run), false);
  if (detail === 'X' && row) chooseTo(row, true, true);
  if (detail === 'c' && selected.size > 1) location.assign($('[data-bulk-compare]').href);
});

paint();
