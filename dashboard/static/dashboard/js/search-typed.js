// A search that answers while the reader types: <form data-parts> with a field of type search.
import { $ } from './dom.js';

const PAUSE_MS = 300;
let waiting = 0;

document.addEventListener('input', ({ target }) => {
  if (!target.matches('form[data-parts] input[type="search"]')) return;
  clearTimeout(waiting);
  // The section, and the form with it, may be another by then.
  waiting = setTimeout(() => $(`form[data-parts] input[name="${CSS.escape(target.name)}"][type="search"]`)?.form.requestSubmit(), PAUSE_MS);
});
