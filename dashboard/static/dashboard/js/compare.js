// The compare page: keys, runs shown and hidden, smoothing, and new metrics that join while runs run.
import './pair-keys.js';
import './chart-groups.js';
import './compare-parts.js';
import './compare-rows.js';
import './held-place.js';
import './metric-choices.js';
import './run-keys.js';
import './search-typed.js';
import './undo.js';
import { reloadAll, scan } from './charts.js';
import { $, $$ } from './dom.js';
import { toast } from './toast.js';
import * as state from './url-state.js';

const page = $('[data-compare-page]');

// A letter stands for one run in every chart; hidden ones are in the address.
function toggle(button) {
  const shown = button.getAttribute('aria-pressed') === 'true';
  button.setAttribute('aria-pressed', String(!shown));
  const hidden = $$('[data-toggle-run][aria-pressed="false"]').map((one) => one.dataset.toggleRun);
  $('[data-chart-param="hide"]').value = hidden.join(',');
  state.set('hide', hidden.join(','));
  reloadAll();
}

page.addEventListener('click', (event) => {
  const button = event.target.closest('[data-toggle-run]');
  if (button) toggle(button);
});

page.addEventListener('input', (event) => {
  if (event.target.matches('[data-smooth]')) $('[data-smooth-value]').textContent = event.target.value;
});

const links = () => $$('[data-spy] a');
const sections = () => links().map((link) => $(link.getAttribute('href')));
const top = () => innerHeight * 0.3;

function here() {
  const passed = sections().findLastIndex((section) => section.getBoundingClientRect().top < top());
  return Math.max(passed, 0);
}

function mark() {
  const at = here();
  links().forEach((link, i) => (i === at ? link.setAttribute('aria-current', 'true') : link.removeAttribute('aria-current')));
}

function go(by) {
  const all = sections();
  all[Math.max(0, Math.min(all.length - 1, here() + by))].scrollIntoView();
}

// The next run becomes the baseline, in the order of the letters.
function nextBaseline() {
  const runs = $$('#lineup .baseline');
  const at = runs.findIndex((one) => !one.dataset.baseline);
  const next = runs[(at + 1) % runs.length];
  next.click();
  toast(`Baseline: ${next.dataset.baseline}`);
}

addEventListener('scroll', mark, { passive: true });
mark();

addEventListener('key', ({ detail: key }) => {
  const number = '123456789'.indexOf(key);
  const button = $$('[data-toggle-run]')[number];
  if (number >= 0 && button) toggle(button);
  if (key === '[') go(-1);
  if (key === ']') go(1);
  if (key === 'b') nextBaseline();
  if (key === 'd') $('[data-differs-only]').click();
});

// Metrics logged for the first time are added at the end of their group; charts that are there stay untouched.
page.addEventListener('refreshed', ({ detail: { fresh } }) => {
  const known = new Set($$('#curves .chart').map((chart) => chart.dataset.chartId));
  for (const chart of $$('#curves .chart', fresh)) {
    if (known.has(chart.dataset.chartId)) continue;
    const group = chart.closest('[data-group]');
    const there = $(`#curves [data-group="${CSS.escape(group.dataset.group)}"] [data-group-charts]`);
    if (there) there.insertBefore(document.importNode(chart.closest('.chart-card'), true), $('.more-panels', there));
    else $('#curves > .note').before(document.importNode(group, true));
    $('#curves > .card')?.remove();
  }
  scan();
  mark();
});
