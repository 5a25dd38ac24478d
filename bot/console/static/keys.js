// The keyboard. Nothing is taken from somebody who types: only Alt with a letter, and "/" where
// the reply is still empty. On Apple keyboards Alt with a letter types a letter, so there it works
// outside of text boxes only.
const apple = /Mac|iP/.test(navigator.platform);

function typing(target) {
  return target.matches("input, textarea, select") || target.isContentEditable;
}

// `acts`: what each key does, by the code of the key with Alt, by its sign without.
export function listen(acts) {
  document.addEventListener("keydown", (event) => {
    const { target, altKey, key } = event;
    if (event.defaultPrevented || event.repeat || event.isComposing || document.querySelector("dialog[open]")) return;
    if (event.ctrlKey || event.metaKey) {
      if (key === "Enter" && target.matches("#reply, #own-note")) target.form.requestSubmit();
      return;
    }
    const taken = altKey ? apple && typing(target) : typing(target) && !(key === "/" && target.matches("#reply") && !target.value);
    const act = taken ? undefined : acts[altKey ? event.code : key];
    if (!act) return;
    event.preventDefault();
    act();
  });
}
