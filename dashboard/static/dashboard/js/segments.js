// Segmented control: aria-pressed moves; data-state names the query parameter; a "pick" event carries the value.
import { $$ } from './dom.js';
import * as state from './url-state.js';

document.addEventListener('click', (event) => {
  const button = event.target.closest('.seg button');
  if (!button) return;
  const seg = button.closest('.seg');
  $$('button', seg).forEach((b) => b.setAttribute('aria-pressed', String(b === button)));
  if (seg.dataset.state) state.set(seg.dataset.state, button.value);
  seg.dispatchEvent(new CustomEvent('pick', { detail: button.value, bubbles: true }));
});
