import { ERRORS } from '../../protocol/errors.ts';
import { CLIENT_FRAMES, SERVER_FRAMES } from '../../protocol/http/frames.ts';
import { DOCS_STYLE } from './docs-style.ts';
import { escapeHtml, proseHtml } from './escape-html.ts';
import { curlLine, walkThrough } from './examples.ts';
import { CLIENT_FRAME_NOTES, SERVER_FRAME_NOTES } from './frame-notes.ts';
import { fieldsOf } from './json-schema.ts';
import { operationsOf } from './operations.ts';
import type { ClientFrameType, ServerFrameType } from './frame-notes.ts';
import type { FieldRow, JsonSchema } from './json-schema.ts';
import type { ApiDescription, Operation } from './operations.ts';

/**
 * The API for people to read: one page, made by the node from the same description that programs get. Nothing in it
 * runs, and nothing is fetched.
 *
 * @param base the URL of the node that is read, as examples use it
 */
export function docsPage(description: ApiDescription, base: string): string {
  const operations = operationsOf(description);
  const tags = [...new Set(operations.map(({ tag }) => tag))];
  const sections: [string, string][] = [
    ['Try it', walk(base)],
    ['Conventions', CONVENTIONS],
    ...tags.map((tag): [string, string] => [tag, routes(base, tag, operations)]),
    ['The live feed', frames()],
    ['Errors', errors()],
  ];
  const links = sections.map(([title]) => `<li><a href="#${anchorOf(title)}">${escapeHtml(titleOf(title))}</a></li>`);
  const bodies = sections.map(([title, body]) => {
    return `<section id="${anchorOf(title)}">\n<h2>${escapeHtml(titleOf(title))}</h2>\n${body}\n</section>`;
  });
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Parley API</title>
<style>${DOCS_STYLE}</style>
</head>
<body>
<nav aria-label="Sections">
<h1>Parley API</h1>
<p class="soft">Version ${escapeHtml(description.info.version)}, of the node at ${escapeHtml(base)}. For programs:
<a href="/v1/openapi.json">OpenAPI 3.1</a>, <a href="/v1/asyncapi.json">AsyncAPI 3.0</a>.</p>
<ul>${links.join('')}</ul>
</nav>
<main>
${bodies.join('\n')}
</main>
</body>
</html>
`;
}

const anchorOf = (title: string): string => title.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-');
const titleOf = (title: string): string => title.charAt(0).toUpperCase() + title.slice(1);

const CONVENTIONS = [
  'Everything is below `/v1`, JSON in and out, times in RFC 3339 with milliseconds, UTC. Fields that a schema ' +
    'does not know are refused by name.',
  'Who asks: `Authorization: Bearer TOKEN`, in every request. Tokens hold on every node; refresh them at `POST ' +
    '/v1/sessions/refresh`.',
  'What changes something carries a `txnId`: a ULID of at most 7 days ago and 10 minutes ahead. In the body, as ' +
    '`?txnId=` where there is no body, or as the header `Idempotency-Key`. The same again gives the first answer; ' +
    'the same with something else is `txn_reused`.',
  'Answers to changes carry a `cursor`. A read with `?cursor=` is at least as new, on whichever node: one that ' +
    'is behind waits, and says `behind` at the deadline. `?consistency=linearizable` is as new as the whole ' +
    'cluster.',
  'Lists have pages: `limit`, and `after` with the `next` of the page before, null at the end. Messages of a ' +
    'room are numbered from 1 without gaps.',
  'Headers of every answer: `Parley-Leader`, `Parley-Term`, `Parley-Commit`; `Parley-Stale: true` on a node ' +
    'that is cut off; `RateLimit-Limit`, `RateLimit-Remaining`, `RateLimit-Reset`, and `Retry-After` with 429 and ' +
    '503.',
]
  .map((text) => `<p>${proseHtml(text)}</p>`)
  .join('\n');

function walk(base: string): string {
  const intro = '<p>In the folder of the checkout, with <code>npm start</code> running: paste these in turn.</p>';
  const steps = walkThrough(base).map(
    ({ title, prose, shell }) =>
      `<h3>${escapeHtml(title)}</h3>\n<p>${proseHtml(prose)}</p>\n<pre data-run>${escapeHtml(shell)}</pre>`,
  );
  return [intro, ...steps].join('\n');
}

// ---------------------------------------------------------------- routes

const WHO = {
  session: 'a session',
  grant: 'what a login by password or recovery code gave, or a session',
  admin: 'the admin token of a node, or an admin of the server',
} as const;

function routes(base: string, tag: string, operations: readonly Operation[]): string {
  return operations
    .filter((operation) => operation.tag === tag)
    .map((operation) => route(base, operation))
    .join('\n');
}

function route(base: string, operation: Operation): string {
  const { method, path, summary, description, security, parameters, body, answer, errors: codes } = operation;
  const who = security === null ? 'open to everybody' : `needs ${WHO[security]}`;
  const details = [
    table('Parameters', parameters),
    body === undefined ? '' : table('Body', fieldsOf(body)),
    answer === undefined ? '' : table('Answer', fieldsOf(answer)),
    codes.length === 0 ? '' : `<p class="soft">Errors: ${codes.map((code) => `<code>${code}</code>`).join(' ')}</p>`,
  ];
  return `<h3 id="${anchorOf(`${method} ${path}`)}"><span class="method">${method}</span> <code>${escapeHtml(path)}</code></h3>
<p>${proseHtml(summary)}; ${who}.</p>${description === '' ? '' : `\n<p>${proseHtml(description)}</p>`}
<pre>${escapeHtml(curlLine(base, operation))}</pre>
<details><summary>Fields and errors</summary>
${details.filter((part) => part !== '').join('\n')}
</details>`;
}

function table(caption: string, rows: readonly FieldRow[]): string {
  if (rows.length === 0) return '';
  const body = rows.map(
    ({ path, type, required, description }) =>
      `<tr><td><code>${escapeHtml(path)}</code>${required ? '' : ' <span class="soft">optional</span>'}</td>` +
      `<td>${escapeHtml(type)}</td><td>${proseHtml(description)}</td></tr>`,
  );
  return `<div class="scroll"><table><thead><tr><th>${caption}</th><th>Form</th><th></th></tr></thead><tbody>
${body.join('\n')}
</tbody></table></div>`;
}

// ---------------------------------------------------------------- frames

function frames(): string {
  const said = (Object.keys(CLIENT_FRAMES) as ClientFrameType[]).map((type) => {
    const { summary, answer } = CLIENT_FRAME_NOTES[type];
    const answered = answer === null ? '' : ` Answered by \`${answer}\`.`;
    return frame(`${type} (client)`, summary + answered, CLIENT_FRAMES[type]);
  });
  const heard = (Object.keys(SERVER_FRAMES) as ServerFrameType[]).map((type) =>
    frame(`${type} (node)`, SERVER_FRAME_NOTES[type], SERVER_FRAMES[type]),
  );
  const intro =
    '<p>A WebSocket at <code>/v1/ws</code>, or server-sent events at <code>GET /v1/events</code>. ' +
    'The node speaks first; the client’s first frame is <code>identify</code> or <code>resume</code>.</p>';
  return [intro, ...said, ...heard].join('\n');
}

function frame(title: string, summary: string, schema: JsonSchema): string {
  return `<h3>${escapeHtml(title)}</h3>
<p>${proseHtml(summary)}</p>
<details><summary>Fields</summary>
${table('Field', fieldsOf(schema))}
</details>`;
}

// ---------------------------------------------------------------- errors

function errors(): string {
  const rows = Object.entries(ERRORS).map(([code, row]) => {
    const close = 'close' in row ? String(row.close) : '';
    return `<tr><td><code>${code}</code></td><td>${row.status}</td><td>${close}</td><td>${row.exit}</td><td>${
      row.retryable ? 'yes' : ''
    }</td><td>${escapeHtml(row.title)}</td></tr>`;
  });
  return `<p>RFC 9457 problem details: <code>code</code> is stable; <code>retryable</code> says whether the very same
request may succeed later; <code>retryAfterMs</code> when; <code>data</code> has particulars; <code>requestId</code> is
in the log of the node.</p>
<div class="scroll"><table><thead><tr><th>Code</th><th>HTTP</th><th>Close</th><th>Exit</th><th>Retry</th><th>What it means</th></tr></thead><tbody>
${rows.join('\n')}
</tbody></table></div>`;
}
