// The filter language as far as chips show it: conditions joined by AND or OR, without brackets.
// Pure functions; the server remains the judge of what a filter means.
const CONDITION = /^((?:[^\s"'()<>=!~]|\.(?:"(?:[^"\\]|\\.)*"))+(?:\((?:last|min|max|best)\))?)(?:\s*(<=|>=|!=|!~|=|<|>|~)\s*("(?:[^"\\]|\\.)*"|\S+)|\s+(IS(?:\s+NOT)?)\s+(NULL))$/i;
const JOINER = /\s+(AND|OR)\s+(?=(?:[^"]*"[^"]*")*[^"]*$)/i;

// Conditions as {join, field, op, value}; null when the text needs more than chips can show.
export function parse(text) {
  if (!text.trim()) return [];
  const parts = text.trim().split(JOINER);
  const out = [];
  for (let i = 0; i < parts.length; i += 2) {
    const found = CONDITION.exec(parts[i].trim());
    if (!found) return null;
    out.push({ join: i ? parts[i - 1].toUpperCase() : '', field: found[1], op: found[2] ?? found[4].toUpperCase(), value: found[3] ?? found[5] });
  }
  return out;
}

export const write = (conditions) =>
  conditions.map((c, i) => `${i ? `${c.join || 'AND'} ` : ''}${c.field} ${c.op} ${c.value}`).join(' ');

// A typed value as the language wants it: numbers and plain words bare, the rest quoted.
export const inQuotes = (value) => `"${value.replace(/(["\\])/g, '\\$1')}"`;
export const quoted = (value) => (/^[\w.+:/-]+$/.test(value) ? value : inQuotes(value));

// The value that was written, without its quotes.
export const bare = (text) => (/^".*"$/s.test(text) ? text.slice(1, -1).replace(/\\(.)/gs, '$1') : text);

// A field name whose key holds spaces or marks is written with its key in quotes.
export function fieldName(name) {
  const [, kind, key] = /^(params|metrics)\.([\s\S]+)$/.exec(name) ?? [];
  return kind && /[\s"'()<>=!~,]/.test(key) ? `${kind}."${key.replace(/(["\\])/g, '\\$1')}"` : name;
}
