// The phrase bank: "/" opens its search, arrows move, Enter puts a phrase into the reply, Escape
// goes back. Without this the phrases are buttons that send.
const find = (selector) => document.querySelector(selector);
const bank = find("#phrases");
const search = find("#search");
const reply = find("#reply");
const beside = find("#beside");
const phrases = [...document.querySelectorAll(".phrase")];
let inserted = null; // as put in, one or several: ids, words, and the same for the counsellor
let cameFrom = null;

// Without case, accents, Arabic vowel marks, and the letters that are no letter with an accent.
export function fold(text) {
  const plain = text.normalize("NFKD").replace(/[\u0300-\u036f\u0640\u064b-\u065f\u0670]/g, "");
  const alike = { đ: "d", ð: "d", ł: "l", ø: "o", ı: "i", "’": "'" };
  return plain.toLowerCase().replace(/[đðłøı’]/g, (letter) => alike[letter]);
}

// Both languages and the name of the moment.
const words = new Map(
  phrases.map((one) => [one, fold(`${one.closest("fieldset").querySelector("legend").textContent} ${one.textContent}`)]),
);

function fitting() {
  return phrases.filter((one) => !one.hidden);
}

function narrow() {
  const wanted = fold(search.value).split(/\s+/);
  for (const one of phrases) one.hidden = !wanted.every((word) => words.get(one).includes(word));
  for (const group of bank.querySelectorAll("fieldset")) {
    group.hidden = !group.querySelector(".phrase:not([hidden])");
  }
  const found = fitting();
  find("#found b").textContent = found.length;
  for (const one of phrases) one.classList.toggle("first", one === found[0]);
}

export function openBank() {
  if (!search) return;
  cameFrom = document.activeElement;
  bank.open = true;
  search.value = "";
  narrow();
  search.focus();
  bank.scrollIntoView({ block: "nearest" });
}

function closeBank() {
  bank.open = false;
  (cameFrom?.isConnected && cameFrom !== document.body && !bank.contains(cameFrom) ? cameFrom : reply).focus();
}

function put(phrase) {
  if (reply.readOnly) return; // what is being sent is emptied afterwards
  const own = phrase.querySelector(".beside").textContent;
  const text = phrase.querySelector(".said")?.textContent ?? own;
  const before = reply.value.trim();
  reply.value = before ? `${before} ${text}` : text;
  const first = before && inserted?.text === before ? inserted : null; // the phrases so far, as reviewed
  const join = (one, next) => (first ? `${one} ${next}` : next);
  inserted = before && !first ? null : {
    id: join(first?.id, phrase.value),
    text: join(first?.text, text),
    own: join(first?.own, own),
  };
  look();
  bank.open = false;
  reply.focus();
}

// The counsellor's own words stand under the reply while it is the reviewed phrase.
function look() {
  const own = phraseId() && inserted.own !== inserted.text ? inserted.own : "";
  beside.hidden = !own;
  beside.querySelector("bdi").textContent = own;
}

export function phraseId() {
  return inserted && reply.value.trim() === inserted.text ? inserted.id : "";
}

export function emptyReply() {
  reply.value = "";
  inserted = null;
  look();
}

function key(event) {
  if (event.altKey || event.ctrlKey || event.metaKey || event.isComposing || event.keyCode === 229) return;
  const found = fitting();
  const at = found.indexOf(event.target);
  if (event.key === "Escape") {
    closeBank();
  } else if (event.key === "ArrowDown") {
    (found[at + 1] ?? found.at(-1))?.focus();
  } else if (event.key === "ArrowUp") {
    (found[at - 1] ?? search).focus();
  } else if (event.key === "Enter" && event.target === search) {
    if (found.length) put(found[0]);
  } else {
    // Whoever types on is searching on.
    if (at >= 0 && /^[\p{L}\p{N}]$/u.test(event.key)) search.focus();
    return;
  }
  event.preventDefault();
}

if (search) {
  find("#find").hidden = false;
  narrow();
  search.addEventListener("input", narrow);
  reply.addEventListener("input", look);
  bank.addEventListener("keydown", key);
  bank.addEventListener("click", (event) => {
    const phrase = event.target.closest(".phrase");
    if (!phrase) return;
    event.preventDefault();
    put(phrase);
  });
}
