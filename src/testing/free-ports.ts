import { createServer } from 'node:net';
import type { Server } from 'node:net';

/** Below the range from which systems take the ports of outgoing connections. */
const FIRST = 20_000;
const STRETCH = 200;
const STRETCHES = 60;
const HOST = '127.0.0.1';

/** Ports of one process: as long as it lives, nobody else is given one of them. */
export class PortStretch {
  readonly #lease: Server;
  readonly #first: number;
  #next = 0;

  private constructor(lease: Server, first: number) {
    this.#lease = lease;
    this.#first = first;
  }

  /**
   * Leases a stretch that nobody has. The lease is a socket that listens on its first port, so it ends with the
   * process, however that ends.
   *
   * @param preferred the number of the stretch that is tried first
   * @throws Error when all stretches are taken
   */
  static async lease(preferred: number): Promise<PortStretch> {
    for (let tries = 0; tries < STRETCHES; tries += 1) {
      const first = FIRST + ((preferred + tries) % STRETCHES) * STRETCH;
      const lease = await listen(first);
      if (lease !== null) return new PortStretch(lease.unref(), first);
    }
    throw new Error('no free ports are left on this machine');
  }

  /** Ports that nobody listens on right now, never the same twice until all were given. */
  async take(count: number): Promise<number[]> {
    const ports: number[] = [];
    for (let tries = 0; ports.length < count; tries += 1) {
      if (tries > STRETCH) throw new Error('no free ports are left for this process');
      const port = this.#first + 1 + (this.#next % (STRETCH - 1));
      this.#next += 1;
      if (await isFree(port)) ports.push(port);
    }
    return ports;
  }

  release(): Promise<void> {
    return close(this.#lease);
  }
}

let ours: Promise<PortStretch> | undefined;

/**
 * Ports of the loopback that nobody uses right now and that no other process is given while this one lives, even
 * while nobody listens on them: a node of a test may be down for a while.
 */
export async function freePorts(count: number): Promise<number[]> {
  ours ??= PortStretch.lease(process.pid);
  return (await ours).take(count);
}

async function isFree(port: number): Promise<boolean> {
  const server = await listen(port);
  if (server !== null) await close(server);
  return server !== null;
}

/** @returns null where the port is taken */
async function listen(port: number): Promise<Server | null> {
  const server = createServer();
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, HOST, resolve);
    });
    return server;
  } catch {
    return null;
  }
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => {
      resolve();
    });
  });
}
