"use strict";
// Search over SEARCH_INDEX: entries of [title, place, text, url]. All words have to be found; a word
// in the title counts more than one in the text, and a title that begins with it counts most.

const RESULTS_MAX = 12;
const root = document.body.dataset.root;
const field = document.getElementById("search");
const list = document.getElementById("results");
const menu = document.getElementById("menu");

function fold(text) {
  return text.toLowerCase().normalize("NFD").replace(/\p{M}/gu, "");
}

let folded = null;

function entries() {
  folded ??= SEARCH_INDEX.map(([title, place, text, url]) => ({
    title, place, text, url, foldedTitle: fold(title), foldedText: fold(`${place} ${text}`),
  }));
  return folded;
}

function score(entry, words) {
  let total = 0;
  for (const word of words) {
    if (entry.foldedTitle === word) total += 100;
    else if (entry.foldedTitle.startsWith(word)) total += 50;
    else if (entry.foldedTitle.includes(word)) total += 25;
    else if (entry.foldedText.includes(word)) total += 5;
    else return 0;
  }
  return total + (entry.url.startsWith("code/") ? 0 : 8) - entry.title.length / 100;
}

function find(query) {
  const words = fold(query).split(/\s+/).filter((word) => word);
  if (!words.length) return [];
  return entries()
    .map((entry) => [score(entry, words), entry])
    .filter(([points]) => points > 0)
    .sort(([one], [other]) => other - one)
    .slice(0, RESULTS_MAX)
    .map(([, entry]) => entry);
}

function shorten(text, query) {
  const at = Math.max(0, fold(text).indexOf(fold(query).split(/\s+/)[0]) - 40);
  return (at ? "…" : "") + text.slice(at, at + 140) + (text.length > at + 140 ? "…" : "");
}

function show() {
  const query = field.value.trim();
  const found = find(query);
  list.replaceChildren(...found.map((entry) => {
    const item = document.createElement("li");
    const link = document.createElement("a");
    link.href = root + entry.url;
    for (const [name, text] of [["b", entry.title], ["i", entry.place], ["span", shorten(entry.text, query)]]) {
      link.appendChild(document.createElement(name)).textContent = text;
    }
    item.append(link);
    return item;
  }));
  if (query && !found.length) {
    list.appendChild(document.createElement("li")).textContent = "Nothing found.";
  }
  list.hidden = !query;
}

field.addEventListener("input", show);
field.addEventListener("focus", show);
field.form.addEventListener("submit", (event) => {
  event.preventDefault();
  list.querySelector("a")?.click();
});
document.addEventListener("keydown", (event) => {
  const links = [...list.querySelectorAll("a")];
  const at = links.indexOf(document.activeElement);
  if (event.key === "/" && !["INPUT", "TEXTAREA"].includes(document.activeElement.tagName)) {
    event.preventDefault();
    field.focus();
  } else if (event.key === "Escape") {
    list.hidden = true;
    field.blur();
  } else if (event.key === "ArrowDown" && !list.hidden && links.length) {
    event.preventDefault();
    links[Math.min(at + 1, links.length - 1)].focus();
  } else if (event.key === "ArrowUp" && at >= 0) {
    event.preventDefault();
    (at ? links[at - 1] : field).focus();
  }
});
document.addEventListener("click", (event) => {
  if (!field.form.contains(event.target)) list.hidden = true;
});

// The menu is open where there is room for a column of its own.
const wide = window.matchMedia("(min-width: 900px)");
const adapt = () => { menu.open = wide.matches; };
wide.addEventListener("change", adapt);
adapt();
document.querySelector("nav [aria-current]")?.scrollIntoView({ block: "nearest" });
