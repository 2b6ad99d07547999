import { setTimeout as delay } from 'node:timers/promises';
import { apiUrl } from './layout.ts';
import type { ClusterLayout, NodePlace } from './layout.ts';

const POLL_MS = 100;
const REQUEST_MS_MAX = 2_000;

/** Whether this node serves clients right now. */
export async function isReady(place: NodePlace): Promise<boolean> {
  try {
    const response = await fetch(`${apiUrl(place)}/readyz`, { signal: AbortSignal.timeout(REQUEST_MS_MAX) });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}

/** Resolves to true once every given node serves, to false at the deadline or when `signal` aborts. */
export async function whenReady(
  layout: ClusterLayout,
  options: { timeoutMs: number; nodes?: readonly string[]; signal?: AbortSignal },
): Promise<boolean> {
  const deadline = performance.now() + options.timeoutMs;
  const places = layout.nodes.filter(({ name }) => options.nodes?.includes(name) ?? true);
  while (performance.now() < deadline && options.signal?.aborted !== true) {
    const ready = await Promise.all(places.map(isReady));
    if (ready.every(Boolean)) return true;
    await delay(POLL_MS);
  }
  return false;
}
