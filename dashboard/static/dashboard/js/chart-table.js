// The table behind a chart as a file: <button data-table-csv> beside <table data-chart-table="TITLE">.
import { $, $$ } from './dom.js';

const quoted = (text) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

export const csvOf = (rows) => rows.map((cells) => cells.map(quoted).join(',')).join('\r\n');

document.addEventListener('click', (event) => {
  const button = event.target.closest('[data-table-csv]');
  if (!button) return;
  const table = $('[data-chart-table]', button.closest('.card'));
  const rows = $$('tr', table).map((row) => [...row.cells].map((cell) => cell.textContent.trim()));
  const url = URL.createObjectURL(new Blob([csvOf(rows)], { type: 'text/csv' }));
  const link = document.createElement('a');
  link.download = `${table.dataset.chartTable.replace(/[^\w.-]+/g, '-')}.csv`;
  link.href = url;
  link.click();
  URL.revokeObjectURL(url);
});
