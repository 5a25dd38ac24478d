// Calls the counsellor: the number in the title, a calm sound, a notification that says the level
// and nothing else. Sound and notifications are off until somebody presses their button.
const find = (selector) => document.querySelector(selector);
const words = find("#alerts").dataset;
const talk = find("#conversation");
const title = document.title;
/** What each sound is made of, hertz: rising for red, one low tone for everything else. */
const TUNES = { red: [523, 659, 784], other: [392] };
/** A screen reader is told how many wait at most every so many milliseconds; of red at once. */
const CALM = 15_000;
const sound = find("#sound");
let [waiting, reds, late, unread] = [Number(words.count), Number(words.reds), Number(words.late), 0];
let tones = null;

// -- what the counsellor has switched on, kept in this browser ---------------------------------

const isOn = (name) => localStorage.getItem(name) === "on";

function toggle(button, name) {
  localStorage.setItem(name, isOn(name) ? "off" : "on");
  showButton(button, name);
}

function showButton(button, name) {
  const works = name === "sound" ? tones?.state === "running" : Notification.permission === "granted";
  button.hidden = false;
  button.textContent = button.dataset[!isOn(name) ? "off" : works ? "on" : "blocked"];
}

// -- sound ------------------------------------------------------------------------------------

// Every new page begins without leave to sound, and most browsers give it only after a press or a
// key on that page; until then the button says so.
async function wake() {
  if (!isOn("sound")) return;
  if (!tones) {
    tones = new AudioContext();
    tones.onstatechange = () => showButton(sound, "sound");
  }
  if (tones.state !== "running") await tones.resume();
}

// Of several open pages one rings.
function isFirst(tune) {
  const [now, name] = [Date.now(), `rang.${tune}`];
  if (Math.abs(now - Number(localStorage.getItem(name))) < 1500) return false;
  localStorage.setItem(name, now);
  return true;
}

/** Rings for a level, when sound is on and the browser lets it. */
export function ring(level) {
  const tune = level === "red" ? "red" : "other";
  if (!isOn("sound") || tones?.state !== "running" || !isFirst(tune)) return;
  TUNES[tune].forEach((frequency, at) => {
    const [tone, volume, start] = [tones.createOscillator(), tones.createGain(), tones.currentTime + at * 0.3];
    tone.frequency.value = frequency;
    volume.gain.setValueAtTime(0.0001, start);
    volume.gain.exponentialRampToValueAtTime(0.2, start + 0.05);
    volume.gain.exponentialRampToValueAtTime(0.0001, start + 0.6);
    tone.connect(volume).connect(tones.destination);
    tone.start(start);
    tone.stop(start + 0.61);
  });
}

// -- notification: whoever passes by the screen reads it too, so it holds the level only -----------

const isAway = () => document.hidden || !document.hasFocus();

function notify(level) {
  if (!isOn("notify") || Notification.permission !== "granted" || !isAway()) return;
  try {
    const shown = new Notification(words[level], { tag: "northlight", renotify: true, silent: true });
    shown.onclick = () => {
      window.focus();
      shown.close();
    };
  } catch {
    // Chrome on Android has the word and not the thing.
  }
}

async function toggleNotify(button) {
  toggle(button, "notify");
  if (isOn("notify") && Notification.permission === "default") await Notification.requestPermission();
  showButton(button, "notify");
}

function call(level) {
  ring(level);
  notify(level);
}

// -- title and screen reader ---------------------------------------------------------------------

function showTitle() {
  const count = waiting + unread;
  document.title = count ? `(${count}) ${title}` : title;
}

/** Tells a screen reader; the same words a second time are told again. */
export function tell(text) {
  find("#announce").textContent = "";
  setTimeout(() => (find("#announce").textContent = text), 100);
}

let [said, planned] = [-CALM, 0];

function announce(red) {
  // In a talk only red is worth an interruption.
  if (talk && !red) return;
  if (planned && !red) return;
  clearTimeout(planned);
  const rest = red ? 0 : Math.max(0, said + CALM - performance.now());
  planned = setTimeout(() => {
    [said, planned] = [performance.now(), 0];
    tell(`${red ? `${words.red}. ` : ""}${waiting} ${words.waiting}`);
  }, rest);
}

// In a talk nothing else shows who waits: a link to the desk, said to nobody but whoever looks.
function showWaiting() {
  const now = find("#queue-now");
  if (!now) return;
  now.hidden = !waiting;
  for (const [name, count] of [["waiting", waiting], ["reds", reds]]) {
    const sign = find(`#queue-${name}`);
    sign.hidden = !count;
    sign.textContent = sign.dataset.words.replace("{count}", count);
  }
}

// -- what happens -------------------------------------------------------------------------------

// How the queue stands: {waiting, reds, late, new}, see bot/console/alerts.py. Whoever came while
// this page heard nothing is not new to the console, but is one more here.
function onQueue(now) {
  const changed = now.waiting !== waiting;
  const banner = find("#late"); // for everybody who counsels
  const red = now.new === "red" || now.reds > reds;
  const level = red || (banner && now.late > late) ? "red" : now.new || (now.waiting > waiting ? "green" : "");
  if (level) call(level);
  [waiting, reds, late] = [now.waiting, now.reds, now.late];
  if (banner) {
    const text = late ? banner.dataset.words.replace("{count}", late) : "";
    if (banner.textContent !== text) banner.textContent = text;
    banner.hidden = !late;
  }
  showWaiting();
  showTitle();
  if (changed || red) announce(red);
}

// A line of somebody one talks with, unless one is looking at it.
function onHeard(id) {
  const here = talk?.dataset.id === id && talk.dataset.mine === "1";
  const link = find(`[data-mine-id="${CSS.escape(id)}"]`);
  if ((!here && !link) || (here && !isAway())) return;
  const sign = here ? find("#card .level") : signOf(link);
  call(sign?.classList[1] ?? "green");
  if (isAway()) unread += 1;
  showTitle();
}

const signOf = (link) => link.querySelector(".level") ?? link.parentElement.querySelector(".level");

// One of one's own is Red now, while one looks elsewhere; the page of the talk itself says it too.
function onOwn(reds) {
  for (const id of reds) {
    const link = id !== talk?.dataset.id && find(`[data-mine-id="${CSS.escape(id)}"]`);
    const sign = link && signOf(link);
    if (!sign || sign.classList.contains("red")) continue;
    sign.className = "level red";
    sign.textContent = words.red;
    call("red");
  }
}

function seen() {
  if (isAway()) return;
  unread = 0;
  showTitle();
}

/** Listens on the page's stream of events; on each new one again. */
export function hear(events) {
  events.addEventListener("queue", (event) => onQueue(JSON.parse(event.data)));
  events.addEventListener("own", (event) => onOwn(JSON.parse(event.data).red));
  events.addEventListener("change", (event) => {
    const change = JSON.parse(event.data);
    if (change.what === "heard") onHeard(change.id);
  });
}

/** The buttons and the title. */
export function start() {
  addEventListener("focus", seen);
  document.addEventListener("visibilitychange", seen);
  showButton(sound, "sound");
  wake();
  addEventListener("pointerup", wake);
  addEventListener("keydown", wake);
  sound.addEventListener("click", () => {
    toggle(sound, "sound");
    wake().then(() => ring("other"));
  });
  const notes = find("#notify");
  if ("Notification" in window) {
    showButton(notes, "notify");
    notes.addEventListener("click", () => toggleNotify(notes));
  }
  showTitle();
}
