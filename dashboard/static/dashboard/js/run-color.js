// A link to the page where a run's colour is chosen opens the choice here: <a href="/runs/ID/color/" data-color-of="NAME">.
// What is chosen is sent by its form and leads back to this very address.
import { $ } from './dom.js';

const dialog = $('#run-color');

async function open(link) {
  const answer = await fetch(link.href, { headers: { 'HX-Request': 'true' } });
  if (!answer.ok) {
    location.assign(link.href);
    return;
  }
  $('#run-color-h').textContent = `Colour of ${link.dataset.colorOf}`;
  $('[data-colors]', dialog).innerHTML = await answer.text();
  $('[name=next]', dialog).value = location.pathname + location.search + location.hash;
  dialog.showModal();
}

document.addEventListener('click', (event) => {
  const link = event.target.closest('[data-color-of]');
  if (link && !event.metaKey && !event.ctrlKey) {
    event.preventDefault();
    open(link);
  }
  if (event.target === dialog || (dialog.open && event.target.closest('[data-close]'))) {
    event.preventDefault();
    dialog.close();
  }
});
