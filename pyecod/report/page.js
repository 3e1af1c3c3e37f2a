"use strict";
const index = JSON.parse(document.getElementById("index").textContent);
const holder = document.getElementById("rows"), search = document.getElementById("search");
const rows = [...holder.children], states = new Set();
const clear = document.getElementById("clear"), shown = document.getElementById("shown");
const once = document.getElementById("once");

// what lies packed in the page: bodies of rows (b) and pictures (p), unpacked a chunk at a time when looked at
const unpacked = new Map();
function chunk(name) {
  if (!unpacked.has(name)) {
    const bytes = Uint8Array.from(atob(document.getElementById(name).textContent), c => c.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    unpacked.set(name, new Response(stream).text().then(JSON.parse));
  }
  return unpacked.get(name);
}
const item = async (kind, n) => (await chunk(kind + Math.floor(n / index.chunk)))[n % index.chunk];

async function unfold(row) {
  if (row.dataset.unfolded) return;
  row.dataset.unfolded = "yes";
  const body = document.createElement("div");
  body.className = "body";
  row.append(body);
  try {
    body.innerHTML = await item("b", rows.indexOf(row));
    for (const place of body.querySelectorAll("[data-picture]"))
      place.innerHTML = await item("p", Number(place.dataset.picture));
  } catch (error) {
    body.textContent = "This browser cannot unpack the picture (" + error + "). A newer one can.";
  }
}
holder.addEventListener("toggle", event => { if (event.target.open) unfold(event.target); }, true);

// search and filters: every word must occur
function apply() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  let count = 0;
  rows.forEach((row, n) => {
    const fits = (!states.size || states.has(index.states[n])) && (once.ariaPressed === "false" || index.firsts[n])
      && words.every(word => index.texts[n].includes(word));
    row.hidden = !fits;
    count += fits;
  });
  const all = rows.length.toLocaleString("en");
  shown.textContent = count === rows.length ? all + " chains" : count.toLocaleString("en") + " of " + all + " chains";
  clear.hidden = count === rows.length && !words.length && !states.size;
  for (const button of document.querySelectorAll("[data-state]")) button.ariaPressed = states.has(button.dataset.state);
}
let waiting;
search.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(apply, 120); });
function look(words) {
  search.value = words;
  apply();
  document.getElementById("chains").scrollIntoView();
}

// sorting: names rise first, numbers fall first; what has no value comes last either way
const names = new Intl.Collator("en", { numeric: true });
function sort(button) {
  const column = Number(button.dataset.sort), before = button.getAttribute("aria-sort");
  const isName = typeof index.keys.find(key => key[column] !== null)?.[column] === "string";
  const rising = before ? before === "descending" : isName;
  for (const other of document.querySelectorAll(".head button")) other.removeAttribute("aria-sort");
  button.setAttribute("aria-sort", rising ? "ascending" : "descending");
  const order = rows.map((_, n) => n).sort((a, b) => {
    const x = index.keys[a][column], y = index.keys[b][column];
    if (x === null || y === null) return (x === null) - (y === null) || a - b;
    const difference = isName ? names.compare(x, y) : x - y;
    return (rising ? difference : -difference) || a - b;
  });
  holder.append(...order.map(n => rows[n]));
}

document.addEventListener("click", event => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button.dataset.sort) sort(button);
  else if (button.dataset.search !== undefined) look(button.dataset.search);
  else if (button.dataset.state) {
    states.delete(button.dataset.state) || states.add(button.dataset.state);
    apply();
  } else if (button === once) {
    once.ariaPressed = once.ariaPressed !== "true";
    apply();
  } else if (button === clear) {
    states.clear();
    once.ariaPressed = false;
    look("");
  }
});
document.addEventListener("keydown", event => {
  if (event.key === "/" && event.target !== search) {
    event.preventDefault();
    search.focus();
  }
});

// the numbers on hover, at once and legible; a title element would wait and clip
const tip = document.getElementById("tip");
document.addEventListener("pointerover", event => {
  const part = event.target.closest?.("svg g, [data-tip], [title]");
  if (part) {
    const title = part.querySelector(":scope > title");
    if (title) {
      part.dataset.tip = title.textContent;
      title.remove();
    } else if (part.title) {
      part.dataset.tip = part.title;
      part.removeAttribute("title");
    }
  }
  tip.hidden = !part?.dataset.tip;
  if (!tip.hidden) tip.textContent = part.dataset.tip;
});
document.addEventListener("pointermove", event => {
  if (tip.hidden) return;
  const x = Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8);
  const below = event.clientY + 18 + tip.offsetHeight < innerHeight;
  tip.style.left = Math.max(4, x) + "px";
  tip.style.top = (below ? event.clientY + 18 : event.clientY - tip.offsetHeight - 12) + "px";
});

// index.html#8s72_N opens that chain
function openNamed() {
  const row = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!row?.classList.contains("row")) return;
  if (row.hidden) clear.click();
  row.open = true;
  row.scrollIntoView();
}
addEventListener("hashchange", openNamed);
apply();
openNamed();
