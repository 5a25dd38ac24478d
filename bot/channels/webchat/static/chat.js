// Makes the page better where scripts run: sends without a reload, shows what comes, leaves faster.
// Everything here also works without it, by plain forms.
"use strict";

(() => {
  // A browser too old for what follows keeps the plain forms, which are never taken over half.
  if (!("replaceChildren" in Element.prototype)) return;
  const page = document.body.dataset;
  const screen = document.getElementById("screen");
  const notices = document.getElementById("notices");
  const status = document.getElementById("status");
  const composer = document.getElementById("composer");
  const box = document.getElementById("text");
  const more = document.getElementById("more");
  const header = document.querySelector("header");
  const ESC_TIMES = 3;
  const ESC_WITHIN = 2000; // milliseconds, from the first to the last
  const SLOW_AFTER = 10000; // milliseconds
  const LOST_AFTER = 15000; // milliseconds without an answer to what was sent: it may never come

  let last = page.last;
  let source = null;
  const underWay = new Set(); // what is being sent: pressed twice it goes out once
  let pressed = null; // the last button, for browsers that do not name it with "submit"
  let slowTimer = 0;
  let expected = null; // where reading goes on, until the person scrolls by themselves
  let answered = false; // the person spoke since the open buttons were shown

  // -- leaving ---------------------------------------------------------------------------------
  function leave() {
    if (source) source.close();
    try {
      // Queued by the browser and sent even though the page is gone in the next moment.
      const queued = navigator.sendBeacon("/leave?quiet=1");
      if (!queued) fetch("/leave?quiet=1", { method: "POST", keepalive: true }).catch(() => {});
      document.body.replaceChildren();
      document.title = "";
    } finally {
      location.replace(page.neutral); // whatever went wrong before it
    }
  }

  document.getElementById("leave").addEventListener("submit", (event) => {
    event.preventDefault();
    leave();
  });

  let presses = [];
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") { presses = []; return; }
    if (event.repeat) return;
    presses = presses.filter((at) => event.timeStamp - at < ESC_WITHIN);
    presses.push(event.timeStamp);
    if (presses.length >= ESC_TIMES) leave();
  });

  // A page the browser kept in memory must not come back with the Back button.
  window.addEventListener("pagehide", () => document.body.replaceChildren());
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) { document.body.replaceChildren(); location.reload(); }
  });

  // -- showing ---------------------------------------------------------------------------------
  function elements(html) {
    const holder = document.createElement("template");
    holder.innerHTML = html; // our own template's words, escaped on the server
    return [...holder.content.children];
  }

  function lastOf(list) {
    return list[list.length - 1];
  }

  function atTheEnd() {
    return innerHeight + scrollY > document.documentElement.scrollHeight - 120;
  }

  // To the end, but never so far that the start of what is new is already out of sight.
  function follow(first) {
    const end = document.documentElement.scrollHeight - innerHeight;
    const top = first.getBoundingClientRect().top + scrollY - header.offsetHeight - 8;
    scrollTo({ top: Math.min(end, top), behavior: "instant" });
  }

  function offerMore() {
    more.hidden = atTheEnd() || !screen.lastElementChild;
  }

  // To the person's last words, where what is new begins; from there a screenful at a time, so
  // that no number is jumped over.
  more.addEventListener("click", () => {
    expected = null; // what comes now must not pull the page back up
    const bottom = composer.getBoundingClientRect().top;
    const since = lastOf(screen.querySelectorAll(".person")) ?? screen.firstElementChild;
    if (since.getBoundingClientRect().top > bottom) follow(since);
    else scrollBy({ top: (bottom - header.offsetHeight) * 0.8, behavior: "instant" });
    offerMore();
  });
  addEventListener("scroll", () => { if (!more.hidden) offerMore(); }, { passive: true });

  function fold(message) {
    const choices = message.querySelector(":scope > form.choices");
    if (!choices) return;
    const details = document.createElement("details");
    const summary = document.createElement("summary");
    summary.textContent = page.earlier;
    choices.replaceWith(details);
    details.append(summary, choices);
  }

  function show(html, speaker) {
    const held = document.activeElement;
    const fresh = elements(html);
    const urgent = fresh.find((message) => message.classList.contains("urgent"));
    const reading = !urgent && !atTheEnd() && !expected && speaker !== "person";
    document.getElementById("greeting")?.remove();
    notices.replaceChildren();
    if (speaker === "person") {
      answered = true;
      expected = fresh[0]; // the answer to these words will be shown below them
    } else {
      say("");
    }
    if (answered && fresh.some((message) => message.querySelector("form.choices"))) {
      for (const message of screen.children) fold(message);
      answered = false;
    }
    screen.append(...fresh);
    expected = urgent ?? expected; // what is urgent stays in sight whatever comes after it
    if (!reading) follow(expected ?? fresh[0]);
    offerMore();
    // A pressed button may have just been folded away: the focus moves on with the conversation.
    const lostFocus = held && held !== document.body && !(held.checkVisibility?.() ?? held.offsetParent);
    if (lostFocus || document.activeElement === null) lastOf(fresh)?.focus({ preventScroll: true });
  }

  function say(text) {
    clearTimeout(slowTimer);
    if (status.textContent !== text) status.textContent = text;
  }

  function wait() {
    const heard = lastOf(screen.querySelectorAll(".message:not(.person)"));
    if (heard?.classList.contains("counsellor")) return; // a human being takes the time they need
    say(page.waiting);
  }

  // Only what has arrived may be said to be slow: those words say that it was received.
  function received() {
    if (status.textContent !== page.waiting) return; // answered already
    slowTimer = setTimeout(() => say(page.slow), SLOW_AFTER);
  }

  // -- what comes ------------------------------------------------------------------------------
  function listen() {
    if (source && source.readyState !== EventSource.CLOSED) return;
    source = new EventSource("/events?after=" + encodeURIComponent(last));
    source.addEventListener("message", (event) => {
      if (screen.querySelector(`[data-id="${CSS.escape(event.lastEventId)}"]`)) return;
      last = event.lastEventId;
      const body = JSON.parse(event.data);
      show(body.html, body.speaker);
    });
    source.addEventListener("erase", () => {
      source.close();
      document.body.replaceChildren();
      // What is there now: nothing, then the server goes on to the neutral page; or, of a chat that
      // was only locked, the question for the secret word.
      location.replace("/");
    });
    source.addEventListener("open", () => {
      if (status.textContent === page.lost) say("");
    });
    source.addEventListener("error", () => {
      if (source.readyState === EventSource.CLOSED) {
        say(page.lost);
        setTimeout(listen, 3000);
      } else if (!slowTimer || status.textContent === "") {
        // It is trying again by itself; only a lasting silence is worth a word.
        slowTimer = setTimeout(() => {
          if (source.readyState !== EventSource.OPEN) say(page.lost);
        }, 5000);
      }
    });
  }

  // -- what goes -------------------------------------------------------------------------------
  function newId() {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  async function send(form, submitter) {
    const body = new FormData(form);
    if (submitter?.name) body.set(submitter.name, submitter.value);
    const what = JSON.stringify([...body]);
    if (underWay.has(what)) return;
    underWay.add(what);
    const typed = form === composer;
    const written = typed ? box.value : "";
    const limit = new AbortController();
    const timer = setTimeout(() => limit.abort(), LOST_AFTER);
    try {
      notices.replaceChildren();
      wait();
      const answer = await fetch(form.getAttribute("action"), {
        method: "POST",
        body,
        headers: { Accept: "application/json" },
        signal: limit.signal,
      });
      const result = await answer.json();
      if (answer.status === 202) {
        if (typed && box.value === written) box.value = "";
        form.elements.namedItem("id").value = newId();
        received();
        listen();
      } else {
        say("");
        notices.replaceChildren(...elements(result.notice));
        notices.lastElementChild?.scrollIntoView({ block: "nearest" });
      }
    } catch {
      // Not sent, or no answer came: the same form id makes a second try harmless.
      say(page.unsent);
    } finally {
      clearTimeout(timer);
      underWay.delete(what);
    }
  }

  document.addEventListener("click", (event) => {
    pressed = event.target.closest("button");
  }, { capture: true });

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.id === "leave") return;
    event.preventDefault();
    const submitter = event.submitter ?? (pressed?.form === form ? pressed : null);
    if (page.leaveChoices.split(" ").includes(submitter?.value)) leave();
    else send(form, submitter);
  });

  box.addEventListener("keydown", (event) => {
    // Enter sends where there is a real keyboard; on a phone it starts a new line.
    const keyboard = matchMedia("(hover: hover) and (pointer: fine)").matches;
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing && keyboard) {
      event.preventDefault();
      composer.querySelector("button.send").click();
    }
  });

  for (const moved of ["wheel", "touchmove", "keydown"]) {
    addEventListener(moved, () => { expected = null; }, { passive: true });
  }

  document.getElementById("again")?.remove(); // what comes is shown by itself
  if (page.live) {
    document.getElementById("latest").scrollIntoView({ block: "start", behavior: "instant" });
    listen();
  }
})();
