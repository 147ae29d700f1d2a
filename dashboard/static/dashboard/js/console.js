// Console: lines in columns (time, level, text), live tail, follow, search over all lines. Follow and search are in the
// address.
import { $ } from './dom.js';
import { every } from './live.js';
import * as state from './url-state.js';

const LINE = /^(\d\d:\d\d:\d\d)\s+([A-Z]+)\s+([\s\S]*)$/;
const MOST_KEPT = 5000;

function lineNode({ number, text, stream }) {
  const row = document.createElement('div');
  row.dataset.line = number;
  row.dataset.stream = stream;
  return format(row, text);
}

function format(row, text) {
  const found = LINE.exec(text);
  const cells = [document.createElement('time'), document.createElement('b'), document.createElement('span')];
  const [time, level, rest] = found ? found.slice(1) : ['', '', text];
  cells[0].textContent = time;
  const isError = row.dataset.stream === 'stderr';
  cells[1].textContent = isError && level === 'INFO' ? 'err' : level.slice(0, 5);
  if (isError) row.title = 'standard error';
  cells[2].textContent = rest;
  row.className = level === 'WARNING' || level === 'WARN' ? 'WARN' : level;
  row.replaceChildren(...cells);
  return row;
}

function emptyNote(text, live) {
  const note = document.createElement('p');
  note.className = 'note';
  note.dataset.consoleEmpty = '';
  const nothing = live ? 'Nothing was printed yet.' : 'Nothing was printed.';
  note.textContent = text ? `No line holds “${text}”.` : nothing;
  return note;
}

function bind(box) {
  const card = box.closest('.card');
  const follow = $('[data-console-follow]', card);
  const find = $('[data-console-find]', card);
  let next = Number(box.dataset.next);
  let asked = 0;

  const toBottom = () => {
    if (follow.checked) box.scrollTop = box.scrollHeight;
  };
  const address = (after) => {
    const url = new URL(box.dataset.console, location.origin);
    url.searchParams.set('after', after);
    if (find.value) url.searchParams.set('contains', find.value);
    return url;
  };
  const take = async (after, replace) => {
    const mine = replace ? ++asked : asked;
    const answer = await fetch(address(after), { headers: { Accept: 'application/json' } });
    if (!answer.ok) throw new Error(`console: ${answer.status}`);
    const page = await answer.json();
    if (mine !== asked) return true;
    if (replace) box.replaceChildren(emptyNote(find.value, page.live));
    if (page.lines.length) $('[data-console-empty]', box)?.remove();
    box.append(...page.lines.map(lineNode));
    while (box.childElementCount > MOST_KEPT) box.firstElementChild.remove();
    next = page.next;
    find.placeholder = `find in ${page.total.toLocaleString('en')} lines`;
    toBottom();
    return page.live;
  };

  for (const row of [...box.querySelectorAll('[data-line]')]) format(row, row.textContent);
  toBottom();
  const remember = () => {
    const kept = follow.checked ? '' : '0';
    if (kept !== state.get('follow', '')) state.set('follow', kept);
  };
  box.addEventListener('scroll', () => {
    if (box.scrollHeight <= box.clientHeight) return; // nothing to leave the end of
    follow.checked = box.scrollTop + box.clientHeight > box.scrollHeight - 8;
    remember();
  });
  follow.addEventListener('change', () => {
    remember();
    toBottom();
  });
  let typed = 0;
  find.addEventListener('input', () => {
    clearTimeout(typed);
    typed = setTimeout(() => {
      state.set('find', find.value);
      take(find.value ? 0 : -400, true);
    }, 200);
  });
  if ('consoleLive' in box.dataset) every(2, () => take(next, false));
}

document.querySelectorAll('[data-console]').forEach(bind);
