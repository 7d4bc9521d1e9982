// Live updates, local times, long tables, copy buttons and forms that submit themselves; the pages work without this script.
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
    if ("live" in fresh.dataset) part.dataset.live = fresh.dataset.live;
    else part.removeAttribute("data-live");
    addCopyButtons(part);
    addLocalTimes(part);
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

// Shows times in the reader's zone, with UTC beside them; without this script they are UTC.
const pad = (number) => String(number).padStart(2, "0");
const localDay = (at) => `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())}`;
const localTime = (at) => `${pad(at.getHours())}:${pad(at.getMinutes())}:${pad(at.getSeconds())}`;
const isElsewhere = () => [0, 6].some((month) => new Date(new Date().getFullYear(), month).getTimezoneOffset() !== 0);

function zoneName() {
  const ahead = -new Date().getTimezoneOffset();
  const hours = `UTC${ahead < 0 ? "−" : "+"}${pad(Math.floor(Math.abs(ahead) / 60))}:${pad(Math.abs(ahead) % 60)}`;
  return `${Intl.DateTimeFormat().resolvedOptions().timeZone} (${hours})`;
}

function addLocalTimes(part) {
  if (!isElsewhere()) return;
  for (const element of part.querySelectorAll("time")) {
    const at = new Date(element.dateTime);
    if (isNaN(at)) continue;
    if (element.classList.contains("ago")) {
      element.title = `${localDay(at)} ${localTime(at)}, ${element.title}`;
    } else if ("zone" in element.dataset) {
      const utc = element.textContent.trim();
      const sameDay = utc.startsWith(localDay(at));
      const small = document.createElement("small");
      small.textContent = ` ${sameDay ? utc.slice(11, 19) : utc.slice(0, 19)} UTC`;
      element.replaceChildren(`${localDay(at)} ${localTime(at)}${utc.slice(19)}`, small);
    }
    element.removeAttribute("data-zone");
  }
}

// Fields for a time take the reader's; the form sends UTC.
function addLocalFields() {
  for (const field of document.querySelectorAll("input[data-zone]")) {
    const sent = document.createElement("input");
    Object.assign(sent, { type: "hidden", name: field.name });
    field.removeAttribute("name");
    if (field.value) {
      const at = new Date(`${field.value}Z`);
      field.value = `${localDay(at)}T${localTime(at).slice(0, 5)}`;
    }
    field.closest("label").querySelector(".zone").hidden = true;
    field.after(sent);
    field.form.addEventListener("submit", () => {
      sent.value = field.value ? new Date(field.value).toISOString().slice(0, 19) + "Z" : "";
      sent.disabled = !sent.value;
    });
  }
}

// A period and two times exclude each other.
function addPeriods() {
  for (const period of document.querySelectorAll("select[name=last]")) {
    const times = period.form.querySelectorAll("input[type=datetime-local]");
    period.addEventListener("change", () => period.value && times.forEach((field) => (field.value = "")));
    for (const field of times) field.addEventListener("change", () => field.value && (period.value = ""));
  }
}

// The key / leads to the search, where nothing is being typed.
document.addEventListener("keydown", (event) => {
  const search = document.querySelector(".search input[name=q]");
  const types = event.target.closest?.("input, textarea, select, [contenteditable]");
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || types || !search) return;
  event.preventDefault();
  search.focus();
  search.select();
});

if (isElsewhere()) {
  addLocalTimes(document);
  addLocalFields();
  const zone = document.getElementById("zone");
  if (zone) zone.textContent = `Times are those of ${zoneName()}, with UTC beside them.`;
}
addPeriods();
// Hides the rows of a table that do not contain what is typed; the form filters on the server.
for (const input of document.querySelectorAll("[data-filter]")) {
  input.addEventListener("input", () => {
    const part = input.value.trim().toLowerCase();
    for (const row of document.getElementById(input.dataset.filter)?.rows ?? []) {
      row.hidden = !row.cells[0].textContent.toLowerCase().includes(part);
    }
  });
}

// Shows the first rows of a long table, and the rest at a click.
for (const body of document.querySelectorAll("[data-first]")) {
  const rest = [...body.rows].slice(Number(body.dataset.first));
  if (rest.length < 2) continue;
  const button = document.createElement("button");
  Object.assign(button, { type: "button", className: "small", textContent: `Show ${rest.length} more` });
  button.addEventListener("click", () => {
    for (const row of rest) row.hidden = false;
    button.remove();
    rest[0].querySelector("a, td")?.focus();
  });
  for (const row of rest) row.hidden = true;
  body.closest(".scroll").after(button);
}

addCopyButtons(document);
scheduleRefresh();
