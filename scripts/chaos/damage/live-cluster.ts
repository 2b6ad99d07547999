import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { LiveNode } from './live-node.ts';
import { memoryFolder, scratchPlace } from '../../load/scratch-cluster.ts';
import { preflight } from '../../../src/cli/local-cluster/preflight.ts';
import { LOOPBACK } from '../../../src/cli/local-cluster/layout.ts';
import { whenReady } from '../../../src/cli/local-cluster/ready.ts';
import { ClusterSecret } from '../../../src/node/cluster-secret.ts';
import { startSidecar } from '../../../src/node/transport/sidecar.ts';
import type { ClusterLayout } from '../../../src/cli/local-cluster/layout.ts';
import type { Sidecar } from '../../../src/node/transport/sidecar.ts';

const START_MS_MAX = 60_000;

/**
 * A cluster whose nodes run in this process, on real files, over real nats-servers that stay up: one can be stopped,
 * meddled with and started again in a fraction of a second.
 */
export class LiveCluster {
  readonly layout: ClusterLayout;
  readonly nodes: readonly LiveNode[];
  readonly #folder: string;
  readonly #sidecars: readonly Sidecar[];

  private constructor(folder: string, layout: ClusterLayout, nodes: readonly LiveNode[], sidecars: readonly Sidecar[]) {
    this.#folder = folder;
    this.layout = layout;
    this.nodes = nodes;
    this.#sidecars = sidecars;
  }

  /** Damage is done to what is in files: how long a sync takes does not matter. */
  static async start(size: number): Promise<LiveCluster> {
    const { folder, layout, limitsFile } = await scratchPlace(size, memoryFolder());
    await preflight(layout);
    const sidecars: Sidecar[] = [];
    const secret = ClusterSecret.read(layout.secretFile).derive('transport');
    const peers = layout.nodes.map(({ routePort }) => ({ host: LOOPBACK, port: routePort }));
    for (const [at, { name, natsPort }] of layout.nodes.entries()) {
      const dataDir = join(folder, `nats-${name}`);
      mkdirSync(dataDir);
      const client = { host: LOOPBACK, port: natsPort };
      const logger = pino({ level: 'silent' });
      sidecars.push(await startSidecar({ node: name, dataDir, secret, client, route: peers[at]!, peers, logger }));
    }
    const nodes = layout.nodes.map(
      (place, at) => new LiveNode({ layout, place, limitsFile, natsUrl: sidecars[at]!.clientUrl }),
    );
    const cluster = new LiveCluster(folder, layout, nodes, sidecars);
    try {
      await Promise.all(nodes.map((node) => node.start()));
      if (!(await whenReady(layout, { timeoutMs: START_MS_MAX }))) {
        throw new Error(`The cluster did not come up within ${START_MS_MAX / 1000} s.`);
      }
    } catch (error) {
      await cluster.close({ keepData: false });
      throw error;
    }
    return cluster;
  }

  async close({ keepData }: { readonly keepData: boolean }): Promise<void> {
    for (const node of this.nodes) await node.stop();
    for (const sidecar of this.#sidecars) await sidecar.close();
    if (!keepData) rmSync(this.#folder, { recursive: true, force: true });
  }
}
