// Page-wide controls of charts: <input data-chart-param="smooth"> joins every chart's address and the page's URL.
import { $, $$ } from './dom.js';
import * as state from './url-state.js';

export function params() {
  const out = {};
  for (const control of $$('[data-chart-param]')) {
    const pressed = control.classList.contains('seg') ? $('[aria-pressed="true"]', control)?.value : control.value;
    out[control.dataset.chartParam] = control.type === 'checkbox' ? (control.checked ? '1' : '') : pressed;
  }
  return out;
}

// Calls `changed` with the name of one whenever the reader has changed it.
export function onChange(changed) {
  document.addEventListener('change', (event) => {
    const control = event.target.closest('[data-chart-param]');
    if (!control || control.classList.contains('seg')) return;
    state.set(control.dataset.chartParam, params()[control.dataset.chartParam]);
    changed(control.dataset.chartParam);
  });
  document.addEventListener('pick', (event) => {
    if (!event.target.dataset.chartParam) return;
    state.set(event.target.dataset.chartParam, event.detail);
    changed(event.target.dataset.chartParam);
  });
}

// A search among a run's charts loads the page anew; what only scripts know of goes along.
document.addEventListener('formdata', ({ target, formData }) => {
  if (!target.matches('form.chart-controls')) return;
  for (const key of ['logy', 'liny', 'zoom', 'zoomy', 'wide', 'folds']) if (state.get(key)) formData.set(key, state.get(key));
});
