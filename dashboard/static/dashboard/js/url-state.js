// The URL is the state: controls read and write query parameters without a reload,
// and "addresschange" tells of it.
export const get = (key, fallback = null) => new URLSearchParams(location.search).get(key) ?? fallback;

export function set(key, value) {
  const url = new URL(location.href);
  if (value === '' || value == null) url.searchParams.delete(key);
  else url.searchParams.set(key, value);
  history.replaceState(history.state, '', url);
  dispatchEvent(new Event('addresschange'));
}

// Lists of names, such as charts: a comma parts them, so one in a name is escaped.
export const inList = (name) => name.replace(/[%,]/g, encodeURIComponent);
export const list = (key) => get(key, '').split(',').filter(Boolean);

// Another address with these parts of this one: with all that are here, in their order, and no others.
export function carried(href, names) {
  const there = new URL(href, location.href);
  for (const name of names) there.searchParams.delete(name);
  for (const name of names) if (get(name)) there.searchParams.set(name, get(name));
  return there;
}
