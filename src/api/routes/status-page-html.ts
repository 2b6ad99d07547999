/** The status page: one file, nothing fetched but `/v1/cluster`. */

export const STATUS_STYLE = `
:root { color-scheme: light dark; --ink: #1d2127; --soft: #68707c; --line: #dfe3e8; --paper: #fbfbfa; --up: #2f7d4f; --down: #b3402e }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e8eb; --soft: #979ea8; --line: #31363d; --paper: #17191c; --up: #6cc08b; --down: #e58873 } }
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif }
main { max-width: 44rem; margin: 0 auto; padding: 3rem 1.25rem }
h1 { font-size: 1.4rem; font-weight: 600; margin: 0 }
#summary { color: var(--soft); margin: .25rem 0 2rem; min-height: 1.5em }
table { width: 100%; border-collapse: collapse }
th { text-align: left; font-weight: 500; color: var(--soft); font-size: .85rem }
th, td { padding: .6rem .75rem .6rem 0; border-bottom: 1px solid var(--line) }
td { font-variant-numeric: tabular-nums }
.number { text-align: right }
.up::before, .down::before { content: ''; display: inline-block; width: .6rem; height: .6rem; border-radius: 50%; margin-right: .5rem; background: var(--up) }
.down { color: var(--soft) } .down::before { background: var(--down) }
.leader { font-size: .8rem; border: 1px solid var(--line); border-radius: 1rem; padding: .1rem .6rem; margin-left: .5rem }
a { color: inherit }
footer { color: var(--soft); font-size: .85rem; margin-top: 2rem }
`;

export const STATUS_SCRIPT = `
const PERIOD_MS = 1000;
const byId = (id) => document.getElementById(id);
const cell = (content, className) => {
  const td = document.createElement('td');
  if (className) td.className = className;
  td.append(content);
  return td;
};
const link = (url) => {
  if (url === null) return '–';
  const a = document.createElement('a');
  a.href = url;
  a.textContent = url.replace(/^https?:\\/\\//, '');
  return a;
};
const row = (node, leader) => {
  const name = document.createElement('span');
  name.className = node.up ? 'up' : 'down';
  name.textContent = node.id;
  const first = cell(name);
  if (node.id === leader) {
    const mark = document.createElement('span');
    mark.className = 'leader';
    mark.textContent = 'leader';
    first.append(mark);
  }
  const load = node.load;
  const tr = document.createElement('tr');
  tr.append(
    first,
    cell(node.up ? 'up' : 'down'),
    cell(link(node.url)),
    cell(load === null ? '–' : String(load.sockets), 'number'),
    cell(load === null ? '–' : String(Math.round(load.messagesPerSecond)), 'number'),
  );
  return tr;
};
const show = (cluster) => {
  const up = cluster.nodes.filter((node) => node.up).length;
  const leads = cluster.leader === null ? 'no leader right now' : cluster.leader + ' leads in term ' + cluster.term;
  byId('summary').textContent = up + ' of ' + cluster.nodes.length + ' nodes up, ' + leads + '.';
  byId('nodes').replaceChildren(...cluster.nodes.map((node) => row(node, cluster.leader)));
  byId('self').textContent = 'Told by ' + cluster.node + '. Registration is ' + cluster.registration + '.';
};
const refresh = async () => {
  try {
    const response = await fetch('/v1/cluster', { signal: AbortSignal.timeout(5000) });
    if (!response.ok) throw new Error('The node answered ' + response.status + '.');
    show(await response.json());
  } catch {
    byId('summary').textContent = 'This node does not answer. Trying again.';
  }
  setTimeout(refresh, PERIOD_MS);
};
refresh();
`;

export const STATUS_PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Parley</title>
<style>${STATUS_STYLE}</style>
</head>
<body>
<main>
<h1>Parley</h1>
<p id="summary" role="status"></p>
<table>
<thead><tr><th>Node</th><th>State</th><th>Address</th><th class="number">Connections</th><th class="number">Messages/s</th></tr></thead>
<tbody id="nodes"></tbody>
</table>
<footer id="self"></footer>
</main>
<script type="module">${STATUS_SCRIPT}</script>
</body>
</html>
`;
