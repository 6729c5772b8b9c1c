// What the pages do beyond what they do without it: they look again by themselves, copy values, and show times on the reader's clock.
"use strict";
(() => {
  const LOOK_MS = 3000;
  const body = document.body;
  const main = document.getElementById("main");
  const status = document.getElementById("live");
  let etag = "";
  let waits = false;

  const decorate = () => {
    for (const button of document.querySelectorAll("button[data-copy]")) button.hidden = false;
    for (const time of document.querySelectorAll("time[datetime]")) {
      time.title = new Date(time.dateTime).toLocaleString(document.documentElement.lang, { timeZoneName: "short" });
    }
  };

  // Somebody writes in a form, has opened something, or has marked a text: nothing is taken away from under their hands.
  const isBusy = () => {
    const active = document.activeElement;
    const writes = [...main.querySelectorAll("form.order input")].some((input) =>
      input.type === "checkbox" ? input.checked !== input.defaultChecked : input.value !== input.defaultValue);
    const marks = String(getSelection()) !== "";
    return writes || marks || (main.contains(active) && active.matches("input, select, textarea"));
  };

  // Where the keyboard was, in words that are true of the new page as well.
  const placeOf = (element) =>
    !element || !main.contains(element) ? null : element.id ? `#${CSS.escape(element.id)}`
      : element.tagName === "A" ? `a[href="${CSS.escape(element.getAttribute("href"))}"]` : null;

  const show = (page) => {
    const fresh = page.getElementById("main");
    if (!fresh || fresh.innerHTML === served) return;
    if (isBusy()) {
      status.textContent = body.dataset.changed;
      etag = "";
      return;
    }
    const opened = [...main.querySelectorAll("details[open][id]")].map((one) => one.id);
    const place = placeOf(document.activeElement);
    served = fresh.innerHTML;
    main.innerHTML = served;
    for (const id of opened) document.getElementById(id)?.setAttribute("open", "");
    if (place) main.querySelector(place)?.focus({ preventScroll: true });
    decorate();
    status.textContent = body.dataset.updated;
    body.dataset.looks = String(Number(body.dataset.looks || 0) + 1);
  };

  // The one way to look; whoever learns that something has changed calls it.
  const look = async () => {
    if (waits || document.hidden) return;
    waits = true;
    try {
      const headers = { "carepass-looks": "1" };
      if (etag) headers["if-none-match"] = etag;
      const answer = await fetch(location.pathname + location.search, { headers, cache: "no-store", redirect: "manual" });
      if (answer.type === "opaqueredirect") {
        status.textContent = body.dataset.ended;
        clearInterval(timer);
      } else if (answer.status === 200) {
        etag = answer.headers.get("etag") || "";
        show(new DOMParser().parseFromString(await answer.text(), "text/html"));
      } else if (answer.status !== 304) {
        status.textContent = body.dataset.away;
      }
    } catch {
      status.textContent = body.dataset.away;
    } finally {
      waits = false;
    }
  };

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("button[data-copy]");
    if (!button) return;
    const text = document.getElementById(button.dataset.copy).textContent;
    try {
      await navigator.clipboard.writeText(text);
      status.textContent = body.dataset.copied;
    } catch {
      getSelection().selectAllChildren(document.getElementById(button.dataset.copy));
      status.textContent = body.dataset.marked;
    }
  });

  let served = main.innerHTML;
  let timer = 0;
  decorate();
  if (body.dataset.live === "true") {
    timer = setInterval(look, LOOK_MS);
    document.addEventListener("visibilitychange", look);
  }
})();
