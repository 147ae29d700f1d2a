// "Differs only" of the params holds in the tables of the environment, too.
import { $, $$ } from './dom.js';

const page = $('[data-compare-page]');
const apply = () => {
  const box = $('[data-differs-only]');
  for (const table of $$('[data-rows]')) table.classList.toggle('only-differing', box.checked);
};

page.addEventListener('change', (event) => {
  if (event.target.matches('[data-differs-only]')) apply();
});
page.addEventListener('parts', apply);
apply();
