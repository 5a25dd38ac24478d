// Pressed twice, a form is sent once. The page and not the form remembers it: the desk swaps its
// forms for new ones while one of them is on its way, and two of them would take two people.
const AGAIN = 3000; // milliseconds: then it did not go out, or the browser was told to stay
let sentAt = -AGAIN;

addEventListener("pageshow", () => (sentAt = -AGAIN));
addEventListener("submit", (event) => {
  if (event.defaultPrevented || event.target.method === "dialog") return; // a script's own
  if (performance.now() - sentAt < AGAIN) event.preventDefault();
  else sentAt = performance.now();
});
