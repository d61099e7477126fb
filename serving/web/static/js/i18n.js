/** Texts of the page's language: the server puts the catalogue into the page. */

const catalogue = JSON.parse(document.getElementById("messages")?.textContent || "{}");

export const language = document.documentElement.lang || "zh-CN";

/** Translate `text` and fill `{name}` places from `values`. */
export function _(text, values = {}) {
  const template = catalogue[text] ?? text;
  return template.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? values[name] : whole));
}
