// Makes the desk live. Everything works without it: this only fetches again what has changed,
// sends replies without leaving the page, and adds the keyboard.
const find = (selector) => document.querySelector(selector);
const csrf = find("meta[name=csrf]").content;
const desk = find("#desk");
const talk = find("#conversation");
const reply = find("#reply");
const title = document.title;
let over = false;

function leave() {
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

// -- sound: off until a counsellor wants it; it says that somebody is there and nothing else ------

const sound = find("#sound");
let tones = null;

function showSound() {
  const on = localStorage.getItem("sound") === "on";
  sound.hidden = false;
  sound.textContent = on ? sound.dataset.on : sound.dataset.off;
}

function toggleSound() {
  localStorage.setItem("sound", localStorage.getItem("sound") === "on" ? "off" : "on");
  showSound();
  chime(1);
}

// Browsers allow sound only after a press or a key on the page: until then there is none.
function chime(times) {
  if (localStorage.getItem("sound") !== "on" || !navigator.userActivation?.hasBeenActive) return;
  tones ??= new AudioContext();
  for (let at = 0; at < times; at += 1) {
    const [tone, volume, start] = [tones.createOscillator(), tones.createGain(), tones.currentTime + at * 0.4];
    tone.frequency.value = 587;
    volume.gain.setValueAtTime(0.0001, start);
    volume.gain.exponentialRampToValueAtTime(0.2, start + 0.03);
    volume.gain.exponentialRampToValueAtTime(0.0001, start + 0.35);
    tone.connect(volume).connect(tones.destination);
    tone.start(start);
    tone.stop(start + 0.36);
  }
}

function waitingIds() {
  return new Set([...desk.querySelectorAll(".queue > li")].map((one) => one.dataset.id));
}

// -- the desk ----------------------------------------------------------------------------------

async function get(path) {
  const answer = await fetch(path, { headers: { Accept: "text/html" }, redirect: "manual" });
  if (answer.type === "opaqueredirect" || answer.status === 401) leave();
  return answer;
}

async function refreshDesk() {
  const answer = await get("/desk/live");
  if (!answer.ok) return;
  const focused = document.activeElement?.dataset?.key;
  const known = waitingIds();
  desk.innerHTML = await answer.text(); // our own template, escaped there
  startTicking(desk);
  if (focused) desk.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
  const fresh = [...desk.querySelectorAll(".queue > li")].filter((one) => !known.has(one.dataset.id));
  if (fresh.length) chime(fresh.some((one) => one.classList.contains("red")) ? 3 : 1);
  count();
}

function count() {
  const waiting = desk.querySelectorAll(".queue > li").length;
  document.title = waiting ? `(${waiting}) ${title}` : title;
  const said = `${waiting} ${desk.dataset.waiting}`;
  if (find("#announce").textContent !== said) find("#announce").textContent = said;
}

// -- the conversation --------------------------------------------------------------------------

function problem(text) {
  find("#problem").textContent = text;
  find("#problem").hidden = !text;
}

function close(text) {
  over = true;
  problem(text);
  // What the person erased must not stay on this screen.
  find("#lines").replaceChildren();
  find("#card").replaceChildren();
  if (find("#ending")?.open) find("#ending").close();
  for (const part of talk.querySelectorAll("#say, #alarm, .acts, #phrases, .wrap-up, #nothing")) part.remove();
}

let busy = Promise.resolve();

function refreshTalk() {
  busy = busy.then(fetchTalk).catch(() => {});
  return busy;
}

async function fetchTalk() {
  if (over) return;
  const last = find("#lines").lastElementChild?.dataset.id ?? "";
  const path = `/handoffs/${talk.dataset.id}`;
  const answer = await get(`${path}/lines?after=${encodeURIComponent(last)}`);
  if (answer.status === 410) return close(talk.dataset.gone);
  if (answer.status === 403) return close(talk.dataset.notYours);
  if (!answer.ok) return;
  if (talk.dataset.mine === "1" && answer.headers.get("X-Mine") === "0") {
    return close(talk.dataset.notYours);
  }
  if (["wrap_up", "closed"].includes(answer.headers.get("X-State")) && find("#say")) {
    location.reload();
    return;
  }
  const more = await answer.text();
  if (more.trim()) {
    const scroll = find("#scroll");
    const atEnd = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 80;
    find("#nothing")?.remove();
    find("#lines").insertAdjacentHTML("beforeend", more);
    if (document.hidden && find("#lines").lastElementChild.matches(".person")) chime(1);
    if (atEnd) scroll.scrollTop = scroll.scrollHeight;
  }
  const card = await get(`${path}/card`);
  if (card.ok) {
    find("#card").innerHTML = await card.text();
    startTicking(find("#card"));
    showAlarm();
  }
}

// What the card flags, above the reply; a screen reader says it only when it has changed.
function showAlarm() {
  const alarm = find("#alarm");
  if (!alarm) return;
  const said = [...document.querySelectorAll("#card .flags li")].map((one) => one.textContent).join(". ");
  if (alarm.textContent === said) return;
  find("#ending")?.close(); // nobody ends a talk over words of danger not yet read
  alarm.hidden = false;
  alarm.textContent = said;
  chime(3);
}

async function send(event) {
  event.preventDefault();
  const text = reply.value.trim();
  if (!text || reply.readOnly) return;
  reply.readOnly = true;
  try {
    const answer = await fetch(`/api/handoffs/${talk.dataset.id}/say`, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-CSRF": csrf },
      body: JSON.stringify({ text, phrase: reply.dataset.phrase ?? "" }),
    });
    if (answer.status === 401) leave();
    if (answer.status === 410 || answer.status === 403) {
      await refreshTalk();
    } else if (answer.ok) {
      reply.value = "";
      delete reply.dataset.phrase;
      problem("");
      await refreshTalk();
    } else {
      problem(talk.dataset.notSent);
    }
  } catch {
    problem(talk.dataset.notSent);
  }
  reply.readOnly = false;
  reply.focus();
}

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

// -- phrases -----------------------------------------------------------------------------------

function insert(event) {
  const phrase = event.target.closest(".phrase");
  if (!phrase) return;
  event.preventDefault();
  const text = (phrase.querySelector(".said") ?? phrase.querySelector(".beside")).textContent;
  const before = reply.value.trim();
  reply.value = before ? `${before} ${text}` : text;
  if (before) delete reply.dataset.phrase;
  else reply.dataset.phrase = phrase.value;
  reply.focus();
}

function search() {
  const wanted = find("#search").value.toLowerCase();
  for (const phrase of document.querySelectorAll(".phrase")) {
    phrase.hidden = !phrase.textContent.toLowerCase().includes(wanted);
  }
  for (const group of document.querySelectorAll("#phrases fieldset")) {
    group.hidden = !group.querySelector(".phrase:not([hidden])");
  }
}

// -- the keyboard: never taken from somebody who types -----------------------------------------

function typing(target) {
  return target.matches("input, textarea, select") || target.isContentEditable;
}

function passOn() {
  const box = find("#transfer");
  if (box) {
    box.open = true;
    find("#to").focus();
  }
}

function key(event) {
  if (event.altKey && !event.ctrlKey && !event.metaKey) {
    const act = { KeyT: takeNext, KeyR: () => reply?.focus(), KeyE: () => find("button.end")?.click(), KeyX: passOn };
    if (act[event.code]) {
      event.preventDefault();
      act[event.code]();
    }
    return;
  }
  if (event.target === reply && event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    find("#say").requestSubmit();
    return;
  }
  if (typing(event.target) || event.ctrlKey || event.metaKey) return;
  if (event.key === "?") find("#help").showModal();
  if (event.key === "/" && find("#search")) {
    event.preventDefault();
    find("#phrases").open = true;
    find("#search").focus();
  }
}

function takeNext() {
  const button = find("button.next");
  if (button) button.click();
  else location.assign("/desk");
}

// -- start -------------------------------------------------------------------------------------

let planned = 0;

// Several changes at once are one refresh.
function refreshSoon(change) {
  if (talk && change.what !== "resync" && change.id !== talk.dataset.id) return;
  if (planned) return;
  planned = setTimeout(() => {
    planned = 0;
    if (talk) refreshTalk();
    else refreshDesk().catch(() => {});
  }, 100);
}

function link(live) {
  const sign = find("#link");
  sign.hidden = false;
  sign.classList.toggle("lost", !live);
  sign.textContent = live ? sign.dataset.live : sign.dataset.lost;
}

const events = new EventSource("/api/events");
events.addEventListener("open", () => {
  link(true);
  refreshSoon({ what: "resync" });
});
events.addEventListener("error", () => link(false));
events.addEventListener("change", (event) => refreshSoon(JSON.parse(event.data)));
events.addEventListener("signed_out", leave);

const heart = new Worker("/static/heartbeat.js");
heart.postMessage(csrf);
heart.onmessage = (event) => {
  if (event.data.status === 401) leave();
};

document.addEventListener("keydown", key);
find("#show-help").hidden = false;
find("#show-help").addEventListener("click", () => find("#help").showModal());
sound.addEventListener("click", toggleSound);
showSound();
startTicking(document);
if (desk) count();
if (find("#say")) {
  find("#say").addEventListener("submit", send);
  find("button.end").addEventListener("click", askToEnd);
  find("#go-on").addEventListener("click", goOn);
  find("#phrases").addEventListener("click", insert);
  find("#find")?.removeAttribute("hidden");
  find("#search")?.addEventListener("input", search);
}
if (talk) find("#scroll").scrollTop = find("#scroll").scrollHeight;
