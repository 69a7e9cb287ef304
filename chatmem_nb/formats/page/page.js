"use strict";
const search = document.getElementById("search");
const found = document.getElementById("found");
const sessions = [...document.querySelectorAll(".session")];
let texts = null; // taken at the first search: a page of many messages opens no slower for it

function filter() {
  const wanted = search.value.trim().toLowerCase();
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

let waiting;
search.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(filter, 120); });
document.getElementById("theme").addEventListener("click", () => {
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const root = document.documentElement;
  const now = root.dataset.theme ?? (dark ? "dark" : "light");
  root.dataset.theme = now === "dark" ? "light" : "dark";
});
