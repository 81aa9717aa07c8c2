/** The style of the page: light and dark, for phones too, with the reader's own fonts. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --page: #f6f7f9; --card: #fff; --text: #1c2127; --faint: #5c6670; --rule: #dde1e6;
  --good: #146c34; --warning: #8a5200; --bad: #b3202c; --line: #1f5fbf;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #12161b; --card: #1b2129; --text: #e6eaef; --faint: #98a3af; --rule: #303843;
    --good: #5bd184; --warning: #f0b64c; --bad: #ff8087; --line: #74aaff;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 1.25rem 1rem 2rem; max-width: 46rem;
  background: var(--page); color: var(--text); font: 1rem/1.45 system-ui, sans-serif;
  overflow-wrap: anywhere;
}
header { display: flex; flex-wrap: wrap; align-items: baseline; gap: 0 .75rem; }
h1 { margin: 0; font-size: 1.4rem; }
h2 { margin: 0 0 .5rem; font-size: 1rem; }
p { margin: .25rem 0 0; }
a { color: var(--line); }
.faint, footer { color: var(--faint); }
section, figure {
  margin: .75rem 0 0; padding: .9rem 1rem; background: var(--card);
  border: 1px solid var(--rule); border-radius: .5rem;
}
.state { border-left: .5rem solid var(--tone); }
.state h2 { margin: 0; font-size: 1.35rem; color: var(--tone); }
.good { --tone: var(--good); } .warning { --tone: var(--warning); }
.bad { --tone: var(--bad); } .waiting { --tone: var(--faint); }
.word { color: var(--tone); font-weight: 600; }
.numbers { display: grid; grid-template-columns: repeat(3, minmax(0, 1fr)); gap: .75rem; margin: .75rem 0 0; }
.numbers section { margin: 0; }
.numbers h2 { margin: 0; font-size: .9rem; font-weight: 400; color: var(--faint); }
.numbers p { margin: 0; font-size: 1.45rem; font-variant-numeric: tabular-nums; white-space: nowrap; }
.numbers p.note { font-size: .8rem; line-height: 1.25; color: var(--faint); white-space: normal; }
figcaption { margin-top: .25rem; color: var(--faint); font-size: .85rem; }
svg { display: block; width: 100%; height: auto; }
svg text { font-size: 13px; fill: var(--faint); }
.left { text-anchor: end; dominant-baseline: middle; }
.start { text-anchor: start; } .middle { text-anchor: middle; } .end { text-anchor: end; }
.grid { stroke: var(--rule); fill: none; }
.line { stroke: var(--line); stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; fill: none; }
.area { fill: var(--line); opacity: .12; }
.withheld { fill: var(--faint); opacity: .22; }
dl { display: grid; grid-template-columns: 9rem 1fr; gap: .3rem .75rem; margin: 0; }
dt { color: var(--faint); } dd { margin: 0; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; font-variant-numeric: tabular-nums; }
th { text-align: left; font-weight: 400; color: var(--faint); }
th, td { padding: .2rem .6rem .2rem 0; white-space: nowrap; }
td.name { white-space: normal; min-width: 7rem; }
td { border-top: 1px solid var(--rule); }
th:last-child, td:last-child { padding-right: 0; }
.number { text-align: right; }
footer { margin-top: 1rem; font-size: .85rem; }
@media (max-width: 34rem) {
  .numbers { gap: .5rem; }
  .numbers section { padding: .6rem .5rem; }
  .numbers p { font-size: .95rem; white-space: normal; }
  .numbers p.note { font-size: .75rem; }
  svg text { font-size: 18px; }
  dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: .5rem; }
}
`;
