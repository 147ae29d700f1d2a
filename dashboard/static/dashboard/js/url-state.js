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
