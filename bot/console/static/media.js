// Opens what a person sent, in its line, when it is pressed and not before. Closed, nothing of it
// stays on the page; without this the same link leads to a page of its own.
const talk = document.querySelector("#conversation");
const lines = document.querySelector("#lines");
let openings = 0;

const made = (tag, fields) => Object.assign(document.createElement(tag), fields);

function say(box, text) {
  box.querySelector("[role=status]").textContent = text;
}

// Why nothing came: the same is asked of the API, which says so.
async function reason(path) {
  const asked = new AbortController();
  try {
    const answer = await fetch(`/api${path}`, { signal: asked.signal });
    if (answer.ok) return "media_away"; // it can be had now
    return (await answer.json()).error;
  } catch {
    return "media_away";
  } finally {
    asked.abort();
  }
}

async function failed(box, path) {
  box.querySelector(".sent").replaceChildren();
  box.querySelector("[data-act=clear]").hidden = true;
  const code = await reason(path);
  const words = { gone: talk.dataset.gone, not_yours: talk.dataset.notYours };
  if (!box.hidden) say(box, words[code] ?? talk.dataset[code] ?? talk.dataset.media_away);
}

async function showPlace(box, path) {
  try {
    const { latitude, longitude } = await (await fetch(`/api${path}`)).json();
    box.querySelector(".sent").textContent = `${latitude.toFixed(5)}, ${longitude.toFixed(5)}`;
  } catch {
    await failed(box, path);
  }
}

function blur(box, on) {
  const button = box.querySelector("[data-act=clear]");
  box.querySelector("img")?.classList.toggle("blurred", on);
  button.textContent = on ? button.dataset.clear : button.dataset.blur;
}

function open(link) {
  const box = link.closest(".media").querySelector(".opened");
  const path = new URL(link.href).pathname.replace(/\/page$/, "");
  const place = box.querySelector(".sent");
  link.hidden = true;
  box.hidden = false;
  say(box, "");
  box.querySelector("[data-act=clear]").hidden = link.dataset.media !== "photo";
  if (link.dataset.media === "location") showPlace(box, path);
  else {
    const photo = link.dataset.media === "photo";
    const shown = photo
      ? made("img", { className: "blurred", alt: place.dataset.alt })
      : made("audio", { controls: true, preload: "none" });
    shown.setAttribute("controlslist", "nodownload"); // nothing of it is kept
    shown.addEventListener("error", () => shown.isConnected && failed(box, path));
    if (photo) blur(box, true);
    // Another address each time: a browser must not show again what was closed, unasked and unseen.
    shown.src = `${path}?${++openings}`;
    place.replaceChildren(shown);
  }
  box.querySelector("[data-act=close]").focus();
}

function close(box) {
  const link = box.closest(".media").querySelector("[data-media]");
  box.querySelector("audio")?.pause();
  box.querySelector(".sent").replaceChildren();
  box.hidden = true;
  link.hidden = false;
  link.focus();
}

lines?.addEventListener("click", (event) => {
  const link = event.target.closest("[data-media]");
  const act = event.target.closest("[data-act]");
  const box = act?.closest(".opened");
  if (link && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    open(link);
  } else if (act?.dataset.act === "close") close(box);
  else if (act?.dataset.act === "clear") blur(box, !box.querySelector("img")?.classList.contains("blurred"));
});
