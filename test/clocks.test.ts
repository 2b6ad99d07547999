import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createPerson } from '../scripts/load/person.ts';
import { startScratchCluster } from '../scripts/load/scratch-cluster.ts';
import { apiUrl } from '../src/cli/local-cluster/layout.ts';
import { whenReady } from '../src/cli/local-cluster/ready.ts';
import { parseHeader } from '../src/node/transport/frame-header.ts';
import { scrape } from '../src/testing/scrape.ts';
import { FrameRecorder, type RecordedFrame } from './frame-recorder.ts';
import { FAKE_TIME, OwnClocks } from './own-clocks.ts';
import { CHATCTL, CHATD, runProgram, until } from './support.ts';
import type { ScratchCluster } from '../scripts/load/scratch-cluster.ts';
import type { NodePlace } from '../src/cli/local-cluster/layout.ts';
import type { KeysJson } from '../src/protocol/http/keys.ts';
import type { StatusJson } from '../src/protocol/http/schemas.ts';

const HOUR = 3_600;
const HOUR_MS = HOUR * 1_000;
const MINUTE_MS = 60_000;
const JUMPED = 'the clock has jumped';
/** What a process answers to without believing it, as anybody may have recorded it. */
const HANDSHAKES: ReadonlySet<string> = new Set(['introduce', 'handshake', 'handshake-reply']);

describe.skipIf(FAKE_TIME === undefined)('a cluster whose clocks are wrong (needs libfaketime)', () => {
  let cluster: ScratchCluster;
  let folder: string;
  let clocks: OwnClocks;
  let ahead: NodePlace;
  let behind: NodePlace;
  let right: NodePlace;
  let people = 0;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'parley-clocks-'));
    clocks = new OwnClocks(folder);
    clocks.set('n1', HOUR);
    clocks.set('n2', -HOUR);
    cluster = await startScratchCluster({
      ...{ nodes: 3, restart: false, say: () => {}, chatdFile: CHATD },
      env: { CHATD_KEY_ROTATION_MINUTES: '0.1' },
      envOf: (place) => clocks.envOf(place),
    });
    [ahead, behind, right] = cluster.layout.nodes as [NodePlace, NodePlace, NodePlace];
  });
  afterAll(async () => {
    await cluster.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const json = async <T>(...args: string[]): Promise<T> => {
    const endpoints = cluster.layout.nodes.map(apiUrl).join(',');
    const ended = await runProgram(CHATCTL, ['--endpoint', endpoints, ...args, '--json'], {
      PARLEY_DATA: cluster.layout.dataDir,
    });
    expect(ended).toMatchObject({ code: 0 });
    return JSON.parse(ended.stdout) as T;
  };
  const serves = async (): Promise<void> => {
    for (const node of cluster.layout.nodes) {
      people += 1;
      await createPerson(apiUrl(node), `person-${people}`);
    }
    await until('all have the same state', async () => {
      const { nodes, healthy } = await json<StatusJson>('status');
      return healthy && new Set(nodes.map((node) => `${node.stateHash}@${node.stateHashIndex}`)).size === 1;
    });
  };
  const newKey = async (): Promise<void> => {
    const { epoch } = await json<KeysJson>('keys', 'status');
    await until('all have another key', async () => {
      const { nodes } = await json<KeysJson>('keys', 'status');
      return nodes.every((node) => node.epoch !== null && node.epoch > (epoch ?? 0));
    });
  };
  const refused = async (node: NodePlace): Promise<number> => {
    const token = readFileSync(join(node.dataDir, 'admin.token'), 'utf8').trim();
    return (await scrape(apiUrl(node), token)).sum('parley_transport_rejected_total');
  };
  const logOf = ({ dataDir }: NodePlace): string => readFileSync(join(dataDir, 'chatd.log'), 'utf8');
  const jumpsOf = (node: NodePlace): number => logOf(node).split(JUMPED).length - 1;

  it('is founded, serves and changes its key with one node an hour ahead and one an hour behind', async () => {
    const begun = Date.now();
    await serves();
    await newKey();
    // The clocks are indeed what they are meant to be, and the cluster goes by the one in the middle.
    const times = [ahead, behind].map((node) => Number(/"time":(\d+)/.exec(logOf(node))![1]));
    expect(times[0]! - begun).toBeGreaterThan(HOUR_MS / 2);
    expect(times[1]! - begun).toBeLessThan(-HOUR_MS / 2);
    const { nodes } = await json<KeysJson>('keys', 'status');
    expect(nodes).toHaveLength(3);
  });

  it('makes new keys where a clock is set while it serves, and goes on', async () => {
    for (const seconds of [HOUR, 0]) {
      const before = jumpsOf(right);
      clocks.set(right.name, seconds);
      await until('it is noticed', () => jumpsOf(right) > before);
      await serves();
      await newKey();
    }
    expect(logOf(right)).toContain('"jump":"set"');
  });

  it('takes nothing that was said before its clocks were set', async () => {
    const recorder = await FrameRecorder.at(right, cluster.layout);
    try {
      await serves();
      const frames = recorder.take();
      const genuine = frames.filter(isSealed);
      expect(genuine.length).toBeGreaterThan(10);
      for (const [node, seconds] of [
        [ahead, 0],
        [behind, 0],
        [right, HOUR],
      ] as const) {
        const before = jumpsOf(node);
        clocks.set(node.name, seconds);
        await until('it is noticed', () => jumpsOf(node) > before);
      }
      await serves();
      const before = await refused(right);
      await recorder.repeat(frames);
      await until('all of it was refused', async () => (await refused(right)) - before >= genuine.length);
      await serves();
    } finally {
      await recorder.close();
    }
  });

  it('comes back with clocks an hour further back than when it stopped', async () => {
    const { leader } = await json<StatusJson>('status');
    for (const { name } of cluster.layout.nodes) await cluster.supervisor.killNode(name, { withSidecar: true });
    for (const { name } of cluster.layout.nodes) clocks.set(name, name === leader ? -2 * HOUR : -HOUR);
    for (const { name } of cluster.layout.nodes) cluster.supervisor.startNode(name);
    expect(await whenReady(cluster.layout, { timeoutMs: 2 * MINUTE_MS })).toBe(true);
    await serves();
    const asked = await json<KeysJson>('keys', 'rotate');
    await until('all have it', async () => {
      const { nodes } = await json<KeysJson>('keys', 'status');
      return nodes.every(({ epoch }) => epoch !== null && epoch >= asked.epoch!);
    });
  });
});

function isSealed({ bytes }: RecordedFrame): boolean {
  const header = parseHeader(bytes);
  return header !== undefined && !HANDSHAKES.has(header.kind);
}
