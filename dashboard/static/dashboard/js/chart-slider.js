// A slider over values that moves charts: <input type="range" data-chart-slider="at" data-slider-values="1000 2000 3000">
// is the parameter `at` of every <div class="chart" data-slid-by="at">. Where it stands is in the address.
import { askWhenNear, chartOf } from './charts.js';
import { $, $$ } from './dom.js';
import * as state from './url-state.js';

const values = (slider) => slider.dataset.sliderValues.split(' ');
const shown = (value) => Number(value).toLocaleString('en-US');

function say(slider) {
  const text = shown(values(slider)[slider.value]);
  slider.setAttribute('aria-valuetext', text);
  $('[data-slider-value]', slider.parentElement).textContent = text;
}

function move(slider) {
  const name = slider.dataset.chartSlider;
  for (const el of $$(`.chart[data-slid-by="${CSS.escape(name)}"]`)) {
    const url = new URL(el.dataset.chart, location.origin);
    url.searchParams.set(name, values(slider)[slider.value]);
    if (el.dataset.chart === url.pathname + url.search) continue;
    el.dataset.chart = url.pathname + url.search;
    askWhenNear(chartOf(el));
  }
}

// While it is dragged, not at every pixel: one figure of a chart is on its way at a time.
let waiting = 0;
document.addEventListener('input', ({ target }) => {
  if (!target.matches('[data-chart-slider]')) return;
  say(target);
  clearTimeout(waiting);
  waiting = setTimeout(() => move(target), 80);
});

document.addEventListener('change', ({ target }) => {
  if (target.matches('[data-chart-slider]')) state.set(target.dataset.chartSlider, values(target)[target.value]);
});

// Where the address says, also after a part of the page has come anew.
function restore() {
  for (const slider of $$('[data-chart-slider]')) {
    if (slider === document.activeElement) continue; // under the reader's hand
    const wanted = values(slider).indexOf(state.get(slider.dataset.chartSlider, ''));
    if (wanted >= 0) slider.value = wanted;
    say(slider);
    if (wanted >= 0) move(slider);
  }
}
document.addEventListener('refreshed', restore);
document.addEventListener('parts', restore);
restore();
