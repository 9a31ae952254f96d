// Spares reloading the page: adds and removes rows, and swaps in answers. Everything works without it.
"use strict";

const form = document.getElementById("profile");

function renumber(row, name, number) {
  const start = name + ".";
  for (const attribute of ["name", "id", "for", "value", "data-name", "aria-describedby", "formaction"]) {
    for (const one of row.querySelectorAll(`[${attribute}]`)) {
      const text = one.getAttribute(attribute);
      const place = text.indexOf(start);
      if (place < 0 || (attribute === "value" && one.name !== "add")) continue;
      one.setAttribute(attribute, text.slice(0, place + start.length) + text.slice(place + start.length).replace(/^\d+/, number));
    }
  }
}

function empty(row) {
  for (const one of row.querySelectorAll("input, textarea, select")) {
    if (one.type === "checkbox") one.checked = false;
    else one.value = "";
  }
  for (const one of row.querySelectorAll(".fault")) one.remove();
  for (const inner of row.querySelectorAll(".rows")) {
    for (const extra of [...inner.children].slice(1)) extra.remove();
  }
}

function addRow(button) {
  const rows = document.getElementById("f-" + button.value);
  const numbers = [...rows.querySelectorAll("[name]")].map(
    (one) => parseInt(one.name.slice(button.value.length + 1), 10) || 0
  );
  const row = rows.lastElementChild.cloneNode(true);
  empty(row);
  renumber(row, button.value, Math.max(...numbers) + 1);
  rows.append(row);
  row.querySelector("input, select").focus();
}

function showRemove(within) {
  for (const one of within.querySelectorAll("button.remove")) one.hidden = false;
}

function removeRow(button) {
  const row = button.closest(".row");
  const rows = row.parentElement;
  if (rows.children.length > 1) row.remove();
  else empty(row);
  rows.querySelector("input, select").focus();
}

// What a control says, now or as the page came with it.
function said(one, asItCame) {
  if (one.type === "checkbox") return (asItCame ? one.defaultChecked : one.checked) ? one.value : "";
  if (!asItCame) return one.value;
  if (one.options) return ([...one.options].find((option) => option.defaultSelected) || one.options[0]).value;
  return one.defaultValue;
}

// What the form says of the patient; switches and questions say nothing of that.
function profile(asItCame) {
  const own = [...form.elements].filter(
    (one) => one.name && one.matches("input, select, textarea") && !/^(if[:-]|explain)/.test(one.name)
  );
  return JSON.stringify(own.map((one) => [one.name, said(one, asItCame)]).filter(([, value]) => value));
}

const older = document.getElementById("older");
const evaluated = older && profile(true);

function isOlder() {
  return older !== null && profile(false) !== evaluated;
}

function showOlder() {
  if (older) older.hidden = !isOlder();
}

// A switch that is turned shows its effect without taking the reader away from the switches. Of several answers for one
// place only that to the last question is shown, in whatever order they arrive.
const waiting = new Map();

async function swap(button, target, stay) {
  const fields = new URLSearchParams(new FormData(form, button));
  const mine = new AbortController();
  waiting.get(target)?.abort();
  waiting.set(target, mine);
  target.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch("/", { method: "POST", body: fields, signal: mine.signal });
    const found = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById(target.id);
    if (mine.signal.aborted) return true;
    if (!found) return false;
    target.replaceChildren(...found.childNodes);
    if (!stay) target.focus();
    return true;
  } catch {
    return mine.signal.aborted;
  } finally {
    if (waiting.get(target) === mine) target.removeAttribute("aria-busy");
  }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button.matches(".add")) {
    event.preventDefault();
    addRow(button);
  } else if (button.matches(".remove")) {
    removeRow(button);
    showOlder();
  }
});

form.addEventListener("submit", (event) => {
  const button = event.submitter;
  const target = button && button.dataset.swap && document.getElementById(button.dataset.swap);
  if (!target || isOlder()) return; // the whole page is made again: no answer beside a report on something else
  event.preventDefault();
  const stay = document.activeElement !== button;
  swap(button, target, stay).then((done) => {
    if (done) return;
    delete button.dataset.swap; // the whole page then says what is wrong
    form.requestSubmit(button);
  });
});

for (const one of document.querySelectorAll(".switches select")) {
  one.addEventListener("change", () => form.requestSubmit(document.getElementById("compare")));
}
for (const event of ["input", "change"]) document.addEventListener(event, showOlder);
window.addEventListener("pageshow", showOlder); // the browser may have put back what was typed before
showRemove(document);
const faults = document.getElementById("faults");
if (faults) faults.focus();
