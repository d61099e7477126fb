/** What each name of an act does. Keys (`key_table.js`) and `data-act` buttons lead here. */

const acts = new Map();

/** Add acts: `{name: function}`; a module of the review screen registers its own. */
export function registerActs(functionByName) {
  for (const [name, run] of Object.entries(functionByName)) acts.set(name, run);
}

/** Do an act; one that this page does not have does nothing. */
export function runAct(name) {
  return acts.get(name)?.();
}
