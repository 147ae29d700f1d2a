// Draws <div class="chart" data-chart="URL" data-refresh="2">. URL answers {figure, empty, live, note, legend}.
// Redraws on theme change, refreshes while live, refetches a zoomed range exactly, never resets the view.
import { resolve, tokens } from './chart-colors.js';
import { $, $$, sentence } from './dom.js';
import { every } from './live.js';
import * as state from './url-state.js';

const CONFIG = { displayModeBar: false, responsive: true, doubleClick: 'reset', showTips: false };
const charts = new Map();

export const chartOf = (el) => charts.get(el);

// Page-wide controls: <input data-chart-param="smooth"> joins every chart's address and the page's URL.
function params() {
  const out = {};
  for (const control of $$('[data-chart-param]')) {
    const pressed = control.classList.contains('seg') ? $('[aria-pressed="true"]', control)?.value : control.value;
    out[control.dataset.chartParam] = control.type === 'checkbox' ? (control.checked ? '1' : '') : pressed;
  }
  return out;
}

function address(chart) {
  const url = new URL(chart.el.dataset.chart, location.origin);
  for (const [key, value] of Object.entries(params())) if (value) url.searchParams.set(key, value);
  if (chart.range) {
    url.searchParams.set('first_step', Math.floor(chart.range[0]));
    url.searchParams.set('last_step', Math.ceil(chart.range[1]));
  }
  url.searchParams.set('width', Math.max(200, Math.min(2000, Math.round(chart.el.clientWidth || 600))));
  return url;
}

function message(chart, node) {
  if (chart.drawn) Plotly.purge(chart.el);
  chart.drawn = false;
  chart.el.replaceChildren(node);
}

function sentenceBox(text) {
  const box = document.createElement('div');
  box.className = 'empty';
  const p = document.createElement('p');
  p.textContent = text;
  box.append(p);
  return box;
}

function errorBox(chart, text) {
  const box = sentenceBox(`${text} The rest of the page is still correct.`);
  const again = document.createElement('button');
  again.type = 'button';
  again.className = 'btn sm';
  again.textContent = 'Try again';
  again.addEventListener('click', () => load(chart));
  box.setAttribute('role', 'alert');
  box.append(again);
  return box;
}

function legend(chart) {
  const place = $('[data-chart-legend]', chart.card);
  if (!place) return;
  place.replaceChildren(
    ...(chart.body.legend ?? []).map(({ name, color, dash }) => {
      const item = document.createElement('span');
      const stroke = document.createElement('i');
      stroke.style.setProperty('--c', color);
      if (dash && dash !== 'solid') stroke.className = /^dot$|^2px/.test(dash) ? 'dots' : 'dash';
      item.append(stroke, name);
      return item;
    }),
  );
}

export async function draw(chart) {
  const { body } = chart;
  const note = $('[data-chart-note]', chart.card);
  if (note) note.textContent = body.note ?? '';
  legend(chart);
  if (body.empty) {
    message(chart, sentenceBox(body.empty));
    return;
  }
  const { data, layout } = resolve(body.figure, tokens());
  if (chart.logY && layout.yaxis) layout.yaxis = { ...layout.yaxis, type: 'log', rangemode: 'normal' };
  if (!chart.drawn) chart.el.replaceChildren();
  await Plotly.react(chart.el, data, layout, CONFIG);
  if (!chart.drawn) chart.el.on('plotly_relayout', (change) => zoomed(chart, change));
  chart.drawn = true;
}

// Drag zoom: the figure moves at once, then the exact points of the range replace the buckets.
function zoomed(chart, change) {
  if (chart.el.dataset.zoom !== 'step') return;
  if (change['xaxis.range[0]'] !== undefined) chart.range = [change['xaxis.range[0]'], change['xaxis.range[1]']];
  else if (change['xaxis.autorange']) chart.range = null;
  else return;
  load(chart);
}

// Fetches and draws. Resolves to whether the chart is still live.
export async function load(chart) {
  const asked = (chart.asked = (chart.asked ?? 0) + 1);
  const wait = setTimeout(() => !chart.body && chart.el.classList.add('loading'), 300);
  try {
    const answer = await fetch(address(chart), { headers: { Accept: 'application/json' } });
    if (!answer.ok) throw new Error(await sentence(answer));
    const body = await answer.json();
    if (asked !== chart.asked || chart.held) return true;
    chart.body = body;
    await draw(chart);
  } catch (error) {
    if (!chart.body) message(chart, errorBox(chart, `This chart did not load. ${error.message}`));
    else throw error;
  } finally {
    clearTimeout(wait);
    chart.el.classList.remove('loading');
  }
  return chart.body?.live ?? true;
}

export function register(el) {
  if (charts.has(el)) return;
  const id = el.dataset.chartId ?? '';
  const logged = (state.get('logy') ?? '').split(',').filter(Boolean);
  const chart = { el, id, card: el.closest('.chart-card') ?? el.parentElement, body: null, range: null, logY: logged.includes(id) || el.dataset.log === '1' };
  charts.set(el, chart);
  // While a finger or button is down the reader is zooming: a refresh must wait.
  el.addEventListener('pointerdown', () => (chart.held = true));
  addEventListener('pointerup', () => (chart.held = false));
  if (el.dataset.refresh) every(Number(el.dataset.refresh), () => (el.isConnected ? refreshed(chart) : false));
  new IntersectionObserver((seen, watcher) => {
    if (!seen.some((s) => s.isIntersecting)) return;
    watcher.disconnect();
    chart.seen = true;
    load(chart);
  }, { rootMargin: '300px' }).observe(el);
}

const refreshed = (chart) => (chart.seen ? load(chart) : true);

export const reloadAll = () => charts.forEach((chart) => chart.seen && load(chart));

// Picks up charts that came later (htmx swaps, live parts) and lets go of removed ones.
export function scan(root = document) {
  for (const el of charts.keys()) {
    if (el.isConnected) continue;
    if (charts.get(el).drawn) Plotly.purge(el);
    charts.delete(el);
  }
  $$('.chart[data-chart]', root).forEach(register);
}

addEventListener('themechange', () => charts.forEach((chart) => chart.body && draw(chart)));
document.addEventListener('htmx:afterSettle', () => scan());
document.addEventListener('refreshed', () => scan());
document.addEventListener('change', (event) => {
  const control = event.target.closest('[data-chart-param]');
  if (!control || control.classList.contains('seg')) return;
  state.set(control.dataset.chartParam, params()[control.dataset.chartParam]);
  reloadAll();
});
document.addEventListener('pick', (event) => {
  if (event.target.dataset.chartParam) {
    state.set(event.target.dataset.chartParam, event.detail);
    reloadAll();
  }
});
scan();
