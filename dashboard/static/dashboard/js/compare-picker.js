// Counts what is ticked and sends it as one parameter, so that the address stays short.
import { $, $$ } from './dom.js';
import { toast } from './toast.js';

const form = $('[data-compare-picker]');
const ticked = () => $$('[name="runs"]:checked', form).map((box) => box.value);
const count = () => ($('[data-picked]', form).textContent = `${ticked().length} chosen`);

form?.addEventListener('change', count);
form?.addEventListener('submit', (event) => {
  event.preventDefault();
  const { least, most } = form.dataset;
  const ids = ticked();
  if (ids.length < least || ids.length > most) toast(`Choose ${least} to ${most} runs; ${ids.length} are chosen.`);
  else location.assign(`${form.action}?runs=${ids.join(',')}`);
});
