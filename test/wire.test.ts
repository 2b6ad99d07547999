import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startScratchCluster } from '../scripts/load/scratch-cluster.ts';
import { apiUrl } from '../src/cli/local-cluster/layout.ts';
import { placesBelow, placesIn } from './canary.ts';
import { LoopbackCapture, whyNoCapture } from './loopback-capture.ts';
import { ParleyHome } from './parley-home.ts';
import { CHATCTL, CHATD, runProgram } from './support.ts';
import type { ScratchCluster } from '../scripts/load/scratch-cluster.ts';

/** What only the people of an encrypted room are to know. */
const SECRET = {
  text: 'periwinkle-thunderclap-omnibus',
  edited: 'vermilion-parapet-sonata',
  room: 'Hall Of Whispering Gantries',
  file: 'a-catalogue-of-obelisks',
} as const;
/** What nodes know, but nobody who listens to them. */
const KNOWN_TO_NODES = {
  account: 'quixotic-zephyrine',
  displayName: 'Marmalade Featherstonehaugh',
  openText: 'marzipan-escalator-quorum',
  openRoom: 'Cabinet Of Audible Larches',
} as const;
const SENT = 5;
const obstacle = whyNoCapture();
const orWhyNot = obstacle === null ? '' : ` (not captured: ${obstacle})`;

describe.skipIf(obstacle !== null)(`all that a cluster says on the network of its machine${orWhyNot}`, () => {
  let cluster: ScratchCluster;
  let folder: string;
  let ann: ParleyHome;
  const captures: LoopbackCapture[] = [];

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'parley-wire-'));
    cluster = await startScratchCluster({
      ...{ nodes: 3, restart: false, say: () => {}, chatdFile: CHATD },
      env: { CHATD_LOG_LEVEL: 'trace' },
    });
  });
  afterAll(async () => {
    for (const capture of captures) capture.abandon();
    ann.close();
    await cluster.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const capture = async (name: string, ports: readonly number[]): Promise<LoopbackCapture> => {
    const started = await LoopbackCapture.start(join(folder, name), ports);
    captures.push(started);
    return started;
  };

  /** Everything that people do with texts, names and files. */
  async function chat(): Promise<void> {
    const endpoints = cluster.layout.nodes.map(apiUrl).join(',');
    ann = new ParleyHome(join(folder, 'ann'));
    await ann.json('--endpoint', endpoints, 'register', KNOWN_TO_NODES.account);
    await ann.json('profile', 'set', '--name', KNOWN_TO_NODES.displayName);
    await ann.json('room', 'create', KNOWN_TO_NODES.openRoom, '--open');
    await ann.json('send', KNOWN_TO_NODES.openRoom, KNOWN_TO_NODES.openText);
    await ann.json('room', 'create', SECRET.room);
    for (let sent = 0; sent < SENT; sent += 1) await ann.json('send', SECRET.room, `${SECRET.text} ${sent}`);
    const file = join(folder, SECRET.file);
    writeFileSync(file, `${SECRET.text} `.repeat(20_000));
    await ann.json('file', 'send', SECRET.room, file);
    const lines = await ann.json<{ seq: number; text?: string }>('read', SECRET.room);
    const first = lines.find(({ text }) => text === `${SECRET.text} 0`);
    await ann.json('edit', SECRET.room, String(first?.seq), SECRET.edited);
    await ann.json('read', KNOWN_TO_NODES.openRoom);
  }

  it('shows nobody who listens what is for the people of a room, nor among nodes what nodes know', async () => {
    const { nodes } = cluster.layout;
    const toNodes = await capture(
      'clients.pcap',
      nodes.map(({ apiPort }) => apiPort),
    );
    const amongNodes = await capture(
      'nodes.pcap',
      nodes.flatMap(({ natsPort, routePort }) => [natsPort, routePort]),
    );
    await chat();
    const endpoints = nodes.map(apiUrl).join(',');
    const rotated = await runProgram(CHATCTL, ['--endpoint', endpoints, 'keys', 'rotate'], {
      PARLEY_DATA: cluster.layout.dataDir,
    });
    expect(rotated).toMatchObject({ code: 0 });
    const [fromClients, fromNodes] = [await toNodes.stop(), await amongNodes.stop()];
    const [secret, known] = [Object.values(SECRET), Object.values(KNOWN_TO_NODES)];

    expect(placesIn(fromClients, secret)).toEqual([]);
    expect(placesIn(fromNodes, [...secret, ...known])).toEqual([]);
    // The captures hold what is to be in them: without TLS what open rooms say is seen, and whom frames are for.
    for (const word of known) expect(placesIn(fromClients, [word])).not.toEqual([]);
    for (const { name } of nodes) expect(placesIn(fromNodes, [`.node.${name}`])).not.toEqual([]);
    const bytes = [...fromNodes.values()].reduce((sum, { length }) => sum + length, 0);
    expect(bytes).toBeGreaterThan(SENT * 1_000);
  });

  it('is in no log and on no disk either', () => {
    const words = [...Object.values(SECRET), ...Object.values(KNOWN_TO_NODES)];
    for (const { dataDir } of cluster.layout.nodes) expect(placesBelow(dataDir, words)).toEqual([]);
    expect(placesBelow(folder, [SECRET.text])).not.toEqual([]);
  });
});
