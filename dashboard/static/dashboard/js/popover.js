// A button with data-pop="ID" shows and hides the popover with that id; a click elsewhere or Escape closes it.
import { $, $$ } from './dom.js';

const opener = (pop) => $(`[data-pop="${pop.id}"]`);

function close(pop) {
  if (pop.hidden) return;
  pop.hidden = true;
  opener(pop)?.setAttribute('aria-expanded', 'false');
}

document.addEventListener('click', (event) => {
  const button = event.target.closest('[data-pop]');
  for (const pop of $$('.pop')) {
    if (!(button && pop.id === button.dataset.pop) && !pop.contains(event.target)) close(pop);
  }
  if (!button) return;
  const pop = document.getElementById(button.dataset.pop);
  pop.hidden = !pop.hidden;
  button.setAttribute('aria-expanded', String(!pop.hidden));
  if (!pop.hidden) $('input, button, a', pop)?.focus();
});

document.addEventListener('keydown', (event) => {
  if (event.key !== 'Escape') return;
  const pop = $$('.pop').find((p) => !p.hidden && p.contains(document.activeElement));
  if (!pop) return;
  close(pop);
  opener(pop)?.focus();
});
