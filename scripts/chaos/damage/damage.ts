import { truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { dataFilesOf, drawHit, pick } from './file-kinds.ts';
import { fateOf, replace, writeDown } from './fates.ts';
import { LiveCluster } from './live-cluster.ts';
import { Tally } from './tally.ts';
import { checkHistory } from '../checker.ts';
import { recordConvergence, recordFinalRoom } from '../final-state.ts';
import { HistoryRecorder } from '../history.ts';
import { distributionOf } from '../percentiles.ts';
import { seededRandom } from '../random.ts';
import { isInvalid, scoreLine } from '../score.ts';
import { sendOnce } from '../send-once.ts';
import { createPerson, openDirectRoom, tokenOf } from '../../load/person.ts';
import { apiUrl } from '../../../src/cli/local-cluster/layout.ts';
import { filesOf, flipBit } from '../../../src/testing/store/store-images.ts';
import type { Hit, Spread } from './file-kinds.ts';
import type { LiveNode } from './live-node.ts';
import type { RunOptions, RunReport } from '../run.ts';
import type { Person } from '../../load/person.ts';
import type { RoomDetailJson } from '../../../src/protocol/http/schemas.ts';

const NODES = 3;
const SENDS_WHILE_AWAY = 2;
/** Every so often a node writes its state to disk and cuts its log, as it would after hours. */
const WRITE_DOWN_EVERY = 7;
const SHOWN_EVERY = 100;

export interface DamageOptions extends Pick<RunOptions, 'seed' | 'historyFile' | 'keepData' | 'say'> {
  readonly copies: number;
  readonly spread: Spread;
  /** Messages before the first damage. From a few thousand on nodes have cut their logs, and need each other. */
  readonly messages: number;
}

export interface DamageReport extends RunReport {
  readonly tally: Tally;
  /** Every copy that was not repaired by itself: what was done to it, and what became of it. */
  readonly troubles: readonly string[];
}

interface World {
  readonly cluster: LiveCluster;
  readonly people: readonly [Person, Person];
  readonly room: RoomDetailJson;
  readonly history: HistoryRecorder;
  readonly random: () => number;
}

/**
 * Damages the directory of one node of a cluster that serves, again and again: stops it, hits one of its files while
 * the others take messages, starts it, and waits until it is in full service with the same state as they have. Damage
 * is never undone: what a node keeps of one it takes into the next.
 */
export async function damage(options: DamageOptions): Promise<DamageReport> {
  const history = new HistoryRecorder(options.historyFile);
  const cluster = await LiveCluster.start(NODES);
  try {
    const [first] = cluster.layout.nodes.map(apiUrl);
    const people = [await createPerson(first!, 'ann'), await createPerson(first!, 'bob')] as const;
    const room = await openDirectRoom(first!, ...people);
    const world: World = { cluster, people, room, history, random: seededRandom(options.seed) };
    for (let sends = 0; sends < options.messages; sends += 1) await send(world, cluster.nodes);
    for (const node of cluster.nodes) await writeDown(cluster, node);
    const run = await damageAll(world, options);
    const converged = await recordConvergence(cluster.layout, history);
    await recordFinalRoom(cluster.layout, (url) => tokenOf(url, people[0]), room.room, history);
    const verdict = checkHistory(history.records);
    const faults = { kinds: run.kinds, count: options.copies };
    const times = { of: 'healed', ms: distributionOf(run.healedMs) };
    return {
      verdict,
      converged,
      invalid: isInvalid(verdict),
      ...run,
      scoreLine: scoreLine(history, verdict, { seed: options.seed, faults, times }),
    };
  } finally {
    await cluster.close({ keepData: options.keepData });
    await history.close();
  }
}

interface Run {
  readonly tally: Tally;
  readonly troubles: readonly string[];
  readonly healedMs: readonly number[];
  /** Kinds of files that were hit. */
  readonly kinds: number;
}

async function damageAll(world: World, { copies, spread, say }: DamageOptions): Promise<Run> {
  const tally = new Tally();
  const [troubles, healedMs, kinds]: [string[], number[], Set<string>] = [[], [], new Set()];
  for (let copy = 1; copy <= copies; copy += 1) {
    const node = pick(world.cluster.nodes, world.random);
    if (copy % WRITE_DOWN_EVERY === 0) await writeDown(world.cluster, node);
    await node.stop();
    const others = world.cluster.nodes.filter((one) => one !== node);
    for (let sends = 0; sends < SENDS_WHILE_AWAY; sends += 1) await send(world, others);
    const hit = drawHit(dataFilesOf(await filesOf(node.place.dataDir)), spread, world.random);
    await inflict(node, hit);
    const startedAt = performance.now();
    await node.start();
    const fate = await fateOf(world.cluster, node);
    tally.add(hit.file.kind, fate);
    kinds.add(hit.file.kind);
    if (fate === 'unharmed' || fate === 'alone' || fate === 'peers') {
      healedMs.push(performance.now() - startedAt);
    } else {
      const trouble = `copy ${copy}, ${describe(node, hit)}: ${fate}${node.ends.map((end) => `; ${end}`).join('')}`;
      troubles.push(trouble);
      say(trouble);
      const after = await replace(world.cluster, node);
      if (after === 'stuck' || after === 'wrong') throw new Error(`${trouble}, and ${after} after it was replaced`);
    }
    if (copy % SHOWN_EVERY === 0) say(`${copy} copies, ${(100 * tally.selfRepaired()).toFixed(2)} % self-repaired`);
  }
  return { tally, troubles, healedMs, kinds: kinds.size };
}

function send({ people, room, history, random }: World, nodes: readonly LiveNode[]): Promise<void> {
  const { place } = pick(nodes, random);
  return sendOnce({ name: place.name, url: apiUrl(place) }, pick(people, random), room, history);
}

async function inflict({ place }: LiveNode, hit: Hit): Promise<void> {
  const path = join(place.dataDir, hit.file.path);
  if (hit.how === 'flipped') await flipBit(path, hit.bit);
  else await truncate(path, hit.bytesLeft);
}

function describe({ place }: LiveNode, hit: Hit): string {
  const what = hit.how === 'flipped' ? `bit ${hit.bit} flipped` : `cut to ${hit.bytesLeft}`;
  return `${hit.file.path} of ${place.name} (${hit.file.bytes} bytes) ${what}`;
}
