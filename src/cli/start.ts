/** `npm start`: a cluster on this machine, its nodes restarted when they die, until Ctrl-C. */
import { setTimeout as delay } from 'node:timers/promises';
import { apiUrl, layoutFromEnvironment } from './local-cluster/layout.ts';
import { whenReady } from './local-cluster/ready.ts';
import { Supervisor } from './local-cluster/supervisor.ts';
import { formatTable } from './table.ts';
import { ParleyError } from '../protocol/errors.ts';
import type { ClusterLayout } from './local-cluster/layout.ts';

const READY_MS_MAX = 60_000;
const PID_WAIT_MS_MAX = 10_000;

const say = (sentence: string): void => console.log(sentence);

async function main(): Promise<number> {
  const layout = layoutFromEnvironment(process.env);
  const supervisor = new Supervisor(layout, { registration: 'open', restart: true, say });
  const stopping = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stopping.abort());
  const stopped = new Promise<void>((resolve) => {
    stopping.signal.addEventListener('abort', () => resolve(), { once: true });
  });

  await supervisor.start();
  try {
    await showNodes(layout, supervisor, stopping.signal);
    const ready = await whenReady(layout, { timeoutMs: READY_MS_MAX, signal: stopping.signal });
    if (ready) say('cluster ready');
    else if (!stopping.signal.aborted) {
      say(`The cluster does not serve yet; \`npx chatctl status\` and ${layout.dataDir}/n*/chatd.log tell why.`);
      if (await whenReady(layout, { timeoutMs: Number.POSITIVE_INFINITY, signal: stopping.signal }))
        say('cluster ready');
    }
    await stopped;
  } finally {
    say('stopping …');
    await supervisor.stop();
    say(`stopped; the data stays in ${layout.dataDir}`);
  }
  return 0;
}

/** The table of URLs and process ids, once every node has its nats-server (or is not going to). */
async function showNodes(layout: ClusterLayout, supervisor: Supervisor, signal: AbortSignal): Promise<void> {
  const deadline = performance.now() + PID_WAIT_MS_MAX;
  const waiting = (): boolean => layout.nodes.some(({ name }) => supervisor.child(name)?.natsPid === null);
  while (waiting() && performance.now() < deadline && !signal.aborted) await delay(50);
  const rows = layout.nodes.map((place) => {
    const child = supervisor.child(place.name);
    return [place.name, apiUrl(place), String(child?.pid ?? '–'), String(child?.natsPid ?? '–'), place.dataDir];
  });
  say(formatTable(['node', 'url', 'chatd pid', 'nats pid', 'data'], rows, [2, 3]));
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`parley: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = error instanceof ParleyError ? error.exitCode : 1;
}
// A supervisor that was itself started with a channel would otherwise be kept alive by it.
process.exit();
