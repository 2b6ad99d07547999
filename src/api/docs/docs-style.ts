export const DOCS_STYLE = `
:root { color-scheme: light dark; --ink: #1d2127; --soft: #626a75; --line: #dfe3e8; --paper: #fbfbfa; --code: #f0f1f3; --mark: #2f6f7d }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e8eb; --soft: #979ea8; --line: #31363d; --paper: #17191c; --code: #22262b; --mark: #7fc4d2 } }
* { box-sizing: border-box }
html { scroll-padding-top: 1rem }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, sans-serif }
main, nav { max-width: 60rem; margin: 0 auto; padding: 1rem 1.25rem }
h1 { font-size: 1.6rem; font-weight: 600; margin: 2rem 0 .25rem }
h2 { font-size: 1.25rem; font-weight: 600; margin: 3rem 0 .5rem; padding-top: 1rem; border-top: 1px solid var(--line) }
h3 { font-size: 1rem; font-weight: 600; margin: 1.75rem 0 .25rem }
p { margin: .4rem 0; max-width: 46rem }
nav ul { list-style: none; padding: 0; margin: 0; display: flex; flex-wrap: wrap; gap: .25rem 1rem }
a { color: var(--mark) }
code, pre { font: .875em/1.5 ui-monospace, monospace; background: var(--code); border-radius: 4px }
code { padding: .1em .3em }
pre { padding: .75rem; overflow-x: auto; white-space: pre }
.scroll { overflow-x: auto }
table { border-collapse: collapse; width: 100%; font-size: .9rem; margin: .5rem 0 }
th { text-align: left; font-weight: 500; color: var(--soft); font-size: .8rem }
th, td { padding: .3rem .75rem .3rem 0; border-bottom: 1px solid var(--line); vertical-align: top }
summary { cursor: pointer; color: var(--soft); font-size: .9rem }
.method { color: var(--mark) }
.soft { color: var(--soft) }
`;
