// Run table: what is done with the selected runs, and "2 new runs. Show them".
import { ask } from './confirm.js';
import { $, $$, post } from './dom.js';
import { isMatching, paint, rows, selected, total } from './run-selection.js';
import { toast } from './toast.js';
import * as state from './url-state.js';

const region = () => $('#runs');
const reload = () => htmx.ajax('GET', location.href, { target: '#runs', select: '#runs', swap: 'outerHTML' });

document.addEventListener('click', (event) => {
  if (event.target.closest('[data-show-new]')) reload();
  const hide = event.target.closest('[data-bulk-archive]');
  if (hide) archive(hide.dataset.bulkArchive);
  if (event.target.closest('[data-bulk-cancel]')) cancel();
  if (event.target.closest('[data-bulk-baseline]')) measureAgainst([...selected.keys()][0]);
  const remove = event.target.closest('[data-bulk-delete]');
  if (remove) trash(Number(remove.dataset.bulkDelete));
});

function measureAgainst(id) {
  state.set('baseline', id);
  reload();
}

const some = (count) => `${count.toLocaleString('en')} ${count === 1 ? 'run' : 'runs'}`;

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

const meant = (ids) => (isMatching() ? total() : ids.length);

async function trash(days) {
  const ids = [...selected.keys()];
  const count = meant(ids);
  const agreed = await ask({
    title: count === 1 ? `Delete ${selected.get(ids[0]).name}?` : `Delete ${some(count)}?`,
    text: `Deleted runs go to the trash of the project and can be restored for ${days} ${days === 1 ? 'day' : 'days'}.${isMatching() ? ' Those whose job is queued or running stay.' : ''}`,
    yes: count === 1 ? 'Delete run' : 'Delete runs',
    no: count === 1 ? 'Keep it' : 'Keep them',
  });
  if (agreed) change('trash', {}, ids);
}

async function archive(action) {
  const all = total();
  const hides = action === 'archive';
  const agreed =
    !isMatching() ||
    (await ask({
      title: hides ? `Archive all ${some(all)} that match?` : `Show all ${some(all)} in lists again?`,
      text: hides ? 'Those that are queued or running stay. Nothing is lost: the archive shows them again.' : 'They leave the archive.',
      yes: hides ? 'Archive them' : 'Show them',
      no: 'Leave them',
    }));
  if (agreed) change(action);
}

const SAID = { tag: 'tagged', untag: 'changed', group: 'regrouped', color: 'in their colour now', cancel: 'cancelled or asked to stop', archive: 'archived', unarchive: 'back in the list', trash: 'moved to the trash', restore: 'restored' };
const OPPOSITE = { archive: 'unarchive', unarchive: 'archive', trash: 'restore' };

async function change(action, fields = {}, ids = [...selected.keys()]) {
  const url = $('#bulk').dataset.action;
  const everyOne = isMatching();
  const target = everyOne ? [url + location.search, { of: 'matching', expected: total() }] : [url, { run: ids }];
  let done;
  try {
    ({ done } = await (await post(target[0], { action, ...target[1], ...fields })).json());
  } catch (error) {
    toast(error.message);
    return;
  }
  const opposite = everyOne ? null : OPPOSITE[action];
  toast(`${some(done)} ${SAID[action]}`, opposite ? () => change(opposite, {}, ids) : null);
  if (OPPOSITE[action]) ids.forEach((id) => selected.delete(id));
  await reload();
}

document.addEventListener('submit', (event) => {
  const form = event.target;
  if (!['bulk-tag', 'bulk-group', 'bulk-color'].includes(form.id)) return;
  event.preventDefault();
  form.hidden = true;
  if (form.id === 'bulk-tag') change(event.submitter?.value ?? 'tag', { tags: form.elements.tags.value });
  else if (form.id === 'bulk-color') change('color', { color: event.submitter.value });
  else change('group', { group: form.elements.group.value });
});

// Live: cells change in place. What would move rows waits for the reader: new ones, another order, some that left.
const keyOf = (row) => row.dataset.group ?? row.dataset.run;
const listed = (root) => $$('#run-rows tr[data-run]:not([data-in]), #run-rows tr[data-group]', root);

function news(detail) {
  const now = listed(region());
  const then = listed(detail.fresh);
  const here = now.map(keyOf);
  const there = then.map(keyOf);
  const fresh = there.filter((key) => !here.includes(key)).length;
  const gone = now.filter((row) => !there.includes(keyOf(row)));
  now.forEach((row) => row.classList.toggle('stale', gone.includes(row)));
  const kept = here.filter((key) => there.includes(key));
  const moved = kept.some((key, place) => there.filter((one) => here.includes(one))[place] !== key);
  const what = now[0]?.dataset.group || then[0]?.dataset.group ? 'group' : 'run';
  const words = [];
  if (fresh) words.push(`${fresh} new ${what}${fresh === 1 ? '' : 's'}`);
  if (gone.length && !fresh) words.push(`${gone.length} ${what}${gone.length === 1 ? '' : 's'} left this page`);
  if (moved && !fresh) words.push('the order has changed');
  const said = words.join(', ');
  return said && `${said[0].toUpperCase()}${said.slice(1)}. Show ${fresh ? 'them' : 'it'}`;
}

document.addEventListener('refreshed', ({ detail }) => {
  const banner = $('[data-show-new]', region());
  if (!banner) return;
  const said = news(detail);
  banner.hidden = !said;
  if (banner.textContent !== said) banner.textContent = said;
  const count = $('#runs', detail.fresh)?.dataset.total;
  if (count === undefined || count === region().dataset.total) return;
  region().dataset.total = count;
  paint();
});

// A swap of the table keeps where the reader had scrolled to sideways and what is selected, before anybody sees
// the new rows: settling comes some frames later.
let scrolled = 0;
document.addEventListener('htmx:beforeSwap', () => (scrolled = $('[data-keep-scroll]')?.scrollLeft ?? 0));
document.addEventListener('htmx:afterSwap', () => {
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
