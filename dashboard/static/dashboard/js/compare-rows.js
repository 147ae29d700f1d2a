// Rows of the params and environment tables: only those that differ, only those whose path contains a text.
import { $, $$ } from './dom.js';
import * as state from './url-state.js';

const page = $('[data-compare-page]');
const form = () => $('form[data-row-filter]');

function apply() {
  const onlyDiffering = $('[data-differs-only]', form()).checked;
  const wanted = $('[name="search"]', form()).value.trim().toLowerCase();
  for (const table of $$('[data-rows]')) table.classList.toggle('only-differing', onlyDiffering);
  for (const row of $$('#params [data-path]')) row.hidden = !row.dataset.path.toLowerCase().includes(wanted);
  for (const body of $$('#params tbody')) body.hidden = !$('[data-path]:not([hidden])', body);
}

page.addEventListener('input', (event) => {
  if (!event.target.closest('form[data-row-filter]')) return;
  state.set('differs', $('[data-differs-only]', form()).checked ? '' : '0');
  state.set('search', $('[name="search"]', form()).value.trim());
  apply();
});
page.addEventListener('submit', (event) => {
  if (event.target.matches('form[data-row-filter]')) event.preventDefault();
});
page.addEventListener('parts', apply);
apply();
