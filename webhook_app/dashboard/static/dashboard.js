// Live updates, copy buttons and forms that submit themselves; the pages work without this script.
"use strict";

// Fetches the page again every data-live seconds, and replaces the parts that differ.
async function refresh() {
  if (document.hidden) return;
  const response = await fetch(location.href, { headers: { "X-Live": "1" }, credentials: "same-origin" });
  if (response.redirected) return location.reload();
  if (!response.ok) return;
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  for (const part of document.querySelectorAll("[data-live][id]")) {
    const fresh = page.getElementById(part.id);
    const busy = part.contains(document.activeElement) || part.querySelector("details[open]") || isSelected(part);
    if (!fresh || busy || fresh.innerHTML === part.dataset.shown) continue;
    part.dataset.shown = fresh.innerHTML;
    part.replaceChildren(...fresh.childNodes);
    if (!("live" in fresh.dataset)) part.removeAttribute("data-live");
    addCopyButtons(part);
  }
}

function isSelected(part) {
  const selection = getSelection();
  return !selection.isCollapsed && part.contains(selection.anchorNode);
}

function scheduleRefresh() {
  const live = document.querySelector("[data-live]");
  if (!live) return;
  setTimeout(() => refresh().catch(() => {}).finally(scheduleRefresh), 1000 * Number(live.dataset.live));
}

// Shows the buttons that copy the text of the element in data-copy.
function addCopyButtons(part) {
  if (!navigator.clipboard) return;
  for (const button of part.querySelectorAll("[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
      const label = button.textContent;
      button.textContent = "Copied";
      setTimeout(() => (button.textContent = label), 1500);
    });
  }
}

// Forms that only change what is shown are submitted on every change.
for (const form of document.querySelectorAll("form[data-auto]")) {
  form.querySelector("button").hidden = true;
  form.addEventListener("change", () => form.requestSubmit());
}

addCopyButtons(document);
scheduleRefresh();
