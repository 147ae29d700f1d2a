// `,` and `.` go to the next run on one side of a pair that is compared: in the section in sight, else in the first
// that has a pair.
import { $$ } from './dom.js';
import { toast } from './toast.js';

const SIDES = { ',': ['old', 'Old'], '.': ['new', 'New'] };

function selectOf(side) {
  const all = $$(`select[name="${side}"]`);
  const begun = all.filter((select) => select.closest('section').getBoundingClientRect().top < innerHeight / 2);
  return begun.at(-1) ?? all[0];
}

addEventListener('key', ({ detail: key }) => {
  if (!SIDES[key]) return;
  const [side, title] = SIDES[key];
  const select = selectOf(side);
  if (!select) return;
  select.selectedIndex = (select.selectedIndex + 1) % select.options.length;
  select.form.requestSubmit();
  toast(`${title}: ${select.selectedOptions[0].textContent}`);
});
