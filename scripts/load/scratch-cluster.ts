import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { RouteLinks } from '../chaos/route-links.ts';
import { whenReady } from '../../src/cli/local-cluster/ready.ts';
import { freePorts } from '../../src/testing/free-ports.ts';
import { Supervisor } from '../../src/cli/local-cluster/supervisor.ts';
import type { ClusterLayout, NodePlace } from '../../src/cli/local-cluster/layout.ts';
import type { NodeName } from '../../src/protocol/ids.ts';

const START_MS_MAX = 60_000;
const CHATD = fileURLToPath(new URL('../../src/cli/chatd.js', import.meta.url));

export interface ScratchCluster {
  readonly layout: ClusterLayout;
  readonly supervisor: Supervisor;
  /** Between its nodes, where asked for. */
  readonly links: RouteLinks | null;
  /** Stops every node and removes the data, unless told to keep it. */
  close(options?: { readonly keepData: boolean }): Promise<void>;
}

export interface ScratchPlace {
  /** All of it is below this folder. */
  readonly folder: string;
  readonly layout: ClusterLayout;
  readonly limitsFile: string;
}

const MEMORY_FOLDER = '/dev/shm';
/** In memory where the system has such a place: for what should not wait for this machine's disk. */
export const memoryFolder = (): string => (existsSync(MEMORY_FOLDER) ? MEMORY_FOLDER : tmpdir());

/** Free ports of this machine and a temporary folder for a cluster, with rate limits out of the way. */
export async function scratchPlace(size: number, parent = tmpdir()): Promise<ScratchPlace> {
  const folder = mkdtempSync(join(parent, 'parley-cluster-'));
  const dataDir = join(folder, 'data');
  const ports = await freePorts(3 * size);
  const nodes = Array.from({ length: size }, (_, i): NodePlace => {
    const [apiPort, natsPort, routePort] = ports.slice(3 * i, 3 * i + 3);
    const name = `n${i + 1}` as NodeName;
    return { name, dataDir: join(dataDir, name), apiPort: apiPort!, natsPort: natsPort!, routePort: routePort! };
  });
  const limitsFile = join(folder, 'limits.json');
  writeFileSync(limitsFile, JSON.stringify(RAISED_LIMITS));
  return { folder, layout: { dataDir, secretFile: join(dataDir, 'cluster.secret'), nodes }, limitsFile };
}

/**
 * A cluster of real processes on free ports of this machine, with data in a temporary folder and rate limits out of
 * the way: for chaos, benches and tests.
 */
export async function startScratchCluster(options: {
  readonly nodes: number;
  readonly restart: boolean;
  readonly say: (sentence: string) => void;
  /** Compiled `chatd`; needed by callers that are not compiled themselves. */
  readonly chatdFile?: string;
  /** Lets nodes be cut off from each other. */
  readonly withLinks?: boolean;
  /** Leave the nodes' own rate limits in force. */
  readonly keepRateLimits?: boolean;
  /** Further settings of `chatd`, as environment variables. */
  readonly env?: Readonly<Record<string, string>>;
  /** The same, for one of the nodes. */
  readonly envOf?: (place: NodePlace) => Readonly<Record<string, string>>;
}): Promise<ScratchCluster> {
  const { folder, layout, limitsFile } = await scratchPlace(options.nodes);
  const links = options.withLinks === true ? await RouteLinks.open(layout.nodes) : null;
  const supervisor = new Supervisor(layout, {
    registration: 'open',
    restart: options.restart,
    say: options.say,
    chatdFile: options.chatdFile ?? CHATD,
    env: { ...(links === null ? {} : { CHATD_ROUTE_ADVERTISE: links.advertised }), ...options.env },
    envOf: options.envOf,
    peersOf: links === null ? undefined : (place) => links.peersOf(place),
    ...(options.keepRateLimits === true ? {} : { limitsFile }),
  });
  const close = async ({ keepData } = { keepData: false }): Promise<void> => {
    await supervisor.stop();
    await links?.close();
    if (!keepData) rmSync(folder, { recursive: true, force: true });
  };
  try {
    await supervisor.start();
    if (!(await whenReady(layout, { timeoutMs: START_MS_MAX }))) {
      const words = layout.nodes.map(({ name }) => supervisor.child(name)?.lastWords()).filter(Boolean);
      throw new Error(`The cluster did not come up within ${START_MS_MAX / 1000} s. ${words.join(' ')}`);
    }
  } catch (error) {
    await close();
    throw error;
  }
  return { layout, supervisor, links, close };
}

/** Rate limits that no honest load reaches. */
const RAISED_LIMITS = {
  perAccount: { perSecond: 1e6, burst: 1e6 },
  perAddress: { perSecond: 1e6, burst: 1e6 },
  perAddressLogin: { perSecond: 1e6, burst: 1e6 },
};
