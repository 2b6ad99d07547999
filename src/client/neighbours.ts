import { ParleyError } from '../protocol/errors.ts';
import { cluster as clusterAnswer } from './answers.ts';
import { orderNodes } from './choose-node.ts';
import { isReadableOnTheWay } from './plain-http.ts';
import { readRow, writeRow } from './rows.ts';
import type { ApiClient } from './api-client.ts';
import type { KnownNode } from './choose-node.ts';
import type { Platform } from './platform.ts';

const ASK_MS_MAX = 2_000;
const NODES_MAX = 16;
const CLUSTER = { method: 'GET', path: '/v1/cluster', answer: clusterAnswer } as const;

/**
 * Asks the node at hand where the others are, and remembers it: a client that was told of one node only moves on when
 * that one dies. What cannot be learned now is learned at the next occasion.
 */
export async function learnNodes(platform: Platform, api: ApiClient): Promise<void> {
  await learnFrom(platform, api, (ask) => ask(api.endpoint, ASK_MS_MAX));
}

export interface Leaving {
  /** The node that was lost or sent this client away: the last to go to. */
  readonly endpoint: string;
  /** Where it said to go; empty where it said nothing. */
  readonly alternatives: readonly string[];
}

/**
 * Before a connection that lasts: asks whichever node answers how loaded all of them are, and turns to the best.
 * Without effect where the order was given, and where no node answers in time.
 */
export async function chooseNode(
  platform: Platform,
  api: ApiClient,
  { leaving, signal }: { readonly leaving: Leaving | null; readonly signal: AbortSignal },
): Promise<void> {
  if (api.balance === null) return;
  await learnFrom(platform, api, (ask) => api.withNode(ASK_MS_MAX, ask, signal));
  if (leaving === null) return;
  const order = api.endpoints.filter((url) => url !== leaving.endpoint);
  const told = order.filter((url) => leaving.alternatives.includes(url));
  api.prefer([...new Set([...told, ...order])]);
}

interface Told {
  readonly asked: string;
  readonly nodes: readonly { readonly url: string | null; readonly up: boolean; readonly load: KnownNode['load'] }[];
}
type Ask = (endpoint: string, timeoutMs: number) => Promise<Told>;

async function learnFrom(platform: Platform, api: ApiClient, asking: (ask: Ask) => Promise<Told>): Promise<void> {
  const { store, chance } = platform;
  let known: readonly KnownNode[];
  try {
    const { asked, nodes } = await asking(async (endpoint, timeoutMs) => ({
      asked: endpoint,
      nodes: (await api.attempt(endpoint, CLUSTER, timeoutMs)).nodes,
    }));
    const insecure = await store.transaction((tx) => readRow(tx, 'insecureHttp'));
    known = nodes
      .flatMap(({ url, up, load }) =>
        usable(url, asked, insecure === true).map((origin) => ({ url: origin, up, load })),
      )
      .slice(0, NODES_MAX);
  } catch (error) {
    if (error instanceof ParleyError) return;
    throw error;
  }
  const urls = known.map(({ url }) => url);
  api.learn(urls);
  if (api.balance !== null) api.prefer(orderNodes(known, api.balance, chance));
  await store.transaction(async (tx) => {
    const before = (await readRow(tx, 'nodes')) ?? [];
    if (before.join() !== urls.join()) writeRow(tx, 'nodes', urls);
  });
}

/** A node that is reached over TLS does not lead to one that is not, and none to one over which others can listen. */
function usable(url: string | null, asked: string, insecureHttp: boolean): string[] {
  if (url === null || !URL.canParse(url)) return [];
  const { protocol, origin } = new URL(url);
  if (protocol === 'https:') return [origin];
  if (protocol !== 'http:' || !asked.startsWith('http:')) return [];
  return insecureHttp || !isReadableOnTheWay(origin) ? [origin] : [];
}
