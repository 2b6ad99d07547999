import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { startScratchCluster } from '../scripts/load/scratch-cluster.ts';
import { apiUrl } from '../src/cli/local-cluster/layout.ts';
import { pathWithNpx } from './npx-shim.ts';
import { CHATD, ROOT } from './support.ts';

const run = promisify(execFile);
const WALK_MS_MAX = 90_000;
/** Between the outputs of two examples. */
const LINE = '\n-- next --\n';
const ENTITIES: Readonly<Record<string, string>> = {
  '&amp;': '&',
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
  '&#39;': "'",
};

/** What a reader of the page is told to paste into a shell, in order. */
function examplesOf(html: string): string[] {
  return [...html.matchAll(/<pre data-run>([\s\S]*?)<\/pre>/g)].map(([, text]) =>
    text!.replaceAll(/&(amp|lt|gt|quot|#39);/g, (entity) => ENTITIES[entity]!),
  );
}

it('the examples of the docs page work as they stand, one after the other in a shell', async () => {
  const cluster = await startScratchCluster({ nodes: 3, restart: false, say: () => {}, chatdFile: CHATD });
  const dir = mkdtempSync(join(tmpdir(), 'parley-docs-'));
  try {
    const [url] = cluster.layout.nodes.map(apiUrl);
    const examples = examplesOf(await (await fetch(`${url}/docs`)).text());
    expect(examples).toHaveLength(9);
    const script = examples.map((text) => text.replaceAll('/tmp/', `${dir}/`)).join(`\nprintf '${LINE}'\n`);
    const env = { ...process.env, PATH: pathWithNpx(dir), PARLEY_DATA: cluster.layout.dataDir };
    const { stdout, stderr } = await run('bash', ['-c', script], { cwd: ROOT, env, timeout: WALK_MS_MAX });
    const said = stdout.split(LINE);
    const object = (place: number): unknown => JSON.parse(said[place]!);

    expect(object(0)).toMatchObject({ node: 'n1', nodes: [{ up: true }, { up: true }, { up: true }] });
    expect(said[1]).toMatch(/^You are docs-ann now[\s\S]*You are docs-bob now/);
    expect(object(2)).toMatchObject({ people: [{ account: 'docs-ann' }, { account: 'docs-bob' }], next: null });
    const rooms = [...said[3]!.matchAll(/"room":"(R[a-z2-7]{26})"/g)].map(([, room]) => room);
    expect([rooms.length, new Set(rooms).size]).toEqual([2, 1]);
    expect(said[4]).toMatch(/^sent, number 1\n\{"messages":\[\{"room"[^\n]*"seq":1[^\n]* docs-ann: Hello Bob\n$/);
    const types = said[5]!.split('\n').filter((line) => line !== '');
    expect(types.map((line) => (JSON.parse(line) as { type: string }).type)).toEqual(['hello', 'ready', 'pong']);
    expect(said[6]).toMatch(/^event: ready\ndata: \{"type":"ready","account":"docs-ann"/m);
    expect(object(7)).toMatchObject({ status: 404, code: 'no_such_user', detail: 'There is no such user.' });
    expect(object(8)).toMatchObject({ healthy: true, nodes: [{ id: 'n1' }, { id: 'n2' }, { id: 'n3' }] });
    expect(stderr).toMatch(/^curl: \(28\) [^\n]*\n$/);
  } finally {
    await cluster.close();
    rmSync(dir, { recursive: true, force: true });
  }
});
