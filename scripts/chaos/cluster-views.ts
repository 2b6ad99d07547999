import { setTimeout as delay } from 'node:timers/promises';
import { requestJson } from '../load/http.ts';
import { apiUrl } from '../../src/cli/local-cluster/layout.ts';
import type { NodePlace } from '../../src/cli/local-cluster/layout.ts';
import type { ClusterJson } from '../../src/protocol/http/schemas.ts';

/** A cluster, or a node that comes back, serves by then. */
export const SERVE_MS_MAX = 60_000;

/** Whom all these nodes follow, once it is somebody else than `former`. */
export async function findLeader(places: readonly NodePlace[], former: string | null = null): Promise<string> {
  const deadline = performance.now() + SERVE_MS_MAX;
  let views: (ClusterJson | null)[] = [];
  while (performance.now() < deadline) {
    views = await Promise.all(
      places.map((place) => requestJson<ClusterJson>(apiUrl(place), 'GET', '/v1/cluster').catch(() => null)),
    );
    const leader = views[0]?.leader ?? null;
    if (leader !== null && leader !== former && views.every((view) => view?.leader === leader)) return leader;
    await delay(50);
  }
  const seen = places.map(
    ({ name }, i) => `${name} ${views[i] === null ? 'does not answer' : `sees ${views[i]?.leader ?? 'none'}`}`,
  );
  const besides = former === null ? '' : ` other than ${former}`;
  throw new Error(`The nodes agree on no leader${besides} within ${SERVE_MS_MAX / 1000} s: ${seen.join(', ')}.`);
}
