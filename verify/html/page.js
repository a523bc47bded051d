"use strict";
// The page reads without this script; it adds the filter, the buttons and the choice of colours.
const find = (id) => document.getElementById(id);
const root = document.documentElement;

function remembered(value) {
  try {
    if (value) localStorage.setItem("theme", value);
    return localStorage.getItem("theme");
  } catch {
    return null; // some browsers keep nothing for files
  }
}

const theme = find("theme");
theme.hidden = false;
root.dataset.theme = remembered() || "";
theme.addEventListener("click", () => {
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  remembered(root.dataset.theme);
});

function openTarget() {
  const target = location.hash && find(decodeURIComponent(location.hash.slice(1)));
  if (target && target.tagName === "DETAILS") {
    target.open = true;
    target.scrollIntoView();
  }
}
addEventListener("hashchange", openTarget);
openTarget();

const box = find("filter");
if (box) {
  const statements = [...document.querySelectorAll("details.statement")];
  const rows = [...document.querySelectorAll("table.verdicts tbody tr")];
  const texts = rows.map((row) => row.textContent.toLowerCase());
  const filter = () => {
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    rows.forEach((row, i) => {
      row.hidden = !words.every((word) => texts[i].includes(word));
      statements[i].hidden = row.hidden;
    });
    for (const paper of document.querySelectorAll("section.paper")) {
      paper.hidden = !paper.querySelector("tbody tr:not([hidden])");
    }
    find("count").textContent = words.length ? `${rows.filter((row) => !row.hidden).length} of ${rows.length}` : "";
  };
  box.addEventListener("input", filter);
  for (const [id, open] of [["open-all", true], ["close-all", false]]) {
    find(id).addEventListener("click", () => statements.forEach((one) => (one.open = open)));
  }
  box.parentElement.hidden = false;
  filter();
}
