// The keys of runs as one row: "h" leads into it, arrows along it, Space or Enter shows or hides a run.
import { $, $$ } from './dom.js';

const MOVES = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity };
const keys = () => $$('[data-toggle-run]');

addEventListener('key', ({ detail: key }) => {
  if (key === 'h') $('[data-toggle-run]')?.focus();
});
document.addEventListener('keydown', (event) => {
  const by = MOVES[event.key];
  if (by === undefined || !event.target.matches?.('[data-toggle-run]')) return;
  event.preventDefault();
  const all = keys();
  all[Math.max(0, Math.min(all.length - 1, all.indexOf(event.target) + by))].focus();
});
