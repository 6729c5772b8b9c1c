// What can be checked of WCAG 2.2 AA without judgement, as the body of a function: gives a list of what is wrong with the page.
const wrong = [];
const say = (rule, element) => wrong.push(`${rule}: ${element.outerHTML.slice(0, 160)}`);
const all = (selector) => [...document.querySelectorAll(selector)];
const isShown = (element) => element.checkVisibility({ visibilityProperty: true }) && !element.closest(".skip");

// 3.1.1, 2.4.2, 1.3.1, 2.4.1
if (!document.documentElement.lang) wrong.push("no language");
if (!document.title.trim()) wrong.push("no title");
if (all("main").length !== 1) wrong.push("not one main");
if (all("h1").length !== 1) wrong.push("not one h1");
if (all("header").length > 0 && !document.querySelector("a[href='#main']")) wrong.push("no way past the navigation");
let level = 0;
for (const heading of all("h1, h2, h3, h4, h5, h6").filter(isShown)) {
  const here = Number(heading.tagName[1]);
  if (here > level + 1) say("a heading leaves out a level", heading);
  if (!heading.textContent.trim()) say("an empty heading", heading);
  level = here;
}
for (const table of all("table")) {
  for (const head of table.querySelectorAll("th")) if (!head.scope) say("a head of a table without a scope", head);
  if (!table.querySelector("th")) say("a table without heads", table);
}

// 4.1.2, 1.3.1, 3.3.2
const nameOf = (element) => {
  const by = element.getAttribute("aria-labelledby");
  if (by) return by.split(" ").map((id) => document.getElementById(id)?.textContent ?? "").join(" ").trim();
  const labels = [...(element.labels ?? [])].map((label) => label.textContent).join(" ");
  return (element.getAttribute("aria-label") || labels || element.textContent).trim();
};
for (const element of all("a, button, input:not([type=hidden]), select, summary, nav, section, article, [role=region]")) {
  if (!nameOf(element)) say("no name", element);
}
for (const input of all("input:not([type=hidden]), select")) {
  if (!(input.labels?.length || input.getAttribute("aria-label"))) say("no label", input);
}
const ids = new Set();
for (const element of all("[id]")) {
  if (ids.has(element.id)) say("an id twice", element);
  ids.add(element.id);
}
for (const element of all("[aria-labelledby], [aria-describedby], label[for]")) {
  for (const name of ["aria-labelledby", "aria-describedby", "for"]) {
    const target = element.getAttribute(name);
    if (target && !document.getElementById(target)) say(`${name} leads nowhere`, element);
  }
}
for (const element of all("[tabindex]")) if (element.tabIndex > 0) say("an order of its own", element);
for (const element of all(".scroll")) if (element.tabIndex !== 0) say("cannot be scrolled by keyboard", element);

// 2.5.8: what is pressed is large enough; links within text are excepted.
for (const element of all("button, input:not([type=hidden]), select, summary, nav a").filter(isShown)) {
  const { width, height } = element.getBoundingClientRect();
  if (width < 24 || height < 24) say(`a small target (${width}×${height})`, element);
}

// 1.4.10
const overflow = document.documentElement.scrollWidth - document.documentElement.clientWidth;
if (overflow > 0) wrong.push(`the page is ${overflow} pixels wider than the window`);

// 1.4.3, 1.4.11
const parse = (text) => {
  const [r, g, b, a = 1] = text.match(/[\d.]+/g).map(Number);
  return { r, g, b, a };
};
const ground = (element) => {
  for (let at = element; at; at = at.parentElement) {
    const color = parse(getComputedStyle(at).backgroundColor);
    if (color.a === 1) return color;
  }
  return parse(matchMedia("(prefers-color-scheme: dark)").matches ? "rgb(18, 18, 18)" : "rgb(255, 255, 255)");
};
const light = ({ r, g, b }) => {
  const [x, y, z] = [r, g, b].map((part) => part / 255).map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
  return 0.2126 * x + 0.7152 * y + 0.0722 * z;
};
const contrast = (one, other) => {
  const [high, low] = [light(one), light(other)].sort((a, b) => b - a);
  return (high + 0.05) / (low + 0.05);
};
for (const element of all("body *").filter(isShown)) {
  const has = [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.textContent.trim());
  const style = getComputedStyle(element);
  if (has) {
    const size = parseFloat(style.fontSize);
    const least = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700) ? 3 : 4.5;
    const found = contrast(parse(style.color), ground(element));
    if (found < least) say(`contrast ${found.toFixed(2)} below ${least}`, element);
  }
  if (element.matches(".s")) {
    const shape = getComputedStyle(element, "::before");
    const colors = [shape.backgroundColor, shape.borderTopColor].map(parse).filter((color) => color.a === 1);
    const best = Math.max(...colors.map((color) => contrast(color, ground(element))));
    if (best < 3) say(`a shape's contrast ${best.toFixed(2)} below 3`, element);
  }
}
return wrong;
