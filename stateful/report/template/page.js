"use strict";
(() => {
  const rows = [...document.querySelectorAll(".row")];
  const panel = document.getElementById("panel");
  const body = document.getElementById("panel-body");
  const said = document.getElementById("said");
  if (!rows.length) return;
  let here = rows[0];

  const show = (row) => {
    const words = row.querySelector("template").content.cloneNode(true);
    const disk = document.getElementById(row.dataset.disk).content.cloneNode(true);
    body.replaceChildren(words, disk);
  };

  const choose = (row, { focus = true } = {}) => {
    here.classList.remove("here");
    here.tabIndex = -1;
    here.removeAttribute("aria-current");
    here = row;
    here.classList.add("here");
    here.tabIndex = 0;
    here.setAttribute("aria-current", "step");
    const fold = here.closest("details");
    if (fold) fold.open = true;
    show(here);
    if (!focus) return;
    panel.classList.add("used");
    here.focus({ preventScroll: true });
    const { top, bottom } = here.getBoundingClientRect();
    const floor = innerWidth < 1280 ? innerHeight - panel.offsetHeight : innerHeight;
    if (top < 56) scrollBy(0, top - 56);
    else if (bottom > floor) scrollBy(0, bottom - floor + 8);
    said.textContent = body.querySelector("h3").textContent + ", " + body.querySelector(".owners").textContent;
    history.replaceState(null, "", "#" + here.id);
  };

  const step = (by, wanted = () => true) => {
    for (let at = rows.indexOf(here) + by; at >= 0 && at < rows.length; at += by) {
      if (wanted(rows[at])) return choose(rows[at]);
    }
  };
  const isTurning = (row) => row.matches(".switch, .fault, .takes");
  const figure = (by) => {
    const figures = [...document.querySelectorAll(".figure")];
    const to = figures[figures.indexOf(here.closest(".figure")) + by];
    const first = to && to.querySelector(".row");
    if (!to) return;
    if (first) choose(first);
    to.scrollIntoView();
  };
  const keys = {
    j: () => step(1), ArrowDown: () => step(1), k: () => step(-1), ArrowUp: () => step(-1),
    s: () => step(1, isTurning), S: () => step(-1, isTurning), n: () => figure(1), p: () => figure(-1),
  };

  addEventListener("keydown", (event) => {
    const arrow = event.key.startsWith("Arrow");
    const elsewhere = event.target.closest("input, pre, .wrap, #panel");
    if (event.ctrlKey || event.metaKey || event.altKey || (arrow && elsewhere) || !keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  });
  for (const row of rows) {
    row.addEventListener("click", (event) => event.target.closest("a") || choose(row));
    row.addEventListener("pointerenter", (event) => event.pointerType === "mouse" && show(row));
  }
  for (const list of document.querySelectorAll(".rows")) {
    list.addEventListener("pointerleave", () => show(here));
  }
  for (const button of panel.querySelectorAll("[data-key]")) {
    button.addEventListener("click", () => keys[button.dataset.key]());
  }
  const button = document.getElementById("panel-less");
  button.addEventListener("click", () => {
    const less = panel.classList.toggle("less");
    button.textContent = less ? "more" : "less";
    button.setAttribute("aria-expanded", String(!less));
  });
  const follow = () => {
    const row = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (row && row.matches(".row")) choose(row);
  };
  addEventListener("hashchange", follow);
  addEventListener("beforeprint", () => document.querySelectorAll(".disk-end").forEach((each) => { each.open = true; }));

  panel.hidden = false;
  document.body.classList.add("live");
  choose(here, { focus: false });
  follow();
})();
