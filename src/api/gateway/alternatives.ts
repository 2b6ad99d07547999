import type { ChatNode } from '../../node/ports.ts';

/** Where else a client may go: nodes that are up, the least loaded first. */
export function alternativesOf(node: Pick<ChatNode, 'name' | 'clusterView'>): string[] {
  return node
    .clusterView()
    .nodes.filter(({ id, up }) => up && id !== node.name)
    .toSorted((a, b) => (a.load?.sockets ?? 0) - (b.load?.sockets ?? 0))
    .flatMap(({ url }) => (url === null ? [] : [url]));
}
