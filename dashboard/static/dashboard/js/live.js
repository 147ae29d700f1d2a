// Live refresh. <div data-live-src="URL" data-live-seconds="2"> asks the server again and swaps only the
// parts marked data-live="NAME" that changed, so zoom, selection, focus and scroll survive. Answer 286 stops it.
// Other modules join with every(); the Live button and hidden tabs pause all of them.
import { $, $$ } from './dom.js';

const jobs = new Set();
let paused = false;
let freshAt = Date.now();

export const isPaused = () => paused || document.hidden;

// Calls `work` every `seconds` while not paused, never twice at once. `work` answers false to stop.
export function every(seconds, work) {
  const job = { seconds, work, next: Date.now() + seconds * 1000, busy: false };
  jobs.add(job);
  return () => jobs.delete(job);
}

async function runJob(job) {
  job.busy = true;
  try {
    if ((await job.work()) === false) jobs.delete(job);
    freshAt = Date.now();
  } catch {
    // The age on the Live button keeps growing until the server answers again.
  }
  job.busy = false;
  job.next = Date.now() + job.seconds * 1000;
}

// Two renderings differ in their masked CSRF tokens even when nothing changed.
const shape = (part) => part.outerHTML.replace(/(name="csrfmiddlewaretoken" value=")[^"]*/g, '$1');

// Charts that were there stay as they are, with their zoom, when others join them.
function keepCharts(from, to) {
  const drawn = new Map($$('.chart[data-chart]', from).map((chart) => [chart.dataset.chart, chart.closest('.chart-card')]));
  for (const chart of $$('.chart[data-chart]', to)) {
    const card = drawn.get(chart.dataset.chart);
    if (card) chart.closest('.chart-card').replaceWith(card);
  }
}

const chartsOf = (place) => $$('.chart[data-chart]', place).map((chart) => chart.dataset.chart);

// Groups of charts stay folded or open, and the charts that came as the reader scrolled stay, with what leads on.
function keepGroups(from, to) {
  for (const group of $$('details[data-group]', to)) {
    const before = $(`details[data-group="${CSS.escape(group.dataset.group)}"]`, from);
    const more = $('.more-panels', group);
    if (!before) continue;
    group.open = before.open;
    const known = new Set(chartsOf(group));
    const came = $$('.chart[data-chart]', before).filter((chart) => !known.has(chart.dataset.chart));
    if (more && came.length) more.replaceWith(...came.map((chart) => chart.closest('.chart-card')), ...$$('.more-panels', before));
  }
}

// Swaps changed parts; returns the parsed answer. A part that holds the focus, an open popover or a question waits,
// and one whose data-live-key is the same (charts that draw themselves) stays.
export function swapParts(region, html) {
  const fresh = new DOMParser().parseFromString(html, 'text/html');
  const present = new Map($$('[data-live]', region).map((part) => [part.dataset.live, part]));
  for (const part of $$('[data-live]', fresh)) {
    const now = present.get(part.dataset.live);
    if (!now || shape(now) === shape(part)) continue;
    if (part.dataset.liveKey !== undefined && part.dataset.liveKey === now.dataset.liveKey) continue;
    if (now.contains(document.activeElement) || $('.pop:not([hidden]), [data-asking]', now)) continue;
    const swapped = document.importNode(part, true);
    keepGroups(now, swapped);
    keepCharts(now, swapped);
    const scrolled = $$('[data-keep-scroll]', now).map((box) => [box.dataset.keepScroll, box.scrollLeft, box.scrollTop]);
    now.replaceWith(swapped);
    for (const [name, left, top] of scrolled) $(`[data-keep-scroll="${name}"]`, swapped)?.scrollTo(left, top);
    window.htmx?.process(swapped);
  }
  return fresh;
}

export async function refresh(region) {
  const answer = await fetch(region.dataset.liveSrc, { headers: { 'X-Live': 'true' } });
  if (!answer.ok) throw new Error(`live refresh: ${answer.status}`);
  const fresh = swapParts(region, await answer.text());
  region.dispatchEvent(new CustomEvent('refreshed', { detail: { fresh, last: answer.status === 286 }, bubbles: true }));
  if (answer.status === 286) delete region.dataset.liveSrc;
  return answer.status !== 286;
}

function paintButton() {
  const button = $('[data-live-toggle]');
  if (!button) return;
  const seconds = Math.round((Date.now() - freshAt) / 1000);
  button.hidden = jobs.size === 0 && !paused;
  $('[data-live-age]', button).textContent = paused ? 'Paused' : `Live · ${seconds} s ago`;
}

document.addEventListener('click', (event) => {
  const button = event.target.closest('[data-live-toggle]');
  if (!button) return;
  paused = !paused;
  button.setAttribute('aria-pressed', String(paused));
  button.title = paused ? 'Resume live refresh' : 'Pause live refresh';
  paintButton();
});

setInterval(() => {
  if (!isPaused()) for (const job of jobs) if (!job.busy && Date.now() >= job.next) runJob(job);
  paintButton();
}, 500);

const bound = new WeakSet();
function bindRegions() {
  for (const region of $$('[data-live-src]')) {
    if (bound.has(region)) continue;
    bound.add(region);
    every(Number(region.dataset.liveSeconds ?? 2), () => (region.isConnected ? refresh(region) : false));
  }
}
bindRegions();
document.addEventListener('htmx:afterSettle', bindRegions);
