// Run table: what is done with the selected runs, and "2 new runs. Show them".
import { ask } from './confirm.js';
import { $, $$, post } from './dom.js';
import { paint, rows, selected } from './run-selection.js';
import { toast } from './toast.js';

const region = () => $('#runs');
const reload = () => htmx.ajax('GET', location.href, { target: '#runs', select: '#runs', swap: 'outerHTML' });

document.addEventListener('click', (event) => {
  if (event.target.closest('[data-show-new]')) reload();
  const archive = event.target.closest('[data-bulk-archive]');
  if (archive) change(archive.dataset.bulkArchive);
  if (event.target.closest('[data-bulk-cancel]')) cancel();
  const remove = event.target.closest('[data-bulk-delete]');
  if (remove) trash(Number(remove.dataset.bulkDelete));
});

const some = (count) => `${count} ${count === 1 ? 'run' : 'runs'}`;

async function cancel() {
  const ids = [...selected.keys()];
  const agreed = await ask({
    title: ids.length === 1 ? `Cancel ${selected.get(ids[0]).name}?` : `Cancel ${ids.length} runs?`,
    text: 'Queued ones leave the queue and running ones stop within seconds; those that have ended stay as they are. Points are kept, and Retry continues a job from its last checkpoint.',
    yes: ids.length === 1 ? 'Cancel run' : 'Cancel runs',
    no: ids.length === 1 ? 'Keep it' : 'Keep them',
  });
  if (agreed) change('cancel', {}, ids);
}

async function trash(days) {
  const ids = [...selected.keys()];
  const agreed = await ask({
    title: ids.length === 1 ? `Delete ${selected.get(ids[0]).name}?` : `Delete ${ids.length} runs?`,
    text: `Deleted runs go to the trash of the project and can be restored for ${days} ${days === 1 ? 'day' : 'days'}.`,
    yes: ids.length === 1 ? 'Delete run' : 'Delete runs',
    no: ids.length === 1 ? 'Keep it' : 'Keep them',
  });
  if (agreed) change('trash', {}, ids);
}

async function change(action, fields = {}, ids = [...selected.keys()]) {
  const url = $('#bulk').dataset.action;
  let done;
  try {
    ({ done } = await (await post(url, { action, run: ids, ...fields })).json());
  } catch (error) {
    toast(error.message);
    return;
  }
  const said = { tag: 'tagged', group: 'regrouped', cancel: 'cancelled or asked to stop', archive: 'archived', unarchive: 'back in the list', trash: 'moved to the trash', restore: 'restored' }[action];
  const opposite = { archive: 'unarchive', unarchive: 'archive', trash: 'restore' }[action];
  toast(`${some(done)} ${said}`, opposite ? () => change(opposite, {}, ids) : null);
  if (opposite) ids.forEach((id) => selected.delete(id));
  await reload();
}

const FORMS = { 'bulk-tag': ['tag', 'tags'], 'bulk-group': ['group', 'group'] }; // form: action, field
document.addEventListener('submit', (event) => {
  const [action, field] = FORMS[event.target.id] ?? [];
  if (!action) return;
  event.preventDefault();
  event.target.hidden = true;
  change(action, { [field]: new FormData(event.target).get(field) });
});

// Live: cells change in place; rows that are new wait for the reader.
document.addEventListener('refreshed', ({ detail }) => {
  const here = new Set(rows().map((row) => row.dataset.run));
  const fresh = $$('#run-rows tr[data-run]', detail.fresh).filter((row) => !here.has(row.dataset.run));
  const banner = $('[data-show-new]', region());
  if (!banner) return;
  banner.hidden = fresh.length === 0;
  banner.textContent = `${fresh.length} new ${fresh.length === 1 ? 'run' : 'runs'}. Show them`;
});

// A swap of the table keeps where the reader had scrolled to sideways.
let scrolled = 0;
document.addEventListener('htmx:beforeSwap', () => (scrolled = $('[data-keep-scroll]')?.scrollLeft ?? 0));
document.addEventListener('htmx:afterSettle', () => {
  const box = $('[data-keep-scroll]');
  if (box) box.scrollLeft = scrolled;
  $('#filter-error').textContent ||= '';
  paint();
});

const find = $('[data-find-option]');
find?.addEventListener('input', () => {
  const text = find.value.toLowerCase();
  $$('.opt', find.closest('.pop')).forEach((option) => (option.hidden = !option.textContent.toLowerCase().includes(text)));
});
