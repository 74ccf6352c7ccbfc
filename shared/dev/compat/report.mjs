// Looks at HTML files as people will: on a phone and on a desk, in light and dark, and on paper. Prints what is wrong as
// one line of JSON, a list of {file, view, what}; an empty one is the good news.
//
//   node report.mjs FILE...
//
// CHROMIUM names the browser (/usr/bin/chromium). Where REPORT_SCREENSHOTS is set, what was seen is written there.
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";
import axe from "axe-core";
import { chromium } from "playwright-core";

// What a scheme changes is colours alone, so the other rules need not be asked twice.
const views = [
  { name: "phone-light", width: 360, height: 740, colorScheme: "light", rules: "all" },
  { name: "phone-dark", width: 360, height: 740, colorScheme: "dark", rules: "color-contrast" },
  { name: "desk-light", width: 1280, height: 800, colorScheme: "light", rules: "all" },
  { name: "desk-dark", width: 1280, height: 800, colorScheme: "dark", rules: "color-contrast" },
  // A4 within its margins, at 96 dots an inch. A dark screen must still print on white paper.
  { name: "paper", width: 688, height: 1010, colorScheme: "dark", media: "print", rules: "color-contrast" },
];
// Without its Content-Security-Policy a page must be as harmless as with it.
const unprotected = { name: "unprotected", width: 800, height: 800, colorScheme: "light" };

const files = process.argv.slice(2);
const shots = process.env.REPORT_SCREENSHOTS;
const findings = [];

const profile = await mkdtemp(join(tmpdir(), "aurora-report-"));
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
  headless: true,
  chromiumSandbox: false,
  env: { ...process.env, HOME: profile, XDG_CONFIG_HOME: profile, XDG_CACHE_HOME: profile },
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync"],
});
try {
  // Two at a time: the browser is the slow part, and has processes of its own.
  const waiting = files.flatMap((file) => [{ file, seen: views }, { file, seen: [unprotected], bypassCSP: true }]);
  await Promise.all([1, 2].map(async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) await look(next);
  }));
} finally {
  await browser.close();
  await rm(profile, { recursive: true, force: true });
}
console.log(JSON.stringify(findings));

async function look({ file, seen, bypassCSP }) {
  let view = seen[0];
  const found = (what) => findings.push({ file: basename(file), view: view.name, what });
  const context = await browser.newContext({ bypassCSP, reducedMotion: "reduce" });
  try {
    const address = pathToFileURL(file).href;
    let asked = 0;
    context.on("request", (request) => {
      if (request.url() !== address || ++asked > 1) found(`asks for ${request.url().slice(0, 200)}`);
    });
    context.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) found(`console: ${message.text()}`);
    });
    const page = await context.newPage();
    context.on("page", () => found("opened a window"));
    page.on("pageerror", (error) => found(`page error: ${error}`));
    page.on("dialog", (dialog) => { found(`dialog: ${dialog.message()}`); return dialog.dismiss(); });
    await show(page, view);
    await page.goto(address, { waitUntil: "load" });
    if (page.frames().length !== 1) found(`${page.frames().length} frames`);
    for (view of seen) {
      await show(page, view);
      for (const what of await page.evaluate(problems)) found(what);
      if (view.rules) {
        // By the debugger, which no policy of the page forbids.
        if (view === seen[0]) await page.evaluate(`${axe.source}; undefined`);
        for (const what of await page.evaluate(accessibility, view.rules)) found(what);
      }
      if (view.media === "print") {
        const paper = await page.pdf({ preferCSSPageSize: true });
        if (!paper.subarray(0, 5).equals(Buffer.from("%PDF-"))) found("cannot be printed");
        if (shots) await writeFile(join(shots, `${basename(file, ".html")}.pdf`), paper);
      }
      if (shots) await page.screenshot({ path: join(shots, `${basename(file, ".html")}-${view.name}.png`), fullPage: true });
    }
    if (asked !== 1 || (await readFile(file)).length === 0) found("was not read");
  } catch (error) {
    found(`cannot be looked at: ${error}`);
  } finally {
    await context.close();
  }
}

async function show(page, { width, height, media = "screen", colorScheme }) {
  await page.setViewportSize({ width, height });
  await page.emulateMedia({ media, colorScheme });
}

// In the page: what sticks out of it, what is cut off in it, and what ran in it.
function problems() {
  const all = [];
  const name = (e) => `${e.tagName.toLowerCase()}.${e.getAttribute("class") ?? ""} "${e.textContent.trim().slice(0, 40)}"`;
  const wide = document.documentElement.scrollWidth;
  if (wide > innerWidth) all.push(`is ${wide} pixels wide in a window of ${innerWidth}`);
  for (const e of document.body.querySelectorAll("*")) {
    const style = getComputedStyle(e);
    const box = e.getBoundingClientRect();
    if (e.closest(".vh") || e.closest("svg") || style.display === "none" || style.opacity === "0" || box.width === 0) continue;
    if (box.right > innerWidth + 1 || box.left < -1) all.push(`sticks out: ${name(e)}`);
    if (style.display !== "inline" && style.visibility === "visible" && e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0) all.push(`overflows: ${name(e)}`);
  }
  if (window.__hacked !== undefined) all.push("something in it ran");
  if (document.scripts.length > 0) all.push("has a script");
  return all.slice(0, 10);
}

// In the page: every rule of axe except those of level AAA, which the design does not promise.
async function accessibility(which) {
  const rules = {};
  for (const { ruleId, tags } of axe.getRules()) rules[ruleId] = { enabled: which === "all" ? !tags.includes("wcag2aaa") : which === ruleId };
  const { violations, incomplete } = await axe.run(document, { rules, resultTypes: ["violations", "incomplete"] });
  // Contrast must be certain, but an arrow is no text: the words beside it say the same.
  const uncertain = incomplete.filter((rule) => rule.id === "color-contrast")
    .map((rule) => ({ ...rule, nodes: rule.nodes.filter((node) => node.any[0]?.data?.messageKey !== "nonBmp") }))
    .filter((rule) => rule.nodes.length > 0);
  return [...violations, ...uncertain].map(({ id, nodes }) =>
    `axe ${id}: ${nodes.slice(0, 3).map((node) => `${node.target} ${node.any[0]?.message ?? node.failureSummary ?? ""}`).join("; ")}`);
}
