// On every page of whoever is signed in: the server hears that they are there, so that nobody they
// hold is lost while they look at hours or counts; and a press twice does once.
import "./once.js";

/** What follows when the login is over, or the page is of an older login; desk.js has its own. */
export const when = {
  401: () => location.assign("/login"),
  403: () => {}, // not loaded again: what is typed here would be lost
};

const heart = new Worker("/static/heartbeat.js");
heart.postMessage(document.querySelector("meta[name=csrf]").content);
heart.onmessage = ({ data: { status } }) => {
  if (status === 403) heart.terminate(); // this page's token holds nobody any more
  when[status]?.();
};
