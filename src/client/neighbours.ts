import { ParleyError } from '../protocol/errors.ts';
import { cluster as clusterAnswer } from './answers.ts';
import { isReadableOnTheWay } from './plain-http.ts';
import { readRow, writeRow } from './rows.ts';
import type { ApiClient } from './api-client.ts';
import type { Platform } from './platform.ts';

const ASK_MS_MAX = 2_000;
const NODES_MAX = 16;

/**
 * Asks the node at hand where the others are, and remembers it: a client that was told of one node only moves on when
 * that one dies. What cannot be learned now is learned at the next occasion.
 */
export async function learnNodes({ store }: Platform, api: ApiClient): Promise<void> {
  const asked = api.endpoint;
  let urls: readonly string[];
  try {
    const { nodes } = await api.attempt(
      asked,
      { method: 'GET', path: '/v1/cluster', answer: clusterAnswer },
      ASK_MS_MAX,
    );
    const insecure = await store.transaction((tx) => readRow(tx, 'insecureHttp'));
    urls = nodes.flatMap(({ url }) => usable(url, asked, insecure === true)).slice(0, NODES_MAX);
  } catch (error) {
    if (error instanceof ParleyError) return;
    throw error;
  }
  api.learn(urls);
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
