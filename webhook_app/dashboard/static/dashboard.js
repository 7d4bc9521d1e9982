// What makes the pages pleasant; everything works without it.
"use strict";

// Parts of a page that follow what happens: fetched again every data-live seconds, and replaced where they differ.
async function refresh() {
  if (document.hidden) return;
  const answer = await fetch(location.href, { headers: { "X-Live": "1" }, credentials: "same-origin" });
  if (answer.redirected) return location.reload();
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of document.querySelectorAll("[data-live][id]")) {
    const fresh = page.getElementById(part.id);
    const busy = part.contains(document.activeElement) || part.querySelector("details[open]") || isSelected(part);
    if (!fresh || busy || fresh.innerHTML === part.dataset.shown) continue;
    part.dataset.shown = fresh.innerHTML;
    part.replaceChildren(...fresh.childNodes);
    if (!("live" in fresh.dataset)) part.removeAttribute("data-live");
    prepare(part);
  }
}

function isSelected(part) {
  const selection = getSelection();
  return !selection.isCollapsed && part.contains(selection.anchorNode);
}

function follow() {
  const live = document.querySelector("[data-live]");
  if (!live) return;
  setTimeout(() => refresh().catch(() => {}).finally(follow), 1000 * Number(live.dataset.live));
}

// Buttons that copy the text of the element they name.
function prepare(part) {
  if (!navigator.clipboard) return;
  for (const button of part.querySelectorAll("[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
      const before = button.textContent;
      button.textContent = "Copied";
      setTimeout(() => (button.textContent = before), 1500);
    });
  }
}

// Forms that only choose what is shown.
for (const form of document.querySelectorAll("form[data-auto]")) {
  form.querySelector("button").hidden = true;
  form.addEventListener("change", () => form.requestSubmit());
}

prepare(document);
follow();
