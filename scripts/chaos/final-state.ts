import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { requestJson } from '../load/http.ts';
import { hashEnvelope } from '../load/sealed-texts.ts';
import { apiUrl } from '../../src/cli/local-cluster/layout.ts';
import { fromBase64Url } from '../../src/protocol/base64url.ts';
import type { FinalMessage, HistoryRecorder } from './history.ts';
import type { AdminTarget } from '../../src/cli/chatctl/admin-client.ts';
import type { ClusterLayout } from '../../src/cli/local-cluster/layout.ts';
import type { MessageJsonT, StatusJson } from '../../src/protocol/http/schemas.ts';

const PAGE = 500;
const CONVERGE_MS_MAX = 60_000;

/** For an operator of the whole cluster: every node takes the token of any. */
export function adminTargetOf({ nodes }: ClusterLayout): AdminTarget {
  const file = nodes.map(({ dataDir }) => join(dataDir, 'admin.token')).find((path) => existsSync(path));
  return { endpoints: nodes.map(apiUrl), token: file === undefined ? null : readFileSync(file, 'utf8').trim() };
}

/** Asks the cluster how it is, through the first node that answers. */
export async function clusterStatus(layout: ClusterLayout): Promise<StatusJson> {
  let failure: unknown;
  for (const place of layout.nodes) {
    try {
      const token = readFileSync(join(place.dataDir, 'admin.token'), 'utf8').trim();
      return await requestJson<StatusJson>(apiUrl(place), 'GET', '/v1/admin/status', { token });
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

/** Waits until this node has applied all that the cluster had committed when it was asked. False if it never does. */
export async function whenCaughtUp(layout: ClusterLayout, node: string): Promise<boolean> {
  const deadline = performance.now() + CONVERGE_MS_MAX;
  const { nodes } = await clusterStatus(layout);
  const committed = Math.max(...nodes.map(({ commitIndex }) => commitIndex ?? 0));
  while (performance.now() < deadline) {
    const applied = (await clusterStatus(layout)).nodes.find(({ id }) => id === node)?.appliedIndex ?? 0;
    if (applied >= committed) return true;
    await delay(50);
  }
  return false;
}

/** Waits until every node has applied the same index, and records each one's state hash. False if they never do. */
export async function recordConvergence(layout: ClusterLayout, history: HistoryRecorder): Promise<boolean> {
  const deadline = performance.now() + CONVERGE_MS_MAX;
  while (performance.now() < deadline) {
    const { nodes } = await clusterStatus(layout);
    const indexes = new Set(nodes.map(({ stateHashIndex }) => stateHashIndex));
    if (indexes.size === 1 && !indexes.has(null)) {
      for (const { id, stateHash, stateHashIndex } of nodes) {
        history.add({ type: 'state-hash', node: id, index: stateHashIndex!, hash: stateHash! });
      }
      return true;
    }
    await delay(200);
  }
  return false;
}

/**
 * Reads a whole room from every node, as its members see it.
 * @param tokenAt a member's token that is good for now, for the node at this URL
 */
export async function recordFinalRoom(
  layout: ClusterLayout,
  tokenAt: (url: string) => Promise<string>,
  room: string,
  history: HistoryRecorder,
): Promise<void> {
  for (const place of layout.nodes) {
    const messages: FinalMessage[] = [];
    for (let after = 0; ;) {
      const page = await requestJson<{ messages: MessageJsonT[] }>(
        apiUrl(place),
        'GET',
        `/v1/rooms/${room}/messages?after=${after}&limit=${PAGE}`,
        { token: await tokenAt(apiUrl(place)) },
      );
      for (const { seq, id, envelope } of page.messages) {
        messages.push({ seq, txnId: id.slice(0, 26), body: hashEnvelope(fromBase64Url(envelope ?? '')) });
      }
      if (page.messages.length < PAGE) break;
      after = page.messages.at(-1)!.seq;
    }
    history.add({ type: 'final', node: place.name, room, messages });
  }
}

/** Of what was recorded of the room; 0 for an empty one. */
export function lastSeqOf({ records }: HistoryRecorder, room: string): number {
  const final = records.find((record) => record.type === 'final' && record.room === room);
  return final?.type === 'final' ? (final.messages.at(-1)?.seq ?? 0) : 0;
}
