import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { apiUrl, LOOPBACK, peersFlag } from './layout.ts';
import type { ChildProcess } from 'node:child_process';
import type { ClusterLayout, NodePlace } from './layout.ts';

const CHATD = fileURLToPath(new URL('../chatd.js', import.meta.url));
const LOG_TAIL_BYTES = 4096;

export interface ChildOptions {
  readonly registration: 'open' | 'invite' | 'closed';
  readonly limitsFile?: string | undefined;
  readonly logLevel?: string | undefined;
  /** What a node is told of its peers, where that is not what the layout says. */
  readonly peersOf?: ((place: NodePlace) => string) | undefined;
  /** Compiled `chatd`, where it is not beside this file. */
  readonly chatdFile?: string | undefined;
  /** Further settings, as environment variables. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** The same, for one of them. */
  readonly envOf?: ((place: NodePlace) => Readonly<Record<string, string>>) | undefined;
}

/** One `chatd` process of a cluster on this machine, in a session of its own, logging to `DIR/chatd.log`. */
export class ChildNode {
  readonly place: NodePlace;
  readonly #process: ChildProcess;
  readonly exited: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;

  constructor(layout: ClusterLayout, place: NodePlace, options: ChildOptions) {
    this.place = place;
    const log = openSync(join(place.dataDir, 'chatd.log'), 'a', 0o600);
    const args = [
      options.chatdFile ?? CHATD,
      ...['--id', place.name],
      ...['--peers', options.peersOf?.(place) ?? peersFlag(layout)],
      ...['--api', `${LOOPBACK}:${place.apiPort}`],
      ...['--advertise', apiUrl(place)],
      ...['--nats-port', String(place.natsPort)],
      ...['--data', place.dataDir],
      ...['--cluster-secret-file', layout.secretFile],
      ...['--registration', options.registration],
      ...(options.limitsFile === undefined ? [] : ['--limits', options.limitsFile]),
      ...(options.logLevel === undefined ? [] : ['--log-level', options.logLevel]),
    ];
    // The channel is how chatd notices that its supervisor died; nothing is sent over it.
    const env = { ...process.env, ...options.env, ...options.envOf?.(place) };
    this.#process = spawn(process.execPath, args, { detached: true, stdio: ['ignore', log, log, 'ipc'], env });
    closeSync(log);
    this.exited = new Promise((resolve) => {
      this.#process.once('error', () => resolve({ code: 1, signal: null }));
      this.#process.once('exit', (code, signal) => resolve({ code, signal }));
    });
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  get running(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null && this.#process.pid !== undefined;
  }

  /** Process id of the node's nats-server, as its pid file says; null where there is none. */
  get natsPid(): number | null {
    return readPid(join(this.place.dataDir, 'nats-server.pid'));
  }

  kill(signal: NodeJS.Signals): void {
    if (this.running) this.#process.kill(signal);
  }

  /** The sentence `chatd` ended with, if it said one. */
  lastWords(): string | null {
    const log = join(this.place.dataDir, 'chatd.log');
    if (!existsSync(log)) return null;
    const tail = readFileSync(log).subarray(-LOG_TAIL_BYTES).toString('utf8');
    const words = tail.split('\n').findLast((line) => line.startsWith('chatd: '));
    return words === undefined ? null : words.slice('chatd: '.length);
  }
}

export function readPid(file: string): number | null {
  if (!existsSync(file)) return null;
  const pid = Number(readFileSync(file, 'utf8').trim());
  return Number.isInteger(pid) && pid > 0 ? pid : null;
}
