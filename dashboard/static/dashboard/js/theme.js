// Light or dark: the system's choice until the reader makes one. A "themechange" event tells charts to redraw.
const system = matchMedia('(prefers-color-scheme: dark)');
const root = document.documentElement;

export const isDark = () => (root.dataset.theme ? root.dataset.theme === 'dark' : system.matches);

export function toggleTheme() {
  const next = isDark() ? 'light' : 'dark';
  root.dataset.theme = next;
  try {
    localStorage.setItem('theme', next);
  } catch {
    // Storage is blocked: the choice lasts for this page.
  }
  dispatchEvent(new Event('themechange'));
}

system.addEventListener('change', () => dispatchEvent(new Event('themechange')));
