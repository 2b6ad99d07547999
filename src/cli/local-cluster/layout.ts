import { join } from 'node:path';
import { ParleyError } from '../../protocol/errors.ts';
import type { NodeName } from '../../protocol/ids.ts';

export const LOOPBACK = '127.0.0.1';
const NODES_MAX = 9;
const PORT_STRIDE = 100;

export interface NodePlace {
  readonly name: NodeName;
  readonly dataDir: string;
  readonly apiPort: number;
  readonly natsPort: number;
  readonly routePort: number;
}

/** Where a cluster on this machine keeps its data and listens. */
export interface ClusterLayout {
  readonly dataDir: string;
  readonly secretFile: string;
  readonly nodes: readonly NodePlace[];
}

/** Node i serves HTTP on base+i, its NATS clients on base+100+i, its NATS routes on base+200+i. */
export function layoutFrom(options: { dataDir: string; portBase: number; nodes: number }): ClusterLayout {
  const { dataDir, portBase, nodes } = options;
  const places = Array.from({ length: nodes }, (_, i): NodePlace => {
    const n = i + 1;
    return {
      name: `n${n}` as NodeName,
      dataDir: join(dataDir, `n${n}`),
      apiPort: portBase + n,
      natsPort: portBase + PORT_STRIDE + n,
      routePort: portBase + 2 * PORT_STRIDE + n,
    };
  });
  return { dataDir, secretFile: join(dataDir, 'cluster.secret'), nodes: places };
}

/**
 * The layout that `PARLEY_PORT_BASE`, `PARLEY_DATA` and `PARLEY_NODES` describe.
 * @throws ParleyError `usage`
 */
export function layoutFromEnvironment(env: Readonly<Record<string, string | undefined>>): ClusterLayout {
  const nodes = wholeNumber(env, 'PARLEY_NODES', 3, 1, NODES_MAX);
  const portBase = wholeNumber(env, 'PARLEY_PORT_BASE', 8080, 1024, 65_535 - 3 * PORT_STRIDE);
  return layoutFrom({ dataDir: env['PARLEY_DATA'] || '.data', portBase, nodes });
}

export function apiUrl(place: NodePlace): string {
  return `http://${LOOPBACK}:${place.apiPort}`;
}

export function peersFlag(layout: ClusterLayout): string {
  return layout.nodes.map(({ name, routePort }) => `${name}=${LOOPBACK}:${routePort}`).join(',');
}

function wholeNumber(
  env: Readonly<Record<string, string | undefined>>,
  name: string,
  fallback: number,
  min: number,
  max: number,
): number {
  const text = env[name];
  if (text === undefined || text === '') return fallback;
  const value = Number(text);
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new ParleyError('usage', `${name} must be a whole number from ${min} to ${max}; it is “${text}”.`);
  }
  return value;
}
