import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { adminTargetOf, clusterStatus } from '../final-state.ts';
import { adminRequest, leaderRequest } from '../../../src/cli/chatctl/admin-client.ts';
import { apiUrl } from '../../../src/cli/local-cluster/layout.ts';
import { isReady } from '../../../src/cli/local-cluster/ready.ts';
import { ParleyError } from '../../../src/protocol/errors.ts';
import type { LiveCluster } from './live-cluster.ts';
import type { LiveNode } from './live-node.ts';
import type { StateHashesJson } from '../../../src/protocol/http/schemas.ts';

/**
 * What became of a node whose directory was damaged:
 *
 * - `unharmed`: it had nothing to say about it;
 * - `alone`: it mended itself, with what it had left;
 * - `peers`: the others repaired it;
 * - `replace`: it says that it has to be replaced, and takes no part;
 * - `stuck`: it neither comes back nor says what to do;
 * - `wrong`: it serves, and what it has is not what the others have.
 */
export const FATES = ['unharmed', 'alone', 'peers', 'replace', 'stuck', 'wrong'] as const;
export type Fate = (typeof FATES)[number];

const BACK_MS_MAX = 60_000;
const POLL_MS = 40;
const NEEDS_REPLACING = /member replace/;
const REPAIRED_BY_PEERS = 'data was lost: the other nodes repair this one';

/** Waits until the node is in full service again, or says that it never will be. Never throws for what nodes do. */
export async function fateOf(cluster: LiveCluster, node: LiveNode): Promise<Fate> {
  const deadline = performance.now() + BACK_MS_MAX;
  while (performance.now() < deadline) {
    const now = await stateOf(cluster, node).catch(nothingYet);
    if (now !== null) return now;
    await delay(POLL_MS);
  }
  return 'stuck';
}

/** Null while nothing is decided. */
async function stateOf(cluster: LiveCluster, node: LiveNode): Promise<Fate | null> {
  if (!(await isReady(node.place))) {
    const problem = await problemOf(node);
    return problem !== null && NEEDS_REPLACING.test(problem) ? 'replace' : null;
  }
  const { nodes, healthy } = await clusterStatus(cluster.layout);
  if (!healthy || new Set(nodes.map(({ stateHashIndex }) => stateHashIndex)).size !== 1) return null;
  const { rows } = await askOf<StateHashesJson>(cluster, node, 'GET', '/v1/admin/state-hashes?rows=true');
  const isSound = rows !== null && rows.recomputed === rows.hash;
  if (!isSound || new Set(nodes.map(({ stateHash }) => stateHash)).size !== 1) return 'wrong';
  const said = node.said.map((line) => (JSON.parse(line) as { level: number; msg: string }).msg);
  if (said.includes(REPAIRED_BY_PEERS)) return 'peers';
  return node.ends.length > 0 || said.some(tellsOfDamage) ? 'alone' : 'unharmed';
}

const tellsOfDamage = (message: string): boolean => /damaged|broken|is lost|set aside/.test(message);

async function problemOf({ place }: LiveNode): Promise<string | null> {
  const answer = await fetch(`${apiUrl(place)}/readyz`);
  return answer.ok ? null : ((await answer.json()) as { detail: string }).detail;
}

/** A node that is down, or busy, has not decided anything. */
function nothingYet(error: unknown): null {
  if (error instanceof ParleyError || error instanceof TypeError || error instanceof SyntaxError) return null;
  throw error;
}

/** As an operator would: empties the directory, starts the node, and lets it in. @returns its fate after that */
export async function replace(cluster: LiveCluster, node: LiveNode): Promise<Fate> {
  await node.stop();
  const { dataDir, name } = node.place;
  for (const entry of await readdir(dataDir)) await rm(join(dataDir, entry), { recursive: true });
  await node.start();
  const target = adminTargetOf(cluster.layout);
  const others = { ...target, endpoints: target.endpoints.filter((url) => url !== apiUrl(node.place)) };
  const deadline = performance.now() + BACK_MS_MAX;
  while (performance.now() < deadline) {
    try {
      await leaderRequest(others, '/v1/admin/members', { verb: 'replace', node: name });
      return await fateOf(cluster, node);
    } catch (error) {
      if (!(error instanceof ParleyError)) throw error;
      await delay(POLL_MS);
    }
  }
  return 'stuck';
}

/** Lets a state be on the disk, so that it can be found there. */
export async function writeDown(cluster: LiveCluster, node: LiveNode): Promise<void> {
  await askOf(cluster, node, 'POST', '/v1/admin/compact');
}

function askOf<T>({ layout }: LiveCluster, { place }: LiveNode, method: 'GET' | 'POST', path: string): Promise<T> {
  return adminRequest<T>({ ...adminTargetOf(layout), endpoints: [apiUrl(place)] }, method, path);
}
