import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { ParleyError } from '../../protocol/errors.ts';
import { LOOPBACK } from './layout.ts';
import type { ClusterLayout } from './layout.ts';

/** Makes the data directory and the cluster secret, or checks that what is there fits. Starts nothing. */
export async function preflight(layout: ClusterLayout): Promise<void> {
  checkData(layout);
  checkNotRunning(layout);
  for (const { name, apiPort, natsPort, routePort } of layout.nodes) {
    await checkPort(apiPort, `the API of ${name}`);
    await checkPort(natsPort, `the nats-server of ${name}`);
    await checkPort(routePort, `the NATS routes of ${name}`);
  }
  makeFolder(layout.dataDir);
  for (const { dataDir } of layout.nodes) makeFolder(dataDir);
  if (!existsSync(sizeFile(layout))) {
    writeFileSync(sizeFile(layout), `${JSON.stringify({ nodes: layout.nodes.length })}\n`);
  }
  if (!existsSync(layout.secretFile)) {
    writeFileSync(layout.secretFile, `${randomBytes(32).toString('hex')}\n`, { mode: 0o600, flag: 'wx' });
  }
}

const sizeFile = ({ dataDir }: ClusterLayout): string => join(dataDir, 'cluster.json');

/** The folder is new or empty, or holds a cluster of this size. @throws ParleyError `usage` */
function checkData(layout: ClusterLayout): void {
  const { dataDir } = layout;
  if (!existsSync(dataDir)) return;
  if (!statSync(dataDir).isDirectory()) throw new ParleyError('usage', `PARLEY_DATA: ${dataDir} is no folder.`);
  if (!existsSync(sizeFile(layout))) {
    if (readdirSync(dataDir).length === 0) return;
    throw new ParleyError('usage', `PARLEY_DATA: ${dataDir} is not empty, and what it holds is no cluster of Parley.`);
  }
  const size = sizeIn(sizeFile(layout));
  if (size === layout.nodes.length) return;
  throw new ParleyError(
    'usage',
    `The cluster in ${dataDir} has ${size} nodes, not ${layout.nodes.length}: set PARLEY_NODES=${size}, ` +
      'or another PARLEY_DATA for a new cluster.',
  );
}

/** The number of nodes a cluster was founded with. */
function sizeIn(file: string): number {
  try {
    const { nodes } = JSON.parse(readFileSync(file, 'utf8')) as { nodes?: unknown };
    if (typeof nodes === 'number') return nodes;
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
  }
  throw new ParleyError('usage', `${file} does not say how many nodes the cluster has: {"nodes":3} is expected.`);
}

/** @throws ParleyError `data_in_use` when a node runs on this data already */
function checkNotRunning({ nodes }: ClusterLayout): void {
  for (const { name, dataDir } of nodes) {
    const file = join(dataDir, 'chatd.pid');
    const pid = existsSync(file) ? Number(readFileSync(file, 'utf8')) : Number.NaN;
    if (Number.isInteger(pid) && isChatd(pid)) {
      throw new ParleyError('data_in_use', `${name} in ${dataDir} runs already (process ${pid}): stop it first.`);
    }
  }
}

/** A number in an old file may be anybody's by now. */
function isChatd(pid: number): boolean {
  const { stdout } = spawnSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' });
  return /\bchatd(\.js)?\b/.test(stdout ?? '');
}

/** One folder at a time: where none can be made, making all at once may go on for ever. */
function makeFolder(path: string): void {
  const folder = resolve(path);
  if (existsSync(folder)) return;
  makeFolder(dirname(folder));
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'EEXIST') return;
    throw new ParleyError('usage', `PARLEY_DATA: the folder ${folder} cannot be made (${code}).`, { cause });
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
