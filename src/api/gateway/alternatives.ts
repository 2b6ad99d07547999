import { loadScore } from '../../protocol/node-load.ts';
import type { ChatNode } from '../../node/ports.ts';

/** Where else a client may go: nodes that are up, the least loaded first, those of unknown load last. */
export function alternativesOf(node: Pick<ChatNode, 'name' | 'clusterView'>): string[] {
  return node
    .clusterView()
    .nodes.filter(({ id, up }) => up && id !== node.name)
    .map(({ url, load }) => ({ url, score: load === null ? Number.MAX_VALUE : loadScore(load) }))
    .toSorted((a, b) => a.score - b.score)
    .flatMap(({ url }) => (url === null ? [] : [url]));
}
