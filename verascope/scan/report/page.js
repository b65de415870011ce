"use strict";
// Fills the table: filters, sorts and shows one page of the rows at a time, so that thousands of
// rows cost no more than fifty. What is chosen stands in the address behind #, to be linked to.
const ROWS = JSON.parse(document.getElementById("data").textContent).rows;
const PAGE = 50;
const byId = (id) => document.getElementById(id);
const filters = byId("filters");
const heads = [...document.querySelectorAll("#rows th")];
const state = {q: "", verdict: "", reason: "", folder: "", sort: "score", down: true, page: 0};
for (const row of ROWS) {
  row.text = [row.uri, ...(row.said || []), ...(row.odd || [])].join("\n").toLowerCase();
}

function start() {
  for (const key of ["verdict", "reason", "folder"]) {
    const values = [...new Set(ROWS.map((row) => row[key]).filter(Boolean))].sort();
    for (const value of values) filters[key].append(new Option(value, value));
  }
  const asked = new URLSearchParams(location.hash.slice(1));
  for (const key of Object.keys(state)) {
    if (!asked.has(key)) continue;
    const text = asked.get(key);
    state[key] = key === "page" ? Math.max(0, parseInt(text, 10) || 0) : key === "down" ? text === "true" : text;
    if (filters[key]) filters[key].value = text;
  }
  filters.addEventListener("submit", (event) => event.preventDefault());
  filters.addEventListener("input", () => {
    for (const key of ["q", "verdict", "reason", "folder"]) state[key] = filters[key].value;
    turn(0);
  });
  for (const head of heads) {
    head.querySelector("button").addEventListener("click", () => {
      const key = head.dataset.key;
      state.down = state.sort === key ? !state.down : key === "score";
      state.sort = key;
      turn(0);
    });
  }
  byId("previous").addEventListener("click", () => turn(state.page - 1));
  byId("next").addEventListener("click", () => turn(state.page + 1));
  show();
  document.documentElement.dataset.readyMs = Math.round(performance.now());
}

function turn(page) {
  state.page = page;
  show();
  const chosen = Object.entries(state).filter(([key, value]) => value !== "" && !(key === "page" && !value));
  history.replaceState(null, "", "#" + new URLSearchParams(chosen));
}

function show() {
  const q = state.q.toLowerCase();
  const found = ROWS.filter((row) => (!q || row.text.includes(q)) &&
    ["verdict", "reason", "folder"].every((key) => !state[key] || row[key] === state[key]));
  found.sort(compare);
  const pages = Math.max(1, Math.ceil(found.length / PAGE));
  state.page = Math.min(Math.max(0, state.page), pages - 1);
  const first = state.page * PAGE;
  const shown = found.slice(first, first + PAGE);
  document.querySelector("#rows tbody").replaceChildren(...shown.map(rowOf));
  byId("status").textContent = found.length
    ? `Showing ${first + 1} to ${first + shown.length} of ${found.length.toLocaleString("en")}`
    : "Nothing fits these filters";
  byId("previous").disabled = state.page === 0;
  byId("next").disabled = state.page === pages - 1;
  for (const head of heads) {
    const sorted = head.dataset.key === state.sort;
    if (sorted) head.setAttribute("aria-sort", state.down ? "descending" : "ascending");
    else head.removeAttribute("aria-sort");
  }
}

function compare(one, other) {
  const [a, b] = [one[state.sort], other[state.sort]];
  if (a === b) return 0;
  if (a === undefined) return 1;
  if (b === undefined) return -1;
  return (a < b ? -1 : 1) * (state.down ? -1 : 1);
}

function rowOf(row) {
  const line = document.createElement("tr");
  const cells = {
    uri: nameOf(row),
    verdict: text(row.verdict, `verdict ${row.verdict}`),
    score: text(row.score === undefined ? row.reason || "" :
      `${row.score.toFixed(2)} (${row.low.toFixed(2)}–${row.high.toFixed(2)})`),
    credential: text(row.credential || ""),
    action: text(row.action ? `${row.action} (${row.rule})` : ""),
  };
  for (const head of heads) {
    const cell = document.createElement("td");
    if (head.dataset.key !== "uri") cell.dataset.label = head.dataset.key;
    cell.append(cells[head.dataset.key]);
    line.append(cell);
  }
  return line;
}

function nameOf(row) {
  const all = document.createDocumentFragment();
  all.append(text(row.uri));
  for (const key of ["thumb", "heat"]) {
    if (!row[key]) continue;
    const picture = new Image();
    picture.src = row[key];
    picture.alt = key === "thumb" ? "The input, small" : "Heat map: where the score comes from";
    all.append(picture);
  }
  const more = [...(row.said || []), ...(row.odd || []), [row.type, row.size].filter(Boolean).join(", ")].filter(Boolean);
  if (more.length) {
    const details = document.createElement("details");
    const list = document.createElement("ul");
    details.append(text("Why", "", "summary"), list);
    list.append(...more.map((each) => text(each, "", "li")));
    all.append(details);
  }
  return all;
}

function text(value, style = "", kind = "span") {
  const element = document.createElement(kind);
  element.textContent = value;
  if (style) element.className = style;
  return element;
}

start();
