// On every page of whoever is signed in: the server hears that they are there, so that nobody they
// hold is lost while they look at hours or counts; and a press twice does once.
import "./once.js";

/** What follows when the login is over, or the page is of an older login; desk.js has its own. */
export const when = {
  401: () => location.assign("/login"),
  403: () => {}, // not loaded again: what is typed here would be lost
};

const ends = document.querySelector("#ends");
/** A screen reader is told at so many minutes, not every minute. */
const TOLD = [15, 10, 5, 2, 1];
let told = Infinity;

// `left`: seconds until the sign-in ends, whatever is done. The clock shown is that of this computer.
function showEnd(left) {
  if (!ends || left === undefined) return;
  ends.hidden = left > Number(ends.dataset.soon);
  if (ends.hidden) return;
  const minutes = Math.ceil(left / 60);
  const words = ends.dataset.words.replace("{minutes}", minutes);
  const clock = { hour: "numeric", minute: "2-digit" };
  ends.querySelector("b").textContent = words;
  const at = new Date(Date.now() + left * 1000).toLocaleTimeString(document.documentElement.lang, clock);
  ends.querySelector("time").textContent = `(${at})`;
  const now = TOLD.findLast((one) => minutes <= one);
  if (now === undefined || now >= told) return;
  told = now;
  document.querySelector("#ends-said").textContent = `${words} ${ends.querySelector("span").textContent}`;
}

const heart = new Worker("/static/heartbeat.js");
heart.postMessage(document.querySelector("meta[name=csrf]").content);
heart.onmessage = ({ data: { status, left } }) => {
  showEnd(left);
  if (status === 403) heart.terminate(); // this page's token holds nobody any more
  when[status]?.();
};
