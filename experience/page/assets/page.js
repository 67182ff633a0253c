"use strict";
// The page works without this file: citations then open a page of their own, and forms load the next page.

// A citation opens its passage beside the text.
let cite = null; // the citation whose passage is open

const beside = () => document.getElementById("beside");

function openPassage(link) {
  closePassage();
  cite = link;
  link.classList.add("open");
  link.setAttribute("aria-expanded", "true");
  document.querySelectorAll(`.claim[data-claim="${link.dataset.claim}"]`).forEach((each) => each.classList.add("lit"));
  htmx.ajax("GET", link.getAttribute("href"), { target: "#beside", swap: "innerHTML" }).then(() => {
    if (cite !== link) return;
    beside().hidden = false;
    document.body.classList.add("with-passage");
    const view = beside().firstElementChild;
    if (view) view.focus({ preventScroll: true });
    const mark = beside().querySelector("mark");
    if (mark) beside().scrollTop = Math.max(0, mark.offsetTop - beside().clientHeight / 3);
  });
}

function closePassage(back) {
  if (!cite) return;
  document.querySelectorAll(".lit").forEach((each) => each.classList.remove("lit"));
  cite.classList.remove("open");
  cite.setAttribute("aria-expanded", "false");
  if (back) cite.focus();
  cite = null;
  if (beside()) beside().hidden = true;
  document.body.classList.remove("with-passage");
}

addEventListener("click", (event) => {
  const link = event.target.closest("a.cite");
  if (link && beside() && link.pathname.startsWith("/passages/") && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
    event.preventDefault();
    if (cite === link) closePassage(true); else openPassage(link);
  } else if (event.target.closest("[data-close]")) {
    closePassage(true);
  }
});
addEventListener("keydown", (event) => { if (event.key === "Escape") closePassage(true); });

// Ctrl or Cmd and Enter send a question.
addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.matches("textarea[name=question]")) {
    event.target.form.requestSubmit();
  }
});

// A form is sent once, and its button says that it was.
addEventListener("submit", (event) => {
  const button = event.submitter;
  if (event.defaultPrevented || !event.target.matches("[data-once]")) return;
  if (event.target.dataset.sent) return event.preventDefault();
  event.target.dataset.sent = "1";
  if (button && button.dataset.busy) button.textContent = button.dataset.busy;
});
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

// Uploads: what was chosen, and how much of it is sent.
addEventListener("change", (event) => {
  if (event.target.id !== "files") return;
  const names = [...event.target.files].map((file) => file.name);
  const told = names.length > 3 ? `${names.slice(0, 3).join(", ")} and ${names.length - 3} more` : names.join(", ");
  document.getElementById("chosen").textContent = told;
});
for (const [name, over] of [["dragover", true], ["dragleave", false], ["drop", false]]) {
  addEventListener(name, (event) => {
    const drop = event.target.closest && event.target.closest(".drop");
    if (drop) drop.classList.toggle("over", over);
  });
}
addEventListener("htmx:xhr:progress", (event) => {
  const bar = event.target.querySelector && event.target.querySelector("#sent");
  if (bar && event.detail.lengthComputable) {
    bar.hidden = event.detail.loaded === event.detail.total;
    bar.value = event.detail.loaded / event.detail.total;
  }
});
addEventListener("htmx:afterRequest", (event) => {
  if (event.target.matches(".upload") && event.detail.successful) {
    event.target.reset();
    document.getElementById("chosen").textContent = "";
  }
});

// The report: copy the answer or a block of code.
async function copyText(text, button) {
  const told = document.getElementById("told");
  const before = button.textContent;
  await navigator.clipboard.writeText(text);
  button.textContent = "Copied";
  if (told) told.textContent = "Copied";
  setTimeout(() => { button.textContent = before; if (told) told.textContent = ""; }, 2000);
}

function prepare() {
  document.querySelectorAll("a.cite").forEach((link) => {
    link.setAttribute("aria-expanded", "false");
    link.setAttribute("aria-controls", "beside");
  });
  const whole = document.getElementById("copy");
  if (whole && navigator.clipboard) {
    whole.hidden = false;
    whole.onclick = () => copyText(document.getElementById("markdown").content.textContent, whole);
  }
}
document.addEventListener("DOMContentLoaded", prepare);
document.addEventListener("htmx:afterSettle", (event) => { if (event.target.id === "main") { prepare(); event.target.focus({ preventScroll: true }); } });
