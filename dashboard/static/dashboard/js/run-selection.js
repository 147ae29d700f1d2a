// Which runs of the table are selected: click, shift-click, j k x X, the bulk bar and the charts that follow.
// The selection lives here by run id, so swaps and pages do not lose it, and in the address, so reloads do not.
import { chartOf, load } from './charts.js';
import { $, $$, data } from './dom.js';
import * as state from './url-state.js';

const MOST_COMPARED = 100;
const MOST_UNASKED = 10; // drawn where none is selected
const MOST_LINKED = 50; // dashboard/table_state.py reads no more
export const selected = new Map(data('selected-runs').map(({ id, name, slot }) => [id, { name, css: `c${slot}` }]));
let matching = false; // all runs that match the filter are meant, on whatever page
let current = null;
let anchor = null;

export const total = () => Number($('#runs').dataset.total);
export const isMatching = () => matching && selected.size > 0;
export const rows = () => $$('#run-rows tr[data-run]');

function choose(row, on) {
  matching = false;
  if (on) selected.set(row.dataset.run, { name: row.dataset.name, css: row.className });
  else selected.delete(row.dataset.run);
}

// Groups that are closed are drawn as the newest run of each.
function drawn() {
  if (selected.size) return [...selected.keys()];
  const here = rows();
  return here.length ? here.map((row) => row.dataset.run) : $$('#run-rows tr[data-newest]').map((row) => row.dataset.newest);
}

function drawCharts() {
  const ids = drawn().slice(0, selected.size ? MOST_COMPARED : MOST_UNASKED);
  const note = $('[data-charts-note]');
  const some = selected.size === 1 ? 'The selected run.' : `The ${Math.min(selected.size, MOST_COMPARED)} selected runs.`;
  if (note) note.textContent = selected.size ? some : note.dataset.chartsNote;
  for (const el of $$('.panel > .chart-card .chart')) {
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

// Groups of runs are compared as these groups. Of more runs than are taken the page says how many there were.
function comparison(ids) {
  const by = $('#runs [data-by]')?.dataset.by;
  const asked = new URLSearchParams(by ? { by, over: by, bands: 't' } : {});
  if (ids.length > MOST_COMPARED) asked.set('of', ids.length);
  return `/compare/?runs=${taken(ids).join(',')}${asked.size ? `&${asked}` : ''}`;
}

// Of selected groups as many runs of each as there is room for, the first of each: these are the newest.
function taken(ids) {
  if (ids.length <= MOST_COMPARED) return ids;
  const groups = $$('#run-rows [data-members]').map((box) => box.dataset.members.split(',').filter((id) => selected.has(id)));
  const chosen = groups.filter((members) => members.length).sort((a, b) => a.length - b.length);
  if (chosen.flat().length < ids.length) return ids.slice(0, MOST_COMPARED); // some are on other pages
  let left = MOST_COMPARED;
  return chosen.flatMap((members, i) => {
    const some = members.slice(0, Math.floor(left / (chosen.length - i)));
    left -= some.length;
    return some;
  });
}

export function paint() {
  for (const row of rows()) {
    const on = selected.has(row.dataset.run);
    row.setAttribute('aria-selected', String(on));
    if (on) selected.get(row.dataset.run).css = row.className; // its colour may have been chosen meanwhile
    $('input', row).checked = on;
    row.classList.toggle('current', row.dataset.run === current);
  }
  for (const box of $$('#run-rows [data-members]')) {
    const members = box.dataset.members.split(',');
    const count = members.filter((id) => selected.has(id)).length;
    box.checked = count === members.length;
    box.indeterminate = count > 0 && !box.checked;
  }
  const all = $('[data-select-all]');
  if (all) {
    const here = rows().filter((row) => selected.has(row.dataset.run)).length;
    all.checked = here > 0 && here === rows().length;
    all.indeterminate = here > 0 && !all.checked;
  }
  const bar = $('#bulk');
  bar.hidden = selected.size === 0;
  $('[data-bulk-count]', bar).textContent = isMatching() ? `All ${total().toLocaleString('en')} that match` : `${selected.size} selected`;
  bar.classList.toggle('matching', isMatching());
  const every = $('[data-bulk-all]', bar);
  if (every) {
    every.hidden = isMatching() || selected.size < rows().length || total() <= selected.size;
    every.textContent = `Select all ${total().toLocaleString('en')} that match`;
  }
  const compare = $('[data-bulk-compare]', bar);
  $('[data-bulk-hint]', bar).textContent = isMatching() ? '' : hint();
  $('[data-bulk-baseline]', bar).hidden = selected.size !== 1;
  compare.href = comparison([...selected.keys()]);
  $('[data-bulk-dots]', bar).replaceChildren(
    ...[...selected.values()].slice(0, 8).map(({ css }) => {
      const dot = document.createElement('span');
      dot.className = `dot ${css.split(' ').find((name) => /^c\d+$/.test(name)) ?? ''}`;
      return dot;
    }),
  );
  remember();
  drawCharts();
  dispatchEvent(new Event('selectionchange:runs'));
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

// These runs and no others, whether their rows are here or not.
export function pick(ids) {
  const here = new Map(rows().map((row) => [row.dataset.run, row]));
  matching = false;
  selected.clear();
  for (const id of ids) {
    if (here.has(id)) choose(here.get(id), true);
    else selected.set(id, { name: id, css: '' });
  }
  paint();
}

// All runs of a group, also those that are not shown.
function chooseGroup(box) {
  const names = new Map(rows().map((row) => [row.dataset.run, row]));
  for (const id of box.dataset.members.split(',')) {
    const row = names.get(id);
    if (row) choose(row, box.checked);
    else if (box.checked) selected.set(id, { name: id, css: '' });
    else selected.delete(id);
  }
  paint();
}

document.addEventListener('click', (event) => {
  const box = event.target.closest('#run-rows .sel input');
  if (box?.dataset.members) chooseGroup(box);
  else if (box) chooseTo(box.closest('tr'), box.checked, event.shiftKey);
  const all = event.target.closest('[data-select-all]');
  if (all) {
    rows().forEach((row) => choose(row, all.checked));
    paint();
  }
  if (event.target.closest('[data-bulk-all]')) {
    matching = true;
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

// Other runs match another filter.
document.addEventListener('htmx:beforeSwap', ({ detail }) => {
  if (detail.target?.id === 'runs') matching = false;
});

addEventListener('key', ({ detail }) => {
  const row = rows().find((r) => r.dataset.run === current);
  if (detail === 'j') move(1);
  if (detail === 'k') move(-1);
  if (detail === 'b' && selected.size === 1) $('[data-bulk-baseline]').click();
  if (detail === 'x' && row) chooseTo(row, !selected.has(row.dataset.run), false);
  if (detail === 'X' && row) chooseTo(row, true, true);
  if (detail === 'c' && selected.size > 1) location.assign($('[data-bulk-compare]').href);
});

// Rows by arrow keys and space, where a row has the focus: elsewhere these scroll the page.
document.addEventListener('keydown', (event) => {
  const row = event.target.closest?.('#run-rows tr[data-run]');
  if (!row || event.metaKey || event.ctrlKey || event.altKey) return;
  const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!by && !(event.key === ' ' && event.target.matches('a'))) return;
  event.preventDefault();
  current = row.dataset.run;
  if (by) move(by);
  else chooseTo(row, !selected.has(current), event.shiftKey);
});

paint();
