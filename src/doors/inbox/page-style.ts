/** Style sheet of the developer inbox. */
export const inboxStyle = `
:root {
  --page: #f4f5f7; --card: #ffffff; --line: #e1e4e9; --ink: #1b2028; --soft: #59616e; --accent: #0b6bcb; --accent-ink: #ffffff;
  --good: #1a7f45; --bad: #b3261e; --fresh: #eef6ff;
  color-scheme: light dark;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #101317; --card: #191d23; --line: #2d333c; --ink: #e9ecf1; --soft: #a3acb9; --accent: #78b4f5; --accent-ink: #0c1116;
    --good: #5cc98b; --bad: #ff8f85; --fresh: #1a2634;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
header, main { max-width: 680px; margin: 0 auto; padding: 0 20px; }
header { display: flex; flex-wrap: wrap; gap: 4px 20px; align-items: baseline; justify-content: space-between; padding-top: 36px; }
h1 { margin: 0; font-size: 24px; letter-spacing: -0.01em; }
h2 { margin: 0 0 6px; font-size: 18px; }
.status { margin: 0; color: var(--soft); font-size: 14px; }
.dot { display: inline-block; width: 8px; height: 8px; margin-right: 8px; border-radius: 50%; background: var(--soft); }
.live .dot { background: var(--good); }
.offline .dot { background: var(--bad); }
.lead { margin: 4px 0 24px; color: var(--soft); }
.filter { display: flex; flex-wrap: wrap; gap: 6px 12px; align-items: center; margin: 0 0 16px; font-size: 14px; color: var(--soft); }
.filter[hidden] { display: none; }
input { flex: 1 1 220px; padding: 8px 12px; border: 1px solid var(--line); border-radius: 8px; background: var(--card); color: var(--ink); font: inherit; }
ol { margin: 0 0 48px; padding: 0; list-style: none; display: grid; gap: 12px; }
article, .empty { padding: 18px 20px; border: 1px solid var(--line); border-radius: 12px; background: var(--card); }
article.fresh { background: var(--fresh); border-color: var(--accent); }
.code-row { display: flex; gap: 16px; align-items: center; justify-content: space-between; }
.code { margin: 0; font: 700 38px/1.15 ui-monospace, "SF Mono", Menlo, Consolas, monospace; letter-spacing: 0.14em; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
.to { display: flex; flex-wrap: wrap; gap: 4px 10px; align-items: center; margin: 10px 0 0; }
.channel { padding: 1px 8px; border: 1px solid var(--line); border-radius: 999px; color: var(--soft); font-size: 13px; }
.sender { color: var(--soft); font-size: 14px; }
.sender:empty { display: none; }
.destination { font-weight: 600; overflow-wrap: anywhere; }
time { margin-left: auto; color: var(--soft); font-size: 14px; }
button { flex: none; min-width: 102px; padding: 9px 16px; border: 0; border-radius: 8px; background: var(--accent); color: var(--accent-ink); font: inherit; font-weight: 600; cursor: pointer; }
button:hover { filter: brightness(1.08); }
button.done { background: var(--good); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
details { margin-top: 10px; color: var(--soft); font-size: 14px; }
summary { cursor: pointer; width: fit-content; border-radius: 4px; }
pre { margin: 10px 0 0; padding: 12px 14px; border-radius: 8px; background: var(--page); color: var(--ink); font: 13px/1.55 ui-monospace, "SF Mono", Menlo, Consolas, monospace; white-space: pre-wrap; overflow-wrap: anywhere; }
.empty p { margin: 0; color: var(--soft); }
.empty pre { margin: 12px 0; }
.empty p code { white-space: nowrap; }
.no-match { color: var(--soft); }
.visually-hidden { position: absolute; width: 1px; height: 1px; margin: -1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; user-select: none; }
@media (max-width: 480px) { .code { font-size: 30px; letter-spacing: 0.08em; } time { margin-left: 0; } }
`;
