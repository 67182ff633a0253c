"use strict";
// Without this script a citation is a link to the list of sources; with it, the quote opens beside the text.
const note = document.createElement("div");
note.className = "note";
note.popover = "manual";
note.setAttribute("role", "note");
let from = null; // the citation whose note is open
let pinned = false;
let timer = 0;

const wait = (ms, act) => { clearTimeout(timer); timer = setTimeout(act, ms); };
const add = (parent, kind, name, ...content) => {
  const made = document.createElement(kind);
  made.className = name;
  made.append(...content);
  parent.append(made);
  return made;
};
const copyOf = (node) => {
  const copy = node.cloneNode(true);
  copy.removeAttribute("id");
  return copy;
};

function fill(cite) {
  const source = document.querySelector(cite.hash);
  const where = source.querySelector(".where");
  note.replaceChildren();
  add(note, "p", "title", source.closest(".document").querySelector("h3").textContent);
  if (where.textContent) note.append(copyOf(where));
  const ids = (cite.getAttribute("aria-describedby") || "").split(" ");
  ids.map((id) => document.getElementById(id)).filter(Boolean).forEach((quote) => {
    const block = quote.parentElement.cloneNode(false); // with its direction, and as code if it is code
    block.append(...copyOf(quote).childNodes);
    note.append(block);
  });
  const jump = add(add(note, "p", "jump"), "a", "", "Show in the list of sources");
  jump.href = cite.hash;
  jump.addEventListener("click", closeNote);
}

function place(cite) {
  const at = cite.getBoundingClientRect();
  const size = note.getBoundingClientRect();
  const left = Math.min(Math.max(at.left - 24, 16), document.documentElement.clientWidth - size.width - 16);
  const below = at.bottom + 6 + size.height < innerHeight || at.top < size.height + 6;
  note.style.left = `${scrollX + left}px`;
  note.style.top = `${scrollY + (below ? at.bottom + 6 : at.top - 6 - size.height)}px`;
}

function openNote(cite, pin) {
  clearTimeout(timer);
  pinned = pin || (pinned && from === cite);
  if (from === cite) return;
  closeNote();
  pinned = pin;
  from = cite;
  fill(cite);
  cite.after(note); // so that Tab goes from the citation into its note
  note.showPopover();
  place(cite);
  cite.classList.add("open");
  cite.setAttribute("aria-expanded", "true");
  document.querySelectorAll(`.claim[data-claim="${cite.dataset.claim}"]`).forEach((each) => each.classList.add("lit"));
}

function closeNote() {
  clearTimeout(timer);
  if (!from) return;
  document.querySelectorAll(".lit").forEach((each) => each.classList.remove("lit"));
  from.classList.remove("open");
  from.setAttribute("aria-expanded", "false");
  from = null;
  pinned = false;
  note.hidePopover();
}

const leave = () => { if (from && !pinned) wait(250, closeNote); };

if ("popover" in HTMLElement.prototype) {
  document.querySelectorAll("a.cite").forEach((cite) => {
    cite.setAttribute("aria-expanded", "false");
    cite.addEventListener("pointerenter", (event) => { if (event.pointerType === "mouse") wait(120, () => openNote(cite, false)); });
    cite.addEventListener("pointerleave", leave);
    cite.addEventListener("focus", () => { if (cite.matches(":focus-visible")) openNote(cite, false); });
    cite.addEventListener("click", (event) => {
      // A click or tap keeps the note open; Enter follows the link, as do clicks for a new tab.
      if (!event.detail || event.ctrlKey || event.metaKey || event.shiftKey) return closeNote();
      event.preventDefault();
      if (from === cite && pinned) closeNote(); else openNote(cite, true);
    });
  });
  note.addEventListener("pointerenter", () => clearTimeout(timer));
  note.addEventListener("pointerleave", leave);
  addEventListener("focusin", (event) => {
    if (from && event.target !== from && !note.contains(event.target)) closeNote();
  });
  addEventListener("pointerdown", (event) => {
    if (from && !note.contains(event.target) && !event.target.closest("a.cite")) closeNote();
  });
  addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !from) return;
    const cite = from;
    if (note.contains(document.activeElement)) cite.focus();
    closeNote();
  });
  addEventListener("resize", closeNote);
}

// In a notebook's frame, `#source-1` would name a place in the notebook, which the frame may not open.
if (location.protocol === "about:") {
  addEventListener("click", (event) => {
    const link = event.target.closest('a[href^="#"]');
    if (!link || event.defaultPrevented) return;
    event.preventDefault();
    document.querySelectorAll(".here").forEach((each) => each.classList.remove("here"));
    const target = document.querySelector(link.hash);
    target.classList.add("here");
    target.scrollIntoView({ block: "center" });
    target.focus({ preventScroll: true });
  });
}

async function copyText(text, button, told) {
  try {
    await navigator.clipboard.writeText(text);
  } catch { // no permission, for example in a notebook's frame
    const area = add(document.body, "textarea", "sr", text);
    area.select();
    document.execCommand("copy");
    area.remove();
    button.focus();
  }
  const before = button.textContent;
  button.textContent = "Copied";
  told.textContent = "Copied";
  setTimeout(() => { button.textContent = before; told.textContent = ""; }, 2000);
}

const told = document.getElementById("told");
const whole = document.getElementById("copy");
whole.hidden = false;
whole.addEventListener("click", () => copyText(document.getElementById("markdown").content.textContent, whole, told));
document.querySelectorAll(".answer pre").forEach((pre) => {
  const block = document.createElement("div");
  block.className = "block";
  pre.replaceWith(block);
  block.append(pre);
  const button = add(block, "button", "", "Copy");
  button.type = "button";
  button.setAttribute("aria-label", "Copy the code");
  button.addEventListener("click", () => copyText(pre.textContent, button, told));
});

addEventListener("beforeprint", () => {
  closeNote();
  document.querySelector(".provenance").open = true;
});
