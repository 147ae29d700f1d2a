// Which two runs are compared, by keyboard: `,` and `.` go to the next run on one side, `<` and `>` to the one before;
// `j` and `k` to the next and the previous file. The pair is that of the section in sight, else the first one.
import { $, $$ } from './dom.js';
import { toast } from './toast.js';

const SIDES = { ',': ['old', 'Old', 1], '<': ['old', 'Old', -1], '.': ['new', 'New', 1], '>': ['new', 'New', -1] };
const FILES = { j: 1, k: -1 };

function selectOf(side) {
  const all = $$(`select[name="${side}"]`);
  const begun = all.filter((select) => select.closest('section').getBoundingClientRect().top < innerHeight / 2);
  return begun.at(-1) ?? all[0];
}

// A run is never compared with itself.
function step([side, title, by]) {
  const select = selectOf(side);
  if (!select) {
    $('#code')?.scrollIntoView(); // it comes once it is in sight
    return;
  }
  const other = select.form.elements[side === 'old' ? 'new' : 'old'].selectedIndex;
  const count = select.options.length;
  const next = (place) => (place + by + count) % count;
  const place = next(select.selectedIndex);
  select.selectedIndex = place === other && count > 2 ? next(place) : place;
  select.form.requestSubmit();
  toast(`${title}: ${select.selectedOptions[0].textContent}`);
}

function toFile(by) {
  const files = $$('#code .tree a').filter((file) => file.checkVisibility());
  const shown = files.findIndex((file) => file.hasAttribute('aria-current'));
  const file = files[Math.max(0, Math.min(files.length - 1, shown + by))];
  if (!file || file.hasAttribute('aria-current')) return;
  file.scrollIntoView({ block: 'nearest' });
  file.click();
}

addEventListener('key', ({ detail: key }) => {
  if (SIDES[key]) step(SIDES[key]);
  if (FILES[key]) toFile(FILES[key]);
});
