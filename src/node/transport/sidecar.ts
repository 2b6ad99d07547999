import { spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, renameSync, writeFileSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { Logger } from 'pino';
import { ParleyError } from '../../protocol/errors.ts';
import { ClusterKeys } from './cluster-keys.ts';
import { findNatsServer } from './find-nats-server.ts';
import { clusterName, formatHostPort, sidecarConfig, type SidecarConfigOptions } from './sidecar-config.ts';
import { assertPortFree, greetingOf, portInUse } from './sidecar-ports.ts';
import { endProcess, isRunning, isSidecarProcess, readPidFile } from './sidecar-process.ts';

export interface SidecarOptions extends SidecarConfigOptions {
  /** The node's data directory. The caller holds its lock: another node's live sidecar must not be ended here. */
  readonly dataDir: string;
  readonly logger: Logger;
  /** Path of nats-server; found by itself by default. */
  readonly binary?: string | undefined;
}

export interface Sidecar {
  /** Process id of the running nats-server, `undefined` while it is down between two attempts. */
  readonly pid: number | undefined;
  /** What this node's own client connects to. */
  readonly clientUrl: string;
  /** Ends nats-server and removes its pid file. */
  close(): Promise<void>;
}

const START_TIMEOUT_MS = 10_000;
const START_POLL_MS = 15;
const RESTART_DELAY_MS_MIN = 50;
const RESTART_DELAY_MS_MAX = 2_000;
/** A server that lived this long was well; the next restart is quick again. */
const HEALTHY_AFTER_MS = 10_000;
const KEPT_LOG_LINES = 20;

/**
 * Starts this node's nats-server and keeps it running. One that an ended chatd left behind on the same directory is
 * replaced.
 * @throws ParleyError `missing_binary`, `port_in_use`, `usage` (an address that cannot be listened on), `internal`
 */
export async function startSidecar(options: SidecarOptions): Promise<Sidecar> {
  const binary = options.binary ?? (await findNatsServer());
  await mkdir(options.dataDir, { recursive: true });
  const supervisor = new SidecarSupervisor(options, binary);
  await supervisor.start();
  return supervisor;
}

class SidecarSupervisor implements Sidecar {
  readonly clientUrl: string;
  readonly #options: SidecarOptions;
  readonly #binary: string;
  readonly #configPath: string;
  readonly #pidPath: string;
  readonly #log: Logger;
  #child: ChildProcess | undefined;
  #restartTimer: NodeJS.Timeout | undefined;
  #restartDelayMs = RESTART_DELAY_MS_MIN;
  #startedAtMs = 0;
  #started = false;
  #closing = false;
  readonly #lastLines: string[] = [];

  constructor(options: SidecarOptions, binary: string) {
    this.#options = options;
    this.#binary = binary;
    this.#configPath = resolve(options.dataDir, 'nats-server.conf');
    this.#pidPath = join(options.dataDir, 'nats-server.pid');
    this.#log = options.logger.child({ part: 'sidecar' });
    this.clientUrl = `nats://${formatHostPort(options.client)}`;
  }

  /** A node that cannot go on ends without closing anything; its server must not stay behind and hold the ports. */
  readonly #endWithProcess = (): void => {
    this.#child?.kill('SIGTERM');
  };

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  async start(): Promise<void> {
    const config = sidecarConfig(this.#options);
    await this.#replaceOrphan();
    await assertPortFree(this.#options.client, 'clients of nats-server');
    await assertPortFree(this.#options.route, 'routes of nats-server');
    writePrivately(this.#configPath, config);
    process.once('exit', this.#endWithProcess);
    try {
      this.#launch();
      await this.#waitUntilItGreets();
      this.#started = true;
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    process.off('exit', this.#endWithProcess);
    this.#closing = true;
    clearTimeout(this.#restartTimer);
    const child = this.#child;
    if (child?.pid !== undefined && !(await endProcess(child.pid, () => hasEnded(child)))) {
      this.#log.error({ pid: child.pid }, 'nats-server does not end');
    }
    await rm(this.#pidPath, { force: true });
  }

  /** The pid file may be stale and its number reused by anything: only our own server with our own file is ended. */
  async #replaceOrphan(): Promise<void> {
    const pid = await readPidFile(this.#pidPath);
    if (pid === undefined || !(await isSidecarProcess(pid, this.#configPath))) return;
    this.#log.warn({ pid }, 'replacing the nats-server that an earlier chatd left behind');
    if (await endProcess(pid)) return;
    throw new ParleyError('internal', `The nats-server of an earlier start (process ${pid}) does not end.`);
  }

  /** In a session of its own, so that Ctrl-C reaches chatd first, which still needs its transport to say goodbye. */
  #launch(): void {
    const child = spawn(this.#binary, ['--config', this.#configPath], {
      cwd: this.#options.dataDir,
      detached: true,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#child = child;
    this.#startedAtMs = performance.now();
    child.once('error', (error) => {
      this.#log.error({ err: error }, 'nats-server cannot be started');
      // Without a process there is no exit event either.
      if (child.pid === undefined) this.#onEnd(child, null, null);
    });
    child.once('exit', (code, signal) => {
      this.#onEnd(child, code, signal);
    });
    if (child.stderr !== null) {
      createInterface({ input: child.stderr }).on('line', (line) => {
        this.#onLogLine(line);
      });
    }
    if (child.pid !== undefined) writePrivately(this.#pidPath, `${child.pid}\n`);
  }

  #onEnd(child: ChildProcess, code: number | null, signal: NodeJS.Signals | null): void {
    if (this.#child !== child) return;
    this.#child = undefined;
    // During the start, `#waitUntilItGreets` finds out and tells the caller.
    if (this.#closing || !this.#started) return;
    if (performance.now() - this.#startedAtMs > HEALTHY_AFTER_MS) this.#restartDelayMs = RESTART_DELAY_MS_MIN;
    const delayMs = this.#restartDelayMs;
    this.#restartDelayMs = Math.min(delayMs * 2, RESTART_DELAY_MS_MAX);
    this.#log.warn({ code, signal, delayMs }, 'nats-server ended; restarting it');
    this.#restartTimer = setTimeout(() => {
      this.#relaunch();
    }, delayMs);
  }

  #relaunch(): void {
    if (this.#closing) return;
    try {
      this.#launch();
      this.#log.info({ pid: this.pid }, 'nats-server runs again');
    } catch (error) {
      this.#log.error({ err: error }, 'the pid file of nats-server cannot be written');
    }
  }

  async #waitUntilItGreets(): Promise<void> {
    const expectedCluster = clusterName(new ClusterKeys(this.#options.secret));
    const deadlineMs = performance.now() + START_TIMEOUT_MS;
    while (performance.now() < deadlineMs) {
      if (this.#child === undefined) throw this.#startFailure();
      const greeting = await greetingOf(this.#options.client);
      if (greeting?.serverName === this.#options.node && greeting.clusterName === expectedCluster) return;
      await new Promise((done) => {
        setTimeout(done, START_POLL_MS);
      });
    }
    throw new ParleyError('internal', `nats-server does not answer. Its last words: ${this.#lastLines.join(' | ')}`);
  }

  #startFailure(): ParleyError {
    const words = this.#lastLines.join(' | ');
    const taken = /listen tcp ([^ ]+): bind: address already in use/.exec(words)?.[1];
    if (taken !== undefined) return portInUse(taken, 'nats-server');
    return new ParleyError('internal', `nats-server ended at its start. Its last words: ${words}`);
  }

  #onLogLine(line: string): void {
    this.#lastLines.push(line);
    if (this.#lastLines.length > KEPT_LOG_LINES) this.#lastLines.shift();
    if (/\[(ERR|FTL)\]/.test(line)) this.#log.warn({ line }, 'nats-server');
    else this.#log.debug({ line }, 'nats-server');
  }
}

const hasEnded = (child: ChildProcess): boolean =>
  child.exitCode !== null || child.signalCode !== null || child.pid === undefined || !isRunning(child.pid);

/** Nobody else may read it, nobody sees half of it, and chatd cannot end between a start and its pid file. */
function writePrivately(path: string, text: string): void {
  const temporary = `${path}.new`;
  writeFileSync(temporary, text, { mode: 0o600 });
  // The mode above only counts for a file that did not exist.
  chmodSync(temporary, 0o600);
  renameSync(temporary, path);
}
