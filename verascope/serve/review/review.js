"use strict";
// The review page. All texts are set as text; what changes something sends the page's own token.
const TOKEN = document.querySelector("meta[name=csrf-token]").content;
const byId = (id) => document.getElementById(id);
const state = {items: [], at: -1, last: null, chosen: null};

async function ask(path, method = "GET", body) {
  const headers = {"x-csrf-token": TOKEN};
  if (body) headers["content-type"] = "application/json";
  const answer = await fetch("/review/" + path, {method, headers, body: body && JSON.stringify(body)});
  if (answer.status === 401) { location.reload(); throw new Error("signed out"); }
  const told = await answer.json();
  if (!answer.ok) throw new Error(told.detail || "it failed");
  return told;
}

async function load(keep) {
  const told = await ask("queue");
  state.items = told.items;
  byId("queue").replaceChildren(...told.items.map((item, index) => {
    const entry = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = `${item.name} · ${item.verdict || "not judged"}`;
    button.addEventListener("click", () => show(index));
    entry.append(button);
    return entry;
  }));
  agreement(told.agreement);
  say(`${told.number} ${told.number === 1 ? "item waits" : "items wait"}`);
  if (told.items.length) await show(Math.min(Math.max(0, keep), told.items.length - 1));
  else nothing();
}

async function show(index) {
  state.at = index;
  [...byId("queue").querySelectorAll("button")].forEach((button, place) =>
    button.setAttribute("aria-current", String(place === index)));
  const item = await ask("items/" + state.items[index].id);
  const result = item.result;
  byId("decision").hidden = false;
  byId("name").textContent = item.name;
  picture("picture", `/review/items/${item.id}/picture`);
  picture("heat", `/review/items/${item.id}/heat`);
  byId("picture-says").textContent = [result.input.media_type, result.input.width &&
    `${result.input.width} × ${result.input.height}`].filter(Boolean).join(", ");
  byId("verdict").textContent = result.score === null ? `Not judged: ${result.reason}` :
    `${result.verdict}: ${result.score.toFixed(2)} (${result.interval.map((x) => x.toFixed(2)).join(" to ")})`;
  list("evidence", result.evidence.map((each) => each.statement));
  provenance(result.provenance);
  list("similar", item.similar.map((each) =>
    `${each.choice}: ${each.name} at ${each.score.toFixed(2)}${each.reason ? " – " + each.reason : ""}`), "None yet");
  choices(item.choices);
  for (const decision of item.decisions) {
    const other = document.createElement("li");
    other.textContent = `A first reviewer decided ${decision.choice}${decision.reason ? ": " + decision.reason : ""}`;
    byId("similar").append(other);
  }
  byId("reason").value = "";
  byId("second").checked = false;
  byId("item").focus({preventScroll: true});
}

function picture(id, source) {
  const image = byId(id);
  image.hidden = true;
  image.onload = () => { image.hidden = false; };
  image.src = source;
}

function provenance(found) {
  const place = byId("provenance");
  place.replaceChildren();
  if (!found) return place.append(text("p", "It was not looked at."));
  place.append(text("p", `Content Credential: ${found.outcome}`));
  const claims = document.createElement("ul");
  claims.append(...found.claims.map((claim) => text("li", claim.statement)));
  place.append(claims);
  if (found.history) place.append(tree(found.history));
}

function tree(node) {
  const all = document.createElement("ul");
  const signer = node.signer ? ` (signed by ${node.signer.name || "unknown"})` : "";
  const entry = text("li", `${node.title || node.label || "ingredient"}${signer}`);
  for (const each of node.ingredients) entry.append(tree(each));
  all.append(entry);
  return all;
}

function choices(names) {
  state.chosen = null;
  byId("choices").replaceChildren(...names.map((name, index) => {
    const label = document.createElement("label");
    label.className = "inline";
    const input = document.createElement("input");
    Object.assign(input, {type: "radio", name: "choice", value: name, required: true});
    input.addEventListener("change", () => { state.chosen = name; });
    label.append(input, `${name} `, text("kbd", String(index + 1)));
    return label;
  }));
}

async function decide() {
  if (!state.chosen) return say("Choose first: 1 to 4");
  const id = state.items[state.at].id;
  await ask(`items/${id}/decision`, "POST",
    {choice: state.chosen, reason: byId("reason").value, second: byId("second").checked});
  state.last = id;
  byId("undo").disabled = false;
  await load(state.at);
}

async function undo() {
  if (!state.last) return;
  await ask(`items/${state.last}/decision`, "DELETE");
  state.last = null;
  byId("undo").disabled = true;
  await load(0);
}

function agreement(table) {
  const verdicts = Object.keys(table).sort();
  const names = [...new Set(verdicts.flatMap((verdict) => Object.keys(table[verdict])))].sort();
  const head = document.createElement("tr");
  head.append(...["machine", ...names].map((name) => Object.assign(text("th", name), {scope: "col"})));
  byId("agreement").tHead.replaceChildren(head);
  byId("agreement").tBodies[0].replaceChildren(...verdicts.map((verdict) => {
    const row = document.createElement("tr");
    row.append(Object.assign(text("th", verdict), {scope: "row"}),
      ...names.map((name) => text("td", String(table[verdict][name] || 0))));
    return row;
  }));
}

function list(id, lines, none = "Nothing") {
  byId(id).replaceChildren(...(lines.length ? lines : [none]).map((line) => text("li", line)));
}

function nothing() {
  state.at = -1;
  byId("name").textContent = "Nothing waits";
  byId("decision").hidden = true;
  for (const id of ["picture", "heat"]) byId(id).hidden = true;
  for (const id of ["evidence", "similar", "provenance"]) byId(id).replaceChildren();
  byId("verdict").textContent = byId("picture-says").textContent = "";
}

function text(kind, words) {
  return Object.assign(document.createElement(kind), {textContent: words});
}

function say(words) {
  byId("status").textContent = words;
}

const guarded = (work) => (...given) => Promise.resolve(work(...given)).catch((error) => say(error.message));

byId("decision").addEventListener("submit", (event) => { event.preventDefault(); guarded(decide)(); });
byId("undo").addEventListener("click", guarded(undo));
byId("sign-out").addEventListener("click", guarded(async () => { await ask("session", "DELETE"); location.reload(); }));
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("textarea, input:not([type=radio])")) return;
  const keys = {
    j: () => state.at + 1 < state.items.length && show(state.at + 1),
    k: () => state.at > 0 && show(state.at - 1),
    u: undo,
    r: () => { event.preventDefault(); byId("reason").focus(); },
    Enter: () => { if (!event.target.matches("button, summary")) { event.preventDefault(); return decide(); } },
  };
  if (/^[1-4]$/.test(event.key)) {
    const input = byId("choices").querySelectorAll("input")[event.key - 1];
    if (input) { input.checked = true; state.chosen = input.value; input.focus(); }
  } else if (keys[event.key]) guarded(keys[event.key])();
});
guarded(load)(0);
