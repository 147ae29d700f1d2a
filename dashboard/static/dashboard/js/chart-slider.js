// A slider over values that moves one chart: <input type="range" data-chart-slider="CHART ID" data-slider-param="at"
// data-slider-values="1000 2000 3000">. Where it stands is in the address.
import { ask, chartOf } from './charts.js';
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
  const { chartSlider, sliderParam } = slider.dataset;
  const value = values(slider)[slider.value];
  const chart = chartOf($(`.chart[data-chart-id="${CSS.escape(chartSlider)}"]`));
  const url = new URL(chart.el.dataset.chart, location.origin);
  url.searchParams.set(sliderParam, value);
  chart.el.dataset.chart = url.pathname + url.search;
  chart.seen = true;
  ask(chart);
}

// While it is dragged, not at every pixel: one figure is on its way at a time.
let waiting = 0;
document.addEventListener('input', ({ target }) => {
  if (!target.matches('[data-chart-slider]')) return;
  say(target);
  clearTimeout(waiting);
  waiting = setTimeout(() => move(target), 80);
});

document.addEventListener('change', ({ target }) => {
  if (target.matches('[data-chart-slider]')) state.set(target.dataset.sliderParam, values(target)[target.value]);
});

for (const slider of $$('[data-chart-slider]')) {
  const wanted = values(slider).indexOf(state.get(slider.dataset.sliderParam, ''));
  if (wanted >= 0) slider.value = wanted;
  say(slider);
  if (wanted >= 0) move(slider);
}
