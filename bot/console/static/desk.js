// Makes the desk live. Everything works without it: this only fetches again what has changed,
// sends without leaving the page, and adds the keyboard (keys.js), the search (phrases.js) and the
// alerts (alerts.js).
import { hear, ring, start, tell } from "./alerts.js";
import { when } from "./alive.js";
import { listen } from "./keys.js";
import "./media.js";
import { emptyReply, openBank, phraseId } from "./phrases.js";

const find = (selector) => document.querySelector(selector);
const csrf = find("meta[name=csrf]").content;
const desk = find("#desk");
const talk = find("#conversation");
const reply = find("#reply");
let over = false;

function leave() {
  over = true; // nothing asks whether to stay: the next one at this screen must not read on
  location.assign("/login");
}

// -- waits: counted here between two fetches ---------------------------------------------------

function words(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (number) => String(number).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

// The laptop's clock may be wrong; the server's words say how long it really is.
function parse(text) {
  return text.split(":").reduce((sum, part) => sum * 60 + Number(part), 0);
}

function startTicking(root) {
  const now = performance.now() / 1000;
  for (const wait of root.querySelectorAll(".wait")) wait.dataset.zero = now - parse(wait.textContent);
}

setInterval(() => {
  const now = performance.now() / 1000;
  for (const wait of document.querySelectorAll(".wait[data-zero]")) {
    wait.textContent = words(now - Number(wait.dataset.zero));
  }
}, 1000);

// -- the desk ----------------------------------------------------------------------------------

async function get(path) {
  const answer = await fetch(path, {
    headers: { Accept: "text/html" },
    redirect: "manual",
    signal: AbortSignal.timeout(10_000),
  });
  if (answer.type === "opaqueredirect" || answer.status === 401) leave();
  return answer;
}

async function post(path, body) {
  const answer = await fetch(`/api${path}`, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-CSRF": csrf },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(15_000),
  });
  if (answer.status === 401) leave();
  return answer;
}

// Shows a part anew; who stood on something in it stands there again, or at the part's beginning,
// and what they unfolded stays unfolded.
function show(part, html) {
  const key = part.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  const lost = part.contains(document.activeElement);
  const unfolded = [...part.querySelectorAll("details[open]")].map((one) => one.id);
  part.innerHTML = html; // our own template, escaped there
  for (const one of part.querySelectorAll("details")) one.open ||= unfolded.includes(one.id);
  startTicking(part);
  if (!lost) return;
  const again = key && part.querySelector(`[data-key="${CSS.escape(key)}"]`);
  if (!again) part.tabIndex = -1;
  (again ?? part).focus();
}

// A press is lost when its button, or a form on its way, is swapped for a new one in that moment.
const MOMENT = 500;
let pressedAt = -MOMENT;
for (const name of ["pointerdown", "pointerup", "submit"]) {
  addEventListener(name, () => (pressedAt = performance.now()), { capture: true });
}

async function untouched() {
  for (let rest; (rest = pressedAt + MOMENT - performance.now()) > 0; ) {
    await new Promise((done) => setTimeout(done, rest));
  }
}

async function refreshDesk() {
  const before = told;
  const answer = await get(desk.dataset.live);
  if (over) return;
  if (!answer.ok) throw new Error();
  const html = await answer.text();
  await untouched();
  show(desk, html);
  ringForOffers();
  if (told !== before) showTold(); // it is newer than what was fetched
}

// Somebody is offered to this counsellor, who may be looking elsewhere.
const offersShown = () => document.querySelectorAll("form[action$='/accept']").length;
let offers = offersShown();

function ringForOffers() {
  if (offersShown() > offers) ring("other");
  offers = offersShown();
}

// What is the same for everybody comes down the stream as it is shown (bot/console/live.py), by the id
// of the part it is shown in. Of several that come while a press goes on the last counts.
let [told, showing] = [null, false];

function showTold() {
  for (const [part, html] of Object.entries(told)) show(find(`#${part}`), html);
  for (const one of document.querySelectorAll("[data-mine-id]")) {
    const other = find(`[data-other="${CSS.escape(one.dataset.mineId)}"]`); // one's own stand above
    const list = other?.closest("section");
    other?.remove();
    if (list && !list.querySelector("li")) list.remove();
  }
}

async function hearDesk(event) {
  told = JSON.parse(event.data);
  if (showing) return;
  showing = true;
  await untouched();
  showing = false;
  if (!over) showTold();
}

// -- the conversation --------------------------------------------------------------------------

function problem(text) {
  find("#problem").textContent = text;
  find("#problem").hidden = !text;
}

// Words half written are shown to be copied, when the person is with somebody else: unless it is
// the person who has gone.
function close(text, unsent = "") {
  over = true;
  problem(text);
  if (unsent && find("#unsent")) {
    find("#unsent").hidden = false;
    find("#unsent-words").value = unsent;
  }
  // What the person erased must not stay on this screen.
  find("#lines").replaceChildren();
  find("#card").replaceChildren();
  if (find("#ending")?.open) find("#ending").close();
  const rest = "#say, #alarm, #phrases, .cards, .acts, #transfer, #flag, #own, .wrap-up, #nothing";
  for (const part of talk.querySelectorAll(rest)) part.remove();
}

let busy = Promise.resolve();

function refreshTalk() {
  busy = busy.then(fetchTalk).then(unveil).catch(again);
  return busy;
}

async function fetchTalk() {
  if (over) return;
  const last = find("#lines").lastElementChild?.dataset.id ?? "";
  const path = `/handoffs/${talk.dataset.id}`;
  const answer = await get(`${path}/lines?after=${encodeURIComponent(last)}`);
  if (over) return;
  if (answer.status === 410) return close(talk.dataset.gone);
  if (answer.status === 403) return close(talk.dataset.notYours, drafts());
  if (!answer.ok) throw new Error();
  showOffers(Number(answer.headers.get("X-Offers")));
  if (talk.dataset.mine === "1" && answer.headers.get("X-Mine") === "0") {
    return close(talk.dataset.notYours, drafts());
  }
  if (["wrap_up", "closed"].includes(answer.headers.get("X-State")) && find("#say")) {
    location.reload();
    return;
  }
  const { mine, state, holder } = talk.dataset;
  if (mine === "0" && (state !== answer.headers.get("X-State") || holder !== answer.headers.get("X-Holder"))) {
    await untouched();
    location.reload(); // who has them now, and what one may do
    return;
  }
  const more = await answer.text();
  if (find("#say") && talk.dataset.language !== answer.headers.get("X-Language")) await freshBank(path);
  if (over) return;
  if (more.trim()) {
    const scroll = find("#scroll");
    const atEnd = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 80;
    find("#nothing")?.remove();
    find("#lines").insertAdjacentHTML("beforeend", more);
    showHere();
    if (atEnd) scroll.scrollTop = scroll.scrollHeight;
  }
  const card = await get(`${path}/card`);
  if (over) return;
  if (!card.ok) throw new Error();
  const html = await card.text();
  await untouched();
  const isRed = () => find("#card .case-head .level.red");
  const before = Boolean(isRed());
  show(find("#card"), html);
  showAlarm();
  if (before || !isRed() || mine !== "1") return;
  tell(isRed().textContent); // a supervisor may have raised them: no line says so
  ring("red");
}

// Without opening hours the server knows no zone and says UTC: then it is this computer's.
const clock = new Intl.DateTimeFormat("en-CA", { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });

function showHere() {
  const alarm = find("#alarm");
  for (const time of find("#lines").querySelectorAll("time")) {
    const said = time.textContent;
    if (!said.endsWith("UTC")) continue;
    time.textContent = clock.format(new Date(time.dateTime));
    if (alarm) alarm.textContent = alarm.textContent.replace(said, time.textContent);
  }
}

// They read another language from now on: what is inserted and sent is what stands here.
async function freshBank(path) {
  const answer = await get(path);
  if (over) return;
  if (!answer.ok) throw new Error();
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  await untouched();
  for (const one of document.querySelectorAll(".phrase, .line-offer")) {
    const fresh = page.querySelector(`[name="${one.name}"][value="${CSS.escape(one.value)}"]`);
    if (fresh) one.innerHTML = fresh.innerHTML; // our own template, escaped there
    else one.hidden = one.disabled = true;
  }
  talk.dataset.language = page.querySelector("#conversation").dataset.language;
}

// A colleague would like to pass somebody on to this counsellor; it is answered on the desk.
function showOffers(count) {
  const sign = find("#offers");
  const more = count > Number(sign.dataset.count);
  sign.dataset.count = count;
  sign.hidden = !count;
  sign.textContent = sign.dataset.words.replace("{count}", count);
  if (!more) return;
  tell(sign.textContent);
  ring("other");
}

// What the card flags, above the reply, and which line was the last that is marked. Said again it is
// told again, to a screen reader too, also where nothing else on the page has changed.
const marks = () => document.querySelectorAll("#lines .line-flag");
let marked = marks().length;

function showAlarm() {
  const alarm = find("#alarm");
  if (!alarm) return;
  const now = [...marks()];
  const said = [...document.querySelectorAll("#card .flags li")].map((one) => one.textContent);
  const time = now.at(-1)?.closest("li").querySelector("time").textContent;
  if (time) said.push(alarm.dataset.marked.replace("{time}", time));
  const text = said.join(". ");
  if (!text || (alarm.textContent === text && now.length === marked)) return;
  const urgent = now.length === marked || now.slice(marked).some((one) => one.querySelector(".red"));
  marked = now.length;
  find("#ending")?.close(); // nobody ends a talk over words of danger not yet read
  alarm.hidden = false;
  alarm.textContent = "";
  setTimeout(() => (alarm.textContent = text), 100); // the same words once more are heard once more
  ring(urgent ? "red" : "other");
}

// Sends something, then shows what became of it; false when it did not go out, or nobody knows.
// `once` names the press: sent again with the same name, the person gets it once.
async function sendTo(path, body) {
  const answer = await post(path, body).catch(() => null);
  if (answer?.ok) problem("");
  else if (!answer || answer.status >= 500) problem(talk.dataset[/\/(say|cards)$/.test(path) ? "notKnown" : "broken"]);
  else {
    const { error } = await answer.json().catch(() => ({}));
    if (!["not_yours", "gone"].includes(error)) problem(talk.dataset[error] ?? talk.dataset.notSent);
  }
  refreshTalk(); // says so when the talk is over, or somebody else's; nobody waits for it
  return Boolean(answer?.ok);
}

const newName = () => crypto.getRandomValues(new Uint32Array(4)).join("-");

async function send(event) {
  event.preventDefault();
  const text = reply.value.trim();
  if (!text || reply.readOnly) return;
  reply.readOnly = true;
  const { once } = find("#say").elements;
  const sent = await sendTo(`/handoffs/${talk.dataset.id}/say`, { text, phrase: phraseId(), once: once.value });
  reply.readOnly = false;
  if (sent) {
    emptyReply();
    once.value = newName();
  }
  // Whoever has gone on to something else meanwhile stays there.
  if (document.activeElement === document.body || find("#say")?.contains(document.activeElement)) reply.focus();
}

// The names of cards that were pressed, until it is known that they went out: the card is drawn anew
// meanwhile. Pressed a while after the page last said so, the same one is meant once more.
const WHILE = 600_000;
const names = {};

function nameOf(what) {
  const now = performance.now();
  if (!names[what] || now - names[what].at > WHILE) names[what] = { once: newName(), at: now };
  return names[what].once;
}

async function sendCard(event) {
  const form = event.target;
  if (!form.matches("form.card")) return;
  event.preventDefault();
  if (form.dataset.busy) return; // pressed twice is sent once
  form.dataset.busy = "1";
  const { csrf: _, ...fields } = Object.fromEntries(new FormData(form, event.submitter));
  const what = JSON.stringify(fields);
  if (await sendTo(form.getAttribute("action"), { ...fields, once: nameOf(what) })) {
    delete names[what];
    tell(form.dataset.done ?? talk.dataset.sent);
  } else if (names[what]) names[what].at = performance.now();
  delete form.dataset.busy;
  const folded = form.closest("details");
  if (folded?.open) {
    folded.open = false;
    folded.querySelector("summary").focus();
  }
}

// -- the private note --------------------------------------------------------------------------

const note = find("#own-note");
let kept = note?.value ?? "";

function noteState(name) {
  find("#own-state").textContent = name ? find("#own-state").dataset[name] : "";
}

async function keepNote(event) {
  event.preventDefault();
  const text = note.value;
  try {
    const answer = await post(`/handoffs/${talk.dataset.id}/note`, { note: text });
    if (answer.ok) kept = text;
    noteState(!answer.ok ? "notSaved" : note.value === kept ? "saved" : "unsaved");
  } catch {
    noteState("notSaved");
  }
}

// Words not sent and not kept are not lost by a slip of the hand.
// The note stands under its name: it must not go to a person with the reply.
function drafts() {
  const own = note && note.value !== kept && note.value && `${find("label[for=own-note]").textContent}: ${note.value}`;
  return [reply?.value.trim(), own].filter(Boolean).join("\n\n");
}

const unsaved = () => !over && Boolean(drafts());

addEventListener("beforeunload", (event) => {
  if (unsaved()) event.preventDefault();
});

// -- ending: asked for first, where the person's next words can still be seen coming ---------------

function askToEnd(event) {
  event.preventDefault();
  find("#ending").showModal();
}

function goOn(event) {
  event.preventDefault();
  find("#ending").close();
  reply.focus();
}

// -- one's conversations -------------------------------------------------------------------------

let elsewhere = 0; // so much has happened with others than whom this page shows

// Somebody may have been taken in another window, or by a press whose answer was lost.
async function fetchMine() {
  const before = elsewhere;
  const answer = await get(`/desk/mine?talk=${talk.dataset.id}`);
  if (!answer.ok) throw new Error();
  const html = await answer.text();
  await untouched();
  if (elsewhere !== before) return refreshMine(); // what was marked meanwhile is newer
  const nav = find("#mine");
  show(nav, html);
  nav.hidden = !nav.children.length;
}

function refreshMine() {
  busy = busy.then(fetchMine).catch(again); // nobody waits for it
}

function go(step) {
  const links = [...document.querySelectorAll("[data-mine-id]")];
  const at = links.findIndex((one) => one.matches("[aria-current]"));
  links.at(at < 0 && step > 0 ? 0 : (Math.max(at, 0) + step) % links.length)?.click();
}

// Somebody else one talks with has written, or has gone.
function mark(change) {
  if (change.id && change.id !== talk?.dataset.id) elsewhere += 1;
  const link = talk && find(`.mine [data-mine-id="${CSS.escape(change.id)}"]:not([aria-current])`);
  if (!link) return;
  if (["abandoned", "closed", "expired"].includes(change.what)) link.remove();
  const sign = link.querySelector(".fresh");
  if (change.what === "said") sign.hidden = true; // in another window
  if (change.what !== "heard") return;
  sign.querySelector("b").textContent = sign.dataset.new;
  if (sign.hidden) { // else it goes on counting from their first words
    sign.querySelector(".wait").textContent = words(0);
    startTicking(sign);
  }
  sign.hidden = false;
  tell(link.textContent.trim().replace(/\s+/g, " "));
}

let taking = false;

// A talk is left only for somebody; with words unsaved the browser asks before anybody is taken.
// Pressed twice takes one: a form is once.js's.
async function takeNext() {
  if (taking) return;
  if (talk && !unsaved()) {
    taking = true;
    const answer = await post("/next", {}).catch(() => null);
    const said = await answer?.json().catch(() => null);
    const { handoff, error, wrap_up } = said ?? { error: "broken" };
    // Without an answer nobody knows whether somebody was taken: the desk shows it, if it can be had.
    const instead = !said && (await get("/desk/live").catch(() => null))?.ok && "/desk";
    const path = handoff ? `/handoffs/${handoff.id}` : instead;
    if (path) location.assign(path);
    else problem(talk.dataset[wrap_up ? "wrap_up_first" : error ?? "empty"] ?? talk.dataset.broken);
    taking = Boolean(path);
    return;
  }
  const form = Object.assign(document.createElement("form"), { method: "post", action: "/desk/next", hidden: true });
  form.append(Object.assign(document.createElement("input"), { name: "csrf", value: csrf }));
  document.body.append(form);
  form.requestSubmit();
}

// Who could take somebody over changes while one talks: the list is what it is when it is opened.
async function freshColleagues() {
  const list = find("#to");
  const answer = await get(`/handoffs/${talk.dataset.id}/colleagues`).catch(() => null);
  if (over || !answer?.ok) return;
  const html = await answer.text();
  const chosen = list.value;
  list.innerHTML = html; // our own template, escaped there
  const again = [...list.options].find((one) => one.value === chosen && !one.disabled);
  if (again || !chosen) list.value = chosen;
  else list.selectedIndex = -1; // chosen anew: nobody goes to the queue because a colleague is full
  list.required = list.selectedIndex < 0;
}

find("#to")?.addEventListener("change", ({ target }) => (target.required = false));
find("#transfer")?.addEventListener("toggle", (event) => event.target.open && freshColleagues());

function passOn() {
  const box = find("#transfer");
  if (!box) return;
  box.open = true;
  find("#to").focus();
}

// -- start -------------------------------------------------------------------------------------

let [planned, whole] = [0, false];

// Several changes at once are one refresh.
function refreshSoon(change, wait = Number(desk?.dataset.wait ?? 100)) {
  mark(change);
  const concerns = !talk || change.id === talk.dataset.id; // the desk hears of one's own only
  if (!concerns && change.what !== "resync") return;
  whole ||= change.what === "resync";
  if (planned) return;
  planned = setTimeout(() => {
    if (talk) refreshTalk();
    else refreshDesk().catch(again);
    if (talk && whole) refreshMine();
    [planned, whole] = [0, false];
  }, wait);
}

function again() {
  refreshSoon({ what: "resync" }, 3000);
}

function link(live) {
  const sign = find("#link");
  const text = live ? sign.dataset.live : sign.dataset.lost;
  if (sign.textContent === text) return;
  sign.hidden = false;
  sign.classList.toggle("lost", !live);
  sign.textContent = text;
}

/** The server says something at least every 15 seconds; after so many milliseconds the line is dead. */
const SILENT = 45_000;
const wish = talk ? `?talk=${talk.dataset.id}` : desk?.dataset.told === undefined ? "" : "?desk";
let [events, heardAt] = [null, 0];

// A browser has six connections at most to one place without HTTP/2, for all its pages and their signs
// of life together: six streams, and everybody would be lost. So a hidden page lets its stream go, but
// for one, which passes on what it hears. Those that hear of every change have one of their own.
const kind = wish ? "own" : "all";
const passed = new BroadcastChannel(`events.${kind}`);
let keeps = false; // its stream while hidden

function follow(stream) {
  stream.addEventListener("open", () => refreshSoon({ what: "resync" }));
  stream.addEventListener("change", (event) => refreshSoon(JSON.parse(event.data)));
  stream.addEventListener("own", () => refreshSoon({ what: "resync" }));
  stream.addEventListener("signed_out", leave);
  hear(stream);
}

function connect() {
  events?.close();
  events = new EventSource(`/api/events${wish}`);
  const noted = () => (heardAt = performance.now());
  noted();
  for (const name of ["open", "alive", "change", "desk", "own", "queue"]) events.addEventListener(name, noted);
  events.addEventListener("open", () => link(true));
  events.addEventListener("error", () => link(false));
  events.addEventListener("desk", hearDesk);
  follow(events);
  for (const name of ["open", "change", "own", "queue", "signed_out"]) {
    events.addEventListener(name, ({ data }) => keeps && passed.postMessage({ name, data }));
  }
}

function listenOrRest() {
  if (!document.hidden || keeps) {
    if (!events) connect();
    return;
  }
  events?.close();
  events = null;
  // Nothing is passed on of a talk one only reads along: it may be erased meanwhile.
  talk?.classList.toggle("veiled", talk.dataset.mine === "0");
}

function unveil() {
  if (events) talk.classList.remove("veiled");
}

// For as long as the page lives; where there are no locks each page does.
function keep() {
  keeps = true;
  listenOrRest();
  return new Promise(() => {});
}

const resting = new EventTarget();
follow(resting);
passed.addEventListener("message", ({ data: { name, data } }) => {
  if (!events) resting.dispatchEvent(new MessageEvent(name, { data }));
});

// A browser gives up for good at any answer but 200, and never notices a line that is only half open.
setInterval(() => {
  if (!events) return;
  if (events.readyState !== EventSource.CLOSED && performance.now() - heardAt < SILENT) return;
  link(false);
  connect();
}, 5000);

// The board also shows who has fallen silent, of which no event tells.
if (desk?.dataset.every) setInterval(() => refreshSoon({ what: "resync" }), Number(desk.dataset.every));

// Asked once: unsaved words may keep the page.
Object.assign(when, { 401: leave, 403: () => location.reload() });

listen({
  KeyJ: () => go(1),
  KeyK: () => go(-1),
  KeyT: takeNext,
  KeyR: () => reply?.focus(),
  KeyN: () => note?.focus(),
  KeyX: passOn,
  KeyE: () => find("button.end")?.click(),
  "/": openBank,
  "?": () => find("#help").showModal(),
});
find("#show-help").hidden = false;
find("#show-help").addEventListener("click", () => find("#help").showModal());
if (navigator.locks) navigator.locks.request(`events.${kind}`, keep).catch(keep);
else keep();
document.addEventListener("visibilitychange", listenOrRest);
listenOrRest();
start();
startTicking(document);
if (find("#say")) {
  find("#say").addEventListener("submit", send);
  // Words typed anew are meant anew, also when they are the same.
  reply.addEventListener("input", () => (find("#say").elements.once.value = newName()));
  find("button.end").addEventListener("click", askToEnd);
  find("#go-on").addEventListener("click", goOn);
}
if (note) {
  find("#own").addEventListener("submit", keepNote);
  note.addEventListener("input", () => noteState(note.value === kept ? "" : "unsaved"));
}
talk?.addEventListener("submit", sendCard);
if (talk) {
  showHere();
  find("#scroll").scrollTop = find("#scroll").scrollHeight;
}
