import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { ParleyError } from '../../protocol/errors.ts';
import { LOOPBACK } from './layout.ts';
import type { ClusterLayout } from './layout.ts';

/** Makes the data directory and the cluster secret, or checks that what is there fits. Starts nothing. */
export async function preflight(layout: ClusterLayout): Promise<void> {
  checkNodeCount(layout);
  for (const { name, apiPort, natsPort, routePort } of layout.nodes) {
    await checkPort(apiPort, `the API of ${name}`);
    await checkPort(natsPort, `the nats-server of ${name}`);
    await checkPort(routePort, `the NATS routes of ${name}`);
  }
  for (const { dataDir } of layout.nodes) mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  if (!existsSync(layout.secretFile)) {
    writeFileSync(layout.secretFile, `${randomBytes(32).toString('hex')}\n`, { mode: 0o600, flag: 'wx' });
  }
}

/** A cluster has the size it was founded with. @throws ParleyError `usage` */
function checkNodeCount(layout: ClusterLayout): void {
  const file = join(layout.dataDir, 'cluster.json');
  const nodes = layout.nodes.length;
  if (!existsSync(file)) {
    mkdirSync(layout.dataDir, { recursive: true, mode: 0o700 });
    writeFileSync(file, `${JSON.stringify({ nodes })}\n`);
    return;
  }
  const founded: unknown = JSON.parse(readFileSync(file, 'utf8'));
  const size = (founded as { nodes?: unknown }).nodes;
  if (size !== nodes) {
    throw new ParleyError(
      'usage',
      `The cluster in ${layout.dataDir} has ${String(size)} nodes, not ${nodes}: set PARLEY_NODES=${String(size)}, or another PARLEY_DATA for a new cluster.`,
    );
  }
}

/** @throws ParleyError `port_in_use` */
async function checkPort(port: number, what: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const probe = createServer();
    probe.once('error', (cause: NodeJS.ErrnoException) => {
      const reason = cause.code === 'EADDRINUSE' ? 'is taken by another program' : `cannot be opened (${cause.code})`;
      reject(
        new ParleyError('port_in_use', `Port ${port}, for ${what}, ${reason}: stop it or set PARLEY_PORT_BASE.`, {
          cause,
        }),
      );
    });
    probe.listen(port, LOOPBACK, () => probe.close(() => resolve()));
  });
}
