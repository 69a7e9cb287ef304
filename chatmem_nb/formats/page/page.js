"use strict";
const search = document.getElementById("search");
const found = document.getElementById("found");
const sessions = [...document.querySelectorAll(".session")];
const rows = [...document.querySelectorAll(".row")]; // of an index; the messages are on its pages
let texts = null; // taken at the first search: a page of many messages opens no slower for it

function filter() {
  const wanted = search.value.trim().toLowerCase();
  if (rows.length) return filterRows(wanted);
  texts ??= sessions.map((session) => [...session.querySelectorAll("article")].map((article) => [
    article, article.textContent.toLowerCase(),
  ]));
  let count = 0;
  sessions.forEach((session, i) => {
    const named = session.querySelector("h2").textContent.toLowerCase().includes(wanted);
    let shown = 0;
    for (const [article, text] of texts[i]) {
      article.hidden = !(named || text.includes(wanted));
      shown += !article.hidden;
    }
    session.hidden = shown === 0 && wanted !== "";
    if (wanted && shown) session.open = true;
    count += shown;
  });
  found.textContent = wanted ? `${count} ${count === 1 ? "message" : "messages"}` : "";
}

function filterRows(wanted) {
  for (const row of rows) row.hidden = !row.textContent.toLowerCase().includes(wanted);
  const count = rows.filter((row) => !row.hidden).length;
  const lines = `${count} ${count === 1 ? "line" : "lines"} of this index`;
  found.textContent = wanted ? `${lines}; each page searches its own messages` : "";
}

let waiting;
search.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(filter, 120); });
document.getElementById("theme").addEventListener("click", () => {
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const root = document.documentElement;
  const now = root.dataset.theme ?? (dark ? "dark" : "light");
  root.dataset.theme = now === "dark" ? "light" : "dark";
});
