// What mdBook's pages lack: a keyboard's way to everything, and answers that are open on paper.

/** Gives each element that scrolls sideways a place in the order of the Tab key. */
function reachScrollers() {
  for (const element of document.querySelectorAll("main pre > code, main .table-wrapper, main .picture")) {
    if (element.scrollWidth > element.clientWidth) element.tabIndex = 0;
    else element.removeAttribute("tabindex");
  }
}

/** Makes the label that opens the list of chapters a button, and its links unreachable while it is closed. */
function reachChapters() {
  const toggle = document.getElementById("mdbook-sidebar-toggle");
  const list = document.getElementById("mdbook-sidebar");
  if (!toggle || !list) return;
  toggle.setAttribute("role", "button");
  toggle.tabIndex = 0;
  toggle.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    toggle.click();
  });
  const follow = () => {
    list.inert = list.getAttribute("aria-hidden") === "true";
  };
  new MutationObserver(follow).observe(list, { attributeFilter: ["aria-hidden"] });
  follow();
}

reachChapters();
addEventListener("load", reachScrollers);
addEventListener("resize", reachScrollers);
addEventListener("beforeprint", () => {
  for (const answer of document.querySelectorAll("main details")) answer.open = true;
});
