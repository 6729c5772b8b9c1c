// What the pages do beyond what they do without it: they renew themselves, copy values, and show times on the reader's clock.
"use strict";
(() => {
  // How often a page looks by itself, and how much seldomer while it is told what changes: not everything stands in the ledger.
  const LOOK_MS = 3000;
  const TOLD_LOOKS = 10;
  // What comes together is looked at once, and whatever comes, not more often than this.
  const TOGETHER_MS = 150;
  const GAP_MS = 1000;
  // A stream that was refused is asked for again after so many looks.
  const REFUSED_LOOKS = 20;
  const TELLING = ["skipped", "engineer", "enrollment", "dead_letter", "erased"];
  const body = document.body;
  const main = document.getElementById("main");
  const status = document.getElementById("live");
  let etag = "";
  let waits = false;
  let again = false;
  let behind = false;

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
    return writes || marks || (main.contains(active) && active.matches("input, textarea"));
  };

  // Where the keyboard was, in words that are true of the new page as well.
  const placeOf = (element) =>
    !element || !main.contains(element) ? null : element.id ? `#${CSS.escape(element.id)}`
      : element.tagName === "A" ? `a[href="${CSS.escape(element.getAttribute("href"))}"]` : null;

  const show = (page) => {
    const fresh = page.getElementById("main");
    behind = Boolean(fresh) && fresh.innerHTML !== served;
    if (!behind) return;
    if (isBusy()) {
      status.textContent = body.dataset.changed;
      etag = "";
      return;
    }
    behind = false;
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

  // The one way to look; whoever learns that something has changed calls it. Who calls it during a look has one more.
  const look = async () => {
    if (document.hidden) return;
    if (waits) {
      again = true;
      return;
    }
    waits = true;
    again = false;
    try {
      const headers = { "carepass-looks": "1" };
      if (etag) headers["if-none-match"] = etag;
      const answer = await fetch(location.pathname + location.search, { headers, cache: "no-store", redirect: "manual" });
      if (answer.type === "opaqueredirect") {
        status.textContent = body.dataset.ended;
        clearInterval(timer);
        hush();
        return;
      }
      // Answered again: what was said of no contact is over.
      const isBack = answer.status === 200 || answer.status === 304;
      if (isBack && status.textContent === body.dataset.away) status.textContent = "";
      if (answer.status === 200) {
        etag = answer.headers.get("etag") || "";
        show(new DOMParser().parseFromString(await answer.text(), "text/html"));
      } else if (answer.status !== 304) {
        status.textContent = body.dataset.away;
      }
    } catch {
      status.textContent = body.dataset.away;
    } finally {
      waits = false;
      if (again) soon();
    }
  };

  let due = 0;
  let last = 0;
  const soon = () => {
    if (due) return;
    due = setTimeout(() => {
      due = 0;
      last = Date.now();
      look();
    }, Math.max(TOGETHER_MS, Math.min(GAP_MS, last + GAP_MS - Date.now())));
  };

  // The server tells what changes. A page that nobody sees has no stream: a browser has few connections for all its pages.
  let stream = null;
  const isTold = () => stream !== null && stream.readyState === EventSource.OPEN;
  const hush = () => {
    stream?.close();
    stream = null;
    body.dataset.told = "false";
  };
  const listen = () => {
    hush();
    if (document.hidden || !("EventSource" in window)) return;
    stream = new EventSource("/stream");
    stream.addEventListener("opened", () => {
      body.dataset.told = "true";
      soon();
    });
    stream.addEventListener("error", () => { body.dataset.told = "false"; });
    for (const name of TELLING) stream.addEventListener(name, soon);
  };

  // Looking by itself, for what no stream tells and for when there is none.
  let turn = 0;
  const tick = () => {
    turn += 1;
    if (stream !== null && stream.readyState === EventSource.CLOSED && turn % REFUSED_LOOKS === 0) listen();
    if (behind || !isTold() || turn % TOLD_LOOKS === 0) look();
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
    timer = setInterval(tick, LOOK_MS);
    listen();
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) return hush();
      listen();
      look();
    });
    addEventListener("pagehide", hush);
    addEventListener("pageshow", (event) => { if (event.persisted) listen(); });
  }
})();
