// Runs as a worker: browsers slow down the timers of hidden pages, but not of workers, and a
// counsellor who reads something in another tab must not lose the person they hold.
let csrf = "";
const EVERY = 10_000;
/** A request that hangs must not keep the next one waiting. */
const LONGEST = 8_000;

async function beat() {
  try {
    const answer = await fetch("/api/heartbeat", {
      method: "POST",
      headers: { "X-CSRF": csrf },
      signal: AbortSignal.timeout(LONGEST),
    });
    const { ends_in: left } = answer.ok ? await answer.json() : {};
    postMessage({ status: answer.status, left });
  } catch {
    postMessage({ status: 0 });
  }
}

onmessage = (event) => {
  csrf = event.data;
  beat();
  setInterval(beat, EVERY);
};
