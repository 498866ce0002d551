"use strict";
// Search over SEARCH_INDEX: entries of [title, kind, place, text, url]. Every word of the query has to be
// found. Whole words count more than beginnings, these more than other parts; titles count more than texts;
// options count less, code least.

const RESULTS_MAX = 12;
const WEIGHTS = { option: 0.5, code: 0.2 };
const FILLERS = new Set("a an the of to in for and or how do i is".split(" "));
const root = document.body.dataset.root;
const field = document.getElementById("search");
const list = document.getElementById("results");
const menu = document.getElementById("menu");

function fold(text) {
  return text.toLowerCase().normalize("NFD").replace(/\p{M}/gu, "");
}

function split(text) {
  return text.match(/[\p{L}\p{N}_]+/gu) ?? [];
}

// A name such as MOVIES_SEED is found by its parts, too.
function splitNames(text) {
  return split(text).flatMap((word) => [word, ...word.split("_")]);
}

let folded = null;

function entries() {
  folded ??= SEARCH_INDEX.map(([title, kind, place, text, url]) => {
    const [foldedTitle, foldedText] = [fold(title), fold(`${place} ${text}`)];
    return { title, kind, place, text, url, foldedTitle, foldedText,
      titleWords: splitNames(foldedTitle), textWords: splitNames(foldedText) };
  });
  return folded;
}

function points(word, text, words) {
  if (words.includes(word)) return 12;
  if (words.some((each) => each.startsWith(word))) return 6;
  return text.includes(word) ? 1 : 0;
}

function score(entry, query, words) {
  let total = entry.foldedTitle === query ? 100 : 0;
  for (const word of words) {
    const found = 4 * points(word, entry.foldedTitle, entry.titleWords) + points(word, entry.foldedText, entry.textWords);
    if (!found) return 0;
    total += found / words.length;
  }
  if (entry.foldedText.startsWith(query)) total += 20;
  return total * (WEIGHTS[entry.kind] ?? 1) - entry.titleWords.length / 100;
}

function find(query) {
  const all = split(fold(query));
  const words = all.some((word) => !FILLERS.has(word)) ? all.filter((word) => !FILLERS.has(word)) : all;
  if (!words.length) return [];
  return entries()
    .map((entry) => [score(entry, fold(query), words), entry])
    .filter(([total]) => total > 0)
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
    for (const [name, text] of [["em", entry.kind], ["b", entry.title], ["i", entry.place], ["span", shorten(entry.text, query)]]) {
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

// Menu and contents are open where there is room for columns of their own.
for (const [part, width] of [[menu, 900], [document.querySelector(".contents"), 1200]]) {
  const wide = window.matchMedia(`(min-width: ${width}px)`);
  const adapt = () => { if (part) part.open = wide.matches; };
  wide.addEventListener("change", adapt);
  adapt();
}
document.querySelector("nav [aria-current]")?.scrollIntoView({ block: "nearest" });

// A button copies a code block: of a console only the commands, without prompts and output.
for (const block of navigator.clipboard ? document.querySelectorAll(".codehilite") : []) {
  const button = document.createElement("button");
  button.textContent = "Copy";
  button.addEventListener("click", async () => {
    const copy = block.querySelector("pre").cloneNode(true);
    const lines = copy.querySelector(".gp") ? /\n+/g : /\n/g;
    copy.querySelectorAll(".gp, .go").forEach((part) => part.remove());
    await navigator.clipboard.writeText(copy.textContent.trim().replace(lines, "\n"));
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });
  block.classList.add("copied");
  block.append(button);
}
