// Lists of thousands of metrics begin with the first: the others join when the reader goes to the list.
// <select data-all-metrics="PREFIX">, whose values are names of metrics after the prefix.
import { $$, data } from './dom.js';

function complete(select) {
  const prefix = select.dataset.allMetrics;
  delete select.dataset.allMetrics;
  const known = new Set([...select.options].map((option) => option.value));
  const missing = data('metric-keys').filter((key) => !known.has(prefix + key));
  ($$('optgroup', select).at(-1) ?? select).append(...missing.map((key) => new Option(key, prefix + key)));
}

for (const type of ['pointerdown', 'focusin']) {
  document.addEventListener(type, ({ target }) => {
    if (target.matches?.('select[data-all-metrics]') && document.getElementById('metric-keys')) complete(target);
  });
}
