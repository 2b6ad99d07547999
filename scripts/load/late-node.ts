import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { LOOPBACK } from '../../src/cli/local-cluster/layout.ts';
import type { ChildProcess } from 'node:child_process';
import type { ScratchCluster } from './scratch-cluster.ts';

export interface LateNodeOptions {
  readonly name: string;
  /** For the API, its nats-server's clients and its routes. */
  readonly ports: readonly [api: number, nats: number, route: number];
  readonly chatdFile: string;
}

/** A node beside those that founded the cluster, which somebody has to let in. */
export class LateNode {
  readonly name: string;
  readonly dataDir: string;
  readonly url: string;
  readonly #args: readonly string[];
  #child: ChildProcess | null = null;

  constructor({ layout }: ScratchCluster, { name, ports: [api, nats, route], chatdFile }: LateNodeOptions) {
    this.name = name;
    this.dataDir = join(layout.dataDir, name);
    this.url = `http://${LOOPBACK}:${api}`;
    const routes = layout.nodes.map((place) => `${place.name}=${LOOPBACK}:${place.routePort}`);
    this.#args = [
      ...[chatdFile, '--id', name, '--peers', [...routes, `${name}=${LOOPBACK}:${route}`].join(',')],
      ...['--api', `${LOOPBACK}:${api}`, '--nats-port', String(nats), '--data', this.dataDir],
      ...['--cluster-secret-file', layout.secretFile, '--log-level', 'error'],
    ];
  }

  get pid(): number {
    if (this.#child?.pid === undefined) throw new Error(`${this.name} was not started`);
    return this.#child.pid;
  }

  start(): void {
    this.#child = spawn(process.execPath, this.#args, { stdio: ['ignore', 'ignore', 'inherit'] });
  }

  /** What `/readyz` says; empty while nobody listens. */
  async readiness(): Promise<string> {
    return fetch(`${this.url}/readyz`).then(
      (response) => response.text(),
      () => '',
    );
  }

  /** As a machine dies: its nats-server with it. */
  async kill(): Promise<void> {
    const natsPid = Number(readFileSync(join(this.dataDir, 'nats-server.pid'), 'utf8'));
    await this.#end('SIGKILL');
    process.kill(natsPid, 'SIGKILL');
  }

  stop(): Promise<void> {
    return this.#end('SIGTERM');
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await ended;
  }
}
