/** Short messages at the edge of the page, with an action such as undo. */

const region = document.getElementById("toasts");

/** Show `text` for a while; `action` = {label, run} adds a button. Returns a function to close it. */
export function showToast(text, { action = null, tone = "plain", lastsMs = 6000 } = {}) {
  const toast = document.createElement("div");
  toast.className = `toast toast-${tone}`;
  const message = document.createElement("span");
  message.textContent = text;
  toast.append(message);
  const close = () => toast.remove();
  if (action) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "button button-small";
    button.textContent = action.label;
    button.addEventListener("click", () => {
      close();
      action.run();
    });
    toast.append(button);
  }
  // One plain message at a time; what went wrong stays until its time is over.
  for (const old of region.querySelectorAll(".toast:not(.toast-danger)")) old.remove();
  region.append(toast);
  while (region.children.length > 3) region.firstElementChild.remove();
  setTimeout(close, lastsMs);
  return close;
}
