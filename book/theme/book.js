// What mdBook's pages lack: a keyboard's way into what scrolls, and answers that are open on paper.

/** Gives each element that scrolls sideways a place in the order of the Tab key. */
function reachScrollers() {
  for (const element of document.querySelectorAll("main pre > code, main .table-wrapper, main .picture")) {
    const scrolls = element.scrollWidth > element.clientWidth;
    if (scrolls) element.tabIndex = 0;
    else element.removeAttribute("tabindex");
  }
}

addEventListener("load", reachScrollers);
addEventListener("resize", reachScrollers);
addEventListener("beforeprint", () => {
  for (const answer of document.querySelectorAll("main details")) answer.open = true;
});
